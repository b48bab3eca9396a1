//! What runs on connections: syncs, clearings, refreshes.

use airbyte_cloud::{
    Client, ConnectionId, IfRunning, Job, JobId, RefreshMode, Result as CloudResult, StreamId, SyncResult,
    WorkspaceId,
};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use super::streams;
use crate::change::{Confirm, DryRun, Plan};
use crate::commands::job::{JobObject, WaitArgs, interrupted, wait_for, wait_for_all};
use crate::context::Context;
use crate::error::{ErrorObject, Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::names;
use crate::output::{Table, count};

#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    /// The connections, by name or id
    #[arg(required = true, value_name = "CONNECTION")]
    names: Vec<String>,
    /// What to do where a sync runs already
    #[arg(long, value_enum, default_value = "attach", value_name = "POLICY")]
    if_running: Policy,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    dry: DryRun,
}

#[derive(Args, Debug)]
pub(crate) struct ClearArgs {
    /// The connection, by name or id
    name: String,
    /// Only this stream [default: all]
    #[arg(long = "stream", value_name = "STREAM")]
    streams: Vec<String>,
    /// Cancel a job that runs on it
    #[arg(long)]
    cancel_running: bool,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    confirm: Confirm,
}

#[derive(Args, Debug)]
pub(crate) struct RefreshArgs {
    /// The connection, by name or id
    name: String,
    /// Only this stream [default: all]
    #[arg(long = "stream", value_name = "STREAM")]
    streams: Vec<String>,
    /// Take the rows away that are there, once the new ones are [default: merge them]; this asks first
    #[arg(long)]
    truncate: bool,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    confirm: Confirm,
}

#[derive(Args, Debug)]
pub(crate) struct CancelArgs {
    /// The connection, by name or id
    name: String,
    #[command(flatten)]
    confirm: Confirm,
}

/// Whether to stay until the end.
#[derive(Args, Debug)]
pub(crate) struct FollowArgs {
    /// Wait until the jobs have ended, and fail if one does
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    waiting: WaitArgs,
}

impl FollowArgs {
    fn check(&self) -> Result<(), Failure> {
        let WaitArgs { timeout, give_up_after, cancel_on_interrupt } = self.waiting;
        if !self.wait && (timeout.is_some() || give_up_after.is_some() || cancel_on_interrupt) {
            let options = "--timeout, --give-up-after and --cancel-on-interrupt";
            return Err(Failure::usage(format!("{options} are for waiting")).with_hint("add --wait"));
        }
        Ok(())
    }
}

/// What to do where a sync runs already.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// Take the running one for the one that was asked for
    Attach,
    /// Fail, with exit code 6
    Fail,
    /// Wait for its end, then start another
    Wait,
}

impl From<Policy> for IfRunning {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Attach => Self::Attach,
            Policy::Fail => Self::Fail,
            Policy::Wait => Self::WaitThenStart,
        }
    }
}

/// What became of one connection.
struct Outcome {
    connection: ConnectionId,
    /// Its name, where it had to be asked for.
    name: Option<String>,
    started: Option<SyncResult>,
    job: Option<JobObject>,
    failure: Option<Failure>,
}

pub(crate) async fn sync(args: SyncArgs, context: &Context) -> Result<u8, Failure> {
    args.follow.check()?;
    let client = context.client()?;
    // All of them are looked for before the first is started.
    let connections = names::connections(context, &client, &args.names).await?;
    let mut plan = Plan::new("sync", if connections.len() == 1 { "connection" } else { "connections" });
    for id in &connections {
        plan = plan.effect(format!("connection {id}"));
    }
    if !context.goes_on(args.dry, &plan)? {
        return Ok(exit::OK);
    }
    let policy = args.if_running.into();
    let starting = connections.iter().map(|id| async {
        let starting = client.connection(*id).sync().if_running(policy);
        begun(*id, IntoFuture::into_future(starting), context).await
    });
    let outcomes = futures::future::join_all(starting).await;
    finish(&client, outcomes, &args.follow, context).await
}

pub(crate) async fn clear(args: ClearArgs, verb: &'static str, context: &Context) -> Result<u8, Failure> {
    args.follow.check()?;
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    let info = connection.info().await?;
    let synced = streams::synced(&info);
    let wanted = args.streams.iter().map(|text| streams::one_of(text, &synced));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let which = told(if wanted.is_empty() { &synced } else { &wanted });
    let plan = Plan::new(verb, "connection")
        .id(info.connection_id)
        .name(&info.name)
        .effect(format!("the destination's rows go, of streams: {which}"));
    let plan =
        if args.cancel_running { plan.effect("a job that runs on it is cancelled first") } else { plan };
    if !context.confirms(args.confirm, &plan)? {
        return Ok(exit::OK);
    }
    let mut request = if verb == "reset" { connection.reset() } else { connection.clear() };
    if !wanted.is_empty() {
        request = request.streams(wanted);
    }
    if args.cancel_running {
        request = request.cancel_running();
    }
    let outcome = begun(connection.id(), IntoFuture::into_future(request), context).await;
    finish(&client, vec![outcome], &args.follow, context).await
}

