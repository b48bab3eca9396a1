//! Encrypted connections, really encrypted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use airbyte_cloud::{Client, ClientBuilder, ErrorKind, Origin, SecretString};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, StreamOwned, WantsVerifier};

use crate::support::{PUBLIC, job};

/// Made for these tests: signed by itself, for 127.0.0.1, valid for a century.
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("data/localhost.pem");
const KEY: &[u8] = include_bytes!("data/localhost-key.pem");

/// Answers one request per connection with a job, and ends with the test.
pub(crate) fn serve() -> String {
    serve_to(WithVersions::with_no_client_auth)
}

type WithVersions = ConfigBuilder<ServerConfig, WantsVerifier>;

fn serve_to(verifier: impl FnOnce(WithVersions) -> ConfigBuilder<ServerConfig, WantsServerCert>) -> String {
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = verifier(builder.with_safe_default_protocol_versions().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let root = format!("https://{}{PUBLIC}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
            // A client that does not trust us, or that we do not trust, goes away during the handshake.
            if stream.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).count() == 0
            {
                continue;
            }
            let body = job(7, "sync", "running").to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let stream = stream.get_mut();
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
    });
    root
}

pub(crate) fn builder(root: &str) -> ClientBuilder {
    Client::builder().ignore_environment().api_root(root).bearer_token(SecretString::from("some-token"))
}

#[tokio::test]
async fn a_private_authority_can_be_trusted() {
    let client = builder(&serve()).root_certificate(CERTIFICATE).build().unwrap();
    assert_eq!(client.job(7.into()).info().await.unwrap().job_id.get(), 7);
}

#[tokio::test]
async fn an_unknown_authority_is_told_at_once() {
    let error = builder(&serve()).build().unwrap().job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 1), "{error:?}");
    assert!(error.hint().unwrap().contains("root_certificate"), "{error:?}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n"] {
        let error =
            builder("https://airbyte.example.com/api/public/v1").root_certificate(pem).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{pem}");
    }
}

/// An authority of our own, and what it vouches for.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// A client's certificate and its key, as PEM.
    fn client(&self) -> (String, String) {
        let mut parameters = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server that only those may ask for whom this authority vouches.
    fn serve(&self) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        serve_to(|config| config.with_client_cert_verifier(verifier))
    }
}

#[tokio::test]
async fn a_server_is_shown_the_certificate_that_it_wants() {
    let authority = Authority::new();
    let (certificate, key) = authority.client();
    let root = authority.serve();
    let client = builder(&root)
        .root_certificate(CERTIFICATE)
        .client_certificate(certificate, SecretString::from(key))
        .build()
        .unwrap();
    assert_eq!(client.job(7.into()).info().await.unwrap().job_id.get(), 7);
}

#[tokio::test]
async fn without_the_certificate_that_a_server_wants_the_error_says_so_at_once() {
    let authority = Authority::new();
    let (certificate, key) = Authority::new().client();
    let (with_none, with_another) = (authority.serve(), authority.serve());
    let with_none = builder(&with_none).root_certificate(CERTIFICATE);
    let with_another = builder(&with_another)
        .root_certificate(CERTIFICATE)
        .client_certificate(certificate, SecretString::from(key));
    for builder in [with_none, with_another] {
        let error = builder.build().unwrap().job(7.into()).info().await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 1), "{error:?}");
        assert!(error.hint().unwrap().contains("AIRBYTE_CLIENT_CERTIFICATE"), "{error:?}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let ((certificate, _), (_, key)) = (authority.client(), authority.client());
    let builder = builder("https://airbyte.example.com/api/public/v1");
    let error = builder.client_certificate(certificate, SecretString::from(key)).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    assert!(error.to_string().contains("client certificate"), "{error:?}");
}

/// As a profile names them: files beside it.
#[tokio::test]
async fn a_profile_names_the_files() {
    let authority = Authority::new();
    let (certificate, key) = authority.client();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    file("server.pem", CERTIFICATE);
    file("both.pem", format!("{certificate}{key}").as_bytes());
    let profile = format!(
        "[default]\napi_url = '{}'\nbearer_token = 't'\nroot_certificates = 'server.pem'\nclient_certificate = 'both.pem'\n",
        authority.serve()
    );
    file("profiles.toml", profile.as_bytes());
    let client = Client::builder()
        .ignore_environment()
        .config_file(folder.path().join("profiles.toml"))
        .build()
        .unwrap();
    assert_eq!(client.job(7.into()).info().await.unwrap().job_id.get(), 7);
    let settings = client.settings();
    assert_eq!(settings.client_certificate.as_ref().unwrap().value, folder.path().join("both.pem"));
    assert!(matches!(settings.root_certificates.as_ref().unwrap().origin, Origin::Profile { .. }));

    std::fs::remove_file(folder.path().join("both.pem")).unwrap();
    let error = Client::builder()
        .ignore_environment()
        .config_file(folder.path().join("profiles.toml"))
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("both.pem"), "{error}");
}
