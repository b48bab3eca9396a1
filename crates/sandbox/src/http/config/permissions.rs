//! Permissions of users, given, changed and asked about.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;
use uuid::Uuid;

use super::connections::named;
use super::start::plain;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::permissions::{KINDS, check_fit, requested_scope, shown};
use crate::http::request::Body;
use crate::http::{Caller, Role};
use crate::model::{Grantee, Organization, Permission, Record, Scope, User, Workspace};

pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let kind = kind(&body)?;
        let user: User = named(&app, &body, "userId")?;
        let unfit = |refusal| match plain(refusal) {
            Refusal::Known(_, message) => Refusal::Known(422, message),
            refusal => refusal,
        };
        let scope = requested_scope(&body).map_err(unfit)?;
        check_fit(kind, scope).map_err(unfit)?;
        match scope {
            Scope::Organization(_) => drop(named::<Organization>(&app, &body, "organizationId")?),
            _ => drop(named::<Workspace>(&app, &body, "workspaceId")?),
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

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let permission: Permission = named(&app, &body, "permissionId")?;
    Ok(object(shown(&permission)))
}

/// Answers 200 without a body, whatever the document says.
pub(super) async fn update(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut permission: Permission = named(&app, &body, "permissionId")?;
        let kind = kind(&body)?;
        check_fit(kind, permission.scope).map_err(plain)?;
        if kind != "organization_admin" {
            app.refuse_for_the_last_admin(&permission).map_err(plain)?;
        }
        kind.clone_into(&mut permission.kind);
        app.store.put(&permission)?;
        Ok(StatusCode::OK.into_response())
    })
}

/// Answers 200 without a body, whatever the document says.
pub(super) async fn delete(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let permission: Permission = named(&app, &body, "permissionId")?;
        app.refuse_for_the_last_admin(&permission).map_err(plain)?;
        app.store.delete::<Permission>(&permission.id())?;
        Ok(StatusCode::OK.into_response())
    })
}

/// Whether a user may do what a role allows; a no is a good answer.
pub(super) async fn check(State(app): State<Arc<App>>, body: Body) -> Answer {
    let kind = kind(&body)?;
    let user: User = named(&app, &body, "userId")?;
    let workspace = match body.given("workspaceId") {
        Some(_) => Some(named::<Workspace>(&app, &body, "workspaceId")?),
        None => None,
    };
    let organization = match body.given("organizationId") {
        Some(_) => Some(body.required_id("organizationId")?),
        None => workspace.as_ref().map(|workspace| workspace.organization_id),
    };
    let asked = Caller::as_user(&app, user.id)?;
    let (place, word) = kind.split_once('_').unwrap_or_default();
    let granted = asked.is_instance_admin()
        || Role::of_word(word).is_some_and(|role| match (place, &workspace, organization) {
            ("workspace", Some(workspace), _) => asked.may(role, workspace),
            ("organization", _, Some(organization)) => asked.may_in(role, organization),
            _ => false,
        });
    let message = (!granted).then(|| format!("The user {} is no {kind} there.", user.id));
    Ok(object(json!({"status": if granted { "succeeded" } else { "failed" }, "message": message})))
}

/// The public API does not know the editors of one side.
const OF_ONE_SIDE: [&str; 2] = ["workspace_source_editor", "workspace_destination_editor"];

fn kind(body: &Body) -> Result<&'static str, Refusal> {
    body.one_of("permissionType", &[KINDS, &OF_ONE_SIDE].concat())?
        .ok_or_else(|| Refusal::Framework("Required property `permissionType` is missing".to_owned()))
}
