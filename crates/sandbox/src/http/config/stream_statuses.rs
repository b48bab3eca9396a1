//! What became of each stream in each attempt.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::model::{Attempt, Connection, Job, JobKind, StreamStatus};
use crate::store::JobQuery;

/// A stream of an attempt, with the job that it belongs to.
struct Entry<'a> {
    job: &'a Job,
    attempt: &'a Attempt,
    status: &'a StreamStatus,
}

fn entries(jobs: &[Job]) -> impl Iterator<Item = Entry<'_>> {
    jobs.iter().flat_map(|job| {
        job.attempts
            .iter()
            .flat_map(move |attempt| attempt.streams.iter().map(move |status| Entry { job, attempt, status }))
    })
}

/// The statuses that fit, page by page; a page can only begin at a multiple of its size.
pub(super) async fn list(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace = body.required_id("workspaceId")?;
    let pagination = Body(body.required("pagination")?.clone());
    let whole = |name: &str| pagination.given(name).and_then(Value::as_i64).map(usize::try_from);
    let (size, offset) = match (whole("pageSize"), whole("rowOffset")) {
        (Some(Ok(size @ 1..)), Some(Ok(offset))) if offset % size == 0 => (size, offset),
        _ => {
            let message = "The page size is at least 1, and the row offset a multiple of it.";
            return Err(Refusal::Known(400, message.to_owned()));
        }
    };
    let job_type = body.one_of("jobType", &["SYNC", "RESET"])?;
    let number = |name: &str| body.given(name).and_then(Value::as_i64);
    let connection = body.text("connectionId")?;
    let query = JobQuery {
        // No connection has the id that stands for what is none.
        connection: connection.map(|id| id.parse().unwrap_or_default()),
        workspaces: Some(vec![workspace]),
        ..JobQuery::default()
    };
    let jobs = app.store.jobs(&query, 0, usize::MAX)?;
    let (stream, namespace) = (body.text("streamName")?, body.text("streamNamespace")?);
    let fits = |entry: &Entry<'_>| {
        stream.is_none_or(|wanted| wanted == entry.status.name)
            && namespace.is_none_or(|wanted| wanted == entry.status.namespace.as_deref().unwrap_or_default())
            && number("jobId").is_none_or(|id| id == entry.job.id)
            && number("attemptNumber")
                .is_none_or(|number| usize::try_from(number) == Ok(entry.attempt.number))
            && job_type.is_none_or(|wanted| wanted == self::job_type(entry.job))
    };
    let shown: Vec<Value> =
        entries(&jobs).filter(fits).skip(offset).take(size).map(|entry| shown(&entry)).collect();
    Ok(object(json!({"streamStatuses": shown})))
}

/// For each stream of a connection the newest status of each state.
pub(super) async fn latest_per_run_state(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let jobs: Vec<Job> = app.store.of_connection(connection.id)?;
    let mut newest: Vec<Entry<'_>> = Vec::new();
    for entry in entries(&jobs) {
        newest.retain(|other| {
            (&other.status.name, &other.status.namespace, &other.status.state)
                != (&entry.status.name, &entry.status.namespace, &entry.status.state)
        });
        newest.push(entry);
    }
    Ok(object(json!({"streamStatuses": newest.iter().map(shown).collect::<Vec<_>>()})))
}

fn job_type(job: &Job) -> &'static str {
    if job.kind == JobKind::Reset { "RESET" } else { "SYNC" }
}

fn shown(entry: &Entry<'_>) -> Value {
    let Entry { job, attempt, status } = entry;
    present(json!({
        "id": status.id,
        "workspaceId": job.workspace_id,
        "connectionId": job.connection_id,
        "jobId": job.id,
        "jobType": job_type(job),
        "attemptNumber": attempt.number,
        "streamName": status.name,
        "streamNamespace": status.namespace,
        "runState": status.state,
        "incompleteRunCause": status.cause,
        "transitionedAt": status.changed_at_millis,
    }))
}
