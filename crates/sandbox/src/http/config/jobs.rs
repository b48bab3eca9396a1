//! Jobs and attempts, as the Config API shows them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::definitions;
use super::job_read::{Parts, config_type, config_type_of, shown, shown_attempt};
use crate::app::App;
use crate::http::access::TheCaller;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::jobs;
use crate::model::{Actor, Connection, Job, JobKind, JobStatus, Side};
use crate::store::JobQuery;

/// The types of jobs that there are; only those of replications are listed here.
const CONFIG_TYPES: &[&str] = &[
    "sync",
    "reset_connection",
    "refresh",
    "clear",
    "check_connection_source",
    "check_connection_destination",
    "discover_schema",
    "get_spec",
];

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

pub(super) async fn list(State(app): State<Arc<App>>, Extension(caller): TheCaller, body: Body) -> Answer {
    let mut query = query(&app, &body)?;
    if query.connection.is_none() {
        query.workspaces = caller.readable(&app)?;
    }
    let (size, offset) = page(&body);
    if let Some(id) = body.given("includingJobId") {
        // From the newest one down to the one that is asked for, rounded up to whole pages; other filters are not
        // looked at.
        let JobQuery { connection, workspaces, kinds, .. } = query;
        let all = JobQuery { connection, workspaces, kinds, newest_first: true, ..JobQuery::default() };
        let ids = app.store.job_ids(&all)?;
        let position = ids.iter().position(|one| Some(*one) == id.as_i64());
        let reach = position.map_or(0, |position| ((position + 1) / size.max(1) + 1).saturating_mul(size));
        return Ok(listed(&app.store.jobs(&all, 0, reach)?, ids.len()));
    }
    let total = app.store.count_jobs(&query)?;
    Ok(listed(&app.store.jobs(&query, offset, size)?, total))
}

/// As `list`, over whole workspaces; the total is that of the page.
pub(super) async fn list_for_workspaces(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    body: Body,
) -> Answer {
    let mut query = query(&app, &body)?;
    let ids = body.given("workspaceIds").and_then(Value::as_array);
    let known = |ids: &Vec<Value>| ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect();
    query.workspaces = match ids {
        Some(ids) => Some(known(ids)),
        None => caller.readable(&app)?,
    };
    let (size, offset) = page(&body);
    let page = app.store.jobs(&query, offset, size)?;
    Ok(listed(&page, page.len()))
}

fn page(body: &Body) -> (usize, usize) {
    let whole = |path: &str, default: usize| {
        let number = body.0.pointer(path).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    (whole("/pagination/pageSize", 200), whole("/pagination/rowOffset", 0))
}

fn listed(jobs: &[Job], total: usize) -> Response {
    let parts = Parts { attempts: true, logs: false, statistics: true };
    let page: Vec<Value> = jobs
        .iter()
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
    object(json!({"jobs": page, "totalJobCount": total}))
}

/// What a list is limited to; newest first unless something else is asked for.
fn query(app: &App, body: &Body) -> Result<JobQuery, Refusal> {
    let types = names(body, "configTypes", CONFIG_TYPES)?.unwrap_or_default();
    if types.is_empty() {
        return Err(app.server_error(400));
    }
    let statuses = names(body, "statuses", &JobStatus::ALL.map(JobStatus::name))?;
    let named = |names: Vec<&str>| {
        JobStatus::ALL.into_iter().filter(|status| names.contains(&status.name())).collect()
    };
    Ok(JobQuery {
        // No connection has the id that stands for what is none.
        connection: body.text("configId")?.map(|id| id.parse().unwrap_or_default()),
        workspaces: None,
        kinds: Some(JobKind::ALL.into_iter().filter(|kind| types.contains(&config_type_of(*kind))).collect()),
        statuses: statuses.map(named),
        created: (moment(body, "createdAtStart")?, moment(body, "createdAtEnd")?),
        updated: (moment(body, "updatedAtStart")?, moment(body, "updatedAtEnd")?),
        before: None,
        by_update: body.one_of("orderByField", &["createdAt", "updatedAt"])? == Some("updatedAt"),
        newest_first: body.one_of("orderByMethod", &["ASC", "DESC"])? != Some("ASC"),
    })
}

/// The names in a list of the body, each in any case; `None` if there is no list.
fn names(body: &Body, member: &str, known: &[&'static str]) -> Result<Option<Vec<&'static str>>, Refusal> {
    let Some(given) = body.given(member) else { return Ok(None) };
    let given =
        given.as_array().ok_or_else(|| Refusal::Framework(format!("`{member}` is no list: {given}")))?;
    let names = given.iter().map(|one| Body(json!({member: one})).one_of(member, known));
    Ok(Some(names.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()))
}

/// A time of the body, in epoch seconds.
fn moment(body: &Body, member: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = body.text(member)? else { return Ok(None) };
    DateTime::parse_from_rfc3339(text)
        .map(|time| Some(time.timestamp()))
        .map_err(|_| Refusal::Framework(format!("`{member}` is no date and time with an offset: {text}")))
}

/// A job with what is needed to look for a fault: its connectors, and whether it is under way.
pub(super) async fn debug_info(State(app): State<Arc<App>>, body: Body) -> Answer {
    let job = find(&app, &body, "id")?;
    let connection: Connection =
        app.store.get(&job.connection_id.to_string())?.ok_or(Refusal::ErrorId(500))?;
    let definition = |side: Side, id: Uuid| -> Result<Value, Refusal> {
        let actor: Actor = app.store.get(&id.to_string())?.ok_or(Refusal::ErrorId(500))?;
        definitions::shown_by_id(&app, side, actor.workspace_id, actor.definition_id)
    };
    let mut shown = shown(&job, Parts { attempts: true, logs: true, statistics: true });
    shown["job"] = json!({
        "id": job.id,
        "configType": config_type(&job),
        "configId": job.connection_id.to_string(),
        "status": job.status.name(),
        "airbyteVersion": env!("CARGO_PKG_VERSION"),
        "sourceDefinition": definition(Side::Source, connection.source_id)?,
        "destinationDefinition": definition(Side::Destination, connection.destination_id)?,
    });
    shown["workflowState"] = json!({"running": app.running.job_of(connection.id).is_some()});
    Ok(object(shown))
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
    let last: Option<Job> = app.store.newest_of_connection(connection)?;
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
        None => Err(Refusal::ErrorId(500)),
    }
}
