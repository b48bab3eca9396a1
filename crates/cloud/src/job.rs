//! Jobs: the runs of connections.

use std::time::Duration;

use airbyte_api_raw::public::types;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::{Serialize, Serializer};

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{ConnectionId, JobId, WorkspaceId};
use crate::list::{List, Listed};
use crate::open_enum::open_enum;
use crate::poller::Poller;
use crate::timestamp::{parse_duration, parse_timestamp};

open_enum! {
    /// Where a job stands.
    JobStatus {
        /// Created, not started.
        Pending = "pending",
        /// Waits for capacity, maybe for hours.
        Queued = "queued",
        /// An attempt is running.
        Running = "running",
        /// An attempt failed, another one may follow. Not an end.
        Incomplete = "incomplete",
        /// Ended without success.
        Failed = "failed",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended by a user or the server.
        Cancelled = "cancelled",
    }
}

impl JobStatus {
    /// Whether the job has ended. A status that is not known counts as not ended.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed | Self::Succeeded | Self::Cancelled)
    }

    /// Whether the job ended well.
    pub fn is_success(&self) -> bool {
        *self == Self::Succeeded
    }
}

open_enum! {
    /// What a job does.
    JobType {
        /// Moves data.
        Sync = "sync",
        /// Empties streams in the destination. A job started as `clear` is one, too.
        Reset = "reset",
        /// Moves data after forgetting the state of some streams.
        Refresh = "refresh",
        /// Asks for a reset; the job that is made has the type `reset`.
        Clear = "clear",
    }
}

/// What the server says about a job (`JobResponse` of the API document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobInfo {
    /// Its id.
    pub job_id: JobId,
    /// The connection it runs.
    pub connection_id: ConnectionId,
    /// What it does.
    pub job_type: JobType,
    /// Where it stands.
    pub status: JobStatus,
    /// When it was created: what the server calls its start, though it begins to run later.
    pub started_at: DateTime<Utc>,
    /// When it ended; only known once it has.
    pub last_updated_at: Option<DateTime<Utc>>,
    /// From its creation to the last change of its status, so it does not grow while the job runs. Not known
    /// while the job is pending. As JSON: `duration_seconds`.
    #[serde(rename = "duration_seconds", serialize_with = "as_seconds")]
    pub duration: Option<Duration>,
    /// Bytes that have arrived in the destination. The answers to starting and cancelling lack it.
    pub bytes_synced: Option<i64>,
    /// Records that have arrived in the destination. The answers to starting and cancelling lack it.
    pub records_synced: Option<i64>,
}

