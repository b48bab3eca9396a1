//! A session: signed in, kept valid, and what is asked through it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;

use super::answer::{Envelope, Renewed, SessionInfo, SignedIn};
use super::credentials::{Credentials, Renewal};
use super::http::{Failed, Http, LOGIN_TRIES, TRIES, exchange, is_passing, repeatedly};
use super::settings::{APPLICATION, Settings};
use crate::error::{Error, ErrorKind, Result};

/// The service chooses the form of results by the driver that asks, and knows this one for Arrow.
const CLIENT: [&str; 2] = ["Go", "1.17.0"];
/// The session token is too old; the master token gets a new one.
const SESSION_EXPIRED: &str = "390112";
/// The session is gone, or the service knows nothing of it.
const SESSION_GONE: [&str; 4] = ["390103", "390104", "390111", "390115"];
/// The access token is not valid, or no longer.
const ACCESS_TOKEN_REFUSED: [&str; 2] = ["390303", "390318"];

/// A session with the service. Many queries can run in it at once.
pub(super) struct Session {
    settings: Settings,
    http: Http,
    state: Mutex<State>,
    sequence: AtomicU64,
    /// The database by its own name.
    database: String,
}

/// What changes while the session lives.
struct State {
    tokens: Tokens,
    access_token: Option<String>,
}

#[derive(Clone)]
struct Tokens {
    session: SecretString,
    master: Option<SecretString>,
}

/// An answer of the service, kept as it came.
pub(super) struct Reply {
    body: Bytes,
    pub success: bool,
    pub code: Option<String>,
    pub message: String,
}

impl Reply {
    fn new(status: StatusCode, body: Bytes) -> Result<Self, Failed> {
        match serde_json::from_slice::<Envelope<'_>>(&body) {
            Ok(envelope) if !is_passing(status) => {
                let (code, message) = (envelope.code(), envelope.message.unwrap_or_default());
                Ok(Self { success: envelope.success, code, message, body })
            }
            answered => {
                let words = answered.ok().and_then(|envelope| envelope.message).unwrap_or_default();
                let mut message = format!("Snowflake answered {status}");
                if !words.is_empty() {
                    message = format!("{message}: {words}");
                }
                let error = Error::new(ErrorKind::BrokenConnection, message);
                Err(match status {
                    status if is_passing(status) => Failed::Passing(error),
                    // Cut, or from somebody in between.
                    StatusCode::OK => Failed::Passing(error),
                    _ => Failed::Final(
                        error.with_hint("check that `host` is the address of a Snowflake account"),
                    ),
                })
            }
        }
    }

    /// What the answer is about.
    pub(super) fn data<T: DeserializeOwned>(&self) -> Result<T> {
        let wrong = |error: serde_json::Error| {
            Error::new(ErrorKind::Unsupported, format!("Snowflake answered in an unknown form: {error}"))
        };
        let envelope: Envelope<'_> = serde_json::from_slice(&self.body).map_err(wrong)?;
        serde_json::from_str(envelope.data.map_or("null", serde_json::value::RawValue::get)).map_err(wrong)
    }
}

impl Session {
    /// Signs in.
    pub(super) async fn open(settings: Settings) -> Result<Self> {
        let http = Http::new(settings.is_local())?;
        let access_token = match &settings.credentials {
            Credentials::OAuth(tokens) => tokens.access_token.clone(),
            _ => None,
        };
        let (state, info) = sign_in(&http, &settings, access_token).await?;
        let info = info.unwrap_or(SessionInfo { database_name: None, warehouse_name: None });
        let Some(database) = info.database_name.filter(|name| !name.is_empty()) else {
            let role = settings.role.as_deref().unwrap_or("the user's default role");
            return Err(Error::new(
                ErrorKind::Connect,
                format!("there is no database `{}`, or {role} may not use it", settings.database),
            )
            .with_hint("check `database` and `role` of the destination, and the grants of the role"));
        };
        tracing::debug!(database, warehouse = info.warehouse_name, "signed in");
        Ok(Self { settings, http, state: Mutex::new(state), sequence: AtomicU64::new(1), database })
    }

    /// The database, by its own name.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// The client for the store of results.
    pub(super) fn store(&self) -> &reqwest::Client {
        &self.http.store
    }

