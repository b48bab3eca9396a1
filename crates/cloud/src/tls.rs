//! The HTTP client that everything of this crate goes through.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind, Result};

/// Gives up on a connection that cannot be set up in this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Closes idle connections before common proxies and load balancers do, so that they are not used when
/// the other side has just closed them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds the HTTP client: rustls with ring, the system's certificates, proxies from the environment.
///
/// Redirects are not followed: an API has no reason for them, a followed POST turns into a GET, and the
/// usual cause, an API root with `http` for `https`, is better told.
///
/// With `local`, all addresses are on this machine: then no proxy is asked, which would see the credentials
/// of a plain connection and could not reach this machine anyway.
pub(crate) fn http_client(
    user_agent: &str,
    local: bool,
    extra_roots: Vec<CertificateDer<'static>>,
) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder();
    let builder = if local { builder.no_proxy() } else { builder };
    builder
        .tls_backend_preconfigured(tls_config(extra_roots)?)
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

/// Reads certificates in PEM form.
pub(crate) fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::new(ErrorKind::Configuration, "a root certificate cannot be read")
            .with_hint("it has to be in PEM form, beginning with -----BEGIN CERTIFICATE-----")),
    }
}

/// The provider is named here rather than taken from the process-wide default, which may not be set or
/// may be another one.
fn tls_config(extra_roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let failed = |source| Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(source);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let mut config = match Verifier::new_with_extra_roots(extra_roots.clone(), provider) {
        Ok(verifier) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        // A bare container has no certificates installed; Mozilla's list is as good.
        Err(reason) => {
            tracing::debug!(%reason, "no certificates from the system, using the bundled ones");
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            for certificate in extra_roots {
                roots.add(certificate).map_err(failed)?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
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
        let answer =
            http_client("test", true, Vec::new()).unwrap().get(format!("https://{address}/")).send().await;
        assert!(answer.unwrap_err().is_connect());
        let hello = server.await.unwrap();
        assert_eq!(hello.first(), Some(&0x16), "a TLS handshake record");
        assert!(hello.windows(2).any(|pair| pair == b"h2"), "offers HTTP/2");
    }

    #[test]
    fn a_broken_user_agent_is_refused() {
        assert_eq!(http_client("a\nb", false, Vec::new()).unwrap_err().kind(), ErrorKind::Configuration);
    }
}
