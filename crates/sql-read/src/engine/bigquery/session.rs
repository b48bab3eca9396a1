//! Rows by the Storage Read API: one session is one snapshot, its streams are read side by side.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use futures::StreamExt;
use google_cloud_bigquery::client::Read;
use google_cloud_bigquery::model::read_session::TableReadOptions;
use google_cloud_bigquery::model::{DataFormat, ReadRowsResponse, ReadSession};
use google_cloud_bigquery_v2::model::TableReference;
use google_cloud_gax::error::Error as Fault;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connect::Clients;
use super::fault::{fault, is_missing};
use super::types::fit;
use crate::engine::RecordBatchStream;
use crate::error::{Error, ErrorKind, Result};

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;
/// The end of a stream of Arrow messages. The schema stands for the head of one, and an end after it would end all.
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What a session reads.
pub(super) struct Source<'a> {
    pub table: &'a TableReference,
    pub columns: Vec<String>,
    pub restriction: Option<String>,
    /// The most streams to cut it into.
    pub streams: i32,
}

/// A session that has begun.
pub(super) struct Session {
    /// The names of its streams; none if there are no rows.
    pub streams: Vec<String>,
    /// The schema as an Arrow message.
    pub schema: Bytes,
}

/// Begins a session. It costs nothing before its rows are read, and ends by itself after some hours.
pub(super) async fn begin(clients: &Clients, source: Source<'_>) -> Result<Session, Fault> {
    let TableReference { project_id, dataset_id, table_id, .. } = source.table;
    let options = TableReadOptions::new()
        .set_selected_fields(source.columns)
        .set_row_restriction(source.restriction.unwrap_or_default());
    let wanted = ReadSession::new()
        .set_table(format!("projects/{project_id}/datasets/{dataset_id}/tables/{table_id}"))
        .set_data_format(DataFormat::Arrow)
        .set_read_options(options)
        .set_trace_id("airbyte-sql-read");
    let session = clients
        .storage
        .create_read_session()
        .set_parent(format!("projects/{}", clients.project))
        .set_read_session(wanted)
        .set_max_stream_count(source.streams)
        // One that is begun twice is read once.
        .with_idempotency(true)
        .send()
        .await?;
    Ok(Session {
        schema: session.arrow_schema().map(|schema| schema.serialized_schema.clone()).unwrap_or_default(),
        streams: session.streams.into_iter().map(|stream| stream.name).collect(),
    })
}

/// How the rows are to come.
#[derive(Clone)]
pub(super) struct Shape {
    pub schema: SchemaRef,
    pub batch_rows: usize,
    pub limit: Option<u64>,
}

/// The rows of a session's streams, in the order of their coming. Dropping the stream ends the reading.
pub(super) fn rows(storage: &Read, session: Session, shape: &Shape) -> RecordBatchStream {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let mut readers = JoinSet::new();
    for stream in session.streams {
        let reader = Reader {
            storage: storage.clone(),
            stream,
            schema: session.schema.clone(),
            shape: shape.clone(),
            sender: sender.clone(),
        };
        readers.spawn(async move {
            if let Err(error) = reader.run().await {
                let _ = reader.sender.send(Err(error)).await;
            }
        });
    }
    drop(sender);
    let state = Some((receiver, readers, shape.limit));
    futures::stream::unfold(state, |state| async move {
        let (mut receiver, mut readers, left) = state?;
        if left == Some(0) {
            return None;
        }
        match receiver.recv().await {
            Some(Ok(batch)) => {
                let rows = batch.num_rows() as u64;
                let taken = left.map_or(rows, |left| left.min(rows));
                let batch =
                    batch.slice(0, usize::try_from(taken).unwrap_or(usize::MAX).min(batch.num_rows()));
                Some((Ok(batch), Some((receiver, readers, left.map(|left| left - taken)))))
            }
            // Nothing comes after an error; what is still being read is dropped with the readers.
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                // The rows are whole only if every reader came to its end.
                while let Some(outcome) = readers.join_next().await {
                    if let Err(lost) = outcome {
                        let error =
                            Error::new(ErrorKind::BrokenConnection, "a reader of BigQuery's rows was lost");
                        return Some((Err(error.with_source(lost)), None));
                    }
                }
                None
            }
        }
    })
    .boxed()
}

