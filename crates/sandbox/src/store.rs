//! Where the sandbox keeps its objects: SQLite, in memory or in the data folder.
//!
//! Objects are JSON documents by kind and id, in the order in which they were first stored. One acknowledged
//! change is one transaction, so that ending the process at any moment loses none, and no other change comes between
//! what it has read and what it stores. What is acknowledged only after [`Store::safe`] outlives the machine, too.

mod disk;
mod jobs;
mod migrations;

use std::any::Any;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use rusqlite::{Connection as Database, OptionalExtension, params};
use uuid::Uuid;

use self::disk::Disk;
pub(crate) use self::jobs::{JobQuery, JobSummary};
use crate::error::Error;
use crate::model::Record;
use crate::open_file::OpenFile;

/// The format of the data folder. A folder with a higher number is refused, and one with a lower is migrated. To be
/// raised with each change of what is stored that `serde` cannot read over, with a step of [`migrations`].
const FORMAT: i64 = 2;

/// How many statements stay prepared: more than there are, but for the many forms that a search of jobs can have.
const STATEMENTS: usize = 64;

/// All objects of a sandbox.
pub(crate) struct Store {
    open: ReentrantMutex<Open>,
    /// `None` in memory.
    disk: Option<Disk>,
    file: Option<OpenFile>,
}

/// While it is held, nobody else reads or changes anything.
pub(crate) type Held<'a> = ReentrantMutexGuard<'a, Open>;

pub(crate) struct Open {
    database: Database,
    known: RefCell<Known>,
}

/// What is known of the objects besides what the database holds.
#[derive(Default)]
struct Known {
    /// The kinds that [`Store::all`] has been asked for, each a [`Decoded`] that follows what changes.
    decoded: HashMap<&'static str, Box<dyn Any + Send>>,
    /// The ids that [`Store::changed`] has not told yet, of the kinds that it has been asked for.
    changed: HashMap<&'static str, HashSet<String>>,
    /// The kinds that the change under way has stored objects of.
    touched: HashSet<&'static str>,
}

/// Ends a change: unless it was kept, nothing is known of what it has touched.
struct Touched<'a>(&'a RefCell<Known>);

impl Drop for Touched<'_> {
    fn drop(&mut self) {
        let known = &mut *self.0.borrow_mut();
        for kind in known.touched.drain() {
            known.decoded.remove(kind);
        }
    }
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

/// Makes a file that its owner alone can read; the database's log takes over who may. One that is there stays as it is.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

