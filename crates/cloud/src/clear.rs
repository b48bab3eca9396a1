//! Emptying streams in the destination: clear and reset.
//!
//! The server does the same for both: it cancels whatever runs on the connection without asking, and makes a
//! job of type `reset`. So it is asked here before, and the request is never repeated.

use std::future::IntoFuture;

use airbyte_api_raw::{config, public};
use futures::future::BoxFuture;

use crate::call::Operation;
use crate::client::Client;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::JobId;
use crate::job::{JobInfo, JobType};
use crate::start::{Baseline, START_TIMEOUT};
use crate::stream::StreamId;
use crate::sync_result::SyncResult;

/// The two words that the API has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Needs the role of an editor.
    Clear,
    /// Needs the role of a runner only.
    Reset,
}

/// Empties streams of a connection in the destination, and forgets how far they were read; made by
/// [`Connection::clear`] and [`Connection::reset`], run by `.await`.
///
/// All streams unless some are [chosen](Self::streams). The result is the job that does it, of type `reset`.
/// No sync follows by itself before the connection's schedule says so.
///
/// Errors: [`AlreadyRunning`](ErrorKind::AlreadyRunning) if a job runs on the connection and
/// [`cancel_running`](Self::cancel_running) was not said. If the answer is lost, the job is looked for; the
/// request itself is sent once only.
#[derive(Clone, Debug)]
#[must_use = "nothing is cleared until it is awaited"]
pub struct ClearRequest {
    connection: Connection,
    word: Word,
    streams: Option<Vec<StreamId>>,
    cancel_running: bool,
}

impl ClearRequest {
    fn new(connection: Connection, word: Word) -> Self {
        Self { connection, word, streams: None, cancel_running: false }
    }

    /// Only these streams (Config API operations `clearConnectionStream`, `resetConnectionStream`). They have
    /// to be among those that the connection syncs.
    pub fn streams<S: Into<StreamId>>(mut self, streams: impl IntoIterator<Item = S>) -> Self {
        self.streams = Some(streams.into_iter().map(Into::into).collect());
        self
    }

    /// Cancels a job that runs on the connection. What it has not moved yet is then not moved.
    pub fn cancel_running(mut self) -> Self {
        self.cancel_running = true;
        self
    }

    async fn start(self) -> Result<SyncResult> {
        let client = self.connection.client();
        let streams = match &self.streams {
            Some(streams) => Some(selected(&self.connection, streams).await?),
            None => None,
        };
        if streams.is_some() {
            client.path().config_root()?;
        }
        let baseline = Baseline::read(&self.connection).await?;
        if !self.cancel_running {
            baseline.refuse_if_running()?;
        }
        let started = match &streams {
            None => self.all().await,
            Some(streams) => match self.some(streams).await {
                Ok(job) => begun(client, job).await,
                Err(error) => Err(error),
            },
        };
        let fits = |job_type: &JobType| matches!(job_type, JobType::Reset | JobType::Clear);
        let job = adopt(&baseline, started, "the clearing", fits).await?;
        Ok(SyncResult::new(client.clone(), job, false))
    }

    /// Sends `POST /jobs` (operation `createJob`).
    async fn all(&self) -> Result<JobInfo> {
        let request = public::types::JobCreateRequest {
            connection_id: self.connection.id().into(),
            job_type: match self.word {
                Word::Clear => public::types::JobTypeEnum::Clear,
                Word::Reset => public::types::JobTypeEnum::Reset,
            },
        };
        let request = &request;
        let call = self.connection.client().path().run(operation("createJob"), |attempt| async move {
            attempt.public().create_job().body(request.clone()).send().await
        });
        // The job exists even if its description makes no sense.
        call.await?.try_into().map_err(|error: Error| error.with_ambiguous(true))
    }

