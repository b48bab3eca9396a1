//! Permissions of users.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::MethodFilter as M;
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::TheCaller;
use super::answer::{Answer, Refusal, object};
use super::op;
use super::request::{Body, Parameters};
use crate::app::App;
use crate::model::{Grantee, Organization, Permission, Record, Scope, User, Workspace};

/// What a user of an organization or a workspace can be given.
const GRANTED: &[&str] = &[
    "organization_admin",
    "organization_editor",
    "organization_runner",
    "organization_reader",
    "organization_member",
    "workspace_admin",
    "workspace_editor",
    "workspace_runner",
    "workspace_reader",
];

/// Everything that a request may name.
pub(in crate::http) const KINDS: &[&str] = &[
    "instance_admin",
    "organization_admin",
    "organization_editor",
    "organization_runner",
    "organization_reader",
    "organization_member",
    "workspace_owner",
    "workspace_admin",
    "workspace_editor",
    "workspace_runner",
    "workspace_reader",
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(
            "/permissions",
            op(app, M::GET, "listPermissions", list).merge(op(app, M::POST, "createPermission", create)),
        )
        .route(
            "/permissions/{id}",
            op(app, M::GET, "getPermission", get)
                .merge(op(app, M::PATCH, "updatePermission", update))
                .merge(op(app, M::DELETE, "deletePermission", delete)),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    user_id: Option<String>,
    organization_id: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    Parameters(query): Parameters<Query>,
) -> Answer {
    let user = query.user_id.map_or(Ok(caller.user_id()), |id| app.path_id(&id))?;
    let mut permissions = app.permissions_of(Grantee::User(user))?;
    if user != caller.user_id() {
        let Some(organization) = query.organization_id else {
            return Err(Refusal::bad_request(
                "The permissions of somebody else are those in one organization.",
            ));
        };
        let organization = app.path_id(&organization)?;
        let workspaces: Vec<Workspace> = app.store.list()?;
        permissions.retain(|permission| match permission.scope {
            Scope::Instance => false,
            Scope::Organization(id) => id == organization,
            Scope::Workspace(id) => {
                workspaces.iter().any(|one| one.id == id && one.organization_id == organization)
            }
        });
    }
    let listed: Vec<Value> = permissions
        .iter()
        .map(|permission| {
            let (scope, scope_id) = match permission.scope {
                Scope::Instance => ("none", Uuid::nil()),
                Scope::Organization(id) => ("organization", id),
                Scope::Workspace(id) => ("workspace", id),
            };
            json!({
                "permissionId": permission.id,
                "permissionType": permission.kind,
                "userId": user,
                "scopeId": scope_id,
                "scope": scope,
            })
        })
        .collect();
    Ok(object(json!({"data": listed})))
}

async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        body.required_text("permissionType")?;
        let kind = body.one_of("permissionType", GRANTED)?.unwrap_or_default();
        let user = body.required_id("userId")?;
        let scope = match requested_scope(&body)? {
            Scope::Organization(id) => Scope::Organization(app.organization(id)?.id),
            Scope::Workspace(id) => Scope::Workspace(app.workspace(id)?.id),
            Scope::Instance => Scope::Instance,
        };
        check_fit(kind, scope)?;
        let user: User = app.store.get(&user.to_string())?.ok_or_else(|| Refusal::not_found("USER", user))?;
        if user.is_disabled() {
            return Err(Refusal::state_conflict("A user who is not active can be given nothing."));
        }
        let grantee = Grantee::User(user.id);
        let mut present = app.permissions_of(grantee)?.into_iter();
        if let Some(equal) = present.find(|one| one.kind == kind && one.scope == scope) {
            return Ok(object(shown(&equal)));
        }
        let permission = Permission { id: Uuid::new_v4(), kind: kind.to_owned(), grantee, scope };
        app.store.put(&permission)?;
        Ok(object(shown(&permission)))
    })
}

async fn get(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    Ok(object(shown(&app.permission(&id)?)))
}

