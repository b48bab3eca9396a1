//! Connections, and how they are, as the Config API shows them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::job_read::{shown_failure, started};
use super::{read, update};
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::connections::deprecate;
use crate::http::request::Body;
use crate::model::{Connection, Job, JobKind, JobStatus, Record, Workspace};
use crate::store::JobQuery;

/// An object that the body names; unknown ones have no words on this API.
pub(super) fn named<T: Record>(app: &App, body: &Body, member: &str) -> Result<T, Refusal> {
    let id = body.required_id(member)?;
    match app.store.get(&id.to_string())? {
        Some(object) => Ok(object),
        None => Err(Refusal::ErrorId(404)),
    }
}

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let streams = read::known_streams(&app, &connection).await?;
    Ok(object(read::connection(&app, &connection, &streams, false)?))
}

/// All connections of a workspace but the deleted ones, in one piece.
pub(super) async fn list(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    let all = app.store.all::<Connection>()?;
    let mut shown = Vec::new();
    for connection in all.iter().filter(|one| one.workspace_id == workspace.id && one.status != "deprecated")
    {
        let streams = read::known_streams(&app, connection).await?;
        shown.push(read::connection(&app, connection, &streams, false)?);
    }
    Ok(object(json!({"connections": shown})))
}

pub(super) async fn update(State(app): State<Arc<App>>, body: Body) -> Answer {
    let (_, connection) = update::apply(&app, &body)?;
    let streams = read::known_streams(&app, &connection).await?;
    Ok(object(read::connection(&app, &connection, &streams, false)?))
}

pub(super) async fn delete(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        deprecate(&app, named(&app, &body, "connectionId")?)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

pub(super) async fn statuses(State(app): State<Arc<App>>, body: Body) -> Answer {
    let ids = body.required("connectionIds")?.as_array().cloned().unwrap_or_default();
    let mut statuses = Vec::new();
    for id in &ids {
        let connection: Connection = named(&app, &Body(json!({"connectionId": id})), "connectionId")?;
        let newest = |kinds: &[JobKind], statuses: &[JobStatus]| {
            app.store.first_job(&JobQuery::newest(connection.id, kinds, statuses))
        };
        let active = newest(&JobKind::ALL, &JobStatus::ACTIVE)?;
        let last = newest(&JobKind::ALL, &JobStatus::FINAL)?;
        let last_sync = newest(&JobKind::MOVING, &JobStatus::ALL)?;
        let last_success = newest(&JobKind::MOVING, &[JobStatus::Succeeded])?;
        let status = match (&active, &last) {
            (Some(job), _) => match job.status {
                JobStatus::Pending => "pending",
                JobStatus::Queued => "queued",
                _ => "running",
            },
            _ if connection.is_broken => "failed",
            (None, Some(job)) if failed_by_configuration(job) => "failed",
            _ if connection.status != "active" => "paused",
            (None, Some(job)) => match job.status {
                JobStatus::Succeeded if job.kind != JobKind::Reset => "synced",
                JobStatus::Succeeded => "pending",
                _ => "incomplete",
            },
            (None, None) => "pending",
        };
        statuses.push(present(json!({
            "connectionId": connection.id,
            "connectionSyncStatus": status,
            "activeJob": active.as_ref().map(|job| started(job)["job"].clone()),
            "lastSyncJobId": last_sync.as_ref().map(|job| job.id),
            "lastSyncAttemptNumber": last_sync.as_ref().and_then(|job| job.attempts.last()).map(|attempt| attempt.number),
            "lastSyncJobCreatedAt": last_sync.as_ref().map(|job| job.created_at),
            "lastSuccessfulSync": last_success.map(|job| job.updated_at),
            "failureReason": last
                .as_ref()
                .filter(|job| job.status == JobStatus::Failed)
                .and_then(|job| job.attempts.last()?.failure.as_ref())
                .map(shown_failure),
            "scheduleData": read::schedule(&connection.schedule).1,
        })));
    }
    Ok(Json(statuses).into_response())
}

fn failed_by_configuration(job: &Job) -> bool {
    let failure = job.attempts.last().and_then(|attempt| attempt.failure.as_ref());
    job.status == JobStatus::Failed && failure.is_some_and(|failure| failure.kind == "config_error")
}
