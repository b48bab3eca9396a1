//! The settings that a connection had when a job ran.

use airbyte_cloud::{ApiRequest, Connection, ConnectionInfo};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::stream_spec::NamespaceDefinition;

/// The kinds of events that can change where data goes.
const CHANGES: [&str; 3] = ["CONNECTION_SETTINGS_UPDATE", "SCHEMA_CONFIG_UPDATE", "CONNECTOR_UPDATE"];

/// Events of a page.
const PAGE: usize = 100;

/// What a connection says about where its streams go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub prefix: Option<String>,
    pub definition: NamespaceDefinition,
    pub format: Option<String>,
}

impl Placement {
    pub(super) fn of(info: &ConnectionInfo) -> Self {
        Self {
            prefix: info.prefix.clone(),
            definition: definition(
                info.namespace_definition.as_ref().map(airbyte_cloud::NamespaceDefinition::as_str),
            ),
            format: info.namespace_format.clone(),
        }
    }
}

fn definition(word: Option<&str>) -> NamespaceDefinition {
    match word {
        Some("destination") => NamespaceDefinition::Destination,
        // The two APIs have different words for it.
        Some("custom_format" | "customformat") => NamespaceDefinition::CustomFormat,
        // The platform takes everything else, nothing included, for the source's own.
        _ => NamespaceDefinition::Source,
    }
}

/// Puts back what was changed since `time`, where the server tells it (`listConnectionEvents` of the Config API), and
/// says what could not be.
pub(super) async fn as_of(
    connection: &Connection,
    placement: &mut Placement,
    time: DateTime<Utc>,
) -> Vec<String> {
    match events_since(connection, time).await {
        Ok(events) => undo(placement, events),
        Err(error) => {
            tracing::debug!(%error, "the connection's events cannot be asked for");
            vec![
                "the server does not tell whether the connection's settings have changed since the job began, so the \
                 present ones are used"
                    .to_owned(),
            ]
        }
    }
}

/// All events of a connection that can have changed something since `time`.
async fn events_since(connection: &Connection, time: DateTime<Utc>) -> airbyte_cloud::Result<Vec<Value>> {
    let mut all = Vec::new();
    loop {
        let request = ApiRequest::post("/connections/events/list").config_api().body(json!({
            "connectionId": connection.id(),
            "eventTypes": CHANGES,
            "createdAtStart": time,
            "pagination": {"pageSize": PAGE, "rowOffset": all.len()},
        }));
        let mut answer = connection.client().request(request).await?;
        let Some(Value::Array(mut events)) = answer.body.get_mut("events").map(Value::take) else { break };
        let is_last = events.len() < PAGE;
        all.append(&mut events);
        if is_last {
            break;
        }
    }
    Ok(all)
}

/// Undoes the changes, the newest first.
fn undo(placement: &mut Placement, mut events: Vec<Value>) -> Vec<String> {
    events.sort_by_key(|event| std::cmp::Reverse(event["createdAt"].as_i64()));
    let mut not_undone = Vec::new();
    for event in events {
        let kind = event["eventType"].as_str().unwrap_or_default();
        match (kind, event.pointer("/summary/patches").and_then(Value::as_object)) {
            ("CONNECTION_SETTINGS_UPDATE", Some(patches)) => {
                for (field, patch) in patches {
                    let Some(before) = patch.get("from") else {
                        not_undone.push(format!("`{field}`"));
                        continue;
                    };
                    let text = before.as_str().map(str::to_owned);
                    match field.as_str() {
                        "prefix" => placement.prefix = text,
                        "namespaceFormat" => placement.format = text,
                        "namespaceDefinition" => placement.definition = definition(text.as_deref()),
                        // Nothing else has to do with where the data is.
                        _ => {}
                    }
                }
            }
            ("CONNECTION_SETTINGS_UPDATE", None) => not_undone.push("its settings".to_owned()),
            ("SCHEMA_CONFIG_UPDATE", _) => not_undone.push("its choice of streams".to_owned()),
            ("CONNECTOR_UPDATE", _) => not_undone.push("the version of a connector".to_owned()),
            _ => {}
        }
    }
    not_undone.sort();
    not_undone.dedup();
    not_undone
        .into_iter()
        .map(|what| {
            format!("the connection has changed since the job began: {what}; the present state is used")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Placement {
        Placement {
            prefix: Some("now_".to_owned()),
            definition: NamespaceDefinition::Destination,
            format: None,
        }
    }

    #[test]
    fn what_was_changed_is_put_back_to_the_oldest_value() {
        let mut placement = now();
        let warnings = undo(
            &mut placement,
            vec![
                json!({"eventType": "CONNECTION_SETTINGS_UPDATE", "createdAt": 1, "summary": {"patches": {
                    "prefix": {"from": "first_", "to": "second_"}, "name": {"from": "a", "to": "b"}}}}),
                json!({"eventType": "CONNECTION_SETTINGS_UPDATE", "createdAt": 2, "summary": {"patches": {
                    "prefix": {"from": "second_", "to": "now_"},
                    "namespaceFormat": {"from": "x_${SOURCE_NAMESPACE}", "to": null},
                    "namespaceDefinition": {"from": "customformat", "to": "destination"}}}}),
            ],
        );
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(placement.prefix.as_deref(), Some("first_"));
        assert_eq!(placement.definition, NamespaceDefinition::CustomFormat);
        assert_eq!(placement.format.as_deref(), Some("x_${SOURCE_NAMESPACE}"));
    }

    #[test]
    fn what_cannot_be_put_back_is_said() {
        let mut placement = now();
        let warnings = undo(
            &mut placement,
            vec![
                json!({"eventType": "SCHEMA_CONFIG_UPDATE", "createdAt": 1, "summary": {}}),
                json!({"eventType": "SYNC_STARTED", "createdAt": 2, "summary": {}}),
                json!({"eventType": "CONNECTION_SETTINGS_UPDATE", "createdAt": 3}),
            ],
        );
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert_eq!(placement.prefix.as_deref(), Some("now_"));
    }
}
