//! Jobs.

use std::time::Duration;

use airbyte_cloud::{ErrorKind, Failure as Reason, Job, JobId, JobInfo, JobStatus, JobType, SyncResult};
use chrono::Utc;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::output::{Table, ago, bytes, count, duration};
use crate::progress::View;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Jobs, newest first
    ///
    /// Example: airbyte job list --connection 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59 --status failed
    List(JobListArgs),
    /// One job
    ///
    /// Example: airbyte job get 1042
    Get {
        /// Its id
        id: i64,
    },
    /// Wait until a job has ended
    ///
    /// Example: airbyte job wait 1042 --timeout 2h
    Wait {
        /// Its id
        id: i64,
        #[command(flatten)]
        wait: WaitArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct JobListArgs {
    /// Only jobs of this connection
    #[arg(long, value_name = "ID")]
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

fn known<T: PartialEq + ToString + Clone>(value: T, known: &[T]) -> Result<T, String> {
    if known.contains(&value) {
        return Ok(value);
    }
    Err(format!("known are {}", known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
}

/// How long to wait, and what then.
#[derive(Args, Clone, Debug)]
pub(crate) struct WaitArgs {
    /// Wait so long at the most, such as 90s, 30m or 2h; the job goes on [default: until it ends]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Cancel the job on Ctrl-C
    #[arg(long)]
    pub(crate) cancel_on_interrupt: bool,
}

/// A job as scripts see it. The keys are part of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct JobObject {
    pub(crate) job_id: i64,
    pub(crate) connection_id: String,
    pub(crate) job_type: String,
    pub(crate) status: String,
    pub(crate) attached: bool,
    pub(crate) records_synced: Option<i64>,
    pub(crate) bytes_synced: Option<i64>,
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failures: Option<Vec<FailureObject>>,
}

/// Why an attempt failed, as scripts see it.
#[derive(Debug, Serialize)]
pub(crate) struct FailureObject {
    origin: String,
    #[serde(rename = "type")]
    failure_type: String,
    message: String,
}

impl From<&Reason> for FailureObject {
    fn from(reason: &Reason) -> Self {
        Self {
            origin: reason.origin.to_string(),
            failure_type: reason.failure_type.to_string(),
            message: reason.message.clone(),
        }
    }
}

impl JobObject {
    /// The short form that starting a sync prints.
    pub(crate) fn short(info: &JobInfo, attached: bool, url: Option<String>) -> Self {
        Self {
            job_id: info.job_id.get(),
            connection_id: info.connection_id.to_string(),
            job_type: info.job_type.to_string(),
            status: info.status.to_string(),
            attached,
            records_synced: info.records_synced,
            bytes_synced: info.bytes_synced,
            url,
            started_at: None,
            duration_seconds: None,
            failures: None,
        }
    }

    /// With times, and with the failures of a job that failed.
    fn long(info: &JobInfo, url: Option<String>, failures: &[Reason]) -> Self {
        let failed = !failures.is_empty() || info.status == JobStatus::Failed;
        Self {
            started_at: Some(info.started_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            duration_seconds: info.duration.map(|duration| duration.as_secs_f64()),
            failures: failed.then(|| failures.iter().map(FailureObject::from).collect()),
            ..Self::short(info, false, url)
        }
    }

    pub(crate) fn table(&self, info: &JobInfo) -> String {
        let mut fields = vec![
            ("job", format!("{} ({})", self.job_id, self.job_type)),
            (
                "status",
                if self.attached {
                    format!("{} (was running already)", self.status)
                } else {
                    self.status.clone()
                },
            ),
            ("records", count(self.records_synced)),
            ("bytes", bytes(self.bytes_synced)),
            ("started", ago(info.started_at, Utc::now())),
        ];
        if info.duration.is_some() && info.status.is_final() {
            fields.push(("duration", duration(info.duration)));
        }
        fields.push(("connection", self.connection_id.clone()));
        fields.extend(self.url.clone().map(|url| ("web", url)));
        for failure in self.failures.iter().flatten() {
            fields.push((
                "failure",
                format!("{} ({}): {}", failure.origin, failure.failure_type, failure.message),
            ));
        }
        Table::of_fields(&fields).to_string()
    }
}

pub(crate) async fn run(command: JobCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        JobCommand::List(args) => list(args, context).await,
        JobCommand::Get { id } => get(id, context).await,
        JobCommand::Wait { id, wait } => {
            let client = context.client()?;
            let job = client.job(JobId::new(id));
            let outcome = wait_for(&job, context, &wait).await;
            match outcome {
                Ok(info) => {
                    print_long(&job, &info, &[], context).await?;
                    Ok(exit::OK)
                }
                Err(Waited { info, failures, failure }) => {
                    if let Some(info) = info {
                        print_long(&job, &info, &failures, context).await?;
                    }
                    Err(failure)
                }
            }
        }
    }
}

async fn list(args: JobListArgs, context: &Context) -> Result<u8, Failure> {
    let connection = args.connection.as_ref().map(|id| id.parse()).transpose()?;
    let client = context.client()?;
    let mut list = match connection {
        Some(id) => client.connection(id).jobs(),
        None => client.default_workspace()?.jobs(),
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
    let jobs = list.await?;
    context.output().list(&jobs, || {
        let mut table = Table::new(&[
            "job",
            "type",
            "status",
            "started",
            "duration",
            "records",
            "bytes",
            "connection id",
        ]);
        let now = Utc::now();
        for job in &jobs {
            table.row([
                job.job_id.to_string(),
                job.job_type.to_string(),
                job.status.to_string(),
                ago(job.started_at, now),
                duration(job.duration.filter(|_| job.status.is_final())),
                count(job.records_synced),
                bytes(job.bytes_synced),
                job.connection_id.to_string(),
            ]);
        }
        table.to_string()
    })?;
    Ok(exit::OK)
}

async fn get(id: i64, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let job = client.job(JobId::new(id));
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
    let object = JobObject::long(info, url, failures);
    context.output().object(&object, || object.table(info))
}

/// A wait that did not end with a job that succeeded.
pub(crate) struct Waited {
    /// The job, if it is known how it ended.
    pub(crate) info: Option<JobInfo>,
    pub(crate) failures: Vec<Reason>,
    pub(crate) failure: Failure,
}

/// Waits for a job and shows how it goes. Ctrl-C ends the wait, and the job too if that is asked for.
pub(crate) async fn wait_for(job: &Job, context: &Context, args: &WaitArgs) -> Result<JobInfo, Waited> {
    let output = context.output();
    let mut poller = job.wait();
    if let Some(timeout) = args.timeout {
        poller = poller.timeout(timeout);
    }
    let label = format!("job {}", job.id());
    let view = std::sync::Arc::new(std::sync::Mutex::new(View::new(output, &label)));
    let shown = view.clone();
    let quiet = output.is_quiet() || output.is_for_programs();
    poller = poller.on_update(move |update| {
        if let Ok(mut view) = shown.lock() {
            view.update(update, |line| {
                if !quiet {
                    crate::output::say(line);
                }
            });
        }
    });
    let outcome = unless_interrupted(IntoFuture::into_future(poller)).await;
    if let Ok(view) = view.lock() {
        view.finish();
    }
    match outcome {
        Some(Ok(info)) => Ok(info),
        Some(Err(error)) => {
            let ended = matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCancelled);
            let (info, failures) = (error.job().cloned().filter(|_| ended), error.failures().to_vec());
            Err(Waited { info, failures, failure: error.into() })
        }
        None => Err(Waited { info: None, failures: Vec::new(), failure: interrupted(job, args).await }),
    }
}

async fn interrupted(job: &Job, args: &WaitArgs) -> Failure {
    let id = job.id();
    let failure = |message: String| Failure::new(Kind::Interrupted, message).with_job(id.get());
    if !args.cancel_on_interrupt {
        return failure(format!("interrupted; job {id} goes on"))
            .with_hint(format!("wait for it with `airbyte job wait {id}`"));
    }
    match job.cancel().await {
        Ok(_) => failure(format!("interrupted; job {id} is cancelled")),
        Err(error) => failure(format!("interrupted; job {id} could not be cancelled: {error}"))
            .with_hint(format!("see how it goes with `airbyte job get {id}`")),
    }
}

/// The job of a sync, as scripts see it.
pub(crate) async fn sync_object(result: &SyncResult, info: &JobInfo) -> JobObject {
    let url = result.url().await.unwrap_or_default();
    JobObject::short(info, result.attached(), url)
}
