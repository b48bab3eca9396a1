//! Connections.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::TheCaller;
use super::answer::{Answer, Refusal, object, present};
use super::page::{Page, ids, joined};
use super::request::{Body, Parameters};
use super::workspaces::ListQuery;
use super::{schedules, tags};
use crate::app::App;
use crate::model::{Actor, ConfiguredStream, Connection, Schedule, Side, Tag};
use crate::sources::Stream;
use crate::{catalog, connectors, jobs, mappers, schema};

pub(super) const TYPE: &str = "STANDARD_SYNC";
pub(super) const STATUSES: &[&str] = &["active", "inactive", "deprecated", "locked"];
const NAMESPACES: &[&str] = &["source", "destination", "custom_format"];
const SCHEMA_UPDATES: &[&str] = &["ignore", "disable_connection", "propagate_columns", "propagate_fully"];

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    RawQuery(raw): RawQuery,
    Parameters(query): Parameters<ListQuery>,
) -> Answer {
    let page = Page::new(query.limit, query.offset)?;
    let asked = joined(raw.as_deref(), "workspaceIds");
    let workspaces = app.listed_workspaces(&caller, raw.as_deref())?;
    let wanted = ids(raw.as_deref(), "tagIds")?;
    let tags = app.store.list()?;
    let all = app.store.all::<Connection>()?;
    let found = all
        .iter()
        .filter(|connection| workspaces.as_ref().is_none_or(|ids| ids.contains(&connection.workspace_id)))
        .filter(|connection| query.include_deleted || connection.status != "deprecated")
        .filter(|connection| wanted.is_empty() || wanted.iter().any(|tag| connection.tags.contains(tag)));
    // The list alone shows the keys of mappers, as the server does.
    let shown = |connection| shown(connection, &tags);
    Ok(page.answer(&app, "connections", &query.kept(asked.as_ref()), found, shown))
}

pub(super) async fn get(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    let connection: Connection = app.find(app.path_id(&id)?, TYPE)?;
    Ok(object(shown(&masked(connection), &app.store.list()?)))
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    let schedule = schedules::asked(&app, &body)?.unwrap_or(Schedule::Manual);
    let destination = app.actor(Side::Destination, body.required_id("destinationId")?)?;
    let source = app.actor(Side::Source, body.required_id("sourceId")?)?;
    let discovered = discover(&app, &source).await?;
    let streams = match requested_streams(&body)? {
        [] => catalog::by_default(&discovered),
        requested => catalog::configure(requested, &discovered, slug(&destination))?,
    };
    let streams = mappers::unmasked(streams, &[])?;
    if source.workspace_id != destination.workspace_id {
        return Err(Refusal::unexplained());
    }
    // The server reads a null over its own default, and fails.
    let is_null = |name: &&str| body.0.get(*name).is_some_and(Value::is_null);
    if ["namespaceDefinition", "nonBreakingSchemaUpdatesBehavior"].iter().any(is_null) {
        return Err(app.server_error(400));
    }
    let connection = Connection {
        id: Uuid::new_v4(),
        workspace_id: source.workspace_id,
        source_id: source.id,
        destination_id: destination.id,
        name: body
            .text("name")?
            .map_or_else(|| format!("{} <> {}", source.name, destination.name), str::to_owned),
        status: body.one_of("status", STATUSES)?.unwrap_or("active").to_owned(),
        schedule,
        streams,
        namespace_definition: body
            .one_of("namespaceDefinition", NAMESPACES)?
            .unwrap_or("destination")
            .to_owned(),
        namespace_format: body.text("namespaceFormat")?.map(str::to_owned),
        prefix: Some(body.text("prefix")?.unwrap_or_default().to_owned()),
        non_breaking_schema_updates: body
            .one_of("nonBreakingSchemaUpdatesBehavior", SCHEMA_UPDATES)?
            .unwrap_or("ignore")
            .to_owned(),
        tags: tags::requested(&app, &body)?.unwrap_or_default(),
        created_at: app.now(),
        is_deleted: false,
        catalog_id: schema::latest(&app, source.id)?.map(|catalog| catalog.id),
        is_broken: false,
    };
    app.store.put(&connection)?;
    Ok(object(shown(&masked(connection), &app.store.list()?)))
}

