//! What is known about the jobs that are watched together, and how it is kept up to date.
//!
//! A look reads the workspace's jobs by the time of their last change, the latest first, as far back as the look
//! before it knew. Three facts about the server shape it:
//!
//! - That time moves only when a job's *status* changes. So a job that has been running for long is not on that list;
//!   such jobs are read from the list of all that have their status, from time to time.
//! - Pages are counted, and what changes between two pages moves to the list's start. Read from there, this repeats
//!   rows, which does no harm; read from the other end it would hide some.
//! - Its clock is its own. So where a look begins is computed from times in its answers alone.
//!
//! What no list shows is asked for by its id, a few at each look.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use airbyte_api_raw::public::types;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::ids::{JobId, WorkspaceId};
use crate::job::{JobInfo, JobStatus};
use crate::poller::{JobProgress, PollingPolicy, Update};
use crate::retry::RetryPolicy;
use crate::watch::{Sight, is_hopeless, not_ended};

/// The server's upper limit.
const PAGE: i32 = 100;
/// How many pages more than the wanted jobs fill are read, since they share a list with others.
const MORE_PAGES: usize = 3;
/// How far looks overlap: times are whole seconds, and changes can be seen a moment late.
const OVERLAP: TimeDelta = TimeDelta::seconds(15);
/// After this time without being shown by any list a job is looked for.
const STALE: Duration = Duration::from_mins(1);
/// How many jobs are asked for by id at one look. For more there are lists.
const BY_ID: usize = 5;

/// A job that has not ended as far as is known.
struct Watched {
    last: Option<JobInfo>,
    /// The time of the latest look that showed it.
    seen: Option<Instant>,
    since: Instant,
    /// How requests for it alone go.
    sight: Sight,
}

/// The jobs that are watched together.
pub(crate) struct JobBoard {
    client: Client,
    workspace: WorkspaceId,
    jobs: BTreeMap<JobId, Watched>,
    /// The pause before the next look; none before the first.
    pause: Option<Duration>,
    interval: Option<Duration>,
    /// Where the next look begins, by the server's clock.
    changed_since: Option<DateTime<Utc>>,
    /// How looks go, from the first one on.
    sight: Option<Sight>,
}

type Updates = Vec<(JobId, Update)>;

/// Which of the workspace's jobs a list shows.
#[derive(Clone, Copy)]
enum Listed<'a> {
    /// Those whose status changed since, the last change first.
    ChangedSince(DateTime<Utc>),
    /// Those created since, the first one first; an order that does not change.
    CreatedSince(DateTime<Utc>),
    /// Those that stand so, the last change first.
    InStatus(&'a JobStatus),
}

