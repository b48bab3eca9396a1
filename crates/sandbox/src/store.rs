//! Where the sandbox keeps its objects: SQLite, in memory or in the data folder.
//!
//! Objects are JSON documents by kind and id, in the order in which they were first stored. One acknowledged
//! change is one transaction, so that ending the process at any moment loses none.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection as Database, OptionalExtension, params};
use uuid::Uuid;

use crate::error::Error;
use crate::model::Record;

/// The format of the data folder. A folder with a higher number is refused.
const FORMAT: i64 = 1;

/// All objects of a sandbox.
pub(crate) struct Store {
    open: Mutex<Open>,
}

struct Open {
    database: Database,
    /// What [`Store::all`] has given out, by kind, for as long as nothing of that kind changes.
    decoded: HashMap<&'static str, Arc<dyn Any + Send + Sync>>,
    /// The ids that [`Store::changed`] has not told yet, of the kinds that it has been asked for.
    changed: HashMap<&'static str, HashSet<String>>,
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
             );
             create index if not exists by_connection on objects (kind, body ->> 'connection_id')",
        )?;
        database.pragma_update(None, "user_version", FORMAT)?;
        let (decoded, changed) = (HashMap::new(), HashMap::new());
        Ok(Self { open: Mutex::new(Open { database, decoded, changed }) })
    }

    /// The object with this id.
    pub(crate) fn get<T: Record>(&self, id: &str) -> rusqlite::Result<Option<T>> {
        self.lock()
            .database
            .prepare_cached("select body from objects where kind = ?1 and id = ?2")?
            .query_row(params![T::KIND, id], |row| row.get::<_, String>(0))
            .optional()?
            .map(|body| decode(&body))
            .transpose()
    }

    /// All objects of a kind, oldest first.
    pub(crate) fn list<T: Record>(&self) -> rusqlite::Result<Vec<T>> {
        read_all(&self.lock().database)
    }

    /// All objects of a kind, oldest first, to be shared: for lists of thousands that are read page by page.
    pub(crate) fn all<T: Record + Send + Sync + 'static>(&self) -> rusqlite::Result<Arc<Vec<T>>> {
        let mut open = self.lock();
        if let Some(known) = open.decoded.get(T::KIND).cloned().and_then(|known| known.downcast().ok()) {
            return Ok(known);
        }
        let objects = Arc::new(read_all::<T>(&open.database)?);
        open.decoded.insert(T::KIND, objects.clone());
        Ok(objects)
    }

    /// The objects of a kind that belong to a connection, oldest first.
    pub(crate) fn of_connection<T: Record>(&self, connection: Uuid) -> rusqlite::Result<Vec<T>> {
        let open = self.lock();
        let mut statement = open.database.prepare_cached(
            "select body from objects where kind = ?1 and body ->> 'connection_id' = ?2 order by position",
        )?;
        let bodies =
            statement.query_map(params![T::KIND, connection.to_string()], |row| row.get::<_, String>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// The newest object of a kind that belongs to a connection.
    pub(crate) fn newest_of_connection<T: Record>(&self, connection: Uuid) -> rusqlite::Result<Option<T>> {
        self.lock()
            .database
            .prepare_cached(
                "select body from objects where kind = ?1 and body ->> 'connection_id' = ?2
                 order by position desc limit 1",
            )?
            .query_row(params![T::KIND, connection.to_string()], |row| row.get::<_, String>(0))
            .optional()?
            .map(|body| decode(&body))
            .transpose()
    }

    /// The ids of a kind that have changed since this was last called; at first, all that there are. For one caller
    /// a kind.
    pub(crate) fn changed<T: Record>(&self) -> rusqlite::Result<HashSet<String>> {
        let mut open = self.lock();
        if let Some(changed) = open.changed.get_mut(T::KIND) {
            return Ok(std::mem::take(changed));
        }
        let all = {
            let mut statement = open.database.prepare_cached("select id from objects where kind = ?1")?;
            statement.query_map([T::KIND], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        open.changed.insert(T::KIND, HashSet::new());
        Ok(all)
    }

    /// Stores an object, in place of the one with its id.
    pub(crate) fn put<T: Record>(&self, object: &T) -> rusqlite::Result<()> {
        self.put_all(std::slice::from_ref(object))
    }

    /// Stores several objects, all or none.
    pub(crate) fn put_all<T: Record>(&self, objects: &[T]) -> rusqlite::Result<()> {
        let mut open = self.lock_to_change::<T>();
        let change = open.database.transaction()?;
        for object in objects {
            let body = serde_json::to_string(object).map_err(to_sql)?;
            change
                .prepare_cached(
                    "insert into objects (kind, id, body) values (?1, ?2, ?3)
                     on conflict (kind, id) do update set body = excluded.body",
                )?
                .execute(params![T::KIND, object.id(), body])?;
        }
        change.commit()?;
        for object in objects {
            open.note::<T>(object.id());
        }
        Ok(())
    }

    /// Reads an object, changes it and stores it, with no other change in between.
    pub(crate) fn update<T: Record>(
        &self,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> rusqlite::Result<Option<T>> {
        let mut open = self.lock_to_change::<T>();
        let transaction = open.database.transaction()?;
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
        open.note::<T>(id.to_owned());
        Ok(Some(object))
    }

    /// Removes an object; there may be none.
    pub(crate) fn delete<T: Record>(&self, id: &str) -> rusqlite::Result<()> {
        let mut open = self.lock_to_change::<T>();
        open.database
            .prepare_cached("delete from objects where kind = ?1 and id = ?2")?
            .execute(params![T::KIND, id])?;
        open.note::<T>(id.to_owned());
        Ok(())
    }

    /// The highest numeric id of a kind, 0 if there is none.
    pub(crate) fn highest_id<T: Record>(&self) -> rusqlite::Result<i64> {
        self.lock().database.query_row(
            "select coalesce(max(cast(id as integer)), 0) from objects where kind = ?1",
            [T::KIND],
            |row| row.get(0),
        )
    }

    /// For everything that writes: what was decoded of the kind does not hold any more.
    fn lock_to_change<T: Record>(&self) -> MutexGuard<'_, Open> {
        let mut open = self.lock();
        open.decoded.remove(T::KIND);
        open
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // A panic elsewhere cannot leave a change half done: every change is a transaction.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Notes a change for [`Store::changed`].
    fn note<T: Record>(&mut self, id: String) {
        if let Some(changed) = self.changed.get_mut(T::KIND) {
            changed.insert(id);
        }
    }
}

fn read_all<T: Record>(database: &Database) -> rusqlite::Result<Vec<T>> {
    let mut statement =
        database.prepare_cached("select body from objects where kind = ?1 order by position")?;
    let bodies = statement.query_map([T::KIND], |row| row.get::<_, String>(0))?;
    bodies.map(|body| decode(&body?)).collect()
}

fn decode<T: Record>(body: &str) -> rusqlite::Result<T> {
    serde_json::from_str(body).map_err(to_sql)
}

fn to_sql(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Refresh, Workspace};

    #[test]
    fn what_was_given_out_before_a_change_is_not_given_out_after_it() {
        let store = Store::open(None).unwrap();
        let names =
            || store.all::<Workspace>().unwrap().iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        let workspace = Workspace {
            id: Uuid::nil(),
            organization_id: Uuid::nil(),
            name: "first".to_owned(),
            deleted: false,
            region_id: None,
            notifications: serde_json::Value::Null,
        };
        assert!(names().is_empty());
        store.put(&workspace).unwrap();
        assert_eq!(names(), ["first"]);
        let change = |workspace: &mut Workspace| "second".clone_into(&mut workspace.name);
        store.update(&workspace.id(), change).unwrap();
        assert_eq!(names(), ["second"]);
        store.delete::<Workspace>(&workspace.id()).unwrap();
        assert!(names().is_empty());
    }

    #[test]
    fn each_change_is_told_once() {
        let store = Store::open(None).unwrap();
        let refresh = |name: &str, connection: Uuid| Refresh {
            connection_id: connection,
            name: name.to_owned(),
            namespace: None,
            truncates: false,
        };
        let [one, other] = [1, 2].map(Uuid::from_u128);
        let wishes = [refresh("a", one), refresh("b", one), refresh("a", other)];
        store.put(&wishes[0]).unwrap();
        let ids = |wishes: &[Refresh]| wishes.iter().map(Record::id).collect::<HashSet<_>>();
        assert_eq!(store.changed::<Refresh>().unwrap(), ids(&wishes[..1]));
        store.put_all(&wishes[1..]).unwrap();
        assert_eq!(store.changed::<Refresh>().unwrap(), ids(&wishes[1..]));
        store.update(&wishes[0].id(), |wish: &mut Refresh| wish.truncates = true).unwrap();
        store.delete::<Refresh>(&wishes[1].id()).unwrap();
        assert_eq!(store.changed::<Refresh>().unwrap(), ids(&wishes[..2]));
        assert!(store.changed::<Refresh>().unwrap().is_empty());
        assert_eq!(store.of_connection::<Refresh>(one).unwrap().len(), 1);
        assert_eq!(store.newest_of_connection::<Refresh>(other).unwrap().unwrap().id(), wishes[2].id());
        assert!(store.newest_of_connection::<Refresh>(Uuid::nil()).unwrap().is_none());
    }
}
