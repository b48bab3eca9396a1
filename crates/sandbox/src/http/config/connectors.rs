//! Connection checks: a failed one is a good answer.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;
use uuid::Uuid;

use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::jobs::attempt;
use crate::model::{Actor, Side};

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
    let status = if outcome.is_ok() { "succeeded" } else { "failed" };
    let config_type =
        if side == Side::Source { "check_connection_source" } else { "check_connection_destination" };
    Ok(object(present(json!({
        "status": status,
        "message": outcome.err(),
        "jobInfo": {
            "id": Uuid::new_v4(),
            "configType": config_type,
            "configId": actor.definition_id.to_string(),
            "createdAt": begun,
            "endedAt": app.now(),
            "succeeded": true,
            "connectorConfigurationUpdated": false,
            "logType": "formatted",
            "logs": {"logLines": []},
        },
    }))))
}
