//! Groups of an organization's users, and what they may do.

use airbyte_api_raw::public::types;
use futures::future::BoxFuture;
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::ids::{GroupId, OrganizationId, PermissionId, UserId};
use crate::list::{List, Listed};
use crate::organization::Organization;
use crate::permission::{PermissionScope, PermissionType, check_fits};

/// What the server says about a group of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GroupInfo {
    /// Its id.
    pub group_id: GroupId,
    /// Its name; unique in its organization.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// How many users are in it.
    pub member_count: i64,
}

impl From<types::GroupResponse> for GroupInfo {
    fn from(response: types::GroupResponse) -> Self {
        Self {
            group_id: response.group_id.into(),
            name: response.name,
            description: response.description,
            organization_id: response.organization_id.into(),
            member_count: response.member_count,
        }
    }
}

/// What the server says about a user in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GroupMemberInfo {
    /// The group.
    pub group_id: GroupId,
    /// The user.
    pub user_id: UserId,
    /// Its name, where it gave one.
    pub name: Option<String>,
    /// Its address.
    pub email: String,
}

impl From<types::GroupMemberResponse> for GroupMemberInfo {
    fn from(response: types::GroupMemberResponse) -> Self {
        Self {
            group_id: response.group_id.into(),
            user_id: response.user_id.into(),
            name: response.user_name,
            email: response.user_email,
        }
    }
}

/// What the server says about a group's permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GroupPermissionInfo {
    /// Its id.
    pub permission_id: PermissionId,
    /// The group whose members have it.
    pub group_id: GroupId,
    /// What it allows.
    pub permission_type: PermissionType,
    /// Where it holds.
    #[serde(flatten)]
    pub scope: PermissionScope,
}

impl From<types::GroupPermissionResponse> for GroupPermissionInfo {
    fn from(response: types::GroupPermissionResponse) -> Self {
        Self {
            permission_id: response.permission_id.into(),
            group_id: response.group_id.into(),
            permission_type: PermissionType::from(response.permission_type.as_str()),
            scope: PermissionScope::from_members(response.workspace_id, response.organization_id),
        }
    }
}

/// A list of groups (operation `listGroups`).
pub type ListGroups = List<GroupInfo>;

/// A list of the users in a group (operation `listGroupMembers`), the newest members first.
pub type ListGroupMembers = List<GroupMemberInfo>;

/// A group of users, by its id; made by [`Client::group`]. Groups belong to Airbyte Cloud's and Enterprise's
/// features: elsewhere their operations are [`Forbidden`](crate::ErrorKind::Forbidden).
#[derive(Clone, Debug)]
pub struct Group {
    client: Client,
    id: GroupId,
}

