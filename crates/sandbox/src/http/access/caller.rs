//! Who asks, and what this one may do.

use uuid::Uuid;

use super::Role;
use super::named::Place;
use crate::app::App;
use crate::auth::Bearer;
use crate::model::{Grantee, GroupMember, Organization, Permission, Scope, User, Workspace};

/// The user whom a request's token stands for, with what this one has been given, also as the member of a group.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    bearer: Bearer,
    permissions: Vec<Permission>,
}

impl Caller {
    /// The bearer of a token as of now. `None` if there is no such user any more.
    pub(crate) fn of(app: &App, bearer: Bearer) -> rusqlite::Result<Option<Self>> {
        let user: Option<User> = app.store.get(&bearer.user.to_string())?;
        if user.is_none_or(|user| user.is_disabled()) {
            return Ok(None);
        }
        // A token for one workspace has a role of its own and none of the user's who asked for it.
        let permissions = if bearer.only.is_some() { Vec::new() } else { permissions(app, bearer.user)? };
        Ok(Some(Self { bearer, permissions }))
    }

    /// A user's roles, whoever asks.
    pub(crate) fn as_user(app: &App, user: Uuid) -> rusqlite::Result<Self> {
        Ok(Self { bearer: Bearer { user, only: None }, permissions: permissions(app, user)? })
    }

    pub(crate) fn user_id(&self) -> Uuid {
        self.bearer.user
    }

    /// The one workspace that the token is for.
    pub(super) fn only(&self) -> Option<Uuid> {
        self.bearer.only
    }

    pub(crate) fn is_instance_admin(&self) -> bool {
        self.permissions.iter().any(|one| one.scope == Scope::Instance && one.kind == "instance_admin")
    }

    /// Whether the caller has one of the roles, or a higher one, at that place.
    pub(super) fn has_one_of(&self, needed: &[Role], place: Place) -> bool {
        self.permissions.iter().filter_map(|one| role_at(one, place)).any(|held| {
            let is_of_workspace = matches!(place, Place::Workspace { .. });
            // To be a member is to enter no workspace.
            (held != Role::Member || !is_of_workspace) && needed.iter().any(|role| held.includes(*role))
        })
    }

    /// Whether the caller may do in the workspace what the role is needed for.
    pub(crate) fn may(&self, role: Role, workspace: &Workspace) -> bool {
        let place = Place::Workspace { id: workspace.id, organization: workspace.organization_id };
        self.is_instance_admin() || self.has_one_of(&[role], place)
    }

    /// The same in an organization.
    pub(crate) fn may_in(&self, role: Role, organization: Uuid) -> bool {
        self.is_instance_admin() || self.has_one_of(&[role], Place::Organization(organization))
    }

    /// Whether the caller belongs to an organization, or to one of its workspaces.
    pub(crate) fn belongs_to(&self, organization: Uuid, workspaces: &[Workspace]) -> bool {
        self.permissions.iter().any(|permission| match permission.scope {
            Scope::Instance => true,
            Scope::Organization(id) => id == organization,
            Scope::Workspace(id) => {
                workspaces.iter().any(|one| one.id == id && one.organization_id == organization)
            }
        })
    }

    /// The workspaces that the caller may read, deleted ones too; `None` if that is all of them.
    pub(crate) fn readable(&self, app: &App) -> rusqlite::Result<Option<Vec<Uuid>>> {
        if self.is_instance_admin() {
            return Ok(None);
        }
        let all = app.store.all::<Workspace>()?;
        Ok(Some(all.iter().filter(|one| self.may(Role::Reader, one)).map(|one| one.id).collect()))
    }

    /// The organizations that the caller belongs to.
    pub(crate) fn organizations(&self, app: &App) -> rusqlite::Result<Vec<Organization>> {
        let workspaces: Vec<Workspace> = app.store.list()?;
        let mut organizations: Vec<Organization> = app.store.list()?;
        organizations.retain(|organization| self.belongs_to(organization.id, &workspaces));
        Ok(organizations)
    }
}

/// A user's own permissions and those of the user's groups.
fn permissions(app: &App, user: Uuid) -> rusqlite::Result<Vec<Permission>> {
    let members = app.store.all::<GroupMember>()?;
    let groups: Vec<Uuid> =
        members.iter().filter(|member| member.user_id == user).map(|member| member.group_id).collect();
    let all = app.store.all::<Permission>()?;
    let has = |one: &&Permission| match one.grantee {
        Grantee::User(id) => id == user,
        Grantee::Group(id) => groups.contains(&id),
    };
    Ok(all.iter().filter(has).cloned().collect())
}

/// The role that a permission gives at a place: one for an organization is good for its workspaces, too.
fn role_at(permission: &Permission, place: Place) -> Option<Role> {
    let applies = match (permission.scope, place) {
        (Scope::Workspace(held), Place::Workspace { id, .. })
        | (Scope::Organization(held), Place::Organization(id) | Place::Workspace { organization: id, .. }) => {
            held == id
        }
        _ => false,
    };
    let (_, word) = permission.kind.split_once('_')?;
    if applies { Role::of_word(word) } else { None }
}
