//! Starts what is due by its schedule.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::start_next;
use crate::app::App;
use crate::model::{ClockAhead, Connection, Job, Schedule};
use crate::schedule::next_run;

/// How often the clock is looked at. It may be moved, so nothing sleeps until a moment of it.
const TICK: Duration = Duration::from_millis(100);
/// Looking takes a twentieth of the time at most, however many connections wait.
const SHARE: u32 = 20;
/// How soon after a job's creation a cron moment is passed over.
const TOO_SOON: TimeDelta = TimeDelta::minutes(1);

/// The connections that wait for their moment.
#[derive(Default)]
pub(crate) struct Scheduler(Mutex<HashMap<Uuid, Waiting>>);

struct Waiting {
    connection: Connection,
    next: Next,
}

enum Next {
    /// Nobody has looked yet.
    New,
    /// At this moment; `None`: never.
    At(Option<DateTime<Utc>>),
    /// Not known while a job is under way: runs never overlap.
    AfterTheRun,
}

/// Starts what is due, until the sandbox stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut pause = TICK;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.stop.cancelled() => return,
        }
        let begun = Instant::now();
        if let Err(error) = look(&app) {
            tracing::warn!(%error, "the schedules could not be read");
        }
        pause = TICK.max(begun.elapsed() * SHARE);
    }
}

/// Moves the sandbox's present ahead. What becomes due by that has begun when this returns.
pub(crate) fn advance(app: &Arc<App>, by: Duration) -> rusqlite::Result<()> {
    // What was asked for a moment ago waits from then on, not from the moment that the clock is moved to.
    look(app)?;
    {
        // Of two moves at once neither may take the other's place.
        let _held = app.store.hold();
        let ahead = app.clock.further(by);
        app.clock.set_ahead(ahead);
        // A clock that moves is worth more than one that is kept: a full disk is no reason to stand still.
        if let Err(error) = app.store.put(&ClockAhead { ahead }) {
            tracing::warn!(%error, "the next sandbox in this folder will not know that the clock was moved");
        }
    }
    look(app)
}

fn look(app: &Arc<App>) -> rusqlite::Result<()> {
    let mut waiting = app.scheduler.0.lock().unwrap_or_else(PoisonError::into_inner);
    for id in app.store.changed::<Connection>()? {
        let Some(connection) = app.store.get::<Connection>(&id)? else { continue };
        let known = waiting.remove(&connection.id);
        if runs_by_itself(&connection) {
            // A change of the schedule begins the waiting anew.
            let known = known.filter(|known| known.connection.schedule == connection.schedule);
            let next = known.map_or(Next::New, |known| known.next);
            waiting.insert(connection.id, Waiting { connection, next });
        }
    }
    let now = app.clock.now();
    for Waiting { connection, next } in waiting.values_mut() {
        let schedule = &connection.schedule;
        if app.running.job_of(connection.id).is_some() {
            *next = Next::AfterTheRun;
            continue;
        }
        match next {
            Next::At(Some(due)) if *due <= now => {
                let last = last_job(app, connection.id)?.map(|job| moment(job.created_at));
                let started = is_still_due(schedule, *due, last, now).then(|| start_next(app, connection));
                *next = match started {
                    Some(Ok(_)) => Next::AfterTheRun,
                    Some(Err(refusal)) => {
                        tracing::debug!(?refusal, connection = %connection.id, "a scheduled run did not begin");
                        Next::At(next_run(schedule, last, now))
                    }
                    None => Next::At(next_run(schedule, last, now)),
                };
            }
            Next::At(_) => {}
            Next::New | Next::AfterTheRun => {
                let last = last_job(app, connection.id)?;
                let since = match (&next, &last) {
                    // What became due between the end of the run and this look is due.
                    (Next::AfterTheRun, Some(job)) => moment(job.updated_at),
                    _ => now,
                };
                *next = Next::At(next_run(schedule, last.map(|job| moment(job.created_at)), since));
            }
        }
    }
    Ok(())
}

fn runs_by_itself(connection: &Connection) -> bool {
    connection.schedule != Schedule::Manual && connection.status == "active" && !connection.is_deleted
}

/// A job that came and went in between moves the moment.
fn is_still_due(
    schedule: &Schedule,
    due: DateTime<Utc>,
    last_job: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> bool {
    match schedule {
        Schedule::Cron { .. } => last_job.is_none_or(|last| last + TOO_SOON <= due),
        other => next_run(other, last_job, now).is_some_and(|due| due <= now),
    }
}

fn last_job(app: &App, connection: Uuid) -> rusqlite::Result<Option<Job>> {
    app.store.newest_of_connection(connection)
}

fn moment(epoch_second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(epoch_second, 0).unwrap_or_default()
}
