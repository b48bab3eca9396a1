//! Starting jobs of a connection: syncs, resets, refreshes.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::connections::named;
use super::job_read::started;
use crate::app::App;
use crate::connectors;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::jobs;
use crate::model::{Actor, Connection};

pub(super) async fn sync(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    // An inactive connection is a fault here, not a conflict.
    if connection.status != "active" {
        return Err(Refusal::ErrorId(500));
    }
    Ok(object(started(&jobs::start_sync(&app, &connection).map_err(plain)?)))
}

/// Empties all tables of the connection; `clear` is another name of the same.
pub(super) async fn reset(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let job = jobs::start_reset(&app, &connection, None).await.map_err(plain)?;
    Ok(object(started(&job)))
}

pub(super) async fn reset_streams(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let streams = streams(body.required("streams")?)?;
    // None named means all of them.
    let wanted = Some(streams.as_slice()).filter(|streams| !streams.is_empty());
    let job = jobs::start_reset(&app, &connection, wanted).await.map_err(plain)?;
    Ok(object(started(&job)))
}

/// Reads streams from the start again. A destination that does not know refreshes is left alone.
pub(super) async fn refresh(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let mode = body
        .one_of("refreshMode", &["Truncate", "Merge"])?
        .ok_or_else(|| Refusal::Framework("Required property `refreshMode` is missing".to_owned()))?;
    let streams = body.given("streams").map(streams).transpose()?.filter(|streams| !streams.is_empty());
    if !supports_refreshes(&app, &connection)? {
        return Ok(object(json!({})));
    }
    let job =
        jobs::start_refresh(&app, &connection, streams.as_deref(), mode == "Truncate").map_err(plain)?;
    Ok(object(json!({"job": job.map(|job| started(&job)["job"].clone())})))
}

pub(super) fn supports_refreshes(app: &App, connection: &Connection) -> rusqlite::Result<bool> {
    let destination: Option<Actor> = app.store.get(&connection.destination_id.to_string())?;
    let connector = destination.and_then(|actor| connectors::by_definition(actor.side, actor.definition_id));
    Ok(connector.is_some_and(connectors::Connector::supports_refreshes))
}

/// The streams that a body names.
fn streams(given: &Value) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let given = given.as_array().map_or(&[][..], Vec::as_slice);
    given
        .iter()
        .map(|stream| {
            let name = stream["streamName"].as_str().ok_or_else(|| {
                Refusal::Framework("Required property `streamName` of a stream is missing".to_owned())
            })?;
            Ok((name.to_owned(), stream["streamNamespace"].as_str().map(str::to_owned)))
        })
        .collect()
}

/// This API knows no problem bodies: a refusal is told in its own shape.
pub(super) fn plain(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Problem(problem) => {
            Refusal::Known(problem.status, problem.data["message"].as_str().unwrap_or_default().to_owned())
        }
        refusal => refusal,
    }
}
