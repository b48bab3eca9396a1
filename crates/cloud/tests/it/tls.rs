//! Encrypted connections, really encrypted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use airbyte_cloud::{Client, ClientBuilder, ErrorKind, SecretString};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{PUBLIC, job};

/// Made for these tests: signed by itself, for 127.0.0.1, valid for a century.
const CERTIFICATE: &[u8] = include_bytes!("data/localhost.pem");
const KEY: &[u8] = include_bytes!("data/localhost-key.pem");

/// Answers one request per connection with a job, and ends with the test.
fn serve() -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
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
            // A client that does not trust us goes away during the handshake.
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

fn builder(root: &str) -> ClientBuilder {
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
