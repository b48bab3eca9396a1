//! The databases.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::fmt::Debug;
use std::pin::Pin;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::Stream;

use crate::error::Result;
use crate::locate::TableName;
use crate::scan::{Column, Scan};

/// Batches of rows, as they come. An error ends the stream; without one, the stream is whole.
pub type RecordBatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

/// What each database can do.
#[async_trait]
pub(crate) trait Engine: Debug + Send + Sync {
    /// The tables and views of these schemas.
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>>;
    /// The columns of a table, in order.
    async fn columns(&self, table: &TableName) -> Result<Vec<Column>>;
    /// Reads rows, in one snapshot. Dropping the stream ends the query.
    async fn read(&self, scan: Scan) -> Result<RecordBatchStream>;
    /// Counts rows.
    async fn count(&self, scan: &Scan) -> Result<u64>;
    /// What of the configuration has no effect here.
    fn warnings(&self) -> &[String] {
        &[]
    }
}
