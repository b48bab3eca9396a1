//! Telling whether a request to start a job has started one, although its answer was lost.
//!
//! The server offers no way to make such a request repeatable. But job ids come from one increasing sequence,
//! so a job of the connection with a larger id than the newest one before the request is the proof.

use std::time::Duration;

use crate::client::Client;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::JobId;
use crate::job::{JobInfo, JobType, newest_jobs};

/// The time limit of requests that start or stop a job: the server itself waits up to a minute for the
/// job to appear, and has been seen to take two.
pub(crate) const START_TIMEOUT: Duration = Duration::from_mins(5);

/// The pauses between looks for a job that may be about to appear: after the request has failed the
/// server can need a moment more.
const LOOKS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How many of the newest jobs are looked at. More than one, because others may start jobs, too.
const LOOK_AT: i32 = 20;

/// The newest job of a connection before a start.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    connection: Connection,
    /// Id 0 if there was none.
    newest: JobId,
    running: Option<JobInfo>,
}

impl Baseline {
    pub(crate) async fn read(connection: &Connection) -> Result<Self> {
        let jobs = newest_jobs(connection.client(), connection.id(), LOOK_AT).await?;
        if jobs.is_empty() {
            // An unknown connection has no jobs either.
            connection.info().await?;
        }
        let newest = jobs.first().map_or(JobId::new(0), |job| job.job_id);
        let running = jobs.into_iter().find(|job| !job.status.is_final());
        Ok(Self { connection: connection.clone(), newest, running })
    }

    /// Fails if a job was running.
    pub(crate) fn refuse_if_running(&self) -> Result<()> {
        match &self.running {
            None => Ok(()),
            Some(job) => Err(already_running(job)),
        }
    }

    /// Whether a job was there already.
    pub(crate) fn has(&self, job: JobId) -> bool {
        job <= self.newest
    }

    /// Looks several times for a job of a fitting type that came after. `None` means that there verifiably is
    /// none.
    ///
    /// `what` is said of the start if not even that can be found out: "whether the sync has started".
    pub(crate) async fn look_for_newer(
        &self,
        what: &str,
        cause: &Error,
        fits: impl Fn(&JobType) -> bool,
    ) -> Result<Option<JobInfo>> {
        let mut last_look = Ok(None);
        for pause in LOOKS {
            self.client().clock().sleep(pause).await;
            last_look = self.newer(&fits).await;
            if let Ok(Some(job)) = last_look {
                tracing::debug!(job = %job.job_id, "the job has started all the same");
                return Ok(Some(job));
            }
        }
        last_look.map_err(|error| {
            error
                .with_message(format!("whether {what} has started is not known: {cause}"))
                .with_hint("look at the connection's jobs before starting another one")
                // Whoever just calls again could start a second job.
                .with_retryable(false)
                .with_source(cause.clone())
        })
    }

    /// The first such job of the connection that came after.
    async fn newer(&self, fits: impl Fn(&JobType) -> bool) -> Result<Option<JobInfo>> {
        let jobs = newest_jobs(self.client(), self.connection.id(), LOOK_AT).await?;
        let newer = jobs.into_iter().filter(|job| !self.has(job.job_id) && fits(&job.job_type));
        Ok(newer.min_by_key(|job| job.job_id))
    }

    fn client(&self) -> &Client {
        self.connection.client()
    }
}

/// The error for a connection on which this job runs.
pub(crate) fn already_running(job: &JobInfo) -> Error {
    let (id, job_type, connection) = (job.job_id, &job.job_type, job.connection_id);
    Error::new(
        ErrorKind::AlreadyRunning,
        format!("job {id} ({job_type}) is running on connection {connection}"),
    )
    .with_hint("wait for it, or cancel it")
    .with_job(job.clone())
}
