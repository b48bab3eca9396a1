//! Workspaces by what gives the caller access to them.

use airbyte_api_raw::{config, public};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, WorkspaceId};
use crate::list::{List, Listed};
use crate::organization::Organization;
use crate::permission::{PermissionInfo, PermissionScope, PermissionType};

/// How many ids fit well into an address.
const IDS_AT_ONCE: usize = 50;

/// How many organizations are asked for their workspaces at the same time.
const ORGANIZATIONS_AT_ONCE: usize = 4;

/// What gives the caller access to a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkspaceScope {
    /// A permission in the workspace itself.
    MemberOf,
    /// A permission in its organization.
    OrganizationAdmin,
    /// The permission to everything in the installation. Without it, asking is
    /// [`Forbidden`](ErrorKind::Forbidden).
    InstanceAdmin,
    /// Any of these.
    Any,
}

/// The least that is known about a workspace, wherever it was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WorkspaceSummary {
    /// Its id.
    pub workspace_id: WorkspaceId,
    /// Its name; not unique.
    pub name: String,
    /// The organization it belongs to; the public API does not tell it.
    pub organization_id: Option<OrganizationId>,
}

impl From<config::types::WorkspaceRead> for WorkspaceSummary {
    fn from(answer: config::types::WorkspaceRead) -> Self {
        Self {
            workspace_id: WorkspaceId::new(answer.workspace_id.0),
            name: answer.name,
            organization_id: Some(OrganizationId::new(answer.organization_id.0)),
        }
    }
}

impl From<public::types::WorkspaceResponse> for WorkspaceSummary {
    fn from(answer: public::types::WorkspaceResponse) -> Self {
        Self { workspace_id: answer.workspace_id.into(), name: answer.name, organization_id: None }
    }
}

/// A list of an organization's workspaces (Config API operation `listWorkspacesInOrganization`), by name.
pub type ListOrganizationWorkspaces = List<WorkspaceSummary>;

/// What narrows down lists of an organization's workspaces.
#[derive(Clone, Debug)]
pub struct OrganizationFilter {
    organization: OrganizationId,
    name_contains: Option<String>,
}

impl Organization {
    /// Its workspaces that the caller can see, by name (Config API operation
    /// `listWorkspacesInOrganization`).
    pub fn workspaces(&self) -> ListOrganizationWorkspaces {
        List::new(self.client(), OrganizationFilter { organization: self.id(), name_contains: None })
    }
}

impl List<WorkspaceSummary> {
    /// Only those with this in their names, in upper or lower case. The server searches.
    pub fn name_contains(mut self, part: impl Into<String>) -> Self {
        self.filter.name_contains = Some(part.into());
        self
    }

    /// Only those with exactly this name.
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.name_contains(name.clone()).named(name)
    }
}

impl Listed for WorkspaceSummary {
    type Filter = OrganizationFilter;

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
            client.path().config_root()?;
            let body = &config::types::ListWorkspacesInOrganizationRequestBody {
                organization_id: filter.organization.into(),
                name_contains: filter.name_contains,
                pagination: Some(config::types::Pagination {
                    page_size: Some(limit.into()),
                    row_offset: Some(offset.into()),
                }),
            };
            let operation =
                Operation::read("listWorkspacesInOrganization").of("organization", filter.organization);
            let call = client.path().run(operation, |attempt| async move {
                attempt.config().list_workspaces_in_organization().body(body.clone()).send().await
            });
            Ok(call.await?.workspaces.into_iter().map(Self::from).collect())
        })
    }

    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { client.organization(filter.organization).info().await.map(drop) })
    }
}

impl Client {
    /// The workspaces that the caller has access to for one reason (operation `listWorkspaces`;
    /// `listPermissions` to learn of the reasons; `listWorkspacesInOrganization` of the Config API for those
    /// of organizations). [`Client::workspaces`] lists them all without asking why.
    pub async fn workspaces_in(&self, scope: WorkspaceScope) -> Result<Vec<WorkspaceSummary>> {
        match scope {
            WorkspaceScope::MemberOf => self.member_workspaces(&self.permissions().await?).await,
            WorkspaceScope::OrganizationAdmin => {
                self.path().config_root()?;
                let organizations = organizations_of(&self.permissions().await?);
                let lists = organizations.into_iter().map(|id| {
                    let list = self.organization(id).workspaces();
                    async move { list.await }
                });
                let lists: Vec<_> = stream::iter(lists).buffered(ORGANIZATIONS_AT_ONCE).try_collect().await?;
                Ok(lists.into_iter().flatten().collect())
            }
            WorkspaceScope::InstanceAdmin => {
                let permissions = self.permissions().await?;
                if !permissions.iter().any(|one| one.permission_type == PermissionType::InstanceAdmin) {
                    let message = "these credentials are not those of an administrator of the installation";
                    return Err(Error::new(ErrorKind::Forbidden, message).with_hint(
                        "ask for the workspaces of any scope to see all that they give access to",
                    ));
                }
                self.visible_workspaces().await
            }
            WorkspaceScope::Any => self.visible_workspaces().await,
        }
    }

    async fn visible_workspaces(&self) -> Result<Vec<WorkspaceSummary>> {
        let all = self.workspaces().await?;
        let summary = |info: crate::WorkspaceInfo| WorkspaceSummary {
            workspace_id: info.workspace_id,
            name: info.name,
            organization_id: None,
        };
        Ok(all.into_iter().map(summary).collect())
    }

    /// The workspaces that permissions name, without those that were deleted.
    pub(crate) async fn member_workspaces(
        &self,
        permissions: &[PermissionInfo],
    ) -> Result<Vec<WorkspaceSummary>> {
        let mut ids: Vec<WorkspaceId> = Vec::new();
        for permission in permissions {
            if let PermissionScope::Workspace(id) = permission.scope
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
        let mut workspaces = Vec::with_capacity(ids.len());
        for some in ids.chunks(IDS_AT_ONCE) {
            let call = self.path().run(Operation::read("listWorkspaces"), |attempt| async move {
                let ids: Vec<_> = some.iter().map(|id| (*id).into()).collect();
                attempt.public().list_workspaces().workspace_ids(ids).limit(100).send().await
            });
            workspaces.extend(call.await?.data.into_iter().map(WorkspaceSummary::from));
        }
        Ok(workspaces)
    }
}

fn organizations_of(permissions: &[PermissionInfo]) -> Vec<OrganizationId> {
    let mut ids = Vec::new();
    for permission in permissions {
        if let PermissionScope::Organization(id) = permission.scope
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids
}
