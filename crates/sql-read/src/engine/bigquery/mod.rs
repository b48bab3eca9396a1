//! BigQuery: rows by the Storage Read API, queries and catalogue by REST.

mod catalogue;
mod connect;
mod dialect;
mod fault;
#[cfg(test)]
mod fuzz;
mod intervals;
mod query;
mod results;
mod session;
#[cfg(test)]
mod tests;
mod types;

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::StreamExt;
use google_cloud_bigquery_v2::model::{JobReference, TableReference};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::catalogue::Table;
use self::connect::Clients;
use self::dialect::BigQueryDialect;
use self::fault::{fault, is_forbidden, is_missing};
use self::query::Finished;
use self::session::{Session, Shape, Source};
use super::{Count, Engine, Parts, RecordBatchStream, Rows};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::{Column, Expression, Scan};

/// Streams that one read has side by side. More are not faster for one reader, and each holds a message in memory.
const STREAMS: i32 = 4;
/// The longest condition that a session takes, in bytes.
const RESTRICTION_BYTES: usize = 1_000_000;

/// A project of BigQuery.
#[derive(Debug)]
pub(crate) struct BigQuery {
    clients: Clients,
    warnings: Vec<String>,
}

impl BigQuery {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let (clients, warnings) = Clients::new(destination).await?;
        // Told now rather than at the first read.
        catalogue::greet(&clients).await?;
        Ok(Self { clients, warnings })
    }

    /// Looks the table up, and whether it still has the columns of the scan.
    async fn plan(&self, scan: &Scan) -> Result<Plan> {
        let Table { columns, has_rows } = catalogue::table(&self.clients, &scan.table).await?;
        for column in &scan.columns {
            let same = columns
                .iter()
                .any(|now| now.name == column.name && now.field.metadata() == column.field.metadata());
            if !same {
                return Err(Error::new(
                    ErrorKind::Query,
                    format!("the column `{}` of `{}` has changed", column.name, scan.table.table),
                )
                .with_hint("open the dataset again"));
            }
        }
        let dialect = BigQueryDialect::new(&self.clients.project, &columns);
        let restriction = scan.restriction(&dialect)?;
        let filtered_by_columns = scan
            .filter
            .iter()
            .flat_map(crate::filter::Filter::columns)
            .all(|name| matches!(scan.meaning(name), Ok(Expression::Column { .. })));
        // A session can choose columns and rows, and nothing more.
        let direct = has_rows
            && scan.order.is_empty()
            && scan.latest.is_none()
            && !scan.columns.iter().any(|column| column.as_text)
            && filtered_by_columns
            && restriction.as_ref().is_none_or(|condition| condition.len() < RESTRICTION_BYTES);
        Ok(Plan { dialect, restriction, direct })
    }

    async fn begin(&self, scan: &Scan, restriction: Option<String>, streams: i32) -> Result<Session> {
        let table = TableReference::new()
            .set_project_id(&self.clients.project)
            .set_dataset_id(&scan.table.schema)
            .set_table_id(&scan.table.table);
        let columns = scan.columns.iter().map(|column| column.name.clone()).collect();
        session::begin(&self.clients, Source { table: &table, columns, restriction, streams })
            .await
            .map_err(fault)
    }

    /// The rows of a query's result: from its table, or page by page where they are few or the table is not readable.
    async fn rows_of(&self, finished: Finished, shape: Shape, streams: i32) -> Result<RecordBatchStream> {
        Ok(match self.session_of(&finished, streams).await? {
            Some(session) => session::rows(&self.clients.storage, session, &shape),
            None => self.pages_of(finished, shape),
        })
    }

    fn pages_of(&self, finished: Finished, shape: Shape) -> RecordBatchStream {
        let given = result_schema(&finished);
        results::rows(self.clients.clone(), finished.job, finished.first_page, given, shape)
    }

    async fn session_of(&self, finished: &Finished, streams: i32) -> Result<Option<Session>> {
        if finished.is_small() {
            return Ok(None);
        }
        let source = Source { table: &finished.table, columns: Vec::new(), restriction: None, streams };
        match session::begin(&self.clients, source).await {
            Ok(session) => Ok(Some(session)),
            // An account may be let run queries and not begin sessions; an emulator may keep results elsewhere.
            Err(error) if is_missing(&error) || is_forbidden(&error) => {
                tracing::debug!(%error, "the result of the query is read page by page");
                Ok(None)
            }
            Err(error) => Err(fault(error)),
        }
    }
}

/// How a scan is read.
struct Plan {
    dialect: BigQueryDialect,
    restriction: Option<String>,
    /// Without a query.
    direct: bool,
}

/// One part of a read, as this engine describes it to itself. What it is a part of is fixed when the parts are made: a
/// session is a snapshot, and the result of a query is kept; so whoever reads a part again reads the same.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// A stream of a session, with the session's schema in base 64.
    Stream { name: String, schema: String },
    /// A finished query, whose result is read page by page.
    Result { project: String, job: String, location: Option<String> },
}

