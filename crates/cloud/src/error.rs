//! The one error type of this crate.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::ids::JobId;
use crate::job::JobInfo;
use crate::problem::Problem;

/// The result of this crate's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarse enough to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something given to a call is not acceptable: found here before any request, or by the server
    /// (status 400 or 422).
    InvalidInput,
    /// No credentials were given.
    MissingCredentials,
    /// The credentials or the token were refused.
    Unauthorized,
    /// The credentials are fine but do not allow this.
    Forbidden,
    /// The object does not exist, or these credentials cannot see it.
    NotFound,
    /// The object's state does not allow this.
    Conflict,
    /// A job of the connection is already running; [`Error::job_id`] says which one where known.
    AlreadyRunning,
    /// The connection is disabled or locked, so nothing can be started on it.
    ConnectionNotActive,
    /// The server asked to slow down (status 429).
    RateLimited,
    /// The server failed (status 5xx).
    Server,
    /// The server could not be reached, or the connection broke.
    Network,
    /// A time limit passed: of one request, or of waiting for a job ([`Error::job_id`] says which job).
    Timeout,
    /// The server's answer could not be understood.
    UnexpectedResponse,
    /// The job ended as failed; [`Error::failures`] says why.
    JobFailed,
    /// The job was cancelled.
    JobCancelled,
    /// A source or destination cannot reach its system, or its configuration is wrong; the message says what
    /// the connector found.
    CheckFailed,
    /// The client is set up wrongly: a wrong API root, contradictory settings, an unreadable profile.
    Configuration,
    /// This installation does not offer the operation (status 501).
    Unsupported,
}

impl ErrorKind {
    /// The kind as a stable snake-case word, for logs and machine-readable output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::MissingCredentials => "missing_credentials",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::AlreadyRunning => "already_running",
            Self::ConnectionNotActive => "connection_not_active",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::UnexpectedResponse => "unexpected_response",
            Self::JobFailed => "job_failed",
            Self::JobCancelled => "job_cancelled",
            Self::CheckFailed => "check_failed",
            Self::Configuration => "configuration",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a call did not succeed.
///
/// `Display` is one line and names what was wrong; [`hint`](Self::hint) says what to do about it; the
/// technical cause is the [`source`](StdError::source). Text from the server is shortened and cleaned of
/// secrets before it gets in here.
#[derive(Clone)]
pub struct Error(Arc<Details>);

#[derive(Clone)]
struct Details {
    kind: ErrorKind,
    message: String,
    hint: Option<Cow<'static, str>>,
    retryable: bool,
    /// Whether the server may have acted on the request all the same.
    ambiguous: bool,
    /// Whether an earlier attempt of the same call may have done it.
    perhaps_done: bool,
    status: Option<u16>,
    problem: Option<Problem>,
    operation: Option<&'static str>,
    request_id: Option<String>,
    attempts: u32,
    elapsed: Duration,
    retry_after: Option<Duration>,
    job_id: Option<JobId>,
    job: Option<Box<JobInfo>>,
    failures: Vec<Failure>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// What went wrong, coarse enough to act on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What the server's error body said, where it could be understood.
    pub fn problem(&self) -> Option<&Problem> {
        self.0.problem.as_ref()
    }

    /// The API operation that failed, by its id in the API document (`createJob`).
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The `x-request-id` sent with the last attempt, for finding it in a proxy's or server's log.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How many times the request was sent; 0 when nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time from the start of the call to giving up, pauses included.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// How long the server asked to wait, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What to do about it, in a sentence.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        self.0.hint.as_deref().map(Cow::Borrowed)
    }

    /// Whether the same call may succeed later without any change. Never for one that may have worked all the
    /// same and would be done twice.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The job this is about: the one that failed, is still running after a time-out, or is in the way.
    pub fn job_id(&self) -> Option<JobId> {
        self.0.job_id.or_else(|| self.job().map(|job| job.job_id))
    }

    /// The last known state of that job.
    pub fn job(&self) -> Option<&JobInfo> {
        self.0.job.as_deref()
    }

    /// Why the job failed, as its attempts reported it. Empty when the server did not tell.
    pub fn failures(&self) -> &[Failure] {
        &self.0.failures
    }

    /// Whether the object does not exist (or cannot be seen).
    ///
    /// Check the id, and that the API root is the installation the object lives on: an id of another
    /// installation is not found here.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the credentials were missing or refused.
    ///
    /// Check that client id and secret belong to the installation of the API root. A bearer token is
    /// not refreshed and usually lives for minutes; client credentials are refreshed by themselves.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unauthorized | ErrorKind::MissingCredentials)
    }

    /// Whether the state of the connection or job is in the way.
    ///
    /// For a job that is already running choose what should happen with
    /// [`SyncRequest::if_running`](crate::SyncRequest::if_running).
    pub fn is_conflict(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Conflict | ErrorKind::AlreadyRunning | ErrorKind::ConnectionNotActive
        )
    }

    /// Whether a time limit passed. A job that was waited for keeps running.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Whether the call worked but the job did not end well: it failed or was cancelled.
    pub fn is_job_failed(&self) -> bool {
        matches!(self.kind(), ErrorKind::JobFailed | ErrorKind::JobCancelled)
    }
}

