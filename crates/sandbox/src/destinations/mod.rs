//! Where rows go, written as the real connectors write them.

mod copy_text;
#[cfg(feature = "duckdb")]
mod duckdb;
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};

use chrono::Utc;
use rand::Rng;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use uuid::{Builder, Uuid};

use crate::connectors::Connector;
use crate::open_file::OpenFile;
use crate::sources::{Cell, Field, Row};

/// One stream of a sync, as the platform hands it to a destination.
#[derive(Clone, Debug)]
pub(crate) struct StreamTarget {
    pub namespace: Option<String>,
    pub name: String,
    pub fields: Vec<Field>,
    pub sync_mode: String,
    pub cursor: Vec<String>,
    pub primary_key: Vec<Vec<String>>,
    pub generation: i64,
    pub minimum_generation: i64,
    pub sync_id: i64,
}

impl StreamTarget {
    pub(crate) fn overwrites(&self) -> bool {
        self.minimum_generation == self.generation && self.generation > 0
    }

    pub(crate) fn deduplicates(&self) -> bool {
        matches!(self.sync_mode.as_str(), "incremental_deduped_history" | "full_refresh_overwrite_deduped")
    }
}

/// Why a destination cannot be written.
#[derive(Debug)]
pub(crate) struct DestinationError {
    pub message: String,
    /// Trying again may help.
    pub transient: bool,
}

impl DestinationError {
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self { message: message.into(), transient: false }
    }

    fn transient(message: impl Into<String>) -> Self {
        Self { message: message.into(), transient: true }
    }
}

/// A destination that can be written here.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    #[cfg(feature = "duckdb")]
    DuckDb(Box<duckdb::Settings>),
    Sqlite(PathBuf),
    Postgres(Box<postgres::Settings>),
    DevNull,
}

impl Destination {
    /// The destination with this configuration. Connectors that do not run here are an error that says so.
    pub(crate) fn open(
        connector: Option<&Connector>,
        configuration: &Value,
        local_root: &Path,
        #[cfg_attr(not(feature = "duckdb"), expect(unused_variables, reason = "DuckDB alone has a library"))]
        libduckdb: Option<&Path>,
    ) -> Result<Self, DestinationError> {
        match connector.map(|connector| connector.slug) {
            #[cfg(feature = "duckdb")]
            Some("duckdb") => {
                Ok(Self::DuckDb(Box::new(duckdb::Settings::new(configuration, local_root, libduckdb)?)))
            }
            #[cfg(not(feature = "duckdb"))]
            Some("duckdb") => Err(DestinationError::config(
                "this build of the sandbox does not run the destination connector `duckdb`; build it with the feature `duckdb`",
            )),
            Some("sqlite") => Ok(Self::Sqlite(sqlite::path(configuration, local_root)?)),
            Some("postgres") => Ok(Self::Postgres(Box::new(postgres::Settings::new(configuration)?))),
            Some("dev-null") => Ok(Self::DevNull),
            other => Err(DestinationError::config(format!(
                "the sandbox does not run the destination connector `{}`; it runs `postgres`, `sqlite`, `duckdb` (where built in) and `dev-null`",
                other.unwrap_or("custom")
            ))),
        }
    }

    /// Whether it can be reached and written.
    pub(crate) async fn check(&self) -> Result<(), DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(settings) => settings.check().await,
            Self::Sqlite(path) => sqlite::check(path.clone()).await,
            Self::Postgres(settings) => settings.connect().await.map(drop),
            Self::DevNull => Ok(()),
        }
    }

    /// Writers for the streams of one sync, in order. What they do on threads of their own, `writes` knows of.
    pub(crate) async fn writers(
        &self,
        streams: Vec<StreamTarget>,
        writes: &TaskTracker,
    ) -> Result<Vec<Writer>, DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(settings) => Ok(streams
                .into_iter()
                .map(|stream| Writer::DuckDb(Box::new(settings.writer(stream, writes.clone()))))
                .collect()),
            Self::Sqlite(path) => {
                let writer = |stream| sqlite::SqliteWriter::new(path.clone(), stream, writes.clone());
                Ok(streams.into_iter().map(|stream| Writer::Sqlite(Box::new(writer(stream)))).collect())
            }
            Self::Postgres(settings) => {
                Ok(settings.writers(streams).await?.into_iter().map(Writer::Postgres).collect())
            }
            Self::DevNull => Ok(streams.into_iter().map(|_| Writer::DevNull).collect()),
        }
    }
}

