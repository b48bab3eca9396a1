//! Where the sandbox keeps its objects: SQLite, in memory or in the data folder.
//!
//! Objects are JSON documents by kind and id, in the order in which they were first stored. One acknowledged
//! change is one transaction, so that ending the process at any moment loses none.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection as Database, OptionalExtension, params};

use crate::error::Error;
use crate::model::Record;

/// The format of the data folder. A folder with a higher number is refused.
const FORMAT: i64 = 1;

/// All objects of a sandbox.
pub(crate) struct Store {
    database: Mutex<Database>,
}

impl Store {
    /// Opens the file, or an empty store in memory.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, Error> {
        let database = match file {
            Some(path) => Database::open(path)?,
            None => Database::open_in_memory()?,
        };
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "full")?;
        let found: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > FORMAT {
            return Err(Error::NewerData { found, known: FORMAT });
        }
        database.execute_batch(
            "create table if not exists objects (
                 position integer primary key autoincrement,
                 kind text not null,
                 id text not null,
                 body text not null,
                 unique (kind, id)
             )",
        )?;
        database.pragma_update(None, "user_version", FORMAT)?;
        Ok(Self { database: Mutex::new(database) })
    }

    /// The object with this id.
    pub(crate) fn get<T: Record>(&self, id: &str) -> rusqlite::Result<Option<T>> {
        self.lock()
            .prepare_cached("select body from objects where kind = ?1 and id = ?2")?
            .query_row(params![T::KIND, id], |row| row.get::<_, String>(0))
            .optional()?
            .map(|body| decode(&body))
            .transpose()
    }

    /// All objects of a kind, oldest first.
    pub(crate) fn list<T: Record>(&self) -> rusqlite::Result<Vec<T>> {
        let database = self.lock();
        let mut statement =
            database.prepare_cached("select body from objects where kind = ?1 order by position")?;
        let bodies = statement.query_map([T::KIND], |row| row.get::<_, String>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// Stores an object, in place of the one with its id.
    pub(crate) fn put<T: Record>(&self, object: &T) -> rusqlite::Result<()> {
        self.put_all(std::slice::from_ref(object))
    }

    /// Stores several objects, all or none.
    pub(crate) fn put_all<T: Record>(&self, objects: &[T]) -> rusqlite::Result<()> {
        let mut database = self.lock();
        let change = database.transaction()?;
        for object in objects {
            let body = serde_json::to_string(object).map_err(to_sql)?;
            change
                .prepare_cached(
                    "insert into objects (kind, id, body) values (?1, ?2, ?3)
                     on conflict (kind, id) do update set body = excluded.body",
                )?
                .execute(params![T::KIND, object.id(), body])?;
        }
        change.commit()
    }

    /// Reads an object, changes it and stores it, with no other change in between.
    pub(crate) fn update<T: Record>(
        &self,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> rusqlite::Result<Option<T>> {
        let mut database = self.lock();
        let transaction = database.transaction()?;
        let body: Option<String> = transaction
            .prepare_cached("select body from objects where kind = ?1 and id = ?2")?
            .query_row(params![T::KIND, id], |row| row.get(0))
            .optional()?;
        let Some(body) = body else { return Ok(None) };
        let mut object: T = decode(&body)?;
        change(&mut object);
        let body = serde_json::to_string(&object).map_err(to_sql)?;
        transaction
            .prepare_cached("update objects set body = ?3 where kind = ?1 and id = ?2")?
            .execute(params![T::KIND, id, body])?;
        transaction.commit()?;
        Ok(Some(object))
    }

    /// Removes an object; there may be none.
    pub(crate) fn delete<T: Record>(&self, id: &str) -> rusqlite::Result<()> {
        self.lock()
            .prepare_cached("delete from objects where kind = ?1 and id = ?2")?
            .execute(params![T::KIND, id])
            .map(drop)
    }

    /// The highest numeric id of a kind, 0 if there is none.
    pub(crate) fn highest_id<T: Record>(&self) -> rusqlite::Result<i64> {
        self.lock().query_row(
            "select coalesce(max(cast(id as integer)), 0) from objects where kind = ?1",
            [T::KIND],
            |row| row.get(0),
        )
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        // A panic elsewhere cannot leave a change half done: every change is a transaction.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode<T: Record>(body: &str) -> rusqlite::Result<T> {
    serde_json::from_str(body).map_err(to_sql)
}

fn to_sql(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}
