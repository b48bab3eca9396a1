//! The store that holds the parts of a result, at addresses that open for some hours.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Mutex;

use super::answer::{Answer, Chunk};
use super::http::{Failed, TRIES, exchange, is_passing, repeatedly};
use super::session::Session;
use super::statement::earlier;
use crate::error::{Error, ErrorKind, Result};

/// How often new addresses are asked for before a part is given up.
const RENEWALS: u32 = 2;

/// The parts of one result.
pub(super) struct Store {
    session: Arc<Session>,
    query_id: String,
    /// The addresses in force, once those of the first answer no longer open.
    renewed: Mutex<Option<Addresses>>,
    first: HeaderMap,
}

#[derive(Clone)]
struct Addresses {
    urls: Vec<String>,
    headers: HeaderMap,
}

impl Store {
    pub(super) fn new(session: Arc<Session>, answer: &Answer) -> Self {
        let (query_id, first) = (answer.query_id.clone(), headers(answer));
        Self { session, query_id, renewed: Mutex::new(None), first }
    }

    /// A part as it is kept: compressed, mostly. `part` counts from 1, because the answer itself is the first.
    pub(super) async fn fetch(&self, chunk: &Chunk, part: usize) -> Result<Bytes> {
        let (mut url, mut headers) = self.address(chunk, part).await;
        for _ in 0..RENEWALS {
            if let Some(bytes) = self.download(&url, &headers).await? {
                return Ok(bytes);
            }
            (url, headers) = self.fresh_address(part, &url).await?;
        }
        self.download(&url, &headers).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::BrokenConnection,
                "the store of Snowflake's results refuses a part of the result",
            )
            .with_hint("a proxy or firewall may be in the way; results are kept for 24 hours")
        })
    }

    async fn address(&self, chunk: &Chunk, part: usize) -> (String, HeaderMap) {
        match self.renewed.lock().await.as_ref().and_then(|renewed| renewed.of(part)) {
            Some(renewed) => renewed,
            None => (chunk.url.clone(), self.first.clone()),
        }
    }

    /// Asks the service for addresses that open now, unless somebody else has since `refused` was handed out.
    async fn fresh_address(&self, part: usize, refused: &str) -> Result<(String, HeaderMap)> {
        let mut renewed = self.renewed.lock().await;
        if let Some(known) = renewed.as_ref().and_then(|renewed| renewed.of(part))
            && known.0 != refused
        {
            return Ok(known);
        }
        tracing::debug!("asking for new addresses of the result");
        let answer = earlier(&self.session, &self.query_id).await?;
        let addresses = Addresses {
            urls: answer.chunks.iter().map(|chunk| chunk.url.clone()).collect(),
            headers: headers(&answer),
        };
        let address = addresses.of(part).ok_or_else(|| {
            Error::new(ErrorKind::BrokenConnection, "the result at Snowflake has fewer parts than before")
        })?;
        *renewed = Some(addresses);
        Ok(address)
    }

    /// `None` if the address does not open, or no longer.
    async fn download(&self, url: &str, headers: &HeaderMap) -> Result<Option<Bytes>> {
        repeatedly(TRIES, |_| {
            let request = self.session.store().get(url).headers(headers.clone());
            async move {
                match exchange(request).await? {
                    (status, bytes) if status.is_success() => Ok(Some(bytes)),
                    (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST, _) => Ok(None),
                    (status, _) => {
                        let message = format!("the store of Snowflake's results answered {status}");
                        let error = Error::new(ErrorKind::BrokenConnection, message);
                        Err(if is_passing(status) { Failed::Passing(error) } else { Failed::Final(error) })
                    }
                }
            }
        })
        .await
    }
}

impl Addresses {
    fn of(&self, part: usize) -> Option<(String, HeaderMap)> {
        Some((self.urls.get(part.checked_sub(1)?)?.clone(), self.headers.clone()))
    }
}

/// What the store wants to be told: as the answer says, or the key that the result is encrypted with.
fn headers(answer: &Answer) -> HeaderMap {
    let given = answer.chunk_headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let key = answer.qrmk.as_deref().filter(|_| answer.chunk_headers.is_empty());
    let key = key.into_iter().flat_map(|key| {
        [
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("x-amz-server-side-encryption-customer-key", key),
        ]
    });
    given
        .chain(key)
        .filter_map(|(name, value)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        })
        .collect()
}
