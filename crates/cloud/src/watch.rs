//! Watching a job until it has ended, and what its end means.

use std::time::Duration;

use futures::Stream;
use tokio::time::Instant;

use crate::attempts;
use crate::call::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::failure::{Failure, FailureType};
use crate::ids::{JobId, WorkspaceId};
use crate::job::{Job, JobInfo, JobStatus};
use crate::live_log::LiveLog;
use crate::poller::{JobProgress, PollingPolicy, Update};
use crate::retry::RetryPolicy;

/// What a wait that ends before its job has to say.
const STILL_RUNS: &str = "the job goes on; wait for it again with its id";

/// The watching itself.
pub(crate) struct Watch {
    job: Job,
    policy: PollingPolicy,
    details: Details,
    cancel_on_timeout: bool,
}

impl Watch {
    pub(crate) fn new(job: Job, policy: PollingPolicy, details: Details, cancel_on_timeout: bool) -> Self {
        Self { job, policy, details, cancel_on_timeout }
    }

    /// Looks until the job has ended or waiting for it makes no sense any more.
    pub(crate) fn updates(mut self) -> impl Stream<Item = Update> + Send {
        async_stream::stream! {
            let started = self.job.client().clock().now();
            let deadline = self.policy.timeout.and_then(|timeout| started.checked_add(timeout));
            let mut interval = self.policy.interval;
            let mut sight = Sight::new(started);
            let mut last_seen = None;
            loop {
                let mut pause = interval;
                match self.look(deadline).await {
                    Ok(info) if info.status.is_final() => {
                        for update in self.details.rest(&self.job, deadline).await {
                            yield update;
                        }
                        yield Update::Done(info);
                        return;
                    }
                    Ok(info) => {
                        sight = Sight::new(self.job.client().clock().now());
                        last_seen = Some(info.clone());
                        let watched = self.job.client().clock().now() - started;
                        let mut progress = JobProgress::new(info, watched);
                        for update in self.details.look(&self.job, &mut progress, deadline).await {
                            yield update;
                        }
                        yield Update::InProgress(progress);
                    }
                    Err(error) => {
                        sight.failed += 1;
                        if is_hopeless(&error, sight.failed) {
                            yield Update::Stopped(error.with_job_id(self.job.id()));
                            return;
                        }
                        let now = self.job.client().clock().now();
                        if sight.is_lost(self.policy, now) {
                            yield Update::Stopped(sight.lost(self.job.id(), &error, now));
                            return;
                        }
                        pause = pause.max(sight.asked_pause(&error, self.policy, now));
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
                let left = deadline.map_or(pause, |deadline| deadline - now);
                clock.sleep(pause.min(left)).await;
                interval = self.policy.grown(interval);
            }
        }
    }

    /// One look, without retries of its own: a failed one is told, and the next look is the retry.
    async fn look(&self, deadline: Option<Instant>) -> Result<JobInfo> {
        self.job.fetch(Operation::read("getJob").policy(RetryPolicy::none()).deadline(deadline)).await
    }

    async fn timed_out(&self, waited: Duration, last_seen: Option<JobInfo>) -> Update {
        let id = self.job.id();
        let mut hint = STILL_RUNS.to_owned();
        if self.cancel_on_timeout {
            match self.job.cancel().await {
                Ok(info) if info.status == JobStatus::Cancelled => {
                    "the job was cancelled".clone_into(&mut hint);
                }
                // It ended while it was being cancelled.
                Ok(info) if info.status.is_final() => return Update::Done(info),
                Ok(_) => "the job is being cancelled".clone_into(&mut hint),
                Err(error) => match error.job() {
                    // It ended while the time ran out.
                    Some(job) if job.status.is_final() => return Update::Done(job.clone()),
                    _ => hint = format!("the job goes on, cancelling it failed: {error}"),
                },
            }
        }
        let error = not_ended(id, waited, last_seen).with_hint(hint);
        Update::Stopped(error)
    }
}

/// How well a job can be seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The last look that succeeded, or the start.
    since: Instant,
    /// Failed looks after it.
    pub(crate) failed: u32,
}

impl Sight {
    pub(crate) fn new(since: Instant) -> Self {
        Self { since, failed: 0 }
    }

    /// Whether waiting makes no sense any more. One failed look is no proof: the process may have been asleep.
    pub(crate) fn is_lost(&self, policy: PollingPolicy, now: Instant) -> bool {
        self.failed > 1 && now.saturating_duration_since(self.since) >= policy.patience
    }

    /// How long the server wants to be left alone, as far as patience goes.
    pub(crate) fn asked_pause(&self, error: &Error, policy: PollingPolicy, now: Instant) -> Duration {
        let left = policy.patience.saturating_sub(now.saturating_duration_since(self.since));
        error.retry_after().unwrap_or_default().min(left)
    }

