//! Connections: a source, a destination, and the streams that move from one to the other.

use airbyte_api_raw::public::types;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{ConnectionId, DestinationId, JobId, SourceId, WorkspaceId};
use crate::job::{JobType, ListJobs};
use crate::list::{List, Listed, WorkspaceFilter};
use crate::open_enum::open_enum;
use crate::schedule::ScheduleInfo;
use crate::stream::StreamInfo;
use crate::sync::SyncRequest;
use crate::sync_result::SyncResult;
use crate::timestamp::from_epoch_seconds;

open_enum! {
    /// Whether a connection can run.
    ConnectionStatus {
        /// It can.
        Active = "active",
        /// It is disabled.
        Inactive = "inactive",
        /// It was deleted; the server still shows it.
        Deprecated = "deprecated",
        /// It is locked, for example for a billing reason.
        Locked = "locked",
    }
}

open_enum! {
    /// Where the names of the destination's schemas come from.
    NamespaceDefinition {
        /// From the stream's own namespace.
        Source = "source",
        /// From the destination's configuration.
        Destination = "destination",
        /// From a pattern, `namespace_format`.
        CustomFormat = "custom_format",
    }
}

open_enum! {
    /// What happens when the source's schema changes in a way that breaks nothing.
    SchemaUpdates {
        /// Nothing.
        Ignore = "ignore",
        /// The connection is disabled.
        DisableConnection = "disable_connection",
        /// New and changed columns are taken over.
        PropagateColumns = "propagate_columns",
        /// New and removed streams are taken over, too.
        PropagateFully = "propagate_fully",
    }
}

/// What the server says about a connection (`ConnectionResponse` of the API document).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its id.
    pub connection_id: ConnectionId,
    /// Its name; not unique.
    pub name: String,
    /// Where the data comes from.
    pub source_id: SourceId,
    /// Where the data goes.
    pub destination_id: DestinationId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// Whether it can run.
    pub status: ConnectionStatus,
    /// Why it has that status, where the server says so.
    pub status_reason: Option<String>,
    /// When it runs by itself.
    pub schedule: ScheduleInfo,
    /// The streams it syncs.
    pub streams: Vec<StreamInfo>,
    /// What is put before the names of the destination's tables.
    pub prefix: Option<String>,
    /// Where the names of the destination's schemas come from.
    pub namespace_definition: Option<NamespaceDefinition>,
    /// The pattern for [`NamespaceDefinition::CustomFormat`].
    pub namespace_format: Option<String>,
    /// What happens when the source's schema changes.
    pub schema_updates: Option<SchemaUpdates>,
    /// The names of its tags.
    pub tags: Vec<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

impl ConnectionInfo {
    /// Whether it can run.
    pub fn is_enabled(&self) -> bool {
        self.status == ConnectionStatus::Active
    }
}

impl From<types::ConnectionResponse> for ConnectionInfo {
    fn from(response: types::ConnectionResponse) -> Self {
        Self {
            connection_id: response.connection_id.into(),
            name: response.name,
            source_id: response.source_id.into(),
            destination_id: response.destination_id.into(),
            workspace_id: response.workspace_id.into(),
            status: ConnectionStatus::from(response.status.as_str()),
            status_reason: response.status_reason,
            schedule: response.schedule.into(),
            streams: response
                .configurations
                .streams
                .unwrap_or_default()
                .into_iter()
                .map(StreamInfo::from)
                .collect(),
            prefix: response.prefix,
            namespace_definition: response
                .namespace_definition
                .map(|definition| NamespaceDefinition::from(definition.as_str())),
            namespace_format: response.namespace_format,
            schema_updates: response
                .non_breaking_schema_updates_behavior
                .map(|behavior| SchemaUpdates::from(behavior.as_str())),
            tags: response.tags.unwrap_or_default().into_iter().map(|tag| tag.name).collect(),
            created_at: response.created_at.and_then(from_epoch_seconds),
        }
    }
}

/// A connection, by its id.
#[derive(Clone, Debug)]
pub struct Connection {
    client: Client,
    id: ConnectionId,
}

impl Connection {
    pub(crate) fn new(client: Client, id: ConnectionId) -> Self {
        Self { client, id }
    }

    /// Its id.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getConnection`). A deleted connection is still answered,
    /// with the status [`Deprecated`](ConnectionStatus::Deprecated).
    pub async fn info(&self) -> Result<ConnectionInfo> {
        let id = self.id;
        let operation = Operation::read("getConnection").of("connection", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_connection().connection_id(id).send().await
        });
        call.await.map(ConnectionInfo::from)
    }

    /// Starts a sync, exactly once; `.await` it. See [`SyncRequest`].
    pub fn sync(&self) -> SyncRequest {
        SyncRequest::new(self.clone())
    }

    /// Its jobs of every type, newest first (operation `listJobs`).
    pub fn jobs(&self) -> ListJobs {
        ListJobs::of_client(&self.client).connection(self.id)
    }

    /// Its latest job of type sync; `None` if it never synced.
    pub async fn latest_sync(&self) -> Result<Option<SyncResult>> {
        let newest = self.jobs().job_type(JobType::Sync).limit(1).await?.into_iter().next();
        Ok(newest.map(|job| SyncResult::new(self.client.clone(), job, false)))
    }

    /// One of its jobs by id. A job of another connection is [`NotFound`](ErrorKind::NotFound).
    pub async fn sync_result(&self, job: JobId) -> Result<SyncResult> {
        let info = self.client.job(job).info().await?;
        if info.connection_id != self.id {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("job {job} is not one of connection {}", self.id),
            )
            .with_hint(format!("it belongs to connection {}", info.connection_id))
            .with_job(info));
        }
        Ok(SyncResult::new(self.client.clone(), info, false))
    }

    /// Its address in the web application; `None` where the application's address is not known. Asks the
    /// server for the workspace.
    pub async fn url(&self) -> Result<Option<String>> {
        let workspace = self.info().await?.workspace_id;
        Ok(self.client.links().connection(workspace, self.id))
    }

    /// The address of its job history in the web application, like [`url`](Self::url).
    pub async fn history_url(&self) -> Result<Option<String>> {
        let workspace = self.info().await?.workspace_id;
        Ok(self.client.links().timeline(workspace, self.id))
    }
}

/// A list of connections (operation `listConnections`).
pub type ListConnections = List<ConnectionInfo>;

impl Listed for ConnectionInfo {
    type Filter = WorkspaceFilter;

    fn key(&self) -> u128 {
        self.connection_id.as_uuid().as_u128()
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn fetch(
        client: Client,
        filter: Self::Filter,
        offset: i32,
        limit: i32,
    ) -> BoxFuture<'static, Result<Vec<Self>>> {
        Box::pin(async move {
            let filter = &filter;
            let mut operation = Operation::read("listConnections");
            if let Some(workspace) = filter.workspace {
                operation = operation.of("workspace", workspace);
            }
            let call = client.path().run(operation, |attempt| async move {
                let api = attempt.public();
                let mut list = api
                    .list_connections()
                    .limit(limit)
                    .offset(offset)
                    .include_deleted(filter.include_deleted);
                if let Some(workspace) = filter.workspace {
                    list = list.workspace_ids(vec![workspace.into()]);
                }
                if !filter.tags.is_empty() {
                    list = list.tag_ids(filter.tags.iter().map(|tag| (*tag).into()).collect::<Vec<_>>());
                }
                list.send().await
            });
            Ok(call.await?.data.into_iter().map(Self::from).collect())
        })
    }

    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        filter.verify(client)
    }
}
