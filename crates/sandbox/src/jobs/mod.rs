//! Jobs over time: made, run in attempts, ended.

pub(crate) mod attempt;
mod run;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::http::Refusal;
use crate::model::{Connection, Failure, Job, JobStatus, Record, StreamState, stream_state_id};

/// The jobs that are under way, at most one a connection.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<Uuid, RunningJob>>);

#[derive(Clone)]
struct RunningJob {
    id: i64,
    cancel: CancellationToken,
    /// Becomes true when the job has ended.
    ended: watch::Receiver<bool>,
}

impl Running {
    fn get(&self, connection: Uuid) -> Option<RunningJob> {
        self.lock().get(&connection).cloned()
    }

    /// The id of the job that runs on this connection.
    pub(crate) fn job_of(&self, connection: Uuid) -> Option<i64> {
        self.get(connection).map(|running| running.id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, RunningJob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a sync, unless something runs on the connection already.
pub(crate) fn start_sync(app: &Arc<App>, connection: &Connection) -> Result<Job, Refusal> {
    if connection.status != "active" {
        return Err(Refusal::state_conflict("Could not fulfill request"));
    }
    start(app, connection, "sync")
}

/// Starts a reset. Whatever runs on the connection is cancelled first, as on the server.
pub(crate) async fn start_reset(app: &Arc<App>, connection: &Connection) -> Result<Job, Refusal> {
    cancel(app, connection.id).await;
    start(app, connection, "reset")
}

fn start(app: &Arc<App>, connection: &Connection, job_type: &str) -> Result<Job, Refusal> {
    // Held while the job is made: two requests at once make one job.
    let mut running = app.running.lock();
    if running.contains_key(&connection.id) {
        return Err(Refusal::try_again_later(&format!("A sync is already running for: {}", connection.id)));
    }
    let now = app.now();
    let job = Job {
        id: app.store.highest_id::<Job>()? + 1,
        connection_id: connection.id,
        workspace_id: connection.workspace_id,
        kind: job_type.to_owned(),
        status: JobStatus::Pending,
        created_at: now,
        updated_at: now,
        streams: connection.streams.clone(),
        attempts: Vec::new(),
    };
    app.store.put(&job)?;
    let (ended_sender, ended) = watch::channel(false);
    let cancel = CancellationToken::new();
    running.insert(connection.id, RunningJob { id: job.id, cancel: cancel.clone(), ended });
    drop(running);

    let (app, connection_id, id) = (app.clone(), connection.id, job.id);
    app.tasks.clone().spawn(async move {
        tokio::select! {
            outcome = run::run(&app, id, &cancel) => {
                if let Err(error) = outcome {
                    tracing::error!(%error, job = id, "the job's record could not be kept");
                }
            }
            // The record stays as it is: the next start finds it and fails it.
            () = app.stop.cancelled() => {}
        }
        app.running.lock().remove(&connection_id);
        let _ = ended_sender.send(true);
    });
    Ok(job)
}

/// Cancels what runs on the connection and waits for its end. False if nothing runs.
pub(crate) async fn cancel(app: &App, connection: Uuid) -> bool {
    let Some(mut running) = app.running.get(connection) else { return false };
    running.cancel.cancel();
    let _ = running.ended.wait_for(|ended| *ended).await;
    true
}

/// Cancels what runs on the connection without waiting, as deleting it does.
pub(crate) fn cancel_soon(app: &App, connection: Uuid) {
    if let Some(running) = app.running.get(connection) {
        running.cancel.cancel();
    }
}

/// Fails the jobs that the last process left behind, as the platform does when it finds them.
pub(crate) fn fail_left_behind(app: &App) -> rusqlite::Result<()> {
    let now = app.now();
    for mut job in app.store.list::<Job>()?.into_iter().filter(|job| !job.status.is_final()) {
        job.status = JobStatus::Failed;
        job.updated_at = now;
        if let Some(attempt) = job.attempts.last_mut().filter(|attempt| attempt.status == "running") {
            "failed".clone_into(&mut attempt.status);
            attempt.updated_at = now;
            attempt.ended_at = Some(now);
            attempt.failure = Some(Failure {
                origin: "airbyte_platform".to_owned(),
                kind: "transient_error".to_owned(),
                external_message: "The sandbox was stopped while this job was running.".to_owned(),
                internal_message: "found in a non-terminal state at the start".to_owned(),
                timestamp_millis: now * 1_000,
            });
        }
        app.store.put(&job)?;
    }
    Ok(())
}

/// What is remembered of a stream; nothing yet if it has never run.
pub(crate) fn stream_state(
    app: &App,
    connection: Uuid,
    namespace: Option<&str>,
    name: &str,
) -> rusqlite::Result<StreamState> {
    let id = stream_state_id(connection, namespace, name);
    let known: Option<StreamState> = app.store.get(&id)?;
    debug_assert!(known.as_ref().is_none_or(|state| state.id() == id));
    Ok(known.unwrap_or_else(|| StreamState {
        connection_id: connection,
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        ..StreamState::default()
    }))
}
