//! Waiting for a job.
//!
//! Watching is not retrying: its pauses have no randomness, a look that fails says nothing about the job,
//! and there is no limit of time unless the caller sets one.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde::Serialize;
use tokio::time::Instant;

use crate::attempts::{self, StreamProgress};
use crate::call::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::failure::{Failure, FailureType};
use crate::job::{Job, JobInfo, JobStatus};
use crate::retry::RetryPolicy;

/// How jobs are watched.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct PollingPolicy {
    interval: Duration,
    growth: f64,
    longest_interval: Duration,
    timeout: Option<Duration>,
    failed_polls: u32,
}

impl Default for PollingPolicy {
    /// The first look after half a second, each further one half as much later again, up to ten seconds; no
    /// time limit; 30 failed looks in a row are survived.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(500),
            growth: 1.5,
            longest_interval: Duration::from_secs(10),
            timeout: None,
            failed_polls: 30,
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

    /// How many looks in a row may fail before waiting is given up. The job goes on in any case.
    pub fn failed_polls(mut self, count: u32) -> Self {
        self.failed_polls = count;
        self
    }

    fn grown(&self, interval: Duration) -> Duration {
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
    /// How far each stream is. Only known where the Config API can be reached.
    pub streams: Vec<StreamProgress>,
}

impl JobProgress {
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
    /// The job has ended, well or not. The last update.
    Done(JobInfo),
    /// Waiting has ended before the job: the time limit passed, too many looks failed, or looking is not
    /// allowed (any more). The last update.
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
pub struct Poller {
    job: Job,
    policy: PollingPolicy,
    details: bool,
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

    /// Whether updates tell the attempt and the streams, at the price of a second request per look. They do
    /// unless turned off.
    pub fn details(mut self, wanted: bool) -> Self {
        self.details = wanted;
        self
    }

    /// Cancels the job when the time limit passes.
    pub fn cancel_on_timeout(mut self) -> Self {
        self.cancel_on_timeout = true;
        self
    }

