//! Waiting for a job.
//!
//! Watching is not retrying: its pauses have no randomness, a look that fails says nothing about the job,
//! and there is no limit of time unless the caller sets one. Only a job that cannot be seen at all is given up.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde::{Serialize, Serializer};

use crate::attempt::StreamStats;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Job, JobInfo, JobStatus};
use crate::log::LogLine;
use crate::watch::{Details, Watch, judge};

/// How jobs are watched.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct PollingPolicy {
    pub(crate) interval: Duration,
    pub(crate) growth: f64,
    pub(crate) longest_interval: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) patience: Duration,
}

impl Default for PollingPolicy {
    /// The first look after half a second, each further one half as much later again, up to ten seconds; no
    /// time limit; 15 minutes without one look that succeeds are survived.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(500),
            growth: 1.5,
            longest_interval: Duration::from_secs(10),
            timeout: None,
            patience: Duration::from_mins(15),
        }
    }
}

impl PollingPolicy {
    /// The pause between the first two looks.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// By what factor the pause grows after each look; 1 keeps it.
    pub fn growth(mut self, factor: f64) -> Self {
        self.growth = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        self
    }

    /// The longest pause that the growth reaches.
    pub fn longest_interval(mut self, interval: Duration) -> Self {
        self.longest_interval = interval;
        self
    }

    /// How long to wait for the job's end.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long looks may fail, without one between them that succeeds, before waiting is given up. A single
    /// failed look never ends a wait, however long ago the one before it was: the machine may have slept. What
    /// the server asks for with `Retry-After` is kept within this time, too. The job goes on in any case.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The interval after this one.
    pub(crate) fn grown(&self, interval: Duration) -> Duration {
        let longest = self.longest_interval.max(self.interval);
        Duration::try_from_secs_f64(interval.as_secs_f64() * self.growth).unwrap_or(longest).min(longest)
    }
}

/// A job that has not ended, at one look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobProgress {
    /// The job.
    pub job: JobInfo,
    /// Bytes moved so far, where known.
    pub bytes_synced: Option<i64>,
    /// Records moved so far, where known.
    pub records_synced: Option<i64>,
    /// The running attempt, counted from 0. Only known where the Config API can be reached.
    pub attempt: Option<i64>,
    /// How far each stream is in that attempt. Only known where the Config API can be reached.
    pub streams: Vec<StreamStats>,
    /// How long the job has been watched. The job's own [`duration`](JobInfo::duration) stands still while it
    /// runs. As JSON: `watched_seconds`.
    #[serde(rename = "watched_seconds", serialize_with = "in_seconds")]
    pub watched: Duration,
}

fn in_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl JobProgress {
    /// What the job itself tells.
    pub(crate) fn new(job: JobInfo, watched: Duration) -> Self {
        let (bytes_synced, records_synced) = (job.bytes_synced, job.records_synced);
        Self { job, bytes_synced, records_synced, attempt: None, streams: Vec::new(), watched }
    }

    /// Where the job stands.
    pub fn status(&self) -> &JobStatus {
        &self.job.status
    }
}

/// What a [`Poller`] tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The job goes on.
    InProgress(JobProgress),
    /// This look failed. Another one follows.
    PollFailed(Error),
    /// Lines of the job's log that were not told before; only if [`Poller::logs`] asks for them.
    Log(Vec<LogLine>),
    /// The log cannot be read, or not any more, and this is why. Waiting goes on without it.
    LogUnavailable(Error),
    /// The job has ended, well or not. The last update.
    Done(JobInfo),
    /// Waiting has ended before the job: the time limit passed, looks have failed for too long, or looking is
    /// not allowed (any more). The last update.
    Stopped(Error),
}

type OnUpdate = dyn FnMut(&Update) + Send;

/// Waits for a job to end.
///
/// `.await` gives the job if it succeeded. A job that failed or was cancelled is an error of kind
/// [`JobFailed`](ErrorKind::JobFailed) or [`JobCancelled`](ErrorKind::JobCancelled) that holds the job and
/// the reasons; a passed time limit is one of kind [`Timeout`](ErrorKind::Timeout) with the job's id, so that
/// waiting can go on later. As a [`Stream`] it gives an [`Update`] per look.
///
/// ```no_run
/// # async fn example(job: airbyte_cloud::Job) -> airbyte_cloud::Result<()> {
/// use std::time::Duration;
/// use airbyte_cloud::Update;
///
/// let done = job
///     .wait()
///     .timeout(Duration::from_secs(1800))
///     .on_update(|update| {
///         if let Update::InProgress(progress) = update {
///             println!("{}: {} records", progress.status(), progress.records_synced.unwrap_or(0));
///         }
///     })
///     .await?;
/// println!("{} records", done.records_synced.unwrap_or(0));
/// # Ok(())
/// # }
/// ```
#[must_use = "waiting does not begin until it is awaited or polled"]
#[allow(clippy::struct_excessive_bools, reason = "independent options")]
pub struct Poller {
    job: Job,
    policy: PollingPolicy,
    details: bool,
    logs: bool,
    cancel_on_timeout: bool,
    cancel_on_drop: bool,
    on_update: Option<Box<OnUpdate>>,
    updates: Option<BoxStream<'static, Update>>,
    outcome: Option<Result<JobInfo>>,
}

