//! Calls that have no method of their own.

use std::fmt;

use airbyte_api_raw::{Error as RawError, ResponseValue};
use http::Method;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{Attempt, Operation};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};

/// Which of Airbyte's two APIs a request goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// The documented API for users.
    #[default]
    Public,
    /// The API of Airbyte's own web application. Richer, and without promises.
    Config,
}

/// A request to any operation, for [`Client::request`].
///
/// ```
/// use airbyte_cloud::ApiRequest;
///
/// let tags = ApiRequest::get("/tags").query("workspaceIds", "0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47");
/// let state = ApiRequest::post("/state/get").config_api().body(serde_json::json!({
///     "connectionId": "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59",
/// }));
/// # let _ = (tags, state);
/// ```
#[derive(Clone)]
#[must_use]
pub struct ApiRequest {
    /// The API it goes to.
    pub api: Api,
    /// The HTTP method. `GET` is repeated after failures that this can cure, the others only when they have
    /// not reached the server: deleting twice, for one, can hit two jobs.
    pub method: Method,
    /// The path below the API's root, with or without a slash at its start.
    pub path: String,
    /// Query parameters, in order; a name may come several times.
    pub query: Vec<(String, String)>,
    /// The JSON body.
    pub body: Option<Value>,
}

impl ApiRequest {
    /// A request with this method and path to the public API.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { api: Api::Public, method, path: path.into(), query: Vec::new(), body: None }
    }

    /// A `GET` request.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A `POST` request.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// Sends it to the Config API instead.
    pub fn config_api(mut self) -> Self {
        self.api = Api::Config;
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets the JSON body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is sent: it can be a configuration with its secrets.
        let names: Vec<_> = self.query.iter().map(|(name, _)| name).collect();
        f.debug_struct("ApiRequest")
            .field("api", &self.api)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &names)
            .finish_non_exhaustive()
    }
}

/// The answer to an [`ApiRequest`].
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ApiResponse {
    /// The HTTP status, always 200 to 299: every other one is an error.
    pub status: u16,
    /// The body: JSON as it came, a text answer as a JSON string, nothing as null.
    pub body: Value,
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the body: some operations answer with secrets.
        f.debug_struct("ApiResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes any call: with this client's credentials, retries and errors, but without types.
    pub async fn request(&self, request: ApiRequest) -> Result<ApiResponse> {
        let url = self.url_of(&request)?;
        let repeatable = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let operation = if repeatable { Operation::read("request") } else { Operation::once("request") };
        let operation = operation.sends(request.body.clone());
        let (url, request) = (&url, &request);
        let call =
            self.path().run(operation, |attempt| async move { send(&attempt, url.clone(), request).await });
        let (status, body) =
            call.await.map_err(|error| error.about(&format!("{} {}", request.method, request.path)))?;
        Ok(ApiResponse { status, body })
    }

    /// Makes a call of this crate whose JSON has to pass through unchanged, which the generated types do not
    /// promise: they drop members that the API document does not know.
    pub(crate) async fn exchange<B, T>(
        &self,
        operation: Operation,
        (api, method, path): (Api, Method, &str),
        body: Option<&B>,
    ) -> Result<T>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let url = self.url_of(&ApiRequest { api, ..ApiRequest::new(method.clone(), path) })?;
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "what was given cannot be written as JSON").with_source(error)
        })?;
        let mut operation = operation;
        if let (Some(sent), None) = (&body, &operation.body) {
            operation = operation.sends(serde_json::from_slice(sent).ok());
        }
        let (url, method, body) = (&url, &method, &body);
        self.path()
            .run(operation, |attempt| async move {
                let mut builder = attempt.http().request(method.clone(), url.clone());
                if let Some(body) = body {
                    builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
                }
                let response = attempt.send(builder).await?;
                let (status, headers) = (response.status(), response.headers().clone());
                let body = airbyte_api_raw::body(response).await?;
                let json: &[u8] = if body.is_empty() { b"null" } else { &body };
                match airbyte_api_raw::decode(json) {
                    Ok(value) => Ok(ResponseValue::new(value, status, headers)),
                    Err(error) => Err(RawError::InvalidResponsePayload(body, error)),
                }
            })
            .await
    }

    fn url_of(&self, request: &ApiRequest) -> Result<url::Url> {
        let invalid = |why: &str| Error::new(ErrorKind::InvalidInput, format!("the request's path {why}"));
        let root = match request.api {
            Api::Public => &self.path().public_root,
            Api::Config => self.path().config_root()?,
        };
        if request.path.contains("://") {
            return Err(invalid("is a whole address")
                .with_hint("give what comes after the API root, such as /workspaces"));
        }
        if request.path.contains(['?', '#']) {
            return Err(invalid("has a query or fragment").with_hint(
                "give query parameters separately: `ApiRequest::query`, or `-f NAME=VALUE` of the command",
            ));
        }
        if request.path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(invalid("has a `.` or `..` segment"));
        }
        let mut url = root.clone();
        url.set_path(&format!(
            "{}/{}",
            root.path().trim_end_matches('/'),
            request.path.trim_start_matches('/')
        ));
        Ok(url)
    }
}

async fn send(
    attempt: &Attempt,
    url: url::Url,
    request: &ApiRequest,
) -> std::result::Result<ResponseValue<(u16, Value)>, RawError<()>> {
    let mut builder = attempt.http().request(request.method.clone(), url);
    if !request.query.is_empty() {
        builder = builder.query(&request.query);
    }
    if let Some(body) = &request.body {
        builder = builder.json(body);
    }
    let response = attempt.send(builder).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = airbyte_api_raw::body(response).await?;
    let value = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(_) if body.is_empty() => Value::Null,
        Err(error) => match std::str::from_utf8(&body) {
            // Some answers are bare text whatever their label says; a web page or half a document is none.
            Ok(text) if !crate::problem::is_html(&body) && !text.starts_with(['{', '[']) => text.into(),
            _ => return Err(RawError::InvalidResponsePayload(body, error)),
        },
    };
    Ok(ResponseValue::new((status.as_u16(), value), status, headers))
}
