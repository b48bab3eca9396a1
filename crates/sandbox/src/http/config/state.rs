//! The state of a connection: what its streams remember between syncs, given back as it was stored.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::jobs;
use crate::model::{Connection, ConnectionState, Job, JobKind, StateKind, StreamState};

const BLOCKED: &str = "The state cannot be written while a sync of this connection is running.";

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    Ok(object(shown(&app, connection.id)?))
}

/// Writes without a look at what runs; meant for the platform, so it is not for ordinary users.
pub(super) async fn write(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let connection: Connection = named(&app, &body, "connectionId")?;
        store(&app, connection.id, &body)
    })
}

/// Writes unless a sync or a refresh is under way; a reset does not block.
pub(super) async fn write_safely(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let connection: Connection = named(&app, &body, "connectionId")?;
        let running = app.running.job_of(connection.id);
        let running: Option<Job> = running.map(|id| app.store.get(&id.to_string())).transpose()?.flatten();
        if running.is_some_and(|job| job.kind != JobKind::Reset && !job.status.is_final()) {
            return Err(Refusal::Known(423, BLOCKED.to_owned()));
        }
        store(&app, connection.id, &body)
    })
}

fn store(app: &App, connection: Uuid, body: &Body) -> Answer {
    let given = Body(body.required("connectionState")?.clone());
    let wanted = given
        .one_of("stateType", &["stream", "global", "legacy", "not_set"])?
        .ok_or_else(|| Refusal::Framework("Required property `stateType` is missing".to_owned()))?;
    let broken = || app.server_error(400);
    let stored = Stored::of(app, connection)?;
    // Only what is left of the oldest form may be replaced by another one.
    if stored.kind().is_some_and(|kind| kind != StateKind::Legacy && kind.word() != wanted) {
        return Err(Refusal::ErrorId(500));
    }
    let id = connection.to_string();
    match wanted {
        "legacy" => match given.given("state") {
            Some(state) => app.store.put(&ConnectionState {
                connection_id: connection,
                kind: StateKind::Legacy,
                blob: Some(state.clone()),
            })?,
            None => app.store.delete::<ConnectionState>(&id)?,
        },
        "stream" => {
            let states = given.given("streamState").and_then(Value::as_array).ok_or_else(broken)?;
            upsert(app, connection, states)?;
            app.store.delete::<ConnectionState>(&id)?;
        }
        "global" => {
            let global = given.given("globalState").ok_or_else(broken)?;
            let states = global["streamStates"].as_array().ok_or_else(broken)?;
            upsert(app, connection, states)?;
            let blob = Some(global["shared_state"].clone()).filter(|state| !state.is_null());
            if blob.is_none() && Stored::of(app, connection)?.streams.is_empty() {
                app.store.delete::<ConnectionState>(&id)?;
            } else {
                let kind = StateKind::Global;
                app.store.put(&ConnectionState { connection_id: connection, kind, blob })?;
            }
        }
        _ => return Err(broken()),
    }
    Ok(object(shown(app, connection)?))
}

/// Stores the state of the streams that are named; the others keep theirs, and a null removes it.
fn upsert(app: &App, connection: Uuid, given: &[Value]) -> Result<(), Refusal> {
    let mut states = Vec::new();
    for one in given {
        let name = one.pointer("/streamDescriptor/name").and_then(Value::as_str).ok_or_else(|| {
            Refusal::Framework("Required property `streamDescriptor.name` is missing".to_owned())
        })?;
        let namespace = one.pointer("/streamDescriptor/namespace").and_then(Value::as_str);
        let known = jobs::stream_state(app, connection, namespace, name)?;
        let state = one.get("streamState").filter(|state| !state.is_null()).cloned();
        states.push(StreamState { state, ..known });
    }
    app.store.put_all(&states)?;
    Ok(())
}

/// All that is stored of a connection's state.
struct Stored {
    whole: Option<ConnectionState>,
    streams: Vec<StreamState>,
}

impl Stored {
    fn of(app: &App, connection: Uuid) -> rusqlite::Result<Self> {
        let mut streams: Vec<StreamState> = app.store.of_connection(connection)?;
        streams.retain(|state| state.state.is_some());
        Ok(Self { whole: app.store.get(&connection.to_string())?, streams })
    }

    fn kind(&self) -> Option<StateKind> {
        match &self.whole {
            Some(whole) if whole.kind == StateKind::Global => Some(StateKind::Global),
            // A sync has stored the state of a stream since.
            _ if !self.streams.is_empty() => Some(StateKind::Stream),
            whole => whole.as_ref().map(|whole| whole.kind),
        }
    }
}

fn shown(app: &App, connection: Uuid) -> rusqlite::Result<Value> {
    let stored = Stored::of(app, connection)?;
    let kind = stored.kind();
    let blob = stored.whole.and_then(|whole| whole.blob);
    let streams: Vec<Value> = stored
        .streams
        .into_iter()
        .map(|stream| {
            let descriptor = present(json!({"name": stream.name, "namespace": stream.namespace}));
            json!({"streamDescriptor": descriptor, "streamState": stream.state})
        })
        .collect();
    let mut shown = json!({"stateType": kind.map_or("not_set", StateKind::word), "connectionId": connection});
    match kind {
        Some(StateKind::Stream) => shown["streamState"] = Value::from(streams),
        Some(StateKind::Global) => {
            shown["globalState"] = present(json!({"shared_state": blob, "streamStates": streams}));
        }
        Some(StateKind::Legacy) => shown["state"] = blob.unwrap_or_default(),
        None => {}
    }
    Ok(shown)
}
