//! How far the streams of a connection are: by the job that runs, and by the last job of each.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::connections::named;
use super::job_read::{config_type, stream_counts};
use crate::app::App;
use crate::http::answer::{Answer, object, present};
use crate::http::jobs::stream_totals;
use crate::http::request::Body;
use crate::model::{ConfiguredStream, Connection, Job, StreamStats};
use crate::store::JobQuery;

/// What the running job has moved so far; nothing but the connection's id if none runs.
pub(super) async fn sync_progress(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let running = app.running.job_of(connection.id);
    let running: Option<Job> = running.map(|id| app.store.get(&id.to_string())).transpose()?.flatten();
    let Some(job) = running.filter(|job| !job.status.is_final()) else {
        return Ok(object(json!({"connectionId": connection.id, "streams": []})));
    };
    let totals = stream_totals(&job);
    let streams: Vec<Value> = job
        .streams
        .iter()
        .map(|stream| {
            let moved =
                totals.iter().find(|one| one.name == stream.name && one.namespace == stream.namespace);
            let nothing = StreamStats {
                name: stream.name.clone(),
                namespace: stream.namespace.clone(),
                ..StreamStats::default()
            };
            let mut shown = stream_counts(moved.unwrap_or(&nothing));
            shown["configType"] = json!(config_type(&job));
            shown
        })
        .collect();
    let sum = |of: fn(&StreamStats) -> i64| totals.iter().map(of).sum::<i64>();
    Ok(object(json!({
        "connectionId": connection.id,
        "jobId": job.id,
        "configType": config_type(&job),
        "syncStartedAt": job.created_at,
        "streams": streams,
        "recordsEmitted": sum(|one| one.records_emitted),
        "recordsCommitted": sum(|one| one.records_committed),
        "recordsRejected": 0,
        "bytesEmitted": sum(|one| one.bytes_emitted),
        "bytesCommitted": sum(|one| one.bytes_committed),
    })))
}

/// The newest job of each stream that has counted anything of it.
pub(super) async fn last_job_per_stream(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let asked = body.given("streams").and_then(Value::as_array).filter(|streams| !streams.is_empty());
    let is_asked = |stream: &&ConfiguredStream| {
        asked.is_none_or(|asked| {
            asked.iter().any(|one| {
                one["streamName"] == *stream.name
                    && one["streamNamespace"].as_str() == stream.namespace.as_deref()
            })
        })
    };
    let mut items: Vec<(&ConfiguredStream, Option<Value>)> =
        connection.streams.iter().filter(is_asked).map(|stream| (stream, None)).collect();
    let newest = JobQuery { connection: Some(connection.id), newest_first: true, ..JobQuery::default() };
    app.store.each_job(&newest, |job| {
        let totals = stream_totals(&job);
        for (stream, item) in items.iter_mut().filter(|(_, item)| item.is_none()) {
            let mine = totals.iter().find(|one| one.name == stream.name && one.namespace == stream.namespace);
            *item = mine.map(|stats| last_of(stream, &job, stats));
        }
        let all = items.iter().all(|(_, item)| item.is_some());
        if all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(Json(items.into_iter().filter_map(|(_, item)| item).collect::<Vec<_>>()).into_response())
}

fn last_of(stream: &ConfiguredStream, job: &Job, stats: &StreamStats) -> Value {
    // The server has a place for the start of a job, and nothing that fills it.
    present(json!({
        "streamName": stream.name,
        "streamNamespace": stream.namespace,
        "jobId": job.id,
        "configType": config_type(job),
        "jobStatus": job.status.name(),
        "endedAt": job.updated_at,
        "bytesCommitted": stats.bytes_committed,
        "recordsCommitted": stats.records_committed,
    }))
}
