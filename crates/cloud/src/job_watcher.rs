//! Waiting for many jobs at once.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{Stream, StreamExt, stream};

use crate::client::Client;
use crate::error::Result;
use crate::ids::{JobId, WorkspaceId};
use crate::job::JobInfo;
use crate::job_board::JobBoard;
use crate::poller::{PollingPolicy, Update};
use crate::watch::judge;

/// How many failed jobs are asked for their reasons at once.
const AT_ONCE: usize = 4;

type OnUpdate = dyn FnMut(JobId, &Update) + Send;
type Look = BoxFuture<'static, (JobBoard, Vec<(JobId, Update)>)>;

/// Waits for many jobs of a workspace to end; made by [`Client::watch_jobs`].
///
/// It does not ask for each job. One list of what changed lately (operation `listJobs`) tells about all of them,
/// so a look at a thousand jobs takes between one and about ten requests.
///
/// `.await` gives the outcome of every job: the job if it succeeded, and an error like that of a
/// [`Poller`](crate::Poller) if it did not. As a [`Stream`] it tells an [`Update`] whenever a job was seen to have
/// changed, how far it is about once a minute, and ends when no job is left. Jobs can be [added](Self::add) at any time.
///
/// ```no_run
/// # async fn example(workspace: airbyte_cloud::Workspace, jobs: Vec<airbyte_cloud::JobId>) -> airbyte_cloud::Result<()> {
/// use airbyte_cloud::Update;
/// use futures::StreamExt;
///
/// let mut watcher = workspace.client().watch_jobs(workspace.id(), jobs);
/// while let Some((job, update)) = watcher.next().await {
///     match update {
///         Update::Done(info) => println!("job {job} {}", info.status),
///         Update::Stopped(error) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// A job that the workspace's list does not show, because it belongs to another workspace for instance, is asked
/// for by its id now and then. While looks fail, every job is told so with [`Update::PollFailed`].
#[must_use = "waiting does not begin until it is awaited or polled"]
pub struct JobWatcher {
    policy: PollingPolicy,
    /// Absent while a look is on its way.
    board: Option<JobBoard>,
    look: Option<Look>,
    added: Vec<JobId>,
    ready: VecDeque<(JobId, Update)>,
    on_update: Option<Box<OnUpdate>>,
}

impl Client {
    /// Waits for jobs of a workspace; see [`JobWatcher`].
    pub fn watch_jobs(&self, workspace: WorkspaceId, jobs: impl IntoIterator<Item = JobId>) -> JobWatcher {
        JobWatcher {
            policy: self.polling(),
            board: Some(JobBoard::new(self.clone(), workspace)),
            look: None,
            added: jobs.into_iter().collect(),
            ready: VecDeque::new(),
            on_update: None,
        }
    }
}

impl JobWatcher {
    /// Replaces the client's policy.
    pub fn policy(mut self, policy: PollingPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The pause between the first two looks. It grows as that of a [`Poller`](crate::Poller), and begins anew
    /// when jobs are added.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.policy = self.policy.interval(interval);
        self
    }

    /// How long to wait for each job, from the first look after it was added. The jobs go on afterwards.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy = self.policy.timeout(timeout);
        self
    }

    /// How long looks may fail, without one between them that succeeds, before a job is given up; see
    /// [`PollingPolicy::patience`].
    pub fn patience(mut self, patience: Duration) -> Self {
        self.policy = self.policy.patience(patience);
        self
    }

    /// Calls this with each update while the outcomes are awaited.
    pub fn on_update(mut self, call: impl FnMut(JobId, &Update) + Send + 'static) -> Self {
        self.on_update = Some(Box::new(call));
        self
    }

    /// Waits for another job, too, from the next look on. A job that is waited for already is not told twice. As a
    /// stream this can be used even after its end, which then was none.
    pub fn add(&mut self, job: JobId) {
        self.added.push(job);
    }

    async fn outcomes(mut self) -> BTreeMap<JobId, Result<JobInfo>> {
        let mut ended = Vec::new();
        while let Some((id, update)) = self.next().await {
            if let Some(call) = &mut self.on_update {
                call(id, &update);
            }
            match update {
                Update::Done(info) => ended.push((id, Ok(info))),
                Update::Stopped(error) => ended.push((id, Err(error))),
                _ => {}
            }
        }
        let Some(board) = &self.board else { return ended.into_iter().collect() };
        let judged = stream::iter(ended).map(|(id, outcome)| async move {
            match outcome {
                Ok(info) => (id, judge(&board.client().job(id), info, Some(board.workspace())).await),
                Err(error) => (id, Err(error)),
            }
        });
        judged.buffer_unordered(AT_ONCE).collect().await
    }
}

impl Stream for JobWatcher {
    type Item = (JobId, Update);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Poll::Ready(Some(update));
            }
            if let Some(look) = &mut self.look {
                let (board, updates) = ready!(look.as_mut().poll(context));
                self.look = None;
                self.board = Some(board);
                self.ready.extend(updates);
                continue;
            }
            let added = std::mem::take(&mut self.added);
            let policy = self.policy;
            let Some(mut board) = self.board.take() else { return Poll::Ready(None) };
            board.add(added);
            if board.is_empty() {
                self.board = Some(board);
                return Poll::Ready(None);
            }
            self.look = Some(Box::pin(async move {
                let updates = board.look(policy).await;
                (board, updates)
            }));
        }
    }
}

impl IntoFuture for JobWatcher {
    type Output = BTreeMap<JobId, Result<JobInfo>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.outcomes())
    }
}

impl fmt::Debug for JobWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobWatcher")
            .field("board", &self.board)
            .field("added", &self.added)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
