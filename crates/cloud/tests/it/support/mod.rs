//! A server, a client of it, and a clock that does not wait.

pub(crate) mod broken;
pub(crate) mod flaky;
pub(crate) mod fleet;
pub(crate) mod log;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use airbyte_cloud::{Client, ClientBuilder, Clock, ConnectionId, Error, JobId, SecretString, WorkspaceId};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockBuilder, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const CLIENT_ID: &str = "0c1c9fd4-application";
pub(crate) const CLIENT_SECRET: &str = "client-s3cr3t-value";
pub(crate) const CONNECTION: &str = "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59";
pub(crate) const WORKSPACE: &str = "0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47";
pub(crate) const PUBLIC: &str = "/api/public/v1";
pub(crate) const CONFIG: &str = "/api/v1";

pub(crate) fn connection_id() -> ConnectionId {
    CONNECTION.parse().unwrap()
}

pub(crate) fn workspace_id() -> WorkspaceId {
    WORKSPACE.parse().unwrap()
}

/// Every sleep ends at once and moves the time on.
#[derive(Debug)]
pub(crate) struct TestClock {
    start: Instant,
    start_utc: DateTime<Utc>,
    passed: Mutex<Duration>,
    sleeps: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            start_utc: "2026-01-02T03:04:05Z".parse().unwrap(),
            passed: Mutex::default(),
            sleeps: Mutex::default(),
        })
    }

    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.sleeps.lock().unwrap().clone()
    }

    pub(crate) fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    pub(crate) fn advance(&self, duration: Duration) {
        *self.passed.lock().unwrap() += duration;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn utc_now(&self) -> DateTime<Utc> {
        self.start_utc + self.passed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        self.sleeps.lock().unwrap().push(duration);
        Box::pin(tokio::task::yield_now())
    }
}

/// A server that knows nothing but how to give tokens.
pub(crate) struct Airbyte {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<TestClock>,
}

impl Airbyte {
    pub(crate) async fn start() -> Self {
        let airbyte = Self::without_tokens().await;
        post("/applications/token")
            .respond_with(ResponseTemplate::new(200).set_body_json(token("first", 900)))
            .with_priority(200)
            .mount(&airbyte.server)
            .await;
        airbyte
    }

    pub(crate) async fn without_tokens() -> Self {
        Self { server: MockServer::start().await, clock: TestClock::new() }
    }

    pub(crate) fn root(&self) -> String {
        format!("{}{PUBLIC}", self.server.uri())
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        builder(&self.root(), &self.clock)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// The answers of an operation, in turn; the last one stays.
    pub(crate) async fn in_turn(&self, mock: MockBuilder, answers: Vec<ResponseTemplate>) {
        mock.respond_with(InTurn { answers, next: Mutex::new(0) }).mount(&self.server).await;
    }

    pub(crate) async fn requests(&self, http_method: &str, below: &str) -> Vec<Request> {
        let wanted = if below.starts_with("/api") { below.to_owned() } else { format!("{PUBLIC}{below}") };
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|r| r.method.as_str() == http_method && r.url.path() == wanted).collect()
    }

    pub(crate) async fn count(&self, http_method: &str, below: &str) -> usize {
        self.requests(http_method, below).await.len()
    }
}

pub(crate) fn get(below: &str) -> MockBuilder {
    Mock::given(method("GET")).and(path(format!("{PUBLIC}{below}")))
}

pub(crate) fn post(below: &str) -> MockBuilder {
    Mock::given(method("POST")).and(path(format!("{PUBLIC}{below}")))
}

pub(crate) fn patch(below: &str) -> MockBuilder {
    Mock::given(method("PATCH")).and(path(format!("{PUBLIC}{below}")))
}

pub(crate) fn put(below: &str) -> MockBuilder {
    Mock::given(method("PUT")).and(path(format!("{PUBLIC}{below}")))
}

pub(crate) fn delete(below: &str) -> MockBuilder {
    Mock::given(method("DELETE")).and(path(format!("{PUBLIC}{below}")))
}

/// An operation of the Config API, which are all `POST`.
pub(crate) fn config(below: &str) -> MockBuilder {
    Mock::given(method("POST")).and(path(format!("{CONFIG}{below}")))
}

struct InTurn {
    answers: Vec<ResponseTemplate>,
    next: Mutex<usize>,
}

impl Respond for InTurn {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        let mut next = self.next.lock().unwrap();
        let answer = self.answers[(*next).min(self.answers.len() - 1)].clone();
        *next += 1;
        answer
    }
}

pub(crate) fn builder(root: &str, clock: &Arc<TestClock>) -> ClientBuilder {
    Client::builder()
        .ignore_environment()
        .api_root(root)
        .client_credentials(CLIENT_ID, SecretString::from(CLIENT_SECRET))
        .clock(clock.clone())
}

pub(crate) fn token(value: &str, expires_in: u64) -> Value {
    json!({ "access_token": value, "token_type": "Bearer", "expires_in": expires_in })
}

pub(crate) fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code)
}

pub(crate) fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// A problem as the server writes it: unset members as null, labelled as plain JSON.
pub(crate) fn problem(code: u16, slug: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(problem_body(code, slug, message))
}

pub(crate) fn problem_body(code: u16, slug: &str, message: &str) -> Value {
    json!({
        "status": code, "type": format!("https://reference.airbyte.com/reference/errors#{slug}"), "title": slug,
        "detail": null, "documentationUrl": null, "data": { "message": message },
    })
}

/// The body of an unexpected failure: no word of explanation.
pub(crate) fn error_id(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({ "errorId": "9f1c2b0e-5b5e-4c57-9d3a-000000000001" }))
}

/// A job as the public API shows it.
pub(crate) fn job(id: i64, job_type: &str, status: &str) -> Value {
    json!({
        "jobId": id, "jobType": job_type, "status": status, "startTime": "2023-03-25T01:30Z",
        "connectionId": CONNECTION, "duration": "PT5S", "bytesSynced": 2048, "rowsSynced": 3,
    })
}

pub(crate) fn page(data: &[Value]) -> Value {
    // The server names a next page as long as there is anything on this one, on a host of its choosing.
    let next = if data.is_empty() { "" } else { "http://unreachable.invalid/v1/jobs?offset=20" };
    json!({ "data": data, "next": next, "previous": "" })
}

pub(crate) fn connection(status: &str) -> Value {
    json!({
        "connectionId": CONNECTION, "name": "Faker to SQLite", "sourceId": "11111111-0000-4000-8000-000000000001",
        "destinationId": "22222222-0000-4000-8000-000000000002", "workspaceId": WORKSPACE, "status": status,
        "schedule": { "scheduleType": "cron", "cronExpression": "0 0 12 * * ? UTC" },
        "configurations": { "streams": [{
            "name": "users", "namespace": "shop", "syncMode": "incremental_append", "cursorField": ["updated_at"],
            "primaryKey": [["id"]], "selectedFields": [], "mappers": [],
        }] },
        "createdAt": 1_700_000_000, "tags": [], "namespaceDefinition": "destination", "prefix": "raw_",
    })
}

/// What every error of a call about a job has to be good for.
pub(crate) fn assert_job(error: &Error, id: i64) {
    assert_eq!(error.job_id(), Some(JobId::new(id)), "{error:?}");
}
