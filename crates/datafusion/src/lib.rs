//! Datasets of an Airbyte destination as tables of [DataFusion](datafusion).
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use airbyte_datafusion::AirbyteCatalog;
//! use airbyte_sql_read::{Destination, EnvSecrets};
//! use datafusion::prelude::SessionContext;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let warehouse = Destination::from_file("pg.json")?.with_secrets(&EnvSecrets)?.connect().await?;
//!     let context = SessionContext::new();
//!     let catalog = AirbyteCatalog::of_destination(&warehouse, &["public"]).await?;
//!     context.register_catalog("airbyte", Arc::new(catalog));
//!     context.sql("select country, count(*) from airbyte.public.users group by country").await?.show().await?;
//!     Ok(())
//! }
//! ```
//!
//! - **What the warehouse can do it does**: columns are chosen, rows filtered, limited and counted there. A filter goes to the
//!   warehouse only where it is known to keep every row that DataFusion's own evaluation keeps; where it may keep more,
//!   DataFusion looks at the rows again. `EXPLAIN` shows which did.
//! - **In parts**: a scan has a partition for each [`Split`](airbyte_sql_read::Split), as many as the session's
//!   `target_partitions` at the most, each read over a connection of its own. Small tables are one
//!   part where the database tells how large they are, as PostgreSQL does.
//! - **One state**: all parts of a scan see one state of the table, that of the time when the query was planned. Where
//!   connections cannot share one (Redshift, MotherDuck, drivers of ADBC, SQLite with a write-ahead log), the table is read
//!   over a single connection, in the state that it has by then. Two tables, or one table named twice in a query, are two
//!   scans with a state each.
//! - **Streamed**: batches are handed on as they come. A query that is dropped ends in the warehouse as well. Errors are
//!   [`airbyte_sql_read::Error`]s, which [`DataFusionError::find_root`](datafusion::error::DataFusionError::find_root) and
//!   sources lead to.
//!
//! The plan of a query holds its snapshot open: in PostgreSQL a transaction that only reads, in SQLite without a write-ahead
//! log a read that no writer can commit beside. So let go of plans that you do not run. Planning asks the warehouse: rows are
//! counted then, and Snowflake and BigQuery run their part of the query, `EXPLAIN` or not.

mod aggregates;
mod catalog;
mod columns;
mod compare;
mod destinations;
mod error;
mod filters;
mod orders;
mod scan;
mod summary;
mod table;
mod top_rows;
mod warehouses;

pub use aggregates::AggregatesInWarehouse;
pub use catalog::{AirbyteCatalog, AirbyteSchema};
pub use destinations::Destinations;
pub use error::reader_error;
pub use scan::AirbyteScan;
pub use table::{AirbyteTable, reads_a_dataset};
pub use top_rows::TopRowsInWarehouse;
pub use warehouses::Warehouses;
