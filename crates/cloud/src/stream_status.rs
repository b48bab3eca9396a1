//! How the streams of a connection stand, which only the Config API tells.

use airbyte_api_raw::config::types;
use chrono::{DateTime, TimeZone, Utc};
use serde::Serialize;

use crate::attempt::StreamStats;
use crate::call::Operation;
use crate::connection::Connection;
use crate::error::Result;
use crate::ids::JobId;
use crate::job::{JobStatus, JobType};
use crate::open_enum::open_enum;
use crate::timestamp::from_epoch_seconds;

open_enum! {
    /// Where a stream stands within a job.
    StreamRunState {
        /// Its turn has not come.
        Pending = "PENDING",
        /// It is being read.
        Running = "RUNNING",
        /// The source's provider lets it wait.
        RateLimited = "RATE_LIMITED",
        /// It was read to the end.
        Complete = "COMPLETE",
        /// It ended before that.
        Incomplete = "INCOMPLETE",
    }
}

open_enum! {
    /// Why a stream ended before its end.
    IncompleteCause {
        /// It failed.
        Failed = "FAILED",
        /// The job was cancelled.
        Cancelled = "CANCELED",
    }
}

/// The last time that a stream was in a state (`StreamStatusRead` of the Config API's document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamStatus {
    /// The stream's name; unique only together with the namespace.
    pub name: String,
    /// The stream's namespace, where it has one.
    pub namespace: Option<String>,
    /// The state.
    pub state: StreamRunState,
    /// For an incomplete stream, why.
    pub cause: Option<IncompleteCause>,
    /// For a stream that has to wait, until when, where the source knows.
    pub limited_until: Option<DateTime<Utc>>,
    /// When it came into that state.
    pub since: Option<DateTime<Utc>>,
    /// The job.
    pub job_id: JobId,
    /// What the job does: sync or reset.
    pub job_type: JobType,
    /// The job's attempt, counted from 0.
    pub attempt: i64,
}

impl From<types::StreamStatusRead> for StreamStatus {
    fn from(read: types::StreamStatusRead) -> Self {
        let millis = |millis| Utc.timestamp_millis_opt(millis).single();
        Self {
            name: read.stream_name,
            namespace: read.stream_namespace,
            state: StreamRunState::from(read.run_state.as_str()),
            cause: read.incomplete_run_cause.map(|cause| IncompleteCause::from(cause.as_str())),
            limited_until: read.metadata.and_then(|limits| limits.quota_reset).and_then(millis),
            since: millis(read.transitioned_at),
            job_id: JobId::new(read.job_id.0),
            job_type: JobType::from(read.job_type.as_str()),
            attempt: i64::from(read.attempt_number.0),
        }
    }
}

/// The last job that a stream took part in (`ConnectionLastJobPerStreamReadItem` of the Config API's document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamJob {
    /// The stream's name; unique only together with the namespace.
    pub name: String,
    /// The stream's namespace, where it has one.
    pub namespace: Option<String>,
    /// The job.
    pub job_id: JobId,
    /// What it does.
    pub job_type: JobType,
    /// Where it stands.
    pub status: JobStatus,
    /// When it began to run, where the server knows.
    pub started_at: Option<DateTime<Utc>>,
    /// When its status changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// Bytes of the stream that have arrived in the destination.
    pub bytes_committed: Option<i64>,
    /// Records of the stream that have arrived in the destination.
    pub records_committed: Option<i64>,
}

impl From<&types::ConnectionLastJobPerStreamReadItem> for StreamJob {
    fn from(read: &types::ConnectionLastJobPerStreamReadItem) -> Self {
        Self {
            name: read.stream_name.clone(),
            namespace: read.stream_namespace.clone(),
            job_id: JobId::new(read.job_id.0),
            job_type: job_type(&read.config_type),
            status: JobStatus::from(read.job_status.as_str()),
            started_at: read.started_at.and_then(from_epoch_seconds),
            updated_at: from_epoch_seconds(read.ended_at),
            bytes_committed: read.bytes_committed,
            records_committed: read.records_committed,
        }
    }
}

