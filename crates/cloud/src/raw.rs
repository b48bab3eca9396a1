//! Access to the generated clients.
//!
//! Their errors cannot carry ours, and repeating is left to the caller, so they go through a hook of
//! their own rather than through the call path.

use std::sync::Arc;

use airbyte_api_raw::{Error as RawError, Hooks, RequestFuture, RequestHook, config, public};
use http::header::AUTHORIZATION;
use serde::de::IgnoredAny;

use crate::auth::Authorization;
use crate::call::{CallPath, Operation};
use crate::classify::interpret;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::web_links;

impl Client {
    /// The generated clients, for whatever is not wrapped.
    ///
    /// They send this client's credentials and replace a token that ends, but retry nothing and have the
    /// generator's own errors. Do not print those, they can hold whole answers: [`Raw::explain`] makes errors of
    /// this crate of them. The types are in [`api_raw`](crate::api_raw).
    ///
    /// ```no_run
    /// use airbyte_cloud::api_raw::public::types::ConnectorType;
    /// # use airbyte_cloud::{Client, Result};
    ///
    /// # async fn names(client: Client) -> Result<Vec<String>> {
    /// let (raw, workspace) = (client.raw(), client.default_workspace()?.id());
    /// let api = raw.public();
    /// let call = api.list_connector_definitions().type_(ConnectorType::Source).workspace_id(workspace);
    /// match call.send().await {
    ///     Ok(answer) => Ok(answer.into_inner().data.into_iter().map(|source| source.name).collect()),
    ///     Err(error) => Err(raw.explain(error).await),
    /// }
    /// # }
    /// ```
    pub fn raw(&self) -> Raw {
        Raw { client: self.clone() }
    }
}

/// Access to the generated clients; see [`Client::raw`].
#[derive(Clone, Debug)]
pub struct Raw {
    client: Client,
}

impl Raw {
    /// The generated client of the public API.
    pub fn public(&self) -> public::Client {
        let path = self.client.path();
        let root = web_links::display(&path.public_root);
        public::Client::new_with_client(&root, path.http.clone(), self.hooks())
    }

    /// The generated client of the Config API; an error if its root is not known.
    pub fn config(&self) -> Result<config::Client> {
        let path = self.client.path();
        let root = web_links::display(path.config_root()?);
        Ok(config::Client::new_with_client(&root, path.http.clone(), self.hooks()))
    }

    /// This crate's error for one of the generated clients: its kind, what the server said, and a hint. Secrets
    /// and what answers hold are not in it.
    pub async fn explain(&self, error: RawError<()>) -> Error {
        let operation = Operation::read("raw");
        match interpret::<IgnoredAny>(Err(error), &operation, self.client.path()).await {
            Err(failed) => failed.error,
            Ok(_) => Error::new(ErrorKind::UnexpectedResponse, "the call has no failed answer"),
        }
    }

    fn hooks(&self) -> Hooks {
        Hooks::new(RawHook(self.client.shared_path()))
    }
}

/// Sends for [`Client::raw`](crate::Client::raw): adds the credentials, replaces a refused token once, and
/// leaves the rest to the caller.
struct RawHook(Arc<CallPath>);

impl RawHook {
    async fn send(
        &self,
        client: &reqwest::Client,
        mut request: reqwest::Request,
        authorization: Option<&Authorization>,
    ) -> reqwest::Result<reqwest::Response> {
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.header().clone());
        }
        if request.timeout().is_none() {
            *request.timeout_mut() = Some(self.0.timeout);
        }
        client.execute(request).await
    }
}

impl RequestHook for RawHook {
    fn execute<'a>(
        &'a self,
        client: &'a reqwest::Client,
        request: reqwest::Request,
        _operation_id: &'static str,
    ) -> RequestFuture<'a> {
        Box::pin(async move {
            let again = request.try_clone();
            let authorization = match self.0.auth.authorization(&self.0, None).await {
                Ok(authorization) => authorization,
                Err(error) => return Ok(refusal(&error)),
            };
            let response = self.send(client, request, authorization.as_ref()).await?;
            match (again, authorization) {
                (Some(request), Some(refused))
                    if response.status() == 401 && self.0.auth.reject(&refused) =>
                {
                    match self.0.auth.authorization(&self.0, None).await {
                        Ok(fresh) => self.send(client, request, fresh.as_ref()).await,
                        Err(error) => Ok(refusal(&error)),
                    }
                }
                _ => Ok(response),
            }
        })
    }
}

/// An error of ours in the only form that passes through a generated client: an answer.
fn refusal(error: &Error) -> reqwest::Response {
    let body = serde_json::json!({ "title": error.kind().as_str(), "detail": error.to_string() });
    let mut response = http::Response::new(body.to_string());
    *response.status_mut() = http::StatusCode::UNAUTHORIZED;
    reqwest::Response::from(response)
}
