//! From an answer to batches: first the rows in it, then those in the store, a few parts ahead, each decoded as a stream.

use std::collections::VecDeque;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::answer::{Answer, Chunk, RowType};
use super::arrow_stream::{ArrowStream, Broken};
use super::convert::{Misfit, convert};
use super::session::Session;
use super::store::Store;
use super::text_rows::{self, TextRow};
use super::types::{Kind, field};
use crate::engine::RecordBatchStream;
use crate::engine::from_task::from_task;
use crate::error::{Error, ErrorKind, Result};

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;
/// Parts that may be fetched before they are needed.
const PARTS_AHEAD: usize = 4;
/// Compressed bytes of them; the next part is fetched in any case.
const BYTES_AHEAD: u64 = 16 * 1024 * 1024;
/// How often a part is fetched whose content turns out to be cut or damaged.
const FETCHES: u32 = 3;
/// Bytes that a part may be when it is unpacked. The service cuts results into parts of at most 160 MB; what goes on
/// beyond three times that was not made by it, and would take all memory.
const LONGEST_PART: u64 = 512 * 1024 * 1024;

/// The result of a statement.
pub(super) struct ResultSet {
    session: Arc<Session>,
    answer: Answer,
}

impl ResultSet {
    pub(super) fn new(session: &Arc<Session>, answer: Answer) -> Self {
        Self { session: session.clone(), answer }
    }

    pub(super) fn query_id(&self) -> &str {
        &self.answer.query_id
    }

    pub(super) fn columns(&self) -> &[RowType] {
        &self.answer.rowtype
    }

    /// The schema of all columns.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.answer.rowtype.iter().map(field).collect::<Vec<_>>()))
    }

    /// Rows of each part; the first are those in the answer itself.
    pub(super) fn rows_by_part(&self) -> Vec<u64> {
        let chunks: Vec<u64> = self.answer.chunks.iter().map(|chunk| chunk.row_count).collect();
        let inline = self.answer.total.unwrap_or_default().saturating_sub(chunks.iter().sum());
        std::iter::once(inline).chain(chunks).collect()
    }

    /// The rows of these parts.
    pub(super) fn batches(
        mut self,
        parts: Range<usize>,
        schema: SchemaRef,
        batch_rows: usize,
    ) -> RecordBatchStream {
        let rows = self.rows_by_part();
        let total = self.answer.total;
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let inline = Inline {
            base64: std::mem::take(&mut self.answer.rowset_base64),
            rows: std::mem::take(&mut self.answer.rowset),
        };
        let is_json = self.answer.query_result_format.as_deref() == Some("json");
        let kinds: Vec<Kind> = self.answer.rowtype.iter().map(Kind::of).collect();
        let output = Output { schema, kinds: kinds.into(), batch_rows, longest_part: LONGEST_PART, sender };
        let task = tokio::spawn(async move {
            let from_store = parts.start.max(1)..parts.end.max(1);
            let outcome = async {
                if parts.contains(&0) {
                    let expected = total.map(|_| rows[0]);
                    read_inline(inline, is_json, expected, &output).await?;
                }
                let chunks = &self.answer.chunks[from_store.start - 1..from_store.end - 1];
                let chunks = chunks.iter().cloned().zip(from_store.clone());
                let store = Store::new(self.session.clone(), &self.answer);
                read_chunks(&Arc::new(store), chunks.collect(), is_json, &output).await
            };
            if let Err(error) = outcome.await {
                // Nobody is left to be told if the reader has gone.
                let _ = output.sender.send(Err(error)).await;
            }
        });
        from_task(receiver, task)
    }

    /// All rows as text; for small results.
    pub(super) async fn texts(self) -> Result<Vec<Vec<Option<String>>>> {
        let parts = 0..self.answer.chunks.len() + 1;
        let schema = self.schema();
        let mut batches = self.batches(parts, schema, usize::MAX);
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let options = arrow_cast::display::FormatOptions::new();
            let columns = batch
                .columns()
                .iter()
                .map(|column| arrow_cast::display::ArrayFormatter::try_new(column.as_ref(), &options))
                .collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let values = columns.iter().zip(batch.columns());
                let values =
                    values.map(|(text, column)| (!column.is_null(row)).then(|| text.value(row).to_string()));
                rows.push(values.collect());
            }
        }
        Ok(rows)
    }
}

/// The rows in an answer itself.
struct Inline {
    base64: String,
    rows: Vec<TextRow>,
}

/// Where batches go, and what they have to look like.
#[derive(Clone)]
struct Output {
    schema: SchemaRef,
    kinds: Arc<[Kind]>,
    batch_rows: usize,
    /// See [`LONGEST_PART`].
    longest_part: u64,
    sender: mpsc::Sender<Result<RecordBatch>>,
}

/// Why the reading of a part ended early.
enum Ended {
    /// Nobody takes the rows any more.
    Unwanted,
    /// The part is cut or damaged: it may be whole when it is fetched again.
    Damaged(String),
    /// It would be the same again.
    Failed(Error),
}

