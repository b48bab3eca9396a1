//! PostgreSQL: read by binary COPY, decoded straight into Arrow.

mod array;
mod builder;
mod catalogue;
mod copy;
#[cfg(test)]
mod fuzz;
mod numeric;
mod parameters;
mod parts;
mod read;
pub(super) mod session;
pub(super) mod settings;
mod socket;
mod summaries;
mod tls;
#[cfg(not(feature = "ssh"))]
#[path = "no_tunnel.rs"]
mod tunnel;
#[cfg(feature = "ssh")]
mod tunnel;
pub(super) mod types;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::SecondsFormat;
use serde_json::Value;

use self::session::{Isolation, Session};
use self::settings::Settings;
use super::{Count, Engine, Parts, RecordBatchStream, Rows, Summaries};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{Column, Dialect, Scan, quoted, quoted_text};
use crate::table_size::TableSize;

/// A PostgreSQL server. Each read has a transaction of its own.
#[derive(Debug)]
pub(crate) struct Postgres {
    settings: Arc<Settings>,
    warnings: Vec<String>,
}

impl Postgres {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let (settings, warnings) = Settings::new(destination)?;
        let engine = Self { settings: Arc::new(settings), warnings };
        // Told now rather than at the first read.
        engine.session().await?.finish().await;
        Ok(engine)
    }

    async fn session(&self) -> Result<Session> {
        self.settings.session(Isolation::Statement).await
    }
}

#[async_trait]
impl Engine for Postgres {
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
        let query = scan.count(&PostgresDialect)?;
        let session = self.session().await?;
        // Its table is held when it is parsed, its snapshot taken when it runs.
        let rows = session.query_typed(&query, &[]).await?;
        let numbers: Vec<Option<i64>> =
            rows.first().map_or_else(Vec::new, |row| (0..row.len()).map(|place| row.get(place)).collect());
        session.finish().await;
        Count::of(&numbers).ok_or_else(|| Error::new(ErrorKind::Query, "PostgreSQL counted no rows"))
    }

    async fn size(&self, table: &TableName) -> Result<TableSize> {
        let session = self.session().await?;
        let size = catalogue::size(&session, table).await?;
        session.finish().await;
        Ok(size)
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        read::query(self.session().await?, sql, batch_rows).await
    }

    async fn parts(&self, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
        parts::plan(self.settings.session(Isolation::Transaction).await?, scan, wanted).await
    }

    async fn read_part(&self, scan: Scan, part: &Value) -> Result<RecordBatchStream> {
        parts::read_part(self.settings.session(Isolation::Transaction).await?, scan, part).await
    }

    fn summaries(&self) -> Option<&dyn Summaries> {
        Some(&summaries::PostgresSummaries)
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// What is a time to the server in any case, as a regular expression of its own: to cast anything else fails.
const TIME: &str = concat!(
    "^(?!0000)([0-9]{4}-",
    "((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)",
    // Leap years.
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)",
    "[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?",
    "([Zz]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?$"
);

/// The SQL of PostgreSQL.
struct PostgresDialect;

impl Dialect for PostgresDialect {
    fn by_bytes(&self, sql: String) -> String {
        format!("{sql} collate \"C\"")
    }

    fn literal(&self, literal: &Literal) -> Result<String> {
        Ok(match literal {
            Literal::Boolean(value) => value.to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) => format!("'{value:e}'::double precision"),
            // Without a type of its own the server takes it for what the column is.
            Literal::Text(value) => quoted_text(value)?,
            Literal::Date(value) => format!("{}::date", quoted_text(&value.to_string())?),
            Literal::Timestamp(value) => {
                format!("{}::timestamptz", quoted_text(&value.to_rfc3339_opts(SecondsFormat::Micros, true))?)
            }
        })
    }

    fn json_member(&self, name: &str, compared_with: Option<&Literal>) -> Result<String> {
        let member = format!("({}::jsonb ->> {})", quoted(crate::dataset::DATA_COLUMN), quoted_text(name)?);
        let cast = match compared_with {
            Some(Literal::Boolean(_)) => "::boolean",
            Some(Literal::Integer(_) | Literal::Float(_)) => "::numeric",
            Some(Literal::Date(_)) => "::date",
            Some(Literal::Timestamp(_)) => "::timestamptz",
            Some(Literal::Text(_)) => "",
            // For an order the JSON's own one fits: numbers as numbers, texts as texts.
            None => {
                return Ok(format!(
                    "({}::jsonb -> {})",
                    quoted(crate::dataset::DATA_COLUMN),
                    quoted_text(name)?
                ));
            }
        };
        Ok(format!("{member}{cast}"))
    }

    fn json_instant(&self, name: &str) -> Result<String> {
        let text = self.json_member(name, Some(&Literal::Text(String::new())))?;
        Ok(format!("case when {text} ~ {} then {text}::timestamptz end", quoted_text(TIME)?))
    }

    fn as_text(&self, column: &str) -> String {
        format!("{}::text", quoted(column))
    }

    fn number(&self, sql: String) -> String {
        format!("{sql}::bigint")
    }
}
