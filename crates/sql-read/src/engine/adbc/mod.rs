//! Any database, through an ADBC driver that the user names.

mod conform;
mod dialect;
mod driver;
mod objects;
mod read;
mod session;
mod settings;

use std::sync::Arc;

use arrow_schema::Schema;
use async_trait::async_trait;

#[cfg(feature = "duckdb")]
pub(super) use self::read::{Request, read};
#[cfg(feature = "duckdb")]
pub(super) use self::session::{Open, Session, database, failed};
#[cfg(feature = "duckdb")]
pub(super) use self::{driver::load, settings::options};

use self::dialect::AdbcDialect;
use self::read::Guard;
#[cfg(not(feature = "duckdb"))]
use self::read::{Request, read};
#[cfg(not(feature = "duckdb"))]
use self::session::{Open, Session};
use self::settings::Settings;
use super::{Count, Engine, RecordBatchStream, Rows};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::{Column, Scan};

/// A database behind a driver. Each read has a session of its own.
pub(crate) struct Adbc {
    open: Open,
    dialect: AdbcDialect,
    warnings: Vec<String>,
}

impl std::fmt::Debug for Adbc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adbc").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Adbc {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let settings = Settings::new(destination)?;
        let warnings = settings.warnings.clone();
        // Loading a library and connecting both block.
        let open = blocking(move || settings.open()).await?;
        let engine = Self { open, dialect: AdbcDialect::of(destination.kind()), warnings };
        // Told now rather than at the first read.
        engine
            .with_session(|_| Ok(()))
            .await
            .map_err(|error| Error::new(ErrorKind::Connect, format!("the driver cannot connect: {error}")))?;
        Ok(engine)
    }

    async fn with_session<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        with_session(&self.open, work).await
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Query, format!("the driver stopped: {error}")))?
}

/// Runs `work` in a session of its own. If nobody waits for it any more, its statement is cancelled.
pub(super) async fn with_session<T: Send + 'static>(
    open: &Open,
    work: impl FnOnce(&mut Session) -> Result<T> + Send + 'static,
) -> Result<T> {
    let open = open.clone();
    let guard = Guard::default();
    let running = guard.running();
    let done = blocking(move || {
        let done = open().and_then(|mut session| {
            running.begin(session.connection.clone());
            work(&mut session)
        });
        running.end();
        done
    });
    done.await
}

#[async_trait]
impl Engine for Adbc {
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>> {
        let (schemas, dialect) = (schemas.to_vec(), self.dialect);
        self.with_session(move |session| objects::tables(session, &schemas, dialect)).await
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        let (table, dialect) = (table.clone(), self.dialect);
        self.with_session(move |session| objects::columns(session, &table, dialect)).await
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        let fields: Vec<_> = scan.columns.iter().map(|column| column.field.clone()).collect();
        let request = Request {
            sql: self.dialect.select(&scan)?,
            schema: Some(Arc::new(Schema::new(fields))),
            batch_rows: scan.batch_rows,
            check: |_| Ok(()),
        };
        Ok(read(self.open.clone(), request).await?.batches)
    }

    async fn count(&self, scan: &Scan) -> Result<Count> {
        let sql = self.dialect.count(scan)?;
        let numbers = self.with_session(move |session| session.numbers(&sql)).await?;
        Count::of(&numbers).ok_or_else(|| Error::new(ErrorKind::Query, "the database counted no rows"))
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        let request = Request { sql: sql.to_owned(), schema: None, batch_rows, check: |_| Ok(()) };
        read(self.open.clone(), request).await
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
