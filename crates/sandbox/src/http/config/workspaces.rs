//! Workspaces, as the Config API shows them: the place to learn a workspace's organization.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use super::paging::Slice;
use crate::app::App;
use crate::http::access::TheCaller;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::http::workspaces::remove;
use crate::http::{Caller, Role};
use crate::model::{Connection, Organization, User, Workspace};

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    if workspace.deleted && body.given("includeTombstone") != Some(&json!(true)) {
        return Err(Refusal::ErrorId(404));
    }
    Ok(object(shown(&workspace)))
}

/// Makes a workspace in the organization that is asked for, unlike the public API.
pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    let name = body.required_text("name")?.to_owned();
    if body.given("organizationId").is_none() {
        return Err(Refusal::Known(422, "A workspace needs an organization.".to_owned()));
    }
    let organization: Organization = named(&app, &body, "organizationId")?;
    let workspace = Workspace {
        id: Uuid::new_v4(),
        organization_id: organization.id,
        name,
        deleted: false,
        region_id: region(&body)?,
        notifications: Value::Null,
    };
    app.store.put(&workspace)?;
    Ok(object(shown(&workspace)))
}

pub(super) async fn update(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut workspace: Workspace = named(&app, &body, "workspaceId")?;
        if let Some(name) = body.text("name")? {
            name.clone_into(&mut workspace.name);
        }
        workspace.region_id = region(&body)?.or(workspace.region_id);
        app.store.put(&workspace)?;
        Ok(object(shown(&workspace)))
    })
}

pub(super) async fn delete(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        remove(&app, named(&app, &body, "workspaceId")?)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// The workspace of a connection.
pub(super) async fn get_by_connection(State(app): State<Arc<App>>, body: Body) -> Answer {
    let connection: Connection = named(&app, &body, "connectionId")?;
    let workspace: Option<Workspace> = app.store.get(&connection.workspace_id.to_string())?;
    Ok(object(shown(&workspace.ok_or(Refusal::ErrorId(404))?)))
}

fn region(body: &Body) -> Result<Option<Uuid>, Refusal> {
    match body.given("dataplaneGroupId") {
        Some(_) => body.required_id("dataplaneGroupId").map(Some),
        None => Ok(None),
    }
}

pub(super) async fn update_name(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut workspace: Workspace = named(&app, &body, "workspaceId")?;
        body.required_text("name")?.clone_into(&mut workspace.name);
        app.store.put(&workspace)?;
        Ok(object(shown(&workspace)))
    })
}

/// The workspaces of an organization that the caller may read, by name. One that nobody knows has none.
pub(super) async fn list_by_organization(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    body: Body,
) -> Answer {
    let organization = body.required_id("organizationId")?;
    list(&app, &body, |workspace| {
        !workspace.deleted && workspace.organization_id == organization && caller.may(Role::Reader, workspace)
    })
}

/// The workspaces that a user may enter, by name.
pub(super) async fn list_by_user(State(app): State<Arc<App>>, body: Body) -> Answer {
    let user: User = named(&app, &body, "userId")?;
    let user = Caller::as_user(&app, user.id)?;
    list(&app, &body, |workspace| !workspace.deleted && user.may(Role::Reader, workspace))
}

/// Some workspaces by their ids.
pub(super) async fn list_paginated(State(app): State<Arc<App>>, body: Body) -> Answer {
    let ids = body.required("workspaceIds")?.as_array().cloned().unwrap_or_default();
    let deleted_too = body.given("includeDeleted") == Some(&Value::Bool(true));
    body.required("pagination")?;
    list(&app, &body, |workspace| {
        ids.iter().any(|id| *id == workspace.id.to_string()) && (deleted_too || !workspace.deleted)
    })
}

fn list(app: &App, body: &Body, fits: impl Fn(&Workspace) -> bool) -> Answer {
    let slice = Slice::of(body)?;
    let mut workspaces: Vec<Workspace> = app.store.list()?;
    workspaces.retain(fits);
    let listed: Vec<Value> =
        slice.of_named(workspaces, |workspace| &workspace.name).iter().map(shown).collect();
    Ok(object(json!({"workspaces": listed})))
}

fn shown(workspace: &Workspace) -> Value {
    json!({
        "workspaceId": workspace.id,
        "organizationId": workspace.organization_id,
        "customerId": workspace.id,
        "name": workspace.name,
        "slug": workspace.name.to_lowercase().replace(' ', "-"),
        "initialSetupComplete": true,
        "email": "sandbox@example.com",
        "dataplaneGroupId": workspace.region(),
        "tombstone": workspace.deleted,
    })
}
