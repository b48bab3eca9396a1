//! Errors of the reader as errors of DataFusion.

use airbyte_sql_read::{Error, ErrorKind};
use datafusion::error::DataFusionError;

/// The reader's error, as the cause. What may pass by itself, such as a broken connection, is an `IoError`: whoever can
/// repeat a part of a query, does so for these.
pub(crate) fn from_reader(error: Error) -> DataFusionError {
    if error.is_retryable() {
        DataFusionError::IoError(std::io::Error::other(error))
    } else {
        DataFusionError::External(Box::new(error))
    }
}

/// An error of a query as an error of the reader: the reader's own, if it is the cause, with its kind and hint; else what
/// DataFusion says.
pub fn reader_error(error: DataFusionError) -> Error {
    let error = match unwrapped(error) {
        DataFusionError::External(cause) => match cause.downcast::<Error>() {
            Ok(own) => return *own,
            Err(other) => DataFusionError::External(other),
        },
        DataFusionError::IoError(error) => match error.downcast::<Error>() {
            Ok(own) => return own,
            Err(other) => DataFusionError::IoError(other),
        },
        other => other,
    };
    let kind = match &error {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Configuration(_) => ErrorKind::InvalidInput,
        DataFusionError::NotImplemented(_) => ErrorKind::Unsupported,
        DataFusionError::ArrowError(..) => ErrorKind::Value,
        DataFusionError::IoError(_) => ErrorKind::Io,
        _ => ErrorKind::Query,
    };
    Error::of(kind, error.strip_backtrace(), error)
}

/// The error without what DataFusion has put around it, as far as that can be taken away.
fn unwrapped(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => unwrapped(*inner),
        DataFusionError::Shared(shared) => match std::sync::Arc::try_unwrap(shared) {
            Ok(inner) => unwrapped(inner),
            Err(shared) => DataFusionError::Shared(shared),
        },
        DataFusionError::External(cause) => match cause.downcast::<DataFusionError>() {
            Ok(inner) => unwrapped(*inner),
            Err(cause) => DataFusionError::External(cause),
        },
        DataFusionError::ArrowError(arrow, told) => match *arrow {
            datafusion::arrow::error::ArrowError::ExternalError(cause) => {
                unwrapped(DataFusionError::External(cause))
            }
            other => DataFusionError::ArrowError(Box::new(other), told),
        },
        other => other,
    }
}