impl Store {
    /// Opens the file, or an empty store in memory.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, Error> {
        let database = match file {
            Some(path) => {
                private_file(path).map_err(|source| Error::Folder { path: path.to_owned(), source })?;
                let database = Database::open(path)?;
                check_pages(&database)?;
                database
            }
            None => Database::open_in_memory()?,
        };
        database.set_prepared_statement_cache_capacity(STATEMENTS);
        database.pragma_update(None, "journal_mode", "wal")?;
        // The log is waited for by `disk`, and the database itself only where the log begins anew.
        database.pragma_update(None, "synchronous", "normal")?;
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
        match found {
            FORMAT => {}
            0 => database.pragma_update(None, "user_version", FORMAT)?,
            older => migrations::migrate(&database, older)?,
        }
        jobs::prepare(&database)?;
        let disk = match file {
            Some(file) => {
                Some(Disk::of_log(file).map_err(|source| Error::Folder { path: file.to_owned(), source })?)
            }
            None => None,
        };
        let open = ReentrantMutex::new(Open { database, known: RefCell::default() });
        Ok(Self { open, disk, file: file.map(OpenFile::at) })
    }

    /// Waits until the disk has all changes that have been made.
    pub(crate) async fn safe(&self) -> std::io::Result<()> {
        if let Some(disk) = &self.disk {
            disk.safe().await?;
        }
        match &self.file {
            // What is written goes to a file that nobody will find again.
            Some(file) if !file.is_there() => {
                tracing::error!(file = %file.path().display(), "the data folder's database is gone");
                Err(std::io::ErrorKind::NotFound.into())
            }
            _ => Ok(()),
        }
    }

    /// Makes one change of all that `work` reads and stores: nothing comes in between, and if it fails, nothing is
    /// stored. A change within another one is a part of that. As everybody waits meanwhile, `work` waits for nobody.
    pub(crate) fn change<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let open = self.hold();
        if !open.database.is_autocommit() {
            drop(open);
            return work();
        }
        let transaction = open.database.unchecked_transaction()?;
        let touched = Touched(&open.known);
        let done = work()?;
        transaction.commit()?;
        touched.0.borrow_mut().touched.clear();
        if let Some(disk) = &self.disk {
            disk.written();
        }
        Ok(done)
    }

    /// Keeps everybody else from the objects for a moment. To be asked for before any other lock.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.open.lock()
    }

    /// The object with this id.
    pub(crate) fn get<T: Record>(&self, id: &str) -> rusqlite::Result<Option<T>> {
        self.hold()
            .database
            .prepare_cached("select body from objects where kind = ?1 and id = ?2")?
            .query_row(params![T::KIND, id], |row| row.get::<_, String>(0))
            .optional()?
            .map(|body| decode(&body))
            .transpose()
    }

    /// All objects of a kind, oldest first.
    pub(crate) fn list<T: Record>(&self) -> rusqlite::Result<Vec<T>> {
        read_all(&self.hold().database)
    }

    /// All objects of a kind, oldest first, to be shared: for lists of thousands that are read page by page.
    pub(crate) fn all<T: Record>(&self) -> rusqlite::Result<All<T>> {
        let open = self.hold();
        let mut known = open.known.borrow_mut();
        if let Some(decoded) = known.decoded::<T>() {
            return Ok(All(decoded.objects.clone()));
        }
        let decoded = Decoded::<T>::read(&open.database)?;
        let all = All(decoded.objects.clone());
        known.decoded.insert(T::KIND, Box::new(decoded));
        Ok(all)
    }

    /// The objects of a kind that belong to a connection, oldest first.
    pub(crate) fn of_connection<T: Record>(&self, connection: Uuid) -> rusqlite::Result<Vec<T>> {
        let open = self.hold();
        let mut statement = open.database.prepare_cached(
            "select body from objects where kind = ?1 and body ->> 'connection_id' = ?2 order by position",
        )?;
        let bodies =
            statement.query_map(params![T::KIND, connection.to_string()], |row| row.get::<_, String>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// The newest object of a kind that belongs to a connection.
    pub(crate) fn newest_of_connection<T: Record>(&self, connection: Uuid) -> rusqlite::Result<Option<T>> {
        self.hold()
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
        let open = self.hold();
        let mut known = open.known.borrow_mut();
        if let Some(changed) = known.changed.get_mut(T::KIND) {
            return Ok(std::mem::take(changed));
        }
        let all = {
            let mut statement = open.database.prepare_cached("select id from objects where kind = ?1")?;
            statement.query_map([T::KIND], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        known.changed.insert(T::KIND, HashSet::new());
        Ok(all)
    }

    /// Stores an object, in place of the one with its id.
    pub(crate) fn put<T: Record>(&self, object: &T) -> rusqlite::Result<()> {
        self.put_all(std::slice::from_ref(object))
    }

    /// Stores several objects, all or none.
    pub(crate) fn put_all<T: Record>(&self, objects: &[T]) -> rusqlite::Result<()> {
        self.change(|| objects.iter().try_for_each(|object| self.hold().put(object)))
    }

    /// Reads an object, changes it and stores it, with no other change in between.
    pub(crate) fn update<T: Record>(
        &self,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> rusqlite::Result<Option<T>> {
        self.change(|| {
            let Some(mut object) = self.get::<T>(id)? else { return Ok(None) };
            change(&mut object);
            self.hold().put(&object)?;
            Ok(Some(object))
        })
    }

    /// Removes an object; there may be none.
    pub(crate) fn delete<T: Record>(&self, id: &str) -> rusqlite::Result<()> {
        self.change(|| {
            let open = self.hold();
            open.database
                .prepare_cached("delete from objects where kind = ?1 and id = ?2")?
                .execute(params![T::KIND, id])?;
            let mut known = open.known.borrow_mut();
            known.decoded.remove(T::KIND);
            known.note::<T>(id.to_owned());
            Ok(())
        })
    }
}

impl Open {
    fn put<T: Record>(&self, object: &T) -> rusqlite::Result<()> {
        let body = serde_json::to_string(object).map_err(to_sql)?;
        self.database
            .prepare_cached(
                "insert into objects (kind, id, body) values (?1, ?2, ?3)
                 on conflict (kind, id) do update set body = excluded.body",
            )?
            .execute(params![T::KIND, object.id(), body])?;
        let mut known = self.known.borrow_mut();
        if let Some(decoded) = known.decoded::<T>() {
            decoded.put(object.clone());
        }
        known.note::<T>(object.id());
        Ok(())
    }
}

impl Known {
    fn decoded<T: Record>(&mut self) -> Option<&mut Decoded<T>> {
        self.decoded.get_mut(T::KIND)?.downcast_mut()
    }

    /// Notes a change, for its end and for [`Store::changed`].
    fn note<T: Record>(&mut self, id: String) {
        self.touched.insert(T::KIND);
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

/// Looks through the database for pages that cannot be right.
fn check_pages(database: &Database) -> rusqlite::Result<()> {
    let verdict: String = database.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(corrupt, Some(verdict)))
}

/// Whether this tells of a file that is not what it should be, and not of one that cannot be used at the moment.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as Sql;
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    match error {
        // Unknown: a table has other columns than it should, for instance.
        Sql::SqliteFailure(error, _) => matches!(error.code, DatabaseCorrupt | NotADatabase | Unknown),
        Sql::SqlInputError { .. }
        | Sql::FromSqlConversionFailure(..)
        | Sql::InvalidColumnType(..)
        | Sql::ToSqlConversionFailure(_)
        | Sql::Utf8Error(..) => true,
        _ => false,
    }
}

fn decode<T: Record>(body: &str) -> rusqlite::Result<T> {
    serde_json::from_str(body).map_err(|error| {
        // What the decoder says quotes values, and configurations hold secrets.
        let what = format!("a stored {} is not readable, column {}", T::KIND, error.column());
        rusqlite::Error::ToSqlConversionFailure(what.into())
    })
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
    fn of_a_change_that_fails_nothing_is_kept() {
        let store = Store::open(None).unwrap();
        let wish = |name: &str| Refresh {
            connection_id: Uuid::nil(),
            name: name.to_owned(),
            namespace: None,
            truncates: false,
        };
        let names = || store.all().unwrap().iter().map(|one: &Refresh| one.name.clone()).collect::<Vec<_>>();
        store.put(&wish("a")).unwrap();
        assert_eq!(names(), ["a"]);
        let failed: rusqlite::Result<()> = store.change(|| {
            store.change(|| store.put(&wish("b")))?;
            store.delete::<Refresh>(&wish("a").id())?;
            assert_eq!(names(), ["b"], "within the change it is seen");
            Err(rusqlite::Error::InvalidQuery)
        });
        assert!(failed.is_err());
        assert_eq!(names(), ["a"]);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.change(|| -> rusqlite::Result<()> {
                store.put(&wish("c"))?;
                panic!("in the middle of a change");
            })
        }));
        assert!(panicked.is_err());
        store.put(&wish("d")).unwrap();
        assert_eq!(names(), ["a", "d"]);
        assert_eq!(store.list::<Refresh>().unwrap().len(), 2);
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
