//! OAuth. The open-source server has its operations without a working; Cloud has replaced them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::MethodFilter as M;
use serde_json::json;
use url::Url;

use super::answer::{Answer, REFERENCE, Refusal, object};
use super::request::Body;
use super::{embedded, op};
use crate::app::App;
use crate::builder::Edition;
use crate::connectors;
use crate::model::Side;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/sources/initiateOAuth", op(app, M::POST, "initiateOAuth", initiate))
        .route(
            "/workspaces/{id}/oauthCredentials",
            op(app, M::PUT, "createOrUpdateWorkspaceOAuthCredentials", set_for_workspace),
        )
        .route(
            "/workspaces/{id}/oauthCredentials/{side}/{name}",
            op(app, M::DELETE, "deleteWorkspaceOAuthCredentials", forget_for_workspace),
        )
        .route(
            "/organizations/{id}/oauthCredentials",
            op(app, M::PUT, "createOrUpdateOrganizationOAuthCredentials", set_for_organization),
        )
        .route(
            "/organizations/{id}/oauthCredentials/{side}/{name}",
            op(app, M::DELETE, "deleteOrganizationOAuthCredentials", forget_for_organization),
        )
}

/// On Cloud the address where a user would give consent. There is nobody behind it.
async fn initiate(State(app): State<Arc<App>>, body: Body) -> Answer {
    let redirect = body.required_text("redirectUrl")?;
    let workspace = app.workspace(body.required_id("workspaceId")?)?;
    if app.edition != Edition::Cloud {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    if !Url::parse(redirect).is_ok_and(|url| url.scheme() == "https") {
        return Err(Refusal::problem(
            422,
            format!("{REFERENCE}#invalid-redirect-url"),
            "invalid-redirect-url",
            "The redirect address is not one of HTTPS.",
            json!({"redirectUrl": redirect}),
        ));
    }
    let source = body.text("sourceType")?.or(body.text("name")?).unwrap_or_default();
    known_connector(Side::Source, source)?;
    let callback = format!("{}/v1/oauth/callback", app.public_host);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", source)
        .append_pair("redirect_uri", &callback)
        .append_pair("response_type", "code")
        .append_pair("state", &workspace.id.to_string())
        .finish();
    Ok(object(json!({"consentUrl": format!("https://consent.example.com/authorize?{query}")})))
}

async fn set_for_workspace(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Answer {
    let (side, name) = credentials(&body)?;
    app.workspace(app.path_id(&id)?)?;
    if app.edition != Edition::Cloud {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    known_connector(side, name)?;
    Ok(StatusCode::OK.into_response())
}

async fn forget_for_workspace(
    State(app): State<Arc<App>>,
    Path((id, side, name)): Path<(String, String, String)>,
) -> Answer {
    let side = side_of(&side)?;
    app.workspace(app.path_id(&id)?)?;
    if app.edition != Edition::Cloud {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    known_connector(side, &name)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Credentials are checked and dropped: there is no connector that would use them, and no operation shows them.
async fn set_for_organization(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Answer {
    let (side, name) = credentials(&body)?;
    app.path_id(&id)?;
    app.ensure_entitled(embedded::FEATURE)?;
    known_connector(side, name)?;
    Ok(StatusCode::OK.into_response())
}

async fn forget_for_organization(
    State(app): State<Arc<App>>,
    Path((id, side, name)): Path<(String, String, String)>,
) -> Answer {
    let side = side_of(&side)?;
    app.path_id(&id)?;
    app.ensure_entitled(embedded::FEATURE)?;
    known_connector(side, &name)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The connector that a request gives credentials for.
fn credentials(body: &Body) -> Result<(Side, &str), Refusal> {
    body.required("configuration")?;
    Ok((side_of(body.required_text("actorType")?)?, body.required_text("name")?))
}

fn side_of(word: &str) -> Result<Side, Refusal> {
    [Side::Source, Side::Destination]
        .into_iter()
        .find(|side| side.word().eq_ignore_ascii_case(word))
        .ok_or_else(|| Refusal::Framework(format!("`{word}` is neither source nor destination")))
}

fn known_connector(side: Side, name: &str) -> Result<(), Refusal> {
    connectors::by_slug(side, name).map(drop).ok_or_else(|| Refusal::unknown_value(name))
}
