//! Jobs over time: made, run in attempts, ended.

pub(crate) mod attempt;
mod hopeless;
mod plan;
mod position;
mod run;
pub(crate) mod scheduler;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::app::App;
use crate::http::Refusal;
use crate::model::{
    ConfiguredStream, Connection, Failure, Job, JobKind, JobStatus, Record, Refresh, StreamState,
    stream_state_id,
};
use crate::store::JobQuery;

const DELETED: &str = "The connection has been deleted, so it runs no more jobs";

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

/// Starts a sync, unless something runs on the connection already. A job that still waits for a worker is taken
/// for the one that is asked for.
pub(crate) fn start_sync(app: &Arc<App>, connection: &Connection) -> Result<Job, Refusal> {
    let _held = app.store.hold();
    if current(app, connection)?.status != "active" {
        return Err(Refusal::state_conflict("Could not fulfill request"));
    }
    if let Some(id) = app.running.job_of(connection.id)
        && let Some(job) = app.store.get::<Job>(&id.to_string())?
        && job.status == JobStatus::Queued
    {
        return Ok(job);
    }
    start_next(app, connection)
}

/// Which streams a request means: `None` for all, else by name and namespace.
pub(crate) type Chosen<'a> = Option<&'a [(String, Option<String>)]>;

fn chosen(streams: &[ConfiguredStream], wanted: Chosen<'_>) -> Vec<ConfiguredStream> {
    let is_wanted = |stream: &&ConfiguredStream| {
        wanted.is_none_or(|wanted| {
            wanted.iter().any(|(name, namespace)| *name == stream.name && *namespace == stream.namespace)
        })
    };
    streams.iter().filter(is_wanted).cloned().collect()
}

/// Starts a reset. Whatever runs on the connection is cancelled first, as on the server.
pub(crate) async fn start_reset(
    app: &Arc<App>,
    connection: &Connection,
    wanted: Chosen<'_>,
) -> Result<Job, Refusal> {
    if connection.is_deleted {
        return Err(Refusal::state_conflict(DELETED));
    }
    cancel(app, connection.id).await;
    // It may have been deleted while the other job ended.
    let _held = app.store.hold();
    if current(app, connection)?.is_deleted {
        return Err(Refusal::state_conflict(DELETED));
    }
    start(app, connection, JobKind::Reset, chosen(&connection.streams, wanted), Vec::new())
}

