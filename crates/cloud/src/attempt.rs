//! One attempt of a job, and what its streams moved.

use airbyte_api_raw::config::types;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::failure::Failure;
use crate::job::Job;
use crate::log::LogRequest;
use crate::open_enum::open_enum;
use crate::timestamp::from_epoch_seconds;

open_enum! {
    /// Where an attempt stands. An attempt of a cancelled job is `failed`.
    AttemptStatus {
        /// It goes on.
        Running = "running",
        /// It ended without success. The job may begin another one.
        Failed = "failed",
        /// It ended well.
        Succeeded = "succeeded",
    }
}

/// What one stream moved, in an attempt or in a whole job. What the server does not count is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamStats {
    /// The stream's name; unique only together with the namespace.
    pub name: String,
    /// The stream's namespace, where it has one.
    pub namespace: Option<String>,
    /// Records read from the source.
    pub records_emitted: Option<i64>,
    /// Bytes read from the source.
    pub bytes_emitted: Option<i64>,
    /// Records that have arrived in the destination.
    pub records_committed: Option<i64>,
    /// Bytes that have arrived in the destination. Attempts do not tell.
    pub bytes_committed: Option<i64>,
    /// Records that the destination refused.
    pub records_rejected: Option<i64>,
    /// How many records the source expects in all. Only attempts tell, of few connectors.
    pub estimated_records: Option<i64>,
    /// How many bytes the source expects in all. Only attempts tell, of few connectors.
    pub estimated_bytes: Option<i64>,
    /// Whether it went on where an earlier attempt had left it. Only whole jobs tell.
    pub was_resumed: Option<bool>,
    /// Whether it was read again from the start, for a change of its schema. Only whole jobs tell.
    pub was_backfilled: Option<bool>,
}

impl From<&types::AttemptStreamStats> for StreamStats {
    fn from(stream: &types::AttemptStreamStats) -> Self {
        let stats = &stream.stats;
        Self {
            name: stream.stream_name.clone(),
            namespace: stream.stream_namespace.clone(),
            records_emitted: stats.records_emitted,
            bytes_emitted: stats.bytes_emitted,
            records_committed: stats.records_committed,
            bytes_committed: stats.bytes_committed,
            records_rejected: stats.records_rejected,
            estimated_records: stats.estimated_records,
            estimated_bytes: stats.estimated_bytes,
            ..Self::default()
        }
    }
}

impl From<&types::StreamStats> for StreamStats {
    fn from(stream: &types::StreamStats) -> Self {
        Self {
            name: stream.stream_name.clone(),
            namespace: stream.stream_namespace.clone(),
            records_emitted: Some(stream.records_emitted),
            bytes_emitted: Some(stream.bytes_emitted),
            records_committed: Some(stream.records_committed),
            bytes_committed: Some(stream.bytes_committed),
            records_rejected: stream.records_rejected,
            was_resumed: stream.was_resumed,
            was_backfilled: stream.was_backfilled,
            ..Self::default()
        }
    }
}

/// What the server says about an attempt (`AttemptRead` of the Config API's document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AttemptInfo {
    /// Its number within the job, counted from 0. The server uses it as the attempt's id, too.
    pub number: i64,
    /// Where it stands.
    pub status: AttemptStatus,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When something about it changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Bytes moved by this attempt, where known.
    pub bytes_synced: Option<i64>,
    /// Records moved by this attempt, where known.
    pub records_synced: Option<i64>,
    /// What each stream moved in this attempt.
    pub streams: Vec<StreamStats>,
    /// Why it failed; the first reason is usually the cause of the others. Empty when it did not fail.
    pub failures: Vec<Failure>,
    /// For a failed attempt, whether some records had arrived in the destination before.
    pub partial_success: Option<bool>,
}

impl From<&types::AttemptRead> for AttemptInfo {
    fn from(attempt: &types::AttemptRead) -> Self {
        let summary = attempt.failure_summary.as_ref();
        Self {
            number: attempt.id,
            status: AttemptStatus::from(attempt.status.as_str()),
            started_at: from_epoch_seconds(attempt.created_at),
            updated_at: from_epoch_seconds(attempt.updated_at),
            ended_at: attempt.ended_at.and_then(from_epoch_seconds),
            bytes_synced: attempt.bytes_synced,
            records_synced: attempt.records_synced,
            streams: attempt.stream_stats.iter().flatten().map(StreamStats::from).collect(),
            failures: summary
                .iter()
                .flat_map(|summary| &summary.failures)
                .map(|reason| Failure::new(attempt.id, reason))
                .collect(),
            partial_success: summary.and_then(|summary| summary.partial_success),
        }
    }
}

/// An attempt of a job, as it was when it was asked for; see [`Job::attempts`].
#[derive(Clone, Debug)]
pub struct Attempt {
    job: Job,
    info: AttemptInfo,
}

impl Attempt {
    pub(crate) fn new(job: Job, info: AttemptInfo) -> Self {
        Self { job, info }
    }

    /// The job it belongs to.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Its number within the job, counted from 0.
    pub fn number(&self) -> i64 {
        self.info.number
    }

    /// The attempt as it was then.
    pub fn info(&self) -> &AttemptInfo {
        &self.info
    }

    /// Its log as it is now (Config API operation `getAttemptForJob`); `.await` it. See [`LogRequest`].
    pub fn logs(&self) -> LogRequest {
        LogRequest::new(self.job.clone()).attempt(self.info.number)
    }
}
