//! Jobs by what lists ask for. A table of their few searched members is kept beside the documents, by the database
//! itself, so that the page of a hundred thousand jobs costs what is on it.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{Connection as Database, Row, params_from_iter};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NoSuchName, StrDeserializer};
use uuid::Uuid;

use super::{Store, decode};
use crate::model::{Job, JobKind, JobStatus};

/// How many jobs are read at a time where it is not known how many are needed.
const AT_A_TIME: usize = 20;

/// Makes the table where there is none, and fills it from the documents of an older folder.
pub(super) fn prepare(database: &Database) -> rusqlite::Result<()> {
    database.execute_batch(
        "create table if not exists jobs (
             id integer primary key,
             connection_id text not null,
             workspace_id text not null,
             kind text not null,
             status text not null,
             created_at integer not null,
             updated_at integer not null
         );
         create index if not exists jobs_of_connection on jobs (connection_id);
         create index if not exists jobs_by_creation on jobs (created_at);
         create index if not exists jobs_by_update on jobs (updated_at);
         create index if not exists jobs_of_workspace_by_creation on jobs (workspace_id, created_at);
         create index if not exists jobs_of_workspace_by_update on jobs (workspace_id, updated_at);
         create trigger if not exists job_made after insert on objects when new.kind = 'job' begin
             insert into jobs values (
                 cast(new.id as integer), new.body ->> 'connection_id', new.body ->> 'workspace_id',
                 new.body ->> 'kind', new.body ->> 'status', new.body ->> 'created_at', new.body ->> 'updated_at'
             );
         end;
         create trigger if not exists job_changed after update of body on objects when new.kind = 'job' begin
             update jobs set status = new.body ->> 'status', updated_at = new.body ->> 'updated_at'
             where id = cast(new.id as integer)
                 and (status, updated_at) is not (new.body ->> 'status', new.body ->> 'updated_at');
         end;
         create trigger if not exists job_gone after delete on objects when old.kind = 'job' begin
             delete from jobs where id = cast(old.id as integer);
         end;
         insert into jobs
             select cast(id as integer), body ->> 'connection_id', body ->> 'workspace_id', body ->> 'kind',
                 body ->> 'status', body ->> 'created_at', body ->> 'updated_at'
             from objects where kind = 'job' and cast(id as integer) not in (select id from jobs);",
    )
}

/// Which jobs are meant, and in which order they come: oldest first unless told otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobQuery {
    pub connection: Option<Uuid>,
    pub workspaces: Option<Vec<Uuid>>,
    pub kinds: Option<Vec<JobKind>>,
    pub statuses: Option<Vec<JobStatus>>,
    /// In epoch seconds. Both ends belong to it.
    pub created: (Option<i64>, Option<i64>),
    pub updated: (Option<i64>, Option<i64>),
    /// Only jobs of a lower id.
    pub before: Option<i64>,
    pub by_update: bool,
    pub newest_first: bool,
}

/// What a list needs to know of a job that it does not show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobSummary {
    pub status: JobStatus,
    pub created_at: i64,
}

/// The conditions of a query, with their parameters in turn.
#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    parameters: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, condition: &str, parameter: impl Into<Value>) {
        self.texts.push(condition.to_owned());
        self.parameters.push(parameter.into());
    }

    fn one_of(&mut self, column: &str, values: Option<&[String]>) {
        match values {
            None => {}
            // An index that begins with the column gives the order, too.
            Some([value]) => self.add(&format!("{column} = ?"), value.clone()),
            Some(values) => {
                self.texts.push(format!("{column} in ({})", vec!["?"; values.len()].join(", ")));
                self.parameters.extend(values.iter().cloned().map(Value::from));
            }
        }
    }

    fn within(&mut self, column: &str, (start, end): (Option<i64>, Option<i64>)) {
        if let Some(start) = start {
            self.add(&format!("{column} >= ?"), start);
        }
        if let Some(end) = end {
            self.add(&format!("{column} <= ?"), end);
        }
    }

    fn clause(&self) -> String {
        if self.texts.is_empty() { String::new() } else { format!("where {}", self.texts.join(" and ")) }
    }
}

