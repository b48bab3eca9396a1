//! A double of the service: hands statements to the emulator, and its results out as the service does, in parts from
//! a store, with tokens that expire, and with what goes wrong on the way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::double_results::{Stored, stored};

/// What the double does otherwise than the service on a good day.
#[derive(Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a thing that happens or does not")]
pub(crate) struct Behaviour {
    /// Rows in the answer itself.
    pub(crate) inline_rows: usize,
    /// Rows of each part in the store; 0 keeps all rows in the answer.
    pub(crate) part_rows: usize,
    /// `SHOW` is refused.
    pub(crate) shows_nothing: bool,
    /// Results are sent as JSON.
    pub(crate) json: bool,
    /// How often a look for a result finds the query still running.
    pub(crate) running: u32,
    /// Queries run until they are ended.
    pub(crate) endless: bool,
    /// The session token in use is no longer good; the next one is.
    pub(crate) expired: bool,
    /// Nor can it be renewed.
    pub(crate) master_expired: bool,
    /// The same statement again has the same result, as the service keeps results for a day.
    pub(crate) remembering: bool,
    /// So many statements are answered with 503, and executed all the same.
    pub(crate) unavailable: u32,
    /// The store's addresses that were handed out so far do not open.
    pub(crate) store_closed: bool,
    /// Parts whose transfer breaks in the middle, once each.
    pub(crate) broken: Vec<usize>,
    /// Parts that come with their end missing, so often each.
    pub(crate) cut: HashMap<usize, u32>,
    /// Parts that come with fewer rows than announced, always.
    pub(crate) short: Vec<usize>,
    /// What statements are when they are described, whatever the emulator thinks.
    pub(crate) statement_type: Option<i64>,
    /// What signing in is answered with.
    pub(crate) refusal: Option<(String, String)>,
    /// The access token that is good, where it matters.
    pub(crate) access_token: Option<String>,
}

/// A running double. Dropping it ends it.
pub(crate) struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

