//! Connections, their state and their catalog, as the Config API shows them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connectors;
use super::jobs::started;
use crate::app::App;
use crate::builder::Edition;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::connections::discover;
use crate::http::request::Body;
use crate::http::tags;
use crate::model::{ConfiguredStream, Connection, Job, JobKind, JobStatus, Record, Schedule, Side};
use crate::sources::Stream;

/// An object that the body names; unknown ones have no words on this API.
pub(super) fn named<T: Record>(app: &App, body: &Body, member: &str) -> Result<T, Refusal> {
    let id = body.required_id(member)?;
    match app.store.get(&id.to_string())? {
        Some(object) => Ok(object),
        None if app.edition == Edition::Cloud => Err(Refusal::Role),
        None => Err(Refusal::ErrorId(404)),
    }
}

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let discovered = discovered(&app, &connection).await;
    let mut read = shown(&connection, &discovered, false);
    read["tags"] = json!(tags::shown_of(&connection, &app.store.list()?));
    Ok(object(read))
}

pub(super) async fn statuses(State(app): State<Arc<App>>, body: Body) -> Answer {
    let ids = body.required("connectionIds")?.as_array().cloned().unwrap_or_default();
    let all: Vec<Job> = app.store.list()?;
    let mut statuses = Vec::new();
    for id in &ids {
        let connection: Connection = named(&app, &Body(json!({"connectionId": id})), "connectionId")?;
        let mine: Vec<&Job> = all.iter().filter(|job| job.connection_id == connection.id).collect();
        let active = mine.iter().find(|job| !job.status.is_final());
        let last = mine.iter().rfind(|job| job.status.is_final());
        let last_sync = mine.iter().rfind(|job| job.kind != JobKind::Reset);
        let last_success =
            mine.iter().rfind(|job| job.status == JobStatus::Succeeded && job.kind != JobKind::Reset);
        let status = match (active, last) {
            (Some(job), _) => match job.status {
                JobStatus::Pending => "pending",
                JobStatus::Queued => "queued",
                _ => "running",
            },
            (None, Some(job)) if failed_by_configuration(job) => "failed",
            _ if connection.status != "active" => "paused",
            (None, Some(job)) => match job.status {
                JobStatus::Succeeded if job.kind != JobKind::Reset => "synced",
                JobStatus::Succeeded => "pending",
                _ => "incomplete",
            },
            (None, None) => "pending",
        };
        statuses.push(present(json!({
            "connectionId": connection.id,
            "connectionSyncStatus": status,
            "activeJob": active.map(|job| started(job)["job"].clone()),
            "lastSyncJobId": last_sync.map(|job| job.id),
            "lastSyncAttemptNumber": last_sync.and_then(|job| job.attempts.last()).map(|attempt| attempt.number),
            "lastSyncJobCreatedAt": last_sync.map(|job| job.created_at),
            "lastSuccessfulSync": last_success.map(|job| job.updated_at),
        })));
    }
    Ok(Json(statuses).into_response())
}

fn failed_by_configuration(job: &Job) -> bool {
    let failure = job.attempts.last().and_then(|attempt| attempt.failure.as_ref());
    job.status == JobStatus::Failed && failure.is_some_and(|failure| failure.kind == "config_error")
}

