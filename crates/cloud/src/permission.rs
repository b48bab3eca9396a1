//! Permissions: what a user may do in a workspace, an organization, or everywhere.

use std::fmt;

use airbyte_api_raw::public::types;
use serde::Serialize;
use uuid::Uuid;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, PermissionId, UserId, WorkspaceId};
use crate::open_enum::open_enum;

open_enum! {
    /// What somebody may do. Those of an organization hold in all of its workspaces, too.
    PermissionType {
        /// Everything, in the whole installation. Nobody can grant it.
        InstanceAdmin = "instance_admin",
        /// Everything in an organization.
        OrganizationAdmin = "organization_admin",
        /// Change what is in an organization.
        OrganizationEditor = "organization_editor",
        /// Start syncs in an organization.
        OrganizationRunner = "organization_runner",
        /// See what is in an organization.
        OrganizationReader = "organization_reader",
        /// Belong to an organization, and see none of its workspaces for that.
        OrganizationMember = "organization_member",
        /// An old word for [`WorkspaceAdmin`](Self::WorkspaceAdmin). Nobody can grant it.
        WorkspaceOwner = "workspace_owner",
        /// Everything in a workspace.
        WorkspaceAdmin = "workspace_admin",
        /// Change what is in a workspace.
        WorkspaceEditor = "workspace_editor",
        /// Change the sources of a workspace. The public API cannot grant it.
        WorkspaceSourceEditor = "workspace_source_editor",
        /// Change the destinations of a workspace. The public API cannot grant it.
        WorkspaceDestinationEditor = "workspace_destination_editor",
        /// Start syncs in a workspace.
        WorkspaceRunner = "workspace_runner",
        /// See what is in a workspace.
        WorkspaceReader = "workspace_reader",
    }
}

/// Where a permission holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "scope", content = "scope_id", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PermissionScope {
    /// In one workspace.
    Workspace(WorkspaceId),
    /// In an organization and its workspaces.
    Organization(OrganizationId),
    /// Everywhere.
    Instance,
}

impl PermissionScope {
    /// The two members of a request, of which the server wants exactly one.
    pub(crate) fn members(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Self::Workspace(id) => (Some(id.into()), None),
            Self::Organization(id) => (None, Some(id.into())),
            Self::Instance => (None, None),
        }
    }

    pub(crate) fn from_members(workspace: Option<Uuid>, organization: Option<Uuid>) -> Self {
        match (workspace, organization) {
            (Some(id), _) => Self::Workspace(id.into()),
            (None, Some(id)) => Self::Organization(id.into()),
            (None, None) => Self::Instance,
        }
    }
}

impl From<WorkspaceId> for PermissionScope {
    fn from(id: WorkspaceId) -> Self {
        Self::Workspace(id)
    }
}

impl From<OrganizationId> for PermissionScope {
    fn from(id: OrganizationId) -> Self {
        Self::Organization(id)
    }
}

impl fmt::Display for PermissionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(id) => write!(f, "workspace {id}"),
            Self::Organization(id) => write!(f, "organization {id}"),
            Self::Instance => f.write_str("the whole installation"),
        }
    }
}

/// What the server says about a user's permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PermissionInfo {
    /// Its id.
    pub permission_id: PermissionId,
    /// What it allows.
    pub permission_type: PermissionType,
    /// Whom it allows that.
    pub user_id: UserId,
    /// Where it holds.
    #[serde(flatten)]
    pub scope: PermissionScope,
}

impl From<types::PermissionResponse> for PermissionInfo {
    fn from(response: types::PermissionResponse) -> Self {
        Self {
            permission_id: response.permission_id.into(),
            permission_type: PermissionType::from(response.permission_type.as_str()),
            user_id: UserId::new(response.user_id.0),
            scope: PermissionScope::from_members(
                response.workspace_id.map(|id| id.0),
                response.organization_id.map(|id| id.0),
            ),
        }
    }
}

impl From<types::PermissionResponseRead> for PermissionInfo {
    fn from(response: types::PermissionResponseRead) -> Self {
        Self {
            permission_id: response.permission_id.into(),
            permission_type: PermissionType::from(response.permission_type.as_str()),
            user_id: UserId::new(response.user_id.0),
            scope: match response.scope {
                types::PermissionScope::Workspace => PermissionScope::Workspace(response.scope_id.into()),
                types::PermissionScope::Organization => {
                    PermissionScope::Organization(response.scope_id.into())
                }
                _ => PermissionScope::Instance,
            },
        }
    }
}

/// A user's permission, by its id; made by [`Client::permission`].
#[derive(Clone, Debug)]
pub struct Permission {
    client: Client,
    id: PermissionId,
}

