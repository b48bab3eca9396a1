//! Ways to read a dataset.

use std::num::NonZeroUsize;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use futures::{Stream, TryStreamExt};
use serde::de::DeserializeOwned;
use tokio::io::AsyncWrite;

use super::Dataset;
use crate::error::Result;
use crate::export::{Export, Source};
use crate::export_folder::FolderExport;
use crate::format::Format;
use crate::reading::Batches;
use crate::refreshes::{Refreshes, Tally};
use crate::scan::Scan;
use crate::split::{self, Splits};
use crate::table_size::TableSize;
use crate::write_async;

impl Dataset {
    /// Counts the rows, in the database. If they are of several refreshes, that is logged; [`Dataset::tally`] tells.
    /// BigQuery, which bills for each column that is looked at, is asked for the number alone: without a filter that
    /// costs nothing.
    ///
    /// # Errors
    /// `Query` or `BrokenConnection` if the database does not answer, `Timeout`.
    pub async fn count(&self) -> Result<u64> {
        self.count_of(&Refreshes::default()).await
    }

    /// The same; of which refreshes the rows are is told by `refreshes`, where that costs nothing.
    ///
    /// # Errors
    /// Those of [`Dataset::count`].
    pub async fn count_of(&self, refreshes: &Refreshes) -> Result<u64> {
        let scan = self.plan().scan;
        let generation = scan.generation.filter(|_| !self.engine.bills_for_columns());
        self.counted(&Scan { generation, ..scan }, refreshes).await
    }

    /// Counts the rows, in the database, and tells of which refreshes they are: one statement for both.
    ///
    /// # Errors
    /// Those of [`Dataset::count`].
    pub async fn tally(&self) -> Result<Tally> {
        let refreshes = Refreshes::default();
        let rows = self.counted(&self.plan().scan, &refreshes).await?;
        Ok(Tally::new(rows, &refreshes))
    }

    async fn counted(&self, scan: &Scan, refreshes: &Refreshes) -> Result<u64> {
        let count = self.patience.answer(self.engine.count(scan)).await?;
        if let Some((oldest, newest)) = count.generations {
            refreshes.see(oldest, newest);
        }
        Ok(count.rows)
    }

    /// About how large the whole table is, whatever is chosen of it: an estimate of the database's own, for plans. PostgreSQL
    /// tells; others do not yet.
    ///
    /// # Errors
    /// `Query` or `BrokenConnection` if the database does not answer.
    pub async fn table_size(&self) -> Result<TableSize> {
        self.patience.answer(self.engine.size(&self.plan().scan.table)).await
    }

    /// The first rows as one batch.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`].
    pub async fn head(&self, rows: u64) -> Result<RecordBatch> {
        let limit = self.limit.map_or(rows, |limit| limit.min(rows));
        let batches = self.clone().limit(limit).batches().await?;
        let schema = batches.schema();
        let batches: Vec<RecordBatch> = batches.try_collect().await?;
        Ok(concat_batches(&schema, &batches)?)
    }

    /// All rows, batch by batch, in bounded memory. An error ends the stream; without one it is whole.
    ///
    /// # Errors
    /// `Query` if the database refuses, `BrokenConnection` if it is lost on the way, `Value` if a value does not fit
    /// its column's type, `Timeout`.
    pub async fn batches(&self) -> Result<Batches> {
        let plan = self.plan();
        self.patience
            .read(async {
                Ok(plan.finish(self.engine.read(plan.scan.clone()).await?, &Refreshes::default()))
            })
            .await
    }

    /// All rows as values of a type of yours, one by one. Fields go by the names of columns.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`], and `Value` if a row does not fit the type.
    pub async fn rows<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> Result<impl Stream<Item = Result<T>> + Send + use<T>> {
        Ok(self.batches().await?.into_rows())
    }

    /// Cuts the read into about so many parts, which together are its rows exactly once, to be read with
    /// [`Warehouse::read_split`](crate::Warehouse::read_split) by threads, processes or machines. A read with an order,
    /// a limit or [`Dataset::latest`] is one part, and so is every read of a database that cannot be cut.
    ///
    /// # Errors
    /// `Query` or `BrokenConnection` if the database does not answer.
    pub async fn splits(&self, wanted: usize) -> Result<Splits> {
        let wanted = NonZeroUsize::new(wanted).unwrap_or(NonZeroUsize::MIN);
        let plan = self.plan();
        self.patience.answer(split::cut(self.kind, &*self.engine, &plan, self.patience, wanted)).await
    }

    /// All rows, read in about so many parts side by side, each over a connection of its own. The batches come in no
    /// order. All are of one state of the table: where connections cannot share one (SQLite with a write-ahead log, of
    /// which [`Splits::is_one_snapshot`] says no) the table is read over a single connection.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`]. The first error ends all parts.
    pub async fn read_parallel(&self, wanted: usize) -> Result<Batches> {
        let begin = async {
            let splits = self.splits(wanted).await?;
            if !splits.is_one_snapshot() {
                return self.batches().await;
            }
            Ok(split::read_all(self.kind, &self.engine, splits, self.schema()))
        };
        self.patience.read(begin).await
    }

    /// Writes all rows to a file. Nothing happens before it is awaited.
    pub fn export(&self, path: impl AsRef<Path>, format: Format) -> Export {
        Export::new(Source::Dataset(Box::new(self.clone())), path.as_ref().to_owned(), format)
    }

    /// Writes all rows to files in a folder, which end at a size. Nothing happens before it is awaited.
    pub fn export_folder(&self, path: impl AsRef<Path>, format: Format) -> FolderExport {
        FolderExport::new(Source::Dataset(Box::new(self.clone())), path.as_ref().to_owned(), format)
    }

    /// Writes all rows to `out`, which may be a socket, standard output or a file, and gives their number. There is no name
    /// to protect, so that a failure leaves a part.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`], and `Io` if `out` cannot be written.
    pub async fn write(&self, out: &mut (impl AsyncWrite + Unpin + Send), format: Format) -> Result<Tally> {
        write_async::write(self.batches().await?, out, format).await
    }
}
