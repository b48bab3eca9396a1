//! Why data could not be read.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of this crate's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request makes no sense: an unknown column, a bad path, a configuration without a needed field.
    InvalidInput,
    /// A secret is masked and nobody knows it.
    MissingSecret,
    /// The stream's table is not in the destination.
    StreamNotFound,
    /// This build, or this version, cannot do that.
    Unsupported,
    /// The database cannot be reached, or refuses the user.
    Connect,
    /// The database refused the query.
    Query,
    /// The connection broke while rows were coming.
    BrokenConnection,
    /// The time that the caller allows was over.
    Timeout,
    /// A value does not fit the type of its column.
    Value,
    /// A file cannot be read or written.
    Io,
    /// Airbyte's API refused or could not be reached (feature `cloud`).
    Api,
}

/// Why data could not be read: what was wrong, and what to do about it.
///
/// Its text holds names and messages of the database, never a secret.
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An error of rows that come from elsewhere ([`Batches::of`](crate::Batches::of)), with its cause. The message
    /// should hold no secret.
    pub fn of(
        kind: ErrorKind,
        message: impl Into<String>,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(kind, message).with_source(cause)
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::BrokenConnection | ErrorKind::Timeout)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("hint", &self.hint)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        // Writers of files hand the causes of a full disk through.
        if let arrow_schema::ArrowError::IoError(message, _) = &error {
            return Self::new(ErrorKind::Io, format!("the rows could not be written: {message}"));
        }
        Self::new(ErrorKind::Value, format!("a batch could not be built: {error}"))
    }
}
