//! Reads: one statement, which is one snapshot, on a thread that may block.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt;
use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};
use tokio::sync::{mpsc, oneshot};

use super::values::{self, ColumnBuilder};
use super::{Interrupt, SqliteDialect, connect};
use crate::engine::from_task::from_task;
use crate::engine::{RecordBatchStream, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::Scan;

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;
/// Bytes of values at which a batch is closed, however few rows it has.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Rows whose values tell the type of a column that has none.
const ROWS_FOR_TYPES: usize = 1_000;

type Sender = mpsc::Sender<Result<RecordBatch>>;

/// Reads the rows of a table that also fit these conditions.
pub(super) fn table(path: PathBuf, scan: &Scan, conditions: &[String]) -> Result<RecordBatchStream> {
    table_if(path, scan, conditions, |_| Ok(()))
}

/// Reads them after `check` has found the file as it should be.
pub(super) fn table_if(
    path: PathBuf,
    scan: &Scan,
    conditions: &[String],
    check: impl FnOnce(&Connection) -> Result<()> + Send + 'static,
) -> Result<RecordBatchStream> {
    let sql = scan.select_where(&SqliteDialect, conditions)?;
    let schema =
        Arc::new(Schema::new(scan.columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
    let batch_rows = scan.batch_rows;
    Ok(stream(path, move |connection, sender| {
        // What is checked is the state that is read.
        connection.execute_batch("begin")?;
        check(connection)?;
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut batches = Batches::new(schema, batch_rows, sender);
        while let Some(row) = rows.next()? {
            if !batches.push(|index| Ok(row.get_ref(index)?))? {
                return Ok(());
            }
        }
        batches.finish()
    }))
}

/// Runs `work` with a connection; dropping the stream interrupts it.
pub(super) fn stream(
    path: PathBuf,
    work: impl FnOnce(&Connection, &Sender) -> Result<()> + Send + 'static,
) -> RecordBatchStream {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let interrupt = Interrupt::default();
    let running = interrupt.running();
    let task = tokio::task::spawn_blocking(move || {
        let done = connect(&path)
            .and_then(|connection| running.during(&connection, |connection| work(connection, &sender)));
        if let Err(error) = done {
            // Nobody is left to be told if the reader has gone.
            let _ = sender.blocking_send(Err(error));
        }
    });
    from_task(receiver, task)
        .inspect(move |_| {
            let _lives_as_long_as_the_stream = &interrupt;
        })
        .boxed()
}

/// Runs a statement that gives rows.
pub(super) async fn query(path: PathBuf, sql: String, batch_rows: usize) -> Result<Rows> {
    let (told, types) = oneshot::channel();
    let batches = stream(path, move |connection, sender| {
        let mut statement = connection.prepare(&sql)?;
        if statement.column_count() == 0 || statement.parameter_count() > 0 || !statement.readonly() {
            return Err(Error::invalid(
                "the statement is not a query that stands by itself and gives columns",
            ));
        }
        let declared: Vec<Option<DataType>> =
            statement.columns().map(|column| column.decl_type().map(values::data_type)).collect();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        let first = if declared.iter().any(Option::is_none) {
            first_rows(&mut rows, names.len())?
        } else {
            Vec::new()
        };
        let fields: Vec<Field> = names
            .iter()
            .zip(declared)
            .enumerate()
            .map(|(index, (name, declared))| {
                let data_type =
                    declared.unwrap_or_else(|| values::common_type(first.iter().map(|row| &row[index])));
                Field::new(name, data_type, true)
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        if told.send(schema.clone()).is_err() {
            return Ok(());
        }
        let mut batches = Batches::new(schema, batch_rows, sender);
        for row in &first {
            if !batches.push(|index| Ok(ValueRef::from(&row[index])))? {
                return Ok(());
            }
        }
        drop(first);
        while let Some(row) = rows.next()? {
            if !batches.push(|index| Ok(row.get_ref(index)?))? {
                return Ok(());
            }
        }
        batches.finish()
    });
    match types.await {
        Ok(schema) => Ok(Rows { schema, batches }),
        // It ended before it knew: what comes next says why.
        Err(_) => Err(failure(batches).await),
    }
}

async fn failure(mut batches: RecordBatchStream) -> Error {
    match batches.next().await {
        Some(Err(error)) => error,
        _ => Error::new(ErrorKind::Query, "the query ended without an answer"),
    }
}

/// The rows that tell the types of columns without any: some hundred, and few if they are large.
fn first_rows(rows: &mut rusqlite::Rows<'_>, columns: usize) -> Result<Vec<Vec<Value>>> {
    let mut first = Vec::new();
    let mut bytes = 0;
    while first.len() < ROWS_FOR_TYPES && bytes < BATCH_BYTES {
        let Some(row) = rows.next()? else { break };
        let mut cells = Vec::with_capacity(columns);
        for index in 0..columns {
            let cell = row.get_ref(index)?;
            bytes += match cell {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                _ => 8,
            };
            // Text that is not UTF-8 is told where it is read.
            cells.push(match cell {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Integer(value),
                ValueRef::Real(value) => Value::Real(value),
                ValueRef::Text(text) => Value::Text(
                    std::str::from_utf8(text)
                        .map_err(|_| Error::new(ErrorKind::Value, "a text of the answer is not UTF-8"))?
                        .to_owned(),
                ),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            });
        }
        first.push(cells);
    }
    Ok(first)
}

/// Rows on their way into batches, and batches on their way to the reader.
struct Batches<'a> {
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    batch_rows: usize,
    rows: usize,
    bytes: usize,
    sender: &'a Sender,
}

impl<'a> Batches<'a> {
    fn new(schema: SchemaRef, batch_rows: usize, sender: &'a Sender) -> Self {
        let builders = new_builders(&schema);
        Self { schema, builders, batch_rows, rows: 0, bytes: 0, sender }
    }

    /// Takes a row, cell by cell; false if nobody wants more of them.
    fn push<'row>(&mut self, cell: impl Fn(usize) -> Result<ValueRef<'row>>) -> Result<bool> {
        for (index, builder) in self.builders.iter_mut().enumerate() {
            self.bytes += builder.append(cell(index)?).map_err(|problem| {
                Error::new(
                    ErrorKind::Value,
                    format!("a value of the column `{}` {problem}", self.schema.field(index).name()),
                )
                .with_hint("read the column as text (`Dataset::text_columns`, or a cast in a query)")
            })?;
        }
        self.rows += 1;
        if self.rows < self.batch_rows && self.bytes < BATCH_BYTES {
            return Ok(true);
        }
        self.send()
    }

    /// Hands on the rows so far; false if nobody takes them.
    fn send(&mut self) -> Result<bool> {
        let full = std::mem::replace(&mut self.builders, new_builders(&self.schema));
        let columns = full.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        (self.rows, self.bytes) = (0, 0);
        Ok(self.sender.blocking_send(Ok(batch)).is_ok())
    }

    fn finish(mut self) -> Result<()> {
        if self.rows > 0 {
            self.send()?;
        }
        Ok(())
    }
}

fn new_builders(schema: &Schema) -> Vec<ColumnBuilder> {
    schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type())).collect()
}
