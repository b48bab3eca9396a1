//! A running sandbox with a client that holds a token.

use std::path::Path;
use std::time::Duration;

use airbyte_sandbox::{Sandbox, SandboxBuilder, Seed};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// How much faster than life jobs run in these tests.
pub(crate) const FAST: f64 = 0.02;
/// Long enough for any job of these tests, on a busy machine too.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in the body {:?}", self.text))
    }

    /// The body, of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }
}

/// A sandbox and a client for it.
pub(crate) struct Api {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    pub(crate) token: Option<String>,
}

impl Api {
    /// A sandbox with the seed, in memory, where jobs take no time to speak of.
    pub(crate) async fn start(seed: Seed) -> Self {
        Self::of(Sandbox::builder().seed(seed).time_scale(FAST)).await
    }

    /// A sandbox that was built otherwise.
    pub(crate) async fn of(builder: SandboxBuilder) -> Self {
        let sandbox = builder.start().await.expect("the sandbox starts");
        let mut api = Self { sandbox, http: http_client(), token: None };
        api.log_in().await;
        api
    }

    /// Takes a new token.
    pub(crate) async fn log_in(&mut self) {
        let ready = self.sandbox.ready();
        let credentials = json!({"client_id": ready.client_id, "client_secret": ready.client_secret});
        self.token = None;
        let answer = self.post("/applications/token", &credentials).await.expect(200);
        self.token = Some(answer["access_token"].as_str().expect("a token").to_owned());
    }

    /// A request below the public root.
    pub(crate) fn public(&self, method: Method, path: &str) -> RequestBuilder {
        self.authorised(method, &format!("{}{path}", self.sandbox.ready().public_api_root))
    }

    /// A request of the Config API.
    pub(crate) async fn config(&self, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.sandbox.ready().config_api_root);
        answer(self.authorised(Method::POST, &url).json(body)).await
    }

    /// A request of the control path.
    pub(crate) fn control(&self, method: Method, what: &str) -> RequestBuilder {
        self.http.request(method, self.host(&format!("/_sandbox/v1/{what}")))
    }

    /// The address of a path on the sandbox's host.
    pub(crate) fn host(&self, path: &str) -> String {
        let root = &self.sandbox.ready().public_api_root;
        format!("{}{path}", root.strip_suffix("/api/public/v1").expect("the public root"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.public(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.public(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.public(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.public(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.public(Method::PUT, path).json(body)).await
    }

    pub(crate) fn workspace(&self) -> &str {
        &self.sandbox.ready().workspace_id
    }

    /// Makes a source with this configuration and returns its id.
    pub(crate) async fn source(&self, configuration: Value) -> String {
        let body = json!({"name": "Source", "workspaceId": self.workspace(), "configuration": configuration});
        id(&self.post("/sources", &body).await.expect(200), "sourceId")
    }

    /// Makes a destination with this configuration and returns its id.
    pub(crate) async fn destination(&self, configuration: Value) -> String {
        let body =
            json!({"name": "Destination", "workspaceId": self.workspace(), "configuration": configuration});
        id(&self.post("/destinations", &body).await.expect(200), "destinationId")
    }

    /// Makes a `dev-null` destination: it has no name in the public API, only a definition.
    pub(crate) async fn dev_null(&self) -> String {
        let body = json!({
            "name": "Nowhere", "workspaceId": self.workspace(), "configuration": {},
            "definitionId": "a7bcc9d8-13b3-4e49-b80d-d020b90045e3",
        });
        id(&self.post("/destinations", &body).await.expect(200), "destinationId")
    }

    /// Makes a connection of these streams and returns its id.
    pub(crate) async fn connect(&self, source: &str, destination: &str, streams: Value) -> String {
        let body =
            json!({"sourceId": source, "destinationId": destination, "configurations": {"streams": streams}});
        id(&self.post("/connections", &body).await.expect(200), "connectionId")
    }

    /// A connection of a small faker source to nowhere.
    pub(crate) async fn small_connection(&self) -> String {
        let source = self.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
        let destination = self.dev_null().await;
        self.connect(&source, &destination, json!([{"name": "users"}])).await
    }

    /// Switches a fault on.
    pub(crate) async fn fault(&self, fault: &str) {
        let added = answer(self.control(Method::POST, "faults").json(&json!({"fault": fault}))).await;
        assert!(added.status.is_success(), "{added:?}");
    }

    /// Switches all faults off.
    pub(crate) async fn no_faults(&self) {
        assert!(answer(self.control(Method::DELETE, "faults")).await.status.is_success());
    }

    /// Starts a sync and returns its job id.
    pub(crate) async fn start_sync(&self, connection: &str) -> i64 {
        let job =
            self.post("/jobs", &json!({"connectionId": connection, "jobType": "sync"})).await.expect(200);
        job["jobId"].as_i64().expect("a job id")
    }

    /// Polls a job until it is in one of the states.
    pub(crate) async fn until(&self, job: i64, states: &[&str]) -> Value {
        let polling = async {
            loop {
                let info = self.get(&format!("/jobs/{job}")).await.expect(200);
                if states.contains(&info["status"].as_str().unwrap_or_default()) {
                    break info;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, polling)
            .await
            .unwrap_or_else(|_| panic!("job {job} never was {states:?}"))
    }

    /// Polls a job until its end.
    pub(crate) async fn finished(&self, job: i64) -> Value {
        self.until(job, &["succeeded", "failed", "cancelled"]).await
    }

    /// Runs a sync to its end, which must be a success.
    pub(crate) async fn sync(&self, connection: &str) -> Value {
        let job = self.start_sync(connection).await;
        let info = self.finished(job).await;
        assert_eq!(info["status"], "succeeded", "{:?}", self.failures(job).await);
        info
    }

    /// Runs a sync to its end, which must be a failure, and returns the failures of its last attempt.
    pub(crate) async fn failing_sync(&self, connection: &str) -> Vec<Value> {
        let job = self.start_sync(connection).await;
        assert_eq!(self.finished(job).await["status"], "failed");
        self.failures(job).await
    }

    /// The failures of a job's last attempt.
    pub(crate) async fn failures(&self, job: i64) -> Vec<Value> {
        let attempts = self.attempts(job).await;
        let failures =
            attempts.last().and_then(|attempt| attempt.pointer("/attempt/failureSummary/failures"));
        failures.and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// A job's attempts, with statistics.
    pub(crate) async fn attempts(&self, job: i64) -> Vec<Value> {
        let info = self.config("/jobs/get_without_logs", &json!({"id": job})).await.expect(200);
        info["attempts"].as_array().cloned().unwrap_or_default()
    }

    /// A request with the token, if there is one.
    pub(crate) fn authorised(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// A client. All is plain HTTP here, but the library wants to know how it would do TLS.
pub(crate) fn http_client() -> reqwest::Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Sends a request and reads the whole answer.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    Answer { status, content_type, text: response.text().await.expect("a whole body") }
}

/// A text member of an object.
#[track_caller]
pub(crate) fn id(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {object}")).to_owned()
}

/// The rows of one text column of an SQLite database.
#[track_caller]
pub(crate) fn sqlite_texts(file: &Path, query: &str) -> Vec<String> {
    let database =
        rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
