//! Starting a sync exactly once.
//!
//! The server offers no way to make `POST /jobs` repeatable, may take minutes for it, and may start the job
//! although its answer is an error. So the connection's newest job is read first. Whenever the outcome of
//! the request is in doubt, a job newer than that one is the proof that it worked.

use std::future::IntoFuture;
use std::time::Duration;

use airbyte_api_raw::public::types;
use futures::StreamExt;
use futures::future::BoxFuture;

use crate::call::Operation;
use crate::client::Client;
use crate::connection::{Connection, ConnectionStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobInfo, JobType, running_job};
use crate::poller::Update;
use crate::problem::Problem;
use crate::start::{Baseline, START_TIMEOUT};
use crate::sync_result::SyncResult;

/// How often a start is tried that verifiably did not start anything.
const ROUNDS: u32 = 3;

/// The pause when the server says that a job is running, but none is any more.
const SETTLE: Duration = Duration::from_secs(1);

/// A reset or refresh that was waiting on the connection comes first, and is what the start has started.
fn any_type(_: &JobType) -> bool {
    true
}

/// What to do when a job of the connection is already running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IfRunning {
    /// Fail with [`ErrorKind::AlreadyRunning`]; the error has the job's id. A sync that still waits for its first
    /// attempt is no reason: the server answers with it once more, and the result says
    /// [`attached`](SyncResult::attached), whatever the policy.
    #[default]
    Fail,
    /// Take the running job as the result, which then says [`attached`](SyncResult::attached). Only if it is
    /// a sync; otherwise as `Fail`.
    Attach,
    /// Wait until it has ended, however it ends, and start then.
    WaitThenStart,
}

/// Starts a sync of a connection; made by [`Connection::sync`], run by `.await`.
///
/// However the request fails on its way, the job is started at most once: a request whose outcome is in
/// doubt is repeated only after making sure that no job has appeared, and a job that has appeared is
/// taken over. Its type is what the server made of it: a reset or refresh that was waiting on the connection
/// comes first. Dropping the future while it runs leaves open whether the job has started.
///
/// ```no_run
/// # async fn example(connection: airbyte_cloud::Connection) -> airbyte_cloud::Result<()> {
/// use airbyte_cloud::IfRunning;
///
/// let sync = connection.sync().if_running(IfRunning::Attach).await?;
/// println!("job {}, attached: {}", sync.job_id(), sync.attached());
/// # Ok(())
/// # }
/// ```
///
/// Errors: [`NotFound`](ErrorKind::NotFound) for an unknown or deleted connection,
/// [`ConnectionNotActive`](ErrorKind::ConnectionNotActive) for a disabled or locked one,
/// [`AlreadyRunning`](ErrorKind::AlreadyRunning) as the policy says.
#[derive(Clone, Debug)]
#[must_use = "a sync is not started until it is awaited"]
pub struct SyncRequest {
    connection: Connection,
    if_running: IfRunning,
    start_timeout: Duration,
}

/// What a failed start means.
enum Verdict {
    /// A job is running already.
    AlreadyRunning,
    /// Perhaps it worked.
    InDoubt,
    /// It did not work, and this is why.
    Refused(Error),
}

