//! SQLite files.

mod parts;
mod read;
mod values;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::{DataType, Field};
use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::limits::Limit;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use serde_json::Value;

use super::{Count, Engine, Parts, RecordBatchStream, Rows, local_file};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Literal;
use crate::json_values;
use crate::locate::TableName;
use crate::scan::{Column, Dialect, Scan, quoted, quoted_text};
use crate::secret::local_root;

const LOCAL_ROOT_HINT: &str = "either nothing has been synced yet, or the path is on the Airbyte server's machine; then set \
                               AIRBYTE_LOCAL_ROOT to the folder that the server calls /local";

/// The longest value that is taken, in bytes: it is held whole, by SQLite and in its batch.
const LONGEST_VALUE: i32 = 256 * 1024 * 1024;

/// The function that makes a number of a time that is written in a record.
const INSTANT: &str = "airbyte_instant";

/// A SQLite file, opened anew for each read.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    warnings: Vec<String>,
}

impl Sqlite {
    pub(crate) async fn open(destination: &Destination) -> Result<Self> {
        let asked = destination.required_text("destination_path")?;
        let path = local_file::find(Path::new(asked), &local_root());
        if !path.exists() {
            // The connector makes the file with the first sync: until then there are no tables.
            let warnings = vec![format!("there is no SQLite file {}: {LOCAL_ROOT_HINT}", path.display())];
            return Ok(Self { path, warnings });
        }
        let engine = Self { path, warnings: Vec::new() };
        // Told now rather than at the first read.
        engine
            .blocking(|connection| {
                Ok(connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))?)
            })
            .await?;
        Ok(engine)
    }

    /// Runs `work` with a connection that can only read, on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.path.clone();
        let interrupt = Interrupt::default();
        let running = interrupt.running();
        let done = tokio::task::spawn_blocking(move || running.during(&connect(&path)?, work)).await;
        drop(interrupt);
        done.map_err(|error| Error::new(ErrorKind::Query, error.to_string()))?
    }
}

/// Whoever waits for a connection: when he is gone, what it does is ended.
#[derive(Default)]
struct Interrupt(Running);

/// What is done for somebody who waits.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<Progress>>);

#[derive(Default)]
enum Progress {
    #[default]
    NotBegun,
    Begun(InterruptHandle),
    NotWanted,
}

impl Interrupt {
    fn running(&self) -> Running {
        self.0.clone()
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Progress::Begun(handle) = self.0.set(Progress::NotWanted) {
            handle.interrupt();
        }
    }
}

impl Running {
    /// Runs `work`, which can be interrupted.
    fn during<T>(&self, connection: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let begun = Progress::Begun(connection.get_interrupt_handle());
        if matches!(self.set(begun), Progress::NotWanted) {
            return Err(Error::new(ErrorKind::Query, "nobody waits for the answer any more"));
        }
        work(connection)
    }

    fn set(&self, progress: Progress) -> Progress {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), progress)
    }
}

