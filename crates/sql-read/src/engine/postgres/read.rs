//! Reads: a transaction, a COPY, batches.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_postgres::types::{Kind, Type};

use super::copy::Decoder;
use super::session::Session;
use super::{PostgresDialect, catalogue, types};
use crate::engine::from_task::from_task;
use crate::engine::{RecordBatchStream, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::{Column, Scan, quoted};

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;

/// Reads a table. Dropping the stream cancels the query.
///
/// The statement is prepared first, which holds the table, and its snapshot is taken after that. The other way around a
/// sync that swaps the table in between would leave one whose rows the snapshot cannot see.
pub(super) async fn read(session: Session, scan: Scan) -> Result<RecordBatchStream> {
    let select = scan.select(&PostgresDialect)?;
    check(&session, &select, &scan).await?;
    copy(session, &select, scan.columns, scan.batch_rows).await
}

/// Compares the columns of a prepared read with those that were looked up before.
pub(super) async fn check(session: &Session, select: &str, scan: &Scan) -> Result<()> {
    let prepared = session.prepare(select).await?;
    for (column, now) in scan.columns.iter().zip(prepared.columns()) {
        let known = if column.as_text { Type::TEXT.oid() } else { column.type_id };
        let kept = column.as_text
            || types::data_type(known, now.type_modifier())
                .is_none_or(|data_type| data_type == *column.field.data_type());
        if now.type_().oid() != known || !kept {
            return Err(Error::new(
                ErrorKind::Query,
                format!("the column {} of {} has changed", quoted(&column.name), scan.table.sql()),
            )
            .with_hint("open the dataset again"));
        }
    }
    Ok(())
}

/// Runs a statement that gives rows.
pub(super) async fn query(session: Session, sql: &str, batch_rows: usize) -> Result<Rows> {
    // Behind the statement there may be a comment or a semicolon, and it goes between parentheses.
    let sql = sql.trim().trim_end_matches(';').trim_end();
    // Prepared as it is: two statements, or one that does not end where the text does, are refused here.
    let prepared = session.prepare(sql).await?;
    if prepared.columns().is_empty() || !prepared.params().is_empty() {
        return Err(Error::invalid("the statement is not a query that stands by itself and gives columns"));
    }
    let columns: Vec<Column> = prepared
        .columns()
        .iter()
        .map(|column| {
            let is_enum = matches!(column.type_().kind(), Kind::Enum(_));
            let (name, oid) = (column.name(), column.type_().oid());
            catalogue::column(name, oid, column.type_modifier(), is_enum, true, None)
        })
        .collect();
    drop(prepared);
    let names: Vec<String> = (1..=columns.len()).map(|number| format!("c{number}")).collect();
    let chosen = names.iter().zip(&columns);
    let chosen: Vec<_> = chosen
        .map(|(name, column)| if column.as_text { format!("{name}::text") } else { name.clone() })
        .collect();
    let select = format!("select {} from (\n{sql}\n) as found ({})", chosen.join(", "), names.join(", "));
    let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
    let batches = copy(session, &select, columns, batch_rows).await?;
    Ok(Rows { schema, batches })
}

/// Begins a COPY and hands on what it gives.
pub(super) async fn copy(
    session: Session,
    select: &str,
    columns: Vec<Column>,
    batch_rows: usize,
) -> Result<RecordBatchStream> {
    let copy = session.copy_out(&format!("copy ({select}) to stdout (format binary)")).await?;
    let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
    let decoder = Decoder::new(columns, schema, batch_rows);
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let task = tokio::spawn(async move {
        match pump(&session, Box::pin(copy), decoder, &sender).await {
            Ok(Taken::All) => session.finish().await,
            // Nobody wants the rest: the server need not make it. Dropping the session tells it.
            Ok(Taken::NoMore) => drop(session),
            Err(error) => {
                drop(session);
                let _ = sender.send(Err(error)).await;
            }
        }
    });
    Ok(from_task(receiver, task))
}

/// How far the reader went.
enum Taken {
    All,
    NoMore,
}

type CopyStream = std::pin::Pin<Box<tokio_postgres::CopyOutStream>>;

async fn pump(
    session: &Session,
    mut copy: CopyStream,
    mut decoder: Decoder,
    sender: &mpsc::Sender<Result<RecordBatch>>,
) -> Result<Taken> {
    loop {
        let chunk = tokio::select! {
            chunk = session.patiently(copy.next()) => chunk?,
            () = sender.closed() => return Ok(Taken::NoMore),
        };
        let Some(chunk) = chunk else { break };
        let mut chunk = chunk.map_err(|error| session.error(error))?;
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
