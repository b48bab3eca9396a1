//! SQLite files.

mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use futures::StreamExt;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::values::ColumnBuilder;
use super::{Engine, RecordBatchStream};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{Column, Dialect, Scan, quoted, quoted_text};
use crate::secret::local_root;

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;
/// Bytes of text at which a batch is closed, however few rows it has.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

const LOCAL_ROOT_HINT: &str = "either nothing has been synced yet, or the path is on the Airbyte server's machine; then set \
                               AIRBYTE_LOCAL_ROOT to the folder that the server calls /local";

/// A SQLite file, opened anew for each read.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    warnings: Vec<String>,
}

impl Sqlite {
    pub(crate) async fn open(destination: &Destination) -> Result<Self> {
        let asked = destination.required_text("destination_path")?;
        let path = find(Path::new(asked), &local_root());
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
        tokio::task::spawn_blocking(move || work(&connect(&path)?))
            .await
            .map_err(|error| Error::new(ErrorKind::Query, error.to_string()))?
    }
}

/// The file itself if it is there; else the one below the local root, as the connector maps its paths.
fn find(asked: &Path, local_root: &Path) -> PathBuf {
    if asked.exists() {
        return asked.to_owned();
    }
    let below = asked.strip_prefix("/local").or_else(|_| asked.strip_prefix("/")).unwrap_or(asked);
    local_root.join(below)
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
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    Ok(connection)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
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
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_batches(&path, &scan, &sender) {
                // Nobody is left to be told if the reader has gone.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(ReceiverStream::new(receiver).boxed())
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    async fn count(&self, scan: &Scan) -> Result<u64> {
        let query = scan.count(&SqliteDialect)?;
        self.blocking(move |connection| {
            let rows: i64 = connection.query_row(&query, [], |row| row.get(0))?;
            Ok(u64::try_from(rows).unwrap_or_default())
        })
        .await
    }
}

/// Reads rows and hands them on, until the end or until nobody takes them. One statement is one snapshot.
fn send_batches(path: &Path, scan: &Scan, sender: &mpsc::Sender<Result<RecordBatch>>) -> Result<()> {
    let connection = connect(path)?;
    let mut statement = connection.prepare(&scan.select(&SqliteDialect)?)?;
    let mut rows = statement.query([])?;
    let fields: Vec<_> = scan.columns.iter().map(|column| column.field.clone()).collect();
    let schema = Arc::new(Schema::new(fields));
    let new_builders = || -> Vec<ColumnBuilder> {
        schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type())).collect()
    };
    let mut builders = new_builders();
    let (mut count, mut bytes) = (0, 0);
    loop {
        let row = rows.next()?;
        if let Some(row) = row {
            for (index, builder) in builders.iter_mut().enumerate() {
                bytes += builder.append(row.get_ref(index)?).map_err(|problem| {
                    Error::new(
                        ErrorKind::Value,
                        format!("a value of the column `{}` {problem}", schema.field(index).name()),
                    )
                    .with_hint("read the column as text (`Dataset::text_columns`)")
                })?;
            }
            count += 1;
        }
        let at_end = row.is_none();
        if count == scan.batch_rows || bytes >= BATCH_BYTES || (at_end && count > 0) {
            let full = std::mem::replace(&mut builders, new_builders());
            let columns = full.into_iter().map(ColumnBuilder::finish).collect();
            let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(count));
            let batch = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
            if sender.blocking_send(Ok(batch)).is_err() {
                return Ok(());
            }
            (count, bytes) = (0, 0);
        }
        if at_end {
            return Ok(());
        }
    }
}

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
            Literal::Timestamp(value) => {
                format!("unixepoch({}, 'subsec')", quoted_text(&value.to_rfc3339())?)
            }
        })
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
            format!("unixepoch({member}, 'subsec')")
        } else {
            member
        })
    }

    fn as_text(&self, column: &str) -> String {
        format!("cast({} as text)", quoted(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_or_looked_for_below_the_local_root() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("there.db");
        std::fs::write(&file, "").unwrap();
        let root = Path::new("/data/local");
        assert_eq!(find(&file, root), file);
        assert_eq!(find(Path::new("/local/a.db"), root), root.join("a.db"));
        assert_eq!(find(Path::new("a.db"), root), root.join("a.db"));
        assert_eq!(find(Path::new("/nowhere/a.db"), root), root.join("nowhere/a.db"));
    }
}
