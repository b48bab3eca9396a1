//! The `duckdb` destination: one raw table a stream, each record as JSON, written through DuckDB's own library.

mod library;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use adbc_core::options::{IngestMode, OptionDatabase, OptionStatement, OptionValue};
use adbc_core::{Connection, Database, Driver, Optionable, Statement, constants, error};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedDriver};
use arrow_array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use chrono::Local;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{DestinationError, StreamTarget, blocking, ensure_there, json_text, row_id, sqlite};
use crate::open_file::OpenFile;
use crate::sources::Row;

/// Which file is written, and by which library.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    schema: String,
    library: Option<PathBuf>,
}

impl Settings {
    pub(super) fn new(
        configuration: &Value,
        local_root: &Path,
        library: Option<&Path>,
    ) -> Result<Self, DestinationError> {
        let text =
            |name: &str| configuration.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text("destination_path")
            .is_some_and(|path| path.starts_with("md:") || path.starts_with("motherduck:"))
        {
            return Err(DestinationError::config("the sandbox does not write to MotherDuck"));
        }
        let schema = text("schema").unwrap_or("main");
        if !schema.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(DestinationError::config(format!(
                "the schema `{schema}` is not made of letters, digits and underscores alone"
            )));
        }
        Ok(Self {
            path: sqlite::path(configuration, local_root)?,
            schema: schema.to_owned(),
            library: library.map(Path::to_owned),
        })
    }

    /// Whether the library is there and the file can be opened for writing.
    pub(super) async fn check(&self) -> Result<(), DestinationError> {
        let settings = self.clone();
        blocking(&TaskTracker::new(), move || settings.open()?.run("select 1")).await
    }

    pub(super) fn writer(&self, stream: StreamTarget, writes: TaskTracker) -> DuckDbWriter {
        DuckDbWriter { settings: self.clone(), stream, session: None, writes }
    }

    fn open(&self) -> Result<Session, DestinationError> {
        let driver = library::driver(self.library.as_deref())?;
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                DestinationError::config(format!("cannot make {}: {error}", folder.display()))
            })?;
        }
        let (database, file) = database(&driver, &self.path)?;
        let connection = database.new_connection();
        // A handle from here on, so that it is closed as one in any case.
        let database = Handle(Some(database));
        let connection = connection.map_err(|error| failed(&error))?;
        Ok(Session { connection, _database: database, file })
    }
}

/// The databases that are open. Two instances of one file in one process would destroy it: DuckDB's lock is between
/// processes.
static OPEN: LazyLock<Mutex<OpenDatabases>> = LazyLock::new(Mutex::default);

/// By their paths, each with the file that it was opened with.
type OpenDatabases = HashMap<PathBuf, (Weak<ManagedDatabase>, OpenFile)>;

fn database(
    driver: &ManagedDriver,
    path: &Path,
) -> Result<(Arc<ManagedDatabase>, OpenFile), DestinationError> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((database, file)) = open.get(path)
        && let Some(database) = database.upgrade()
    {
        ensure_there(file)?;
        return Ok((database, file.clone()));
    }
    let options = [
        ("path", path.to_string_lossy().into_owned()),
        // Nothing is fetched by itself.
        ("autoinstall_known_extensions", "false".to_owned()),
    ];
    let options = options.map(|(name, value)| (OptionDatabase::from(name), OptionValue::from(value)));
    let database = driver.clone().new_database_with_opts(options).map_err(|error| {
        let said = first_line(&error.message);
        // A reader or another writer may go away; what is wrong with the file stays.
        if said.contains("lock on file") {
            DestinationError::transient(format!("DuckDB: {said}"))
        } else {
            DestinationError::config(format!("DuckDB: {said}"))
        }
    })?;
    let database = Arc::new(database);
    let file = OpenFile::at(path);
    open.retain(|_, (database, _)| database.strong_count() > 0);
    open.insert(path.to_owned(), (Arc::downgrade(&database), file.clone()));
    Ok((database, file))
}

struct Session {
    connection: ManagedConnection,
    /// Behind the connection, so that it is closed last.
    _database: Handle,
    file: OpenFile,
}

/// Keeps a database open. While the last one closes it, nobody can open it anew.
struct Handle(Option<Arc<ManagedDatabase>>);

impl Drop for Handle {
    fn drop(&mut self) {
        let _open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.take();
    }
}

impl Session {
    fn run(&mut self, sql: &str) -> Result<(), DestinationError> {
        let mut run = || {
            let mut statement = self.connection.new_statement()?;
            statement.set_sql_query(sql)?;
            statement.execute_update().map(drop)
        };
        run().map_err(|error| failed(&error))
    }

