//! Errors of the reader as errors of DataFusion.

use std::error::Error as StdError;

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
    // Several partitions have it, so it cannot be taken out; what it says can be said again.
    if let Some(own) = found(&error) {
        let (kind, message, hint) = (own.kind(), own.to_string(), own.hint().map(str::to_owned));
        let told = Error::of(kind, message, error);
        return hint.into_iter().fold(told, Error::with_hint);
    }
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

/// The reader's error among the causes.
fn found(error: &DataFusionError) -> Option<&Error> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&cause| {
        match cause.downcast_ref::<std::io::Error>() {
            // Its own `source` is that of what is in it.
            Some(outer) => outer.get_ref().map(|inner| inner as _),
            None => cause.source(),
        }
    })
    .find_map(|cause| cause.downcast_ref())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// As the partitions of an aggregation or a join have it, which are there until the query is over.
    #[test]
    fn an_error_that_several_partitions_have_is_the_readers_own_as_well() {
        for (kind, retryable) in [(ErrorKind::Value, false), (ErrorKind::BrokenConnection, true)] {
            let own = Error::of(kind, "no day", std::fmt::Error).with_hint("read it as text");
            let shared = Arc::new(from_reader(own));
            let error =
                DataFusionError::Context("here".into(), Box::new(DataFusionError::Shared(shared.clone())));
            let told = reader_error(error);
            assert_eq!((told.kind(), told.is_retryable()), (kind, retryable));
            assert_eq!((told.to_string().as_str(), told.hint()), ("no day", Some("read it as text")));
            drop(shared);
        }
    }
}
