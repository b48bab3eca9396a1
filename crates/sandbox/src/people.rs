//! Further users and organizations of a sandbox: no operation of the API makes them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::http::{Role, new_application};
use crate::model::{
    Application, Grantee, GroupMember, Organization, Permission, Record, Scope, User, Workspace,
};

/// Somebody who is to use the sandbox beside the user of [`Ready`](crate::Ready), with less or with other rights.
///
/// ```no_run
/// use airbyte_sandbox::{NewUser, Role, Sandbox};
///
/// # async fn run() -> Result<(), airbyte_sandbox::Error> {
/// let sandbox = Sandbox::start().await?;
/// let workspace = sandbox.ready().workspace_id.clone();
/// let reader = sandbox.add_user(NewUser::named("Rosa").in_workspace(workspace, Role::Reader))?;
/// // ... a client with `reader.client_id` and `reader.client_secret` sees everything and changes nothing ...
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "the user is added by `Sandbox::add_user`"]
pub struct NewUser {
    name: String,
    email: Option<String>,
    status: Option<String>,
    grants: Vec<Grant>,
}

/// What a new user is given, by names that are still to be checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Grant {
    permission_type: String,
    workspace_id: Option<String>,
    organization_id: Option<String>,
}

/// How a user gets in.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserCredentials {
    /// The user's id.
    pub user_id: String,
    /// The client id of an application that is the user's.
    pub client_id: String,
    /// The secret of that application.
    pub client_secret: String,
}

/// An organization that was added, with its one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewOrganization {
    /// Its id.
    pub organization_id: String,
    /// The id of its workspace.
    pub workspace_id: String,
}

impl std::fmt::Debug for UserCredentials {
    // The secret is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserCredentials")
            .field("user_id", &self.user_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl NewUser {
    /// A user with this name who may do nothing at all.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), email: None, status: None, grants: Vec::new() }
    }

    /// The address. Default: one at `example.com` that begins with the name.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Gives a role in a workspace, by its id. May be called several times.
    pub fn in_workspace(mut self, id: impl Into<String>, role: Role) -> Self {
        let permission_type = format!("workspace_{}", role.word());
        self.grants.push(Grant { permission_type, workspace_id: Some(id.into()), organization_id: None });
        self
    }

    /// Gives a role in an organization, by its id, and so in all of its workspaces. May be called several times.
    pub fn in_organization(mut self, id: impl Into<String>, role: Role) -> Self {
        let permission_type = format!("organization_{}", role.word());
        self.grants.push(Grant { permission_type, workspace_id: None, organization_id: Some(id.into()) });
        self
    }

    /// Lets the user do everything everywhere.
    pub fn instance_admin(mut self) -> Self {
        let permission_type = "instance_admin".to_owned();
        self.grants.push(Grant { permission_type, workspace_id: None, organization_id: None });
        self
    }

    pub(crate) fn status(mut self, status: Option<String>) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn grants(mut self, grants: Vec<Grant>) -> Self {
        self.grants.extend(grants);
        self
    }
}

impl Grant {
    /// The permission, of a workspace or an organization that there is.
    fn permission(&self, app: &App, user: Uuid) -> Result<Permission, Error> {
        let wrong = |reason: &str| Error::Permission(format!("`{}`: {reason}", self.permission_type));
        let id = |text: &str| text.parse::<Uuid>().map_err(|_| wrong(&format!("`{text}` is no id")));
        let missing = |what: &str, id: Uuid| wrong(&format!("there is no {what} {id}"));
        let scope = match (&self.workspace_id, &self.organization_id) {
            (Some(workspace), None) => {
                let id = id(workspace)?;
                let found: Option<Workspace> = app.store.get(&id.to_string())?;
                Scope::Workspace(found.ok_or_else(|| missing("workspace", id))?.id)
            }
            (None, Some(organization)) => {
                let id = id(organization)?;
                let found: Option<Organization> = app.store.get(&id.to_string())?;
                Scope::Organization(found.ok_or_else(|| missing("organization", id))?.id)
            }
            (None, None) => Scope::Instance,
            (Some(_), Some(_)) => return Err(wrong("it is for a workspace or for an organization")),
        };
        let (place, word) = self.permission_type.split_once('_').unwrap_or_default();
        let fits = match (scope, Role::of_word(word)) {
            (Scope::Instance, role) => place == "instance" && role == Some(Role::Admin),
            // Members enter no workspace, and whole organizations have no editors of one side.
            (Scope::Workspace(_), Some(role)) => place == "workspace" && role != Role::Member,
            (Scope::Organization(_), Some(role)) => place == "organization" && !role.is_of_one_side(),
            (_, None) => false,
        };
        if !fits {
            return Err(wrong("there is no such permission there"));
        }
        let kind = self.permission_type.clone();
        Ok(Permission { id: Uuid::new_v4(), kind, grantee: Grantee::User(user), scope })
    }
}

impl App {
    /// Adds an organization with a workspace.
    pub(crate) fn add_organization(
        &self,
        name: String,
        administrator: Option<Uuid>,
    ) -> Result<NewOrganization, Error> {
        let organization =
            Organization { id: Uuid::new_v4(), name: name.clone(), email: "sandbox@example.com".to_owned() };
        let workspace = Workspace {
            id: Uuid::new_v4(),
            organization_id: organization.id,
            name,
            deleted: false,
            region_id: None,
            notifications: serde_json::Value::Null,
        };
        self.store.change(|| {
            self.store.put(&organization)?;
            if let Some(user) = administrator {
                let (kind, scope) = ("organization_admin".to_owned(), Scope::Organization(organization.id));
                let grantee = Grantee::User(user);
                self.store.put(&Permission { id: Uuid::new_v4(), kind, grantee, scope })?;
            }
            self.store.put(&workspace)
        })?;
        let (organization, workspace) = (organization.id.to_string(), workspace.id.to_string());
        Ok(NewOrganization { organization_id: organization, workspace_id: workspace })
    }

