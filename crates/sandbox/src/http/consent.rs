//! Consent to what a source may read, as Cloud asks for it: where a user gives it, the callback that makes a secret of
//! it, and the sources that are made with that secret. The sandbox itself is the provider that is asked.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::answer::{Answer, REFERENCE, Refusal, object};
use super::new_secret;
use super::request::{Body, Parameters};
use crate::app::App;
use crate::builder::Edition;
use crate::connectors;
use crate::model::{Consent, Side};

/// Where a user gives consent; the page is the sandbox's.
pub(super) async fn initiate(State(app): State<Arc<App>>, body: Body) -> Answer {
    let redirect = body.required_text("redirectUrl")?;
    let workspace = body.required_id("workspaceId")?;
    if app.edition != Edition::Cloud {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    let workspace = app.workspace(workspace)?;
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
    let connector =
        connectors::by_slug(Side::Source, source).ok_or_else(|| Refusal::unknown_value(source))?;
    let consent = Consent {
        state: Uuid::new_v4(),
        workspace_id: workspace.id,
        definition_id: connector.definition_id,
        redirect_url: redirect.to_owned(),
        code: Some(new_secret()),
        secret_id: None,
    };
    app.store.put(&consent)?;
    let query = Serializer::new(String::new())
        .append_pair("client_id", source)
        .append_pair("redirect_uri", &app.oauth_callback())
        .append_pair("response_type", "code")
        .append_pair("state", &consent.state.to_string())
        .finish();
    Ok(object(json!({"consentUrl": format!("{}/consent?{query}", app.host())})))
}

#[derive(Deserialize)]
pub(super) struct Answered {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

/// Where the provider sends the user: on to where the consent was to lead, with a secret or with what went wrong. A
/// code is good for one secret.
pub(super) async fn callback(State(app): State<Arc<App>>, Parameters(query): Parameters<Answered>) -> Answer {
    let missing = |name: &str| Refusal::Framework(format!("Required argument `{name}` is missing"));
    let state = query.state.ok_or_else(|| missing("state"))?;
    let unknown = || Refusal::unknown_value("state");
    let state: Uuid = state.parse().map_err(|_| unknown())?;
    let consent: Consent = app.store.get(&state.to_string())?.ok_or_else(unknown)?;
    let mut to = Url::parse(&consent.redirect_url).map_err(|_| unknown())?;
    if let Some(error) = &query.error {
        to.query_pairs_mut().append_pair("error", error);
    } else {
        let code = query.code.ok_or_else(|| missing("code"))?;
        let mut secret = None;
        app.store.update(&state.to_string(), |consent: &mut Consent| {
            if consent.code.take_if(|expected| *expected == code).is_some() {
                secret = Some(Uuid::new_v4());
                consent.secret_id = secret;
            }
        })?;
        let secret = secret.ok_or_else(|| Refusal::unknown_value("code"))?;
        to.query_pairs_mut().append_pair("secret_id", &secret.to_string());
    }
    Ok((StatusCode::FOUND, [(header::LOCATION, to.to_string())]).into_response())
}

/// Refuses a secret that is none, or that belongs to another workspace or connector. Only Cloud has secrets of
/// consent; elsewhere the member is taken and forgotten.
pub(super) fn check_secret(app: &App, body: &Body, workspace: Uuid, definition: Uuid) -> Result<(), Refusal> {
    let Some(secret) = body.text("secretId")?.filter(|_| app.edition == Edition::Cloud) else {
        return Ok(());
    };
    let consents: Vec<Consent> = app.store.list()?;
    let is_it = |one: &Consent| {
        one.workspace_id == workspace
            && one.definition_id == definition
            && one.secret_id.is_some_and(|id| id.to_string() == secret)
    };
    if consents.iter().any(is_it) {
        return Ok(());
    }
    Err(Refusal::bad_request("There is no consent with this secretId for such a source in the workspace."))
}

impl App {
    /// The address of the sandbox, without a path.
    pub(crate) fn host(&self) -> &str {
        self.public_host.trim_end_matches("/api/public")
    }

    /// Where a provider sends users who were asked for consent.
    pub(crate) fn oauth_callback(&self) -> String {
        format!("{}/v1/oauth/callback", self.public_host)
    }
}
