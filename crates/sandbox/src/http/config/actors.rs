//! Sources and destinations, as the Config API makes and shows them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use super::connectors::{check_answer, read};
use crate::app::App;
use crate::builder::Edition;
use crate::connectors;
use crate::http::actors::{faults, remove};
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::jobs::attempt;
use crate::model::{Actor, Side, Workspace};

type Done = BoxFuture<'static, Answer>;

pub(super) fn create(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let workspace: Workspace = named(&app, &body, "workspaceId")?;
            let definition_id = body.required_id(&format!("{}DefinitionId", side.word()))?;
            let configuration = body.required("connectionConfiguration")?.clone();
            let name = body.required_text("name")?.to_owned();
            if app.definition(side, workspace.id, definition_id)?.is_none() {
                return Err(Refusal::ErrorId(404));
            }
            // Only Cloud knows drafts; elsewhere the member is one of the unknown ones.
            let asks_for_draft = body.given("createAsDraft") == Some(&Value::Bool(true));
            let is_draft = app.edition == Edition::Cloud && asks_for_draft;
            if !is_draft {
                check_fit(&app, side, workspace.id, definition_id, &configuration)?;
            }
            let actor = Actor {
                id: Uuid::new_v4(),
                side,
                workspace_id: workspace.id,
                definition_id,
                name,
                configuration: Some(configuration),
                created_at: app.now(),
                is_draft,
            };
            app.store.put(&actor)?;
            Ok(object(read(&app, &actor)?))
        })
    }
}

pub(super) fn get(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| Box::pin(async move { Ok(object(read(&app, &found(&app, side, &body)?)?)) })
}

/// Replaces name and configuration; a mask stands for the stored secret.
pub(super) fn update(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            app.store.change(|| {
                let mut actor = found(&app, side, &body)?;
                body.required_text("name")?.clone_into(&mut actor.name);
                let configuration = unmasked(&app, &actor, body.required("connectionConfiguration")?)?;
                store(&app, actor, configuration)
            })
        })
    }
}

/// Changes what is given; the configuration is merged into the stored one.
pub(super) fn partial_update(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            app.store.change(|| {
                let mut actor = found(&app, side, &body)?;
                if let Some(name) = body.text("name")? {
                    name.clone_into(&mut actor.name);
                }
                let mut configuration = actor.configuration.clone().unwrap_or_else(|| json!({}));
                if let Some(sent) = body.given("connectionConfiguration") {
                    connectors::merge(&mut configuration, sent);
                }
                store(&app, actor, configuration)
            })
        })
    }
}

pub(super) fn delete(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            app.store.change(|| {
                remove(&app, found(&app, side, &body)?)?;
                Ok(StatusCode::NO_CONTENT.into_response())
            })
        })
    }
}

/// Checks a configuration that has not been stored yet.
pub(super) fn check_for_update(
    side: Side,
) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let mut actor = found(&app, side, &body)?;
            let configuration = unmasked(&app, &actor, body.required("connectionConfiguration")?)?;
            check_fit(&app, side, actor.workspace_id, actor.definition_id, &configuration)?;
            actor.configuration = Some(configuration);
            let begun = app.now();
            let outcome = attempt::check(&app, &actor).await;
            Ok(check_answer(&app, &actor, begun, outcome))
        })
    }
}

fn found(app: &App, side: Side, body: &Body) -> Result<Actor, Refusal> {
    let actor: Actor = named(app, body, &format!("{}Id", side.word()))?;
    if actor.side == side { Ok(actor) } else { Err(Refusal::ErrorId(404)) }
}

fn store(app: &App, mut actor: Actor, configuration: Value) -> Answer {
    check_fit(app, actor.side, actor.workspace_id, actor.definition_id, &configuration)?;
    actor.configuration = Some(configuration);
    // A configuration that fits makes a draft whole.
    actor.is_draft = false;
    app.store.put(&actor)?;
    Ok(object(read(app, &actor)?))
}

fn unmasked(app: &App, actor: &Actor, sent: &Value) -> rusqlite::Result<Value> {
    let mut configuration = sent.clone();
    app.unmask(actor, &mut configuration)?;
    Ok(configuration)
}

/// A configuration has to fit the specification of its connector.
fn check_fit(
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
    let message = format!(
        "The provided configuration does not fulfill the specification. Errors: {}",
        faults.join(", ")
    );
    Err(Refusal::Known(422, message))
}
