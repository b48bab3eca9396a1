//! How connections are doing: what the web application shows beside their names.

use airbyte_api_raw::config::types;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::failure::Failure;
use crate::ids::{ConnectionId, JobId};
use crate::open_enum::open_enum;
use crate::timestamp::from_epoch_seconds;

/// How many connections are asked for at once.
const AT_ONCE: usize = 100;

open_enum! {
    /// How a connection is doing, in one word.
    HealthStatus {
        /// A job is running.
        Running = "running",
        /// A job waits for capacity.
        Queued = "queued",
        /// Nothing ran yet, or a job is about to.
        Pending = "pending",
        /// The last sync went well.
        Synced = "synced",
        /// The last job failed or was cancelled; the next one may go better.
        Incomplete = "incomplete",
        /// Someone has to change something first: the configuration is wrong, or the source's schema has
        /// changed in a way that breaks the connection.
        Failed = "failed",
        /// The connection is disabled.
        Paused = "paused",
    }
}

/// How a connection is doing (`ConnectionStatusRead` of the Config API's document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConnectionHealth {
    /// The connection.
    pub connection_id: ConnectionId,
    /// How it is doing, in one word.
    pub status: HealthStatus,
    /// The job that is running, or waiting to run.
    pub active_job: Option<JobId>,
    /// The latest sync.
    pub last_job: Option<JobId>,
    /// The latest attempt of that sync, counted from 0.
    pub last_attempt: Option<i64>,
    /// When that sync was created.
    pub last_job_at: Option<DateTime<Utc>>,
    /// When a sync last went well.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Why the latest sync failed, where it did.
    pub failure: Option<Failure>,
}

impl From<&types::ConnectionStatusRead> for ConnectionHealth {
    fn from(read: &types::ConnectionStatusRead) -> Self {
        let last_attempt = read.last_sync_attempt_number.as_ref().map(|number| i64::from(number.0));
        Self {
            connection_id: ConnectionId::new(read.connection_id.0),
            status: HealthStatus::from(read.connection_sync_status.as_str()),
            active_job: read.active_job.as_ref().map(|job| JobId::new(job.id.0)),
            last_job: read.last_sync_job_id.as_ref().map(|id| JobId::new(id.0)),
            last_attempt,
            last_job_at: read.last_sync_job_created_at.and_then(from_epoch_seconds),
            last_success_at: read.last_successful_sync.and_then(from_epoch_seconds),
            failure: read
                .failure_reason
                .as_ref()
                .map(|reason| Failure::new(last_attempt.unwrap_or_default(), reason)),
        }
    }
}

async fn fetch(client: &Client, ids: &[ConnectionId], operation: Operation) -> Result<Vec<ConnectionHealth>> {
    client.path().config_root()?;
    let body = types::ConnectionStatusesRequestBody {
        connection_ids: ids.iter().map(|id| types::ConnectionId(*id.as_uuid())).collect(),
    };
    let body = &body;
    let call = client.path().run(operation, |attempt| async move {
        attempt.config().get_connection_statuses().body(body.clone()).send().await
    });
    Ok(call.await?.iter().map(ConnectionHealth::from).collect())
}

impl Client {
    /// How these connections are doing (Config API operation `getConnectionStatuses`), in their order. One
    /// request for 100 connections; one that cannot be seen fails the call.
    pub async fn connections_health(
        &self,
        connections: impl IntoIterator<Item = ConnectionId>,
    ) -> Result<Vec<ConnectionHealth>> {
        let ids: Vec<_> = connections.into_iter().collect();
        let mut all = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            all.extend(fetch(self, some, Operation::read("getConnectionStatuses")).await?);
        }
        Ok(all)
    }
}

impl Connection {
    /// How it is doing (Config API operation `getConnectionStatuses`).
    pub async fn health(&self) -> Result<ConnectionHealth> {
        let operation = Operation::read("getConnectionStatuses").of("connection", self.id());
        let all = fetch(self.client(), &[self.id()], operation).await?;
        all.into_iter().find(|health| health.connection_id == self.id()).ok_or_else(|| {
            let message = format!("the server says nothing about connection {}", self.id());
            Error::new(ErrorKind::UnexpectedResponse, message)
        })
    }
}
