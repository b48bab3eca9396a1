//! DuckDB files and MotherDuck, through DuckDB's own library.

mod catalogue;
mod dialect;
mod library;
#[cfg(feature = "duckdb-linked")]
mod linked;
mod parts;
mod place;
mod query;
#[cfg(test)]
mod tests;
mod values;

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_schema::Schema;
use async_trait::async_trait;
use serde_json::Value;

use self::dialect::DuckDbDialect;
use self::place::Place;
use super::adbc::{self, Open, Request};
use super::{Count, Engine, Parts, RecordBatchStream, Rows};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::{Column, Scan};

/// A DuckDB file, opened anew for each read: while it is open, no process can write it.
#[derive(Debug)]
pub(crate) struct DuckDb {
    place: Arc<Place>,
    warnings: Vec<String>,
}

impl DuckDb {
    pub(crate) async fn open(destination: &Destination) -> Result<Self> {
        let place = Arc::new(Place::of(destination)?);
        let warnings = place.warnings();
        let engine = Self { place, warnings };
        if engine.place.is_there() {
            // Told now rather than at the first read.
            engine.with_session(|_| Ok(())).await?;
        }
        Ok(engine)
    }

    fn opener(&self) -> Open {
        let place = self.place.clone();
        Arc::new(move || place.open())
    }

    async fn with_session<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut adbc::Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        adbc::with_session(&self.opener(), work).await
    }
}

/// The rows of a scan.
fn request(scan: &Scan) -> Result<Request> {
    let fields: Vec<_> = scan.columns.iter().map(|column| column.field.clone()).collect();
    Ok(Request {
        sql: scan.select(&DuckDbDialect)?,
        schema: Some(Arc::new(Schema::new(fields))),
        batch_rows: scan.batch_rows,
        check: values::check,
    })
}

#[async_trait]
impl Engine for DuckDb {
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>> {
        if !self.place.is_there() {
            return Ok(Vec::new());
        }
        let schemas = schemas.to_vec();
        self.with_session(move |session| catalogue::tables(session, &schemas)).await
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        let table = table.clone();
        self.with_session(move |session| catalogue::columns(session, &table)).await
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        Ok(adbc::read(self.opener(), request(&scan)?).await?.batches)
    }

    async fn count(&self, scan: &Scan) -> Result<Count> {
        let sql = scan.count(&DuckDbDialect)?;
        let numbers = self.with_session(move |session| session.numbers(&sql)).await?;
        Count::of(&numbers).ok_or_else(|| Error::new(ErrorKind::Query, "the database counted no rows"))
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        query::run(self.opener(), sql, batch_rows).await
    }

    async fn parts(&self, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
        let (place, scan) = (self.place.clone(), scan.clone());
        self.with_session(move |session| parts::plan(session, &place, &scan, wanted)).await
    }

    async fn read_part(&self, scan: Scan, part: &Value) -> Result<RecordBatchStream> {
        let part: parts::Part = parts::Part::from_json(part)?;
        let (place, state) = (self.place.clone(), part.state.clone());
        let open: Open = Arc::new(move || {
            let session = place.open()?;
            parts::unchanged(&place, state.as_deref())?;
            Ok(session)
        });
        Ok(adbc::read(open, request(&part.of(scan))?).await?.batches)
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
