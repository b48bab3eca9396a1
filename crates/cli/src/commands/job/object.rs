//! A job, as scripts and people see it.

use airbyte_cloud::{Failure as Reason, JobInfo, JobStatus};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;

use crate::output::{Shown, ago, bytes, count, duration};

/// A job as scripts see it. The keys are part of the contract.
#[derive(Clone, Debug, Serialize)]
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
    /// What people see besides.
    #[serde(skip)]
    info: JobInfo,
}

/// Why an attempt failed, as scripts see it.
#[derive(Clone, Debug, Serialize)]
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
            info: info.clone(),
        }
    }

    /// With times, and with the failures of a job that failed.
    pub(crate) fn long(info: &JobInfo, url: Option<String>, failures: &[Reason]) -> Self {
        let failed = !failures.is_empty() || info.status == JobStatus::Failed;
        Self {
            started_at: Some(info.started_at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            duration_seconds: info.duration.map(|duration| duration.as_secs_f64()),
            failures: failed.then(|| failures.iter().map(FailureObject::from).collect()),
            ..Self::short(info, false, url)
        }
    }
}

impl Shown for JobObject {
    const COLUMNS: &'static [&'static str] = JobInfo::COLUMNS;
    const SPARE: &'static [usize] = JobInfo::SPARE;

    fn cells(&self) -> Vec<String> {
        self.info.cells()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
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
            ("started", ago(self.info.started_at, Utc::now())),
        ];
        if self.info.duration.is_some() && self.info.status.is_final() {
            fields.push(("duration", duration(self.info.duration)));
        }
        fields.push(("connection", self.connection_id.clone()));
        fields.extend(self.url.clone().map(|url| ("web", url)));
        for failure in self.failures.iter().flatten() {
            fields.push((
                "failure",
                format!("{} ({}): {}", failure.origin, failure.failure_type, failure.message),
            ));
        }
        fields
    }
}

impl Shown for JobInfo {
    const COLUMNS: &'static [&'static str] =
        &["job", "type", "status", "started", "duration", "records", "bytes", "connection id"];
    const SPARE: &'static [usize] = &[6, 4, 1, 5];

    fn cells(&self) -> Vec<String> {
        vec![
            self.job_id.to_string(),
            self.job_type.to_string(),
            self.status.to_string(),
            ago(self.started_at, Utc::now()),
            duration(self.duration.filter(|_| self.status.is_final())),
            count(self.records_synced),
            bytes(self.bytes_synced),
            self.connection_id.to_string(),
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}