/// Reads one stream.
struct Reader {
    storage: Read,
    stream: String,
    schema: Bytes,
    shape: Shape,
    sender: mpsc::Sender<Result<RecordBatch>>,
}

impl Reader {
    async fn run(&self) -> Result<()> {
        // Where the connection breaks, the client begins again behind the last row that came, a few times.
        let mut responses = self.storage.read_rows().set_read_stream(&self.stream).into_reader();
        let mut decoder = None;
        while let Some(response) = responses.next().await {
            let response = response.map_err(read_fault)?;
            let decoder = match &mut decoder {
                Some(decoder) => decoder,
                none => none.insert(self.decoder(&response)?),
            };
            let batch = decode(decoder, &response)?;
            drop(response);
            let mut from = 0;
            while from < batch.num_rows() {
                let rows = self.shape.batch_rows.min(batch.num_rows() - from);
                if self.sender.send(Ok(fit(&batch.slice(from, rows), &self.shape.schema)?)).await.is_err() {
                    return Ok(());
                }
                from += rows;
            }
        }
        Ok(())
    }

    /// A decoder that knows the schema: the stream's own, or else the session's.
    fn decoder(&self, response: &ReadRowsResponse) -> Result<StreamDecoder> {
        let own = response.arrow_schema().map(|schema| &schema.serialized_schema);
        decoder(own.filter(|schema| !schema.is_empty()).unwrap_or(&self.schema))
    }
}

/// A decoder of rows that have this schema.
pub(super) fn decoder(schema: &[u8]) -> Result<StreamDecoder> {
    let mut decoder = StreamDecoder::new();
    if schema.is_empty() {
        return Err(Error::new(ErrorKind::BrokenConnection, "BigQuery sent rows without their schema"));
    }
    let mut schema = Buffer::from(schema.strip_suffix(&END_OF_STREAM[..]).unwrap_or(schema).to_vec());
    unless_damaged(|| Ok(decoder.decode(&mut schema)?))?;
    Ok(decoder)
}

/// What Arrow makes of bytes. Lengths in damaged ones can make it panic.
fn unless_damaged<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::BrokenConnection, "BigQuery sent rows that are no Arrow"))
    })
}

fn read_fault(error: Fault) -> Error {
    let gone =
        is_missing(&error) || error.status().is_some_and(|status| status.code == Code::FailedPrecondition);
    let described = fault(error);
    if gone {
        described.with_hint("a read that was planned has to be done within six hours; plan it anew")
    } else {
        described
    }
}

/// The rows of one message, all of which have to be there.
pub(super) fn decode(decoder: &mut StreamDecoder, response: &ReadRowsResponse) -> Result<RecordBatch> {
    unless_damaged(|| decoded(decoder, response))
}

fn decoded(decoder: &mut StreamDecoder, response: &ReadRowsResponse) -> Result<RecordBatch> {
    let bytes = response.arrow_record_batch().map(|batch| batch.serialized_record_batch.clone());
    let mut buffer = Buffer::from(bytes.unwrap_or_default());
    let mut batches = Vec::new();
    while !buffer.is_empty() {
        match decoder.decode(&mut buffer)? {
            Some(batch) => batches.push(batch),
            None if buffer.is_empty() => break,
            None => {}
        }
    }
    let schema = decoder.schema().unwrap_or_else(|| Arc::new(Schema::empty()));
    let batch = match <[RecordBatch; 1]>::try_from(batches) {
        Ok([only]) => only,
        Err(batches) => arrow_select::concat::concat_batches(&schema, &batches)?,
    };
    if i64::try_from(batch.num_rows()) != Ok(response.row_count) {
        return Err(Error::new(
            ErrorKind::BrokenConnection,
            format!("BigQuery sent {} of {} rows in one message", batch.num_rows(), response.row_count),
        ));
    }
    Ok(batch)
}