impl From<Misfitting> for Ended {
    fn from(misfit: Misfitting) -> Self {
        Self::Failed(misfit.into())
    }
}

async fn read_inline(inline: Inline, is_json: bool, expected: Option<u64>, output: &Output) -> Result<()> {
    let output = output.clone();
    let (rows, ended) = blocking(move || {
        let mut sent = 0;
        let outcome = if is_json || inline.base64.is_empty() {
            output.send_texts(&inline.rows, 0, &mut sent)
        } else {
            let bytes = Cursor::new(inline.base64.into_bytes());
            output.send_stream(DecoderReader::new(bytes, &STANDARD), 0, &mut sent)
        };
        (sent, outcome.err())
    })
    .await?;
    match ended {
        None if expected.is_none_or(|expected| expected == rows) => Ok(()),
        None => Err(broken(&format!("it holds {rows} rows of {}", expected.unwrap_or_default()))),
        Some(Ended::Unwanted) => Ok(()),
        Some(Ended::Damaged(reason)) => Err(broken(&reason)),
        Some(Ended::Failed(error)) => Err(error),
    }
}

type Fetching = AbortOnDropHandle<Result<Bytes>>;

async fn read_chunks(
    store: &Arc<Store>,
    chunks: Vec<(Chunk, usize)>,
    is_json: bool,
    output: &Output,
) -> Result<()> {
    let mut waiting: VecDeque<_> = chunks.into();
    let mut fetching: VecDeque<(Chunk, usize, Fetching)> = VecDeque::new();
    let mut bytes = 0;
    loop {
        while let Some((chunk, _)) = waiting.front() {
            let fits = fetching.len() < PARTS_AHEAD && bytes + chunk.compressed_size <= BYTES_AHEAD;
            if !fits && !fetching.is_empty() {
                break;
            }
            let Some((chunk, part)) = waiting.pop_front() else { break };
            bytes += chunk.compressed_size;
            let (store, wanted) = (store.clone(), chunk.clone());
            let task = tokio::spawn(async move { store.fetch(&wanted, part).await });
            fetching.push_back((chunk, part, AbortOnDropHandle::new(task)));
        }
        let Some((chunk, part, fetched)) = fetching.pop_front() else { return Ok(()) };
        let fetched = tokio::select! {
            fetched = fetched => fetched.map_err(|error| broken(&error.to_string()))??,
            () = output.sender.closed() => return Ok(()),
        };
        bytes -= chunk.compressed_size;
        if !read_chunk(store, &chunk, part, fetched, is_json, output).await? {
            return Ok(());
        }
    }
}

/// Sends the rows of a part, all of them and none twice, even when it has to be fetched again in between. `false` if
/// nobody takes them any more.
async fn read_chunk(
    store: &Arc<Store>,
    chunk: &Chunk,
    part: usize,
    mut fetched: Bytes,
    is_json: bool,
    output: &Output,
) -> Result<bool> {
    let mut sent = 0;
    for fetch in 1.. {
        let worker = output.clone();
        let (now_sent, ended) = blocking(move || {
            let (skip, mut sent) = (sent, sent);
            let outcome = worker.send_part(fetched, is_json, skip, &mut sent);
            (sent, outcome.err())
        })
        .await?;
        sent = now_sent;
        let reason = match ended {
            None if sent == chunk.row_count => return Ok(true),
            None => format!("it holds {sent} rows of {}", chunk.row_count),
            Some(Ended::Unwanted) => return Ok(false),
            Some(Ended::Failed(error)) => return Err(error),
            Some(Ended::Damaged(reason)) => reason,
        };
        if fetch == FETCHES || sent > chunk.row_count {
            return Err(broken(&reason));
        }
        tracing::debug!(part, reason, "fetching a part of the result again");
        fetched = store.fetch(chunk, part).await?;
    }
    Ok(false)
}

impl Output {
    /// Sends what a part holds but for its first rows.
    fn send_part(&self, part: Bytes, is_json: bool, skip: u64, sent: &mut u64) -> Result<(), Ended> {
        let is_compressed = part.starts_with(&[0x1f, 0x8b]);
        let bytes = Cursor::new(part);
        let plain: Box<dyn Read> =
            if is_compressed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
        if !is_json {
            return self.send_stream(plain, skip, sent);
        }
        // Rows without the brackets around them all.
        let mut text = String::from("[");
        let mut plain = plain.take(self.longest_part);
        let read = plain.read_to_string(&mut text);
        if plain.limit() == 0 {
            return Err(self.too_long());
        }
        read.map_err(|error| Ended::Damaged(error.to_string()))?;
        text.push(']');
        let rows: Vec<TextRow> =
            serde_json::from_str(&text).map_err(|error| Ended::Damaged(error.to_string()))?;
        self.send_texts(&rows, skip, sent)
    }

    fn send_stream(&self, bytes: impl Read, skip: u64, sent: &mut u64) -> Result<(), Ended> {
        // Lengths in a damaged stream can make the reader of the format panic.
        let reading = AssertUnwindSafe(|| self.send_batches(bytes, skip, sent));
        catch_unwind(reading).unwrap_or_else(|_| Err(Ended::Damaged("it is no Arrow stream".to_owned())))
    }

