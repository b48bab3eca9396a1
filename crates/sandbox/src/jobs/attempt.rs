//! One attempt: check both sides, then move the rows of each stream.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::plan::{Planned, planned};
use super::position;
use super::run::bump_generations;
use crate::app::App;
use crate::destinations::{Destination, DestinationError, Writer};
use crate::model::{
    Actor, Attempt, Connection, Failure, Job, JobKind, JobStatus, LogEvent, StreamStats, StreamStatus,
};
use crate::sources::{Begin, Cell, Field, Row, Source, SourceError, Stream};
use crate::store::JobQuery;

/// How many batches may wait between reading and writing; it bounds the memory of a sync.
const BATCHES_AHEAD: usize = 8;

/// How often the counts of a running stream are stored.
const STATS_INTERVAL: Duration = Duration::from_millis(100);

/// Names that logs have for where a line comes from.
const ORCHESTRATOR: &str = "replication-orchestrator";
const PLATFORM: &str = "platform";

/// What an attempt is asked to do.
pub(super) struct Asked<'a> {
    pub job: &'a Job,
    pub connection: &'a Connection,
    pub number: usize,
    pub told_to_fail: bool,
    /// After how many rows of a stream the source breaks; `None`: it does not.
    pub breaks_after: Option<usize>,
    /// Knows of what is being written.
    pub writes: &'a TaskTracker,
}

/// Why an attempt failed.
pub(super) struct Fault {
    origin: &'static str,
    failure_type: &'static str,
    external: String,
    internal: String,
}

impl Fault {
    pub(super) fn cancelled() -> Self {
        Self {
            origin: "airbyte_platform",
            failure_type: "manual_cancellation",
            external: "This attempt was cancelled".to_owned(),
            internal: "cancelled".to_owned(),
        }
    }

    /// A side that cannot be reached or is configured wrongly.
    fn check(side: &'static str, reason: String) -> Self {
        Self {
            origin: side,
            failure_type: "config_error",
            external: format!(
                "Checking {side} connection failed - please review this connection's configuration to prevent future \
                 syncs from failing"
            ),
            internal: reason,
        }
    }

    /// A source that ends in the middle of a stream.
    fn broken() -> Self {
        Self {
            origin: "source",
            failure_type: "system_error",
            external: "The source broke because the fault `break-source` asked for it".to_owned(),
            internal: "break-source".to_owned(),
        }
    }

    /// Mappers that do not fit the stream, or that cannot be followed.
    pub(super) fn mappers(reason: &str) -> Self {
        let told = format!("The mappers of a stream cannot be applied: {reason}");
        Self {
            origin: "airbyte_platform",
            failure_type: "config_error",
            external: told.clone(),
            internal: told,
        }
    }

    pub(super) fn source(error: SourceError) -> Self {
        Self { origin: "source", failure_type: "config_error", external: error.0.clone(), internal: error.0 }
    }

    fn destination(error: DestinationError) -> Self {
        let failure_type = if error.transient { "system_error" } else { "config_error" };
        Self { origin: "destination", failure_type, external: error.message.clone(), internal: error.message }
    }

    pub(super) fn platform(reason: &impl ToString) -> Self {
        let reason = reason.to_string();
        Self {
            origin: "airbyte_platform",
            failure_type: "system_error",
            external: reason.clone(),
            internal: reason,
        }
    }

    pub(super) fn is_cancellation(&self) -> bool {
        self.failure_type == "manual_cancellation"
    }

    pub(super) fn is_config_error(&self) -> bool {
        self.failure_type == "config_error"
    }

