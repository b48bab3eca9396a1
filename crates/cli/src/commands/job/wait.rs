//! Waiting for jobs, whoever has started them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airbyte_cloud::{
    Client, Error, ErrorKind, Failure as Reason, Job, JobId, JobInfo, JobStatus, PollingPolicy, WorkspaceId,
};
use clap::Args;

use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::progress::{Board, View};

/// How long to wait, and what then.
#[derive(Args, Clone, Debug)]
pub(crate) struct WaitArgs {
    /// Wait so long at the most, such as 90s, 30m or 2h; the job goes on [default: until it ends]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Give up after so long without one answer about the job; it goes on [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) give_up_after: Option<Duration>,
    /// Cancel the job on Ctrl-C
    #[arg(long)]
    pub(crate) cancel_on_interrupt: bool,
}

/// A wait that did not end with a job that succeeded.
pub(crate) struct Waited {
    /// The job, if it is known how it ended.
    pub(crate) info: Option<JobInfo>,
    pub(crate) failures: Vec<Reason>,
    pub(crate) failure: Failure,
}

impl From<Error> for Box<Waited> {
    fn from(error: Error) -> Self {
        let ended = matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCancelled);
        let (info, failures) = (error.job().cloned().filter(|_| ended), error.failures().to_vec());
        let goes_on = error.job_id().filter(|_| !ended);
        let mut failure = Failure::from(error);
        // Other failures have hints of their own.
        if let Some(id) = goes_on.filter(|_| failure.exit_code() == exit::NETWORK) {
            failure = failure.of_running(id);
        }
        Self::new(Waited { info, failures, failure })
    }
}

impl From<Failure> for Box<Waited> {
    fn from(failure: Failure) -> Self {
        Self::new(Waited { info: None, failures: Vec::new(), failure })
    }
}

/// Waits for a job and shows how it goes. Ctrl-C ends the wait, and the job too if that is asked for.
pub(crate) async fn wait_for(job: &Job, context: &Context, args: &WaitArgs) -> Result<JobInfo, Box<Waited>> {
    let output = context.output();
    let view = View::new(output, &format!("job {}", job.id()));
    // The log costs requests, so it is read only where somebody looks at it.
    let mut poller = job.wait().logs(view.is_live());
    if let Some(patience) = args.give_up_after {
        poller = poller.patience(patience);
    }
    if let Some(timeout) = args.timeout {
        poller = poller.timeout(timeout);
    }
    let view = Arc::new(Mutex::new(view));
    let shown = view.clone();
    poller = poller.on_update(move |update| {
        if let Ok(mut view) = shown.lock() {
            view.update(update);
        }
    });
    let outcome = unless_interrupted(IntoFuture::into_future(poller)).await;
    if let Ok(mut view) = view.lock() {
        view.finish();
    }
    match outcome {
        Some(outcome) => outcome.map_err(Box::from),
        None => Err(interrupted(std::slice::from_ref(job), args).await.into()),
    }
}

/// The same for many jobs of a workspace, through lists; each has its outcome, in the order of `jobs`.
pub(crate) async fn wait_for_all(
    client: &Client,
    workspace: WorkspaceId,
    jobs: &[(JobId, String)],
    context: &Context,
    args: &WaitArgs,
) -> Vec<Result<JobInfo, Box<Waited>>> {
    let mut watcher = client
        .watch_jobs(workspace, jobs.iter().map(|(id, _)| *id))
        .policy(PollingPolicy::default().longest_interval(Duration::from_secs(5)));
    if let Some(patience) = args.give_up_after {
        watcher = watcher.patience(patience);
    }
    if let Some(timeout) = args.timeout {
        watcher = watcher.timeout(timeout);
    }
    let board = Arc::new(Mutex::new(Board::new(context.output(), jobs)));
    let shown = board.clone();
    watcher = watcher.on_update(move |job, update| {
        if let Ok(mut board) = shown.lock() {
            board.update(job, update);
        }
    });
    let outcomes = unless_interrupted(IntoFuture::into_future(watcher)).await;
    let open = board.lock().map(|mut board| board.finish()).unwrap_or_default();
    if let Some(mut outcomes) = outcomes {
        let lost = |id: &JobId| Failure::new(Kind::NotFound, format!("job {id} was lost sight of"));
        let outcome = |id: &JobId| match outcomes.remove(id) {
            Some(outcome) => outcome.map_err(Box::from),
            None => Err(lost(id).into()),
        };
        return jobs.iter().map(|(id, _)| id).map(outcome).collect();
    }
    let left: Vec<Job> = open.iter().map(|id| client.job(*id)).collect();
    let failure = interrupted(&left, args).await;
    // Those that have ended have their outcome all the same.
    let mut infos: BTreeMap<JobId, JobInfo> = BTreeMap::new();
    for (id, _) in jobs.iter().filter(|(id, _)| !open.contains(id)) {
        if let Some(Ok(info)) = unless_interrupted(client.job(*id).info()).await {
            infos.insert(*id, info);
        }
    }
    let outcome = |id: &JobId| match infos.remove(id) {
        Some(info) if info.status.is_success() => Ok(info),
        info => Err(Box::new(Waited { info, failures: Vec::new(), failure: failure.clone() })),
    };
    jobs.iter().map(|(id, _)| id).map(outcome).collect()
}

/// What Ctrl-C means for jobs that go on. A second one leaves open what became of the first.
pub(crate) async fn interrupted(jobs: &[Job], args: &WaitArgs) -> Failure {
    let ids = jobs.iter().map(|job| job.id().to_string()).collect::<Vec<_>>().join(" ");
    let what = if jobs.len() == 1 { format!("job {ids}") } else { format!("jobs {ids}") };
    let failure = |message: String| {
        let failure = Failure::new(Kind::Interrupted, message);
        match jobs {
            [only] => failure.with_job(only.id().get()),
            _ => failure,
        }
    };
    if jobs.is_empty() {
        return failure("interrupted; all jobs have ended".to_owned());
    }
    if !args.cancel_on_interrupt {
        let goes = if jobs.len() == 1 { "goes" } else { "go" };
        return failure(format!("interrupted; {what} {goes} on"))
            .with_hint(format!("wait with `airbyte job wait {ids}`"));
    }
    let look = format!("see how it goes with `airbyte job get {}`", jobs[0].id());
    let cancelling = futures::future::join_all(jobs.iter().map(Job::cancel));
    match unless_interrupted(cancelling).await {
        None => failure(format!("interrupted twice; whether {what} will be cancelled is not known"))
            .with_hint(look),
        Some(outcomes) => match outcomes.into_iter().collect::<Result<Vec<_>, _>>() {
            // One may have ended by itself meanwhile.
            Ok(infos) => {
                match infos.iter().filter(|info| info.status != JobStatus::Cancelled).collect::<Vec<_>>()[..]
                {
                    [] => failure(format!("interrupted; {what} cancelled")),
                    [info, ..] => failure(format!(
                        "interrupted; {what} cancelled, except that job {} is {}",
                        info.job_id, info.status
                    ))
                    .with_hint(look),
                }
            }
            Err(error) => {
                failure(format!("interrupted; {what} could not be cancelled: {error}")).with_hint(look)
            }
        },
    }
}
