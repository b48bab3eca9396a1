//! Datasets of an Airbyte destination, read by the executors of [Ballista](https://datafusion.apache.org/ballista).
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use airbyte_ballista::remote;
//! use airbyte_datafusion::AirbyteCatalog;
//! use airbyte_sql_read::{Destination, EnvSecrets};
//! use datafusion::prelude::SessionConfig;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let warehouse = Destination::from_file("pg.json")?.with_secrets(&EnvSecrets)?.connect().await?;
//! // The executors were started with `--destination shop=pg.json`, and have the password from their own environment.
//! let catalog = AirbyteCatalog::of_destination(&warehouse, &["public"]).await?.known_as("shop");
//! let context = remote("df://scheduler.internal:50050", SessionConfig::new().with_target_partitions(16))?;
//! context.register_catalog("airbyte", Arc::new(catalog));
//! context.sql("select country, count(*) from airbyte.public.users group by country").await?.show().await?;
//! # Ok(())
//! # }
//! ```
//!
//! - **Who asks plans the reads.** The client sends conditions, columns and limits to the warehouse's planning and cuts each table
//!   into parts, all of one snapshot; the scheduler and the executors get the parts. The scheduler never
//!   connects to a warehouse and needs no credentials.
//! - **No credentials in plans.** A part names its destination. Each executor has destinations of its own by those names
//!   ([`Destinations`](airbyte_datafusion::Destinations)), with secrets from its own environment.
//! - **The snapshot lives as long as the query**: the client holds it until the last row has come. A part that has to be read
//!   again, because an executor was lost or a connection broke, is read from the same snapshot. If the client goes, the parts
//!   that are left fail; they never read another state. Redshift, MotherDuck, drivers of ADBC and SQLite with a write-ahead
//!   log have no snapshot that another session could read, nor have foreign tables of PostgreSQL, and views may ask what
//!   time it is. Queries of these are refused, unless the client says that their rows stay the same meanwhile
//!   ([`AirbyteCatalog::unchanging`](airbyte_datafusion::AirbyteCatalog::unchanging)).
//!
//! The programs `airbyte-executor` and `airbyte-scheduler` are Ballista's own with the codecs of this crate:
//! [`physical_codec`] for executors, and for schedulers [`logical_codec`] too. Programs that run those inside of
//! themselves set both in Ballista's configurations.

mod codec;
mod log;
mod parts;
mod planner;
mod session;
mod stand_in;

pub use codec::{logical_codec, physical_codec};
#[doc(hidden)]
pub use log::log_to_stderr;
pub use session::remote;
