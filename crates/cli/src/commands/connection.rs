//! Connections, and their syncs.

use airbyte_cloud::{Client, ConnectionId, ConnectionInfo, IfRunning, ScheduleInfo};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use super::job::{JobObject, WaitArgs, Waited, sync_object, wait_for};
use super::objects::NamedListArgs;
use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::output::{Table, ago};

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// All connections of the workspace
    ///
    /// Example: airbyte connection list --output jsonl
    List(NamedListArgs),
    /// One connection
    ///
    /// Example: airbyte connection get 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59
    Get {
        /// Its id
        id: String,
    },
    /// Start a sync, exactly once
    ///
    /// Example: airbyte connection sync 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59 --wait --timeout 30m
    Sync(SyncArgs),
}

#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    /// The connections' ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Wait until the syncs have ended, and fail if one does
    #[arg(long)]
    wait: bool,
    /// What to do where a sync runs already
    #[arg(long, value_enum, default_value = "attach", value_name = "POLICY")]
    if_running: Policy,
    #[command(flatten)]
    waiting: WaitArgs,
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

pub(crate) async fn run(command: ConnectionCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        ConnectionCommand::List(args) => list(args, context).await,
        ConnectionCommand::Get { id } => get(&id, context).await,
        ConnectionCommand::Sync(args) => sync(args, context).await,
    }
}

async fn list(args: NamedListArgs, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let mut list = client.default_workspace()?.connections();
    if let Some(name) = args.name {
        list = list.name(name);
    }
    if let Some(limit) = args.limit {
        list = list.limit(limit);
    }
    let connections = list.await?;
    context.output().list(&connections, || {
        let mut table = Table::new(&["name", "status", "schedule", "streams", "connection id"]);
        for one in &connections {
            table.row([
                one.name.clone(),
                one.status.to_string(),
                schedule(one),
                one.streams.len().to_string(),
                one.connection_id.to_string(),
            ]);
        }
        table.to_string()
    })?;
    Ok(exit::OK)
}

async fn get(id: &str, context: &Context) -> Result<u8, Failure> {
    let id = id.parse()?;
    let client = context.client()?;
    let info = context.check_workspace(&client, id).await?;
    context.output().object(&info, || {
        let mut fields = vec![
            ("name", info.name.clone()),
            ("status", info.status.to_string()),
            ("schedule", schedule(&info)),
            ("connection id", info.connection_id.to_string()),
            ("source id", info.source_id.to_string()),
            ("destination id", info.destination_id.to_string()),
            ("workspace id", info.workspace_id.to_string()),
        ];
        fields
            .extend(info.prefix.clone().filter(|prefix| !prefix.is_empty()).map(|prefix| ("prefix", prefix)));
        fields.extend(info.created_at.map(|time| ("created", ago(time, chrono::Utc::now()))));
        let mut streams = Table::new(&["stream", "namespace", "sync mode"]);
        for stream in &info.streams {
            streams.row([
                stream.name.clone(),
                stream.namespace.clone().unwrap_or_else(|| "-".to_owned()),
                stream.sync_mode.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            ]);
        }
        format!("{}\n{streams}", Table::of_fields(&fields))
    })?;
    Ok(exit::OK)
}

fn schedule(connection: &ConnectionInfo) -> String {
    match &connection.schedule {
        ScheduleInfo::Manual => "manual".to_owned(),
        ScheduleInfo::Cron { expression } => expression.clone(),
        ScheduleInfo::Basic { timing } => timing.clone().unwrap_or_else(|| "basic".to_owned()),
        _ => "-".to_owned(),
    }
}

/// What became of one connection.
struct Outcome {
    id: ConnectionId,
    job: Option<(JobObject, airbyte_cloud::JobInfo)>,
    failure: Option<Failure>,
}

async fn sync(args: SyncArgs, context: &Context) -> Result<u8, Failure> {
    let ids = args.ids.iter().map(|id| id.parse()).collect::<Result<Vec<ConnectionId>, _>>()?;
    if args.waiting.timeout.is_some() && !args.wait {
        return Err(Failure::usage("--timeout is for waiting").with_hint("add --wait"));
    }
    let client = context.client()?;
    // All of them are looked at before the first is started.
    for id in &ids {
        context.check_workspace(&client, *id).await?;
    }
    let outcomes = futures::future::join_all(ids.iter().map(|id| one(&client, *id, &args, context))).await;
    report(&outcomes, context)
}

async fn one(client: &Client, id: ConnectionId, args: &SyncArgs, context: &Context) -> Outcome {
    let failed = |failure| Outcome { id, job: None, failure: Some(failure) };
    let starting = client.connection(id).sync().if_running(args.if_running.into());
    let result = match unless_interrupted(IntoFuture::into_future(starting)).await {
        Some(Ok(result)) => result,
        Some(Err(error)) => return failed(error.into()),
        None => {
            let message = "interrupted while the sync was being started; it may have started";
            let hint = format!("look with `airbyte job list --connection {id}`");
            return failed(Failure::new(Kind::Interrupted, message).with_hint(hint));
        }
    };
    if result.attached() {
        context.output().note(&format!("job {} was running already; this is it", result.job_id()));
    }
    if !args.wait {
        let object = sync_object(&result, result.info()).await;
        return Outcome { id, job: Some((object, result.info().clone())), failure: None };
    }
    let (info, failure) = match wait_for(&result.job(), context, &args.waiting).await {
        Ok(info) => (Some(info), None),
        Err(Waited { info, failure, .. }) => (info, Some(failure)),
    };
    let job = match info {
        Some(info) => Some((sync_object(&result, &info).await, info)),
        None => None,
    };
    Outcome { id, job, failure }
}

fn report(outcomes: &[Outcome], context: &Context) -> Result<u8, Failure> {
    let output = context.output();
    if let [Outcome { job, failure, .. }] = outcomes {
        if let Some((object, info)) = job {
            output.object(object, || object.table(info))?;
        }
        return match failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(exit::OK),
        };
    }
    let objects = outcomes.iter().map(as_object).collect::<Result<Vec<_>, _>>()?;
    output.list(&objects, || {
        let mut table = Table::new(&["connection id", "job", "status", "records"]);
        for outcome in outcomes {
            let job = outcome.job.as_ref().map(|(object, _)| object);
            table.row([
                outcome.id.to_string(),
                job.map_or_else(|| "-".to_owned(), |job| job.job_id.to_string()),
                job.map_or_else(|| "not started".to_owned(), |job| job.status.clone()),
                crate::output::count(job.and_then(|job| job.records_synced)),
            ]);
        }
        table.to_string()
    })?;
    let failures: Vec<&Failure> = outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()).collect();
    for failure in &failures {
        output.report(failure);
    }
    Ok(failures.first().map_or(exit::OK, |failure| failure.exit_code()))
}

fn as_object(outcome: &Outcome) -> Result<Value, Failure> {
    #[derive(Serialize)]
    struct Failed<'a> {
        connection_id: String,
        error: crate::error::ErrorObject<'a>,
    }
    let mut object = match &outcome.job {
        Some((job, _)) => serde_json::to_value(job)?,
        None => json!({}),
    };
    if let Some(failure) = &outcome.failure {
        let failed = Failed { connection_id: outcome.id.to_string(), error: failure.object() };
        if let (Value::Object(object), Value::Object(failed)) = (&mut object, serde_json::to_value(failed)?) {
            object.extend(failed);
        }
    }
    Ok(object)
}
