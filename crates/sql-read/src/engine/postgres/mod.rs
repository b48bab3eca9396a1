//! PostgreSQL: read by binary COPY, decoded straight into Arrow.

mod array;
mod builder;
mod catalogue;
mod connect;
mod copy;
mod numeric;
mod read;
mod tls;
mod types;

use async_trait::async_trait;
use chrono::SecondsFormat;
use tokio_postgres::error::SqlState;

use self::connect::Settings;
use super::{Engine, RecordBatchStream};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{Column, Dialect, Scan, quoted, quoted_text};

/// A PostgreSQL server. Each read has a connection and a transaction of its own.
#[derive(Debug)]
pub(crate) struct Postgres {
    settings: Settings,
    warnings: Vec<String>,
}

impl Postgres {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let (settings, warnings) = Settings::new(destination)?;
        // Told now rather than at the first read.
        settings.connect().await?;
        Ok(Self { settings, warnings })
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>> {
        catalogue::tables(&self.settings.connect().await?, schemas).await
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        catalogue::columns(&self.settings.connect().await?, table).await
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        read::read(self.settings.connect().await?, scan).await
    }

    async fn count(&self, scan: &Scan) -> Result<u64> {
        let query = scan.count(&PostgresDialect)?;
        let row = self.settings.connect().await?.query_one(&query, &[]).await.map_err(query_error)?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The server's own words, and whether it was the query or the connection that failed.
fn query_error(error: tokio_postgres::Error) -> Error {
    let kind = match error.as_db_error().map(tokio_postgres::error::DbError::code) {
        // The server ends the session: shutdown, crash, or somebody else's command.
        Some(code)
            if [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
                .contains(code) =>
        {
            ErrorKind::BrokenConnection
        }
        Some(_) => ErrorKind::Query,
        None => ErrorKind::BrokenConnection,
    };
    let message = match error.as_db_error() {
        Some(server) => format!("PostgreSQL: {}", server.message()),
        None => "the connection to PostgreSQL broke".to_owned(),
    };
    Error::new(kind, message).with_source(error)
}

struct PostgresDialect;

impl Dialect for PostgresDialect {
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

    fn as_text(&self, column: &str) -> String {
        format!("{}::text", quoted(column))
    }
}
