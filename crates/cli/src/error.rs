//! Why a command failed, and the exit code that says so.

use airbyte_cloud::ErrorKind as CloudKind;
use airbyte_sql_read::ErrorKind as ReadKind;
use serde::Serialize;

/// Exit codes. Scripts rely on them: changing one is a breaking change.
pub(crate) mod exit {
    /// All is well.
    pub(crate) const OK: u8 = 0;
    /// The operation failed, or was not wanted after all: a sync that failed or was cancelled, a file that could not
    /// be written, a question that was answered with no.
    pub(crate) const FAILED: u8 = 1;
    /// The command was used wrongly.
    pub(crate) const USAGE: u8 = 2;
    /// The credentials are missing, wrong or not enough.
    pub(crate) const UNAUTHORISED: u8 = 3;
    /// What was named does not exist.
    pub(crate) const NOT_FOUND: u8 = 4;
    /// The network, the server or the time limit.
    pub(crate) const NETWORK: u8 = 5;
    /// The state of things does not allow it.
    pub(crate) const CONFLICT: u8 = 6;
    /// Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// What kind of thing went wrong, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage,
    NotFound,
    Io,
    Interrupted,
    /// Somebody was asked, and said no.
    Declined,
    /// A kind of one of the libraries, by its name, with its exit code.
    Library(&'static str, u8),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Usage => "invalid_input",
            Self::NotFound => "not_found",
            Self::Io => "io",
            Self::Interrupted => "interrupted",
            Self::Declined => "declined",
            Self::Library(name, _) => name,
        }
    }

    fn exit_code(self) -> u8 {
        match self {
            Self::Usage => exit::USAGE,
            Self::NotFound => exit::NOT_FOUND,
            Self::Io | Self::Declined => exit::FAILED,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Library(_, code) => code,
        }
    }
}

/// Why a command failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: Kind,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) details: Vec<String>,
    status: Option<u16>,
    retryable: Option<bool>,
    job_id: Option<i64>,
    closed_pipe: bool,
}

/// The error object that scripts read; what is not known is absent.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorObject<'a> {
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<i64>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            details: Vec::new(),
            status: None,
            retryable: None,
            job_id: None,
            closed_pipe: false,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It is about a part of something larger.
    #[must_use]
    pub(crate) fn of(mut self, part: &str) -> Self {
        self.message = format!("{part}: {}", self.message);
        self
    }

    #[must_use]
    pub(crate) fn with_job(mut self, job: i64) -> Self {
        self.job_id = Some(job);
        self
    }

    /// What was created cannot be read.
    pub(crate) fn created(noun: &str, id: &str, error: impl Into<Self>) -> Self {
        let failure = error.into();
        Self {
            message: format!("the {noun} was created as {id}, and cannot be shown: {}", failure.message),
            retryable: Some(false),
            ..failure
        }
    }

    /// It is about a job that goes on.
    #[must_use]
    pub(crate) fn of_running(self, job: airbyte_cloud::JobId) -> Self {
        self.with_job(job.get())
            .with_hint(format!("the job goes on; wait for it with `airbyte job wait {job}`"))
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// Whether Ctrl-C ended it.
    pub(crate) fn is_interruption(&self) -> bool {
        self.kind == Kind::Interrupted
    }

    /// Nobody reads the output any more, which is no fault of the command.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    pub(crate) fn object(&self) -> ErrorObject<'_> {
        ErrorObject {
            kind: self.kind.name(),
            message: &self.message,
            hint: self.hint.as_deref(),
            status: self.status,
            retryable: self.retryable,
            job_id: self.job_id,
        }
    }
}

