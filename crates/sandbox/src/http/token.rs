//! `createAccessToken`, and its twin of the Config API.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::{Answer, Refusal, framework_body, object};
use crate::app::App;
use crate::auth::Bearer;
use crate::builder::Edition;
use crate::model::User;

/// What a client has to give, in JSON or in a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    JsonOrForm,
    JsonOnly,
}

/// The public endpoint takes JSON or a form.
pub(super) async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Answer {
    Ok(match exchange(&app, Forms::JsonOrForm, &headers, &body)? {
        Some((token, seconds)) => {
            object(json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds}))
        }
        None => refused(&app, uri::PUBLIC),
    })
}

/// The Config API's endpoint takes JSON and answers the token alone.
pub(super) async fn create_for_config(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    Ok(match exchange(&app, Forms::JsonOnly, &headers, &body)? {
        Some((token, _)) => object(json!({"access_token": token})),
        None => refused(&app, uri::CONFIG),
    })
}

/// Where the two endpoints are: the framework's error bodies say so.
mod uri {
    pub(super) const PUBLIC: &str = "/api/public/v1/applications/token";
    pub(super) const CONFIG: &str = "/api/v1/applications/token";
}

/// A token and its lifetime in seconds, `None` for wrong credentials.
fn exchange(
    app: &App,
    forms: Forms,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<(String, u64)>, Refusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    let fields: Value = if is_form && forms == Forms::JsonOrForm {
        form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect()
    } else {
        serde_json::from_slice(body).map_err(|_| Refusal::Framework("Invalid JSON".to_owned()))?
    };
    let member = |name: &str| {
        let missing = || Refusal::Framework(format!("Required property `{name}` is missing"));
        fields[name].as_str().ok_or_else(missing)
    };
    let client_id = member("client_id")?;
    let Some(user) = app.owner_of(client_id, member("client_secret")?)? else { return Ok(None) };
    let (header, claims) = claims(app, client_id, user)?;
    Ok(Some(app.tokens.issue(Bearer { user, only: None }, app.clock.now(), &header, claims)))
}

/// The header and the claims of a token, which each back end makes in its own way. Only Cloud's name the user.
fn claims(app: &App, client_id: &str, user_id: Uuid) -> Result<(Value, Value), Refusal> {
    let host = app.host();
    let user: Option<User> = app.store.get(&user_id.to_string())?;
    let subject = user.map_or_else(|| Uuid::nil().to_string(), |user| user.auth_id);
    let simple = json!({"alg": "HS256"});
    Ok(match app.edition {
        Edition::Community => (
            simple,
            json!({"iss": host, "aud": "airbyte-server", "sub": subject, "roles": super::permissions::KINDS}),
        ),
        Edition::Enterprise => (simple, json!({"iss": host, "aud": "airbyte-server", "sub": subject})),
        Edition::Cloud => (
            json!({"alg": "RS256", "typ": "JWT", "kid": "sandbox"}),
            json!({
                "iss": format!("{host}/auth/realms/_airbyte-application-clients"), "sub": subject, "typ": "Bearer",
                "iat": app.now(), "jti": Uuid::new_v4(), "azp": client_id, "client_id": client_id,
                "user_id": user_id,
            }),
        ),
    })
}

/// Wrong credentials are answered differently by each back end.
fn refused(app: &App, path: &str) -> Response {
    let inner = "Invalid client id or token";
    match app.edition {
        Edition::Enterprise if app.faithful_5xx => Refusal::ErrorId(500).into_response(),
        Edition::Cloud | Edition::Enterprise => Refusal::ErrorId(401).into_response(),
        Edition::Community => framework_body(StatusCode::BAD_REQUEST, "Bad Request", inner, path),
    }
}
