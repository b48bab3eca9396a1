//! Where the user of the credentials works, unless told otherwise.

use serde::Serialize;

use crate::client::Client;
use crate::error::Result;
use crate::organization::OrganizationInfo;
use crate::user::CurrentUser;
use crate::workspace::WorkspaceInfo;
use crate::workspace_scope::WorkspaceSummary;

/// Who the caller is, where it works unless told otherwise, and where else it could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DefaultContext {
    /// The user that the credentials belong to.
    pub user: CurrentUser,
    /// The workspace of the settings; else the one that the user begins in; else the only one that a
    /// permission of the user names.
    pub workspace: Option<WorkspaceInfo>,
    /// The organization of the settings; else the one of that workspace; else the only one that the user
    /// belongs to.
    pub organization: Option<OrganizationInfo>,
    /// The workspaces that permissions of the user name.
    pub member_workspaces: Vec<WorkspaceSummary>,
    /// The organizations that the user belongs to.
    pub member_organizations: Vec<OrganizationInfo>,
}

impl Client {
    /// Who the caller is and where it works. Makes about six requests, some of them to the Config API.
    ///
    /// A workspace or organization of the settings that does not exist is
    /// [`NotFound`](crate::ErrorKind::NotFound); one that the user begins in and that is gone is passed over.
    pub async fn default_context(&self) -> Result<DefaultContext> {
        let user = self.current_user().await?;
        let member_workspaces = self.member_workspaces(&user.permissions).await?;
        let member_organizations = self.organizations().await?;
        let workspace = self.begin_in(&user, &member_workspaces).await?;
        let organization = match (&self.settings().organization_id, &workspace) {
            (Some(chosen), _) => Some(self.organization(chosen.value).info().await?),
            (None, Some(workspace)) => {
                let found = self.workspace(workspace.workspace_id).organization().await?;
                let known = member_organizations
                    .iter()
                    .find(|member| member.organization_id == found.organization_id);
                Some(known.cloned().unwrap_or(found))
            }
            (None, None) => only(&member_organizations).cloned(),
        };
        Ok(DefaultContext { user, workspace, organization, member_workspaces, member_organizations })
    }

    async fn begin_in(
        &self,
        user: &CurrentUser,
        members: &[WorkspaceSummary],
    ) -> Result<Option<WorkspaceInfo>> {
        if let Some(chosen) = &self.settings().workspace_id {
            return self.workspace(chosen.value).info().await.map(Some);
        }
        let candidates = [user.default_workspace_id, only(members).map(|member| member.workspace_id)];
        for id in candidates.into_iter().flatten() {
            match self.workspace(id).info().await {
                Ok(info) => return Ok(Some(info)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn only<T>(all: &[T]) -> Option<&T> {
    match all {
        [one] => Some(one),
        _ => None,
    }
}