    async fn some(&self, streams: &[StreamId]) -> Result<JobId> {
        let body = config::types::ConnectionStreamRequestBody {
            connection_id: config::types::ConnectionId(self.connection.id().into()),
            streams: streams.iter().map(connection_stream).collect(),
        };
        let (word, body) = (self.word, &body);
        let id = match word {
            Word::Clear => "clearConnectionStream",
            Word::Reset => "resetConnectionStream",
        };
        let call = self.connection.client().path().run(operation(id), |attempt| async move {
            let api = attempt.config();
            match word {
                Word::Clear => api.clear_connection_stream().body(body.clone()).send().await,
                Word::Reset => api.reset_connection_stream().body(body.clone()).send().await,
            }
        });
        Ok(JobId::new(call.await?.job.id.0))
    }
}

impl IntoFuture for ClearRequest {
    type Output = Result<SyncResult>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl Connection {
    /// Empties its streams in the destination; `.await` it. See [`ClearRequest`].
    pub fn clear(&self) -> ClearRequest {
        ClearRequest::new(self.clone(), Word::Clear)
    }

    /// The same as [`clear`](Self::clear), under the API's older word; it needs a lower role.
    pub fn reset(&self) -> ClearRequest {
        ClearRequest::new(self.clone(), Word::Reset)
    }
}

/// A request that starts a job and must not be repeated.
pub(crate) fn operation(id: &'static str) -> Operation {
    Operation::once(id).timeout(START_TIMEOUT)
}

/// A job that has begun. It exists even if it cannot be read now.
pub(crate) async fn begun(client: &Client, job: JobId) -> Result<JobInfo> {
    client.job(job).info().await.map_err(|error| error.with_ambiguous(true))
}

/// A stream in the form of the Config API.
pub(crate) fn connection_stream(stream: &StreamId) -> config::types::ConnectionStream {
    config::types::ConnectionStream {
        stream_name: stream.name.clone(),
        stream_namespace: stream.namespace.clone(),
    }
}

/// The streams of a connection that are meant, each with its namespace. The server would take an empty list
/// for all, and not notice an unknown stream.
pub(crate) async fn selected(connection: &Connection, wanted: &[StreamId]) -> Result<Vec<StreamId>> {
    if wanted.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "an empty list of streams was given")
            .with_hint("leave the list out to mean all streams"));
    }
    let known: Vec<StreamId> = connection.info().await?.streams.iter().map(StreamId::from).collect();
    let mut found = Vec::with_capacity(wanted.len());
    for stream in wanted {
        match stream.find(&known)? {
            Some(place) if !found.contains(&known[place]) => found.push(known[place].clone()),
            Some(_) => {}
            None => return Err(not_synced(stream, &known)),
        }
    }
    Ok(found)
}

/// The error for a stream that a connection does not sync.
pub(crate) fn not_synced(stream: &StreamId, known: &[StreamId]) -> Error {
    let known = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Error::new(ErrorKind::InvalidInput, format!("the connection does not sync a stream `{stream}`"))
        .with_hint(format!("it syncs: {known}"))
}

/// The job of a start that is not repeated: its answer, or a newer job of a fitting type if the answer was
/// lost. A schedule may have started others.
pub(crate) async fn adopt(
    baseline: &Baseline,
    started: Result<JobInfo>,
    what: &str,
    fits: impl Fn(&JobType) -> bool,
) -> Result<JobInfo> {
    let error = match started {
        Ok(job) => return Ok(job),
        Err(error) => error,
    };
    // The server may have given up looking for the job although it starts.
    let gave_up = error.problem().is_some_and(|problem| problem.is("state-conflict"));
    if !error.is_ambiguous() && !gave_up {
        return Err(error);
    }
    match baseline.look_for_newer(what, &error, fits).await? {
        Some(job) => Ok(job),
        // The server first cancels what runs, and waits until it has stopped.
        None => Err(error.with_retryable(false).with_hint(
            "no job has appeared on the connection yet, and the server may still be at it: look at the connection's jobs in a while before asking for it again",
        )),
    }
}
