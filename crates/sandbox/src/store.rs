//! Where the sandbox keeps its objects: SQLite, in memory or in the data folder.
//!
//! Objects are JSON documents by kind and id, in the order in which they were first stored. One acknowledged
//! change is one transaction, so that ending the process at any moment loses none.

mod jobs;

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection as Database, OptionalExtension, params};
use uuid::Uuid;

pub(crate) use self::jobs::{JobQuery, JobSummary};
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
    /// The kinds that [`Store::all`] has been asked for, each a [`Decoded`] that follows what changes.
    decoded: HashMap<&'static str, Box<dyn Any + Send>>,
    /// The ids that [`Store::changed`] has not told yet, of the kinds that it has been asked for.
    changed: HashMap<&'static str, HashSet<String>>,
}

/// All objects of a kind, oldest first, as they were when they were asked for.
pub(crate) struct All<T>(Arc<Vec<Arc<T>>>);

impl<T> All<T> {
    /// The objects in turn.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter().map(Arc::as_ref)
    }
}

/// All objects of a kind, decoded.
struct Decoded<T> {
    objects: Arc<Vec<Arc<T>>>,
    places: HashMap<String, usize>,
}

impl<T: Record> Decoded<T> {
    fn read(database: &Database) -> rusqlite::Result<Self> {
        let objects: Vec<_> = read_all(database)?.into_iter().map(Arc::new).collect();
        let places = objects.iter().enumerate().map(|(place, object): (_, &Arc<T>)| (object.id(), place));
        Ok(Self { places: places.collect(), objects: Arc::new(objects) })
    }

    fn put(&mut self, object: T) {
        let objects = Arc::make_mut(&mut self.objects);
        let place = *self.places.entry(object.id()).or_insert(objects.len());
        if place == objects.len() {
            objects.push(Arc::new(object));
        } else {
            objects[place] = Arc::new(object);
        }
    }
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
        jobs::prepare(&database)?;
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
    pub(crate) fn all<T: Record>(&self) -> rusqlite::Result<All<T>> {
        let mut open = self.lock();
        if let Some(known) = open.decoded::<T>() {
            return Ok(All(known.objects.clone()));
        }
        let decoded = Decoded::<T>::read(&open.database)?;
        let all = All(decoded.objects.clone());
        open.decoded.insert(T::KIND, Box::new(decoded));
        Ok(all)
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
        let mut open = self.lock();
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
            open.follow(object);
        }
        Ok(())
    }

    /// Reads an object, changes it and stores it, with no other change in between.
    pub(crate) fn update<T: Record>(
        &self,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> rusqlite::Result<Option<T>> {
        let mut open = self.lock();
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
        open.follow(&object);
        Ok(Some(object))
    }

    /// Removes an object; there may be none.
    pub(crate) fn delete<T: Record>(&self, id: &str) -> rusqlite::Result<()> {
        let mut open = self.lock();
        open.decoded.remove(T::KIND);
        open.database
            .prepare_cached("delete from objects where kind = ?1 and id = ?2")?
            .execute(params![T::KIND, id])?;
        open.note::<T>(id.to_owned());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // A panic elsewhere cannot leave a change half done: every change is a transaction.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn decoded<T: Record>(&mut self) -> Option<&mut Decoded<T>> {
        self.decoded.get_mut(T::KIND)?.downcast_mut()
    }

    /// What is known of a kind follows an object that was stored.
    fn follow<T: Record>(&mut self, object: &T) {
        if let Some(decoded) = self.decoded::<T>() {
            decoded.put(object.clone());
        }
        self.note::<T>(object.id());
    }

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
        let before = store.all::<Workspace>().unwrap();
        store.update(&workspace.id(), change).unwrap();
        assert_eq!(names(), ["second"]);
        let third = Workspace { id: Uuid::max(), name: "third".to_owned(), ..workspace.clone() };
        store.put_all(&[third.clone(), third]).unwrap();
        assert_eq!(names(), ["second", "third"]);
        assert_eq!(before.iter().next().unwrap().name, "first", "what was given out stays as it was");
        store.delete::<Workspace>(&Uuid::max().to_string()).unwrap();
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