/// How far the running job of a connection is (`ConnectionSyncProgressRead` of the Config API's document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SyncProgress {
    /// The job.
    pub job_id: JobId,
    /// What it does.
    pub job_type: JobType,
    /// When it was created.
    pub started_at: Option<DateTime<Utc>>,
    /// Records read from the source so far.
    pub records_emitted: Option<i64>,
    /// Bytes read from the source so far.
    pub bytes_emitted: Option<i64>,
    /// Records that have arrived in the destination.
    pub records_committed: Option<i64>,
    /// Bytes that have arrived in the destination.
    pub bytes_committed: Option<i64>,
    /// Records that the destination refused.
    pub records_rejected: Option<i64>,
    /// The same for each stream.
    pub streams: Vec<StreamStats>,
}

impl SyncProgress {
    /// `None` if no job is running.
    fn new(read: types::ConnectionSyncProgressRead) -> Option<Self> {
        let streams = read.streams.into_iter().map(|stream| StreamStats {
            name: stream.stream_name,
            namespace: stream.stream_namespace,
            records_emitted: stream.records_emitted,
            bytes_emitted: stream.bytes_emitted,
            records_committed: stream.records_committed,
            bytes_committed: stream.bytes_committed,
            records_rejected: stream.records_rejected,
            ..StreamStats::default()
        });
        Some(Self {
            job_id: JobId::new(read.job_id?),
            job_type: job_type(read.config_type.as_ref()?),
            started_at: read.sync_started_at.and_then(from_epoch_seconds),
            records_emitted: read.records_emitted,
            bytes_emitted: read.bytes_emitted,
            records_committed: read.records_committed,
            bytes_committed: read.bytes_committed,
            records_rejected: read.records_rejected,
            streams: streams.collect(),
        })
    }
}

/// The public API's word for what a job does.
fn job_type(config_type: &types::JobConfigType) -> JobType {
    match config_type.as_str() {
        "reset_connection" => JobType::Reset,
        word => JobType::from(word),
    }
}

impl Connection {
    /// The last time that each of its streams was in each state (Config API operation
    /// `getStreamStatusesByRunState`).
    pub async fn stream_statuses(&self) -> Result<Vec<StreamStatus>> {
        self.client().path().config_root()?;
        let body = self.request_body();
        let body = &body;
        let operation = Operation::read("getStreamStatusesByRunState").of("connection", self.id());
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.config().get_stream_statuses_by_run_state().body(body.clone()).send().await
        });
        Ok(call.await?.stream_statuses.into_iter().flatten().map(StreamStatus::from).collect())
    }

    /// The last job of each of its streams (Config API operation `getConnectionLastJobPerStream`). Streams that
    /// never ran are left out.
    pub async fn last_job_per_stream(&self) -> Result<Vec<StreamJob>> {
        self.client().path().config_root()?;
        let body = types::ConnectionLastJobPerStreamRequestBody {
            connection_id: types::ConnectionId(*self.id().as_uuid()),
        };
        let body = &body;
        let operation = Operation::read("getConnectionLastJobPerStream").of("connection", self.id());
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.config().get_connection_last_job_per_stream().body(body.clone()).send().await
        });
        Ok(call.await?.iter().map(StreamJob::from).collect())
    }

    /// How far its running job is (Config API operation `getConnectionSyncProgress`); `None` if none is running.
    pub async fn sync_progress(&self) -> Result<Option<SyncProgress>> {
        self.client().path().config_root()?;
        let body = self.request_body();
        let body = &body;
        let operation = Operation::read("getConnectionSyncProgress").of("connection", self.id());
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.config().get_connection_sync_progress().body(body.clone()).send().await
        });
        Ok(SyncProgress::new(call.await?))
    }

    fn request_body(&self) -> types::ConnectionIdRequestBody {
        types::ConnectionIdRequestBody { connection_id: types::ConnectionId(*self.id().as_uuid()) }
    }
}
