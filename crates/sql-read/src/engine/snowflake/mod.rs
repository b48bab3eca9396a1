//! Snowflake: a thin client of its HTTP interface, results as Arrow.
//!
//! One statement sees one state of the data, and its result stays at the service for 24 hours: a read is one
//! statement, its parts are parts of that result.

mod answer;
mod arrow_stream;
mod batches;
mod catalogue;
mod convert;
mod credentials;
mod dialect;
#[cfg(test)]
mod fuzz;
mod http;
mod key_pair;
mod session;
mod settings;
mod statement;
mod store;
mod text_rows;
mod types;

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::batches::ResultSet;
use self::dialect::SnowflakeDialect;
use self::session::Session;
use self::settings::Settings;
use self::statement::{Mode, earlier, run};
use self::types::Kind;
use super::{Count, Engine, Parts, RecordBatchStream, Rows};
use crate::dataset::DATA_COLUMN;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::{Column, Scan, quoted};

/// The service's number for statements that only read.
const SELECT: i64 = 0x1000;
/// Statements that cannot do anything but show; the service need not be asked what they are.
const SHOWING: [&str; 4] = ["show", "describe", "desc", "explain"];

/// An account of Snowflake. All reads share a session.
pub(crate) struct Snowflake {
    session: Arc<Session>,
    warnings: Vec<String>,
}

impl fmt::Debug for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snowflake")
    }
}

/// A part of a read: consecutive parts of the result of a query.
#[derive(Serialize, Deserialize)]
struct Part {
    query: String,
    parts: Range<usize>,
}

impl Snowflake {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let (settings, warnings) = Settings::new(destination)?;
        Ok(Self { session: Arc::new(Session::open(settings).await?), warnings })
    }

    fn dialect<'a>(&'a self, scan: &'a Scan) -> SnowflakeDialect<'a> {
        let mut names = scan.names.iter().map(|(name, _)| name.as_str());
        let data_column = names.find(|name| name.eq_ignore_ascii_case(DATA_COLUMN)).unwrap_or(DATA_COLUMN);
        SnowflakeDialect { database: self.session.database(), data_column }
    }

    async fn select(&self, scan: &Scan) -> Result<ResultSet> {
        let answer = run(&self.session, &scan.select(&self.dialect(scan))?, Mode::Run).await?;
        let result = ResultSet::new(&self.session, answer);
        check_columns(&result, scan)?;
        Ok(result)
    }
}

#[async_trait]
impl Engine for Snowflake {
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>> {
        catalogue::tables(&self.session, schemas).await
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        catalogue::columns(&self.session, table).await
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        let result = self.select(&scan).await?;
        let parts = 0..result.rows_by_part().len();
        Ok(result.batches(parts, schema(&scan), scan.batch_rows))
    }