    pub(super) fn failure(&self, timestamp_millis: i64) -> Failure {
        Failure {
            origin: self.origin.to_owned(),
            kind: self.failure_type.to_owned(),
            external_message: self.external.clone(),
            internal_message: self.internal.clone(),
            timestamp_millis,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::platform(&error)
    }
}

/// Runs the attempt until it has moved everything, fails, or is cancelled.
pub(super) async fn run(app: &Arc<App>, asked: &Asked<'_>, cancel: &CancellationToken) -> Result<(), Fault> {
    note(app, asked, |attempt, now| {
        log(attempt, now, PLATFORM, format!("attempt {} of job {}", asked.number, asked.job.id));
    })?;
    tokio::select! {
        outcome = work(app, asked) => outcome,
        () = cancel.cancelled() => {
            // A write that has begun goes on. It has to end before the job does: the next one may be a reset.
            asked.writes.close();
            asked.writes.wait().await;
            Err(Fault::cancelled())
        }
    }
}

async fn work(app: &Arc<App>, asked: &Asked<'_>) -> Result<(), Fault> {
    let actor = |id: uuid::Uuid| -> Result<Actor, Fault> {
        app.store.get(&id.to_string())?.ok_or_else(|| Fault::platform(&"the connector has been deleted"))
    };
    let source_actor = actor(asked.connection.source_id)?;
    let destination_actor = actor(asked.connection.destination_id)?;
    let is_reset = asked.job.kind == JobKind::Reset;
    let checked = must_check(app, asked)?;
    if asked.told_to_fail {
        return Err(Fault {
            origin: "source",
            failure_type: "config_error",
            external: "The source failed because the fault `fail-job` asked for it".to_owned(),
            internal: "fail-job".to_owned(),
        });
    }
    let source = app.open_source(&source_actor).map_err(|error| Fault::check("source", error.0));
    let destination = app
        .open_destination(&destination_actor)
        .map_err(|error| Fault::check("destination", error.message))?;
    let source = if is_reset { None } else { Some(Arc::new(source?)) };
    let discovered = discover(source.clone()).await?;
    if checked {
        note(app, asked, |attempt, now| log(attempt, now, PLATFORM, "checking the destination".to_owned()))?;
        destination.check().await.map_err(|error| Fault::check("destination", error.message))?;
    }
    bump_generations(app, asked.job)?;
    let captured = source.as_ref().filter(|source| source.captures_changes());
    let round = captured.map(|_| position::next_round(app, asked.connection.id)).transpose()?;
    let mut plan = Vec::new();
    for configured in &asked.job.streams {
        plan.push(planned(app, asked, configured, &discovered, round)?);
    }
    let targets = plan.iter().map(|planned| planned.target.clone()).collect();
    let writers = destination.writers(targets, asked.writes).await.map_err(Fault::destination)?;
    for (index, (planned, writer)) in plan.into_iter().zip(writers).enumerate() {
        match &source {
            Some(source) => move_stream(app, asked, index, source.clone(), planned, writer).await?,
            None => clear_stream(app, asked, &planned, writer).await?,
        }
    }
    if let Some(round) = round {
        position::keep_round(app, asked.job, round)?;
    }
    Ok(())
}

/// The connection's first job is checked, as is each further attempt and each job after one that failed.
fn must_check(app: &App, asked: &Asked<'_>) -> Result<bool, Fault> {
    let connection = Some(asked.connection.id);
    let newest = JobQuery { connection, newest_first: true, ..JobQuery::default() };
    // The first one is this job.
    let jobs = app.store.jobs(&newest, 0, 2)?;
    let previous = jobs.iter().find(|job| job.id < asked.job.id).map(|job| job.status);
    Ok(asked.number > 0 || previous != Some(JobStatus::Succeeded))
}

async fn discover(source: Option<Arc<Source>>) -> Result<Vec<Stream>, Fault> {
    let Some(source) = source else { return Ok(Vec::new()) };
    tokio::task::spawn_blocking(move || source.discover())
        .await
        .map_err(|error| Fault::platform(&error))?
        // A connector finds faults of its data while it reads; nothing has been written by then.
        .map_err(Fault::source)
}

/// Empties the stream's table, as a reset does.
async fn clear_stream(app: &App, asked: &Asked<'_>, planned: &Planned, writer: Writer) -> Result<(), Fault> {
    let stream = &planned.stream;
    note(app, asked, |attempt, now| stream_is(attempt, now, stream, "RUNNING"))?;
    writer.clear().await.map_err(Fault::destination)?;
    note(app, asked, |attempt, now| {
        stream_is(attempt, now, stream, "COMPLETE");
        log(attempt, now, ORCHESTRATOR, format!("stream {}: cleared", stream.name));
    })
}

/// Moves the rows of one stream and remembers how far it came.
async fn move_stream(
    app: &Arc<App>,
    asked: &Asked<'_>,
    index: usize,
    source: Arc<Source>,
    planned: Planned,
    mut writer: Writer,
) -> Result<(), Fault> {
    let name = planned.stream.name.clone();
    let mut progress = Progress {
        index,
        saved: Instant::now(),
        written: 0,
        stats: StreamStats {
            name: name.clone(),
            namespace: planned.stream.namespace.clone(),
            estimated_records: source.estimated_records(&planned.stream, &planned.begin),
            ..StreamStats::default()
        },
    };
    note(app, asked, |attempt, now| {
        log(attempt, now, ORCHESTRATOR, format!("stream {name}: started"));
        count(attempt, &progress);
        stream_is(attempt, now, &planned.stream, "RUNNING");
    })?;
    writer.begin().await.map_err(Fault::destination)?;
    let holds_back = writer.holds_back();
    let poured = pour(app, asked, source, &planned, &mut writer, &mut progress).await;
    let (ended, can_be_seen) = match poured {
        Ok(newest) => match writer.finish().await {
            Ok(()) => (Ok(newest), true),
            Err(error) => (Err(Fault::destination(error)), !holds_back),
        },
        Err(fault) => match writer.abandon().await {
            Ok(can_be_seen) => (Err(fault), can_be_seen),
            Err(error) => {
                note(app, asked, |attempt, now| {
                    log(attempt, now, "destination", format!("stream {name}: {}", error.message));
                })?;
                (Err(fault), !holds_back)
            }
        },
    };
    progress.commit(can_be_seen);
    let cursor = match ended {
        Ok(cursor) => cursor,
        Err(fault) => {
            note(app, asked, |attempt, _| count(attempt, &progress))?;
            return Err(fault);
        }
    };
    app.store.change(|| {
        if let Some(cursor) = cursor {
            position::keep_cursor(app, asked.job.connection_id, &planned.stream, &cursor)?;
        }
        note(app, asked, |attempt, now| {
            count(attempt, &progress);
            stream_is(attempt, now, &planned.stream, "COMPLETE");
            let records = progress.stats.records_committed;
            log(attempt, now, ORCHESTRATOR, format!("stream {name}: {records} records"));
        })
    })
}

/// How much of a stream has been moved, and when that was last stored.
struct Progress {
    index: usize,
    saved: Instant,
    /// Rows that were written, whether or not anybody sees them yet.
    written: i64,
    stats: StreamStats,
}

impl Progress {
    /// How many rows have been read.
    fn rows(&self) -> usize {
        usize::try_from(self.stats.records_emitted).unwrap_or(usize::MAX)
    }