    /// A number that grows with every statement.
    pub(super) fn next_in_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks something; with a fresh token where the old one has expired. It may be asked more than once, with the same
    /// id, by which the service knows it again.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        id: Option<Uuid>,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let address = self.address(path)?;
        let mut refreshed = false;
        loop {
            let tokens = self.state.lock().await.tokens.clone();
            let reply = repeatedly(TRIES, |tries| {
                let mut address = address.clone();
                if let Some(id) = id {
                    let mut query = address.query_pairs_mut();
                    query.append_pair("requestId", &id.to_string());
                    query.append_pair("request_guid", &Uuid::new_v4().to_string());
                    if tries > 0 {
                        query.append_pair("retryCount", &tries.to_string());
                    }
                }
                let request = self.http.service.request(method.clone(), address);
                let request = match body {
                    Some(body) => request.json(body),
                    None => request,
                };
                answered(authorised(request, &tokens.session))
            })
            .await?;
            let code = reply.code.as_deref().unwrap_or_default();
            if refreshed || (code != SESSION_EXPIRED && !SESSION_GONE.contains(&code)) {
                return Ok(reply);
            }
            refreshed = true;
            self.refresh(&tokens, code == SESSION_EXPIRED).await?;
        }
    }

    /// An address of the service, and of nobody else: it is told the token.
    fn address(&self, path: &str) -> Result<Url> {
        let root = &self.settings.root;
        match root.join(path) {
            Ok(address) if address.origin() == root.origin() => Ok(address),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "Snowflake sends the reader to another host for a result",
            )),
        }
    }

    /// Gets a new token, unless somebody else has while this one waited.
    async fn refresh(&self, old: &Tokens, may_be_renewed: bool) -> Result<()> {
        let mut state = self.state.lock().await;
        if state.tokens.session.expose_secret() != old.session.expose_secret() {
            return Ok(());
        }
        if may_be_renewed && let Some(tokens) = self.renew(old).await? {
            tracing::debug!("the session is renewed");
            state.tokens = tokens;
            return Ok(());
        }
        tracing::debug!("signing in again");
        let access_token = state.access_token.take();
        *state = sign_in(&self.http, &self.settings, access_token).await?.0;
        Ok(())
    }

    /// A new session token for the master token; `None` where that has expired too.
    async fn renew(&self, old: &Tokens) -> Result<Option<Tokens>> {
        let Some(master) = &old.master else { return Ok(None) };
        let address = self.address("/session/token-request")?;
        let body = json!({"oldSessionToken": old.session.expose_secret(), "requestType": "RENEW"});
        let reply = repeatedly(TRIES, |_| {
            let request = self.http.service.post(address.clone());
            let request = request.query(&[("requestId", Uuid::new_v4())]).json(&body);
            answered(authorised(request, master))
        })
        .await?;
        if !reply.success {
            tracing::debug!(code = reply.code, "the session cannot be renewed");
            return Ok(None);
        }
        let renewed: Renewed = reply.data()?;
        let master = renewed.master_token.map(SecretString::from).or_else(|| Some(master.clone()));
        Ok(Some(Tokens { session: renewed.session_token.into(), master }))
    }
}

impl Drop for Session {
    /// Says goodbye. Best effort: the service ends sessions by itself after some hours.
    fn drop(&mut self) {
        let (Ok(runtime), Ok(address)) =
            (tokio::runtime::Handle::try_current(), self.address("/session?delete=true"))
        else {
            return;
        };
        let token = &self.state.get_mut().tokens.session;
        let request = authorised(self.http.service.post(address).json(&json!({})), token);
        runtime.spawn(async move {
            if exchange(request).await.is_err() {
                tracing::debug!("the session was not closed");
            }
        });
    }
}

async fn answered(request: reqwest::RequestBuilder) -> Result<Reply, Failed> {
    let (status, body) = exchange(request).await?;
    Reply::new(status, body)
}

fn authorised(request: reqwest::RequestBuilder, token: &SecretString) -> reqwest::RequestBuilder {
    let mut value = format!("Snowflake Token=\"{}\"", token.expose_secret()).parse::<HeaderValue>();
    if let Ok(value) = &mut value {
        value.set_sensitive(true);
    }
    let request = request.header(ACCEPT, "application/snowflake");
    match value {
        Ok(value) => request.header(AUTHORIZATION, value),
        // A token that cannot be sent is refused by the service, which says so.
        Err(_) => request,
    }
}

