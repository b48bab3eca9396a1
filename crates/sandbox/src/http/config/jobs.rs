//! Jobs and attempts, as the Config API shows them.

use std::sync::Arc;

use axum::extract::State;
use chrono::DateTime;
use serde_json::{Value, json};

use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::jobs::totals;
use crate::http::request::Body;
use crate::jobs;
use crate::model::{Attempt, Job, JobKind, StreamStats};

/// Which parts of a job an answer has.
#[derive(Clone, Copy)]
struct Parts {
    attempts: bool,
    logs: bool,
    statistics: bool,
}

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    one(&app, &body, Parts { attempts: true, logs: true, statistics: false })
}

pub(super) async fn get_without_logs(State(app): State<Arc<App>>, body: Body) -> Answer {
    one(&app, &body, Parts { attempts: true, logs: false, statistics: true })
}

pub(super) async fn get_light(State(app): State<Arc<App>>, body: Body) -> Answer {
    one(&app, &body, Parts { attempts: false, logs: false, statistics: false })
}

fn one(app: &App, body: &Body, parts: Parts) -> Answer {
    Ok(object(shown(&find(app, body, "id")?, parts)))
}

pub(super) async fn list(State(app): State<Arc<App>>, body: Body) -> Answer {
    let types: Vec<&str> = body
        .given("configTypes")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |types| types.iter().filter_map(Value::as_str).collect());
    if types.is_empty() {
        return Err(Refusal::ErrorId(if app.faithful_5xx { 500 } else { 400 }));
    }
    let connection = body.text("configId");
    let whole = |path: &str, default: usize| {
        body.0
            .pointer(path)
            .and_then(Value::as_u64)
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default)
    };
    let statuses = body.given("statuses").and_then(Value::as_array);
    let created = (moment(&body, "createdAtStart")?, moment(&body, "createdAtEnd")?);
    let updated = (moment(&body, "updatedAtStart")?, moment(&body, "updatedAtEnd")?);
    let mut found: Vec<Job> = app.store.list()?;
    found.retain(|job| {
        connection.is_none_or(|id| job.connection_id.to_string() == id)
            && types.contains(&config_type(job))
            && statuses.is_none_or(|statuses| statuses.iter().any(|status| status == job.status.name()))
            && within(job.created_at, created)
            && within(job.updated_at, updated)
    });
    found.reverse();
    let total = found.len();
    let parts = Parts { attempts: true, logs: false, statistics: true };
    let page: Vec<Value> = found
        .iter()
        .skip(whole("/pagination/rowOffset", 0))
        .take(whole("/pagination/pageSize", 200))
        .map(|job| {
            let mut shown = shown(job, parts);
            // In lists the attempts stand for themselves.
            let attempts: Vec<Value> = shown["attempts"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|info| info["attempt"].clone())
                .collect();
            shown["attempts"] = Value::from(attempts);
            shown
        })
        .collect();
    Ok(object(json!({"jobs": page, "totalJobCount": total})))
}

/// A time of the body, in epoch seconds.
fn moment(body: &Body, member: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = body.text(member) else { return Ok(None) };
    DateTime::parse_from_rfc3339(text)
        .map(|time| Some(time.timestamp()))
        .map_err(|_| Refusal::Framework(format!("`{member}` is no date and time with an offset: {text}")))
}

/// Both ends belong to the range.
fn within(time: i64, (start, end): (Option<i64>, Option<i64>)) -> bool {
    start.is_none_or(|start| time >= start) && end.is_none_or(|end| time <= end)
}

pub(super) async fn cancel(State(app): State<Arc<App>>, body: Body) -> Answer {
    let job = find(&app, &body, "id")?;
    if !jobs::cancel(&app, job.connection_id).await {
        return Err(Refusal::ErrorId(500));
    }
    one(&app, &body, Parts { attempts: true, logs: true, statistics: false })
}

pub(super) async fn last(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection = body.required_id("connectionId")?;
    let last = app.store.list::<Job>()?.into_iter().rfind(|job| job.connection_id == connection);
    let parts = Parts { attempts: false, logs: false, statistics: false };
    Ok(object(json!({"job": last.map(|job| shown(&job, parts)["job"].clone())})))
}

pub(super) async fn attempt(State(app): State<Arc<App>>, body: Body) -> Answer {
    let job = find(&app, &body, "jobId")?;
    let number = body.required("attemptNumber")?.as_u64().and_then(|number| usize::try_from(number).ok());
    let attempt = number.and_then(|number| job.attempts.get(number)).ok_or(Refusal::ErrorId(404))?;
    Ok(object(shown_attempt(attempt, Parts { attempts: true, logs: true, statistics: true })))
}

fn find(app: &App, body: &Body, member: &str) -> Result<Job, Refusal> {
    let id = body.required(member)?;
    let id = id.as_i64().ok_or_else(|| Refusal::Framework(format!("`{member}` is not a number: {id}")))?;
    match app.store.get(&id.to_string())? {
        Some(job) => Ok(job),
        None if app.edition == crate::builder::Edition::Cloud => Err(Refusal::Role),
        None => Err(Refusal::ErrorId(500)),
    }
}