pub(super) async fn patch(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Answer {
    let schedule = schedules::asked(&app, &body)?;
    let id = app.path_id(&id)?;
    let connection = unlocked(&app, id)?;
    let status = body.one_of("status", STATUSES)?;
    let namespace_definition = body.one_of("namespaceDefinition", NAMESPACES)?;
    let schema_updates = body.one_of("nonBreakingSchemaUpdatesBehavior", SCHEMA_UPDATES)?;
    let requested = requested_streams(&body)?;
    let streams = if requested.is_empty() {
        None
    } else {
        let source = app.actor(Side::Source, connection.source_id)?;
        let destination = app.actor(Side::Destination, connection.destination_id)?;
        let discovered = discover(&app, &source).await?;
        Some(catalog::configure(requested, &discovered, slug(&destination))?)
    };
    app.store.change(|| {
        // Others may have changed it while the source was asked.
        let mut connection = unlocked(&app, id)?;
        let before = connection.clone();
        if let Some(streams) = streams {
            connection.streams = mappers::unmasked(streams, &before.streams)?;
            connection.catalog_id = schema::latest(&app, connection.source_id)?.map(|catalog| catalog.id);
            connection.is_broken = false;
        }
        let set = |field: &mut String, value: Option<&str>| {
            if let Some(value) = value {
                value.clone_into(field);
            }
        };
        set(&mut connection.name, body.text("name")?);
        set(&mut connection.status, status);
        set(&mut connection.namespace_definition, namespace_definition);
        set(&mut connection.non_breaking_schema_updates, schema_updates);
        connection.namespace_format =
            body.text("namespaceFormat")?.map(str::to_owned).or(connection.namespace_format);
        connection.prefix = body.text("prefix")?.map(str::to_owned).or(connection.prefix);
        connection.schedule = schedule.unwrap_or(connection.schedule);
        connection.tags = tags::requested(&app, &body)?.unwrap_or(connection.tags);
        jobs::forget_changed_modes(&app, &before, &connection)?;
        app.store.put(&connection)?;
        if connection.status == "inactive" {
            jobs::cancel_queued(&app, connection.id)?;
        }
        Ok(object(shown(&masked(connection), &app.store.list()?)))
    })
}

/// A connection that may be changed.
fn unlocked(app: &App, id: Uuid) -> Result<Connection, Refusal> {
    let connection: Connection = app.find(id, TYPE)?;
    if connection.status == "locked" { Err(Refusal::locked(id)) } else { Ok(connection) }
}

pub(super) async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    app.store.change(|| {
        let connection: Connection = app.find(app.path_id(&id)?, TYPE)?;
        deprecate(&app, connection)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// Deletes a connection as the server does: it stays readable, and its job is cancelled without waiting.
pub(super) fn deprecate(app: &App, connection: Connection) -> Result<(), Refusal> {
    jobs::cancel_soon(app, connection.id);
    jobs::forget_refreshes(app, connection.id)?;
    app.store.put(&Connection { status: "deprecated".to_owned(), is_deleted: true, ..connection })?;
    Ok(())
}

fn requested_streams(body: &Body) -> Result<&[Value], Refusal> {
    let wrong = || Refusal::Framework("`configurations` has no list of streams".to_owned());
    let Some(configurations) = body.given("configurations") else { return Ok(&[]) };
    match configurations.as_object().ok_or_else(wrong)?.get("streams") {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(streams)) => Ok(streams),
        Some(_) => Err(wrong()),
    }
}

pub(super) fn slug(actor: &Actor) -> &'static str {
    connectors::by_definition(actor.side, actor.definition_id).map_or("", |connector| connector.slug)
}

/// Runs discover, as the server does while the caller waits.
pub(super) async fn discover(app: &App, source: &Actor) -> Result<Vec<Stream>, Refusal> {
    let failed =
        |reason: &str| Refusal::unexpected(&format!("Something went wrong in the connector. logs:{reason}"));
    let opened = app.open_source(source).map_err(|error| failed(&error.0))?;
    let found = tokio::task::spawn_blocking(move || opened.discover()).await;
    let streams = found.map_err(|error| failed(&error.to_string()))?.map_err(|error| failed(&error.0))?;
    schema::remember(app, source.id, &streams)?;
    Ok(streams)
}

/// The connection without the keys of its mappers.
fn masked(mut connection: Connection) -> Connection {
    for mapper in connection.streams.iter_mut().flat_map(|stream| &mut stream.mappers) {
        *mapper = mappers::masked(std::mem::take(mapper));
    }
    connection
}

fn shown(connection: &Connection, tags: &[Tag]) -> Value {
    let schedule = match &connection.schedule {
        Schedule::Manual => json!({"scheduleType": "manual"}),
        Schedule::Cron { expression, zone } => {
            json!({"scheduleType": "cron", "cronExpression": format!("{expression} {zone}")})
        }
        Schedule::Basic { units, unit } => {
            let timing = format!("Every {units} {}", unit.to_uppercase());
            json!({"scheduleType": "basic", "basicTiming": timing})
        }
    };
    present(json!({
        "connectionId": connection.id,
        "name": connection.name,
        "sourceId": connection.source_id,
        "destinationId": connection.destination_id,
        "workspaceId": connection.workspace_id,
        "status": connection.status,
        "schedule": schedule,
        "configurations": {"streams": connection.streams.iter().map(shown_stream).collect::<Vec<_>>()},
        "createdAt": connection.created_at,
        "tags": tags::shown_of(connection, tags),
        "nonBreakingSchemaUpdatesBehavior": connection.non_breaking_schema_updates,
        "namespaceDefinition": connection.namespace_definition,
        "namespaceFormat": connection.namespace_format,
        "prefix": connection.prefix,
    }))
}

fn shown_stream(stream: &ConfiguredStream) -> Value {
    let selected: Vec<Value> =
        stream.selected_fields.iter().flatten().map(|field| json!({"fieldPath": [field]})).collect();
    present(json!({
        "name": stream.name,
        "namespace": stream.namespace,
        "syncMode": stream.sync_mode,
        "cursorField": stream.cursor_field,
        "primaryKey": stream.primary_key,
        "selectedFields": selected,
        "mappers": stream.mappers,
    }))
}
