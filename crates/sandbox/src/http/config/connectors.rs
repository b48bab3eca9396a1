//! Connection checks: a failed one is a good answer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use crate::app::App;
use crate::connectors;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::jobs::attempt;
use crate::model::{Actor, Side};

/// A source or destination in full, its secrets masked.
pub(super) fn read(app: &App, actor: &Actor) -> Result<Value, Refusal> {
    let configuration = app.masked(actor)?.unwrap_or_else(|| json!({}));
    let definition = app.definition(actor.side, actor.workspace_id, actor.definition_id)?;
    let word = actor.side.word();
    Ok(present(json!({
        format!("{word}DefinitionId"): actor.definition_id,
        format!("{word}Id"): actor.id,
        "workspaceId": actor.workspace_id,
        "connectionConfiguration": configuration,
        "name": actor.name,
        format!("{word}Name"): definition.map_or_else(String::new, |definition| definition.name),
        "isVersionOverrideApplied": false,
        "isEntitled": true,
        "supportState": "supported",
        "createdAt": actor.created_at,
        "isDraft": actor.is_draft.then_some(true),
    })))
}

/// The version of a connector that the platform would run.
pub(super) fn version(app: &App, actor: &Actor) -> rusqlite::Result<Value> {
    let connector = connectors::by_definition(actor.side, actor.definition_id);
    let definition = app.definition(actor.side, actor.workspace_id, actor.definition_id)?;
    let (repository, tag) =
        definition.map(|one| (one.docker_repository, one.docker_image_tag)).unwrap_or_default();
    Ok(json!({
        "dockerRepository": repository,
        "dockerImageTag": tag,
        "supportsRefreshes": connector.is_some_and(connectors::Connector::supports_refreshes),
        "isVersionOverrideApplied": false,
        "supportState": "supported",
        "supportsFileTransfer": false,
        "supportsDataActivation": false,
    }))
}

pub(super) async fn check_source(State(app): State<Arc<App>>, body: Body) -> Answer {
    check(&app, &body, "sourceId", Side::Source).await
}

pub(super) async fn check_destination(State(app): State<Arc<App>>, body: Body) -> Answer {
    check(&app, &body, "destinationId", Side::Destination).await
}

async fn check(app: &App, body: &Body, member: &str, side: Side) -> Answer {
    let actor: Actor = named(app, body, member)?;
    if actor.side != side {
        return Err(Refusal::ErrorId(404));
    }
    let begun = app.now();
    let outcome = attempt::check(app, &actor).await;
    Ok(check_answer(app, &actor, begun, outcome))
}

/// What came of a check. A failed one is a good answer.
pub(super) fn check_answer(app: &App, actor: &Actor, begun: i64, outcome: Result<(), String>) -> Response {
    let status = if outcome.is_ok() { "succeeded" } else { "failed" };
    let config_type = match actor.side {
        Side::Source => "check_connection_source",
        Side::Destination => "check_connection_destination",
    };
    object(json!({
        "status": status,
        "message": outcome.err(),
        "jobInfo": job_info(app, config_type, actor, begun, None),
    }))
}

/// A job of a connector that the caller has waited for.
pub(super) fn job_info(
    app: &App,
    config_type: &str,
    actor: &Actor,
    begun: i64,
    failure: Option<Value>,
) -> Value {
    let reason = failure.map(|message| {
        json!({
            "failureOrigin": actor.side.word(), "failureType": "config_error", "externalMessage": message,
            "internalMessage": message, "timestamp": app.clock.now().timestamp_millis(),
        })
    });
    present(json!({
        "id": Uuid::new_v4(),
        "configType": config_type,
        "configId": actor.definition_id.to_string(),
        "createdAt": begun,
        "endedAt": app.now(),
        "succeeded": reason.is_none(),
        "connectorConfigurationUpdated": false,
        "logType": "formatted",
        "logs": {"logLines": []},
        "failureReason": reason,
    }))
}
