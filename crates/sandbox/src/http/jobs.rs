//! Jobs, as the public API shows them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::TheCaller;
use super::answer::{Answer, Refusal, object, present};
use super::connections;
use super::page::{Page, joined};
use super::request::{Body, Parameters};
use crate::app::App;
use crate::jobs;
use crate::model::{ConfiguredStream, Connection, Job, JobKind, JobStatus, StreamStats};
use crate::store::JobQuery;
use crate::timestamp::{iso_duration, offset_date_time};

const TYPES: &[&str] = &["sync", "reset", "refresh", "clear"];
const STATUSES: &[&str] = &["pending", "queued", "running", "incomplete", "failed", "succeeded", "cancelled"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    connection_id: Option<Uuid>,
    job_type: Option<String>,
    status: Option<String>,
    created_at_start: Option<DateTime<FixedOffset>>,
    created_at_end: Option<DateTime<FixedOffset>>,
    updated_at_start: Option<DateTime<FixedOffset>>,
    updated_at_end: Option<DateTime<FixedOffset>>,
    order_by: Option<String>,
    limit: Option<i64>,
    offset: Option<i64>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    RawQuery(raw): RawQuery,
    Parameters(query): Parameters<Query>,
) -> Answer {
    let page = Page::new(query.limit, query.offset)?;
    let one_of = |value: &Option<String>, known: &[&'static str], name: &str| match value {
        None => Ok(None),
        Some(value) => Body(json!({name: value})).one_of(name, known),
    };
    let job_type = one_of(&query.job_type, TYPES, "jobType")?;
    let status = one_of(&query.status, STATUSES, "status")?;
    let asked = joined(raw.as_deref(), "workspaceIds");
    let mut kept = Vec::new();
    kept.extend(query.job_type.as_ref().map(|value| ("jobType", value.clone())));
    let ids = if let Some(connection) = query.connection_id {
        kept.push(("connectionId", connection.to_string()));
        None
    } else {
        kept.extend(asked.as_ref().map(|ids| ("workspaceIds", ids.clone())));
        app.listed_workspaces(&caller, raw.as_deref())?
    };
    let second = |time: &Option<DateTime<FixedOffset>>| time.map(|time| time.timestamp());
    let (by_update, newest_first) = order(query.order_by.as_deref())?;
    let wanted = JobQuery {
        connection: query.connection_id,
        workspaces: ids,
        // Jobs of a clear have the type reset, so `clear` never finds anything.
        kinds: job_type.map(|name| JobKind::ALL.into_iter().filter(|kind| kind.name() == name).collect()),
        statuses: status.map(|name| JobStatus::ALL.into_iter().filter(|one| one.name() == name).collect()),
        created: (second(&query.created_at_start), second(&query.created_at_end)),
        updated: (second(&query.updated_at_start), second(&query.updated_at_end)),
        before: None,
        by_update,
        newest_first,
    };
    let found = app.store.jobs(&wanted, page.offset(), page.limit())?;
    let data: Vec<Value> = found.iter().map(|job| shown(job, true)).collect();
    Ok(page.answer_with(&app, "jobs", &kept, &data))
}

/// Whether by the last change, and whether newest first; by creation and oldest first if nothing is asked for.
fn order(order_by: Option<&str>) -> Result<(bool, bool), Refusal> {
    let order_by = order_by.unwrap_or("createdAt|ASC");
    let invalid = || Refusal::bad_request(format!("Invalid order by clause provided: {order_by}"));
    let (field, direction) = order_by.split_once('|').ok_or_else(invalid)?;
    // Names match whatever their case and punctuation.
    let plain: String = field.chars().filter(char::is_ascii_alphanumeric).collect();
    let by_update = match plain.to_ascii_lowercase().as_str() {
        "createdat" => false,
        "updatedat" => true,
        _ => return Err(invalid()),
    };
    match direction {
        "ASC" => Ok((by_update, false)),
        "DESC" => Ok((by_update, true)),
        _ => Err(invalid()),
    }
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    let id = body.required_id("connectionId")?;
    let job_type = body
        .one_of("jobType", TYPES)?
        .ok_or_else(|| Refusal::Framework("Required property `jobType` is missing".to_owned()))?;
    let connection: Connection = app.find(id, connections::TYPE)?;
    let job = match job_type {
        "sync" => jobs::start_sync(&app, &connection)?,
        "reset" | "clear" => jobs::start_reset(&app, &connection, None).await?,
        _ => {
            let message = "Refreshes are not supported in the public API";
            return Err(Refusal::unprocessable(json!({"message": message})));
        }
    };
    Ok(object(shown(&job, false)))
}

pub(super) async fn get(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    Ok(object(shown(&find(&app, &id)?, true)))
}

/// Cancels what runs on the job's connection, whichever job that is, and answers with the job that was named.
pub(super) async fn cancel(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    let job = find(&app, &id)?;
    if !jobs::cancel(&app, job.connection_id).await {
        return Err(Refusal::state_conflict("Job is not currently running"));
    }
    Ok(object(shown(&find(&app, &id)?, false)))
}

fn find(app: &App, id: &str) -> Result<Job, Refusal> {
    let number: i64 = id.parse().map_err(|_| Refusal::Framework(format!("`jobId` is not a number: {id}")))?;
    match app.store.get(&number.to_string())? {
        Some(job) => Ok(job),
        None => Err(Refusal::state_conflict("Job is not currently running")),
    }
}

fn shown(job: &Job, with_totals: bool) -> Value {
    let pending = job.status == JobStatus::Pending;
    let (records, bytes) = totals(job);
    present(json!({
        "jobId": job.id,
        "status": job.status.name(),
        "jobType": job.kind.name(),
        "startTime": offset_date_time(job.created_at),
        "connectionId": job.connection_id,
        "lastUpdatedAt": job.status.is_final().then(|| offset_date_time(job.updated_at)),
        "duration": (!pending).then(|| iso_duration(TimeDelta::seconds(job.updated_at - job.created_at))),
        "bytesSynced": with_totals.then_some(bytes),
        "rowsSynced": with_totals.then_some(records),
    }))
}

/// What the job has committed: rows and bytes.
fn totals(job: &Job) -> (i64, i64) {
    let streams = stream_totals(job);
    let sum = |of: fn(&StreamStats) -> i64| streams.iter().map(of).sum();
    (sum(|stream| stream.records_committed), sum(|stream| stream.bytes_committed))
}

/// What the job has moved of each stream: of a full refresh the last attempt counts, of an incremental stream all of
/// them.
pub(crate) fn stream_totals(job: &Job) -> Vec<StreamStats> {
    let mut totals: Vec<StreamStats> = Vec::new();
    let last = job.attempts.len().saturating_sub(1);
    for (number, attempt) in job.attempts.iter().enumerate() {
        for stats in &attempt.stats {
            let is_same =
                |name: &str, namespace: &Option<String>| name == stats.name && *namespace == stats.namespace;
            let configured = job.streams.iter().find(|stream| is_same(&stream.name, &stream.namespace));
            if number < last && configured.is_none_or(ConfiguredStream::is_full_refresh) {
                continue;
            }
            match totals.iter_mut().find(|total| is_same(&total.name, &total.namespace)) {
                Some(total) => {
                    total.records_emitted += stats.records_emitted;
                    total.bytes_emitted += stats.bytes_emitted;
                    total.records_committed += stats.records_committed;
                    total.bytes_committed += stats.bytes_committed;
                }
                None => totals.push(stats.clone()),
            }
        }
    }
    totals
}
