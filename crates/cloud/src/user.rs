//! Users: those of an organization, and the one that the credentials belong to.

use std::future::IntoFuture;

use airbyte_api_raw::{config, public};
use futures::future::BoxFuture;
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, UserId, WorkspaceId};
use crate::open_enum::open_enum;
use crate::permission::PermissionInfo;

/// What the server says about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UserInfo {
    /// Its id.
    pub user_id: UserId,
    /// Its name, where it gave one.
    pub name: Option<String>,
    /// Its address.
    pub email: String,
}

impl From<public::types::UserResponse> for UserInfo {
    fn from(response: public::types::UserResponse) -> Self {
        Self { user_id: UserId::new(response.id.0), name: response.name, email: response.email }
    }
}

/// Lists the users of an organization; made by [`Organization::users`](crate::Organization::users), run by
/// `.await`. The server has no pages for them.
#[derive(Clone, Debug)]
#[must_use = "nothing is listed until it is awaited"]
pub struct ListUsers {
    client: Client,
    organization: OrganizationId,
    ids: Vec<UserId>,
    emails: Vec<String>,
}

impl ListUsers {
    pub(crate) fn new(client: Client, organization: OrganizationId) -> Self {
        Self { client, organization, ids: Vec::new(), emails: Vec::new() }
    }

    /// Only those with one of these ids, besides those that [`emails`](Self::emails) names.
    pub fn ids(mut self, ids: impl IntoIterator<Item = UserId>) -> Self {
        self.ids.extend(ids);
        self
    }

    /// Only those with one of these addresses, besides those that [`ids`](Self::ids) names.
    pub fn emails(mut self, emails: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.emails.extend(emails.into_iter().map(Into::into));
        self
    }

    async fn list(self) -> Result<Vec<UserInfo>> {
        let list = &self;
        let operation =
            Operation::read("listUsersWithinAnOrganization").of("organization", self.organization);
        let call = self.client.path().run(operation, |attempt| async move {
            let api = attempt.public();
            let mut request = api.list_users_within_an_organization().organization_id(list.organization);
            if !list.ids.is_empty() {
                request = request.ids(list.ids.iter().map(|id| (*id).into()).collect::<Vec<_>>());
            }
            if !list.emails.is_empty() {
                request = request.emails(list.emails.clone());
            }
            request.send().await
        });
        Ok(call.await?.data.into_iter().map(UserInfo::from).collect())
    }
}

impl IntoFuture for ListUsers {
    type Output = Result<Vec<UserInfo>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.list())
    }
}

open_enum! {
    /// Where a user stands.
    UserStatus {
        /// Was invited and has not come yet.
        Invited = "invited",
        /// Can work.
        Registered = "registered",
        /// Is locked out.
        Disabled = "disabled",
    }
}

/// The user that the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CurrentUser {
    /// Its id.
    pub user_id: UserId,
    /// Its name, where it gave one.
    pub name: Option<String>,
    /// Its address.
    pub email: String,
    /// Where it stands.
    pub status: Option<UserStatus>,
    /// The workspace it begins in.
    pub default_workspace_id: Option<WorkspaceId>,
    /// What it may do.
    pub permissions: Vec<PermissionInfo>,
}

impl CurrentUser {
    fn new(user: config::types::UserRead, permissions: Vec<PermissionInfo>) -> Self {
        Self {
            user_id: UserId::new(user.user_id.0),
            name: user.name,
            email: user.email,
            status: user.status.map(|status| UserStatus::from(status.as_str())),
            default_workspace_id: user.default_workspace_id.map(|id| WorkspaceId::new(id.0)),
            permissions,
        }
    }
}

impl Client {
    /// The user that these credentials belong to, with its permissions (operation `listPermissions`, then
    /// `getUser` of the Config API).
    ///
    /// Whose they are is learnt from the permissions, since not every edition's tokens tell it.
    pub async fn current_user(&self) -> Result<CurrentUser> {
        self.path().config_root()?;
        let permissions = self.permissions().await?;
        let id = caller(&permissions)?;
        let body = &config::types::UserIdRequestBody { user_id: config::types::UserId(id.into()) };
        let operation = Operation::read("getUser").of("user", id);
        let call = self.path().run(operation, |attempt| async move {
            attempt.config().get_user().body(body.clone()).send().await
        });
        Ok(CurrentUser::new(call.await?, permissions))
    }

    /// Makes a workspace the one that this user begins in (operation `updateUser` of the Config API). A
    /// workspace that these credentials cannot see is [`NotFound`](ErrorKind::NotFound).
    pub async fn set_default_workspace(&self, workspace: WorkspaceId) -> Result<CurrentUser> {
        self.path().config_root()?;
        // The server would take any id.
        self.workspace(workspace).info().await?;
        let permissions = self.permissions().await?;
        let id = caller(&permissions)?;
        let body = &config::types::UserUpdate {
            user_id: config::types::UserId(id.into()),
            default_workspace_id: Some(config::types::WorkspaceId(workspace.into())),
            company_name: None,
            metadata: None,
            name: None,
            news: None,
            status: None,
        };
        let operation = Operation::change("updateUser").on("user", id);
        let call = self.path().run(operation, |attempt| async move {
            attempt.config().update_user().body(body.clone()).send().await
        });
        Ok(CurrentUser::new(call.await?, permissions))
    }
}

fn caller(permissions: &[PermissionInfo]) -> Result<UserId> {
    permissions.first().map(|permission| permission.user_id).ok_or_else(|| {
        Error::new(ErrorKind::Forbidden, "these credentials have no permission at all, so they tell no user")
            .with_hint("an administrator has to grant the application's user one")
    })
}