    /// Cancels the job when this is dropped before the job has ended, for example because the caller is
    /// cancelled itself. The request is sent in the background, so the runtime has to go on for a moment.
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
        match self.outcome.take() {
            Some(Ok(info)) => {
                // It has ended, so there is nothing left to cancel.
                self.cancel_on_drop = false;
                judge(&self.job, info).await
            }
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
            let watch = Watch {
                job: self.job.clone(),
                policy: self.policy,
                details: Details { wanted: self.details, misses: 0 },
                cancel_on_timeout: self.cancel_on_timeout,
            };
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
        let ended = matches!(self.outcome, Some(Ok(_)));
        if !self.cancel_on_drop || ended || (self.cancel_on_timeout && self.outcome.is_some()) {
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

/// The watching itself.
struct Watch {
    job: Job,
    policy: PollingPolicy,
    details: Details,
    cancel_on_timeout: bool,
}

impl Watch {
    fn updates(mut self) -> impl Stream<Item = Update> + Send {
        async_stream::stream! {
            let started = self.job.client().clock().now();
            let deadline = self.policy.timeout.and_then(|timeout| started.checked_add(timeout));
            let mut interval = self.policy.interval;
            let mut failed = 0;
            let mut last_seen = None;
            loop {
                match self.look(deadline).await {
                    Ok(info) if info.status.is_final() => {
                        yield Update::Done(info);
                        return;
                    }
                    Ok(info) => {
                        failed = 0;
                        last_seen = Some(info.clone());
                        yield Update::InProgress(self.details.progress(&self.job, info, deadline).await);
                    }
                    Err(error) if is_hopeless(&error) => {
                        yield Update::Stopped(error.with_job_id(self.job.id()));
                        return;
                    }
                    Err(error) => {
                        failed += 1;
                        if failed > self.policy.failed_polls {
                            yield Update::Stopped(self.lost_sight(error, failed));
                            return;
                        }
                        yield Update::PollFailed(error);
                    }
                }
                let clock = self.job.client().clock();
                let now = clock.now();
                if deadline.is_some_and(|deadline| now >= deadline) {
                    yield self.timed_out(now - started, last_seen).await;
                    return;
                }
                // Never sleeps past the deadline; the look at the deadline is the last one.
                let left = deadline.map_or(interval, |deadline| deadline - now);
                clock.sleep(interval.min(left)).await;
                interval = self.policy.grown(interval);
            }
        }
    }

    /// One look, without retries of its own: a failed one is told, and the next look is the retry.
    async fn look(&self, deadline: Option<Instant>) -> Result<JobInfo> {
        self.job.fetch(Operation::read("getJob").policy(RetryPolicy::none()).deadline(deadline)).await
    }

    fn lost_sight(&self, error: Error, failed: u32) -> Error {
        let message =
            format!("lost sight of job {} after {failed} failed looks in a row: {error}", self.job.id());
        error
            .with_message(message)
            .with_job_id(self.job.id())
            .with_hint("the job itself goes on; wait for it again with its id")
    }

    async fn timed_out(&self, waited: Duration, last_seen: Option<JobInfo>) -> Update {
        let id = self.job.id();
        let status = last_seen.as_ref().map_or("not known", |job| job.status.as_str()).to_owned();
        let mut hint = "the job goes on; wait for it again with its id".to_owned();
        if self.cancel_on_timeout {
            match self.job.cancel().await {
                Ok(_) => "the job was cancelled".clone_into(&mut hint),
                Err(error) => match error.job() {
                    // It ended while the time ran out.
                    Some(job) if job.status.is_final() => return Update::Done(job.clone()),
                    _ => hint = format!("the job goes on, cancelling it failed: {error}"),
                },
            }
        }
        let error = Error::new(
            ErrorKind::Timeout,
            format!(
                "job {id} has not ended after {:.0} s of waiting, its status is {status}",
                waited.as_secs_f64()
            ),
        )
        .with_hint(hint)
        .with_elapsed(waited)
        .with_job_id(id);
        Update::Stopped(match last_seen {
            Some(job) => error.with_job(job),
            None => error,
        })
    }
}

/// Whether another look cannot go better.
fn is_hopeless(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput
            | ErrorKind::MissingCredentials
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
    )
}

/// What only the Config API tells, for as long as it can be reached.
struct Details {
    wanted: bool,
    misses: u32,
}

impl Details {
    /// After this many failures in a row it is not asked any more.
    const MISSES: u32 = 3;

    async fn progress(&mut self, job: &Job, info: JobInfo, deadline: Option<Instant>) -> JobProgress {
        let mut progress = JobProgress {
            bytes_synced: info.bytes_synced,
            records_synced: info.records_synced,
            job: info,
            attempt: None,
            streams: Vec::new(),
        };
        let begun = matches!(progress.job.status, JobStatus::Running | JobStatus::Incomplete);
        if !self.wanted || !begun {
            return progress;
        }
        match attempts::fetch(job.client(), job.id(), deadline, RetryPolicy::none()).await {
            Ok(attempts) => {
                self.misses = 0;
                if let Some(attempt) = attempts.last() {
                    progress.attempt = Some(attempt.id);
                    progress.streams = attempts::streams(attempt);
                    progress.bytes_synced = progress.bytes_synced.or(attempt.bytes_synced);
                    progress.records_synced = progress.records_synced.or(attempt.records_synced);
                }
            }
            Err(error) => {
                self.misses += 1;
                let passing = error.is_retryable() && self.misses < Self::MISSES;
                self.wanted = passing;
                tracing::debug!(job = %job.id(), %error, asked_again = passing, "no details about the job");
            }
        }
        progress
    }
}

/// Turns a job that has ended into the result of waiting for it.
async fn judge(job: &Job, info: JobInfo) -> Result<JobInfo> {
    if info.status.is_success() {
        return Ok(info);
    }
    // The reasons and the link are worth a try, not a failure of their own.
    let connection = job.client().connection(info.connection_id);
    let (failures, url) = futures::join!(job.failures(), connection.history_url());
    let failures = failures.unwrap_or_else(|error| {
        tracing::debug!(job = %job.id(), %error, "the reasons of the failure are not known");
        Vec::new()
    });
    let url = url.ok().flatten();
    let cancelled = info.status == JobStatus::Cancelled;
    let kind = if cancelled { ErrorKind::JobCancelled } else { ErrorKind::JobFailed };
    let mut message = format!("job {} {}", info.job_id, if cancelled { "was cancelled" } else { "failed" });
    let main = main_failure(&failures).filter(|_| !cancelled);
    if let Some(failure) = main {
        message = format!("{message}: {failure}");
    }
    let advice = match main.map(|failure| &failure.failure_type) {
        Some(FailureType::ConfigError) => "its configuration has to be changed before it can succeed",
        Some(FailureType::TransientError) => "it may succeed when it is started again",
        _ if cancelled => "start it again if that was not intended",
        _ => "its log says more",
    };
    let hint = match url {
        Some(url) => format!("{advice}; see {url}"),
        None => advice.to_owned(),
    };
    Err(Error::new(kind, message).with_hint(hint).with_failures(failures).with_job(info))
}

/// The first reason of the last attempt: what follows it in an attempt is usually its consequence.
fn main_failure(failures: &[Failure]) -> Option<&Failure> {
    let last = failures.iter().map(|failure| failure.attempt).max()?;
    failures.iter().find(|failure| failure.attempt == last)
}
