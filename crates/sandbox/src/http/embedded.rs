//! Airbyte Embedded: tokens for the users of somebody else's product.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::MethodFilter as M;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::{Answer, Refusal, object};
use super::op;
use super::request::Body;
use crate::app::App;
use crate::model::{Grantee, Organization, Scope, Workspace};

/// What an installation needs a licence for, by the server's own name.
pub(super) const FEATURE: &str = "feature-embedded";

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/embedded/widget_token", op(app, M::POST, "getEmbeddedWidget", widget))
        .route("/embedded/scoped_token", op(app, M::POST, "generateEmbeddedScopedToken", scoped_token))
        .route("/embedded/organizations", op(app, M::GET, "listEmbeddedOrganizationsByUser", organizations))
}

/// One opaque text that holds a token and the address of the widget; `?debug` shows what is in it.
async fn widget(State(app): State<Arc<App>>, RawQuery(raw): RawQuery, body: Body) -> Answer {
    let organization = body.required_id("organizationId")?;
    let (origin, user) = (body.required_text("allowedOrigin")?, body.required_text("externalUserId")?);
    let organization = app.annotated(app.organization(organization))?;
    app.ensure_entitled(FEATURE)?;
    let workspace = workspace_of(&app, &organization, user)?;
    let token = token(&app, json!({"act": {"sub": user}}));
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("workspaceId", &workspace.to_string())
        .append_pair("allowedOrigin", origin)
        .finish();
    let host = app.public_host.trim_end_matches("/api/public");
    let inner = json!({"token": token, "widgetUrl": format!("{host}/embedded-widget?{query}")});
    let debug = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).any(|(name, _)| name == "debug");
    Ok(object(if debug { inner } else { json!({"token": STANDARD.encode(inner.to_string())}) }))
}

async fn scoped_token(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.annotated(app.workspace(body.required_id("workspaceId")?))?;
    Ok(object(json!({"token": token(&app, json!({}))})))
}

async fn organizations(State(app): State<Arc<App>>) -> Answer {
    let organizations: Vec<Organization> = app.store.list()?;
    let permissions = app.permissions_of(Grantee::User(app.user_id))?;
    let shown: Vec<Value> = organizations
        .iter()
        .filter(|_| app.ensure_entitled(FEATURE).is_ok())
        .filter_map(|one| {
            let permission = permissions.iter().find(|held| held.scope == Scope::Organization(one.id))?;
            Some(json!({
                "organizationId": one.id,
                "organizationName": one.name,
                "permission": permission.kind,
            }))
        })
        .collect();
    Ok(object(json!({"organizations": shown})))
}

/// A token that stands for the caller, whatever it says.
fn token(app: &App, mut claims: Value) -> String {
    claims["iss"] = json!(app.public_host.trim_end_matches("/api/public"));
    claims["aud"] = json!("airbyte-server");
    app.tokens.issue(app.clock.now(), &json!({"alg": "HS256"}), claims).0
}

/// The workspace of an external user, made when the user is first named.
fn workspace_of(app: &App, organization: &Organization, user: &str) -> Result<Uuid, Refusal> {
    let workspaces: Vec<Workspace> = app.store.list()?;
    let own = |one: &&Workspace| !one.deleted && one.organization_id == organization.id && one.name == user;
    if let Some(workspace) = workspaces.iter().find(own) {
        return Ok(workspace.id);
    }
    let workspace = Workspace {
        id: Uuid::new_v4(),
        organization_id: organization.id,
        name: user.to_owned(),
        deleted: false,
        region_id: None,
        notifications: Value::Null,
    };
    app.store.put(&workspace)?;
    Ok(workspace.id)
}