    /// Why waiting is given up.
    pub(crate) fn lost(&self, job: JobId, error: &Error, now: Instant) -> Error {
        let (failed, seconds) = (self.failed, now.saturating_duration_since(self.since).as_secs());
        error
            .clone()
            .about(&format!("lost sight of job {job}: {failed} looks in a row failed within {seconds} s"))
            .with_job_id(job)
            .with_hint(STILL_RUNS)
    }
}

/// Why waiting ends when the time is over.
pub(crate) fn not_ended(job: JobId, waited: Duration, last_seen: Option<JobInfo>) -> Error {
    let status = last_seen.as_ref().map_or("not known", |job| job.status.as_str());
    let waited_for = waited.as_secs_f64();
    let message =
        format!("job {job} has not ended after {waited_for:.0} s of waiting, its status is {status}");
    let error =
        Error::new(ErrorKind::Timeout, message).with_hint(STILL_RUNS).with_elapsed(waited).with_job_id(job);
    match last_seen {
        Some(job) => error.with_job(job),
        None => error,
    }
}

/// Whether another look cannot go better, after this many failed ones in a row.
pub(crate) fn is_hopeless(error: &Error, failed: u32) -> bool {
    match error.kind() {
        ErrorKind::InvalidInput
        | ErrorKind::MissingCredentials
        | ErrorKind::Forbidden
        | ErrorKind::NotFound => true,
        // Two tokens that end during one look are rare, and no reason to lose sight of a job.
        ErrorKind::Unauthorized => failed > 2,
        _ => false,
    }
}

/// What only the Config API tells, for as long as it can be reached.
pub(crate) struct Details {
    wanted: bool,
    log: Option<LiveLog>,
    misses: u32,
}

impl Details {
    /// After this many failures in a row what is only nice to have is not asked for any more.
    const MISSES: u32 = 3;
    /// It does not hold up the watching for longer.
    const TIMEOUT: Duration = Duration::from_secs(5);

    pub(crate) fn new(wanted: bool, logs: bool) -> Self {
        Self { wanted, log: logs.then(LiveLog::default), misses: 0 }
    }

    /// Adds what is known to the progress of a look, and gives what is new in the log.
    async fn look(
        &mut self,
        job: &Job,
        progress: &mut JobProgress,
        deadline: Option<Instant>,
    ) -> Vec<Update> {
        let begun = matches!(progress.job.status, JobStatus::Running | JobStatus::Incomplete);
        if !begun || !(self.wanted || self.log.is_some()) {
            return Vec::new();
        }
        let operation =
            attempts::operation().policy(RetryPolicy::none()).timeout(Self::TIMEOUT).deadline(deadline);
        let (lines, outcome) = match attempts::fetch(job.client(), job.id(), operation).await {
            Ok(details) => {
                let news = match &mut self.log {
                    Some(log) => log.new_lines(job, &details.attempts, deadline).await,
                    None => (Vec::new(), Ok(())),
                };
                if let Some(attempt) = details.attempts.into_iter().next_back() {
                    progress.attempt = Some(attempt.number);
                    progress.streams = attempt.streams;
                    progress.bytes_synced = progress.bytes_synced.or(attempt.bytes_synced);
                    progress.records_synced = progress.records_synced.or(attempt.records_synced);
                }
                news
            }
            Err(error) => (Vec::new(), Err(error)),
        };
        let mut updates = Vec::new();
        if !lines.is_empty() {
            updates.push(Update::Log(lines));
        }
        match outcome {
            Ok(()) => self.misses = 0,
            Err(error) => updates.extend(self.missed(job, error)),
        }
        updates
    }

    fn missed(&mut self, job: &Job, error: Error) -> Option<Update> {
        self.misses += 1;
        let passing = error.is_retryable();
        self.wanted = passing && self.misses < Self::MISSES;
        tracing::debug!(job = %job.id(), %error, asked_again = self.wanted, "no details about the job");
        // Whoever wants the log wants it whole, so only what does not pass ends it.
        let given_up = !passing && self.log.take().is_some();
        given_up.then_some(Update::LogUnavailable(error))
    }

    /// What is left of the log when the job has ended.
    async fn rest(&mut self, job: &Job, deadline: Option<Instant>) -> Vec<Update> {
        let Some(mut log) = self.log.take() else { return Vec::new() };
        let (lines, outcome) = log.rest(job, deadline).await;
        let told = (!lines.is_empty()).then_some(Update::Log(lines));
        told.into_iter().chain(outcome.err().map(Update::LogUnavailable)).collect()
    }
}

/// Turns a job that has ended into the result of waiting for it. Without its workspace, that is asked for where
/// an address is to be shown.
pub(crate) async fn judge(job: &Job, info: JobInfo, workspace: Option<WorkspaceId>) -> Result<JobInfo> {
    if info.status.is_success() {
        return Ok(info);
    }
    // The reasons and the link are worth a try, not a failure of their own.
    let url = async {
        match workspace {
            Some(workspace) => job.client().links().timeline(workspace, info.connection_id),
            None => job.client().connection(info.connection_id).history_url().await.ok().flatten(),
        }
    };
    let (failures, url) = futures::join!(job.failures(), url);
    let failures = failures.unwrap_or_else(|error| {
        tracing::debug!(job = %job.id(), %error, "the reasons of the failure are not known");
        Vec::new()
    });
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
