//! Airbyte Embedded: tokens for the users of somebody else's product.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::routing::MethodFilter as M;
use axum::{Extension, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::access::{Caller, TheCaller};
use super::answer::{Answer, Refusal, object};
use super::op;
use super::request::Body;
use crate::app::App;
use crate::auth::Bearer;
use crate::model::{Grantee, Organization, Scope, User, Workspace};

/// What an installation needs a licence for, by the server's own name.
pub(super) const FEATURE: &str = "feature-embedded";

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/embedded/widget_token", op(app, M::POST, "getEmbeddedWidget", widget))
        .route("/embedded/scoped_token", op(app, M::POST, "generateEmbeddedScopedToken", scoped_token))
        .route("/embedded/organizations", op(app, M::GET, "listEmbeddedOrganizationsByUser", organizations))
}

/// One opaque text that holds a token and the address of the widget; `?debug` shows what is in it.
async fn widget(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    RawQuery(raw): RawQuery,
    body: Body,
) -> Answer {
    let organization = body.required_id("organizationId")?;
    let (origin, user) = (body.required_text("allowedOrigin")?, body.required_text("externalUserId")?);
    let organization = app.organization(organization)?;
    app.ensure_entitled(FEATURE)?;
    let workspace = workspace_of(&app, &organization, user)?;
    let token = token(&app, &caller, workspace, user)?;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("workspaceId", &workspace.to_string())
        .append_pair("allowedOrigin", origin)
        .finish();
    let host = app.host();
    let inner = json!({"token": token, "widgetUrl": format!("{host}/embedded-widget?{query}")});
    let debug = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).any(|(name, _)| name == "debug");
    Ok(object(if debug { inner } else { json!({"token": STANDARD.encode(inner.to_string())}) }))
}

async fn scoped_token(State(app): State<Arc<App>>, Extension(caller): TheCaller, body: Body) -> Answer {
    let workspace = app.workspace(body.required_id("workspaceId")?)?.id;
    Ok(object(json!({"token": token(&app, &caller, workspace, &workspace.to_string())?})))
}

async fn organizations(State(app): State<Arc<App>>, Extension(caller): TheCaller) -> Answer {
    let organizations: Vec<Organization> = app.store.list()?;
    let permissions = app.permissions_of(Grantee::User(caller.user_id()))?;
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

/// A token for one workspace, to be given to a user of somebody else's product.
fn token(app: &App, caller: &Caller, workspace: Uuid, external_user: &str) -> Result<String, Refusal> {
    let user: Option<User> = app.store.get(&caller.user_id().to_string())?;
    let claims = json!({
        "iss": app.host(),
        "aud": "airbyte-server",
        "sub": user.map(|user| user.auth_id),
        "typ": "io.airbyte.auth.embedded_v1",
        "act": {"sub": external_user},
        "io.airbyte.auth.workspace_scope": {"workspaceId": workspace},
        "roles": ["EMBEDDED_END_USER"],
    });
    let bearer = Bearer { user: caller.user_id(), only: Some(workspace) };
    Ok(app.tokens.issue(bearer, app.clock.now(), &json!({"alg": "HS256"}), claims).0)
}

/// The workspace of an external user, made when the user is first named.
fn workspace_of(app: &App, organization: &Organization, user: &str) -> Result<Uuid, Refusal> {
    app.store.change(|| {
        let workspaces: Vec<Workspace> = app.store.list()?;
        let own =
            |one: &&Workspace| !one.deleted && one.organization_id == organization.id && one.name == user;
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
    })
}
