//! Connections as the web application reads and writes them: with everything that their source offers.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::connections::named;
use super::{connectors, read, schema_change, start, update};
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::jobs;
use crate::model::{ConfiguredStream, Connection, JobKind, JobStatus, Side};
use crate::schema;
use crate::store::JobQuery;

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let mut connection: Connection = named(&app, &body, "connectionId")?;
    let refreshes = body.given("withRefreshedCatalog") == Some(&Value::Bool(true));
    let refreshed = if refreshes { schema_change::refresh(&app, &mut connection).await? } else { None };
    let mut shown = shown(&app, &connection, refreshed.as_ref()).await?;
    if let Some(refreshed) = &refreshed {
        shown["catalogDiff"] = read::diff(&refreshed.changes);
        shown["catalogId"] = json!(refreshed.catalog.id);
    }
    Ok(object(shown))
}

/// Changes the connection. Unless `skipReset` is true, streams whose data would no longer fit are read again, or
/// emptied where the destination knows no refreshes.
pub(super) async fn update(State(app): State<Arc<App>>, body: Body) -> Answer {
    let (before, connection) = update::apply(&app, &body)?;
    let skips = body.given("skipReset") == Some(&Value::Bool(true));
    if body.given("syncCatalog").is_some() && !skips {
        adapt_data(&app, &before, &connection).await?;
    }
    Ok(object(shown(&app, &connection, None).await?))
}

/// Has the data of changed streams read again or removed.
async fn adapt_data(app: &Arc<App>, before: &Connection, after: &Connection) -> Result<(), Refusal> {
    let old = schema::of_connection(app, before)?.map(|catalog| catalog.streams);
    let new = schema::of_connection(app, after)?.map(|catalog| catalog.streams);
    let retyped = schema::changes(
        old.as_deref().unwrap_or_default(),
        new.as_deref().or(old.as_deref()).unwrap_or_default(),
        &after.streams,
    );
    let same = |one: &ConfiguredStream, other: &ConfiguredStream| {
        one.name == other.name && one.namespace == other.namespace
    };
    let is_retyped = |stream: &ConfiguredStream| {
        retyped.iter().any(|change| change.is_of_fields() && stream.is_of(change.stream()))
    };
    let mut affected: Vec<ConfiguredStream> = Vec::new();
    for stream in &after.streams {
        match before.streams.iter().find(|old| same(old, stream)) {
            Some(old) if old.has_same_data_as(stream) && !is_retyped(stream) => {}
            _ => affected.push(stream.clone()),
        }
    }
    let removed = before.streams.iter().filter(|old| !after.streams.iter().any(|stream| same(old, stream)));
    affected.extend(removed.cloned());
    if affected.is_empty() || after.is_deleted {
        return Ok(());
    }
    let affected = Connection { streams: affected, ..after.clone() };
    if start::supports_refreshes(app, after)? {
        let names: Vec<_> =
            affected.streams.into_iter().map(|stream| (stream.name, stream.namespace)).collect();
        jobs::start_refresh(app, after, Some(&names), false)?;
    } else {
        jobs::start_reset(app, &affected, None).await?;
    }
    Ok(())
}

/// The connection with both of its sides, and with what its source offers, selected or not.
pub(super) async fn shown(
    app: &App,
    connection: &Connection,
    refreshed: Option<&schema_change::Refreshed>,
) -> Result<Value, Refusal> {
    let streams = match refreshed {
        Some(refreshed) => refreshed.catalog.streams.clone(),
        None => read::known_streams(app, connection).await?,
    };
    let mut read = read::connection(app, connection, &streams, true)?;
    let latest = app.store.first_job(&JobQuery::newest(connection.id, &JobKind::MOVING, &JobStatus::ALL))?;
    for (side, id) in [(Side::Source, connection.source_id), (Side::Destination, connection.destination_id)] {
        let actor = app.actor(side, id)?;
        read[side.word()] = connectors::read(app, &actor)?;
        read[format!("{}ActorDefinitionVersion", side.word())] = connectors::version(app, &actor)?;
    }
    // Spelled otherwise in this answer.
    if let Value::Object(members) = &mut read {
        for name in ["created_at", "sourceCatalogId", "workspaceId", "breakingChange"] {
            members.remove(name);
        }
    }
    read["createdAt"] = json!(connection.created_at);
    read["catalogId"] = json!(connection.catalog_id);
    read["onDemandEnabled"] = json!(false);
    read["operations"] = json!([]);
    read["isSyncing"] = json!(app.running.job_of(connection.id).is_some());
    read["schemaChange"] = json!(schema_change::word(app, connection, refreshed)?);
    if let Some(job) = latest {
        read["latestSyncJobCreatedAt"] = json!(job.created_at);
        read["latestSyncJobStatus"] = json!(job.status.name());
    }
    Ok(read)
}
