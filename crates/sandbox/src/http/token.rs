//! `createAccessToken`, and its twin of the Config API.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::{Refusal, framework_body};
use crate::app::App;
use crate::builder::Edition;

/// The public endpoint takes JSON or a form.
pub(super) async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    match exchange(&app, &headers, &body) {
        Ok((token, seconds)) => {
            Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds}))
                .into_response()
        }
        Err(response) => response,
    }
}

/// The Config API's endpoint answers the token alone.
pub(super) async fn create_for_config(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match exchange(&app, &headers, &body) {
        Ok((token, _)) => Json(json!({"access_token": token})).into_response(),
        Err(response) => response,
    }
}

fn exchange(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<(String, u64), Response> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fields: Value = if content_type.starts_with("application/x-www-form-urlencoded") {
        form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect()
    } else {
        serde_json::from_slice(body)
            .map_err(|error| Refusal::Framework(format!("Invalid JSON: {error}")).into_response())?
    };
    let member = |name: &str| {
        fields[name].as_str().ok_or_else(|| {
            Refusal::Framework(format!("Required property `{name}` is missing")).into_response()
        })
    };
    let issued = app.tokens.issue(member("client_id")?, member("client_secret")?, app.clock.now());
    issued.ok_or_else(|| refused(app))
}

/// Wrong credentials are answered differently by each back end.
fn refused(app: &App) -> Response {
    let inner = "Invalid client id or token";
    match app.edition {
        Edition::Cloud => Refusal::ErrorId(401).into_response(),
        Edition::Enterprise if app.faithful_5xx => Refusal::ErrorId(500).into_response(),
        Edition::Enterprise => Refusal::ErrorId(401).into_response(),
        Edition::Community => {
            framework_body(StatusCode::BAD_REQUEST, "Bad Request", inner, "/api/public/v1/applications/token")
        }
    }
}
