//! What was asked for and what was said about it, to be held against what the server has.

use std::collections::{BTreeMap, BTreeSet};

use airbyte_cloud::{ApiRequest, Client, Error, ErrorKind, JobId, JobInfo, JobStatus};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// What one connection was asked for.
#[derive(Default)]
pub(super) struct Ledger {
    /// Jobs that were said to have been started for a request.
    pub(super) started: Vec<JobId>,
    /// Jobs of somebody else that were said to run.
    pub(super) others: Vec<JobId>,
    /// Requests of which it was said that their fate is not known.
    pub(super) open: usize,
    /// What was said about jobs.
    pub(super) said: Vec<(JobId, Said)>,
    /// Jobs that were in a list.
    pub(super) listed: Vec<JobInfo>,
    /// The names that it may have.
    pub(super) names: BTreeSet<String>,
    /// Whether several ask at once: then a start in doubt may be taken for another one's.
    pub(super) is_shared: bool,
}

/// What was said about a job.
#[derive(Debug)]
pub(super) enum Said {
    /// It has ended so.
    Ended(JobInfo),
    /// It has ended so, without what it moved.
    Status(JobStatus),
}

/// What the end of a wait says about the job; `None` if nothing.
pub(super) fn said(end: &Result<JobInfo, Error>) -> Option<Said> {
    match end {
        Ok(info) => Some(Said::Ended(info.clone())),
        Err(error) => match error.kind() {
            ErrorKind::JobFailed => Some(Said::Status(JobStatus::Failed)),
            ErrorKind::JobCancelled => Some(Said::Status(JobStatus::Cancelled)),
            // A look of some time ago is no word about the end, unless it saw one.
            _ => error.job().filter(|job| job.status.is_final()).map(|job| Said::Ended(job.clone())),
        },
    }
}

/// The server's jobs of a connection, as it shows them when nothing is in the way.
pub(super) async fn truth(calm: &Client, connection: &str) -> Result<BTreeMap<JobId, Value>> {
    let mut jobs = BTreeMap::new();
    for offset in (0..).step_by(100) {
        let request = ApiRequest::get("/jobs").query("connectionId", connection).query("limit", "100");
        let page = calm.request(request.query("offset", offset.to_string())).await?.body;
        let page = page["data"].as_array().context("a list of jobs")?;
        for job in page {
            let id = job["jobId"].as_i64().context("an id")?;
            jobs.insert(JobId::new(id), job.clone());
        }
        if page.len() < 100 {
            break;
        }
    }
    Ok(jobs)
}

impl Ledger {
    /// Holds it against the truth.
    pub(super) fn check(&self, truth: &BTreeMap<JobId, Value>) -> Result<()> {
        let (started, open, jobs) = (self.started.len(), self.open, truth.len());
        let distinct: BTreeSet<JobId> = self.started.iter().copied().collect();
        ensure!(
            jobs <= started + open,
            "{jobs} jobs for {started} started syncs and {open} of unknown fate: {:?} of {:?}",
            self.started,
            truth.keys()
        );
        if !self.is_shared {
            ensure!(distinct.len() == started, "one job was given out for two syncs: {:?}", self.started);
        }
        for id in distinct.iter().chain(&self.others) {
            ensure!(truth.contains_key(id), "job {id} was given out, and the server does not know it");
        }
        for (id, said) in &self.said {
            let job = truth.get(id).with_context(|| format!("the server does not know job {id}"))?;
            match said {
                Said::Status(status) => same(*id, job, "status", status.as_str())?,
                Said::Ended(info) => agrees(info, job)?,
            }
        }
        for info in &self.listed {
            let job = truth.get(&info.job_id).with_context(|| format!("listed, and not there: {info:?}"))?;
            ensure!(info.connection_id.to_string() == job["connectionId"].as_str().unwrap_or_default());
            if info.status.is_final() {
                agrees(info, job)?;
            }
        }
        Ok(())
    }
}

/// A job that has ended is the same whenever it is looked at.
fn agrees(info: &JobInfo, job: &Value) -> Result<()> {
    same(info.job_id, job, "status", info.status.as_str())?;
    same(info.job_id, job, "jobType", info.job_type.as_str())?;
    // The answers to starting and cancelling lack it.
    if let Some(rows) = info.records_synced {
        ensure!(
            job["rowsSynced"].as_i64() == Some(rows),
            "job {} has moved {} rows, not {rows}",
            info.job_id,
            job["rowsSynced"]
        );
    }
    Ok(())
}

fn same(id: JobId, job: &Value, member: &str, said: &str) -> Result<()> {
    let is = &job[member];
    if is != said {
        bail!("the {member} of job {id} was said to be {said}, and is {is}");
    }
    Ok(())
}
