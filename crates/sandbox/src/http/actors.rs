//! Sources and destinations: the same operations, once.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::TheCaller;
use super::answer::{Answer, Refusal, object, present};
use super::consent::check_secret;
use super::page::{Page, joined};
use super::request::{Body, Parameters};
use super::workspaces::ListQuery;
use crate::app::App;
use crate::model::{Actor, Connection, Side};
use crate::{connectors, specification};

impl Side {
    /// The server's own name of the type.
    pub(super) fn resource_type(self) -> &'static str {
        match self {
            Self::Source => "SOURCE_CONNECTION",
            Self::Destination => "DESTINATION_CONNECTION",
        }
    }
}

type Done = BoxFuture<'static, Answer>;

pub(super) fn list(
    side: Side,
) -> impl Fn(State<Arc<App>>, TheCaller, RawQuery, Parameters<ListQuery>) -> Done + Clone + Send + 'static {
    move |State(app), Extension(caller), RawQuery(raw), Parameters(query)| {
        Box::pin(async move {
            let page = Page::new(query.limit, query.offset)?;
            let asked = joined(raw.as_deref(), "workspaceIds");
            let ids = app.listed_workspaces(&caller, raw.as_deref())?;
            let all = app.store.all::<Actor>()?;
            let found = all
                .iter()
                .filter(|actor| actor.side == side)
                .filter(|actor| ids.as_ref().is_none_or(|ids| ids.contains(&actor.workspace_id)))
                .filter(|actor| query.include_deleted || actor.configuration.is_some());
            let found = found.skip(page.offset()).take(page.limit());
            let data = found.map(|actor| shown(&app, actor)).collect::<Result<Vec<_>, _>>()?;
            let path = format!("{}s", side.word());
            Ok(page.answer_with(&app, &path, &query.kept(asked.as_ref()), &data))
        })
    }
}

pub(super) fn create(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let workspace = app.workspace(body.required_id("workspaceId")?)?;
            let mut configuration = body.required("configuration")?.clone();
            let definition_id = definition(&app, side, workspace.id, &body, &configuration)?;
            strip_type(side, &mut configuration);
            validate(&app, side, workspace.id, definition_id, &configuration)?;
            check_secret(&app, &body, workspace.id, definition_id)?;
            let actor = Actor {
                id: Uuid::new_v4(),
                side,
                workspace_id: workspace.id,
                definition_id,
                name: body.required_text("name")?.to_owned(),
                configuration: Some(configuration),
                created_at: app.now(),
                is_draft: false,
            };
            app.store.put(&actor)?;
            Ok(object(shown(&app, &actor)?))
        })
    }
}

pub(super) fn get(side: Side) -> impl Fn(State<Arc<App>>, Path<String>) -> Done + Clone + Send + 'static {
    move |State(app), Path(id)| {
        Box::pin(async move { Ok(object(shown(&app, &app.actor(side, app.path_id(&id)?)?)?)) })
    }
}

pub(super) fn patch(
    side: Side,
) -> impl Fn(State<Arc<App>>, Path<String>, Body) -> Done + Clone + Send + 'static {
    move |State(app), Path(id), body| {
        Box::pin(async move {
            app.store.change(|| {
                let mut actor = app.actor(side, app.path_id(&id)?)?;
                // A source stays in its workspace whatever the request says, but it has to say an id.
                body.id("workspaceId")?;
                if let Some(name) = body.text("name")? {
                    name.clone_into(&mut actor.name);
                }
                if let Some(sent) = body.given("configuration") {
                    let mut sent = sent.clone();
                    ensure_object(&app, &sent)?;
                    strip_type(side, &mut sent);
                    // A mask is nothing special here: it becomes the secret.
                    connectors::merge(actor.configuration.get_or_insert_default(), &sent);
                }
                let configuration = actor.configuration.as_ref().unwrap_or(&Value::Null);
                validate(&app, side, actor.workspace_id, actor.definition_id, configuration)?;
                check_secret(&app, &body, actor.workspace_id, actor.definition_id)?;
                app.store.put(&actor)?;
                Ok(object(shown(&app, &actor)?))
            })
        })
    }
}

pub(super) fn put(
    side: Side,
) -> impl Fn(State<Arc<App>>, Path<String>, Body) -> Done + Clone + Send + 'static {
    move |State(app), Path(id), body| {
        Box::pin(async move {
            app.store.change(|| {
                let mut actor = app.actor(side, app.path_id(&id)?)?;
                body.required_text("name")?.clone_into(&mut actor.name);
                let mut configuration = body.required("configuration")?.clone();
                ensure_object(&app, &configuration)?;
                strip_type(side, &mut configuration);
                app.unmask(&actor, &mut configuration)?;
                validate(&app, side, actor.workspace_id, actor.definition_id, &configuration)?;
                check_secret(&app, &body, actor.workspace_id, actor.definition_id)?;
                actor.configuration = Some(configuration);
                app.store.put(&actor)?;
                Ok(object(shown(&app, &actor)?))
            })
        })
    }
}

