//! One read: a snapshot, a COPY, batches.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::connect::Session;
use super::copy::Decoder;
use super::{PostgresDialect, catalogue, query_error};
use crate::engine::RecordBatchStream;
use crate::error::{Error, ErrorKind, Result};
use crate::scan::{Scan, quoted};

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;

/// Begins the read. Its rows are those of one snapshot; dropping the stream cancels the query.
pub(super) async fn read(session: Session, scan: Scan) -> Result<RecordBatchStream> {
    begin(&session, &scan).await?;
    let query = scan.select(&PostgresDialect)?;
    let copy =
        session.copy_out(&format!("copy ({query}) to stdout (format binary)")).await.map_err(query_error)?;
    let schema =
        Arc::new(Schema::new(scan.columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
    let decoder = Decoder::new(scan.columns, schema, scan.batch_rows);
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::spawn(async move {
        let outcome = pump(Box::pin(copy), decoder, &sender).await;
        match outcome {
            Ok(Taken::All) => {}
            // Nobody wants the rest: the server need not make it.
            Ok(Taken::NoMore) => session.cancel().await,
            Err(error) => {
                let _ = sender.send(Err(error)).await;
            }
        }
    });
    Ok(ReceiverStream::new(receiver).boxed())
}

/// Opens a transaction whose snapshot is taken after the table is held: a sync that swaps the table in between would
/// otherwise leave one whose rows the snapshot cannot see.
async fn begin(session: &Session, scan: &Scan) -> Result<()> {
    session.batch_execute("begin isolation level repeatable read read only").await.map_err(query_error)?;
    let lock = format!("lock table {} in access share mode", scan.table.sql());
    if let Err(error) = session.batch_execute(&lock).await {
        // Views and foreign tables may refuse; a plain read of them sees one snapshot all the same.
        tracing::debug!(%error, "the table is read without being held first");
        session
            .batch_execute("rollback; begin isolation level repeatable read read only")
            .await
            .map_err(query_error)?;
    }
    // The columns may have changed since they were looked up.
    let now = catalogue::columns(session, &scan.table).await?;
    for column in &scan.columns {
        let same = now
            .iter()
            .find(|known| known.name == column.name)
            .is_some_and(|known| known.type_id == column.type_id);
        if !same {
            return Err(Error::new(
                ErrorKind::Query,
                format!("the column {} of {} has changed", quoted(&column.name), scan.table.sql()),
            )
            .with_hint("open the dataset again"));
        }
    }
    Ok(())
}

/// How far the reader went.
enum Taken {
    All,
    NoMore,
}

type CopyStream = std::pin::Pin<Box<tokio_postgres::CopyOutStream>>;

async fn pump(
    mut copy: CopyStream,
    mut decoder: Decoder,
    sender: &mpsc::Sender<Result<RecordBatch>>,
) -> Result<Taken> {
    loop {
        let chunk = tokio::select! {
            chunk = copy.next() => chunk,
            () = sender.closed() => return Ok(Taken::NoMore),
        };
        let Some(chunk) = chunk else { break };
        let mut chunk = chunk.map_err(query_error)?;
        loop {
            let used = decoder.push(&chunk)?;
            if !decoder.is_full() {
                break;
            }
            if let Some(batch) = decoder.take_batch()?
                && sender.send(Ok(batch)).await.is_err()
            {
                return Ok(Taken::NoMore);
            }
            chunk = chunk.slice(used..);
        }
    }
    decoder.check_whole()?;
    if let Some(batch) = decoder.take_batch()?
        && sender.send(Ok(batch)).await.is_err()
    {
        return Ok(Taken::NoMore);
    }
    Ok(Taken::All)
}