pub(super) struct Shared {
    upstream: String,
    http: reqwest::Client,
    root: String,
    /// The emulator refuses a second statement of a session while the first one runs.
    one_by_one: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    behaviour: Behaviour,
    seen: Vec<(String, Value)>,
    results: HashMap<String, Stored>,
    /// By the ids of requests, so that one that is repeated is known again.
    executed: HashMap<String, String>,
    /// By the texts of statements.
    remembered: HashMap<String, String>,
    /// Counts the tokens of sessions, and the addresses of the store.
    generation: u64,
    opened: u64,
    /// The emulator's token for what is written past the double.
    writer: Option<String>,
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Double {
    pub(crate) async fn start(upstream: &str, behaviour: Behaviour) -> Self {
        // Nothing here speaks TLS, and still the client wants to know how.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            root: format!("http://{address}"),
            one_by_one: tokio::sync::Mutex::new(()),
            inner: Mutex::new(Inner { behaviour, ..Inner::default() }),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Executes a statement past the double, as whoever writes does.
    pub(crate) async fn write(&self, database: &str, sql: &str) {
        let known = self.shared.lock().writer.clone();
        let token = if let Some(token) = known {
            token
        } else {
            let login = json!({"data": {"SESSION_PARAMETERS": {}}}).to_string();
            let path = format!("/session/v1/login-request?databaseName={database}&schemaName=PUBLIC");
            let (_, answer) = self.shared.forward(&path, None, login.into()).await;
            let token = answer["data"]["token"].as_str().unwrap().to_owned();
            self.shared.lock().writer = Some(token.clone());
            token
        };
        let body = json!({"sqlText": sql}).to_string();
        let (_, answer) = self.shared.forward("/queries/v1/query-request", Some(&token), body.into()).await;
        assert_eq!(answer["success"], true, "{sql}: {}", answer["message"]);
    }

    /// Changes what it does.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.lock().behaviour);
    }

    /// The bodies of requests to this path so far.
    pub(crate) fn seen(&self, path: &str) -> Vec<Value> {
        let inner = self.shared.lock();
        inner.seen.iter().filter(|(seen, _)| seen == path).map(|(_, body)| body.clone()).collect()
    }

    /// How many statements were executed, however often they were asked for.
    pub(crate) fn executed(&self) -> usize {
        self.shared.lock().executed.len()
    }

    /// The ids of the results that are kept.
    pub(crate) fn results(&self) -> Vec<String> {
        self.shared.lock().results.keys().cloned().collect()
    }

    /// How often somebody has looked for the result of a query that ran on.
    pub(crate) fn looks(&self) -> usize {
        self.shared.lock().seen.iter().filter(|(path, _)| path.ends_with("/result")).count()
    }

    /// How many requests there were for the store's parts.
    pub(crate) fn fetches(&self) -> usize {
        self.shared.lock().seen.iter().filter(|(path, _)| path.starts_with("/store/")).count()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// What the emulator answers.
    async fn forward(&self, path_and_query: &str, token: Option<&str>, body: Bytes) -> (StatusCode, Value) {
        let _turn = self.one_by_one.lock().await;
        let request = self.http.post(format!("{}{path_and_query}", self.upstream)).body(body);
        let request = match token {
            Some(token) => request.header("authorization", format!("Snowflake Token=\"{token}\"")),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}")))
    }
}

fn said(body: &Value) -> Response {
    axum::Json(body).into_response()
}

fn refused(code: &str, message: &str) -> Response {
    said(&json!({"success": false, "code": code, "message": message, "data": null}))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = if parts.headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
        super::double_results::unpacked(&body).into()
    } else {
        body
    };
    let path = parts.uri.path().to_owned();
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.lock().seen.push((path.clone(), json.clone()));
    let path_and_query = parts.uri.path_and_query().unwrap().as_str();
    match (path.as_str(), &parts.method) {
        ("/session/v1/login-request", _) => sign_in(&shared, path_and_query, &json, body).await,
        ("/oauth/token-request", _) => grant(&shared, &parts.headers, &body),
        // What drivers tell about their use.
        ("/telemetry/send", _) => said(&json!({"success": true})),
        (path, _) if path.starts_with("/store/") => part(&shared, path, &query, &parts.headers),
        ("/session/token-request", _) => renew(&shared, &parts.headers),
        (path, method) => match session(&shared, &parts.headers) {
            Ok(token) => in_session(&shared, (path, method), &query, &token, path_and_query, body).await,
            Err((code, message)) => refused(code, message),
        },
    }
}

async fn sign_in(shared: &Shared, path_and_query: &str, json: &Value, body: Bytes) -> Response {
    let (refusal, access_token) = {
        let behaviour = &shared.lock().behaviour;
        (behaviour.refusal.clone(), behaviour.access_token.clone())
    };
    if let Some((code, message)) = refusal {
        return refused(&code, &message);
    }
    if access_token.is_some_and(|good| json["data"]["TOKEN"] != *good) {
        return refused("390318", "OAuth access token expired.");
    }
    let (_, mut answer) = shared.forward(path_and_query, None, body).await;
    let generation = {
        let mut inner = shared.lock();
        inner.behaviour.expired = false;
        inner.behaviour.master_expired = false;
        inner.generation
    };
    let token = answer["data"]["token"].as_str().unwrap().to_owned();
    answer["data"]["token"] = json!(format!("{token}.{generation}"));
    answer["data"]["masterToken"] = json!(format!("{token}.master"));
    said(&answer)
}

fn grant(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Response {
    // `client` and `word`, as Basic credentials.
    let known = headers.get("authorization").is_some_and(|value| value == "Basic Y2xpZW50OndvcmQ=");
    let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let token = shared.lock().behaviour.access_token.clone();
    if known && form["grant_type"] == "refresh_token" && form["refresh_token"] == "refresh" {
        said(&json!({"access_token": token, "token_type": "Bearer"}))
    } else {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_grant", "message": "no such grant"})))
            .into_response()
    }
}

/// The token of a request, without its mark.
fn token(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let token = value.strip_prefix("Snowflake Token=\"")?.strip_suffix('"')?;
    let (token, mark) = token.rsplit_once('.')?;
    Some((token.to_owned(), mark.to_owned()))
}

fn renew(shared: &Shared, headers: &HeaderMap) -> Response {
    let mut inner = shared.lock();
    let Some((token, mark)) = token(headers) else { return refused("390113", "no master token") };
    if mark != "master" || inner.behaviour.master_expired {
        return refused("390114", "Authentication token has expired. The user must authenticate again.");
    }
    inner.behaviour.expired = false;
    let session = format!("{token}.{}", inner.generation);
    said(&json!({"success": true, "data": {"sessionToken": session, "validityInSecondsST": 3600}}))
}

/// The emulator's token of the session, if it is still good.
fn session(shared: &Shared, headers: &HeaderMap) -> Result<String, (&'static str, &'static str)> {
    let mut inner = shared.lock();
    let (token, mark) = token(headers).ok_or(("390103", "Session token not found"))?;
    if inner.behaviour.expired {
        inner.generation += 1;
        inner.behaviour.expired = false;
    }
    if mark == inner.generation.to_string() {
        Ok(token)
    } else {
        Err(("390112", "Your session has expired. Please login again."))
    }
}

async fn in_session(
    shared: &Shared,
    (path, method): (&str, &Method),
    query: &HashMap<String, String>,
    token: &str,
    path_and_query: &str,
    body: Bytes,
) -> Response {
    if let Some(id) = path.strip_prefix("/queries/").and_then(|rest| rest.strip_suffix("/result")) {
        assert_eq!(method, Method::GET);
        return result(shared, id);
    }
    if path != "/queries/v1/query-request" {
        return said(&shared.forward(path_and_query, Some(token), body).await.1);
    }
    let request = query.get("requestId").cloned().unwrap_or_default();
    let json: Value = serde_json::from_slice(&body).unwrap();
    let described = json["describeOnly"] == true;
    let known = {
        let inner = shared.lock();
        let same = inner.executed.get(&request).filter(|_| !described);
        let sql = inner.remembered.get(json["sqlText"].as_str().unwrap_or_default());
        same.or(sql.filter(|_| inner.behaviour.remembering && !described)).cloned()
    };
    let id = if let Some(id) = known {
        id
    } else {
        let behaviour = shared.lock().behaviour.clone();
        if behaviour.shows_nothing && json["sqlText"].as_str().is_some_and(|sql| sql.starts_with("show")) {
            return refused("001003", "SQL compilation error");
        }
        if described && let Some(kind) = behaviour.statement_type {
            return said(
                &json!({"success": true, "data": {"queryId": "described", "statementTypeId": kind}}),
            );
        }
        let (status, answer) = shared.forward(path_and_query, Some(token), body).await;
        if described || answer["success"] != true {
            return (status, axum::Json(answer)).into_response();
        }
        let id = answer["data"]["queryId"].as_str().unwrap().to_owned();
        let mut inner = shared.lock();
        inner.results.insert(id.clone(), stored(answer, &behaviour));
        inner.executed.insert(request, id.clone());
        if let Some(sql) = json["sqlText"].as_str() {
            inner.remembered.insert(sql.to_owned(), id.clone());
        }
        id
    };
    {
        let behaviour = &mut shared.lock().behaviour;
        if behaviour.unavailable > 0 {
            behaviour.unavailable -= 1;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    result(shared, &id)
}

fn result(shared: &Shared, id: &str) -> Response {
    let mut inner = shared.lock();
    if inner.behaviour.endless || inner.behaviour.running > 0 {
        inner.behaviour.running = inner.behaviour.running.saturating_sub(1);
        let data = json!({"queryId": id, "getResultUrl": format!("/queries/{id}/result?disableOfflineChunks=false")});
        return said(
            &json!({"success": false, "code": "333334", "message": "Query execution in progress.", "data": data}),
        );
    }
    inner.opened += 1;
    let opened = inner.opened;
    // What closed the store has been noticed: the new addresses open.
    inner.behaviour.store_closed = false;
    match inner.results.get(id) {
        Some(stored) => {
            said(&stored.answer(|part| format!("{}/store/{id}/{part}?signature={opened}", shared.root)))
        }
        None => refused("000710", "Statement not found"),
    }
}

/// A part, as the store hands it out.
fn part(shared: &Shared, path: &str, query: &HashMap<String, String>, headers: &HeaderMap) -> Response {
    let mut inner = shared.lock();
    let mut names = path.trim_start_matches("/store/").split('/');
    let (id, part) = (names.next().unwrap(), names.next().unwrap().parse::<usize>().unwrap());
    let is_open = !inner.behaviour.store_closed && query["signature"].parse::<u64>().unwrap() <= inner.opened;
    if !is_open || headers.get("x-store-key").is_none_or(|key| key != "sesame") {
        return StatusCode::FORBIDDEN.into_response();
    }
    assert!(headers.get("authorization").is_none(), "the store is not told the token");
    let bytes = inner.results[id].parts[part - 1].bytes.clone();
    if let Some(place) = inner.behaviour.broken.iter().position(|broken| *broken == part) {
        inner.behaviour.broken.remove(place);
        let half = bytes.slice(..bytes.len() / 2);
        let end = std::io::Error::other("cut");
        return Body::from_stream(futures::stream::iter([Ok(half), Err(end)])).into_response();
    }
    if let Some(times) = inner.behaviour.cut.get_mut(&part).filter(|times| **times > 0) {
        *times -= 1;
        return bytes.slice(..bytes.len() * 3 / 4).into_response();
    }
    bytes.into_response()
}