fn connect(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        return Err(Error::new(ErrorKind::Connect, format!("there is no SQLite file {}", path.display()))
            .with_hint(LOCAL_ROOT_HINT));
    }
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| {
                Error::new(ErrorKind::Connect, format!("{} cannot be opened: {error}", path.display()))
                    .with_source(error)
            })?;
    connection.pragma_update(None, "query_only", true)?;
    // Else a name that no column has any more would be read as a text, and every row would say the same.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    // Times are compared as they are read: SQLite's own functions know fewer forms, and no microseconds.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(INSTANT, 1, flags, |given| {
        Ok(given.get_raw(0).as_str().ok().and_then(json_values::instant))
    })?;
    Ok(connection)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::TooBig) => {
                let longest = LONGEST_VALUE / (1024 * 1024);
                return Self::new(
                    ErrorKind::Value,
                    format!("SQLite holds a value of more than {longest} MB, and values up to that are read"),
                )
                .with_hint("leave out the column that is so large")
                .with_source(error);
            }
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::CannotOpen) => ErrorKind::Connect,
            _ => ErrorKind::Query,
        };
        Self::new(kind, format!("SQLite: {error}")).with_source(error)
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn tables(&self, _: &[String]) -> Result<Vec<TableName>> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        self.blocking(|connection| {
            let mut statement = connection.prepare(
                "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\'",
            )?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.map(|name| Ok(TableName { schema: String::new(), table: name? })).collect()
        })
        .await
    }

    async fn columns(&self, table: &TableName) -> Result<Vec<Column>> {
        let table = table.table.clone();
        self.blocking(move |connection| {
            let mut statement =
                connection.prepare("select name, type from pragma_table_xinfo(?1) where hidden <> 1")?;
            let columns = statement
                .query_map([&table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            columns
                .map(|column| {
                    let (name, declared) = column?;
                    let field = Field::new(&name, values::data_type(&declared), true);
                    let field = Arc::new(field.with_metadata([("sqlite:type".to_owned(), declared)].into()));
                    Ok(Column { name, field, type_id: 0, as_text: false })
                })
                .collect()
        })
        .await
    }

    async fn read(&self, scan: Scan) -> Result<RecordBatchStream> {
        read::table(self.path.clone(), &scan, &[])
    }

    async fn query(&self, sql: &str, batch_rows: usize) -> Result<Rows> {
        read::query(self.path.clone(), sql.to_owned(), batch_rows).await
    }

    async fn parts(&self, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
        let (path, scan) = (self.path.clone(), scan.clone());
        tokio::task::spawn_blocking(move || parts::plan(connect(&path)?, &scan, wanted))
            .await
            .map_err(|error| Error::new(ErrorKind::Query, error.to_string()))?
    }

    async fn read_part(&self, scan: Scan, part: &Value) -> Result<RecordBatchStream> {
        parts::read_part(self.path.clone(), &scan, part)
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    async fn count(&self, scan: &Scan) -> Result<Count> {
        let query = scan.count(&SqliteDialect)?;
        self.blocking(move |connection| {
            let numbers = connection.query_row(&query, [], |row| {
                let columns = row.as_ref().column_count();
                // A number of a refresh can be anything here; one that is none counts as none.
                Ok((0..columns).map(|place| row.get(place).ok().flatten()).collect::<Vec<_>>())
            })?;
            Count::of(&numbers).ok_or_else(|| Error::new(ErrorKind::Query, "SQLite counted no rows"))
        })
        .await
    }
}

/// The SQL of SQLite.
struct SqliteDialect;

impl Dialect for SqliteDialect {
    fn literal(&self, literal: &Literal) -> Result<String> {
        Ok(match literal {
            Literal::Boolean(value) => i32::from(*value).to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) if value.is_finite() => format!("{value:e}"),
            Literal::Float(_) => return Err(Error::invalid("SQLite knows no NaN and no infinity")),
            Literal::Text(value) => quoted_text(value)?,
            Literal::Date(value) => quoted_text(&value.to_string())?,
            Literal::Timestamp(value) => value.timestamp_micros().to_string(),
        })
    }

    fn literal_for(&self, column: &str, _: &DataType, literal: &Literal) -> Result<String> {
        if matches!(literal, Literal::Timestamp(_)) {
            return Err(Error::invalid(format!(
                "SQLite has no type for instants, so the column `{column}` cannot be compared with one"
            ))
            .with_hint("compare it with a text or a number, as it is stored"));
        }
        self.literal(literal)
    }

    fn json_member(&self, name: &str, compared_with: Option<&Literal>) -> Result<String> {
        if name.contains(['"', '\0']) {
            return Err(Error::invalid(format!("the field `{name}` cannot be filtered or ordered by")));
        }
        let member = format!(
            "json_extract({}, {})",
            quoted(crate::dataset::DATA_COLUMN),
            quoted_text(&format!("$.\"{name}\""))?
        );
        // Instants are compared as instants, whatever zone they are written in.
        Ok(if matches!(compared_with, Some(Literal::Timestamp(_))) {
            format!("{INSTANT}({member})")
        } else {
            member
        })
    }

    fn as_text(&self, column: &str) -> String {
        format!("cast({} as text)", quoted(column))
    }
}