pub(crate) async fn refresh(args: RefreshArgs, context: &Context) -> Result<u8, Failure> {
    args.follow.check()?;
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    let (mode, what) = if args.truncate {
        (RefreshMode::Truncate, "the rows that are there go, once the new ones are")
    } else {
        (RefreshMode::Merge, "the rows that are there stay, and are merged with the new ones")
    };
    let wanted = if args.streams.is_empty() {
        Vec::new()
    } else {
        let synced = streams::synced(&connection.info().await?);
        args.streams.iter().map(|text| streams::one_of(text, &synced)).collect::<Result<Vec<_>, _>>()?
    };
    let which = if wanted.is_empty() { "all".to_owned() } else { told(&wanted) };
    let plan = Plan::new("refresh", "connection")
        .id(connection.id())
        .effect(format!("streams: {which}"))
        .effect(what);
    // Rows that the source no longer has are lost.
    let goes_on = if args.truncate {
        context.confirms(args.confirm, &plan)?
    } else {
        context.goes_on(args.confirm.dry, &plan)?
    };
    if !goes_on {
        return Ok(exit::OK);
    }
    let mut request = connection.refresh(mode);
    if !wanted.is_empty() {
        request = request.streams(wanted);
    }
    let outcome = begun(connection.id(), IntoFuture::into_future(request), context).await;
    finish(&client, vec![outcome], &args.follow, context).await
}

