//! The life of one job: attempts until one succeeds or there is no point in another.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt::{self, Fault};
use super::stream_state;
use crate::app::App;
use crate::fault::FaultKind;
use crate::model::{
    Attempt, ConfiguredStream, Connection, ConnectionState, Failure, Job, JobKind, JobStatus, LogEvent,
    Record, Refresh, StreamState,
};

/// How long a job is at least pending, and at least running, before the time scale.
const LEAST_PENDING: Duration = Duration::from_millis(100);
const LEAST_RUNNING: Duration = Duration::from_millis(300);
/// Attempts in a row that commit nothing before a job is given up.
const FRUITLESS_ATTEMPTS: usize = 5;
/// Attempts at all that commit nothing before a job is given up.
const FRUITLESS_AT_ALL: usize = 10;
/// Attempts that commit something before a job is given up.
const FRUITFUL_ATTEMPTS: usize = 20;
/// The first pause before a further attempt; each next one is three times as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// How long after the store has failed it is tried again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Lives a job's life to its end. A job whose record could not be kept or that panics fails: whoever waits for it learns
/// of its end, and its connection is free again.
pub(super) async fn to_the_end(app: &App, id: i64, life: impl Future<Output = rusqlite::Result<()>>) {
    let fault = match AssertUnwindSafe(life).catch_unwind().await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => {
            tracing::error!(%error, job = id, "the job's record could not be kept");
            Fault::platform(&error)
        }
        // Where and why has been told by the hook of panics.
        Err(_) => {
            tracing::error!(job = id, "the job has panicked");
            Fault::platform(&"the job has panicked, which is a fault of the sandbox")
        }
    };
    give_up(app, id, &fault).await;
}

