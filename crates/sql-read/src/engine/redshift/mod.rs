//! Redshift: PostgreSQL's protocol without its COPY.
//!
//! Rows come as text, by the protocol's simple way: it is what every client of Redshift speaks, SUPER comes as its JSON
//! whatever its size, and numbers with all their digits. The texts of the types are PostgreSQL's.

mod catalogue;
#[cfg(test)]
mod fuzz;
mod read;
mod text;

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_schema::DataType;
use async_trait::async_trait;
use chrono::SecondsFormat;
use serde_json::Value;

use super::postgres::session::{Isolation, Session};
use super::postgres::settings::Settings;
use super::{Count, Engine, Parts, RecordBatchStream, Rows};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{Column, Dialect, Scan, quoted, quoted_text};

/// A Redshift cluster or workgroup. Each read has a transaction of its own.
#[derive(Debug)]
pub(crate) struct Redshift {
    settings: Arc<Settings>,
    warnings: Vec<String>,
}

impl Redshift {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let (settings, warnings) = Settings::new(destination)?;
        let engine = Self { settings: Arc::new(settings), warnings };
        // Told now rather than at the first read.
        engine.session().await?.finish().await;
        Ok(engine)
    }

    async fn session(&self) -> Result<Session> {
        self.settings.session(Isolation::Transaction).await
    }
}

#[async_trait]
impl Engine for Redshift {
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>> {
        let session = self.session().await?;
        let tables = catalogue::tables(&session, schemas).await?;
        session.finish().await;
        Ok(tables)
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        let session = self.session().await?;
        let columns = catalogue::columns(&session, table).await?;
        session.finish().await;
        Ok(columns)
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        read::read(self.session().await?, scan).await
    }

    async fn count(&self, scan: &Scan) -> Result<Count> {
        let session = self.session().await?;
        let count = read::count(&session, &scan.count(&RedshiftDialect)?).await?;
        session.finish().await;
        Ok(count)
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        read::query(self.session().await?, sql, batch_rows).await
    }

    /// Everything is one part: a cluster shares no snapshots among its sessions, and gives its rows through one node.
    async fn parts(&self, _: &Scan, _: NonZeroUsize) -> Result<Parts> {
        Ok(Parts { parts: vec![Value::Bool(true)], one_snapshot: true, repeatable: false, hold: None })
    }

    async fn read_part(&self, scan: Scan, _: &Value) -> Result<RecordBatchStream> {
        self.read(scan).await
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The SQL of Redshift.
struct RedshiftDialect;

impl Dialect for RedshiftDialect {
    fn literal(&self, literal: &Literal) -> Result<String> {
        Ok(match literal {
            Literal::Boolean(value) => value.to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) => format!("'{value:e}'::double precision"),
            Literal::Text(value) => text_literal(value)?,
            Literal::Date(value) => format!("{}::date", quoted_text(&value.to_string())?),
            Literal::Timestamp(value) => {
                format!("{}::timestamptz", quoted_text(&value.to_rfc3339_opts(SecondsFormat::Micros, true))?)
            }
        })
    }

    fn json_member(&self, name: &str, _: Option<&Literal>) -> Result<String> {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("`{name}` is a field of a SUPER value, and rows cannot be chosen or ordered by one here"),
        )
        .with_hint(format!(
            "ask by a query in Redshift's own SQL, where it is {}.{}: `Warehouse::query`",
            quoted(crate::dataset::DATA_COLUMN),
            quoted(name)
        )))
    }

    fn as_text(&self, column: &str) -> String {
        // It comes as text anyway.
        quoted(column)
    }

    fn read(&self, column: &Column) -> String {
        let name = quoted(&column.name);
        // Of a `real` eight digits are told at the most, and some need nine.
        if column.field.data_type() == &DataType::Float32 {
            format!("{name}::float8 as {name}")
        } else {
            name
        }
    }
}

/// A text. Whether a backslash means something in one depends on the server, so it is put in by its number.
fn text_literal(text: &str) -> Result<String> {
    let pieces: Result<Vec<String>> = text.split('\\').map(quoted_text).collect();
    let pieces = pieces?.join(" || chr(92) || ");
    Ok(if text.contains('\\') { format!("({pieces})") } else { pieces })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_is_asked_for_with_all_its_digits() {
        let column = |data_type| Column {
            name: "c\"1".to_owned(),
            field: Arc::new(arrow_schema::Field::new("c\"1", data_type, true)),
            type_id: 700,
            as_text: false,
        };
        let read = |data_type| RedshiftDialect.read(&column(data_type));
        assert_eq!(read(DataType::Float32), r#""c""1"::float8 as "c""1""#);
        assert_eq!(read(DataType::Float64), r#""c""1""#);
    }

    #[test]
    fn backslashes_of_a_text_mean_themselves() {
        assert_eq!(text_literal("it's").unwrap(), "'it''s'");
        assert_eq!(text_literal(r"a\' or 1=1 --").unwrap(), r"('a' || chr(92) || ''' or 1=1 --')");
        assert_eq!(text_literal(r"\").unwrap(), "('' || chr(92) || '')");
    }
}