async fn update(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Answer {
    app.store.change(|| {
        body.required_text("permissionType")?;
        let kind = body.one_of("permissionType", KINDS)?.unwrap_or_default();
        let mut permission = app.permission(&id)?;
        if kind == "instance_admin" {
            let message = "A permission cannot be changed into that of an instance's administrator.";
            return Err(Refusal::unprocessable(json!({"message": message})));
        }
        check_fit(kind, permission.scope)?;
        if kind != "organization_admin" {
            app.refuse_for_the_last_admin(&permission)?;
        }
        kind.clone_into(&mut permission.kind);
        app.store.put(&permission)?;
        Ok(object(shown(&permission)))
    })
}

async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    app.store.change(|| {
        let permission = app.permission(&id)?;
        app.refuse_for_the_last_admin(&permission)?;
        app.store.delete::<Permission>(&permission.id())?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// The one scope that a request names.
pub(in crate::http) fn requested_scope(body: &Body) -> Result<Scope, Refusal> {
    let given = |name| body.given(name).is_some();
    match (given("workspaceId"), given("organizationId")) {
        (true, false) => Ok(Scope::Workspace(body.required_id("workspaceId")?)),
        (false, true) => Ok(Scope::Organization(body.required_id("organizationId")?)),
        (true, true) => Err(Refusal::bad_request("A permission is for a workspace or for an organization.")),
        (false, false) => Err(Refusal::bad_request("A permission needs a workspace or an organization.")),
    }
}

/// Refuses a role of workspaces for an organization, and the other way round.
pub(in crate::http) fn check_fit(kind: &str, scope: Scope) -> Result<(), Refusal> {
    let prefix = match scope {
        Scope::Instance => "instance_",
        Scope::Organization(_) => "organization_",
        Scope::Workspace(_) => "workspace_",
    };
    if kind.starts_with(prefix) {
        return Ok(());
    }
    Err(Refusal::bad_request(format!("`{kind}` does not fit what the permission is for.")))
}

/// A permission of a user or of a group.
pub(in crate::http) fn shown(permission: &Permission) -> Value {
    let mut shown = json!({"permissionId": permission.id, "permissionType": permission.kind});
    match permission.grantee {
        Grantee::User(id) => shown["userId"] = json!(id),
        Grantee::Group(id) => shown["groupId"] = json!(id),
    }
    match permission.scope {
        Scope::Instance => {}
        Scope::Organization(id) => shown["organizationId"] = json!(id),
        Scope::Workspace(id) => shown["workspaceId"] = json!(id),
    }
    shown
}

impl App {
    /// What a user or a group has been given itself.
    pub(crate) fn permissions_of(&self, grantee: Grantee) -> rusqlite::Result<Vec<Permission>> {
        let mut permissions: Vec<Permission> = self.store.list()?;
        permissions.retain(|permission| permission.grantee == grantee);
        Ok(permissions)
    }

    /// Whether a user belongs to an organization.
    pub(crate) fn is_member(&self, user: Uuid, organization: Uuid) -> rusqlite::Result<bool> {
        let permissions = self.permissions_of(Grantee::User(user))?;
        Ok(permissions.iter().any(|one| one.scope == Scope::Organization(organization)))
    }

    pub(super) fn organization(&self, id: Uuid) -> Result<Organization, Refusal> {
        self.find(id, "ORGANIZATION")
    }

    /// A user's permission. The server fails on an unknown one.
    fn permission(&self, id: &str) -> Result<Permission, Refusal> {
        let id: Uuid = id.parse().map_err(|_| self.server_error(400))?;
        let permission: Option<Permission> = self.store.get(&id.to_string())?;
        permission
            .filter(|permission| matches!(permission.grantee, Grantee::User(_)))
            .ok_or_else(|| self.server_error(404))
    }

    /// An organization keeps an administrator.
    pub(in crate::http) fn refuse_for_the_last_admin(&self, permission: &Permission) -> Result<(), Refusal> {
        let (Scope::Organization(organization), "organization_admin") =
            (permission.scope, permission.kind.as_str())
        else {
            return Ok(());
        };
        let all: Vec<Permission> = self.store.list()?;
        let another = all.iter().any(|one| {
            one.id != permission.id
                && one.kind == permission.kind
                && one.scope == permission.scope
                && matches!(one.grantee, Grantee::User(_))
        });
        if another {
            return Ok(());
        }
        Err(Refusal::state_conflict(&format!("Organization {organization} has no other administrator.")))
    }
}
