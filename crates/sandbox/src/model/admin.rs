//! The objects around workspaces: organizations, people and what they may do, tags, regions, definitions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Record, Side};

/// An organization.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub id: Uuid,
    pub name: String,
    pub email: String,
}

/// How an organization of Cloud pays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Billing {
    pub organization_id: Uuid,
    /// `uninitialized`, `okay`, `grace_period`, `disabled`, `locked` or `manual`.
    pub payment_status: String,
    /// `pre_subscription`, `unsubscribed` or `subscribed`.
    pub subscription_status: Option<String>,
}

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub id: Uuid,
    /// The subject of this user's tokens.
    pub auth_id: String,
    pub name: String,
    pub email: String,
    /// `registered`, `invited` or `disabled`.
    pub status: String,
    pub default_workspace_id: Option<Uuid>,
}

impl User {
    pub(crate) fn is_disabled(&self) -> bool {
        self.status == "disabled"
    }
}

/// Whose a permission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grantee {
    User(Uuid),
    Group(Uuid),
}

/// What a permission is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    Instance,
    Organization(Uuid),
    Workspace(Uuid),
}

/// What a user or the members of a group may do, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Permission {
    pub id: Uuid,
    /// The server's name of the role: `instance_admin`, `workspace_reader`, ….
    pub kind: String,
    pub grantee: Grantee,
    pub scope: Scope,
}

/// Users of an organization that are given permissions together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub description: Option<String>,
}

/// That a user is in a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupMember {
    pub id: Uuid,
    pub group_id: Uuid,
    pub user_id: Uuid,
}

/// A label of connections.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
}

/// Where connectors of a workspace run; the Config API calls it a data plane group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Region {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub deleted: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// One installation of a region that runs connectors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dataplane {
    pub id: Uuid,
    pub region_id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub deleted: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What a client takes its tokens with.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Application {
    pub id: Uuid,
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
    pub created_at: i64,
    /// Whose it is; the sandbox's own user in folders from before there were others.
    #[serde(default)]
    pub user_id: Option<Uuid>,
}

/// What a user was asked to consent to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Consent {
    /// What the provider gives back with its answer.
    pub state: Uuid,
    pub workspace_id: Uuid,
    pub definition_id: Uuid,
    /// Where the user is sent on to.
    pub redirect_url: String,
    /// What the provider tells once there is consent; gone when it was used.
    pub code: Option<String>,
    /// What was made of the consent.
    pub secret_id: Option<Uuid>,
}

/// A connector that a user has added as an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CustomDefinition {
    pub id: Uuid,
    pub side: Side,
    pub workspace_id: Uuid,
    pub name: String,
    pub docker_repository: String,
    pub docker_image_tag: String,
    pub documentation_url: String,
}

/// By how much the sandbox's time was moved ahead. There is one of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClockAhead {
    pub ahead: Duration,
}

impl ClockAhead {
    pub(crate) const ID: &'static str = "clock";
}

record!(ClockAhead, "clock_ahead", self => Self::ID.to_owned());
record!(Organization, "organization", self => self.id.to_string());
record!(Billing, "billing", self => self.organization_id.to_string());
record!(User, "user", self => self.id.to_string());
record!(Permission, "permission", self => self.id.to_string());
record!(Group, "group", self => self.id.to_string());
record!(GroupMember, "group_member", self => self.id.to_string());
record!(Tag, "tag", self => self.id.to_string());
record!(Region, "region", self => self.id.to_string());
record!(Dataplane, "dataplane", self => self.id.to_string());
record!(Application, "application", self => self.id.to_string());
record!(Consent, "consent", self => self.state.to_string());
record!(CustomDefinition, "custom_definition", self => self.id.to_string());