impl From<airbyte_cloud::Error> for Failure {
    fn from(error: airbyte_cloud::Error) -> Self {
        let code = match error.kind() {
            CloudKind::InvalidInput | CloudKind::Configuration => exit::USAGE,
            CloudKind::MissingCredentials | CloudKind::Unauthorized | CloudKind::Forbidden => {
                exit::UNAUTHORISED
            }
            CloudKind::NotFound => exit::NOT_FOUND,
            CloudKind::Conflict | CloudKind::AlreadyRunning | CloudKind::ConnectionNotActive => {
                exit::CONFLICT
            }
            CloudKind::RateLimited
            | CloudKind::Server
            | CloudKind::Network
            | CloudKind::Timeout
            | CloudKind::UnexpectedResponse => exit::NETWORK,
            _ => exit::FAILED,
        };
        let hint = match (error.kind(), error.hint()) {
            (CloudKind::MissingCredentials, hint) => Some(with_login(hint.as_deref())),
            (CloudKind::JobFailed, Some(hint)) => Some(match error.job_id() {
                Some(job) => format!("{hint}; its log: `airbyte job logs {job}`"),
                None => hint.into_owned(),
            }),
            (_, hint) => hint.map(|hint| in_commands(&hint)),
        };
        let mut details: Vec<String> = error.failures().iter().map(ToString::to_string).collect();
        for failure in error.failures() {
            if let Some(internal) = failure.internal_message.as_ref().filter(|text| **text != failure.message)
            {
                details.push(internal.clone());
            }
        }
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source.filter(|_| details.is_empty() || error.failures().is_empty()) {
            details.push(cause.to_string());
            source = cause.source();
        }
        let message = error.to_string();
        details.dedup();
        details.retain(|detail| !message.contains(detail.as_str()));
        Self {
            details,
            hint,
            status: error.status(),
            retryable: Some(error.is_retryable()),
            job_id: error.job_id().map(airbyte_cloud::JobId::get),
            ..Self::new(Kind::Library(error.kind().as_str(), code), message)
        }
    }
}

impl From<airbyte_sql_read::Error> for Failure {
    fn from(error: airbyte_sql_read::Error) -> Self {
        // A failure of the API keeps what the client knows about it.
        if let Some(cloud) =
            std::error::Error::source(&error).and_then(|source| source.downcast_ref::<airbyte_cloud::Error>())
        {
            return cloud.clone().into();
        }
        let (name, code) = match error.kind() {
            ReadKind::InvalidInput => ("invalid_input", exit::USAGE),
            ReadKind::MissingSecret => ("missing_secret", exit::UNAUTHORISED),
            ReadKind::StreamNotFound => ("stream_not_found", exit::NOT_FOUND),
            ReadKind::Unsupported => ("unsupported", exit::FAILED),
            ReadKind::Connect => ("connect", exit::NETWORK),
            ReadKind::BrokenConnection => ("broken_connection", exit::NETWORK),
            ReadKind::Timeout => ("timeout", exit::NETWORK),
            ReadKind::Query => ("query", exit::FAILED),
            ReadKind::Value => ("value", exit::FAILED),
            ReadKind::Io => ("io", exit::FAILED),
            _ => ("failed", exit::FAILED),
        };
        Self {
            hint: error.hint().map(str::to_owned),
            retryable: Some(error.is_retryable()),
            details: causes(&error),
            // A connection to a database breaks in the same words, and is no output.
            closed_pipe: error.kind() == ReadKind::Io && is_broken_pipe(&error),
            ..Self::new(Kind::Library(name, code), error.to_string())
        }
    }
}

/// What to do without credentials: the client knows of the ways that programs have, and people have a shorter one.
fn with_login(hint: Option<&str>) -> String {
    match hint {
        Some(ways) if ways.starts_with("set ") => {
            format!("run `airbyte auth login`, or {ways}; `airbyte demo` needs no account")
        }
        Some(hint) => format!("{hint}; run `airbyte auth login`"),
        None => "run `airbyte auth login`".to_owned(),
    }
}

/// The client's hint, with the command's own words for what is to be done.
fn in_commands(hint: &str) -> String {
    hint.replace("allow the same name", "add --allow-same-name")
        .replace("enable it, then", "enable it with `airbyte connection enable`, then")
}

/// The texts of an error's causes that its own text does not hold.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let said = error.to_string();
    std::iter::successors(error.source(), |cause| cause.source())
        .map(ToString::to_string)
        .filter(|cause| !said.contains(cause.as_str()))
        .collect()
}

/// Whether the output was closed, as `head` does. Arrow and Parquet keep the cause as text only.
fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |cause| cause.source()).any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
            || cause.to_string().contains("Broken pipe")
    })
}

impl From<airbyte_sandbox::Error> for Failure {
    fn from(error: airbyte_sandbox::Error) -> Self {
        let kind = match error {
            airbyte_sandbox::Error::PostgresUrl => Kind::Usage,
            airbyte_sandbox::Error::FolderInUse { .. } => Kind::Library("conflict", exit::CONFLICT),
            _ => Kind::Io,
        };
        let mut failure = Self::new(kind, error.to_string());
        failure.details.extend(std::error::Error::source(&error).map(ToString::to_string));
        failure
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let closed_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { closed_pipe, ..Self::new(Kind::Io, error.to_string()) }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        if let Some(kind) = error.io_error_kind() {
            return std::io::Error::from(kind).into();
        }
        Self::new(Kind::Io, error.to_string())
    }
}

impl From<arrow_schema::ArrowError> for Failure {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::new(Kind::Io, error.to_string())
    }
}