impl Permission {
    /// Its id.
    pub fn id(&self) -> PermissionId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getPermission`). An unknown id is a failure of the server
    /// (status 500).
    pub async fn info(&self) -> Result<PermissionInfo> {
        let id = self.id;
        let operation = Operation::read("getPermission").of("permission", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_permission().permission_id(id).send().await
        });
        call.await.map(PermissionInfo::from)
    }

    /// Makes it allow something else in the same place (operation `updatePermission`). Taking away the last
    /// administrator of an organization is a [`Conflict`](ErrorKind::Conflict).
    pub async fn change(&self, to: PermissionType) -> Result<PermissionInfo> {
        check_grantable(&to)?;
        let id = self.id;
        let body =
            &types::PermissionUpdateRequest { permission_type: types::PermissionType::from(to.as_str()) };
        let operation = Operation::change("updatePermission").on("permission", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().update_permission().permission_id(id).body(body.clone()).send().await
        });
        call.await.map(PermissionInfo::from)
    }

    /// Takes it away (operation `deletePermission`). Taking away the last administrator of an organization is
    /// a [`Conflict`](ErrorKind::Conflict). Sent once only: the server fails on a permission that is gone.
    pub async fn revoke(&self) -> Result<()> {
        let id = self.id;
        let operation = Operation::once("deletePermission").on("permission", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().delete_permission().permission_id(id).send().await
        });
        call.await
    }
}

impl Client {
    /// The permissions of the user that these credentials belong to (operation `listPermissions`).
    pub async fn permissions(&self) -> Result<Vec<PermissionInfo>> {
        self.list_permissions(None).await
    }

    /// A permission by its id. No request is made, so it may not exist.
    pub fn permission(&self, id: PermissionId) -> Permission {
        Permission { client: self.clone(), id }
    }

    /// Allows a user something in a workspace or organization (operation `createPermission`). Granting what
    /// was granted before changes nothing and gives the same permission.
    ///
    /// A type that does not belong to the place, or that nobody can grant, is
    /// [`InvalidInput`](ErrorKind::InvalidInput) before any request.
    ///
    /// ```no_run
    /// # async fn example(client: airbyte_cloud::Client, user: airbyte_cloud::UserId,
    /// #     workspace: airbyte_cloud::WorkspaceId) -> airbyte_cloud::Result<()> {
    /// use airbyte_cloud::PermissionType;
    ///
    /// let permission = client.grant(user, workspace, PermissionType::WorkspaceReader).await?;
    /// client.permission(permission.permission_id).revoke().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn grant(
        &self,
        user: UserId,
        scope: impl Into<PermissionScope>,
        permission: PermissionType,
    ) -> Result<PermissionInfo> {
        let scope = scope.into();
        check_fits(&permission, scope)?;
        let (workspace, organization) = scope.members();
        let body = &types::PermissionCreateRequest {
            permission_type: types::PublicPermissionType::from(permission.as_str()),
            user_id: types::UserId(user.into()),
            workspace_id: workspace.map(types::WorkspaceId),
            organization_id: organization.map(types::OrganizationId),
        };
        // Repeatable because the server answers with the permission that is there already.
        let operation = Operation::change("createPermission").on("user", user);
        let call = self.path().run(operation, |attempt| async move {
            attempt.public().create_permission().body(body.clone()).send().await
        });
        call.await.map(PermissionInfo::from)
    }

    /// The permissions of the caller, or of another user in one organization.
    pub(crate) async fn list_permissions(
        &self,
        of: Option<(UserId, OrganizationId)>,
    ) -> Result<Vec<PermissionInfo>> {
        let call = self.path().run(Operation::read("listPermissions"), |attempt| async move {
            let api = attempt.public();
            let mut list = api.list_permissions();
            if let Some((user, organization)) = of {
                list = list.user_id(user).organization_id(organization);
            }
            list.send().await
        });
        Ok(call.await?.data.into_iter().map(PermissionInfo::from).collect())
    }
}

/// Refuses what the server would refuse: types that cannot be granted, and those of another kind of place.
pub(crate) fn check_fits(permission: &PermissionType, scope: PermissionScope) -> Result<()> {
    check_grantable(permission)?;
    let prefix = match scope {
        PermissionScope::Workspace(_) => "workspace_",
        PermissionScope::Organization(_) => "organization_",
        PermissionScope::Instance => {
            return Err(refused("nothing can be granted in the whole installation"));
        }
    };
    if permission.as_str().starts_with(prefix) {
        return Ok(());
    }
    Err(refused(format!("{permission} cannot be granted in {scope}"))
        .with_hint(format!("the permissions that can be begin with {prefix}")))
}

fn check_grantable(permission: &PermissionType) -> Result<()> {
    match permission {
        PermissionType::InstanceAdmin
        | PermissionType::WorkspaceOwner
        | PermissionType::WorkspaceSourceEditor
        | PermissionType::WorkspaceDestinationEditor => {
            Err(refused(format!("{permission} cannot be granted")))
        }
        _ => Ok(()),
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> PermissionScope {
        PermissionScope::Workspace(Uuid::from_u128(1).into())
    }

    fn organization() -> PermissionScope {
        PermissionScope::Organization(Uuid::from_u128(2).into())
    }

    #[test]
    fn a_permission_fits_the_place_it_is_named_after() {
        check_fits(&PermissionType::WorkspaceReader, workspace()).unwrap();
        check_fits(&PermissionType::OrganizationMember, organization()).unwrap();
        // A word of a newer server.
        check_fits(&PermissionType::from("workspace_painter"), workspace()).unwrap();
        for (permission, scope) in [
            (PermissionType::WorkspaceReader, organization()),
            (PermissionType::OrganizationAdmin, workspace()),
            (PermissionType::WorkspaceOwner, workspace()),
            (PermissionType::WorkspaceSourceEditor, workspace()),
            (PermissionType::InstanceAdmin, PermissionScope::Instance),
            (PermissionType::from("painter"), workspace()),
        ] {
            let error = check_fits(&permission, scope).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{permission} in {scope}");
        }
    }

    #[test]
    fn as_json_the_scope_is_two_keys() {
        let info = PermissionInfo {
            permission_id: Uuid::from_u128(3).into(),
            permission_type: PermissionType::WorkspaceAdmin,
            user_id: Uuid::from_u128(4).into(),
            scope: workspace(),
        };
        let json = serde_json::to_value(&info).unwrap();
        assert_eq!(json["scope"], "workspace");
        assert_eq!(json["scope_id"], "00000000-0000-0000-0000-000000000001");
        let json = serde_json::to_value(PermissionInfo { scope: PermissionScope::Instance, ..info }).unwrap();
        assert_eq!(json["scope"], "instance");
    }
}
