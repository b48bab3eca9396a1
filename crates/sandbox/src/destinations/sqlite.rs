//! The `sqlite` destination: one raw table a stream, each record as JSON.

use std::path::{Component, Path, PathBuf};

use chrono::Local;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{DestinationError, StreamTarget, blocking, ensure_there, json_text, row_id};
use crate::open_file::OpenFile;
use crate::sources::Row;

/// The database file that a configuration names. `/local` stands for the sandbox's local root, as it does on a
/// server, and nothing outside of it is written.
pub(super) fn path(configuration: &Value, local_root: &Path) -> Result<PathBuf, DestinationError> {
    let asked = configuration
        .get("destination_path")
        .and_then(Value::as_str)
        .filter(|path| !path.is_empty())
        .ok_or_else(|| DestinationError::config("the configuration lacks `destination_path`"))?;
    let asked = Path::new(asked);
    if asked.components().any(|part| part == Component::ParentDir) {
        return Err(DestinationError::config("`destination_path` must not contain `..`"));
    }
    if asked.starts_with(local_root) {
        return Ok(asked.to_owned());
    }
    let below = asked.strip_prefix("/local").or_else(|_| asked.strip_prefix("/")).unwrap_or(asked);
    Ok(local_root.join(below))
}

/// Whether the file can be opened for writing.
pub(super) async fn check(path: PathBuf) -> Result<(), DestinationError> {
    blocking(&TaskTracker::new(), move || open(&path).map(drop)).await
}

fn open(path: &Path) -> Result<Connection, DestinationError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            DestinationError::config(format!("cannot make {}: {error}", folder.display()))
        })?;
    }
    let database = Connection::open(path).map_err(|error| failed(&error))?;
    // Readers keep their snapshot while a sync writes. A crash of the machine may lose the last batches, never the
    // database; the sync has not been acknowledged by then.
    for (pragma, value) in
        [("journal_mode", "wal"), ("synchronous", "normal"), ("wal_autocheckpoint", "8192")]
    {
        database.pragma_update(None, pragma, value).map_err(|error| failed(&error))?;
    }
    database.busy_timeout(std::time::Duration::from_secs(30)).map_err(|error| failed(&error))?;
    Ok(database)
}

/// Writes one stream into `_airbyte_raw_<stream>`.
pub(crate) struct SqliteWriter {
    path: PathBuf,
    stream: StreamTarget,
    /// Away while a batch is being written on another thread.
    open: Option<(Connection, OpenFile)>,
    writes: TaskTracker,
}

impl SqliteWriter {
    pub(super) fn new(path: PathBuf, stream: StreamTarget, writes: TaskTracker) -> Self {
        Self { path, stream, open: None, writes }
    }

    pub(super) async fn begin(&mut self) -> Result<(), DestinationError> {
        let (path, table, overwrites) = (self.path.clone(), self.table(), self.stream.overwrites());
        let open = blocking(&self.writes, move || {
            let database = open(&path)?;
            let file = OpenFile::at(&path);
            if overwrites {
                // The real connector drops first, too: a failed sync leaves a partial table.
                database
                    .execute_batch(&format!("drop table if exists {table}"))
                    .map_err(|error| failed(&error))?;
            }
            database
                .execute_batch(&format!(
                    "create table if not exists {table} (
                         _airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text
                     )"
                ))
                .map_err(|error| failed(&error))?;
            Ok((database, file))
        })
        .await?;
        self.open = Some(open);
        Ok(())
    }

    pub(super) async fn write(&mut self, rows: Vec<Row>) -> Result<i64, DestinationError> {
        let Some((mut database, file)) = self.open.take() else {
            return Err(DestinationError::transient("the last batch was not written"));
        };
        let insert = format!("insert into {} values (?1, ?2, ?3)", self.table());
        let names: Vec<String> =
            self.stream.fields.iter().map(|field| json!(field.name).to_string()).collect();
        let (open, bytes) = blocking(&self.writes, move || {
            let bytes =
                insert_batch(&mut database, &insert, &names, &rows).map_err(|error| failed(&error))?;
            ensure_there(&file)?;
            Ok(((database, file), bytes))
        })
        .await?;
        self.open = Some(open);
        Ok(bytes)
    }

    /// What was written is there already, if the file is.
    pub(super) fn finish(self) -> Result<(), DestinationError> {
        self.open.map_or(Ok(()), |(_, file)| ensure_there(&file))
    }

    fn table(&self) -> String {
        format!("\"{}\"", format!("_airbyte_raw_{}", self.stream.name).replace('"', "\"\""))
    }
}

fn insert_batch(
    database: &mut Connection,
    insert: &str,
    names: &[String],
    rows: &[Row],
) -> rusqlite::Result<i64> {
    let emitted_at = Local::now().format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    let transaction = database.transaction()?;
    let (mut bytes, mut random) = (0, rand::rng());
    {
        let mut statement = transaction.prepare_cached(insert)?;
        let mut data = String::new();
        for row in rows {
            data.clear();
            for (name, cell) in names.iter().zip(row) {
                data.push(if data.is_empty() { '{' } else { ',' });
                data.push_str(name);
                data.push(':');
                data.push_str(&json_text(cell));
            }
            data.push_str(if data.is_empty() { "{}" } else { "}" });
            bytes += data.len();
            statement.execute(params![row_id(&mut random).to_string(), emitted_at, data])?;
        }
    }
    transaction.commit()?;
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn failed(error: &rusqlite::Error) -> DestinationError {
    DestinationError::transient(format!("SQLite: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_local_root_is_written() {
        let root = Path::new("/data/local");
        let path = |asked: &str| path(&json!({"destination_path": asked}), root);
        assert_eq!(path("/local/a.db").unwrap(), root.join("a.db"));
        assert_eq!(path("a.db").unwrap(), root.join("a.db"));
        assert_eq!(path("/etc/a.db").unwrap(), root.join("etc/a.db"));
        assert_eq!(path("/data/local/b.db").unwrap(), root.join("b.db"));
        assert!(path("/data/local/../b.db").is_err());
        assert!(path("").is_err());
    }
}
