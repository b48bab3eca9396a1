//! OAuth. The open-source server has its operations without a working; Cloud has replaced them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::MethodFilter as M;

use super::answer::{Answer, Refusal};
use super::request::Body;
use super::{consent, embedded, op};
use crate::app::App;
use crate::builder::Edition;
use crate::connectors;
use crate::model::Side;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    // The open-source server has no route for it.
    let callback = match app.edition {
        Edition::Cloud => {
            Router::new().route("/oauth/callback", op(app, M::GET, "oauthCallback", consent::callback))
        }
        _ => Router::new(),
    };
    Router::new()
        .merge(callback)
        .route("/sources/initiateOAuth", op(app, M::POST, "initiateOAuth", consent::initiate))
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

async fn set_for_workspace(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Answer {
    let (side, name) = credentials(&body)?;
    if app.edition != Edition::Cloud {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    app.workspace(app.path_id(&id)?)?;
    known_connector(side, name)?;
    Ok(StatusCode::OK.into_response())
}

async fn forget_for_workspace(
    State(app): State<Arc<App>>,
    Path((id, side, name)): Path<(String, String, String)>,
) -> Answer {
    let side = side_of(&side)?;
    if app.edition != Edition::Cloud {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    app.workspace(app.path_id(&id)?)?;
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