impl JobBoard {
    pub(crate) fn new(client: Client, workspace: WorkspaceId) -> Self {
        Self {
            client,
            workspace,
            jobs: BTreeMap::new(),
            pause: None,
            interval: None,
            changed_since: None,
            sight: None,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn add(&mut self, jobs: Vec<JobId>) {
        let since = self.client.clock().now();
        for job in jobs {
            self.interval = None;
            self.jobs.entry(job).or_insert(Watched {
                last: None,
                seen: None,
                since,
                sight: Sight::new(since),
            });
        }
    }

    /// Waits for the time of the next look, looks, and tells what is new. Jobs that have ended leave the board.
    pub(crate) async fn look(&mut self, policy: PollingPolicy) -> Updates {
        if let Some(pause) = self.pause {
            let now = self.client.clock().now();
            let left =
                self.deadline(policy).map_or(pause, |deadline| deadline.saturating_duration_since(now));
            self.client.clock().sleep(pause.min(left)).await;
        }
        let interval = self.interval.map_or(policy.interval, |interval| policy.grown(interval));
        self.interval = Some(interval);
        self.pause = Some(interval);
        let mut updates = Updates::new();
        let now = self.client.clock().now();
        match self.read_lists(now, policy, &mut updates).await {
            Ok(()) => {
                self.sight = Some(Sight::new(now));
                self.ask_for(self.stale(now), now, policy, &mut updates).await;
            }
            Err(error) => self.look_failed(&error, now, policy, &mut updates),
        }
        self.stop_late(policy, &mut updates);
        updates
    }

    /// The time by which the first of the jobs has to have ended.
    fn deadline(&self, policy: PollingPolicy) -> Option<Instant> {
        let first = self.jobs.values().map(|job| job.since).min()?;
        first.checked_add(policy.timeout?)
    }

    async fn read_lists(&mut self, now: Instant, policy: PollingPolicy, updates: &mut Updates) -> Result<()> {
        if let Some(since) = self.changed_since {
            // The next look begins where the first answer of this one ends: what changes meanwhile is later.
            let newest =
                self.read_list(Listed::ChangedSince(since), self.jobs.len(), now, policy, updates).await?;
            self.changed_since = self.changed_since.max(newest.map(|newest| newest - OVERLAP));
        }
        let new: Vec<_> = self.jobs.iter().filter(|(_, job)| job.seen.is_none()).map(|(id, _)| *id).collect();
        if new.len() > BY_ID {
            // The oldest one tells where the list of all of them begins.
            let oldest = self.ask_for(vec![new[0]], now, policy, updates).await;
            if let Some(since) = oldest.map(|created| created - OVERLAP) {
                self.read_list(Listed::CreatedSince(since), new.len(), now, policy, updates).await?;
            }
        }
        let stale = self.stale(now);
        if stale.len() > BY_ID {
            let status = |id| Some(self.jobs.get(id)?.last.as_ref()?.status.clone());
            let mut by_status: Vec<(JobStatus, usize)> = Vec::new();
            for status in stale.iter().filter_map(status) {
                match by_status.iter_mut().find(|(known, _)| *known == status) {
                    Some((_, count)) => *count += 1,
                    None => by_status.push((status, 1)),
                }
            }
            // The server refuses words that it does not know, and it may have forgotten one.
            by_status.retain(|(status, _)| JobStatus::KNOWN.contains(status));
            for (status, count) in by_status {
                self.read_list(Listed::InStatus(&status), count, now, policy, updates).await?;
            }
        }
        Ok(())
    }

    /// Reads a list that should show `wanted` of the jobs, until it ends or has shown all of them. Returns when
    /// the latest change on its first page was.
    async fn read_list(
        &mut self,
        listed: Listed<'_>,
        wanted: usize,
        now: Instant,
        policy: PollingPolicy,
        updates: &mut Updates,
    ) -> Result<Option<DateTime<Utc>>> {
        let deadline = self.deadline(policy);
        let (mut offset, mut newest) = (0, None);
        for number in 0..wanted.div_ceil(PAGE.unsigned_abs() as usize) + MORE_PAGES {
            let page = self.page(listed, offset, deadline).await?;
            if number == 0 {
                newest = page.iter().map(changed_at).max();
            }
            let rows = i32::try_from(page.len()).unwrap_or(PAGE);
            for info in page {
                self.saw(info, now, updates);
            }
            offset += rows;
            if rows < PAGE || self.jobs.values().all(|job| job.seen == Some(now)) {
                break;
            }
        }
        Ok(newest)
    }

    /// A page of a list of the workspace's jobs (operation `listJobs`).
    async fn page(&self, listed: Listed<'_>, offset: i32, deadline: Option<Instant>) -> Result<Vec<JobInfo>> {
        let workspace = self.workspace;
        let operation = Operation::read("listJobs")
            .of("workspace", workspace)
            .policy(RetryPolicy::none())
            .deadline(deadline);
        let call = self.client.path().run(operation, |attempt| async move {
            let api = attempt.public();
            let list = api.list_jobs().workspace_ids(vec![workspace.into()]).limit(PAGE).offset(offset);
            let list = match listed {
                Listed::ChangedSince(since) => list.updated_at_start(since).order_by("updatedAt|DESC"),
                Listed::CreatedSince(since) => list.created_at_start(since).order_by("createdAt|ASC"),
                Listed::InStatus(status) => {
                    list.status(types::JobStatusEnum::from(status.as_str())).order_by("updatedAt|DESC")
                }
            };
            list.send().await
        });
        call.await?.data.into_iter().map(JobInfo::try_from).collect()
    }

    /// The jobs that were not shown for a while, those first that nothing is known about.
    fn stale(&self, now: Instant) -> Vec<JobId> {
        let is_stale =
            |job: &Watched| job.seen.is_none_or(|seen| now.saturating_duration_since(seen) >= STALE);
        let stale = self.jobs.iter().filter(|(_, job)| is_stale(job));
        let mut stale: Vec<_> = stale.map(|(id, job)| (job.seen, *id)).collect();
        stale.sort_unstable();
        stale.into_iter().map(|(_, id)| id).collect()
    }

    /// Asks for the first few of these jobs, each by its id (operation `getJob`). Returns when the oldest of those
    /// that answered was created.
    async fn ask_for(
        &mut self,
        jobs: Vec<JobId>,
        now: Instant,
        policy: PollingPolicy,
        updates: &mut Updates,
    ) -> Option<DateTime<Utc>> {
        let deadline = self.deadline(policy);
        let asked = jobs.into_iter().take(BY_ID).map(|id| {
            let job = self.client.job(id);
            async move {
                let operation = Operation::read("getJob").policy(RetryPolicy::none()).deadline(deadline);
                (id, job.fetch(operation).await)
            }
        });
        let mut oldest: Option<DateTime<Utc>> = None;
        for (id, answer) in futures::future::join_all(asked).await {
            match answer {
                Ok(info) => {
                    oldest = Some(oldest.map_or(info.started_at, |oldest| oldest.min(info.started_at)));
                    self.changed_since.get_or_insert(changed_at(&info) - OVERLAP);
                    self.saw(info, now, updates);
                }
                Err(error) => self.job_failed(id, error, policy, updates),
            }
        }
        oldest
    }

    /// Takes over what an answer says about a job, if that is one of the watched.
    fn saw(&mut self, info: JobInfo, now: Instant, updates: &mut Updates) {
        let id = info.job_id;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if info.status.is_final() {
            self.jobs.remove(&id);
            updates.push((id, Update::Done(info)));
            return;
        }
        (job.seen, job.sight) = (Some(now), Sight::new(now));
        if job.last.as_ref() != Some(&info) {
            job.last = Some(info.clone());
            let progress = JobProgress::new(info, now.saturating_duration_since(job.since));
            updates.push((id, Update::InProgress(progress)));
        }
    }

    /// What a failed request for one job means.
    fn job_failed(&mut self, id: JobId, error: Error, policy: PollingPolicy, updates: &mut Updates) {
        let now = self.client.clock().now();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.sight.failed += 1;
        let update = if is_hopeless(&error, job.sight.failed) {
            Update::Stopped(error.with_job_id(id))
        } else if job.sight.is_lost(policy, now) {
            Update::Stopped(job.sight.lost(id, &error, now))
        } else {
            self.pause = self.pause.max(Some(job.sight.asked_pause(&error, policy, now)));
            Update::PollFailed(error)
        };
        if matches!(update, Update::Stopped(_)) {
            self.jobs.remove(&id);
        }
        updates.push((id, update));
    }

    /// What a failed look means, for all jobs.
    fn look_failed(&mut self, error: &Error, begun: Instant, policy: PollingPolicy, updates: &mut Updates) {
        let now = self.client.clock().now();
        let sight = self.sight.get_or_insert(Sight::new(begun));
        sight.failed += 1;
        let sight = *sight;
        let hopeless = is_hopeless(error, sight.failed);
        if hopeless || sight.is_lost(policy, now) {
            let stopped = std::mem::take(&mut self.jobs).into_keys().map(|id| {
                let error = if hopeless { error.clone().with_job_id(id) } else { sight.lost(id, error, now) };
                (id, Update::Stopped(error))
            });
            updates.extend(stopped);
        } else {
            self.pause = self.pause.max(Some(sight.asked_pause(error, policy, now)));
            updates.extend(self.jobs.keys().map(|id| (*id, Update::PollFailed(error.clone()))));
        }
    }

    /// Gives up the jobs whose time is over.
    fn stop_late(&mut self, policy: PollingPolicy, updates: &mut Updates) {
        let Some(timeout) = policy.timeout else { return };
        let now = self.client.clock().now();
        let is_late = |job: &Watched| now.saturating_duration_since(job.since) >= timeout;
        let (late, left) = std::mem::take(&mut self.jobs).into_iter().partition(|(_, job)| is_late(job));
        self.jobs = left;
        let late: BTreeMap<JobId, Watched> = late;
        updates.extend(late.into_iter().map(|(id, job)| {
            let waited = now.saturating_duration_since(job.since);
            (id, Update::Stopped(not_ended(id, waited, job.last)))
        }));
    }
}

/// When a job's status last changed, by the server's clock.
fn changed_at(info: &JobInfo) -> DateTime<Utc> {
    let counted = info
        .duration
        .and_then(|duration| info.started_at.checked_add_signed(TimeDelta::from_std(duration).ok()?));
    info.last_updated_at.or(counted).unwrap_or(info.started_at)
}

impl fmt::Debug for JobBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobBoard")
            .field("workspace", &self.workspace)
            .field("jobs", &self.jobs.keys())
            .finish_non_exhaustive()
    }
}
