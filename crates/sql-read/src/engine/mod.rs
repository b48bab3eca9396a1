//! The databases.

#[cfg(feature = "adbc")]
pub(crate) mod adbc;
#[cfg(feature = "bigquery")]
pub(crate) mod bigquery;
#[cfg(any(feature = "postgres", feature = "snowflake"))]
mod decimal_text;
#[cfg(feature = "duckdb")]
pub(crate) mod duckdb;
#[cfg(any(feature = "postgres", feature = "snowflake", feature = "sqlite"))]
mod from_task;
#[cfg(any(feature = "duckdb", feature = "sqlite"))]
mod local_file;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "postgres")]
pub(crate) mod redshift;
#[cfg(feature = "snowflake")]
pub(crate) mod snowflake;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::any::Any;
use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::pin::Pin;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::Stream;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::{Column, GroupKey, Scan};
use crate::table_size::TableSize;

/// Batches of rows, as they come. An error ends the stream; without one, the stream is whole.
pub(crate) type RecordBatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

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
    async fn count(&self, scan: &Scan) -> Result<Count>;
    /// Runs a statement that reads, such as `select ...`, and gives its rows. That it only reads has been looked at
    /// before; the engine sees to it that the database would refuse it otherwise, where it can.
    async fn query(&self, _sql: &str, _batch_rows: usize) -> Result<Rows> {
        Err(Error::new(ErrorKind::Unsupported, "SQL statements cannot be run in this database"))
    }
    /// About how large a table is, from what the database knows without looking at its rows.
    async fn size(&self, _table: &TableName) -> Result<TableSize> {
        Ok(TableSize::default())
    }
    /// How many bytes a statement would read, without running it; `None` if that is not told.
    async fn estimate(&self, _sql: &str) -> Result<Option<u64>> {
        Err(Error::new(ErrorKind::Unsupported, "this database does not estimate what a statement would read"))
    }
    /// Cuts a read into about so many parts, which together are its rows exactly once. A read with an order or a limit
    /// is one part.
    async fn parts(&self, _scan: &Scan, _wanted: NonZeroUsize) -> Result<Parts> {
        Err(Error::new(ErrorKind::Unsupported, "reads of this database cannot be cut into parts"))
    }
    /// Reads one part, maybe in another process than the one that made the parts.
    async fn read_part(&self, _scan: Scan, _part: &Value) -> Result<RecordBatchStream> {
        Err(Error::new(ErrorKind::Unsupported, "reads of this database cannot be cut into parts"))
    }
    /// How rows are put together by groups here, if they can be, with results that are those of Arrow.
    fn summaries(&self) -> Option<&dyn Summaries> {
        None
    }
    /// Whether each column that a query looks at costs money.
    fn bills_for_columns(&self) -> bool {
        false
    }
    /// What of the configuration has no effect here.
    fn warnings(&self) -> &[String] {
        &[]
    }
}

/// Where the values of groups are the same as Arrow's own arithmetic and comparison would give.
pub(crate) trait Summaries {
    /// What a number of rows is.
    fn rows(&self) -> Column;
    /// How rows with the same value of this column are told, if they are as Arrow tells them.
    fn key(&self, column: &Column) -> Option<GroupKey>;
    /// Whether this column's values are in Arrow's order.
    fn is_ordered(&self, column: &Column) -> bool;
    /// The name of the column's type in SQL, where one of its values would come without its precision.
    fn precise(&self, column: &Column) -> Option<String>;
    /// What the sum of this column is, and the name of that type in SQL.
    fn sum(&self, column: &Column) -> Option<(Column, String)>;
}

/// How many rows there are, and the oldest and newest refresh that they are of, where the scan asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub rows: u64,
    pub generations: Option<(i64, i64)>,
}

impl Count {
    /// Of the first row of an answer. Without a number of rows there is none.
    pub(crate) fn of(row: &[Option<i64>]) -> Option<Self> {
        let number = |place: usize| row.get(place).copied().flatten();
        Some(Self { rows: u64::try_from(number(0)?).ok()?, generations: number(1).zip(number(2)) })
    }
}

/// What a statement gives.
pub(crate) struct Rows {
    pub schema: SchemaRef,
    pub batches: RecordBatchStream,
}

/// A read cut into parts.
#[allow(clippy::struct_field_names, reason = "the parts are what it is of")]
pub(crate) struct Parts {
    /// Each part as its engine describes it to itself: small, and without secrets.
    pub parts: Vec<Value>,
    /// Whether all parts see one state of the table.
    pub one_snapshot: bool,
    /// Whether a part that is read again, by whomever, is of the same state as before, or an error.
    pub repeatable: bool,
    /// What has to stay alive until the parts are read: the session that holds the snapshot, for instance.
    pub hold: Option<Box<dyn Any + Send + Sync>>,
}
