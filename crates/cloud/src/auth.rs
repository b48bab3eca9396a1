//! Credentials, and the tokens they are exchanged for.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airbyte_api_raw::ResponseValue;
use futures::future::BoxFuture;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call::{CallPath, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Redactor;
use crate::retry::RetryPolicy;
use crate::token_cache::{FreshToken, Need, Patience, TokenCache};
use crate::web_links;

/// A renewal that is not urgent does not hold up calls for longer.
const EARLY_TIMEOUT: Duration = Duration::from_secs(5);

/// How calls identify themselves.
pub(crate) enum Auth {
    /// Not at all: for installations with authentication switched off.
    None,
    /// With a ready-made token, which nobody renews.
    Bearer(Authorization),
    /// With tokens obtained for an application's client id and secret.
    ClientCredentials(ClientCredentials),
}

/// An application's credentials and the token they currently have.
pub(crate) struct ClientCredentials {
    id: String,
    secret: SecretString,
    cache: TokenCache,
    /// The tokens that calls have been sent with: the newest, and the one before it, which calls may still be under way
    /// with.
    sent: Mutex<Vec<SecretString>>,
}

/// The value of an `Authorization` header.
#[derive(Clone)]
pub(crate) struct Authorization {
    token: SecretString,
    header: HeaderValue,
}

impl Authorization {
    fn bearer(token: SecretString) -> Result<Self> {
        let mut header =
            HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| {
                Error::new(ErrorKind::InvalidInput, "the bearer token has characters that no header can hold")
                    .with_hint("check for a line break or quotes that were copied with it")
            })?;
        // Keeps it out of the logs of the HTTP libraries.
        header.set_sensitive(true);
        Ok(Self { token, header })
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }
}

impl Auth {
    pub(crate) fn bearer(token: SecretString) -> Result<Self> {
        Authorization::bearer(token).map(Self::Bearer)
    }

    pub(crate) fn client_credentials(id: String, secret: SecretString) -> Self {
        let (cache, sent) = (TokenCache::default(), Mutex::default());
        Self::ClientCredentials(ClientCredentials { id, secret, cache, sent })
    }

    /// What to send with a call now; asks the server for a token where needed.
    pub(crate) async fn authorization(
        &self,
        path: &CallPath,
        deadline: Option<Instant>,
    ) -> Result<Option<Authorization>> {
        match self {
            Self::None => Ok(None),
            Self::Bearer(authorization) => Ok(Some(authorization.clone())),
            Self::ClientCredentials(credentials) => {
                // The last attempt may begin when the time for repeats is over.
                let longest = path.retry.max_time().saturating_add(path.timeout);
                let fetch = |need| credentials.fetch(path, need, deadline);
                let token =
                    credentials.cache.get(&*path.clock, Patience { longest, deadline }, fetch).await?;
                credentials.sends(&token);
                Authorization::bearer(token).map(Some)
            }
        }
    }

    /// Takes note that the server refused this authorization; says whether another one can be had.
    pub(crate) fn reject(&self, refused: &Authorization) -> bool {
        match self {
            Self::ClientCredentials(credentials) => {
                credentials.cache.forget(&refused.token);
                true
            }
            Self::None | Self::Bearer(_) => false,
        }
    }

    /// Cleans texts of the secrets held here, and of the tokens that they were exchanged for.
    pub(crate) fn redactor(&self) -> Redactor {
        match self {
            Self::None => Redactor::default(),
            Self::Bearer(authorization) => Redactor::new([authorization.token.clone()]),
            Self::ClientCredentials(credentials) => {
                let sent = credentials.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Redactor::new(sent.into_iter().chain([credentials.secret.clone()]))
            }
        }
    }

    /// What to do when the server answers 401.
    pub(crate) fn refused_hint(&self, root: &str) -> String {
        match self {
            Self::None => {
                format!("{root} wants credentials: set AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET")
            }
            Self::Bearer(_) => format!(
                "the bearer token has ended or does not belong to {root}; tokens live for minutes and are renewed only with client credentials"
            ),
            Self::ClientCredentials(_) => {
                format!("{root} refused a token it had just given: is the application's user still active?")
            }
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(***)",
            Self::ClientCredentials(_) => "ClientCredentials(***)",
        })
    }
}

/// The answer of the token endpoint. The Config API's twin sends the token alone.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl ClientCredentials {
    /// Takes note of a token that a call is sent with.
    fn sends(&self, token: &SecretString) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.first().is_none_or(|newest| newest.expose_secret() != token.expose_secret()) {
            sent.insert(0, token.clone());
            sent.truncate(2);
        }
    }

    /// Asks for a token (operation `createAccessToken`). Boxed because it is itself a call, which would
    /// otherwise contain itself.
    fn fetch<'a>(
        &'a self,
        path: &'a CallPath,
        need: Need,
        deadline: Option<Instant>,
    ) -> BoxFuture<'a, Result<FreshToken>> {
        Box::pin(async move {
            let mut operation = Operation::read("createAccessToken").anonymous().deadline(deadline);
            if need == Need::Early {
                operation = operation.policy(RetryPolicy::none()).timeout(EARLY_TIMEOUT);
            }
            let root = web_links::display(&path.public_root);
            let url = format!("{root}/applications/token");
            let body = serde_json::json!({
                "client_id": self.id,
                "client_secret": self.secret.expose_secret(),
                "grant_type": "client_credentials",
            });
            let (url, body) = (&url, &body);
            let answer = path
                .run(operation, |attempt| async move {
                    let request = attempt.http().post(url).json(body);
                    let response = attempt.send(request).await?;
                    ResponseValue::<TokenAnswer>::from_response(response).await
                })
                .await
                .map_err(|error| explain(error, need, &root))?;
            Ok(FreshToken {
                value: answer.access_token.into(),
                expires_in: answer.expires_in.and_then(lifetime),
            })
        })
    }
}

fn lifetime(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// Wrong credentials have a status per edition: 400 in Community, 401 in Cloud, and 500 with nothing but
/// an error id where applications live in the database.
fn explain(error: Error, need: Need, root: &str) -> Error {
    let proven = matches!(need, Need::Early | Need::Required { proven: true });
    let wordless =
        error.problem().is_some_and(|problem| problem.error_id.is_some() && problem.summary().is_none());
    // A page is a proxy's word, not the server's.
    let is_page = error.problem().is_some_and(|problem| problem.is_page);
    match error.status() {
        Some(400 | 401 | 403) if !is_page => error
            .with_kind(ErrorKind::Unauthorized)
            .with_retryable(false)
            .with_message("the client id or the client secret was refused")
            .with_hint(format!(
                "check AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET, and that the application was made on {root}"
            )),
        Some(500) if wordless && !proven => error
            .with_kind(ErrorKind::Unauthorized)
            .with_message("the server failed to give a token for these credentials")
            .with_hint(format!(
                "some editions answer a wrong client id or secret this way: check both, and that the application was made on {root}"
            )),
        Some(404 | 405) => error
            .with_kind(ErrorKind::Configuration)
            .with_message("there is no token endpoint below the API root")
            .with_hint(format!("check the API root {root}; it usually ends in /api/public/v1")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_hides_itself() {
        let authorization = Authorization::bearer("hunter2".into()).unwrap();
        assert_eq!(authorization.header(), "Bearer hunter2");
        assert!(authorization.header().is_sensitive(), "HTTP libraries log headers");
        assert_eq!(format!("{:?}", Auth::Bearer(authorization)), "Bearer(***)");
    }

    #[test]
    fn a_token_with_a_line_break_is_refused_without_showing_it() {
        let error = Auth::bearer("hunter2\n".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