fn config_type(job: &Job) -> &'static str {
    match job.kind {
        JobKind::Reset => "reset_connection",
        kind => kind.name(),
    }
}

pub(super) fn started(job: &Job) -> Value {
    shown(job, Parts { attempts: true, logs: false, statistics: false })
}

fn shown(job: &Job, parts: Parts) -> Value {
    let named = |name: &str, namespace: Option<&str>| present(json!({"name": name, "namespace": namespace}));
    let streams: Vec<Value> =
        job.streams.iter().map(|stream| named(&stream.name, stream.namespace.as_deref())).collect();
    let mut read = json!({
        "id": job.id,
        "configType": config_type(job),
        "configId": job.connection_id.to_string(),
        "enabledStreams": streams,
        "createdAt": job.created_at,
        "updatedAt": job.updated_at,
        "status": job.status.name(),
    });
    match job.kind {
        JobKind::Sync => {}
        JobKind::Reset => read["resetConfig"] = json!({"streamsToReset": read["enabledStreams"]}),
        JobKind::Refresh => {
            let refreshed = job.refreshes.iter().map(|one| named(&one.name, one.namespace.as_deref()));
            read["refreshConfig"] = json!({"streamsToRefresh": refreshed.collect::<Vec<_>>()});
        }
    }
    if parts.statistics {
        let (records, bytes) = totals(job);
        let last = job.attempts.last().map_or(&[][..], |attempt| &attempt.stats);
        read["aggregatedStats"] = json!({
            "bytesEmitted": bytes, "recordsEmitted": records, "bytesCommitted": bytes, "recordsCommitted": records,
            "recordsRejected": 0,
        });
        read["streamAggregatedStats"] = last
            .iter()
            .map(|stats| {
                present(json!({
                    "streamName": stats.name,
                    "streamNamespace": stats.namespace,
                    "bytesEmitted": stats.bytes_emitted,
                    "recordsEmitted": stats.records_emitted,
                    "bytesCommitted": stats.bytes_committed,
                    "recordsCommitted": stats.records_committed,
                    "recordsRejected": 0,
                    "wasBackfilled": false,
                    "wasResumed": false,
                }))
            })
            .collect();
    }
    let mut shown = json!({"job": read});
    if parts.attempts {
        shown["attempts"] = job.attempts.iter().map(|attempt| shown_attempt(attempt, parts)).collect();
    }
    shown
}

fn shown_attempt(attempt: &Attempt, parts: Parts) -> Value {
    let sum = |of: fn(&StreamStats) -> i64| attempt.stats.iter().map(of).sum::<i64>();
    let statistics = |records_emitted: i64, bytes_emitted: i64, records_committed: i64| {
        // The server fills in no committed bytes here.
        json!({
            "recordsEmitted": records_emitted, "bytesEmitted": bytes_emitted, "recordsCommitted": records_committed,
            "recordsRejected": 0,
        })
    };
    let failure = attempt.failure.as_ref().map(|failure| {
        json!({
            "failures": [{
                "failureOrigin": failure.origin,
                "failureType": failure.kind,
                "externalMessage": failure.external_message,
                "internalMessage": failure.internal_message,
                "stacktrace": "",
                "retryable": failure.kind != "config_error",
                "timestamp": failure.timestamp_millis,
            }],
            "partialSuccess": attempt.stats.iter().any(|stream| stream.records_committed > 0),
        })
    });
    let mut read = present(json!({
        "id": attempt.number,
        "status": attempt.status,
        "createdAt": attempt.created_at,
        "updatedAt": attempt.updated_at,
        "endedAt": attempt.ended_at,
        "bytesSynced": sum(|stream| stream.bytes_committed),
        "recordsSynced": sum(|stream| stream.records_committed),
        "failureSummary": failure,
    }));
    if parts.statistics {
        read["totalStats"] = statistics(
            sum(|stream| stream.records_emitted),
            sum(|stream| stream.bytes_emitted),
            sum(|stream| stream.records_committed),
        );
        read["streamStats"] = attempt
            .stats
            .iter()
            .map(|stream| {
                present(json!({
                    "streamName": stream.name,
                    "streamNamespace": stream.namespace,
                    "stats": statistics(stream.records_emitted, stream.bytes_emitted, stream.records_committed),
                }))
            })
            .collect();
    }
    let mut shown = json!({"attempt": read});
    if parts.logs {
        shown["logType"] = Value::from("structured");
        let events: Vec<Value> = attempt
            .log
            .iter()
            .map(|event| {
                json!({
                    "timestamp": event.timestamp_millis, "level": event.level, "logSource": event.source,
                    "message": event.message,
                })
            })
            .collect();
        shown["logs"] = json!({"events": events, "version": "1"});
    }
    shown
}