// serde hands the field over by reference.
#[allow(clippy::ref_option)]
fn as_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_f64(duration.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

impl TryFrom<types::JobResponse> for JobInfo {
    type Error = Error;

    fn try_from(response: types::JobResponse) -> Result<Self> {
        let started_at = parse_timestamp(&response.start_time).ok_or_else(|| {
            Error::new(
                ErrorKind::UnexpectedResponse,
                format!(
                    "the start time of job {} cannot be understood: {:?}",
                    response.job_id, response.start_time
                ),
            )
            .with_job_id(response.job_id.into())
        })?;
        Ok(Self {
            job_id: response.job_id.into(),
            connection_id: response.connection_id.into(),
            job_type: JobType::from(response.job_type.as_str()),
            status: JobStatus::from(response.status.as_str()),
            started_at,
            last_updated_at: response.last_updated_at.as_deref().and_then(parse_timestamp),
            duration: response.duration.as_deref().and_then(parse_duration),
            bytes_synced: response.bytes_synced,
            records_synced: response.rows_synced,
        })
    }
}

/// A job, by its id.
#[derive(Clone, Debug)]
pub struct Job {
    client: Client,
    id: JobId,
}

impl Job {
    pub(crate) fn new(client: Client, id: JobId) -> Self {
        Self { client, id }
    }

    /// Its id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getJob`).
    pub async fn info(&self) -> Result<JobInfo> {
        self.fetch(Operation::read("getJob")).await
    }

    pub(crate) async fn fetch(&self, operation: Operation) -> Result<JobInfo> {
        let id = self.id.get();
        let call = self.client.path().run(operation.of("job", id), |attempt| async move {
            attempt.public().get_job().job_id(id).send().await
        });
        call.await.map_err(|error| error.with_job_id(self.id))?.try_into()
    }

    /// Waits for its end; `.await` it for the result, or watch it as a stream of updates.
    pub fn wait(&self) -> Poller {
        Poller::new(self.clone())
    }

    /// Stops it, and returns its state afterwards (operation `cancelJob`).
    ///
    /// The server stops whatever runs on the job's *connection*, so it is made sure before that this is the
    /// job that runs there. A job that has ended is a [`Conflict`](ErrorKind::Conflict), except one that is
    /// cancelled already.
    pub async fn cancel(&self) -> Result<JobInfo> {
        const TRIES: u32 = 3;
        let mut tries = 0;
        loop {
            tries += 1;
            let info = self.info().await?;
            if info.status == JobStatus::Cancelled {
                return Ok(info);
            }
            self.refuse_unless_running(&info).await?;
            let id = self.id.get();
            // Waits on the server until the job has stopped.
            let operation =
                Operation::once("cancelJob").timeout(crate::start::START_TIMEOUT).safe_to_ask_again();
            let call = self.client.path().run(operation, |attempt| async move {
                attempt.public().cancel_job().job_id(id).send().await
            });
            match call.await {
                // The answer lacks the totals and may be a moment old.
                Ok(response) => {
                    let answered = JobInfo::try_from(response)?;
                    return Ok(self.info().await.unwrap_or(answered));
                }
                // It may have ended at this moment, or been cancelled with the answer lost: look again.
                Err(error)
                    if tries < TRIES && (error.is_ambiguous() || error.kind() == ErrorKind::Conflict) =>
                {
                    tracing::debug!(%error, "cancelling is in doubt, looking at the job");
                }
                Err(error) => return Err(error.with_job_id(self.id)),
            }
        }
    }

    async fn refuse_unless_running(&self, info: &JobInfo) -> Result<()> {
        if info.status.is_final() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("job {} has ended already ({})", self.id, info.status),
            )
            .with_job(info.clone()));
        }
        match running_job(&self.client, info.connection_id).await? {
            Some(running) if running.job_id != self.id => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "not job {} but job {} is running on connection {}",
                    self.id, running.job_id, info.connection_id
                ),
            )
            .with_hint("cancelling would stop the other job; look at both again")
            .with_job(info.clone())),
            _ => Ok(()),
        }
    }

    /// Its connection's job history in the web application; `None` where the application's address is not
    /// known. Asks the server for connection and workspace.
    pub async fn url(&self) -> Result<Option<String>> {
        let connection = self.info().await?.connection_id;
        self.client.connection(connection).history_url().await
    }
}

/// The newest jobs of a connection, the newest first.
pub(crate) async fn newest_jobs(
    client: &Client,
    connection: ConnectionId,
    count: i32,
) -> Result<Vec<JobInfo>> {
    let filter = JobFilter { connection: Some(connection), ..JobFilter::default() };
    JobInfo::fetch(client.clone(), filter, 0, count).await
}

/// The job that is running, or waiting to run, on a connection. There is at most one.
pub(crate) async fn running_job(client: &Client, connection: ConnectionId) -> Result<Option<JobInfo>> {
    const ENOUGH: i32 = 10;
    let jobs = newest_jobs(client, connection, ENOUGH).await?;
    Ok(jobs.into_iter().find(|job| !job.status.is_final()))
}

/// A list of jobs (operation `listJobs`), newest first unless told otherwise.
pub type ListJobs = List<JobInfo>;

/// What narrows down a list of jobs.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) workspace: Option<WorkspaceId>,
    pub(crate) status: Option<JobStatus>,
    pub(crate) job_type: Option<JobType>,
    pub(crate) oldest_first: bool,
}

impl List<JobInfo> {
    /// Only jobs of this connection.
    pub fn connection(mut self, connection: ConnectionId) -> Self {
        self.filter.connection = Some(connection);
        self
    }