    /// Adds a user with an application.
    pub(crate) fn add_user(&self, new: NewUser) -> Result<UserCredentials, Error> {
        let id = Uuid::new_v4();
        let granted = new.grants.iter().map(|grant| grant.permission(self, id));
        let permissions = granted.collect::<Result<Vec<_>, _>>()?;
        let local_part = new.name.to_lowercase().replace(char::is_whitespace, ".");
        let email = new.email.unwrap_or_else(|| format!("{local_part}@example.com"));
        let application = new_application(self, id, &format!("{} Application", new.name));
        self.store.change(|| {
            self.store.put(&User {
                id,
                auth_id: Uuid::new_v4().to_string(),
                name: new.name,
                email,
                status: new.status.unwrap_or_else(|| "registered".to_owned()),
                default_workspace_id: None,
            })?;
            self.store.put_all(&permissions)?;
            self.store.put(&application)
        })?;
        let Application { client_id, client_secret, .. } = application;
        Ok(UserCredentials { user_id: id.to_string(), client_id, client_secret })
    }

    /// Removes a user with all that is this one's. Whether there was one.
    pub(crate) fn remove_user(&self, id: Uuid) -> Result<bool, Error> {
        self.store.change(|| {
            let known = self.store.get::<User>(&id.to_string())?.is_some();
            for permission in self.permissions_of(Grantee::User(id))? {
                self.store.delete::<Permission>(&permission.id())?;
            }
            for member in self.store.list::<GroupMember>()?.iter().filter(|member| member.user_id == id) {
                self.store.delete::<GroupMember>(&member.id())?;
            }
            for application in self.applications_of(id)? {
                self.store.delete::<Application>(&application.id())?;
            }
            self.store.delete::<User>(&id.to_string())?;
            Ok(known)
        })
    }
}
