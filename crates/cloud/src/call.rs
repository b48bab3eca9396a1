//! The one path that every call takes: authorise, send, classify, retry, map the error.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airbyte_api_raw::{Error as RawError, Hooks, RequestHook, ResponseValue, config, public};
use http::HeaderName;
use http::header::{AUTHORIZATION, HeaderValue};
use rand::Rng;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument;
use url::Url;
use uuid::Uuid;

use crate::auth::{Auth, Authorization};
use crate::classify::{Failed, interpret};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Redactor;
use crate::retry::{Idempotency, RetryPolicy};
use crate::web_links;

/// The header that carries our own id of each request. Airbyte sends none of its own, so this is what
/// finds a request in the log of a proxy.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// No attempt gets less time than this, even if a deadline is closer: it could only fail.
pub(crate) const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// What [`CallPath`] has to know about a call.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The operation's id in the API document.
    pub(crate) id: &'static str,
    pub(crate) idempotency: Idempotency,
    /// The object that is read or changed by its id, as an error message names it (`job 17`).
    pub(crate) target: Option<String>,
    /// Whether it is read.
    pub(crate) reads_target: bool,
    timeout: Option<Duration>,
    policy: Option<RetryPolicy>,
    deadline: Option<Instant>,
    anonymous: bool,
    /// Whether it may be asked for anew although it may have worked.
    again_is_safe: bool,
    /// What was sent, for keeping its secrets out of errors.
    pub(crate) body: Option<Value>,
}

impl Operation {
    /// A call that can be repeated without harm.
    pub(crate) fn read(id: &'static str) -> Self {
        Self {
            id,
            idempotency: Idempotency::Repeatable,
            target: None,
            reads_target: false,
            timeout: None,
            policy: None,
            deadline: None,
            anonymous: false,
            again_is_safe: false,
            body: None,
        }
    }

    /// A change that can be repeated without harm, because it says what shall be, not what shall be done.
    pub(crate) fn change(id: &'static str) -> Self {
        Self::read(id)
    }

    /// A call that must not be repeated once it may have arrived.
    pub(crate) fn once(id: &'static str) -> Self {
        Self { idempotency: Idempotency::Once, ..Self::read(id) }
    }

    /// Names the object that is read by its id, where the lowest role may read it. A refused read of it then counts as
    /// not found, since the server does not tell an unknown id from a foreign one.
    pub(crate) fn of(mut self, kind: &str, id: impl fmt::Display) -> Self {
        self.target = Some(format!("{kind} {id}"));
        self.reads_target = true;
        self
    }

    /// Names the object that is changed by its id, or that takes a higher role to read. A refusal stays one: the object
    /// may well exist.
    pub(crate) fn on(mut self, kind: &str, id: impl fmt::Display) -> Self {
        self.target = Some(format!("{kind} {id}"));
        self
    }

    /// The time limit of one attempt, in place of the client's.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The retry policy, in place of the client's.
    pub(crate) fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The time by which the caller wants to be back.
    pub(crate) fn deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Says of a call that is not repeated here that its caller may ask for it again although it may have
    /// worked: it looks first, or the server refuses the second one. Errors of other such calls are not
    /// [retryable](Error::is_retryable).
    pub(crate) fn safe_to_ask_again(mut self) -> Self {
        self.again_is_safe = true;
        self
    }

    /// Keeps the secrets of this body out of errors. The generated calls of this crate send none.
    pub(crate) fn sends(mut self, body: Option<Value>) -> Self {
        self.body = body;
        self
    }

    /// Cleans texts of the secrets of this call.
    pub(crate) fn redactor(&self, path: &CallPath) -> Redactor {
        let redactor = path.auth.redactor();
        match &self.body {
            Some(body) => redactor.with_body(body),
            None => redactor,
        }
    }

    /// Sends no credentials: for the call that obtains them.
    pub(crate) fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }
}

/// One attempt of a call: hands out the generated clients, set up with this attempt's headers.
pub(crate) struct Attempt {
    http: reqwest::Client,
    public_root: String,
    config_root: String,
    hook: Arc<AttemptHook>,
}

impl Attempt {
    pub(crate) fn public(&self) -> public::Client {
        public::Client::new_with_client(&self.public_root, self.http.clone(), Hooks(self.hook.clone()))
    }

    pub(crate) fn config(&self) -> config::Client {
        config::Client::new_with_client(&self.config_root, self.http.clone(), Hooks(self.hook.clone()))
    }

    /// Sends a request that no generated method makes. The caller reads the body of a success; every other
    /// status is an error, as with the generated methods.
    pub(crate) async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> std::result::Result<reqwest::Response, RawError<()>> {
        let (http, request) = request.build_split();
        let mut request =
            request.map_err(|error| RawError::InvalidRequest(error.without_url().to_string()))?;
        self.hook.prepare(&mut request, "");
        let response = http.execute(request).await.map_err(RawError::CommunicationError)?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(RawError::UnexpectedResponse(response))
        }
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }
}

struct AttemptHook {
    authorization: Option<HeaderValue>,
    request_id: HeaderValue,
    timeout: Duration,
}

impl RequestHook for AttemptHook {
    fn prepare(&self, request: &mut reqwest::Request, _operation_id: &'static str) {
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        request.headers_mut().insert(REQUEST_ID, self.request_id.clone());
        *request.timeout_mut() = Some(self.timeout);
        let span = tracing::Span::current();
        span.record("method", request.method().as_str());
        // Not the query: filters can be names of people.
        span.record("path", request.url().path());
        span.record("request_id", self.request_id.to_str().unwrap_or_default());
    }
}

