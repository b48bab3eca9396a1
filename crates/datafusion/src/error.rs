//! Errors of the reader as errors of DataFusion.

use airbyte_sql_read::Error;
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
