//! Workspaces.

use std::future::IntoFuture;

use airbyte_api_raw::public::types;
use futures::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

use crate::call::Operation;
use crate::client::Client;
use crate::connection::ListConnections;
use crate::destination::ListDestinations;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, WorkspaceId};
use crate::job::ListJobs;
use crate::list::{List, Listed, WorkspaceFilter};
use crate::source::ListSources;

/// A list of workspaces (operation `listWorkspaces`).
pub type ListWorkspaces = List<WorkspaceInfo>;

/// What the server says about a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WorkspaceInfo {
    /// Its id.
    pub workspace_id: WorkspaceId,
    /// Its name; not unique.
    pub name: String,
    /// The region its data is processed in, in lower case.
    pub data_residency: String,
}

impl From<types::WorkspaceResponse> for WorkspaceInfo {
    fn from(response: types::WorkspaceResponse) -> Self {
        Self {
            workspace_id: response.workspace_id.into(),
            name: response.name,
            data_residency: response.data_residency,
        }
    }
}

/// A workspace, by its id.
#[derive(Clone, Debug)]
pub struct Workspace {
    client: Client,
    id: WorkspaceId,
}

impl Workspace {
    pub(crate) fn new(client: Client, id: WorkspaceId) -> Self {
        Self { client, id }
    }

    /// Its id.
    pub fn id(&self) -> WorkspaceId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getWorkspace`).
    pub async fn info(&self) -> Result<WorkspaceInfo> {
        let id = self.id;
        let operation = Operation::read("getWorkspace").of("workspace", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_workspace().workspace_id(id).send().await
        });
        call.await.map(WorkspaceInfo::from)
    }

    /// Its sources (operation `listSources`), in no particular order.
    pub fn sources(&self) -> ListSources {
        self.list()
    }

    /// Its destinations (operation `listDestinations`), in no particular order.
    pub fn destinations(&self) -> ListDestinations {
        self.list()
    }

    /// Its connections (operation `listConnections`), in no particular order.
    pub fn connections(&self) -> ListConnections {
        self.list()
    }

    /// The jobs of its connections, newest first (operation `listJobs`).
    pub fn jobs(&self) -> ListJobs {
        let mut list = ListJobs::of_client(&self.client);
        list.filter.workspace = Some(self.id);
        list
    }

    /// Gives it another name (operation `updateWorkspace`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<WorkspaceInfo> {
        let body = types::WorkspaceUpdateRequest { name: Some(checked_name(name)?), ..Default::default() };
        let (id, body) = (self.id, &body);
        let call = self.client.path().run(Operation::change("updateWorkspace"), |attempt| async move {
            attempt.public().update_workspace().workspace_id(id).body(body.clone()).send().await
        });
        call.await.map(WorkspaceInfo::from).map_err(|error| error.about(&format!("workspace {id}")))
    }

    /// Its address in the web application; `None` where the application's address is not known.
    pub fn url(&self) -> Option<String> {
        self.client.links().workspace(self.id)
    }

    pub(crate) fn list<T: Listed<Filter = WorkspaceFilter>>(&self) -> List<T> {
        let mut list: List<T> = List::of_client(&self.client);
        list.filter.workspace = Some(self.id);
        list
    }
}

/// Creates a workspace; made by [`Client::create_workspace`], run by `.await`.
///
/// Names need not be unique. If the answer is lost, the error says that it may have been created.
#[derive(Clone, Debug)]
#[must_use = "nothing is created until it is awaited"]
pub struct CreateWorkspace {
    client: Client,
    name: String,
    organization: Option<OrganizationId>,
    region: Option<Uuid>,
}

impl CreateWorkspace {
    /// The organization it shall belong to. Only Airbyte Cloud heeds it: a self-managed installation puts all
    /// workspaces into its default organization.
    pub fn organization(mut self, organization: OrganizationId) -> Self {
        self.organization = Some(organization);
        self
    }

    /// The region its data shall be processed in.
    pub fn region(mut self, region: impl Into<Uuid>) -> Self {
        self.region = Some(region.into());
        self
    }

    async fn create(self) -> Result<Workspace> {
        let body = types::WorkspaceCreateRequest {
            name: checked_name(self.name)?,
            organization_id: self.organization.map(Into::into),
            region_id: self.region,
            notifications: None,
        };
        let body = &body;
        let call = self.client.path().run(Operation::once("createWorkspace"), |attempt| async move {
            attempt.public().create_workspace().body(body.clone()).send().await
        });
        let response =
            call.await.map_err(|error| error.perhaps_created(&format!("workspace `{}`", body.name)))?;
        Ok(self.client.workspace(response.workspace_id.into()))
    }
}

impl IntoFuture for CreateWorkspace {
    type Output = Result<Workspace>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl Client {
    /// Creates a workspace (operation `createWorkspace`); `.await` it.
    pub fn create_workspace(&self, name: impl Into<String>) -> CreateWorkspace {
        CreateWorkspace { client: self.clone(), name: name.into(), organization: None, region: None }
    }
}

fn checked_name(name: impl Into<String>) -> Result<String> {
    let name = name.into();
    if name.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the name of a workspace is empty"));
    }
    Ok(name)
}

impl Listed for WorkspaceInfo {
    type Filter = WorkspaceFilter;

    fn key(&self) -> u128 {
        self.workspace_id.as_uuid().as_u128()
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
            let deleted = filter.include_deleted;
            let call = client.path().run(Operation::read("listWorkspaces"), |attempt| async move {
                let api = attempt.public();
                api.list_workspaces().limit(limit).offset(offset).include_deleted(deleted).send().await
            });
            Ok(call.await?.data.into_iter().map(Self::from).collect())
        })
    }

    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        filter.verify(client)
    }
}