impl Group {
    /// Its id.
    pub fn id(&self) -> GroupId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getGroup`).
    pub async fn info(&self) -> Result<GroupInfo> {
        let id = self.id;
        let operation = Operation::read("getGroup").on("group", id);
        let call = self
            .client
            .path()
            .run(operation, |attempt| async move { attempt.public().get_group().group_id(id).send().await });
        call.await.map(GroupInfo::from)
    }

    /// Gives it another name (operation `updateGroup`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<GroupInfo> {
        self.update(types::GroupUpdateRequest { name: Some(name.into()), description: None }).await
    }

    /// Says what it is for (operation `updateGroup`).
    pub async fn describe(&self, description: impl Into<String>) -> Result<GroupInfo> {
        self.update(types::GroupUpdateRequest { name: None, description: Some(description.into()) }).await
    }

    async fn update(&self, change: types::GroupUpdateRequest) -> Result<GroupInfo> {
        let (id, change) = (self.id, &change);
        let operation = Operation::change("updateGroup").on("group", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().update_group().group_id(id).body(change.clone()).send().await
        });
        call.await.map(GroupInfo::from)
    }

    /// Deletes it; its users stay (operation `deleteGroup`).
    pub async fn delete(&self) -> Result<()> {
        let id = self.id;
        let operation = Operation::change("deleteGroup").on("group", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().delete_group().group_id(id).send().await
        });
        call.await.or_else(Error::gone_on_repeat)
    }

    /// The users in it (operation `listGroupMembers`), the newest members first.
    pub fn members(&self) -> ListGroupMembers {
        List::new(&self.client, self.id)
    }

    /// Puts a user of the organization into it (operation `addGroupMember`). One that is in it already is a
    /// [`Conflict`](crate::ErrorKind::Conflict).
    pub async fn add_member(&self, user: UserId) -> Result<GroupMemberInfo> {
        let id = self.id;
        let body = &types::GroupMemberAddRequest { user_id: user.into() };
        let operation = Operation::once("addGroupMember").on("group", id).safe_to_ask_again();
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().add_group_member().group_id(id).body(body.clone()).send().await
        });
        call.await.map(GroupMemberInfo::from)
    }

    /// Takes a user out of it (operation `removeGroupMember`). One that is not in it is no error.
    pub async fn remove_member(&self, user: UserId) -> Result<()> {
        let id = self.id;
        let operation = Operation::change("removeGroupMember").on("group", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().remove_group_member().group_id(id).user_id(user).send().await
        });
        call.await
    }

    /// What its members may do (operation `listGroupPermissions`).
    pub async fn permissions(&self) -> Result<Vec<GroupPermissionInfo>> {
        let id = self.id;
        let operation = Operation::read("listGroupPermissions").on("group", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().list_group_permissions().group_id(id).send().await
        });
        Ok(call.await?.data.into_iter().map(GroupPermissionInfo::from).collect())
    }

    /// Allows its members something in a workspace or organization (operation `createGroupPermission`).
    ///
    /// A type that does not belong to the place, or that nobody can grant, is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) before any request; so is, by the server, what was
    /// granted before.
    pub async fn grant(
        &self,
        scope: impl Into<PermissionScope>,
        permission: PermissionType,
    ) -> Result<GroupPermissionInfo> {
        let scope = scope.into();
        check_fits(&permission, scope)?;
        let (workspace_id, organization_id) = scope.members();
        let id = self.id;
        let body = &types::GroupPermissionCreateRequest {
            permission_type: types::PermissionType::from(permission.as_str()),
            workspace_id,
            organization_id,
            extra: serde_json::Map::default(),
        };
        let operation = Operation::once("createGroupPermission").on("group", id).safe_to_ask_again();
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().create_group_permission().group_id(id).body(body.clone()).send().await
        });
        call.await.map(GroupPermissionInfo::from)
    }

    /// Takes one of its permissions away (operation `deleteGroupPermission`).
    pub async fn revoke(&self, permission: PermissionId) -> Result<()> {
        let id = self.id;
        let operation = Operation::change("deleteGroupPermission").on("permission", permission);
        let call = self.client.path().run(operation, |attempt| async move {
            let api = attempt.public();
            api.delete_group_permission().group_id(id).permission_id(permission).send().await
        });
        call.await.or_else(Error::gone_on_repeat)
    }
}

impl Client {
    /// A group by its id. No request is made, so it may not exist.
    pub fn group(&self, id: GroupId) -> Group {
        Group { client: self.clone(), id }
    }
}

impl Organization {
    /// Its groups of users (operation `listGroups`).
    pub fn groups(&self) -> ListGroups {
        List::new(self.client(), self.id())
    }

    /// Makes a group without members (operation `createGroup`). A name that another group of the
    /// organization has is a [`Conflict`](crate::ErrorKind::Conflict).
    pub async fn create_group(
        &self,
        name: impl Into<String>,
        description: Option<String>,
    ) -> Result<GroupInfo> {
        let body =
            &types::GroupCreateRequest { name: name.into(), description, organization_id: self.id().into() };
        let operation = Operation::once("createGroup").on("organization", self.id());
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.public().create_group().body(body.clone()).send().await
        });
        call.await
            .map(GroupInfo::from)
            .map_err(|error| error.perhaps_created(&format!("group `{}`", body.name)))
    }
}

impl Listed for GroupInfo {
    type Filter = OrganizationId;

    fn key(&self) -> u128 {
        self.group_id.as_uuid().as_u128()
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn fetch(
        client: Client,
        organization: OrganizationId,
        offset: i32,
        limit: i32,
    ) -> BoxFuture<'static, Result<Vec<Self>>> {
        Box::pin(async move {
            let operation = Operation::read("listGroups").on("organization", organization);
            let call = client.path().run(operation, |attempt| async move {
                let api = attempt.public();
                api.list_groups().organization_id(organization).limit(limit).offset(offset).send().await
            });
            Ok(call.await?.data.into_iter().map(Self::from).collect())
        })
    }

    fn verify(_client: Client, _filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        // The role in the organization was checked with the list.
        Box::pin(async { Ok(()) })
    }
}

impl List<GroupInfo> {
    /// Only the one with exactly this name. The server cannot search by name, so the whole list is read.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.named(name)
    }
}

impl Listed for GroupMemberInfo {
    type Filter = GroupId;

    fn key(&self) -> u128 {
        self.user_id.as_uuid().as_u128()
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn fetch(
        client: Client,
        group: GroupId,
        offset: i32,
        limit: i32,
    ) -> BoxFuture<'static, Result<Vec<Self>>> {
        Box::pin(async move {
            let operation = Operation::read("listGroupMembers").on("group", group);
            let call = client.path().run(operation, |attempt| async move {
                let api = attempt.public();
                api.list_group_members().group_id(group).limit(limit).offset(offset).send().await
            });
            Ok(call.await?.data.into_iter().map(Self::from).collect())
        })
    }

    fn grows_at_front(_group: &GroupId) -> bool {
        true
    }

    fn verify(_client: Client, _filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        // An unknown group is not found already.
        Box::pin(async { Ok(()) })
    }
}
