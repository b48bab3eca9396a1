//! The sources or destinations of a workspace, in pages that begin behind an item.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::connections::named;
use super::connectors::read;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::model::{Actor, Connection, Side, Workspace};
use crate::store::JobQuery;

const SORT_KEYS: &[&str] = &[
    "actorName_asc",
    "actorName_desc",
    "actorDefinitionName_asc",
    "actorDefinitionName_desc",
    "lastSync_asc",
    "lastSync_desc",
];
const PAGE_SIZE: usize = 20;

type Done = BoxFuture<'static, Answer>;

pub(super) fn list(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let workspace: Workspace = named(&app, &body, "workspaceId")?;
            let mut items = items(&app, side, &workspace)?;
            filter(&mut items, &body);
            sort(&mut items, body.one_of("sortKey", SORT_KEYS)?.unwrap_or("actorName_asc"));
            let total = items.len();
            let size = body.given("pageSize").and_then(Value::as_u64);
            let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE_SIZE);
            if body.given("cursor").is_some() {
                let cursor = body.required_id("cursor")?;
                if let Some(position) = items.iter().position(|item| item.actor.id == cursor) {
                    items.drain(..=position);
                }
            }
            let page: Vec<Value> = items.into_iter().take(size).map(Item::shown).collect();
            Ok(object(
                json!({format!("{}s", side.word()): page, "page_size": size, "num_connections": total}),
            ))
        })
    }
}

/// A source or destination with what is told of its connections.
struct Item {
    actor: Actor,
    /// As everywhere else.
    read: Value,
    connector: String,
    connections: u32,
    has_active: bool,
    last_sync: Option<i64>,
    statuses: BTreeMap<&'static str, u32>,
}

fn items(app: &App, side: Side, workspace: &Workspace) -> Result<Vec<Item>, Refusal> {
    let (actors, connections) = (app.store.all::<Actor>()?, app.store.all::<Connection>()?);
    let workspaces = Some(vec![workspace.id]);
    let jobs = app.store.last_jobs(&JobQuery { workspaces, ..JobQuery::default() })?;
    let mut items = Vec::new();
    for actor in actors.iter().filter(|one| one.side == side && one.workspace_id == workspace.id) {
        if actor.configuration.is_none() {
            continue;
        }
        let read = read(app, actor)?;
        let mut item = Item {
            actor: actor.clone(),
            connector: read[format!("{}Name", side.word())].as_str().unwrap_or_default().to_owned(),
            read,
            connections: 0,
            has_active: false,
            last_sync: None,
            statuses: BTreeMap::new(),
        };
        let is_its = |one: &&Connection| {
            [one.source_id, one.destination_id].contains(&actor.id) && one.status != "deprecated"
        };
        for connection in connections.iter().filter(is_its) {
            item.connections += 1;
            item.has_active |= connection.status == "active";
            if let Some(last) = jobs.get(&connection.id) {
                item.last_sync = item.last_sync.max(Some(last.created_at));
                *item.statuses.entry(last.status.name()).or_default() += 1;
            }
        }
        items.push(item);
    }
    Ok(items)
}

/// Keeps the items whose name, or whose connector's, has the search term, and that are in one of the states.
fn filter(items: &mut Vec<Item>, body: &Body) {
    let term = body.0.pointer("/filters/searchTerm").and_then(Value::as_str).unwrap_or_default();
    let term = term.to_lowercase();
    let states = body.0.pointer("/filters/states").and_then(Value::as_array);
    items.retain(|item| {
        let state = if item.has_active { "active" } else { "inactive" };
        [&item.actor.name, &item.connector].iter().any(|name| name.to_lowercase().contains(&term))
            && states.is_none_or(|states| states.iter().any(|one| one == state))
    });
}

fn sort(items: &mut [Item], key: &str) {
    let (field, direction) = key.split_once('_').unwrap_or((key, "asc"));
    items.sort_by_key(|item| (item.actor.name.to_lowercase(), item.actor.id));
    if field == "actorDefinitionName" {
        items.sort_by_key(|item| item.connector.to_lowercase());
    } else if field == "lastSync" {
        items.sort_by_key(|item| item.last_sync);
    }
    if direction == "desc" {
        items.reverse();
    }
}

impl Item {
    fn shown(mut self) -> Value {
        self.read["numConnections"] = json!(self.connections);
        self.read["connectionJobStatuses"] = json!(self.statuses);
        if let Some(last) = self.last_sync {
            self.read["lastSync"] = json!(last);
        }
        self.read
    }
}