impl Part {
    fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))
    }
}

/// The columns of a query's result.
fn result_schema(finished: &Finished) -> SchemaRef {
    let fields = finished.schema.fields.iter().map(|field| types::field(field).0);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn shape(scan: &Scan) -> Shape {
    let fields: Vec<_> = scan.columns.iter().map(|column| column.field.clone()).collect();
    // A limit that a query cannot count to is none.
    let limit = scan.limit.filter(|limit| i64::try_from(*limit).is_ok());
    Shape { schema: Arc::new(Schema::new(fields)), batch_rows: scan.batch_rows, limit }
}

#[async_trait]
impl Engine for BigQuery {
    async fn tables(&self, schemas: &[String]) -> Result<Vec<TableName>> {
        catalogue::tables(&self.clients, schemas).await
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        Ok(catalogue::table(&self.clients, table).await?.columns)
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        let plan = self.plan(&scan).await?;
        let shape = shape(&scan);
        if plan.direct {
            if shape.limit == Some(0) {
                return Ok(futures::stream::empty().boxed());
            }
            // Where a few rows are wanted, several streams would only fetch more of the others.
            let streams = if shape.limit.is_some() { 1 } else { STREAMS };
            let session = self.begin(&scan, plan.restriction, streams).await?;
            return Ok(session::rows(&self.clients.storage, session, &shape));
        }
        let finished = query::run(&self.clients, &scan.select(&plan.dialect)?).await?;
        // The order of a result is kept within one stream.
        let streams = if scan.order.is_empty() { STREAMS } else { 1 };
        self.rows_of(finished, shape, streams).await
    }

    async fn count(&self, scan: &Scan) -> Result<Count> {
        // The catalogue's number of rows leaves out what was streamed in lately. Without a filter, and
        // where refreshes are not numbered, this query is free.
        let dialect = match &scan.filter {
            None => BigQueryDialect::new(&self.clients.project, &[]),
            Some(_) => self.plan(scan).await?.dialect,
        };
        let finished = query::run(&self.clients, &scan.count(&dialect)?).await?;
        let numbers = finished.first_page.rows.first().map(|row| {
            let number = |place: usize| row["f"].get(place)?.get("v")?.as_str()?.parse().ok();
            [0, 1, 2].map(number)
        });
        numbers
            .and_then(|numbers| Count::of(&numbers))
            .ok_or_else(|| Error::new(ErrorKind::Query, "BigQuery counted no rows"))
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        query::check(&self.clients, sql).await?;
        let finished = query::run(&self.clients, sql).await?;
        let schema = result_schema(&finished);
        let shape = Shape { schema: schema.clone(), batch_rows, limit: None };
        // The query may have asked for an order.
        Ok(Rows { schema, batches: self.rows_of(finished, shape, 1).await? })
    }

    async fn estimate(&self, sql: &str) -> Result<Option<u64>> {
        let bytes = query::estimate(&self.clients, sql).await?.bytes;
        Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()))
    }

    async fn parts(&self, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
        let whole = |parts| Parts { parts, one_snapshot: true, repeatable: true, hold: None };
        let streams = if scan.is_divisible() { i32::try_from(wanted.get()).unwrap_or(i32::MAX) } else { 1 };
        let plan = self.plan(scan).await?;
        let session = if plan.direct {
            self.begin(scan, plan.restriction, streams).await?
        } else {
            let finished = query::run(&self.clients, &scan.select(&plan.dialect)?).await?;
            let Some(session) = self.session_of(&finished, streams).await? else {
                let JobReference { project_id: project, job_id: job, location, .. } = finished.job;
                return Ok(whole(vec![Part::Result { project, job, location }.to_json()?]));
            };
            session
        };
        let schema = BASE64.encode(&session.schema);
        let parts =
            session.streams.into_iter().map(|name| Part::Stream { name, schema: schema.clone() }.to_json());
        Ok(whole(parts.collect::<Result<_>>()?))
    }

    async fn read_part(&self, scan: Scan, part: &Value) -> Result<RecordBatchStream> {
        let unreadable = || Error::invalid("the part of the read was not made by this version for BigQuery");
        let shape = shape(&scan);
        match serde_json::from_value(part.clone()).map_err(|_| unreadable())? {
            Part::Stream { name, schema } => {
                let schema = BASE64.decode(schema).map_err(|_| unreadable())?.into();
                let session = Session { streams: vec![name], schema };
                Ok(session::rows(&self.clients.storage, session, &shape))
            }
            Part::Result { project, job, location } => {
                let job = JobReference::new()
                    .set_project_id(project)
                    .set_job_id(job)
                    .set_or_clear_location(location);
                let finished = query::finished(&self.clients, job).await?;
                Ok(self.pages_of(finished, shape))
            }
        }
    }

    fn bills_for_columns(&self) -> bool {
        true
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
