//! What differs between two states of a connection, as far as it can be changed.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use crate::diff::Diff;
use crate::edit::{stream_id, streams_of};
use crate::stream::StreamId;

/// The members of a connection that can be changed.
const MEMBERS: [&str; 9] = [
    "name",
    "status",
    "schedule",
    "prefix",
    "namespaceDefinition",
    "namespaceFormat",
    "nonBreakingSchemaUpdatesBehavior",
    "tags",
    "configurations",
];

/// What changes from one state to the other.
pub(crate) fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Diff {
    let ambiguous = ambiguous([before, after]);
    Diff::between(&comparable(before, &ambiguous), &comparable(after, &ambiguous))
}

/// The texts that stand for more than one of the streams: `users` in `shop`, and one that is called
/// `shop.users`.
fn ambiguous(connections: [&Map<String, Value>; 2]) -> HashSet<String> {
    let streams = connections.into_iter().flat_map(streams_of);
    let ids: BTreeSet<StreamId> = streams.filter_map(|stream| stream_id(&Value::Object(stream))).collect();
    let mut seen = HashSet::new();
    ids.iter().map(StreamId::to_string).filter(|text| !seen.insert(text.clone())).collect()
}

/// How a stream is called in a difference. Only where that could mean another one is it quoted.
fn path_of(id: &StreamId, ambiguous: &HashSet<String>) -> String {
    let text = id.to_string();
    match &id.namespace {
        _ if !ambiguous.contains(&text) => text,
        Some(namespace) => format!("{namespace:?}.{:?}", id.name),
        None => format!("{:?}", id.name),
    }
}

/// What of a connection can be changed, streams by name, so that their order and empty lists make no
/// difference.
fn comparable(connection: &Map<String, Value>, ambiguous: &HashSet<String>) -> Value {
    let mut members = Map::new();
    for name in MEMBERS {
        match (name, connection.get(name)) {
            (_, None | Some(Value::Null)) => {}
            ("configurations", Some(_)) => {
                let streams = streams_of(connection).into_iter().filter_map(|mut stream| {
                    let id = stream_id(&Value::Object(stream.clone()))?;
                    stream.retain(|name, value| {
                        !matches!(name.as_str(), "name" | "namespace")
                            && !value.is_null()
                            && value.as_array().is_none_or(|items| !items.is_empty())
                    });
                    Some((path_of(&id, ambiguous), Value::Object(stream)))
                });
                members.insert("streams".to_owned(), Value::Object(streams.collect()));
            }
            ("schedule", Some(schedule)) => {
                // The server adds the zone, and tells intervals that it does not take back.
                let mut schedule = schedule.clone();
                if let Some(Value::String(cron)) = schedule.get_mut("cronExpression") {
                    *cron = cron.trim_end_matches(" UTC").to_owned();
                }
                members.insert(name.to_owned(), schedule);
            }
            (_, Some(value)) => {
                members.insert(name.to_owned(), value.clone());
            }
        }
    }
    Value::Object(members)
}
