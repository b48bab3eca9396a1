//! How far a connection has come: where the reading of its streams begins, and what is remembered at the end.

use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::model::{ConfiguredStream, ConnectionState, Job, StateKind, StreamState};
use crate::sources::{Begin, Stream};

use super::stream_state;

/// The round of changes that the next sync of a captured source tells: 0 for the first, which tells all rows.
pub(super) fn next_round(app: &App, connection: Uuid) -> rusqlite::Result<i64> {
    let shared: Option<ConnectionState> = app.store.get(&connection.to_string())?;
    let known = shared.filter(|state| state.kind == StateKind::Global).and_then(|state| state.blob);
    Ok(known.and_then(|blob| blob["round"].as_i64()).map_or(0, |round| round + 1))
}

/// Where a stream's reading begins; `round` is of a captured source.
pub(super) fn begin(configured: &ConfiguredStream, state: &StreamState, round: Option<i64>) -> Begin {
    let known = state.state.as_ref().filter(|_| !configured.is_full_refresh());
    match round {
        Some(round) if round > 0 && known.is_some() => Begin::Changes(round),
        Some(round) => Begin::Snapshot(round),
        None => match known.and_then(|state| state["cursor"].as_str()) {
            Some(cursor) => Begin::After(cursor.to_owned()),
            None => Begin::Start,
        },
    }
}

/// Remembers how far a stream has come by itself.
pub(super) fn keep_cursor(
    app: &App,
    connection: Uuid,
    stream: &Stream,
    cursor: &str,
) -> rusqlite::Result<()> {
    app.store.change(|| {
        let known = stream_state(app, connection, stream.namespace.as_deref(), &stream.name)?;
        app.store.put(&StreamState { state: Some(json!({"cursor": cursor})), ..known })
    })
}

/// Remembers at the end of a job that its streams have come to this round together. Until then nothing is remembered,
/// so that a failed attempt tells the round again.
pub(super) fn keep_round(app: &App, job: &Job, round: i64) -> rusqlite::Result<()> {
    let blob = json!({"round": round});
    app.store.change(|| {
        let mut states = Vec::new();
        for stream in job.streams.iter().filter(|stream| !stream.is_full_refresh()) {
            let state = stream_state(app, job.connection_id, stream.namespace.as_deref(), &stream.name)?;
            states.push(StreamState { state: Some(blob.clone()), ..state });
        }
        if states.is_empty() {
            return Ok(());
        }
        app.store.put_all(&states)?;
        let connection_id = job.connection_id;
        app.store.put(&ConnectionState { connection_id, kind: StateKind::Global, blob: Some(blob) })
    })
}