/// How this crate makes errors.
impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = matches!(
            kind,
            ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Network | ErrorKind::Timeout
        );
        Self(Arc::new(Details {
            kind,
            message: message.into(),
            hint: None,
            retryable,
            ambiguous: false,
            perhaps_done: false,
            status: None,
            problem: None,
            operation: None,
            request_id: None,
            attempts: 0,
            elapsed: Duration::ZERO,
            retry_after: None,
            job_id: None,
            job: None,
            failures: Vec::new(),
            source: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        self.with(|details| details.kind = kind)
    }

    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        self.with(|details| details.message = message.into())
    }

    /// Puts what the call was about before the message.
    pub(crate) fn about(self, what: &str) -> Self {
        self.with(|details| details.message = format!("{what}: {}", details.message))
    }

    pub(crate) fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.with(|details| details.hint = Some(hint.into()))
    }

    pub(crate) fn with_retryable(self, retryable: bool) -> Self {
        self.with(|details| details.retryable = retryable)
    }

    pub(crate) fn with_ambiguous(self, ambiguous: bool) -> Self {
        self.with(|details| details.ambiguous = ambiguous)
    }

    pub(crate) fn with_perhaps_done(self, perhaps_done: bool) -> Self {
        self.with(|details| details.perhaps_done = perhaps_done)
    }

    /// Whether the server may have acted on the request although the call failed.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    /// For creations: says so if the object may exist all the same. Anything else stays as it is.
    pub(crate) fn perhaps_created(self, what: &str) -> Self {
        if !self.is_ambiguous() {
            return self;
        }
        self.about(&format!("whether {what} was created is not known"))
            .with_retryable(false)
            .with_hint("look for it before creating it again")
    }

    /// For deletions: an object that is not there is what was wanted, if an earlier attempt of the same call
    /// may have deleted it.
    pub(crate) fn gone_on_repeat(self) -> Result<()> {
        if self.is_not_found() && self.0.perhaps_done { Ok(()) } else { Err(self) }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        self.with(|details| details.status = Some(status))
    }

    pub(crate) fn with_problem(self, problem: Option<Problem>) -> Self {
        self.with(|details| details.problem = problem)
    }

    pub(crate) fn with_retry_after(self, wait: Option<Duration>) -> Self {
        self.with(|details| details.retry_after = wait)
    }

    pub(crate) fn with_call(
        self,
        operation: &'static str,
        request_id: String,
        attempts: u32,
        elapsed: Duration,
    ) -> Self {
        self.with(|details| {
            details.operation = Some(operation);
            details.request_id = Some(request_id);
            details.attempts = attempts;
            details.elapsed = elapsed;
        })
    }

    pub(crate) fn with_elapsed(self, elapsed: Duration) -> Self {
        self.with(|details| details.elapsed = elapsed)
    }

    pub(crate) fn with_job_id(self, job_id: JobId) -> Self {
        self.with(|details| details.job_id = Some(job_id))
    }

    pub(crate) fn with_job(self, job: JobInfo) -> Self {
        self.with(|details| details.job = Some(Box::new(job)))
    }

    pub(crate) fn with_failures(self, failures: Vec<Failure>) -> Self {
        self.with(|details| details.failures = failures)
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.with(|details| details.source = Some(Arc::new(source)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        f.write_str(&details.message)?;
        if let Some(operation) = details.operation {
            write!(f, " ({operation}")?;
            if let Some(status) = details.status {
                write!(f, ", status {status}")?;
            }
            if details.attempts > 1 {
                write!(f, ", {} attempts in {:.1} s", details.attempts, details.elapsed.as_secs_f64())?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        f.debug_struct("Error")
            .field("kind", &details.kind)
            .field("message", &details.message)
            .field("hint", &details.hint)
            .field("status", &details.status)
            .field("problem", &details.problem)
            .field("operation", &details.operation)
            .field("request_id", &details.request_id)
            .field("attempts", &details.attempts)
            .field("elapsed", &details.elapsed)
            .field("job_id", &self.job_id())
            .field("failures", &details.failures)
            .field("source", &details.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_without_the_source() {
        let error = Error::new(ErrorKind::Server, "the server failed")
            .with_status(503)
            .with_source(std::io::Error::other("the cause"))
            .with_call("listJobs", "id".into(), 6, Duration::from_millis(12_340));
        assert_eq!(error.to_string(), "the server failed (listJobs, status 503, 6 attempts in 12.3 s)");
        assert_eq!(error.source().unwrap().to_string(), "the cause");
        assert_eq!((error.attempts(), error.operation()), (6, Some("listJobs")));
        assert!(error.is_retryable());
    }

    #[test]
    fn an_error_can_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
