//! The HTTP client that everything of this crate goes through.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind, Result};
use crate::network::Network;

/// Gives up on a connection that cannot be set up in this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Closes idle connections before common proxies and load balancers do, so that they are not used when
/// the other side has just closed them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the servers are that are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All on this machine, one of them without encryption.
    HerePlain,
    /// All on this machine.
    Here,
    /// Some elsewhere.
    Elsewhere,
}

/// Builds the HTTP client: rustls with ring, the system's certificates, proxies from the environment.
///
/// Redirects are not followed: an API has no reason for them, a followed POST turns into a GET, and the
/// usual cause, an API root with `http` for `https`, is better told.
///
/// The environment's proxy is not asked for addresses on this machine, which it could not reach.
pub(crate) fn http_client(user_agent: &str, place: Place, network: Network) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder();
    let builder = match (&network.proxy, place) {
        // A proxy sees the credentials of a plain connection, which are let travel because they stay here.
        (_, Place::HerePlain) | (None, Place::Here) => builder.no_proxy(),
        (Some(proxy), Place::Here | Place::Elsewhere) => builder.proxy(proxy.for_client()?),
        (None, Place::Elsewhere) => builder,
    };
    builder
        .tls_backend_preconfigured(tls_config(network)?)
        .user_agent(user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|source| {
            Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up")
                .with_hint("check the user agent text and the proxy variables of the environment")
                .with_source(source)
        })
}

/// The provider is named here rather than taken from the process-wide default, which may not be set or
/// may be another one.
fn tls_config(network: Network) -> Result<ClientConfig> {
    let failed = |source| Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(source);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match Verifier::new_with_extra_roots(network.roots.clone(), provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        // A bare container has no certificates installed; Mozilla's list is as good.
        Err(reason) => {
            tracing::debug!(%reason, "no certificates from the system, using the bundled ones");
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            for certificate in network.roots {
                roots.add(certificate).map_err(failed)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let mut config = match network.identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key).map_err(|source| {
            Error::new(ErrorKind::Configuration, "the client certificate cannot be used")
                .with_hint("its key has to be the one that it was made for")
                .with_source(source)
        })?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn https_really_speaks_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = vec![0; 512];
            let read = stream.read(&mut hello).await.unwrap();
            hello.truncate(read);
            hello
        });
        let answer = http_client("test", Place::Here, Network::default())
            .unwrap()
            .get(format!("https://{address}/"))
            .send()
            .await;
        assert!(answer.unwrap_err().is_connect());
        let hello = server.await.unwrap();
        assert_eq!(hello.first(), Some(&0x16), "a TLS handshake record");
        assert!(hello.windows(2).any(|pair| pair == b"h2"), "offers HTTP/2");
    }

    #[test]
    fn a_broken_user_agent_is_refused() {
        assert_eq!(
            http_client("a\nb", Place::Elsewhere, Network::default()).unwrap_err().kind(),
            ErrorKind::Configuration
        );
    }
}