impl JobQuery {
    fn conditions(&self) -> Conditions {
        fn texts<T>(values: Option<&Vec<T>>, text: impl Fn(&T) -> String) -> Option<Vec<String>> {
            values.map(|values| values.iter().map(text).collect())
        }
        let mut conditions = Conditions::default();
        if let Some(connection) = self.connection {
            conditions.add("connection_id = ?", connection.to_string());
        }
        conditions.one_of("workspace_id", texts(self.workspaces.as_ref(), Uuid::to_string).as_deref());
        conditions.one_of("kind", texts(self.kinds.as_ref(), |kind| kind.name().to_owned()).as_deref());
        conditions.one_of("status", texts(self.statuses.as_ref(), |one| one.name().to_owned()).as_deref());
        conditions.within("created_at", self.created);
        conditions.within("updated_at", self.updated);
        if let Some(before) = self.before {
            conditions.add("id < ?", before);
        }
        conditions
    }

    /// The jobs of a connection that are of these kinds and in these states, newest first.
    pub(crate) fn newest(connection: Uuid, kinds: &[JobKind], statuses: &[JobStatus]) -> Self {
        Self {
            connection: Some(connection),
            kinds: Some(kinds.to_vec()),
            statuses: Some(statuses.to_vec()),
            newest_first: true,
            ..Self::default()
        }
    }

    fn order(&self) -> String {
        let column = if self.by_update { "updated_at" } else { "created_at" };
        let direction = if self.newest_first { "desc" } else { "asc" };
        format!("order by {column} {direction}, id {direction}")
    }
}

