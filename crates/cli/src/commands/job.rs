//! Jobs.

mod logs;
mod object;
mod wait;

use std::collections::HashSet;

use airbyte_cloud::{Failure as Reason, Job, JobId, JobInfo, JobStatus, JobType};
use clap::{Args, Subcommand};

pub(crate) use object::JobObject;
pub(crate) use wait::{WaitArgs, interrupted, wait_for, wait_for_all};

use super::open::{OpenArgs, open};
use crate::change::{Confirm, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Jobs, newest first
    ///
    /// Example: airbyte job list --connection "Shop to warehouse" --status failed
    List(JobListArgs),
    /// One job, and why it failed if it did
    ///
    /// Example: airbyte job get 1042
    Get {
        /// Its id
        id: JobId,
    },
    /// Wait until jobs have ended, and fail if one has not succeeded
    ///
    /// Example: airbyte job wait 1042 --timeout 2h
    ///
    /// Example: airbyte job wait 1042 1043 1044
    Wait {
        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<JobId>,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Stop a job that runs
    ///
    /// Example: airbyte job cancel 1042
    Cancel {
        /// Its id
        id: JobId,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// The log of a job
    ///
    /// Example: airbyte job logs 1042 --level warn
    ///
    /// Example: airbyte job logs 1042 --follow
    Logs(logs::LogsArgs),
    /// Open a job's connection in the web application, where its jobs are
    ///
    /// Example: airbyte job open 1042
    Open {
        /// Its id
        id: JobId,
        #[command(flatten)]
        how: OpenArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct JobListArgs {
    /// Only jobs of this connection, by name or id
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Only jobs with this status: pending, queued, running, incomplete, succeeded, failed, cancelled
    #[arg(long, value_parser = job_status)]
    status: Option<JobStatus>,
    /// Only jobs of this type: sync, reset, refresh, clear
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type)]
    job_type: Option<JobType>,
    /// So many at the most [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

fn job_status(word: &str) -> Result<JobStatus, String> {
    known(JobStatus::from(word), JobStatus::KNOWN)
}

fn job_type(word: &str) -> Result<JobType, String> {
    known(JobType::from(word), JobType::KNOWN)
}

/// A word of the API, if it is one.
pub(crate) fn known<T: PartialEq + ToString + Clone>(value: T, known: &[T]) -> Result<T, String> {
    if known.contains(&value) {
        return Ok(value);
    }
    Err(format!("known are {}", known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
}

pub(crate) async fn run(command: JobCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        JobCommand::List(args) => list(args, context).await,
        JobCommand::Get { id } => get(id, context).await,
        JobCommand::Wait { ids, wait } => match ids.as_slice() {
            [id] => wait_for_one(*id, &wait, context).await,
            _ => wait_for_several(&ids, &wait, context).await,
        },
        JobCommand::Cancel { id, confirm } => {
            let job = context.client()?.job(id);
            let info = job.info().await?;
            let plan = Plan::new("cancel", "job")
                .id(id)
                .effect(format!("connection {}: what it has not moved yet is not moved", info.connection_id));
            if context.confirms(confirm, &plan)? {
                let info = job.cancel().await?;
                print_long(&job, &info, &[], context).await?;
            }
            Ok(exit::OK)
        }
        JobCommand::Logs(args) => logs::run(args, context).await,
        JobCommand::Open { id, how } => {
            open(context.client()?.job(id).url().await?, how, context)?;
            Ok(exit::OK)
        }
    }
}

async fn wait_for_one(id: JobId, wait: &WaitArgs, context: &Context) -> Result<u8, Failure> {
    let job = context.client()?.job(id);
    match wait_for(&job, context, wait).await {
        Ok(info) => {
            print_long(&job, &info, &[], context).await?;
            Ok(exit::OK)
        }
        Err(waited) => {
            if let Some(info) = waited.info {
                // Whether somebody reads it or not, the failure is told.
                let _ = print_long(&job, &info, &waited.failures, context).await;
            }
            Err(waited.failure)
        }
    }
}

async fn wait_for_several(ids: &[JobId], wait: &WaitArgs, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let mut mentioned = HashSet::new();
    let ids = ids.iter().filter(|id| mentioned.insert(**id));
    let jobs: Vec<_> = ids.map(|id| (*id, format!("job {id}"))).collect();
    let connection = client.job(jobs[0].0).info().await?.connection_id;
    let workspace = client.connection(connection).info().await?.workspace_id;
    let outcomes = wait_for_all(&client, workspace, &jobs, context, wait).await;
    let (mut objects, mut failures) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(info) => objects.push(JobObject::long(&info, None, &[])),
            Err(waited) => {
                objects.extend(waited.info.map(|info| JobObject::long(&info, None, &waited.failures)));
                failures.push(waited.failure);
            }
        }
    }
    let shown = context.output().show_list(&objects);
    failures.dedup_by(|a, b| a.message == b.message);
    for failure in &failures {
        context.output().report(failure);
    }
    failures.first().map_or(shown.map(|()| exit::OK), |failure| Ok(failure.exit_code()))
}

async fn list(args: JobListArgs, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let mut list = match args.connection {
        Some(given) => names::connection(context, &client, &given).await?.jobs(),
        None => context.workspace(&client).await?.jobs(),
    };
    if let Some(status) = args.status {
        list = list.status(status);
    }
    if let Some(job_type) = args.job_type {
        list = list.job_type(job_type);
    }
    if let Some(limit) = args.limit {
        list = list.limit(limit);
    }
    context.output().show_list(&list.await?)?;
    Ok(exit::OK)
}

async fn get(id: JobId, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let job = client.job(id);
    let info = job.info().await?;
    let failures = match info.status {
        JobStatus::Failed | JobStatus::Cancelled => job.failures().await.unwrap_or_default(),
        _ => Vec::new(),
    };
    print_long(&job, &info, &failures, context).await?;
    Ok(exit::OK)
}

async fn print_long(
    job: &Job,
    info: &JobInfo,
    failures: &[Reason],
    context: &Context,
) -> Result<(), Failure> {
    // A link is a help, and no reason to fail.
    let url = job.url().await.unwrap_or_default();
    context.output().show(&JobObject::long(info, url, failures))
}
