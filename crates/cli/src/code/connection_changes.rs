//! What differs between a connection of the file and the one that is there.

use serde_json::{Map, Value, json};

use super::diff::{self, Difference};
use super::model::Connection;
use super::plan::Allowed;
use super::secrets::MASK;
use crate::error::Failure;
use crate::references::refers;

/// What differs of a connection.
pub(super) fn connection_changes(
    name: &str,
    present: &Connection,
    wanted: &Connection,
    allowed: Allowed,
) -> Result<Vec<Difference>, Failure> {
    for (what, present, wanted) in [
        ("source", &present.source, &wanted.source),
        ("destination", &present.destination, &wanted.destination),
    ] {
        if present != wanted {
            return Err(Failure::usage(format!(
                "connection `{name}` is there with the {what} `{present}`, and the file has `{wanted}`"
            ))
            .with_hint("source and destination cannot be changed: choose another name, or delete it first"));
        }
    }
    let mut changes = Vec::new();
    let wanted = comparable(wanted, present, allowed);
    let mut before = comparable(present, present, allowed);
    if allowed.update_secrets
        && let Some(Value::Object(streams)) = before.get_mut("streams")
    {
        for mappers in streams.values_mut().filter_map(|stream| stream.get_mut("mappers")) {
            *mappers = with_masks(mappers);
        }
    }
    diff::between(&[], Some(&before), Some(&wanted), &mut changes);
    Ok(changes)
}

/// A connection with its streams by name, tags sorted, and the source's own cursors and keys where none are said.
fn comparable(connection: &Connection, present: &Connection, allowed: Allowed) -> Value {
    let mut streams = Map::new();
    for stream in &connection.streams {
        let mut stream = stream.clone();
        if let Some(other) = present.streams.iter().find(|other| other.id() == stream.id()) {
            if stream.cursor_field.is_empty() {
                stream.cursor_field.clone_from(&other.cursor_field);
            }
            if stream.primary_key.is_empty() {
                stream.primary_key.clone_from(&other.primary_key);
            }
            // Whether the secrets of mappers differ cannot be seen, so they stay unless they are sent anew.
            if stream.mappers.len() == other.mappers.len() && !allowed.update_secrets {
                let pairs = stream.mappers.iter().zip(&other.mappers);
                stream.mappers = pairs.map(|(wanted, present)| with_secrets(wanted, present)).collect();
            }
        }
        stream.fields.sort();
        let key = stream.id().to_string();
        let mut value = json!(stream);
        if let Value::Object(members) = &mut value {
            members.insert("sync_mode".to_owned(), json!(stream.sync_mode));
            members.remove("name");
            members.remove("namespace");
        }
        streams.insert(key, value);
    }
    let mut tags = connection.tags.clone();
    tags.sort();
    json!({
        "enabled": connection.enabled, "schedule": connection.schedule, "prefix": connection.prefix,
        "namespace": connection.namespace, "schema_updates": connection.schema_updates, "tags": tags,
        "streams": streams,
    })
}

/// A mapper with the secrets of the one that is there: what is there refers to nothing else.
fn with_secrets(wanted: &Value, present: &Value) -> Value {
    match (wanted, present) {
        (Value::String(_), Value::String(secret)) if refers(secret) => present.clone(),
        (Value::Object(wanted), Value::Object(present)) => {
            let member = |(name, value): (&String, &Value)| {
                let value =
                    present.get(name).map_or_else(|| value.clone(), |other| with_secrets(value, other));
                (name.clone(), value)
            };
            Value::Object(wanted.iter().map(member).collect())
        }
        _ => wanted.clone(),
    }
}

/// Mappers that are there with masks for their secrets, which differ from whatever the file says.
fn with_masks(present: &Value) -> Value {
    match present {
        Value::String(text) if refers(text) => Value::from(MASK),
        Value::Array(items) => Value::Array(items.iter().map(with_masks).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), with_masks(value))).collect())
        }
        other => other.clone(),
    }
}
