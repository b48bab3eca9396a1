//! Rows on their way: a schema, batches, and how long to wait for them.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, timeout_at};

use crate::engine::RecordBatchStream;
use crate::error::{Error, ErrorKind, Result};
use crate::export::{Export, Source};
use crate::export_folder::FolderExport;
use crate::format::Format;
use crate::refreshes::{Refreshes, Tally};
use crate::write_async;

/// Batches of rows, as they come: a stream of `Result<RecordBatch>`. An error ends it; without one, it is whole.
/// Dropping it ends the query.
pub struct Batches {
    schema: SchemaRef,
    stream: RecordBatchStream,
    refreshes: Refreshes,
}

impl Batches {
    pub(crate) fn new(schema: SchemaRef, stream: RecordBatchStream) -> Self {
        Self { schema, stream, refreshes: Refreshes::default() }
    }

    /// Rows that come from elsewhere, such as an engine that works on several datasets, to be written as files. Every batch
    /// must have the columns of `schema`; an error ends them.
    pub fn of(schema: SchemaRef, rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static) -> Self {
        Self::new(schema, rows.boxed())
    }

    /// The same rows; if the last one has not come when so much time has passed from now on, a `Timeout` error ends them.
    #[must_use]
    pub fn timeout(self, whole: Duration) -> Self {
        Patience { whole: Some(whole), idle: None }.timed(Some(Instant::now() + whole), self)
    }

    /// Begins a read and gives its rows; what leads to them takes of the same time as they do.
    ///
    /// # Errors
    /// Those of `begin`, and `Timeout`, which may also end the rows.
    pub async fn within(whole: Duration, begin: impl Future<Output = Result<Self>> + Send) -> Result<Self> {
        Patience { whole: Some(whole), idle: None }.read(begin).await
    }

    /// Writes the rows into one file, see [`Dataset::export`](crate::Dataset::export).
    pub fn export(self, path: impl AsRef<Path>, format: Format) -> Export {
        Export::new(Source::Batches(self), path.as_ref().to_owned(), format)
    }

    /// Writes the rows into files of a new folder, see [`Dataset::export_folder`](crate::Dataset::export_folder).
    pub fn export_folder(self, folder: impl AsRef<Path>, format: Format) -> FolderExport {
        FolderExport::new(Source::Batches(self), folder.as_ref().to_owned(), format)
    }

    /// Writes the rows to `out` as they come, see [`Dataset::write`](crate::Dataset::write).
    ///
    /// # Errors
    /// Those of the rows, and `Io` if `out` cannot be written.
    pub async fn write(self, out: &mut (impl AsyncWrite + Unpin + Send), format: Format) -> Result<Tally> {
        write_async::write(self, out, format).await
    }

    /// The same rows, of which `refreshes` tells.
    pub(crate) fn told_by(self, refreshes: Refreshes) -> Self {
        Self { refreshes, ..self }
    }

    /// Of which refreshes the rows are that have come so far. What it says is final when the stream has ended; it can
    /// be taken before, and outlives the stream.
    pub fn refreshes(&self) -> Refreshes {
        self.refreshes.clone()
    }

    /// The columns of every batch, known before the first one comes, and also where none does.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The rows as values of a type of yours, one by one. Fields go by the names of columns; a row that does not fit the
    /// type gives a `Value` error, which ends them.
    pub fn into_rows<T: DeserializeOwned + Send + 'static>(
        self,
    ) -> impl Stream<Item = Result<T>> + Send + use<T> {
        use futures::TryStreamExt;
        self.map(|batch| -> Result<_> {
            let rows: Vec<T> = serde_arrow::from_record_batch(&batch?).map_err(|error| {
                Error::new(ErrorKind::Value, format!("a row does not fit the type: {error}"))
            })?;
            Ok(futures::stream::iter(rows.into_iter().map(Ok::<T, Error>)))
        })
        .try_flatten()
        .scan(false, |ended, row| {
            let next = (!*ended).then_some(row);
            *ended |= matches!(next, Some(Err(_)));
            futures::future::ready(next)
        })
    }

    /// The same rows, each batch changed by `change` into one of `schema`.
    pub(crate) fn changed(
        self,
        schema: SchemaRef,
        mut change: impl FnMut(RecordBatch) -> Result<RecordBatch> + Send + 'static,
    ) -> Self {
        Self { schema, stream: self.stream.map(move |batch| change(batch?)).boxed(), ..self }
    }
}

impl Stream for Batches {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.stream.poll_next_unpin(context));
        if !matches!(next, Some(Ok(_))) {
            // Rows after an error would hide that some are missing. Dropping the stream ends the query.
            self.stream = futures::stream::empty().boxed();
        }
        Poll::Ready(next)
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Patience {
    /// For the whole read, from its beginning.
    pub whole: Option<Duration>,
    /// For the database's next sign of life, while somebody waits for it.
    pub idle: Option<Duration>,
}

impl Patience {
    /// Begins a read and sees to it that it keeps to the times.
    pub(crate) async fn read<F>(self, begin: F) -> Result<Batches>
    where
        F: Future<Output = Result<Batches>> + Send,
    {
        let end = self.whole.map(|whole| Instant::now() + whole);
        let batches = self.wait(end, begin).await??;
        Ok(if self == Self::default() { batches } else { self.timed(end, batches) })
    }