    /// Counts what was written as committed if it can be seen, else nothing.
    fn commit(&mut self, can_be_seen: bool) {
        let (records, bytes) = if can_be_seen { (self.written, self.stats.bytes_emitted) } else { (0, 0) };
        self.stats.records_committed = records;
        self.stats.bytes_committed = bytes;
    }
}

/// Writes what the source reads, until its end. Returns the newest cursor of an incremental stream.
async fn pour(
    app: &App,
    asked: &Asked<'_>,
    source: Arc<Source>,
    planned: &Planned,
    writer: &mut Writer,
    progress: &mut Progress,
) -> Result<Option<String>, Fault> {
    let Planned { stream, wanted, mappers, begin, cursor, keeps_cursor, .. } = planned;
    let cursor_column = cursor
        .first()
        .filter(|_| *keeps_cursor)
        .and_then(|name| wanted.iter().position(|field| field.name == *name));
    let mut newest = match begin {
        Begin::After(cursor) => Some(cursor.clone()),
        _ => None,
    };
    let (mut batches, reading) = read(source, stream.clone(), wanted, begin.clone());
    while let Some(mut rows) = batches.recv().await {
        let left = asked.breaks_after.map(|most| most.saturating_sub(progress.rows()));
        let breaks = left.is_some_and(|left| left < rows.len());
        if let Some(left) = left {
            rows.truncate(left);
        }
        for value in cursor_column.into_iter().flat_map(|column| rows.iter().map(move |row| &row[column])) {
            if let Cell::Text(value) = value
                && newest.as_ref().is_none_or(|newest| value > newest)
            {
                newest = Some(value.clone());
            }
        }
        let stats = &mut progress.stats;
        stats.records_emitted += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        mappers.apply(&mut rows);
        let written = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        stats.bytes_emitted += writer.write(rows).await.map_err(Fault::destination)?;
        progress.written += written;
        progress.commit(!writer.holds_back());
        if progress.saved.elapsed() > STATS_INTERVAL {
            note(app, asked, |attempt, _| count(attempt, progress))?;
            progress.saved = Instant::now();
        }
        if breaks {
            return Err(Fault::broken());
        }
    }
    reading.await.map_err(|error| Fault::platform(&error))?.map_err(Fault::source)?;
    Ok(newest)
}

type Reading = tokio::task::JoinHandle<Result<(), SourceError>>;

/// Reads the wanted fields of a stream on a thread of its own. Dropping the receiver ends the reading.
fn read(
    source: Arc<Source>,
    stream: Stream,
    wanted: &[Field],
    begin: Begin,
) -> (mpsc::Receiver<Vec<Row>>, Reading) {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let kept: Vec<usize> = wanted
        .iter()
        .filter_map(|field| stream.fields.iter().position(|known| known.name == field.name))
        .collect();
    let reading = tokio::task::spawn_blocking(move || {
        let all = kept.len() == stream.fields.len();
        source.read(&stream, &begin, &mut |mut rows| {
            if !all {
                for row in &mut rows {
                    *row = kept.iter().map(|index| row[*index].clone()).collect();
                }
            }
            match sender.blocking_send(rows) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })
    });
    (receiver, reading)
}

/// Changes the record of the attempt, at this moment in epoch milliseconds. Each change stores the whole job anew, so
/// what happens together is noted together.
fn note(app: &App, asked: &Asked<'_>, change: impl FnOnce(&mut Attempt, i64)) -> Result<(), Fault> {
    let now = app.clock.now().timestamp_millis();
    app.store.update(&asked.job.id.to_string(), |job: &mut Job| {
        if let Some(attempt) = job.attempts.get_mut(asked.number) {
            change(attempt, now);
        }
    })?;
    Ok(())
}

/// What has become of a stream.
fn stream_is(attempt: &mut Attempt, now: i64, stream: &Stream, state: &str) {
    let mut known = attempt.streams.iter_mut();
    match known.find(|one| one.name == stream.name && one.namespace == stream.namespace) {
        Some(known) => {
            state.clone_into(&mut known.state);
            known.changed_at_millis = now;
        }
        None => attempt.streams.push(StreamStatus {
            id: uuid::Uuid::new_v4(),
            name: stream.name.clone(),
            namespace: stream.namespace.clone(),
            state: state.to_owned(),
            cause: None,
            changed_at_millis: now,
        }),
    }
}

/// How much of a stream has been moved.
fn count(attempt: &mut Attempt, progress: &Progress) {
    attempt.stats.truncate(progress.index);
    attempt.stats.push(progress.stats.clone());
}

/// A line of the attempt's log.
fn log(attempt: &mut Attempt, now: i64, source: &str, message: String) {
    attempt.log.push(LogEvent {
        timestamp_millis: now,
        level: "info".to_owned(),
        source: source.to_owned(),
        message,
    });
}

/// Whether the destination of this actor answers; what `check_connection` asks.
pub(crate) async fn check(app: &App, actor: &Actor) -> Result<(), String> {
    match actor.side {
        crate::model::Side::Source => {
            let source = app.open_source(actor).map_err(|error| error.0)?;
            let read = tokio::task::spawn_blocking(move || source.discover());
            read.await.map_err(|error| error.to_string())?.map(drop).map_err(|error| error.0)
        }
        crate::model::Side::Destination => {
            let destination: Destination = app.open_destination(actor).map_err(|error| error.message)?;
            destination.check().await.map_err(|error| error.message)
        }
    }
}