/// Fails a job as soon as the store takes it.
async fn give_up(app: &App, id: i64, fault: &Fault) {
    loop {
        let given_up: rusqlite::Result<()> = app.store.change(|| {
            let job: Option<Job> = app.store.get(&id.to_string())?;
            let Some(job) = job.filter(|job| !job.status.is_final()) else { return Ok(()) };
            if job.attempts.last().is_some_and(|attempt| attempt.status == "running") {
                let failure = fault.failure(app.clock.now().timestamp_millis());
                end(app, id, JobStatus::Failed, Some(failure))
            } else {
                set_status(app, id, JobStatus::Failed)
            }
        });
        if given_up.is_ok() {
            return;
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// Runs the job to its end. Only a failure of the store is an error; a failed sync is the job's own end.
pub(super) async fn run(
    app: &Arc<App>,
    id: i64,
    cancel: &CancellationToken,
    writes: &TaskTracker,
) -> rusqlite::Result<()> {
    if paused(app, LEAST_PENDING, cancel).await {
        return set_status(app, id, JobStatus::Cancelled);
    }
    let Some(job): Option<Job> = app.store.get(&id.to_string())? else { return Ok(()) };
    let Some(connection): Option<Connection> = app.store.get(&job.connection_id.to_string())? else {
        return set_status(app, id, JobStatus::Failed);
    };
    let faults = app.faults.for_job();
    let extra: Duration = faults.iter().filter_map(slow_by).sum();
    let queued: Duration = faults.iter().filter_map(queued_for).sum();
    if !queued.is_zero() {
        set_status(app, id, JobStatus::Queued)?;
        if paused(app, queued, cancel).await {
            return set_status(app, id, JobStatus::Cancelled);
        }
    }
    let told_to_fail = faults.contains(&FaultKind::FailJob);
    let (mut fruitless, mut fruitless_at_all) = (0, 0);
    for number in 0.. {
        begin_attempt(app, id, number)?;
        // A reset has no source that could break.
        let faults = if job.kind == JobKind::Reset { Vec::new() } else { app.faults.for_attempt() };
        let breaks_after = faults.iter().filter_map(breaks_after).min();
        let asked =
            attempt::Asked { job: &job, connection: &connection, number, told_to_fail, breaks_after, writes };
        let least = LEAST_RUNNING.max(extra);
        let work = async {
            let (outcome, cancelled) =
                tokio::join!(attempt::run(app, &asked, cancel), paused(app, least, cancel));
            if cancelled { Err(Fault::cancelled()) } else { outcome }
        };
        let Err(fault) = work.await else {
            return end(app, id, JobStatus::Succeeded, None);
        };
        let committed = end_attempt(app, id, &fault)?;
        if fault.is_cancellation() {
            return set_status(app, id, JobStatus::Cancelled);
        }
        fruitless = if committed { 0 } else { fruitless + 1 };
        fruitless_at_all += usize::from(!committed);
        let limit = if committed {
            number + 1 - fruitless_at_all >= FRUITFUL_ATTEMPTS
        } else {
            fruitless >= FRUITLESS_ATTEMPTS || fruitless_at_all >= FRUITLESS_AT_ALL
        };
        if fault.is_config_error() || limit {
            return set_status(app, id, JobStatus::Failed);
        }
        if !committed {
            let power = u32::try_from(fruitless - 1).unwrap_or(u32::MAX);
            let pause = FIRST_PAUSE.saturating_mul(3_u32.saturating_pow(power)).min(LONGEST_PAUSE);
            if paused(app, pause, cancel).await {
                return set_status(app, id, JobStatus::Cancelled);
            }
        }
    }
    Ok(())
}

fn slow_by(fault: &FaultKind) -> Option<Duration> {
    match fault {
        FaultKind::SlowJob(duration) => Some(*duration),
        _ => None,
    }
}

fn queued_for(fault: &FaultKind) -> Option<Duration> {
    match fault {
        FaultKind::QueueJob(duration) => Some(*duration),
        _ => None,
    }
}

fn breaks_after(fault: &FaultKind) -> Option<usize> {
    match fault {
        FaultKind::BreakSource(rows) => Some(*rows),
        _ => None,
    }
}

/// Waits; true if the job was cancelled meanwhile.
async fn paused(app: &App, duration: Duration, cancel: &CancellationToken) -> bool {
    tokio::select! {
        () = app.clock.pause(duration) => cancel.is_cancelled(),
        () = cancel.cancelled() => true,
    }
}

fn set_status(app: &App, id: i64, status: JobStatus) -> rusqlite::Result<()> {
    let now = app.now();
    app.store
        .update(&id.to_string(), |job: &mut Job| {
            job.status = status;
            job.updated_at = now;
        })
        .map(drop)
}

fn begin_attempt(app: &App, id: i64, number: usize) -> rusqlite::Result<()> {
    let now = app.now();
    app.store
        .update(&id.to_string(), |job: &mut Job| {
            job.status = JobStatus::Running;
            job.updated_at = now;
            job.attempts.push(Attempt {
                number,
                status: "running".to_owned(),
                created_at: now,
                updated_at: now,
                ended_at: None,
                stats: Vec::new(),
                failure: None,
                log: Vec::new(),
                streams: Vec::new(),
            });
        })
        .map(drop)
}

/// Ends the job and its running attempt, whose failure this is.
fn end(app: &App, id: i64, status: JobStatus, failure: Option<Failure>) -> rusqlite::Result<()> {
    let now = app.now();
    let now_millis = app.clock.now().timestamp_millis();
    app.store
        .update(&id.to_string(), |job: &mut Job| {
            job.status = status;
            job.updated_at = now;
            if let Some(attempt) = job.attempts.last_mut() {
                let status = if failure.is_none() { "succeeded" } else { "failed" };
                status.clone_into(&mut attempt.status);
                attempt.updated_at = now;
                attempt.ended_at = Some(now);
                if let Some(failure) = &failure {
                    let was_cancelled = failure.kind == "manual_cancellation";
                    attempt.end_streams(if was_cancelled { "CANCELED" } else { "FAILED" }, now_millis);
                    attempt.log.push(LogEvent {
                        timestamp_millis: failure.timestamp_millis,
                        level: "error".to_owned(),
                        source: log_source(&failure.origin).to_owned(),
                        message: failure.internal_message.clone(),
                    });
                }
                attempt.failure = failure;
            }
        })
        .map(drop)
}

/// The name that logs have for where a failure came from.
fn log_source(origin: &str) -> &str {
    match origin {
        "source" | "destination" => origin,
        _ => "platform",
    }
}

/// Records the attempt's failure and leaves the job incomplete. True if the attempt committed anything.
fn end_attempt(app: &App, id: i64, fault: &Fault) -> rusqlite::Result<bool> {
    let failure = fault.failure(app.clock.now().timestamp_millis());
    end(app, id, JobStatus::Incomplete, Some(failure))?;
    let job: Option<Job> = app.store.get(&id.to_string())?;
    let last = job.as_ref().and_then(|job| job.attempts.last());
    Ok(last.is_some_and(|attempt| attempt.stats.iter().any(|stream| stream.records_committed > 0)))
}

/// Bumps the generation of the streams that this attempt reads from the start, and forgets their state.
///
/// A job does so once: the first of its attempts that comes so far. Further ones do it for full refreshes alone, none of
/// which can be resumed here.
pub(super) fn bump_generations(app: &App, job: &Job) -> rusqlite::Result<()> {
    let id = job.id.to_string();
    app.store.change(|| {
        let is_first = app.store.get::<Job>(&id)?.is_some_and(|stored| !stored.bumped);
        let starts_over = |stream: &&ConfiguredStream| match job.kind {
            JobKind::Reset => is_first,
            JobKind::Sync | JobKind::Refresh => {
                stream.is_full_refresh() || (is_first && job.refresh_of(stream).is_some())
            }
        };
        let mut states = Vec::new();
        for stream in job.streams.iter().filter(starts_over) {
            let mut state = stream_state(app, job.connection_id, stream.namespace.as_deref(), &stream.name)?;
            state.generation += 1;
            state.state = None;
            states.push(state);
        }
        app.store.put_all(&states)?;
        if is_first {
            for taken in &job.refreshes {
                // Another wish may have taken the place of the one that the job took. It waits for the next job.
                if app.store.get::<Refresh>(&taken.id())?.as_ref() == Some(taken) {
                    app.store.delete::<Refresh>(&taken.id())?;
                }
            }
            app.store.update(&id, |stored: &mut Job| stored.bumped = true)?;
        }
        // What the streams share means nothing without them.
        let remaining: Vec<StreamState> = app.store.of_connection(job.connection_id)?;
        let is_left = |state: &StreamState| state.state.is_some();
        if !states.is_empty() && !remaining.iter().any(is_left) {
            app.store.delete::<ConnectionState>(&job.connection_id.to_string())?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sandbox;

    #[tokio::test]
    async fn a_job_that_panics_ends_as_failed() {
        let sandbox = Sandbox::start().await.unwrap();
        let app = sandbox.app();
        let connection = app.store.list::<Connection>().unwrap().remove(0);
        let job = Job {
            id: 1,
            connection_id: connection.id,
            workspace_id: connection.workspace_id,
            kind: JobKind::Sync,
            status: JobStatus::Pending,
            created_at: 0,
            updated_at: 0,
            streams: Vec::new(),
            refreshes: Vec::new(),
            bumped: false,
            attempts: Vec::new(),
        };
        app.store.put(&job).unwrap();
        let life = async {
            begin_attempt(app, 1, 0)?;
            panic!("in the middle of an attempt");
        };
        to_the_end(app, 1, life).await;
        let ended: Job = app.store.get("1").unwrap().unwrap();
        assert_eq!((ended.status, ended.attempts[0].status.as_str()), (JobStatus::Failed, "failed"));
        assert!(ended.attempts[0].failure.is_some());
    }

    #[tokio::test]
    async fn a_job_begins_its_streams_anew_once_and_fulfils_the_wishes_that_it_took() {
        let sandbox = Sandbox::start().await.unwrap();
        let app = sandbox.app();
        let connection = app.store.list::<Connection>().unwrap().remove(0);
        let stream = |name: &str| ConfiguredStream {
            name: name.to_owned(),
            sync_mode: "incremental_append".to_owned(),
            ..connection.streams[0].clone()
        };
        let wish = |name: &str, truncates: bool| Refresh {
            connection_id: connection.id,
            name: name.to_owned(),
            namespace: None,
            truncates,
        };
        let job = Job {
            id: 1,
            connection_id: connection.id,
            workspace_id: connection.workspace_id,
            kind: JobKind::Refresh,
            status: JobStatus::Running,
            created_at: 0,
            updated_at: 0,
            streams: vec![stream("users"), stream("products")],
            refreshes: vec![wish("users", false), wish("products", false)],
            bumped: false,
            attempts: Vec::new(),
        };
        app.store.put(&job).unwrap();
        // The products are to be truncated by now, which nobody had asked for when the job was made.
        app.store.put_all(&[wish("users", false), wish("products", true)]).unwrap();
        let generation = |name: &str| stream_state(app, connection.id, None, name).unwrap().generation;
        for attempt in ["the first that comes so far, whatever its number", "a further one"] {
            bump_generations(app, &job).unwrap();
            assert_eq!((generation("users"), generation("products")), (1, 1), "{attempt}");
            let left: Vec<Refresh> = app.store.of_connection(connection.id).unwrap();
            assert_eq!(left, [wish("products", true)], "{attempt}");
        }
    }
}