    fn send_batches(&self, bytes: impl Read, skip: u64, sent: &mut u64) -> Result<(), Ended> {
        let mut before = 0;
        let mut stream = ArrowStream::new(bytes, self.longest_part);
        let broken = |broken| match broken {
            Broken::TooLong => self.too_long(),
            Broken::Damaged(reason) => Ended::Damaged(reason),
        };
        while let Some(batch) = stream.next_batch().map_err(broken)? {
            let rows = batch.num_rows() as u64;
            let known = skip.saturating_sub(before).min(rows);
            before += rows;
            if known == rows {
                continue;
            }
            let batch = batch.slice(small(known), small(rows - known));
            if batch.num_columns() != self.kinds.len() {
                let message =
                    format!("Snowflake sends {} columns for {}", batch.num_columns(), self.kinds.len());
                return Err(Ended::Failed(Error::new(ErrorKind::Unsupported, message)));
            }
            let columns = batch.columns().iter().zip(self.kinds.iter()).enumerate();
            let columns = columns
                .map(|(index, (array, kind))| {
                    convert(array, *kind).map_err(|misfit| self.misfit(index, misfit))
                })
                .collect::<Result<Vec<_>, _>>()?;
            self.send(columns, batch.num_rows(), sent)?;
        }
        Ok(())
    }

    fn too_long(&self) -> Ended {
        let limit = self.longest_part / (1024 * 1024);
        let message = format!("a part of Snowflake's result is more than {limit} MiB");
        Ended::Failed(Error::new(ErrorKind::Unsupported, message))
    }

    fn send_texts(&self, rows: &[TextRow], skip: u64, sent: &mut u64) -> Result<(), Ended> {
        let rows = rows.get(small(skip)..).unwrap_or_default();
        if rows.is_empty() {
            return Ok(());
        }
        let columns = self.kinds.iter().enumerate();
        let columns = columns
            .map(|(index, kind)| {
                text_rows::column(rows, index, *kind).map_err(|misfit| self.misfit(index, misfit))
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.send(columns, rows.len(), sent)
    }

    /// Sends rows, as many at once as are wanted.
    fn send(&self, columns: Vec<arrow_array::ArrayRef>, rows: usize, sent: &mut u64) -> Result<(), Ended> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let whole = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Ended::Failed(error.into()))?;
        let mut offset = 0;
        while offset < rows {
            let length = self.batch_rows.min(rows - offset);
            self.sender.blocking_send(Ok(whole.slice(offset, length))).map_err(|_| Ended::Unwanted)?;
            offset += length;
            *sent += length as u64;
        }
        Ok(())
    }

    fn misfit(&self, index: usize, misfit: Misfit) -> Misfitting {
        Misfitting { column: self.schema.field(index).name().clone(), misfit }
    }
}

/// A misfit and where it is.
struct Misfitting {
    column: String,
    misfit: Misfit,
}

impl From<Misfitting> for Error {
    fn from(Misfitting { column, misfit }: Misfitting) -> Self {
        match misfit {
            Misfit::Value(problem) => {
                Self::new(ErrorKind::Value, format!("a value of the column `{column}` {problem}"))
                    .with_hint("read the column as text (`Dataset::text_columns`)")
            }
            Misfit::Form(form) => Self::new(
                ErrorKind::Unsupported,
                format!("the column `{column}` comes in a form ({form}) that is not known"),
            )
            .with_hint("read the column as text (`Dataset::text_columns`, or `::varchar` in a query)"),
        }
    }
}

fn broken(reason: &str) -> Error {
    Error::new(ErrorKind::BrokenConnection, format!("a part of Snowflake's result is not whole: {reason}"))
}

/// Rows of one part are counted in less than 64 bits everywhere.
fn small(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::new(ErrorKind::Query, error.to_string()))
}

/// How many rows of a whole number and a text are in a part; `None` if it cannot be read.
#[cfg(test)]
pub(super) fn rows_of_part(part: Vec<u8>, is_json: bool, skip: u64) -> Option<usize> {
    use arrow_schema::{DataType, Field};

    let (sender, mut receiver) = mpsc::channel(4_096);
    let schema =
        Schema::new(vec![Field::new("ID", DataType::Int64, true), Field::new("NAME", DataType::Utf8, true)]);
    let kinds = [Kind::Fixed { precision: 18, scale: 0 }, Kind::Text];
    let (kinds, batch_rows) = (kinds.into(), usize::MAX);
    let output = Output { schema: Arc::new(schema), kinds, batch_rows, longest_part: LONGEST_PART, sender };
    let outcome = output.send_part(part.into(), is_json, skip, &mut 0);
    drop(output);
    let mut rows = 0;
    while let Ok(batch) = receiver.try_recv() {
        rows += batch.ok()?.num_rows();
    }
    outcome.ok().map(|()| rows)
}