/// Writes one stream.
pub(crate) enum Writer {
    #[cfg(feature = "duckdb")]
    DuckDb(Box<duckdb::DuckDbWriter>),
    Sqlite(Box<sqlite::SqliteWriter>),
    Postgres(Box<postgres::PostgresWriter>),
    DevNull,
}

impl Writer {
    /// Gets the stream's table ready.
    pub(crate) async fn begin(&mut self) -> Result<(), DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(writer) => writer.begin().await,
            Self::Sqlite(writer) => writer.begin().await,
            Self::Postgres(writer) => writer.begin().await,
            Self::DevNull => Ok(()),
        }
    }

    /// Writes a batch and returns how many bytes it holds.
    pub(crate) async fn write(&mut self, rows: Vec<Row>) -> Result<i64, DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(writer) => writer.write(rows).await,
            Self::Sqlite(writer) => writer.write(rows).await,
            Self::Postgres(writer) => writer.write(&rows).await,
            Self::DevNull => Ok(0),
        }
    }

    /// Whether rows stay unseen until [`finish`](Self::finish).
    pub(crate) fn holds_back(&self) -> bool {
        matches!(self, Self::Postgres(writer) if writer.holds_back())
    }

    /// Removes all rows of the stream, in place of writing any.
    pub(crate) async fn clear(self) -> Result<(), DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(mut writer) => {
                writer.begin().await?;
                writer.finish().await
            }
            Self::Sqlite(mut writer) => writer.begin().await,
            Self::Postgres(writer) => writer.clear().await,
            Self::DevNull => Ok(()),
        }
    }

    /// Ends the writing of a stream that has failed. Whether what was written can be seen.
    pub(crate) async fn abandon(self) -> Result<bool, DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(writer) => writer.finish().await.map(|()| true),
            Self::Sqlite(_) | Self::DevNull => Ok(true),
            Self::Postgres(writer) => writer.abandon().await,
        }
    }

    /// Makes what was written the stream's content.
    pub(crate) async fn finish(self) -> Result<(), DestinationError> {
        match self {
            #[cfg(feature = "duckdb")]
            Self::DuckDb(writer) => writer.finish().await,
            Self::Sqlite(writer) => writer.finish(),
            Self::DevNull => Ok(()),
            Self::Postgres(writer) => writer.finish().await,
        }
    }
}

/// Does what waits for a file on a thread of its own. It goes on to its end though nobody waits for it any more, so
/// `writes` knows of it.
async fn blocking<T: Send + 'static>(
    writes: &TaskTracker,
    work: impl FnOnce() -> Result<T, DestinationError> + Send + 'static,
) -> Result<T, DestinationError> {
    writes
        .spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(DestinationError::transient(error.to_string())))
}

/// An error if a database's file is not there any more: what was written to it is lost.
fn ensure_there(file: &OpenFile) -> Result<(), DestinationError> {
    if file.is_there() {
        return Ok(());
    }
    let path = file.path().display();
    Err(DestinationError::transient(format!("the file {path} was removed or replaced while it was written")))
}

/// A row's own id: random, but later ones sort behind earlier ones, so that an index on them grows at its end.
fn row_id(random: &mut impl Rng) -> Uuid {
    let millis = u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &random.random()).into_uuid()
}

/// The value of a cell as JSON text.
fn json_text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Number(text) | Cell::Json(text) => text.clone(),
        Cell::Text(text) => json!(text).to_string(),
    }
}