pub(super) fn delete(side: Side) -> impl Fn(State<Arc<App>>, Path<String>) -> Done + Clone + Send + 'static {
    move |State(app), Path(id)| {
        Box::pin(async move {
            app.store.change(|| {
                let actor = app.actor(side, app.path_id(&id)?)?;
                remove(&app, actor)?;
                Ok(StatusCode::NO_CONTENT.into_response())
            })
        })
    }
}

/// Deletes a source or destination, and with it every connection that uses it.
pub(in crate::http) fn remove(app: &App, actor: Actor) -> Result<(), Refusal> {
    let connections = app.store.all::<Connection>()?;
    let has_it = |one: &&Connection| [one.source_id, one.destination_id].contains(&actor.id);
    for connection in connections.iter().filter(has_it) {
        super::connections::deprecate(app, connection.clone())?;
    }
    app.store.put(&Actor { configuration: None, ..actor })?;
    Ok(())
}

/// Deletes everything of a definition.
pub(super) fn remove_all_of(app: &App, side: Side, definition: Uuid) -> Result<(), Refusal> {
    let actors = app.store.list::<Actor>()?.into_iter();
    actors
        .filter(|actor| actor.side == side && actor.definition_id == definition)
        .try_for_each(|actor| remove(app, actor))
}

/// The definition that the request names, by id or by a type somewhere in the configuration.
fn definition(
    app: &App,
    side: Side,
    workspace: Uuid,
    body: &Body,
    configuration: &Value,
) -> Result<Uuid, Refusal> {
    ensure_object(app, configuration)?;
    if body.given("definitionId").is_some() {
        let id = body.required_id("definitionId")?;
        return match app.definition(side, workspace, id)? {
            Some(_) => Ok(id),
            None => Err(Refusal::not_found(super::definitions::type_of(side), id)),
        };
    }
    let slug = anywhere(configuration, type_key(side)).ok_or(Refusal::unprocessable(Value::Null))?;
    let slug = slug.as_str().unwrap_or_default();
    connectors::by_slug(side, slug)
        .map(|connector| connector.definition_id)
        .ok_or_else(|| Refusal::unknown_value(slug))
}

fn ensure_object(app: &App, configuration: &Value) -> Result<(), Refusal> {
    if configuration.is_object() { Ok(()) } else { Err(app.server_error(400)) }
}

fn type_key(side: Side) -> &'static str {
    match side {
        Side::Source => "sourceType",
        Side::Destination => "destinationType",
    }
}

/// The server looks for the type at any depth.
fn anywhere<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => {
            members.get(key).or_else(|| members.values().find_map(|member| anywhere(member, key)))
        }
        Value::Array(items) => items.iter().find_map(|item| anywhere(item, key)),
        _ => None,
    }
}

fn strip_type(side: Side, configuration: &mut Value) {
    if let Value::Object(members) = configuration {
        members.remove(type_key(side));
    }
}

/// A configuration has to fit the specification of its connector.
fn validate(
    app: &App,
    side: Side,
    workspace: Uuid,
    definition: Uuid,
    configuration: &Value,
) -> Result<(), Refusal> {
    let faults = faults(app, side, workspace, definition, configuration)?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(Refusal::unprocessable(json!({
        "message": format!(
            "json schema validation failed when comparing the data to the json schema. \nErrors: {} ",
            faults.join(", ")
        )
    })))
}

/// What is wrong with a configuration, told as the server's validator does.
pub(in crate::http) fn faults(
    app: &App,
    side: Side,
    workspace: Uuid,
    definition: Uuid,
    configuration: &Value,
) -> Result<Vec<String>, Refusal> {
    let schema = app.specification(side, workspace, definition)?.unwrap_or_default();
    Ok(specification::faults(&schema, configuration))
}

fn shown(app: &App, actor: &Actor) -> rusqlite::Result<Value> {
    let connector = connectors::by_definition(actor.side, actor.definition_id);
    let public_name = connector.map_or("", connectors::Connector::public_name);
    let word = actor.side.word();
    let mut shown = present(json!({
        format!("{word}Id"): actor.id,
        "name": actor.name,
        format!("{word}Type"): public_name,
        "workspaceId": actor.workspace_id,
        "definitionId": actor.definition_id,
        "createdAt": actor.created_at,
    }));
    shown["configuration"] = app.masked(actor)?.unwrap_or_default();
    Ok(shown)
}

impl App {
    /// A source or destination, deleted ones included: the server still finds them by id.
    pub(super) fn actor(&self, side: Side, id: Uuid) -> Result<Actor, Refusal> {
        let actor: Actor = self.find(id, side.resource_type())?;
        if actor.side == side { Ok(actor) } else { Err(Refusal::not_found(side.resource_type(), id)) }
    }
}