    /// Adds the rows in one step, which is one transaction.
    fn insert(&mut self, schema: &str, table: &str, rows: RecordBatch) -> Result<(), DestinationError> {
        let run = || {
            let mut statement = self.connection.new_statement()?;
            statement.set_option(OptionStatement::TargetTable, table.into())?;
            statement.set_option(
                OptionStatement::from(constants::ADBC_INGEST_OPTION_TARGET_DB_SCHEMA),
                schema.into(),
            )?;
            statement.set_option(OptionStatement::IngestMode, IngestMode::Append.into())?;
            statement.bind(rows)?;
            statement.execute_update().map(drop)
        };
        run().map_err(|error| failed(&error))
    }
}

/// Writes one stream into `_airbyte_raw_<stream>`.
pub(crate) struct DuckDbWriter {
    settings: Settings,
    stream: StreamTarget,
    /// Away while a batch is being written on another thread.
    session: Option<Session>,
    writes: TaskTracker,
}

impl DuckDbWriter {
    pub(super) async fn begin(&mut self) -> Result<(), DestinationError> {
        let (settings, overwrites) = (self.settings.clone(), self.stream.overwrites());
        let schema = quoted(&settings.schema);
        let table = format!("{schema}.{}", quoted(&self.table()));
        let session = blocking(&self.writes, move || {
            let mut session = settings.open()?;
            session.run(&format!("create schema if not exists {schema}"))?;
            if overwrites {
                // The real connector drops first, too: a failed sync leaves a partial table.
                session.run(&format!("drop table if exists {table}"))?;
            }
            session.run(&format!(
                "create table if not exists {table} (
                     _airbyte_ab_id text primary key, _airbyte_emitted_at datetime, _airbyte_data json
                 )"
            ))?;
            Ok(session)
        })
        .await?;
        self.session = Some(session);
        Ok(())
    }

    pub(super) async fn write(&mut self, rows: Vec<Row>) -> Result<i64, DestinationError> {
        let Some(mut session) = self.session.take() else {
            return Err(DestinationError::transient("the last batch was not written"));
        };
        if rows.is_empty() {
            self.session = Some(session);
            return Ok(0);
        }
        let (schema, table) = (self.settings.schema.clone(), self.table());
        let names: Vec<String> =
            self.stream.fields.iter().map(|field| json!(field.name).to_string()).collect();
        let (session, bytes) = blocking(&self.writes, move || {
            let (batch, bytes) = batch(&names, &rows)?;
            session.insert(&schema, &table, batch)?;
            ensure_there(&session.file)?;
            Ok((session, bytes))
        })
        .await?;
        self.session = Some(session);
        Ok(bytes)
    }

    /// Closes the file, so that others can read it when the sync has ended.
    pub(super) async fn finish(mut self) -> Result<(), DestinationError> {
        let session = self.session.take();
        blocking(&self.writes, move || {
            let is_there = session.as_ref().map_or(Ok(()), |session| ensure_there(&session.file));
            drop(session);
            is_there
        })
        .await
    }

    fn table(&self) -> String {
        format!("_airbyte_raw_{}", self.stream.name)
    }
}

/// The rows as columns, and the bytes of their records.
fn batch(names: &[String], rows: &[Row]) -> Result<(RecordBatch, i64), DestinationError> {
    let emitted_at = Local::now().naive_local().and_utc().timestamp_micros();
    let mut random = rand::rng();
    let ids: Vec<String> = rows.iter().map(|_| row_id(&mut random).to_string()).collect();
    let records: Vec<String> = rows.iter().map(|row| record(names, row)).collect();
    let bytes: usize = records.iter().map(String::len).sum();
    let fields = [
        Field::new("_airbyte_ab_id", DataType::Utf8, false),
        Field::new("_airbyte_emitted_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        Field::new("_airbyte_data", DataType::Utf8, false),
    ];
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields.to_vec())),
        vec![
            Arc::new(StringArray::from(ids)),
            Arc::new(TimestampMicrosecondArray::from(vec![emitted_at; rows.len()])),
            Arc::new(StringArray::from(records)),
        ],
    );
    let batch = batch.map_err(|error| DestinationError::transient(error.to_string()))?;
    Ok((batch, i64::try_from(bytes).unwrap_or(i64::MAX)))
}

fn record(names: &[String], row: &Row) -> String {
    let members = names.iter().zip(row).map(|(name, cell)| format!("{name}:{}", json_text(cell)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn failed(error: &error::Error) -> DestinationError {
    DestinationError::transient(format!("DuckDB: {}", first_line(&error.message)))
}

/// Behind the first line DuckDB shows the statement.
fn first_line(message: &str) -> &str {
    message.trim().lines().next().unwrap_or_default()
}