impl Poller {
    pub(crate) fn new(job: Job) -> Self {
        Self {
            policy: job.client().polling(),
            job,
            details: true,
            logs: false,
            cancel_on_timeout: false,
            cancel_on_drop: false,
            on_update: None,
            updates: None,
            outcome: None,
        }
    }

    /// Replaces the client's policy.
    pub fn policy(mut self, policy: PollingPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The pause between the first two looks.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.policy = self.policy.interval(interval);
        self
    }

    /// How long to wait. The job goes on afterwards, unless [`cancel_on_timeout`](Self::cancel_on_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy = self.policy.timeout(timeout);
        self
    }

    /// How long looks may fail, without one between them that succeeds, before waiting is given up; see
    /// [`PollingPolicy::patience`].
    pub fn patience(mut self, patience: Duration) -> Self {
        self.policy = self.policy.patience(patience);
        self
    }

    /// Whether updates tell the attempt and the streams, at the price of a second request per look. They do
    /// unless turned off.
    pub fn details(mut self, wanted: bool) -> Self {
        self.details = wanted;
        self
    }

    /// Whether the updates have the job's log: each line once, from the first attempt's start on, whatever
    /// happens in between. The price is that the running attempt's log is fetched at every look; those of
    /// ended attempts are not fetched again. Needs the Config API.
    pub fn logs(mut self, wanted: bool) -> Self {
        self.logs = wanted;
        self
    }

    /// Cancels the job when the time limit passes.
    pub fn cancel_on_timeout(mut self) -> Self {
        self.cancel_on_timeout = true;
        self
    }

    /// Cancels the job when this is dropped before the wait has ended, for example because the caller is
    /// cancelled itself. A wait that ends without the job, at its time limit for instance, leaves the job alone. The
    /// request is sent in the background, so the runtime has to go on for a moment.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancel_on_drop = true;
        self
    }

    /// Calls this with each update while the result is awaited.
    pub fn on_update(mut self, call: impl FnMut(&Update) + Send + 'static) -> Self {
        self.on_update = Some(Box::new(call));
        self
    }

    async fn result(mut self) -> Result<JobInfo> {
        while let Some(update) = self.next().await {
            if let Some(call) = &mut self.on_update {
                call(&update);
            }
        }
        // It has ended, and is not dropped in the middle.
        self.cancel_on_drop = false;
        match self.outcome.take() {
            Some(Ok(info)) => judge(&self.job, info, None).await,
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::UnexpectedResponse, "the wait ended without a result")
                .with_job_id(self.job.id())),
        }
    }
}

impl Stream for Poller {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        if self.updates.is_none() {
            let details = Details::new(self.details, self.logs);
            let watch = Watch::new(self.job.clone(), self.policy, details, self.cancel_on_timeout);
            self.updates = Some(watch.updates().boxed());
        }
        let Some(updates) = &mut self.updates else { return Poll::Ready(None) };
        let update = ready!(updates.poll_next_unpin(context));
        match &update {
            Some(Update::Done(info)) => self.outcome = Some(Ok(info.clone())),
            Some(Update::Stopped(error)) => self.outcome = Some(Err(error.clone())),
            _ => {}
        }
        Poll::Ready(update)
    }
}

impl IntoFuture for Poller {
    type Output = Result<JobInfo>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.result())
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        if !self.cancel_on_drop || self.outcome.is_some() {
            return;
        }
        let job = self.job.clone();
        // Outside of a runtime there is nobody to send the request.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = job.cancel().await {
                    tracing::warn!(job = %job.id(), %error, "an abandoned job could not be cancelled");
                }
            });
        }
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("job", &self.job.id())
            .field("policy", &self.policy)
            .field("cancel_on_timeout", &self.cancel_on_timeout)
            .field("cancel_on_drop", &self.cancel_on_drop)
            .finish_non_exhaustive()
    }
}
