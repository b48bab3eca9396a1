//! The connections of a workspace as the web application lists them: short, in pages that begin behind an item.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::connections::named;
use super::{connectors, read, schema_change};
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::http::tags;
use crate::model::{Actor, Connection, JobKind, JobStatus, Side, Workspace};
use crate::store::{JobQuery, JobSummary};

const SORT_KEYS: &[&str] = &[
    "connectionName_asc",
    "connectionName_desc",
    "sourceName_asc",
    "sourceName_desc",
    "destinationName_asc",
    "destinationName_desc",
    "lastSync_asc",
    "lastSync_desc",
];
const PAGE_SIZE: usize = 20;

/// A connection with what it is sorted and filtered by.
struct Item {
    connection: Connection,
    source: Actor,
    destination: Actor,
    latest: Option<JobSummary>,
}

pub(super) async fn list(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    let kinds = Some(vec![JobKind::Sync, JobKind::Refresh]);
    let workspaces = Some(vec![workspace.id]);
    let jobs = app.store.last_jobs(&JobQuery { workspaces, kinds, ..JobQuery::default() })?;
    let mut items = Vec::new();
    for connection in app.store.all::<Connection>()?.iter() {
        if connection.workspace_id != workspace.id || connection.status == "deprecated" {
            continue;
        }
        let item = Item {
            connection: connection.clone(),
            source: app.actor(Side::Source, connection.source_id)?,
            destination: app.actor(Side::Destination, connection.destination_id)?,
            latest: jobs.get(&connection.id).copied(),
        };
        if item.fits(&body) {
            items.push(item);
        }
    }
    sort(&mut items, body.one_of("sortKey", SORT_KEYS)?.unwrap_or("connectionName_asc"));
    let total = items.len();
    let size = body.given("pageSize").and_then(Value::as_u64);
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE_SIZE);
    if body.given("cursor").is_some() {
        let cursor = body.required_id("cursor")?;
        if let Some(position) = items.iter().position(|item| item.connection.id == cursor) {
            items.drain(..=position);
        }
    }
    let page = items.iter().take(size).map(|item| item.shown(&app)).collect::<Result<Vec<_>, _>>()?;
    Ok(object(json!({"connections": page, "page_size": size, "num_connections": total})))
}

fn sort(items: &mut [Item], key: &str) {
    let (field, direction) = key.split_once('_').unwrap_or((key, "asc"));
    items.sort_by_key(|item| (item.connection.name.to_lowercase(), item.connection.id));
    match field {
        "sourceName" => items.sort_by_key(|item| item.source.name.to_lowercase()),
        "destinationName" => items.sort_by_key(|item| item.destination.name.to_lowercase()),
        "lastSync" => items.sort_by_key(|item| item.latest.as_ref().map(|job| job.created_at)),
        _ => {}
    }
    if direction == "desc" {
        items.reverse();
    }
}

impl Item {
    /// Whether each filter of the body that is given has one of its values here.
    fn fits(&self, body: &Body) -> bool {
        let one_of = |pointer: &str, fits: &dyn Fn(&str) -> bool| {
            let wanted = body.0.pointer(pointer).and_then(Value::as_array);
            wanted.is_none_or(|wanted| wanted.iter().filter_map(Value::as_str).any(fits))
        };
        let term = body.0.pointer("/filters/searchTerm").and_then(Value::as_str).unwrap_or_default();
        let term = term.to_lowercase();
        let names = [&self.connection.name, &self.source.name, &self.destination.name];
        names.iter().any(|name| name.to_lowercase().contains(&term))
            && one_of("/sourceId", &|id| id == self.source.id.to_string())
            && one_of("/destinationId", &|id| id == self.destination.id.to_string())
            && one_of("/filters/sourceDefinitionIds", &|id| id == self.source.definition_id.to_string())
            && one_of("/filters/destinationDefinitionIds", &|id| {
                id == self.destination.definition_id.to_string()
            })
            && one_of("/filters/tagIds", &|id| self.connection.tags.iter().any(|tag| tag.to_string() == id))
            && one_of("/filters/states", &|state| (state == "active") == (self.connection.status == "active"))
            && one_of("/filters/statuses", &|status| status == self.health())
    }

    fn health(&self) -> &'static str {
        match self.latest.as_ref().map(|job| job.status) {
            Some(status) if !status.is_final() => "running",
            _ if self.connection.status != "active" => "paused",
            Some(JobStatus::Failed) => "failed",
            _ => "healthy",
        }
    }

    fn shown(&self, app: &App) -> Result<Value, Refusal> {
        let (schedule_type, schedule_data) = read::schedule(&self.connection.schedule);
        let mut shown = present(json!({
            "connectionId": self.connection.id,
            "name": self.connection.name,
            "status": self.connection.status,
            "scheduleType": schedule_type,
            "scheduleData": schedule_data,
            "latestSyncJobCreatedAt": self.latest.as_ref().map(|job| job.created_at),
            "latestSyncJobStatus": self.latest.as_ref().map(|job| job.status.name()),
            "isSyncing": app.running.job_of(self.connection.id).is_some(),
            "schemaChange": schema_change::word(app, &self.connection, None)?,
            "tags": tags::shown_of(&self.connection, &app.store.list()?),
            "onDemandEnabled": false,
        }));
        for actor in [&self.source, &self.destination] {
            let word = actor.side.word();
            let whole = connectors::read(app, actor)?;
            let (id, definition, name) =
                (format!("{word}Id"), format!("{word}DefinitionId"), format!("{word}Name"));
            shown[word] = json!({
                id.clone(): whole[id], "name": actor.name, definition.clone(): whole[definition],
                name.clone(): whole[name],
            });
            shown[format!("{word}ActorDefinitionVersion")] = connectors::version(app, actor)?;
        }
        Ok(shown)
    }
}
