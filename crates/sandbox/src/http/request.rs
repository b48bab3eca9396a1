//! What is taken from requests, with the server's own refusals.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use bytes::BytesMut;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::answer::Refusal;
use crate::app::App;
use crate::builder::Edition;
use crate::model::Record;

/// The longest body that the server takes, in bytes.
const LONGEST_BODY: usize = 10 * 1024 * 1024;
/// So much of a longer one is read and thrown away.
const LONGEST_DISCARDED: usize = 10 * LONGEST_BODY;
/// How long a client may take for the next part of a body, as on the server.
const LONGEST_SILENCE: Duration = Duration::from_mins(5);

/// A JSON body.
pub(crate) struct Body(pub Value);

impl FromRequest<Arc<App>> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Refusal> {
        match serde_json::from_slice(&read(request.into_body()).await?) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(_) => Err(Refusal::Framework("The request's body is not a JSON object".to_owned())),
            Err(error) => Err(Refusal::Framework(format!("Invalid JSON: {error}"))),
        }
    }
}

/// The whole body. One that is too long is read to its end nonetheless: a client that still writes when its connection
/// is closed never sees the answer.
pub(super) async fn read(body: axum::body::Body) -> Result<BytesMut, Refusal> {
    let (mut chunks, mut whole, mut length) = (body.into_data_stream(), BytesMut::new(), 0);
    let silent = |_| Refusal::Framework("The body did not come to its end".to_owned());
    while let Some(chunk) = tokio::time::timeout(LONGEST_SILENCE, chunks.next()).await.map_err(silent)? {
        let chunk = chunk.map_err(|error| Refusal::Framework(format!("The body broke off: {error}")))?;
        length += chunk.len();
        if length <= LONGEST_BODY {
            whole.extend_from_slice(&chunk);
        } else if length > LONGEST_DISCARDED {
            break;
        }
    }
    if length > LONGEST_BODY { Err(Refusal::TooLong(LONGEST_BODY)) } else { Ok(whole) }
}

impl Body {
    /// A member that has to be there.
    pub(crate) fn required(&self, name: &str) -> Result<&Value, Refusal> {
        self.given(name).ok_or_else(|| Refusal::Framework(format!("Required property `{name}` is missing")))
    }

    /// A member that has to be there, as text.
    pub(crate) fn required_text(&self, name: &str) -> Result<&str, Refusal> {
        self.required(name)?.as_str().ok_or_else(|| Refusal::Framework(format!("`{name}` is not a text")))
    }

    /// A member that has to be there, as an id.
    pub(crate) fn required_id(&self, name: &str) -> Result<Uuid, Refusal> {
        let text = self.required_text(name)?;
        text.parse().map_err(|_| Refusal::Framework(format!("`{name}` is not a UUID: {text}")))
    }

    /// A member, unless it is absent or null.
    pub(crate) fn given(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text member, unless it is absent or null.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.given(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| Refusal::Framework(format!("`{name}` is not a text")))
    }

    /// A member that is an id, unless it is absent or null.
    pub(crate) fn id(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        self.given(name).map(|_| self.required_id(name)).transpose()
    }

    /// A truth value, unless it is absent or null.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(value) = self.given(name) else { return Ok(None) };
        value
            .as_bool()
            .map(Some)
            .ok_or_else(|| Refusal::Framework(format!("`{name}` is neither true nor false")))
    }

    /// One of the names, in any case; anything else is refused as the framework does.
    pub(crate) fn one_of(&self, name: &str, known: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let text = value.as_str().unwrap_or_default();
        known
            .iter()
            .find(|candidate| candidate.eq_ignore_ascii_case(text))
            .map(|found| Some(*found))
            .ok_or_else(|| {
                Refusal::Framework(format!("`{name}` is {value}, which is none of {}", known.join(", ")))
            })
    }
}

/// The query, read into `T`; what cannot be read is refused as the framework does.
pub(crate) struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        Query::from_request_parts(parts, app)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|error| Refusal::Framework(error.to_string()))
    }
}

/// Ids in a path that the framework itself converts: it answers 400 to what is no UUID.
pub(crate) struct PathIds<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for PathIds<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        Path::from_request_parts(parts, app)
            .await
            .map(|Path(ids)| Self(ids))
            .map_err(|error| Refusal::Framework(error.to_string()))
    }
}

impl App {
    /// 500 as the server's answer, or the status that says better what was wrong.
    pub(crate) fn server_error(&self, better: u16) -> Refusal {
        Refusal::ErrorId(if self.faithful_5xx { 500 } else { better })
    }

    /// Refuses what the edition has no licence for.
    pub(crate) fn ensure_entitled(&self, feature: &str) -> Result<(), Refusal> {
        match self.edition {
            Edition::Community => Err(Refusal::entitlement(feature)),
            _ => Ok(()),
        }
    }

    /// The id in a path. The server parses some itself and fails with 500 on what is none.
    pub(crate) fn path_id(&self, text: &str) -> Result<Uuid, Refusal> {
        text.parse().map_err(|_| self.server_error(400))
    }

    /// The object with this id.
    pub(crate) fn find<T: Record>(&self, id: Uuid, resource_type: &str) -> Result<T, Refusal> {
        self.store.get(&id.to_string())?.ok_or_else(|| Refusal::not_found(resource_type, id))
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_in_the_middle_is_not_waited_for_for_ever() {
        let parts = |pause| {
            let begin = stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"{"))]);
            let end = tokio::time::sleep(pause).map(|()| Ok(bytes::Bytes::from_static(b"}")));
            axum::body::Body::from_stream(begin.chain(end.into_stream()))
        };
        let slow = LONGEST_SILENCE.saturating_sub(Duration::from_secs(1));
        assert_eq!(read(parts(slow)).await.unwrap(), "{}");
        let refusal = read(parts(LONGEST_SILENCE + Duration::from_secs(1))).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Framework(told) if told.contains("did not come")));
    }
}
