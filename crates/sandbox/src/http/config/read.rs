//! A connection and its streams, as the Config API shows them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::sync_mode;
use crate::app::App;
use crate::http::answer::{Refusal, present};
use crate::http::connections::{discover, slug};
use crate::http::tags;
use crate::model::{ConfiguredStream, Connection, Schedule, Side};
use crate::schema::{self, FieldChange, StreamChange};
use crate::sources::Stream;
use crate::{catalog, mappers};

/// What the connection was set up for. One that has never been is set up for what its source offers now.
pub(super) async fn known_streams(app: &App, connection: &Connection) -> Result<Vec<Stream>, Refusal> {
    if let Some(catalog) = schema::of_connection(app, connection)? {
        return Ok(catalog.streams);
    }
    // A source that cannot be asked now takes nothing from the stored selection.
    match app.actor(Side::Source, connection.source_id) {
        Ok(source) => Ok(discover(app, &source).await.unwrap_or_default()),
        Err(_) => Ok(Vec::new()),
    }
}

/// The connection with the selected ones of these streams, or with all of them.
pub(super) fn connection(
    app: &App,
    connection: &Connection,
    streams: &[Stream],
    with_unselected: bool,
) -> Result<Value, Refusal> {
    let destination = app.actor(Side::Destination, connection.destination_id)?;
    let destination = slug(&destination);
    let (schedule_type, schedule_data) = schedule(&connection.schedule);
    let mut shown: Vec<Value> = Vec::new();
    for stream in streams {
        let selected = connection.streams.iter().find(|one| one.is_of(stream));
        if with_unselected || selected.is_some() {
            shown.push(stream_of(stream, selected, Some(destination)));
        }
    }
    for lost in connection.streams.iter().filter(|one| !streams.iter().any(|stream| one.is_of(stream))) {
        shown.push(stream_of(&Stream::unknown(&lost.name, lost.namespace.clone()), Some(lost), None));
    }
    Ok(present(json!({
        "connectionId": connection.id,
        "name": connection.name,
        "sourceId": connection.source_id,
        "destinationId": connection.destination_id,
        "workspaceId": connection.workspace_id,
        "status": connection.status,
        "namespaceDefinition": connection.namespace_definition.replace('_', ""),
        "namespaceFormat": connection.namespace_format,
        "prefix": connection.prefix,
        "syncCatalog": {"streams": shown},
        "scheduleType": schedule_type,
        "scheduleData": schedule_data,
        "operationIds": Vec::<Uuid>::new(),
        "sourceCatalogId": connection.catalog_id,
        "breakingChange": connection.is_broken,
        "notifySchemaChanges": false,
        "notifySchemaChangesByEmail": false,
        "nonBreakingChangesPreference": preference(connection),
        "created_at": connection.created_at,
        "tags": tags::shown_of(connection, &app.store.list()?),
    })))
}

/// What is done about a change of the source's schema, by its name here.
pub(super) fn preference(connection: &Connection) -> &str {
    match connection.non_breaking_schema_updates.as_str() {
        "disable_connection" => "disable",
        other => other,
    }
}

pub(super) fn schedule(schedule: &Schedule) -> (&'static str, Value) {
    match schedule {
        Schedule::Manual => ("manual", Value::Null),
        Schedule::Cron { expression, zone } => {
            ("cron", json!({"cron": {"cronExpression": expression, "cronTimeZone": zone}}))
        }
        Schedule::Basic { units, unit } => {
            ("basic", json!({"basicSchedule": {"units": units, "timeUnit": unit}}))
        }
    }
}

/// A stream with its configuration, or with the one it would get if it were selected.
pub(super) fn stream_of(
    stream: &Stream,
    selected: Option<&ConfiguredStream>,
    destination: Option<&str>,
) -> Value {
    let mode = selected.map_or(catalog::default_mode(stream, destination), |one| one.sync_mode.as_str());
    let (sync_mode, destination_mode) = sync_mode::pair(mode);
    let supported: &[&str] =
        if stream.incremental { &["full_refresh", "incremental"] } else { &["full_refresh"] };
    let fields = selected.and_then(|one| one.selected_fields.as_ref());
    let mappers: Vec<Value> =
        selected.into_iter().flat_map(|one| &one.mappers).cloned().map(mappers::masked).collect();
    let paths: Vec<Value> = fields.into_iter().flatten().map(|field| json!({"fieldPath": [field]})).collect();
    json!({
        "stream": present(json!({
            "name": stream.name,
            "namespace": stream.namespace,
            "jsonSchema": stream.json_schema(),
            "supportedSyncModes": supported,
            "sourceDefinedCursor": !stream.cursor.is_empty(),
            "defaultCursorField": stream.cursor,
            "sourceDefinedPrimaryKey": stream.primary_key,
            "isResumable": false,
            "isFileBased": false,
        })),
        "config": {
            "selected": selected.is_some(),
            "syncMode": sync_mode,
            "destinationSyncMode": destination_mode,
            "cursorField": selected.map_or(stream.cursor.as_slice(), |one| one.cursor_in(stream)),
            "primaryKey": selected.map_or(stream.primary_key.as_slice(), |one| one.key_in(stream)),
            "aliasName": stream.name,
            "fieldSelectionEnabled": fields.is_some(),
            "selectedFields": paths,
            "mappers": mappers,
        },
    })
}

/// Changes of a schema in the server's form.
pub(super) fn diff(changes: &[StreamChange]) -> Value {
    let transforms: Vec<Value> = changes
        .iter()
        .map(|change| {
            let stream = change.stream();
            let (kind, update) = match change {
                StreamChange::Added(_) => ("add_stream", Value::Null),
                StreamChange::Removed(_) => ("remove_stream", Value::Null),
                StreamChange::Changed(_, fields) => {
                    let fields: Vec<Value> = fields.iter().map(field_change).collect();
                    ("update_stream", json!({"fieldTransforms": fields, "streamAttributeTransforms": []}))
                }
            };
            present(json!({
                "transformType": kind,
                "streamDescriptor": present(json!({"name": stream.name, "namespace": stream.namespace})),
                "updateStream": update,
            }))
        })
        .collect();
    json!({"transforms": transforms})
}

fn field_change(change: &FieldChange) -> Value {
    match change {
        FieldChange::Added(field) => json!({
            "transformType": "add_field", "fieldName": [field.name], "breaking": false,
            "addField": {"schema": field.schema},
        }),
        FieldChange::Removed { field, breaks } => json!({
            "transformType": "remove_field", "fieldName": [field.name], "breaking": breaks,
            "removeField": {"schema": field.schema},
        }),
        FieldChange::Retyped { old, new } => json!({
            "transformType": "update_field_schema", "fieldName": [new.name], "breaking": false,
            "updateFieldSchema": {"oldSchema": old.schema, "newSchema": new.schema},
        }),
    }
}