    /// The same rows, none of which comes later than it may.
    fn timed(self, end: Option<Instant>, batches: Batches) -> Batches {
        let Batches { schema, stream, refreshes } = batches;
        let timed = futures::stream::unfold(Some(stream), move |stream| async move {
            let mut stream = stream?;
            match self.wait(end, stream.next()).await {
                Ok(None) => None,
                Ok(Some(batch)) => Some((batch, Some(stream))),
                // Dropping the stream ends the query.
                Err(error) => Some((Err(error), None)),
            }
        });
        Batches { schema, stream: timed.boxed(), refreshes }
    }

    /// Waits for an answer that comes in one piece.
    pub(crate) async fn answer<T>(self, answer: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let end = self.whole.map(|whole| Instant::now() + whole);
        self.wait(end, answer).await?
    }

    async fn wait<T>(self, end: Option<Instant>, next: impl Future<Output = T>) -> Result<T> {
        let idle_end = self.idle.map(|idle| Instant::now() + idle);
        let Some(limit) = end.into_iter().chain(idle_end).min() else { return Ok(next.await) };
        timeout_at(limit, next).await.map_err(|_| {
            let message = match (self.whole, self.idle) {
                (Some(whole), _) if end == Some(limit) => format!("the read took longer than {whole:?}"),
                (_, idle) => format!("nothing came for {:?}", idle.unwrap_or_default()),
            };
            Error::new(ErrorKind::Timeout, message).with_hint("allow more time, or read less at once")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow_array::{ArrayRef, Int64Array};
    use arrow_schema::Schema;

    use super::*;

    /// Batches that come after so many seconds each, then an end.
    fn slow(seconds: &'static [u64]) -> Batches {
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::new_empty(schema.clone());
        let stream = futures::stream::iter(seconds).then(move |seconds| {
            let batch = batch.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
                Ok(batch)
            }
        });
        Batches::new(schema, stream.boxed())
    }

    async fn outcomes(patience: Patience, seconds: &'static [u64]) -> Vec<Option<ErrorKind>> {
        let batches = patience.read(async { Ok(slow(seconds)) }).await.unwrap();
        batches.map(|batch| batch.err().map(|error| error.kind())).collect().await
    }

    #[tokio::test]
    async fn an_error_ends_the_rows_and_the_query() {
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::new_empty(schema.clone());
        let asked = Arc::new(AtomicUsize::new(0));
        let query = asked.clone();
        let stream = futures::stream::iter(0..3).map(move |_| {
            query.fetch_add(1, Ordering::Relaxed);
            Ok(batch.clone())
        });
        let mut changes = 0;
        let mut batches = Batches::of(schema.clone(), stream).changed(schema, move |batch| {
            changes += 1;
            if changes == 2 { Err(Error::new(ErrorKind::Value, "it does not fit")) } else { Ok(batch) }
        });
        batches.next().await.unwrap().unwrap();
        assert_eq!(batches.next().await.unwrap().unwrap_err().kind(), ErrorKind::Value);
        assert_eq!(Arc::strong_count(&asked), 1, "the stream is dropped with the error");
        assert!(batches.next().await.is_none());
        assert!(batches.next().await.is_none());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_row_that_does_not_fit_ends_the_rows() {
        #[derive(serde::Deserialize)]
        struct Small {
            n: u8,
        }
        let batch = |n: i64| {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![n]));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let all = [1, 300, 2].map(|n| Ok(batch(n)));
        let rows = Batches::of(batch(0).schema(), futures::stream::iter(all)).into_rows::<Small>();
        let rows: Vec<_> = rows.map(|row| row.map(|row| row.n).map_err(|error| error.kind())).collect().await;
        assert_eq!(rows, [Ok(1), Err(ErrorKind::Value)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_ends_when_its_time_is_over() {
        let whole = Patience { whole: Some(Duration::from_secs(10)), idle: None };
        assert_eq!(outcomes(whole, &[4, 4]).await, [None, None]);
        assert_eq!(outcomes(whole, &[4, 4, 4]).await, [None, None, Some(ErrorKind::Timeout)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_ends_when_nothing_comes_for_long() {
        let idle = Patience { whole: None, idle: Some(Duration::from_secs(5)) };
        assert_eq!(outcomes(idle, &[4, 4, 4, 4]).await, [None; 4]);
        assert_eq!(outcomes(idle, &[4, 6, 4]).await, [None, Some(ErrorKind::Timeout)]);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_reader_takes_is_not_idle() {
        let idle = Patience { whole: None, idle: Some(Duration::from_secs(5)) };
        let mut batches = idle.read(async { Ok(slow(&[1, 1])) }).await.unwrap();
        batches.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
        batches.next().await.unwrap().unwrap();
        assert!(batches.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_beginning_that_takes_too_long_is_an_error() {
        let idle = Patience { whole: Some(Duration::from_mins(1)), idle: Some(Duration::from_secs(5)) };
        let error = idle
            .read(async {
                tokio::time::sleep(Duration::from_secs(6)).await;
                Ok(slow(&[]))
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "nothing came for 5s");
    }
}