    /// Only jobs that stand so.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.filter.status = Some(status);
        self
    }

    /// Only jobs of this type. Clearing jobs have the type `reset`, so `clear` stands for that.
    pub fn job_type(mut self, job_type: JobType) -> Self {
        // The server finds nothing for `clear`.
        self.filter.job_type = Some(if job_type == JobType::Clear { JobType::Reset } else { job_type });
        self
    }

    /// The oldest first, as the server has it.
    pub fn oldest_first(mut self) -> Self {
        self.filter.oldest_first = true;
        self
    }
}

impl Listed for JobInfo {
    type Filter = JobFilter;

    fn key(&self) -> u128 {
        u128::from(self.job_id.get().unsigned_abs())
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn fetch(
        client: Client,
        filter: Self::Filter,
        offset: i32,
        limit: i32,
    ) -> BoxFuture<'static, Result<Vec<Self>>> {
        Box::pin(async move {
            let filter = &filter;
            let mut operation = Operation::read("listJobs");
            if let Some(connection) = filter.connection {
                operation = operation.of("connection", connection);
            } else if let Some(workspace) = filter.workspace {
                operation = operation.of("workspace", workspace);
            }
            let call = client.path().run(operation, |attempt| async move {
                let api = attempt.public();
                let order = if filter.oldest_first { "createdAt|ASC" } else { "createdAt|DESC" };
                let mut list = api.list_jobs().limit(limit).offset(offset).order_by(order);
                if let Some(connection) = filter.connection {
                    list = list.connection_id(connection);
                } else if let Some(workspace) = filter.workspace {
                    list = list.workspace_ids(vec![workspace.into()]);
                }
                if let Some(status) = &filter.status {
                    list = list.status(types::JobStatusEnum::from(status.as_str()));
                }
                if let Some(job_type) = &filter.job_type {
                    list = list.job_type(types::JobTypeEnum::from(job_type.as_str()));
                }
                list.send().await
            });
            call.await?.data.into_iter().map(Self::try_from).collect()
        })
    }

    fn grows_at_front(filter: &Self::Filter) -> bool {
        !filter.oldest_first
    }

    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            match (filter.connection, filter.workspace) {
                (Some(connection), _) => client.connection(connection).info().await.map(|_| ()),
                (None, Some(workspace)) => client.workspace(workspace).info().await.map(|_| ()),
                (None, None) => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(start: &str, duration: Option<&str>) -> types::JobResponse {
        serde_json::from_value(serde_json::json!({
            "jobId": 17, "status": "napping", "jobType": "SYNC", "startTime": start,
            "connectionId": "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59", "duration": duration, "rowsSynced": 3,
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_with_odd_but_real_forms_is_understood() {
        let info = JobInfo::try_from(response("2023-03-25T01:30Z", Some("PT25H3M"))).unwrap();
        assert_eq!(info.started_at.to_rfc3339(), "2023-03-25T01:30:00+00:00");
        assert_eq!(info.duration, Some(Duration::from_mins(1503)));
        assert_eq!((info.job_type, info.bytes_synced, info.records_synced), (JobType::Sync, None, Some(3)));
        assert_eq!(info.status, JobStatus::Unknown("napping".into()));
        assert!(!info.status.is_final());
    }

    #[test]
    fn an_unreadable_start_names_the_job() {
        let error = JobInfo::try_from(response("yesterday", None)).unwrap_err();
        assert_eq!((error.kind(), error.job_id()), (ErrorKind::UnexpectedResponse, Some(JobId::new(17))));
    }

    #[test]
    fn only_three_statuses_are_final() {
        let open: Vec<_> =
            JobStatus::KNOWN.iter().filter(|status| !status.is_final()).map(JobStatus::as_str).collect();
        assert_eq!(open, ["pending", "queued", "running", "incomplete"]);
    }

    #[test]
    fn as_json_it_has_snake_case_keys() {
        let json =
            serde_json::to_value(JobInfo::try_from(response("2023-03-25T01:30Z", Some("PT1M5S"))).unwrap());
        let json = json.unwrap();
        assert_eq!(json["job_id"], 17);
        assert_eq!(json["job_type"], "sync");
        assert_eq!(json["duration_seconds"], 65.0);
    }
}
