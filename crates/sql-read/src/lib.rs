//! Reads the data that Airbyte left in a destination, streamed as Arrow.
//!
//! ```no_run
//! use airbyte_sql_read::{Destination, EnvSecrets, Filter, Format, StreamSpec};
//! use futures::TryStreamExt;
//!
//! #[tokio::main]
//! async fn main() -> airbyte_sql_read::Result<()> {
//!     // What the API answers for a destination, or a file of that form written by hand. Airbyte masks the password;
//!     // it is taken from AIRBYTE_SECRET_POSTGRES_PASSWORD.
//!     let destination = Destination::from_file("pg.json")?.with_secrets(&EnvSecrets)?;
//!     let warehouse = destination.connect().await?;
//!
//!     let users = warehouse.dataset(&StreamSpec::new("users")).await?;
//!     println!("{} rows in {}", users.count().await?, users.table_name());
//!
//!     let adults = users.filter(Filter::at_least("age", 18))?;
//!     let mut batches = adults.batches().await?;
//!     while let Some(batch) = batches.try_next().await? {
//!         println!("{} rows", batch.num_rows());
//!     }
//!     adults.export("adults.parquet", Format::Parquet).await?;
//!
//!     // Statements of your own, in the database's language; what is no single read is refused before it is sent.
//!     let by_day = warehouse.query("select date(created_at) as day, count(*) from users group by 1")?;
//!     println!("{} days", by_day.collect().await?.num_rows());
//!     Ok(())
//! }
//! ```
//!
//! - **Names.** A stream's table is looked for under the names that the connector's versions give, then compared with
//!   the database's own catalogue. On a miss the error lists what was tried and what is there.
//! - **Read-only.** Nothing is ever created, and sessions are read-only where the database can do that.
//! - **Whole or an error.** A broken connection is an error, never the end of the data; a file appears under its name
//!   once it is whole.
//! - **Exact.** Numbers keep their digits, times their zones, NULL is not the empty text. What Arrow cannot hold is an
//!   error that names the column, and [`Dataset::text_columns`] is the way around it.
//! - **In parts**, where one reader is not enough: [`Dataset::read_parallel`] here, [`Dataset::splits`] for other processes.
//! - **Bounded memory**, whatever the size of the table.
//! - **One refresh, or it says so.** A table that holds the rows of an unfinished refresh beside older ones is read like any
//!   other, and the read tells: [`Batches::refreshes`], [`Exported::warnings`], [`Dataset::tally`], and the log.
//!
//! # DuckDB, and databases without an engine of their own
//!
//! DuckDB and MotherDuck (feature `duckdb`) are read through DuckDB's own library, which is loaded when it is needed:
//! the file that `AIRBYTE_LIBDUCKDB` names, else the first in the usual places. It reads the files of its own and of
//! older versions. `duckdb-linked` links a library in when this crate is built, and `duckdb-bundled` builds all of
//! DuckDB, which takes half an hour. DuckDB may keep 48 MB in memory, and puts what does not fit on the disk; `"adbc": {"options": {"memory_limit": "1GB"}}`
//! in a destination file says otherwise.
//!
//! Any other database is read through the ADBC driver (feature `adbc`) that the destination file names:
//! `"adbc": {"driver": "/path/of/the/driver.so", "options": {"uri": "..."}}`. The driver takes these options alone, so the
//! connector's own fields say where the tables are and no more. Fields inside of raw records can be neither filtered nor
//! ordered by, and reads are one part; [`Warehouse::query`] reaches what the database can do beyond that.

mod cancellations;
#[cfg(feature = "cloud")]
mod cloud;
mod csv;
mod dataset;
#[cfg(test)]
#[path = "../../../tests/src/decoder.rs"]
mod decoder;
mod destination;
mod destination_kind;
mod documents;
mod engine;
mod error;
mod export;
mod export_folder;
mod filter;
mod format;
mod freshness;
#[cfg(test)]
mod fuzz;
mod json_columns;
mod json_lines;
mod json_values;
mod locate;
mod meta_columns;
mod naming;
mod plan;
mod query;
mod reading;
mod refreshes;
mod scan;
mod secret;
mod secret_sources;
mod split;
mod statement;
mod stream_spec;
mod table_size;
mod types;
mod warehouse;
mod write_async;

pub use cancellations::cancellations_sent;
#[cfg(feature = "cloud")]
pub use cloud::{ConnectionDatasets, ConnectionExt, SyncResultExt};
pub use dataset::{Aggregate, Dataset, Summary};
pub use destination::Destination;
pub use destination_kind::DestinationKind;
pub use documents::{Document, Documents};
pub use error::{Error, ErrorKind, Result};
pub use export::{Export, ExportProgress, Exported, write_to};
pub use export_folder::{ExportedFolder, FolderExport};
pub use filter::{Comparison, Filter, Literal, Order};
pub use format::Format;
pub use freshness::Freshness;
pub use json_columns::InexactNumbers;
pub use locate::Located;
pub use meta_columns::MetaColumns;
pub use naming::{Candidate, Layout, NameSettings, SchemaOverride, candidates, catalog_candidates};
pub use query::{Estimate, Query};
pub use reading::Batches;
pub use refreshes::{Refreshes, Tally};
pub use secret::{EnvSecrets, SecretField, SecretResolver};
pub use secret_sources::{CommandSecrets, FileSecrets, SecretChain};
pub use split::{Split, Splits};
pub use stream_spec::{NamespaceDefinition, StreamSpec};
pub use table_size::TableSize;
pub use types::{AirbyteType, DatabaseType, UnknownTypes, airbyte_types, database_types};
pub use warehouse::Warehouse;