fn told(streams: &[StreamId]) -> String {
    streams.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn cancel(args: CancelArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    let plan = Plan::new("cancel", "job")
        .effect(format!("of connection {}: what it has not moved yet is not moved", connection.id()));
    if !context.confirms(args.confirm, &plan)? {
        return Ok(());
    }
    let Some(info) = connection.cancel_running().await? else {
        return Err(Failure::new(Kind::Library("conflict", exit::CONFLICT), "no job runs on the connection")
            .with_hint(format!("see `airbyte connection history {}`", connection.id())));
    };
    let url = connection.history_url().await.unwrap_or_default();
    context.output().show(&JobObject::long(&info, url, &[]))
}

/// Starts a job; Ctrl-C meanwhile leaves open whether it has started.
async fn begun(
    connection: ConnectionId,
    starting: impl Future<Output = CloudResult<SyncResult>>,
    context: &Context,
) -> Outcome {
    let failed =
        |failure| Outcome { connection, name: None, started: None, job: None, failure: Some(failure) };
    match unless_interrupted(starting).await {
        Some(Ok(started)) => {
            if started.attached() {
                context.output().note(&format!("job {} was running already; this is it", started.job_id()));
            }
            Outcome { connection, name: None, started: Some(started), job: None, failure: None }
        }
        Some(Err(error)) => failed(error.into()),
        None => failed(
            Failure::new(
                Kind::Interrupted,
                "interrupted while the job was being started; it may have started",
            )
            .with_hint(format!("look with `airbyte job list --connection {connection}`")),
        ),
    }
}

/// Waits for what was started, if that is wanted, and reports all.
async fn finish(
    client: &Client,
    mut outcomes: Vec<Outcome>,
    follow: &FollowArgs,
    context: &Context,
) -> Result<u8, Failure> {
    if follow.wait {
        let interrupted = outcomes.iter().filter_map(|it| it.failure.as_ref()).any(Failure::is_interruption);
        if interrupted {
            leave(&mut outcomes, &follow.waiting).await;
        } else {
            wait(client, &mut outcomes, &follow.waiting, context).await;
        }
    } else {
        for outcome in &mut outcomes {
            let info = outcome.started.as_ref().map(|started| started.info().clone());
            outcome.job = described(outcome, info).await;
        }
    }
    let code = report(&outcomes, context)?;
    let started: Vec<String> =
        outcomes.iter().filter_map(|it| Some(it.started.as_ref()?.job_id().to_string())).collect();
    if !follow.wait && !started.is_empty() {
        context.output().note(&format!("wait for the end with `airbyte job wait {}`", started.join(" ")));
    }
    Ok(code)
}

/// What Ctrl-C while some jobs were being started means for those that had started by then.
async fn leave(outcomes: &mut [Outcome], args: &WaitArgs) {
    let started = outcomes.iter().filter_map(|outcome| outcome.started.as_ref());
    let jobs: Vec<Job> = started.map(SyncResult::job).collect();
    if jobs.is_empty() {
        return;
    }
    let failure = interrupted(&jobs, args).await;
    for outcome in outcomes {
        if let Some(started) = &outcome.started {
            let latest = unless_interrupted(IntoFuture::into_future(started.job().info())).await;
            let info = latest.and_then(Result::ok).unwrap_or_else(|| started.info().clone());
            outcome.job = described(outcome, Some(info)).await;
            outcome.failure = Some(failure.clone());
        }
    }
}

async fn wait(client: &Client, outcomes: &mut [Outcome], args: &WaitArgs, context: &Context) {
    let mut begun: Vec<&mut Outcome> = outcomes.iter_mut().filter(|it| it.started.is_some()).collect();
    let jobs: Vec<SyncResult> = begun.iter().filter_map(|it| it.started.clone()).collect();
    let ended = match jobs.as_slice() {
        [] => return,
        [only] => vec![wait_for(&only.job(), context, args).await],
        several => {
            let infos = several.iter().map(|it| async { client.connection(it.connection_id()).info().await });
            let infos = match futures::future::try_join_all(infos).await {
                Ok(infos) => infos,
                Err(error) => {
                    let failure = Failure::from(error);
                    for (outcome, job) in begun.iter_mut().zip(several) {
                        outcome.failure = Some(failure.clone().of_running(job.job_id()));
                    }
                    return;
                }
            };
            let workspace: WorkspaceId = infos[0].workspace_id;
            for (outcome, info) in begun.iter_mut().zip(&infos) {
                outcome.name = Some(info.name.clone());
            }
            let labelled: Vec<(JobId, String)> =
                several.iter().zip(infos).map(|(job, info)| (job.job_id(), info.name)).collect();
            wait_for_all(client, workspace, &labelled, context, args).await
        }
    };
    for (outcome, ended) in begun.iter_mut().zip(ended) {
        let info = match ended {
            Ok(info) => Some(info),
            Err(waited) => {
                outcome.failure = Some(waited.failure);
                waited.info
            }
        };
        outcome.job = described(outcome, info).await;
    }
}

async fn described(outcome: &Outcome, info: Option<airbyte_cloud::JobInfo>) -> Option<JobObject> {
    let (started, info) = (outcome.started.as_ref()?, info?);
    // A link is a help, and no reason to fail.
    let url = started.url().await.unwrap_or_default();
    Some(JobObject::short(&info, started.attached(), url))
}

fn report(outcomes: &[Outcome], context: &Context) -> Result<u8, Failure> {
    let output = context.output();
    if let [Outcome { job, failure, .. }] = outcomes {
        let shown = job.as_ref().map_or(Ok(()), |object| output.show(object));
        // Of a failed job the exit code tells also if nobody reads the output.
        return match failure {
            Some(failure) => Err(failure.clone()),
            None => shown.map(|()| exit::OK),
        };
    }
    let objects = outcomes.iter().map(as_object).collect::<Result<Vec<_>, _>>()?;
    let shown = output.list(&objects, || {
        let named = outcomes.iter().any(|outcome| outcome.name.is_some());
        let mut table = Table::new(if named {
            &["job", "status", "records", "connection", "connection id"]
        } else {
            &["job", "status", "records", "connection id"]
        });
        for outcome in outcomes {
            let started = outcome.started.as_ref();
            let status = match (&outcome.job, started) {
                (Some(job), _) => job.status.clone(),
                (None, Some(_)) => "goes on".to_owned(),
                (None, None) => "not started".to_owned(),
            };
            let mut cells = vec![
                started.map_or_else(|| "-".to_owned(), |it| it.job_id().to_string()),
                status,
                count(outcome.job.as_ref().and_then(|job| job.records_synced)),
            ];
            if named {
                cells.push(outcome.name.clone().unwrap_or_else(|| "-".to_owned()));
            }
            cells.push(outcome.connection.to_string());
            table.row(cells);
        }
        table.to_string()
    });
    let mut failures: Vec<&Failure> =
        outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()).collect();
    failures.dedup_by(|a, b| a.message == b.message);
    for failure in &failures {
        output.report(failure);
    }
    failures.first().map_or(shown.map(|()| exit::OK), |failure| Ok(failure.exit_code()))
}

fn as_object(outcome: &Outcome) -> Result<Value, Failure> {
    #[derive(Serialize)]
    struct Failed<'a> {
        connection_id: String,
        error: ErrorObject<'a>,
    }
    let mut object = match &outcome.job {
        Some(job) => serde_json::to_value(job)?,
        None => json!({}),
    };
    if let Some(failure) = &outcome.failure {
        let failed = Failed { connection_id: outcome.connection.to_string(), error: failure.object() };
        if let (Value::Object(object), Value::Object(failed)) = (&mut object, serde_json::to_value(failed)?) {
            object.extend(failed);
        }
    }
    Ok(object)
}
