//! Reads: one statement whose rows come as text.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryStream};

use super::text::Batches;
use super::{RedshiftDialect, catalogue};
use crate::engine::from_task::from_task;
use crate::engine::postgres::session::{Isolation, Session};
use crate::engine::{Count, RecordBatchStream, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::{Column, Scan, quoted};

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;

/// Reads a table, in a transaction that has begun. Dropping the stream cancels the query.
pub(super) async fn read(session: Session, scan: Scan) -> Result<RecordBatchStream> {
    // The columns may have changed since they were looked up.
    let now = catalogue::columns(&session, &scan.table).await?;
    for column in &scan.columns {
        let same = now.iter().find(|known| known.name == column.name).is_some_and(|known| {
            known.type_id == column.type_id
                && (column.as_text || known.field.data_type() == column.field.data_type())
        });
        if !same {
            return Err(changed(&column.name, &scan));
        }
    }
    let select = scan.select(&RedshiftDialect)?;
    start(session, &select, scan.columns, scan.batch_rows).await
}

fn changed(column: &str, scan: &Scan) -> Error {
    Error::new(ErrorKind::Query, format!("the column {} of {} has changed", quoted(column), scan.table.sql()))
        .with_hint("open the dataset again")
}

/// Runs a statement that gives rows.
pub(super) async fn query(mut session: Session, sql: &str, batch_rows: usize) -> Result<Rows> {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    // Prepared, two statements are refused; run the simple way, they would not be. Outside of a transaction, so that a
    // look-up of a type that the old catalogue refuses does not end it; the settings were made before.
    session.batch_execute("commit").await?;
    let prepared = session.prepare(sql).await?;
    if prepared.columns().is_empty() || !prepared.params().is_empty() {
        return Err(Error::invalid("the statement is not a query that stands by itself and gives columns"));
    }
    let columns: Vec<Column> = prepared
        .columns()
        .iter()
        .map(|column| {
            catalogue::column(column.name(), column.type_().oid(), column.type_modifier(), true, None)
        })
        .collect();
    drop(prepared);
    session.begin(Isolation::Transaction).await?;
    let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
    let batches = start(session, sql, columns, batch_rows).await?;
    Ok(Rows { schema, batches })
}

/// Runs a statement that counts.
pub(super) async fn count(session: &Session, sql: &str) -> Result<Count> {
    let rows = catalogue::texts(session, sql).await?;
    let numbers = rows.first().map(|row| row.iter().map(|number| number.parse().ok()).collect::<Vec<_>>());
    numbers
        .and_then(|numbers| Count::of(&numbers))
        .ok_or_else(|| Error::new(ErrorKind::Query, "Redshift gives no number for a count"))
}

async fn start(
    session: Session,
    sql: &str,
    columns: Vec<Column>,
    batch_rows: usize,
) -> Result<RecordBatchStream> {
    let mut rows = Box::pin(session.simple_query_raw(sql).await?);
    // What is wrong with the statement is told before the first row.
    let first = session.patiently(rows.next()).await?;
    match &first {
        Some(Ok(SimpleQueryMessage::RowDescription(now))) => {
            let same = now.len() == columns.len()
                && now.iter().zip(&columns).all(|(now, column)| now.name() == column.name);
            if !same {
                return Err(Error::new(ErrorKind::Query, "the columns of the table have changed")
                    .with_hint("open the dataset again"));
            }
        }
        Some(Ok(_)) => {
            return Err(Error::new(ErrorKind::BrokenConnection, "Redshift gives rows without columns"));
        }
        None => {
            return Err(Error::new(ErrorKind::BrokenConnection, "Redshift ended its answer before it began"));
        }
        Some(Err(_)) => {}
    }
    if let Some(Err(error)) = first {
        return Err(session.error(error));
    }
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let batches = Batches::new(columns, batch_rows);
    let task = tokio::spawn(async move {
        match pump(&session, rows, batches, &sender).await {
            Ok(Taken::All) => session.finish().await,
            // Nobody wants the rest: dropping the session tells the server.
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

async fn pump(
    session: &Session,
    mut rows: std::pin::Pin<Box<SimpleQueryStream>>,
    mut batches: Batches,
    sender: &mpsc::Sender<Result<RecordBatch>>,
) -> Result<Taken> {
    let mut whole = false;
    loop {
        let message = tokio::select! {
            message = session.patiently(rows.next()) => message?,
            () = sender.closed() => return Ok(Taken::NoMore),
        };
        match message.transpose().map_err(|error| session.error(error))? {
            Some(SimpleQueryMessage::Row(row)) => {
                batches.push(&row, |error| session.error(error))?;
                if batches.is_full() && sender.send(Ok(batches.take()?)).await.is_err() {
                    return Ok(Taken::NoMore);
                }
            }
            Some(SimpleQueryMessage::CommandComplete(_)) => whole = true,
            Some(_) => {}
            None => break,
        }
    }
    if !whole {
        return Err(Error::new(ErrorKind::BrokenConnection, "the rows from Redshift ended before their end"));
    }
    if !batches.is_empty() && sender.send(Ok(batches.take()?)).await.is_err() {
        return Ok(Taken::NoMore);
    }
    Ok(Taken::All)
}