/// Signs in; with a fresh access token where the given one is refused.
async fn sign_in(
    http: &Http,
    settings: &Settings,
    mut access_token: Option<String>,
) -> Result<(State, Option<SessionInfo>)> {
    let renewal = match &settings.credentials {
        Credentials::OAuth(tokens) => tokens.renewal.as_ref(),
        _ => None,
    };
    let mut may_be_fresh = true;
    loop {
        if access_token.is_none()
            && let Some(renewal) = renewal
        {
            access_token = Some(fresh_access_token(http, settings, renewal).await?);
            may_be_fresh = false;
        }
        let reply = login(http, settings, access_token.as_deref()).await?;
        if reply.success {
            let data: SignedIn = reply.data()?;
            let tokens = Tokens { session: data.token.into(), master: data.master_token.map(Into::into) };
            return Ok((State { tokens, access_token }, data.session_info));
        }
        let code = reply.code.unwrap_or_default();
        if ACCESS_TOKEN_REFUSED.contains(&code.as_str()) && renewal.is_some() && may_be_fresh {
            access_token = None;
            continue;
        }
        let host = settings.root.host_str().unwrap_or_default();
        let message = format!("Snowflake at {host} refuses to sign in: {} ({code})", reply.message);
        return Err(Error::new(ErrorKind::Connect, message).with_hint(settings.credentials.advice()));
    }
}

async fn login(http: &Http, settings: &Settings, access_token: Option<&str>) -> Result<Reply> {
    let mut address = settings.root.clone();
    address.set_path("/session/v1/login-request");
    let places = [
        ("databaseName", Some(&settings.database)),
        ("schemaName", settings.schema.as_ref()),
        ("warehouse", settings.warehouse.as_ref()),
        ("roleName", settings.role.as_ref()),
    ];
    for (name, value) in places {
        if let Some(value) = value {
            address.query_pairs_mut().append_pair(name, value);
        }
    }
    let request = || {
        let proof = settings.credentials.proof(&settings.account, settings.user.as_deref(), access_token);
        let mut data = proof.map_err(Failed::Final)?;
        let told = json!({
            "CLIENT_APP_ID": CLIENT[0],
            "CLIENT_APP_VERSION": CLIENT[1],
            "ACCOUNT_NAME": settings.account,
            "LOGIN_NAME": settings.user,
            "SESSION_PARAMETERS": settings.parameters,
            "CLIENT_ENVIRONMENT": {"APPLICATION": APPLICATION, "OS": std::env::consts::OS},
        });
        if let Value::Object(told) = told {
            data.extend(told);
        }
        let request = http.service.post(address.clone()).query(&[("requestId", Uuid::new_v4())]);
        Ok(request.header(ACCEPT, "application/json").json(&json!({"data": data})))
    };
    let reply = repeatedly(LOGIN_TRIES, |_| {
        let request = request();
        async move { answered(request?).await }
    })
    .await;
    // Whoever is there was told what proves who the user is, and may say it again.
    let cleaned = |text: &str| settings.credentials.cleaned(text, access_token);
    match reply {
        Ok(reply) => Ok(Reply { message: cleaned(&reply.message), ..reply }),
        Err(error) if error.kind() == ErrorKind::BrokenConnection => {
            let host = settings.root.host_str().unwrap_or_default();
            let said = error.to_string();
            let clean = cleaned(&said);
            let told =
                Error::new(ErrorKind::Connect, format!("cannot sign in to Snowflake at {host}: {clean}"))
                    .with_hint("check `host` of the destination, and that this machine may reach it");
            Err(if clean == said { told.with_source(error) } else { told })
        }
        Err(error) => Err(error),
    }
}

/// A new access token for the refresh token.
async fn fresh_access_token(http: &Http, settings: &Settings, renewal: &Renewal) -> Result<String> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: Option<String>,
        message: Option<String>,
        error: Option<String>,
    }
    let mut address = settings.root.clone();
    address.set_path("/oauth/token-request");
    let (status, body) = repeatedly(LOGIN_TRIES, |_| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", &renewal.refresh_token)];
        let request = http.service.post(address.clone());
        let request = request.basic_auth(&renewal.client_id, Some(&renewal.client_secret)).form(&form);
        async move {
            let (status, body) = exchange(request).await?;
            if is_passing(status) {
                let message = format!("Snowflake answered {status} when asked for an access token");
                return Err(Failed::Passing(Error::new(ErrorKind::Connect, message)));
            }
            Ok((status, body))
        }
    })
    .await?;
    let granted = serde_json::from_slice::<Granted>(&body).ok();
    match granted {
        Some(Granted { access_token: Some(token), .. }) => Ok(token),
        refused => {
            let reason = refused.and_then(|refused| refused.message.or(refused.error));
            let reason = reason.unwrap_or_else(|| format!("it answered {status}"));
            let reason = settings.credentials.cleaned(&reason, None);
            Err(Error::new(ErrorKind::Connect, format!("Snowflake gives no access token: {reason}"))
                .with_hint("check client_id, client_secret and refresh_token of the destination; refresh tokens expire too"))
        }
    }
}