impl SyncRequest {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, if_running: IfRunning::default(), start_timeout: START_TIMEOUT }
    }

    /// What to do when a job of the connection is already running; [`IfRunning::Fail`] unless set.
    pub fn if_running(mut self, policy: IfRunning) -> Self {
        self.if_running = policy;
        self
    }

    /// The time limit of the request that starts the job, five minutes unless set. A shorter one is safe, but
    /// makes more starts doubtful, and so slower.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    async fn start(self) -> Result<SyncResult> {
        let client = self.connection.client().clone();
        let mut baseline = Baseline::read(&self.connection).await?;
        let mut in_doubt = false;
        let mut rounds = 0;
        loop {
            rounds += 1;
            let error = match self.post().await {
                Ok(job) => {
                    // A job that was still waiting for its first attempt is answered once more.
                    let attached = baseline.has(job.job_id);
                    return Ok(SyncResult::new(client, job, attached));
                }
                Err(error) => error,
            };
            match self.verdict(&error).await.unwrap_or_else(Verdict::Refused) {
                Verdict::Refused(error) if !in_doubt => return Err(error),
                // This one did not work, and the one in doubt before it may have been slow.
                Verdict::Refused(error) => {
                    return match baseline.look_for_newer("the sync", &error, any_type).await? {
                        Some(job) => Ok(SyncResult::new(client, job, false)),
                        None => Err(error),
                    };
                }
                Verdict::InDoubt => {
                    tracing::debug!(%error, "the start is in doubt, looking for the job");
                    in_doubt = true;
                    if let Some(job) = baseline.look_for_newer("the sync", &error, any_type).await? {
                        return Ok(SyncResult::new(client, job, false));
                    }
                }
                Verdict::AlreadyRunning => {
                    // After a start in doubt, what is running is most likely its job.
                    if in_doubt
                        && let Some(job) = baseline.look_for_newer("the sync", &error, any_type).await?
                    {
                        return Ok(SyncResult::new(client, job, false));
                    }
                    match running_job(&client, self.connection.id()).await? {
                        Some(job) if self.if_running == IfRunning::WaitThenStart => {
                            self.wait_for(&job).await?;
                            baseline = Baseline::read(&self.connection).await?;
                            (rounds, in_doubt) = (0, false);
                        }
                        Some(job)
                            if self.if_running == IfRunning::Attach && job.job_type == JobType::Sync =>
                        {
                            return Ok(SyncResult::new(client, job, true));
                        }
                        Some(job) => return Err(self.already_running(error, Some(job))),
                        // It has ended since, or is about to leave the way.
                        None if rounds < ROUNDS => client.clock().sleep(SETTLE).await,
                        None => return Err(self.already_running(error, None)),
                    }
                }
            }
            if rounds >= ROUNDS {
                return Err(error.with_hint("no job has appeared on the connection; it can be tried again"));
            }
        }
    }

    /// Sends `POST /jobs` (operation `createJob`).
    async fn post(&self) -> Result<JobInfo> {
        let request = types::JobCreateRequest {
            connection_id: self.connection.id().into(),
            job_type: types::JobTypeEnum::Sync,
        };
        let request = &request;
        let operation = Operation::once("createJob").timeout(self.start_timeout).safe_to_ask_again();
        let call = self.connection.client().path().run(operation, |attempt| async move {
            attempt.public().create_job().body(request.clone()).send().await
        });
        // The job exists even if its description makes no sense.
        call.await?.try_into().map_err(|error: Error| error.with_ambiguous(true))
    }

    async fn verdict(&self, error: &Error) -> Result<Verdict> {
        let is = |word| error.problem().is_some_and(|problem| problem.is(word));
        let says = |text| error.problem().and_then(Problem::summary).is_some_and(|said| said.contains(text));
        if error.is_ambiguous() {
            return Ok(Verdict::InDoubt);
        }
        if error.kind() == ErrorKind::NotFound {
            let message = format!("connection {} was not found", self.connection.id());
            return Ok(Verdict::Refused(error.clone().with_message(message)));
        }
        if error.status() != Some(409) {
            return Ok(Verdict::Refused(error.clone()));
        }
        // Both kinds of conflict are also given for connections that cannot run at all.
        let info = match self.connection.info().await {
            Ok(info) => info,
            // Not even that can be read now, and the job may have started.
            Err(_) if is("state-conflict") => return Ok(Verdict::InDoubt),
            Err(error) => return Err(error),
        };
        let refused = |kind, what: &str, hint: String| {
            let error = error.clone().with_kind(kind).with_retryable(false).with_hint(hint);
            Ok(Verdict::Refused(error.with_message(format!("connection {} is {what}", info.connection_id))))
        };
        let reason = info.status_reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        match info.status {
            ConnectionStatus::Inactive => refused(
                ErrorKind::ConnectionNotActive,
                "disabled",
                format!("enable it, then start the sync again{reason}"),
            ),
            ConnectionStatus::Locked => refused(
                ErrorKind::ConnectionNotActive,
                "locked",
                format!("see in the web application what locks it{reason}"),
            ),
            ConnectionStatus::Deprecated => refused(
                ErrorKind::NotFound,
                "deleted",
                "the server still shows it, but it cannot run any more".into(),
            ),
            // Older servers and the Config API give the text without the type.
            _ if is("try-again-later") || says("already running") => Ok(Verdict::AlreadyRunning),
            // The server gives up looking for the new job after a minute, though it may still come.
            _ if is("state-conflict") => Ok(Verdict::InDoubt),
            _ => Ok(Verdict::Refused(error.clone())),
        }
    }

    /// Waits until a job has ended, well or not.
    async fn wait_for(&self, job: &JobInfo) -> Result<()> {
        let mut updates = self.client().job(job.job_id).wait().details(false);
        while let Some(update) = updates.next().await {
            if let Update::Stopped(error) = update {
                return Err(error);
            }
        }
        Ok(())
    }

    fn already_running(&self, error: Error, job: Option<JobInfo>) -> Error {
        let connection = self.connection.id();
        let error = error.with_kind(ErrorKind::AlreadyRunning).with_retryable(true);
        match job {
            Some(job) => {
                let hint = match (self.if_running, &job.job_type) {
                    (IfRunning::Attach, other) => {
                        format!("only a sync can be attached to, and this is a {other}")
                    }
                    _ => "attach to it, wait for it, or cancel it".to_owned(),
                };
                error
                    .with_message(format!(
                        "job {} ({}) is running on connection {connection}",
                        job.job_id, job.job_type
                    ))
                    .with_hint(hint)
                    .with_job(job)
            }
            None => error
                .with_message(format!(
                    "the server says that a job is running on connection {connection}, but shows none"
                ))
                .with_hint("try again in a moment"),
        }
    }

    fn client(&self) -> &Client {
        self.connection.client()
    }
}

impl IntoFuture for SyncRequest {
    type Output = Result<SyncResult>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
