//! The ways over HTTP: to the service, and to the store that holds its results.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::settings::APPLICATION;
use crate::error::{Error, ErrorKind, Result};

/// Gives up on a connection that cannot be set up in this time.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long the other side may be silent. The service answers after 45 seconds at the latest, if only to say that a
/// query still runs.
const SILENCE_LIMIT: Duration = Duration::from_mins(2);
/// Tries of what may be repeated, each after twice the time of the one before: about six seconds in all.
pub(super) const TRIES: u32 = 7;
/// Tries of signing in, where the address may well be wrong.
pub(super) const LOGIN_TRIES: u32 = 4;
/// An answer that is longer when it is unpacked would only take memory; parts of results are shorter by far.
const LONGEST_ANSWER: usize = 512 * 1024 * 1024;
/// Before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Two clients: results stay compressed until they are decoded, so that those that wait take little memory.
pub(super) struct Http {
    pub service: reqwest::Client,
    pub store: reqwest::Client,
}

/// Why one try failed.
pub(super) enum Failed {
    /// Another try may succeed.
    Passing(Error),
    /// The next try would fail the same way.
    Final(Error),
}

impl Http {
    /// With `local`, no proxy is asked: it could not reach this machine.
    pub(super) fn new(local: bool) -> Result<Self> {
        let tls = tls_config()?;
        let builder = || {
            let builder = reqwest::Client::builder();
            let builder = if local { builder.no_proxy() } else { builder };
            builder
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("airbyte-sql-read/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_LIMIT)
                .read_timeout(SILENCE_LIMIT)
                .redirect(reqwest::redirect::Policy::none())
        };
        let failed = |error: reqwest::Error| {
            Error::new(ErrorKind::Connect, format!("the HTTP client of {APPLICATION} cannot be set up"))
                .with_hint("check the proxy variables of the environment")
                .with_source(error)
        };
        Ok(Self {
            service: builder().build().map_err(failed)?,
            store: builder().no_gzip().build().map_err(failed)?,
        })
    }
}

/// The provider is named here rather than taken from the process-wide default, which may be another one.
fn tls_config() -> Result<ClientConfig> {
    let failed =
        |error: rustls::Error| Error::new(ErrorKind::Connect, "TLS cannot be set up").with_source(error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    Ok(match Verifier::new(provider) {
        Ok(verifier) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        // A bare container has no certificates installed; Mozilla's list is as good.
        Err(reason) => {
            tracing::debug!(%reason, "no certificates from the system, using the bundled ones");
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    })
}

/// Tries until it succeeds, or until there is no sense in another try. What is tried must be such that doing it twice
/// is as good as doing it once. `attempt` is told how many tries there were before.
pub(super) async fn repeatedly<T, Fut>(tries: u32, mut attempt: impl FnMut(u32) -> Fut) -> Result<T>
where
    Fut: Future<Output = Result<T, Failed>>,
{
    let mut pause = FIRST_PAUSE;
    for before in 0..tries - 1 {
        match attempt(before).await {
            Ok(value) => return Ok(value),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::Passing(error)) => tracing::debug!(%error, ?pause, "trying again"),
        }
        tokio::time::sleep(pause.mul_f64(unevenness())).await;
        pause *= 2;
    }
    attempt(tries - 1).await.map_err(|failed| match failed {
        Failed::Passing(error) | Failed::Final(error) => error,
    })
}

/// Something between 0.75 and 1.25, so that many readers that failed together do not come back together.
fn unevenness() -> f64 {
    0.75 + f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 512.0
}

/// An answer that came whole, or why there is none. The address is not shown: those of results open them for everybody.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
) -> Result<(reqwest::StatusCode, Bytes), Failed> {
    let lost = |error: reqwest::Error| {
        let error = error.without_url();
        let reason = innermost(&error);
        Failed::Passing(
            Error::new(ErrorKind::BrokenConnection, format!("the connection to Snowflake broke: {reason}"))
                .with_source(error),
        )
    };
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    // Said beforehand where it was not packed for the way.
    let length = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = BytesMut::with_capacity(length.unwrap_or_default().min(LONGEST_ANSWER));
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            let message = format!("Snowflake answers with more than {} MiB", LONGEST_ANSWER / (1024 * 1024));
            return Err(Failed::Final(Error::new(ErrorKind::Unsupported, message)));
        }
    }
    Ok((status, body.freeze()))
}

/// What happened, without what it happened in.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Whether an answer of this status may be another one next time.
pub(super) fn is_passing(status: reqwest::StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 429)
}