    async fn count(&self, scan: &Scan) -> Result<Count> {
        let answer = run(&self.session, &scan.count(&self.dialect(scan))?, Mode::Run).await?;
        let rows = ResultSet::new(&self.session, answer).texts().await?;
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let numbers = rows.first().map(|row| row.iter().map(number).collect::<Vec<_>>());
        numbers
            .and_then(|numbers| Count::of(&numbers))
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "Snowflake counts in an unknown form"))
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        let first = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
        if !SHOWING.contains(&first.as_str()) {
            // The session has nothing that keeps it from writing, so the service says beforehand what this is.
            let described = run(&self.session, sql, Mode::Describe).await?;
            if described.statement_type_id.is_some_and(|kind| kind != SELECT) {
                return Err(Error::invalid("the statement does more than read")
                    .with_hint("only SELECT, SHOW, DESCRIBE and EXPLAIN are sent"));
            }
        }
        let result = ResultSet::new(&self.session, run(&self.session, sql, Mode::Run).await?);
        let (schema, parts) = (result.schema(), 0..result.rows_by_part().len());
        Ok(Rows { schema: schema.clone(), batches: result.batches(parts, schema, batch_rows) })
    }

    async fn parts(&self, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
        let result = self.select(scan).await?;
        let wanted = if scan.is_divisible() { wanted.get() } else { 1 };
        let parts = divided(&result.rows_by_part(), wanted)
            .into_iter()
            .map(|parts| serde_json::to_value(Part { query: result.query_id().to_owned(), parts }))
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| Error::new(ErrorKind::Unsupported, error.to_string()))?;
        // The service keeps the result by itself.
        Ok(Parts { parts, one_snapshot: true, repeatable: true, hold: None })
    }

    async fn read_part(&self, scan: Scan, part: &Value) -> Result<RecordBatchStream> {
        let Part { query, parts } = Part::deserialize(part)
            .map_err(|_| Error::invalid("this is no part of a read of a Snowflake destination"))?;
        let answer = earlier(&self.session, &query).await.map_err(|stopped| {
            Error::from(stopped).with_hint("results are kept for 24 hours: plan the read again")
        })?;
        let result = ResultSet::new(&self.session, answer);
        check_columns(&result, &scan)?;
        if parts.start > parts.end || parts.end > result.rows_by_part().len() {
            return Err(Error::invalid("the part lies outside of the result that it belongs to"));
        }
        Ok(result.batches(parts, schema(&scan), scan.batch_rows))
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn schema(scan: &Scan) -> SchemaRef {
    Arc::new(Schema::new(scan.columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()))
}

/// What was read has to be what the catalogue said: the columns may have changed since they were looked up.
fn check_columns(result: &ResultSet, scan: &Scan) -> Result<()> {
    let read = result.columns();
    let changed = match scan.columns.iter().zip(read).find(|(asked, read)| {
        // Casts have names that the service gives them.
        let same_name = asked.as_text || asked.name == read.name;
        !same_name || *asked.field.data_type() != Kind::of(read).data_type()
    }) {
        Some((asked, _)) => &asked.name,
        None if read.len() == scan.columns.len() => return Ok(()),
        None => "*",
    };
    Err(Error::new(
        ErrorKind::Query,
        format!("the column {} of {} has changed", quoted(changed), scan.table.sql()),
    )
    .with_hint("open the dataset again"))
}

/// Cuts a result of parts with so many rows into about `wanted` runs of them, as equal as its parts allow.
fn divided(rows: &[u64], wanted: usize) -> Vec<Range<usize>> {
    let total: u64 = rows.iter().sum();
    let (mut runs, mut begin, mut before) = (Vec::new(), 0, 0_u64);
    for (index, count) in rows.iter().enumerate() {
        before += count;
        // The share of the rows that the runs so far should hold, counted exactly.
        let due = u128::from(total) * (runs.len() as u128 + 1);
        let is_last = index + 1 == rows.len();
        if is_last || (u128::from(before) * wanted as u128 >= due && runs.len() + 1 < wanted) {
            runs.push(begin..index + 1);
            begin = index + 1;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_hold_every_part_once_and_about_as_many_rows() {
        assert_eq!(divided(&[10, 10, 10, 10], 2), [0..2, 2..4]);
        assert_eq!(divided(&[0, 100, 1, 1], 2), [0..2, 2..4]);
        assert_eq!(divided(&[5, 0], 1), std::slice::from_ref(&(0..2)));
        assert_eq!(divided(&[0, 7, 7, 7, 7, 7], 3), [0..3, 3..5, 5..6]);
        for (rows, wanted) in [(vec![0, 0, 0], 2), (vec![3, 9, 1, 4, 4], 4), (vec![0], 3)] {
            let runs = divided(&rows, wanted);
            assert!(runs.len() <= wanted.max(1));
            let all: Vec<usize> = runs.into_iter().flatten().collect();
            assert_eq!(all, (0..rows.len()).collect::<Vec<_>>());
        }
    }
}
