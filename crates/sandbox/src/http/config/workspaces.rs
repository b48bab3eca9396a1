//! Workspaces, as the Config API shows them: the place to learn a workspace's organization.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;
use uuid::Uuid;

use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::model::Workspace;

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    if workspace.deleted && body.given("includeTombstone") != Some(&json!(true)) {
        return Err(Refusal::ErrorId(404));
    }
    Ok(object(json!({
        "workspaceId": workspace.id,
        "organizationId": workspace.organization_id,
        "customerId": workspace.id,
        "name": workspace.name,
        "slug": workspace.name.to_lowercase().replace(' ', "-"),
        "initialSetupComplete": true,
        "email": "sandbox@example.com",
        "dataplaneGroupId": Uuid::nil(),
        "tombstone": workspace.deleted,
    })))
}

pub(super) async fn organization(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    Ok(object(json!({
        "organizationId": workspace.organization_id,
        "organizationName": "Sandbox",
        "sso": false,
        "scim": false,
    })))
}
