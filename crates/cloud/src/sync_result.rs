//! A sync that was started, attached to, or found.

use chrono::{DateTime, Utc};

use crate::client::Client;
use crate::connection::Connection;
use crate::error::Result;
use crate::ids::{ConnectionId, JobId};
use crate::job::{Job, JobInfo, JobType};
use crate::poller::Poller;

/// A job of a connection, as it was when it was started or found.
///
/// It does not follow the job: [`job`](Self::job) asks for the present state, [`wait`](Self::wait) waits for
/// the end.
#[derive(Clone, Debug)]
pub struct SyncResult {
    client: Client,
    info: JobInfo,
    attached: bool,
}

impl SyncResult {
    pub(crate) fn new(client: Client, info: JobInfo, attached: bool) -> Self {
        Self { client, info, attached }
    }

    /// The job's id.
    pub fn job_id(&self) -> JobId {
        self.info.job_id
    }

    /// The connection's id.
    pub fn connection_id(&self) -> ConnectionId {
        self.info.connection_id
    }

    /// What the job does. Not always a sync: a reset or refresh that was waiting comes first.
    pub fn job_type(&self) -> &JobType {
        &self.info.job_type
    }

    /// Whether the job was already there and this call only joined it.
    pub fn attached(&self) -> bool {
        self.attached
    }

    /// When the job was created.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.info.started_at
    }

    /// The job as it was then.
    pub fn info(&self) -> &JobInfo {
        &self.info
    }

    /// The job.
    pub fn job(&self) -> Job {
        self.client.job(self.job_id())
    }

    /// The connection.
    pub fn connection(&self) -> Connection {
        self.client.connection(self.connection_id())
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for the job's end; `.await` it for the result, or watch it as a stream of updates.
    pub fn wait(&self) -> Poller {
        self.job().wait()
    }

    /// The address of the connection's job history in the web application; `None` where the
    /// application's address is not known. Asks the server for the workspace.
    pub async fn url(&self) -> Result<Option<String>> {
        self.connection().history_url().await
    }
}