/// Stores the wish to read streams from the start again and starts a job that does so. `None` if there are no streams,
/// or another job is under way: then the next one fulfils the wish.
pub(crate) fn start_refresh(
    app: &Arc<App>,
    connection: &Connection,
    wanted: Chosen<'_>,
    truncates: bool,
) -> Result<Option<Job>, Refusal> {
    let all = || connection.streams.iter().map(|stream| (stream.name.clone(), stream.namespace.clone()));
    // Whether the connection has what is named is not looked at, as on the server.
    let wishes: Vec<Refresh> = wanted
        .map_or_else(|| all().collect(), <[_]>::to_vec)
        .into_iter()
        .map(|(name, namespace)| Refresh { connection_id: connection.id, name, namespace, truncates })
        .collect();
    if wishes.is_empty() {
        return Ok(None);
    }
    // So that no deletion in between leaves wishes behind.
    let _held = app.store.hold();
    app.store.put_all(&wishes)?;
    match start_next(app, connection) {
        Ok(job) => Ok(Some(job)),
        Err(_) if app.running.job_of(connection.id).is_some() => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Starts what is due: a refresh if one is wished for, else a sync.
fn start_next(app: &Arc<App>, connection: &Connection) -> Result<Job, Refusal> {
    // Two requests at once make one job.
    let _held = app.store.hold();
    let connection = &current(app, connection)?;
    if connection.is_deleted {
        return Err(Refusal::try_again_later(DELETED));
    }
    let wishes: Vec<Refresh> = app.store.of_connection(connection.id)?;
    let kind = if wishes.is_empty() { JobKind::Sync } else { JobKind::Refresh };
    start(app, connection, kind, connection.streams.clone(), wishes)
}

/// The connection as it is now; it was read a moment ago.
fn current(app: &App, connection: &Connection) -> rusqlite::Result<Connection> {
    Ok(app.store.get(&connection.id.to_string())?.unwrap_or_else(|| connection.clone()))
}

fn start(
    app: &Arc<App>,
    connection: &Connection,
    kind: JobKind,
    streams: Vec<ConfiguredStream>,
    refreshes: Vec<Refresh>,
) -> Result<Job, Refusal> {
    let held = app.store.hold();
    if app.running.job_of(connection.id).is_some() {
        return Err(Refusal::try_again_later(&format!("A sync is already running for: {}", connection.id)));
    }
    let now = app.now();
    let job = Job {
        id: app.store.last_job_id()? + 1,
        connection_id: connection.id,
        workspace_id: connection.workspace_id,
        kind,
        status: JobStatus::Pending,
        created_at: now,
        updated_at: now,
        streams,
        refreshes,
        bumped: false,
        attempts: Vec::new(),
    };
    app.store.put(&job)?;
    let (ended_sender, ended) = watch::channel(false);
    let cancel = CancellationToken::new();
    let made = RunningJob { id: job.id, cancel: cancel.clone(), ended };
    app.running.lock().insert(connection.id, made);
    drop(held);

    let (app, connection_id, id) = (app.clone(), connection.id, job.id);
    app.tasks.clone().spawn(async move {
        let writes = TaskTracker::new();
        let life = async { run::run(&app, id, &cancel, &writes).await.and_then(|()| after(&app, id)) };
        tokio::select! {
            () = run::to_the_end(&app, id, life) => {}
            // The record stays as it is: the next start finds it and fails it.
            () = app.stop.cancelled() => {}
        }
        // A stopping sandbox keeps its data folder until nothing is being written there any more.
        writes.close();
        writes.wait().await;
        app.running.lock().remove(&connection_id);
        let _ = ended_sender.send(true);
    });
    Ok(job)
}

/// What the end of a job entails for its connection.
fn after(app: &App, id: i64) -> rusqlite::Result<()> {
    let job: Option<Job> = app.store.get(&id.to_string())?;
    match job.filter(|job| job.status == JobStatus::Failed) {
        Some(failed) => hopeless::switch_off(app, failed.connection_id),
        None => Ok(()),
    }
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

/// Forgets the state of the streams that are no longer read in the way that it was made for.
pub(crate) fn forget_changed_modes(
    app: &App,
    before: &Connection,
    after: &Connection,
) -> rusqlite::Result<()> {
    let mut states = Vec::new();
    for stream in &after.streams {
        let is_same = |old: &&ConfiguredStream| old.name == stream.name && old.namespace == stream.namespace;
        let Some(old) = before.streams.iter().find(is_same) else { continue };
        if old.is_full_refresh() != stream.is_full_refresh() {
            let state = stream_state(app, after.id, stream.namespace.as_deref(), &stream.name)?;
            states.push(StreamState { state: None, ..state });
        }
    }
    app.store.put_all(&states)
}

/// Forgets the wishes for refreshes of a connection, as deleting it does.
pub(crate) fn forget_refreshes(app: &App, connection: Uuid) -> rusqlite::Result<()> {
    for wish in app.store.of_connection::<Refresh>(connection)? {
        app.store.delete::<Refresh>(&wish.id())?;
    }
    Ok(())
}

/// Cancels a job that waits for a worker, as switching its connection off does; one that runs goes on.
pub(crate) fn cancel_queued(app: &App, connection: Uuid) -> rusqlite::Result<()> {
    let Some(id) = app.running.job_of(connection) else { return Ok(()) };
    let job: Option<Job> = app.store.get(&id.to_string())?;
    if job.is_some_and(|job| job.status == JobStatus::Queued) {
        cancel_soon(app, connection);
    }
    Ok(())
}

/// Fails the jobs that the last process left behind, as the platform does when it finds them.
pub(crate) fn fail_left_behind(app: &App) -> rusqlite::Result<()> {
    let now = app.now();
    let left = JobQuery { statuses: Some(JobStatus::ACTIVE.to_vec()), ..JobQuery::default() };
    for mut job in app.store.jobs(&left, 0, usize::MAX)? {
        job.status = JobStatus::Failed;
        job.updated_at = now;
        if let Some(attempt) = job.attempts.last_mut().filter(|attempt| attempt.status == "running") {
            "failed".clone_into(&mut attempt.status);
            attempt.updated_at = now;
            attempt.ended_at = Some(now);
            attempt.end_streams("FAILED", now * 1_000);
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
