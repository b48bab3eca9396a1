//! What the server tells of itself, to anybody.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::builder::Edition;
use crate::http::answer::object;

pub(super) async fn configuration(State(app): State<Arc<App>>) -> Response {
    let (edition, mode) = match app.edition {
        Edition::Community => ("community", "simple"),
        Edition::Enterprise => ("enterprise", "oidc"),
        Edition::Cloud => ("pro", "oidc"),
    };
    object(json!({
        "edition": edition,
        "version": env!("CARGO_PKG_VERSION"),
        "licenseStatus": "pro",
        "auth": {"mode": mode},
        "airbyteUrl": app.host(),
        "initialSetupComplete": true,
        "trackingStrategy": "logging",
        "defaultUserId": app.user_id,
        "defaultOrganizationId": app.organization_id,
        "defaultOrganizationEmail": "sandbox@example.com",
        "defaultWorkspaceId": crate::seed::workspace_id(),
    }))
}