fn at_most(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Store {
    /// A part of the jobs that are meant.
    pub(crate) fn jobs(&self, query: &JobQuery, offset: usize, limit: usize) -> rusqlite::Result<Vec<Job>> {
        let conditions = query.conditions();
        let mut parameters = conditions.parameters.clone();
        parameters.extend([at_most(limit), at_most(offset)]);
        let order = query.order();
        let text = format!(
            "select objects.body from (select * from jobs {} {order} limit ? offset ?) as page
             cross join objects on objects.kind = 'job' and objects.id = cast(page.id as text) {}",
            conditions.clause(),
            order.replace(", id", ", page.id"),
        );
        let open = self.hold();
        let mut statement = open.database.prepare_cached(&text)?;
        let bodies = statement.query_map(params_from_iter(parameters), |row| row.get::<_, String>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// The first of the jobs that are meant.
    pub(crate) fn first_job(&self, query: &JobQuery) -> rusqlite::Result<Option<Job>> {
        Ok(self.jobs(query, 0, 1)?.pop())
    }

    /// Shows the jobs that are meant one after the other, as long as more are wanted; no others are read.
    pub(crate) fn each_job(
        &self,
        query: &JobQuery,
        mut visit: impl FnMut(Job) -> ControlFlow<()>,
    ) -> rusqlite::Result<()> {
        for page in 0.. {
            let jobs = self.jobs(query, page * AT_A_TIME, AT_A_TIME)?;
            let is_last = jobs.len() < AT_A_TIME;
            if jobs.into_iter().try_for_each(&mut visit).is_break() || is_last {
                break;
            }
        }
        Ok(())
    }

    /// What lists know of the jobs that are meant.
    pub(crate) fn job_summaries(&self, query: &JobQuery) -> rusqlite::Result<Vec<JobSummary>> {
        let conditions = query.conditions();
        let text = format!("select status, created_at from jobs {} {}", conditions.clause(), query.order());
        let open = self.hold();
        let mut statement = open.database.prepare_cached(&text)?;
        let summary = |row: &Row<'_>| Ok(JobSummary { status: status(row, 0)?, created_at: row.get(1)? });
        statement.query_map(params_from_iter(conditions.parameters), summary)?.collect()
    }

    /// The ids of all jobs that are meant.
    pub(crate) fn job_ids(&self, query: &JobQuery) -> rusqlite::Result<Vec<i64>> {
        let conditions = query.conditions();
        let text = format!("select id from jobs {} {}", conditions.clause(), query.order());
        let open = self.hold();
        let mut statement = open.database.prepare_cached(&text)?;
        statement.query_map(params_from_iter(conditions.parameters), |row| row.get(0))?.collect()
    }

    /// How many jobs are meant.
    pub(crate) fn count_jobs(&self, query: &JobQuery) -> rusqlite::Result<usize> {
        let conditions = query.conditions();
        let text = format!("select count(*) from jobs {}", conditions.clause());
        let open = self.hold();
        let count: i64 = open
            .database
            .prepare_cached(&text)?
            .query_row(params_from_iter(conditions.parameters), |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// The newest of the jobs that are meant of each connection.
    pub(crate) fn last_jobs(&self, query: &JobQuery) -> rusqlite::Result<HashMap<Uuid, JobSummary>> {
        let conditions = query.conditions();
        // The other columns are those of the row that has the maximum.
        let text = format!(
            "select max(id), connection_id, status, created_at from jobs {} group by connection_id",
            conditions.clause()
        );
        let open = self.hold();
        let mut statement = open.database.prepare_cached(&text)?;
        let mut rows = statement.query(params_from_iter(conditions.parameters))?;
        let mut last = HashMap::new();
        while let Some(row) = rows.next()? {
            let summary = JobSummary { status: status(row, 2)?, created_at: row.get(3)? };
            last.insert(row.get::<_, String>(1)?.parse().unwrap_or_default(), summary);
        }
        Ok(last)
    }

    /// The highest id of a job, 0 if there is none.
    pub(crate) fn last_job_id(&self) -> rusqlite::Result<i64> {
        let open = self.hold();
        let mut statement = open.database.prepare_cached("select coalesce(max(id), 0) from jobs")?;
        statement.query_row([], |row| row.get(0))
    }
}

fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<JobStatus> {
    let name = row.get_ref(column)?.as_str()?;
    let name: StrDeserializer<'_, NoSuchName> = name.into_deserializer();
    JobStatus::deserialize(name).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: i64, connection: u128, status: JobStatus, at: i64) -> Job {
        Job {
            id,
            connection_id: Uuid::from_u128(connection),
            workspace_id: Uuid::from_u128(connection % 2),
            kind: if id % 3 == 0 { JobKind::Reset } else { JobKind::Sync },
            status,
            created_at: at,
            updated_at: 100 - at,
            streams: Vec::new(),
            refreshes: Vec::new(),
            bumped: false,
            attempts: Vec::new(),
        }
    }

    fn filled() -> Store {
        let store = Store::open(None).unwrap();
        for (id, connection, status) in [
            (1, 1, JobStatus::Succeeded),
            (2, 2, JobStatus::Failed),
            (3, 1, JobStatus::Succeeded),
            (4, 1, JobStatus::Running),
            (10, 2, JobStatus::Succeeded),
        ] {
            store.put(&job(id, connection, status, id * 10)).unwrap();
        }
        store
    }

    #[test]
    fn each_member_of_a_query_narrows_or_orders() {
        let store = filled();
        let ids = |query: JobQuery| {
            let ids = store.job_ids(&query).unwrap();
            let whole: Vec<i64> = store.jobs(&query, 0, 9).unwrap().iter().map(|job| job.id).collect();
            assert_eq!((whole, store.count_jobs(&query).unwrap()), (ids.clone(), ids.len()));
            ids
        };
        let all = JobQuery::default;
        let workspaces = |ids: &[u128]| Some(ids.iter().copied().map(Uuid::from_u128).collect());
        assert_eq!(ids(all()), [1, 2, 3, 4, 10]);
        assert_eq!(ids(JobQuery { newest_first: true, ..all() }), [10, 4, 3, 2, 1]);
        assert_eq!(ids(JobQuery { by_update: true, ..all() }), [10, 4, 3, 2, 1]);
        assert_eq!(ids(JobQuery { connection: Some(Uuid::from_u128(1)), ..all() }), [1, 3, 4]);
        assert_eq!(ids(JobQuery { workspaces: workspaces(&[0]), ..all() }), [2, 10]);
        assert_eq!(ids(JobQuery { workspaces: workspaces(&[0, 1]), ..all() }), [1, 2, 3, 4, 10]);
        assert_eq!(ids(JobQuery { workspaces: workspaces(&[]), ..all() }), [0; 0]);
        assert_eq!(ids(JobQuery { kinds: Some(vec![JobKind::Reset]), ..all() }), [3]);
        assert_eq!(
            ids(JobQuery { statuses: Some(vec![JobStatus::Failed, JobStatus::Running]), ..all() }),
            [2, 4]
        );
        assert_eq!(ids(JobQuery { created: (Some(20), Some(40)), ..all() }), [2, 3, 4]);
        assert_eq!(ids(JobQuery { updated: (Some(70), None), ..all() }), [1, 2, 3]);
        assert_eq!(ids(JobQuery { before: Some(3), ..all() }), [1, 2]);
        let newest = |kind, status| JobQuery::newest(Uuid::from_u128(1), &[kind], &[status]);
        assert_eq!(ids(newest(JobKind::Reset, JobStatus::Succeeded)), [3]);
        let first = store.first_job(&newest(JobKind::Sync, JobStatus::Running)).unwrap();
        assert_eq!(first.map(|job| job.id), Some(4));
        assert!(store.first_job(&newest(JobKind::Sync, JobStatus::Failed)).unwrap().is_none());
        let created = store.job_summaries(&JobQuery { newest_first: true, ..all() }).unwrap();
        assert_eq!(created.iter().map(|job| job.created_at).collect::<Vec<_>>(), [100, 40, 30, 20, 10]);
        let page = store.jobs(&all(), 1, 2).unwrap();
        assert_eq!(page.iter().map(|job| job.id).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn jobs_are_shown_one_by_one_until_there_are_enough() {
        let store = Store::open(None).unwrap();
        for id in 1..=50 {
            store.put(&job(id, 1, JobStatus::Succeeded, id)).unwrap();
        }
        let seen = |enough: i64| {
            let mut seen = Vec::new();
            let visit = |job: Job| {
                seen.push(job.id);
                if job.id == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            store.each_job(&JobQuery { newest_first: true, ..JobQuery::default() }, visit).unwrap();
            seen
        };
        assert_eq!(seen(49), [50, 49]);
        assert_eq!(seen(10), (10..=50).rev().collect::<Vec<_>>());
        assert_eq!(seen(0), (1..=50).rev().collect::<Vec<_>>());
    }

    #[test]
    fn the_table_follows_the_documents() {
        let store = filled();
        store.update("4", |job: &mut Job| (job.status, job.updated_at) = (JobStatus::Failed, 7)).unwrap();
        let failed = JobQuery { statuses: Some(vec![JobStatus::Failed]), ..JobQuery::default() };
        assert_eq!(store.job_ids(&failed).unwrap(), [2, 4]);
        let last = store.last_jobs(&JobQuery::default()).unwrap();
        assert_eq!(last[&Uuid::from_u128(1)].status, JobStatus::Failed);
        assert_eq!((last[&Uuid::from_u128(2)].created_at, store.last_job_id().unwrap()), (100, 10));
        store.delete::<Job>("10").unwrap();
        assert_eq!(store.last_job_id().unwrap(), 4);
    }

    #[test]
    fn a_folder_from_before_the_table_is_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("airbyte.db");
        let store = Store::open(Some(&file)).unwrap();
        store.put(&job(7, 1, JobStatus::Succeeded, 1)).unwrap();
        store.hold().database.execute_batch("drop trigger job_made; drop table jobs").unwrap();
        drop(store);
        assert_eq!(Store::open(Some(&file)).unwrap().job_ids(&JobQuery::default()).unwrap(), [7]);
    }
}