/// The connection with everything that its source offers, selected or not.
pub(super) async fn web_backend(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let discovered = discovered(&app, &connection).await;
    let mut read = shown(&connection, &discovered, true);
    read["tags"] = json!(tags::shown_of(&connection, &app.store.list()?));
    let jobs: Vec<Job> = app.store.list()?;
    let latest = jobs.iter().rfind(|job| job.connection_id == connection.id && job.kind != JobKind::Reset);
    for (side, id) in [(Side::Source, connection.source_id), (Side::Destination, connection.destination_id)] {
        let actor = app.actor(side, id)?;
        read[side.word()] = connectors::read(&actor);
        read[format!("{}ActorDefinitionVersion", side.word())] = connectors::version(&actor);
    }
    read["createdAt"] = json!(connection.created_at);
    read["notifySchemaChanges"] = json!(false);
    read["notifySchemaChangesByEmail"] = json!(false);
    read["onDemandEnabled"] = json!(false);
    read["nonBreakingChangesPreference"] =
        json!(connection.non_breaking_schema_updates.replace("disable_connection", "disable"));
    read["isSyncing"] = json!(app.running.job_of(connection.id).is_some());
    read["schemaChange"] = json!("no_change");
    if let Some(job) = latest {
        read["latestSyncJobCreatedAt"] = json!(job.created_at);
        read["latestSyncJobStatus"] = json!(job.status.name());
    }
    Ok(object(read))
}

/// What the source offers, or nothing if it cannot be asked now: the stored selection is still shown.
async fn discovered(app: &App, connection: &Connection) -> Vec<Stream> {
    match app.actor(Side::Source, connection.source_id) {
        Ok(source) => discover(app, &source).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

fn shown(connection: &Connection, discovered: &[Stream], with_unselected: bool) -> Value {
    let (schedule_type, schedule_data) = match &connection.schedule {
        Schedule::Manual => ("manual", Value::Null),
        Schedule::Cron { expression } => {
            ("cron", json!({"cron": {"cronExpression": expression, "cronTimeZone": "UTC"}}))
        }
    };
    let selected = |stream: &Stream| {
        connection.streams.iter().find(|one| one.name == stream.name && one.namespace == stream.namespace)
    };
    let streams: Vec<Value> = discovered
        .iter()
        .filter(|stream| with_unselected || selected(stream).is_some())
        .map(|stream| shown_stream(stream, selected(stream)))
        .collect();
    present(json!({
        "connectionId": connection.id,
        "name": connection.name,
        "sourceId": connection.source_id,
        "destinationId": connection.destination_id,
        "status": connection.status,
        "namespaceDefinition": connection.namespace_definition.replace('_', ""),
        "namespaceFormat": connection.namespace_format,
        "prefix": connection.prefix,
        "syncCatalog": {"streams": streams},
        "scheduleType": schedule_type,
        "scheduleData": schedule_data,
        "operationIds": Vec::<Uuid>::new(),
        "breakingChange": false,
    }))
}

fn shown_stream(stream: &Stream, selected: Option<&ConfiguredStream>) -> Value {
    let mode = selected.map_or("full_refresh_overwrite", |one| one.sync_mode.as_str());
    let sync_mode = if mode.starts_with("incremental") { "incremental" } else { "full_refresh" };
    let destination_mode = match mode {
        "incremental_deduped_history" => "append_dedup",
        "full_refresh_overwrite_deduped" => "overwrite_dedup",
        mode if mode.ends_with("append") => "append",
        _ => "overwrite",
    };
    let supported: &[&str] =
        if stream.incremental { &["full_refresh", "incremental"] } else { &["full_refresh"] };
    let fields = selected.and_then(|one| one.selected_fields.as_ref());
    json!({
        "stream": present(json!({
            "name": stream.name,
            "namespace": stream.namespace,
            "jsonSchema": stream.json_schema(),
            "supportedSyncModes": supported,
            "sourceDefinedCursor": !stream.cursor.is_empty(),
            "defaultCursorField": stream.cursor,
            "sourceDefinedPrimaryKey": stream.primary_key,
        })),
        "config": {
            "selected": selected.is_some(),
            "syncMode": sync_mode,
            "destinationSyncMode": destination_mode,
            "cursorField": selected.map_or(&stream.cursor, |one| &one.cursor_field),
            "primaryKey": selected.map_or(&stream.primary_key, |one| &one.primary_key),
            "aliasName": stream.name,
            "fieldSelectionEnabled": fields.is_some(),
            "selectedFields": fields.into_iter().flatten().map(|field| json!({"fieldPath": [field]})).collect::<Vec<_>>(),
        },
    })
}
