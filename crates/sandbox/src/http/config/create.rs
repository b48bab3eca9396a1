//! New connections, as the Config API makes them.

use std::sync::Arc;

use axum::extract::State;
use serde_json::Value;
use uuid::Uuid;

use super::connections::named;
use super::{read, update, web_backend};
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::http::schedules;
use crate::model::{Actor, Connection, Schedule, Side};
use crate::schema;

pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection = app.store.change(|| made(&app, body))?;
    let streams = read::known_streams(&app, &connection).await?;
    Ok(object(read::connection(&app, &connection, &streams, false)?))
}

/// The same, answered as the web application reads connections.
pub(super) async fn create_for_web(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection = app.store.change(|| made(&app, body))?;
    Ok(object(web_backend::shown(&app, &connection, None).await?))
}

/// Stores the connection of a body. It has no streams but those of the body's catalog.
fn made(app: &App, mut body: Body) -> Result<Connection, Refusal> {
    let source: Actor = named(app, &body, "sourceId")?;
    let destination: Actor = named(app, &body, "destinationId")?;
    if (source.side, destination.side) != (Side::Source, Side::Destination) {
        return Err(Refusal::ErrorId(404));
    }
    body.required_text("status")?;
    if source.workspace_id != destination.workspace_id {
        return Err(app.server_error(400));
    }
    let schedule = match old_schedule(&mut body)? {
        Some(_) if body.given("scheduleType").is_some() => {
            return Err(Refusal::Known(
                422,
                "A schedule is given in the old form and in the new one.".to_owned(),
            ));
        }
        Some(schedule) => schedules::checked(app, schedule)?,
        None => Schedule::Manual,
    };
    let mut connection = Connection {
        id: Uuid::new_v4(),
        workspace_id: source.workspace_id,
        source_id: source.id,
        destination_id: destination.id,
        name: format!("{} <> {}", source.name, destination.name),
        status: "active".to_owned(),
        schedule,
        streams: Vec::new(),
        // Unlike in the public API.
        namespace_definition: "source".to_owned(),
        namespace_format: None,
        prefix: None,
        non_breaking_schema_updates: "ignore".to_owned(),
        tags: Vec::new(),
        created_at: app.now(),
        is_deleted: false,
        catalog_id: schema::latest(app, source.id)?.map(|catalog| catalog.id),
        is_broken: false,
    };
    update::set(app, &mut connection, &body)?;
    Ok(connection)
}

/// Takes the old form of a schedule out of the body.
fn old_schedule(body: &mut Body) -> Result<Option<Schedule>, Refusal> {
    let Some(old) = body.given("schedule").cloned() else { return Ok(None) };
    body.0["schedule"] = Value::Null;
    let old = Body(old);
    let units = old.required("units")?.as_i64();
    let units = units.ok_or_else(|| Refusal::Framework("`units` is not a whole number".to_owned()))?;
    let unit = old.one_of("timeUnit", update::TIME_UNITS)?.unwrap_or("hours").to_owned();
    Ok(Some(Schedule::Basic { units, unit }))
}