/// Everything a call needs, shared by all clones of a client.
pub(crate) struct CallPath {
    pub(crate) http: reqwest::Client,
    pub(crate) public_root: Url,
    pub(crate) config_root: Option<Url>,
    pub(crate) auth: Auth,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CallPath {
    /// Makes a call, as often as it takes and the policy allows.
    ///
    /// `call` is run once per attempt, with a client that carries this attempt's token and request id.
    pub(crate) async fn run<T, F, Fut>(&self, operation: Operation, call: F) -> Result<T>
    where
        T: DeserializeOwned,
        F: Fn(Attempt) -> Fut + Send + Sync,
        Fut: Future<Output = std::result::Result<ResponseValue<T>, RawError<()>>> + Send,
    {
        let span = tracing::debug_span!(
            "airbyte_call",
            operation = operation.id,
            method = tracing::field::Empty,
            path = tracing::field::Empty,
            request_id = tracing::field::Empty,
            attempts = tracing::field::Empty,
            status = tracing::field::Empty,
            duration_ms = tracing::field::Empty,
            outcome = tracing::field::Empty,
        );
        let outcome = self.attempts(&operation, call).instrument(span.clone()).await;
        match &outcome {
            Ok(_) => span.record("outcome", "ok"),
            Err(error) => span.record("outcome", error.kind().as_str()),
        };
        outcome
    }

    /// The Config API's root, or the error that tells how to give it.
    pub(crate) fn config_root(&self) -> Result<&Url> {
        self.config_root.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "the root of the Config API is not known").with_hint(
                "it cannot be inferred from this API root; set AIRBYTE_CONFIG_API_URL or config_api_root",
            )
        })
    }

    async fn attempts<T, F, Fut>(&self, operation: &Operation, call: F) -> Result<T>
    where
        T: DeserializeOwned,
        F: Fn(Attempt) -> Fut + Send + Sync,
        Fut: Future<Output = std::result::Result<ResponseValue<T>, RawError<()>>> + Send,
    {
        let policy = operation.policy.unwrap_or(self.retry);
        let started = self.clock.now();
        let give_up =
            [started.checked_add(policy.max_time()), operation.deadline].into_iter().flatten().min();
        let (mut sent, mut counted, mut replaced_token) = (0, 0, false);
        // Whether one of the attempts may have worked.
        let mut perhaps_done = false;
        loop {
            // Without a token nothing is sent, so its failure leaves as much open as the attempts before.
            let authorization =
                self.authorise(operation).await.map_err(|error| error.with_ambiguous(perhaps_done))?;
            let (attempt, request_id) = self.prepare(operation, authorization.as_ref());
            sent += 1;
            counted += 1;
            let Failed { failure, error } = match interpret(call(attempt).await, operation, self).await {
                Ok(value) => {
                    self.record(sent, None, started);
                    return Ok(value);
                }
                Err(failed) => failed,
            };
            let elapsed = self.clock.now() - started;
            let error =
                error.with_call(operation.id, request_id, sent, elapsed).with_perhaps_done(perhaps_done);
            self.record(sent, error.status(), started);

            if error.status() != Some(401) {
                // Only a fresh token that is refused straight away says that the credentials are no good.
                replaced_token = false;
            } else if !replaced_token {
                replaced_token = true;
                // A refused token says nothing about the call, so this repeat is not one of the attempts.
                if let Some(refused) = &authorization
                    && self.auth.reject(refused)
                {
                    counted -= 1;
                    continue;
                }
            }
            let mut error = error.with_ambiguous(failure.is_ambiguous());
            if failure.is_ambiguous() {
                perhaps_done = true;
                if operation.idempotency == Idempotency::Once && !operation.again_is_safe {
                    // Whoever just calls again could do it twice.
                    error = error.with_retryable(false);
                }
            }
            if counted >= policy.max_attempts() || !failure.may_retry(operation.idempotency) {
                return Err(error);
            }
            let jitter = rand::rng().random_range(0.0..=1.0);
            let pause = policy.pause(counted, failure, error.retry_after(), jitter);
            let next = self.clock.now().checked_add(pause);
            if give_up.is_some_and(|limit| next.is_none_or(|next| next >= limit)) {
                return Err(error);
            }
            tracing::debug!(attempt = sent, ?failure, pause_ms = millis(pause), %error, "will try again");
            self.clock.sleep(pause).await;
        }
    }

    async fn authorise(&self, operation: &Operation) -> Result<Option<Authorization>> {
        if operation.anonymous {
            return Ok(None);
        }
        self.auth.authorization(self, operation.deadline).await
    }

    /// An attempt's client and the id of its request.
    fn prepare(&self, operation: &Operation, authorization: Option<&Authorization>) -> (Attempt, String) {
        // The policy's time limit ends the repeating. Only the caller's own limit cuts an attempt short.
        let timeout = operation.timeout.unwrap_or(self.timeout);
        let timeout = operation.deadline.map_or(timeout, |limit| {
            timeout.min(limit.saturating_duration_since(self.clock.now()).max(SHORTEST_TIMEOUT))
        });
        let request_id = Uuid::new_v4().to_string();
        let attempt = Attempt {
            http: self.http.clone(),
            public_root: web_links::display(&self.public_root),
            config_root: self.config_root.as_ref().map(web_links::display).unwrap_or_default(),
            hook: Arc::new(AttemptHook {
                authorization: authorization.map(|authorization| authorization.header().clone()),
                request_id: HeaderValue::try_from(&request_id)
                    .unwrap_or_else(|_| HeaderValue::from_static("")),
                timeout,
            }),
        };
        (attempt, request_id)
    }

    fn record(&self, attempts: u32, status: Option<u16>, started: Instant) {
        let span = tracing::Span::current();
        span.record("attempts", attempts);
        if let Some(status) = status {
            span.record("status", status);
        }
        span.record("duration_ms", millis(self.clock.now() - started));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
