//! Users and what they may do, as the Config API shows them.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::model::{Grantee, Record, Scope, User};

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let user: User = named(&app, &body, "userId")?;
    Ok(object(shown(&user)))
}

/// By the subject of the user's tokens.
pub(super) async fn get_by_auth_id(State(app): State<Arc<App>>, body: Body) -> Answer {
    let auth_id = body.required_text("authUserId")?;
    by(&app, |user| user.auth_id == auth_id)
}

pub(super) async fn get_by_email(State(app): State<Arc<App>>, body: Body) -> Answer {
    let email = body.required_text("email")?;
    by(&app, |user| user.email.eq_ignore_ascii_case(email))
}

/// Changes what is given; nothing given is a fault.
pub(super) async fn update(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut user: User = named(&app, &body, "userId")?;
        let changes = ["name", "defaultWorkspaceId", "status", "companyName", "news", "metadata"];
        if !changes.iter().any(|name| body.given(name).is_some()) {
            return Err(app.server_error(400));
        }
        if let Some(name) = body.text("name")? {
            name.clone_into(&mut user.name);
        }
        if body.given("defaultWorkspaceId").is_some() {
            user.default_workspace_id = Some(body.required_id("defaultWorkspaceId")?);
        }
        if let Some(status) = body.one_of("status", &["invited", "registered", "disabled"])? {
            status.clone_into(&mut user.status);
        }
        app.store.put(&user)?;
        Ok(object(shown(&user)))
    })
}

pub(super) async fn list_by_organization(State(app): State<Arc<App>>, body: Body) -> Answer {
    let organization = body.required_id("organizationId")?;
    let mut users = Vec::new();
    for user in app.members(organization)? {
        let permissions = app.permissions_of(Grantee::User(user.id))?;
        let here = permissions.iter().find(|one| one.scope == Scope::Organization(organization));
        users.extend(here.map(|permission| {
            json!({
                "userId": user.id,
                "name": user.name,
                "email": user.email,
                "permissionId": permission.id,
                "permissionType": permission.kind,
                "organizationId": organization,
            })
        }));
    }
    Ok(object(json!({"users": users})))
}

pub(super) async fn permissions(State(app): State<Arc<App>>, body: Body) -> Answer {
    let user: User = named(&app, &body, "userId")?;
    let permissions: Vec<Value> = app
        .permissions_of(Grantee::User(user.id))?
        .iter()
        .map(|permission| {
            let (organization, workspace) = match permission.scope {
                Scope::Instance => (None, None),
                Scope::Organization(id) => (Some(id), None),
                Scope::Workspace(id) => (None, Some(id)),
            };
            present(json!({
                "permissionId": permission.id,
                "permissionType": permission.kind,
                "userId": user.id,
                "organizationId": organization,
                "workspaceId": workspace,
            }))
        })
        .collect();
    Ok(object(json!({"permissions": permissions})))
}

fn by(app: &App, fits: impl Fn(&User) -> bool) -> Answer {
    let user = app.store.list::<User>()?.into_iter().find(fits).ok_or(Refusal::ErrorId(404))?;
    Ok(object(shown(&user)))
}

fn shown(user: &User) -> Value {
    present(json!({
        "userId": user.id(),
        "name": user.name,
        "email": user.email,
        "status": user.status,
        "defaultWorkspaceId": user.default_workspace_id,
        "news": false,
        "metadata": {},
    }))
}
