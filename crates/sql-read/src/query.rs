//! Statements of one's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use futures::{Stream, TryStreamExt};
use serde::de::DeserializeOwned;
use tokio::io::AsyncWrite;

use crate::engine::Engine;
use crate::error::Result;
use crate::export::{Export, Source};
use crate::export_folder::FolderExport;
use crate::format::Format;
use crate::reading::{Batches, Patience};
use crate::write_async;

/// Rows of a batch unless something else is asked for.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// A statement that reads, and ways to read what it gives. Nothing is sent before a reading method is called, and each
/// call runs the statement once. Cheap to clone.
#[derive(Clone, Debug)]
#[must_use = "a query reads nothing by itself"]
pub struct Query {
    engine: Arc<dyn Engine>,
    sql: Arc<str>,
    batch_rows: usize,
    patience: Patience,
}

/// What a statement would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Bytes that it would read, which is what BigQuery charges for; `None` if that is not told.
    pub bytes: Option<u64>,
}

impl Query {
    pub(crate) fn new(engine: Arc<dyn Engine>, sql: String) -> Self {
        Self { engine, sql: sql.into(), batch_rows: BATCH_ROWS, patience: Patience::default() }
    }

    /// So many rows a batch at the most, 8,192 unless this is called.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    /// Gives up, with a `Timeout` error, when the whole read takes longer. Default: never.
    pub fn timeout(mut self, whole: Duration) -> Self {
        self.patience.whole = Some(whole);
        self
    }

    /// Gives up, with a `Timeout` error, when the database gives nothing for so long. Default: never.
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.patience.idle = Some(idle);
        self
    }

    /// Asks what the statement would read, without running it: nothing is read or paid for.
    ///
    /// # Errors
    /// `Unsupported` if the database does not tell, as BigQuery alone does; `Query` if it refuses the statement.
    pub async fn estimate(&self) -> Result<Estimate> {
        Ok(Estimate { bytes: self.patience.answer(self.engine.estimate(&self.sql)).await? })
    }

    /// The rows, batch by batch, in bounded memory.
    ///
    /// # Errors
    /// `Query` if the database refuses the statement, `BrokenConnection` if it is lost on the way, `Value` if a value
    /// does not fit its column's type, `Timeout`, and `Unsupported` where the engine runs no statements.
    pub async fn batches(&self) -> Result<Batches> {
        let begin = async {
            let rows = self.engine.query(&self.sql, self.batch_rows).await?;
            Ok(Batches::new(rows.schema, rows.batches))
        };
        self.patience.read(begin).await
    }

    /// All rows as one batch: they are all in memory then.
    ///
    /// # Errors
    /// Those of [`Query::batches`].
    pub async fn collect(&self) -> Result<RecordBatch> {
        let batches = self.batches().await?;
        let schema = batches.schema();
        let batches: Vec<RecordBatch> = batches.try_collect().await?;
        Ok(concat_batches(&schema, &batches)?)
    }

    /// The rows as values of a type of yours, one by one. Fields go by the names of columns.
    ///
    /// # Errors
    /// Those of [`Query::batches`], and `Value` if a row does not fit the type.
    pub async fn rows<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> Result<impl Stream<Item = Result<T>> + Send + use<T>> {
        Ok(self.batches().await?.into_rows())
    }

    /// Writes the rows to a file. Nothing happens before it is awaited.
    pub fn export(&self, path: impl AsRef<Path>, format: Format) -> Export {
        Export::new(Source::Query(self.clone()), path.as_ref().to_owned(), format)
    }

    /// Writes the rows to files in a folder, which end at a size. Nothing happens before it is awaited.
    pub fn export_folder(&self, path: impl AsRef<Path>, format: Format) -> FolderExport {
        FolderExport::new(Source::Query(self.clone()), path.as_ref().to_owned(), format)
    }

    /// Writes the rows to `out`, which may be a socket, standard output or a file, and gives their number. There is no name
    /// to protect, so that a failure leaves a part.
    ///
    /// # Errors
    /// Those of [`Query::batches`], and `Io` if `out` cannot be written.
    pub async fn write(&self, out: &mut (impl AsyncWrite + Unpin + Send), format: Format) -> Result<u64> {
        Ok(write_async::write(self.batches().await?, out, format).await?.rows)
    }
}
