//! Connections through a proxy: it is asked to connect, and sees nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use airbyte_cloud::{ErrorKind, SecretString};

use crate::support::Airbyte;
use crate::tls::{CERTIFICATE, builder, serve};

/// `me:p@ssw0rd`, as the header holds it.
const CREDENTIALS: &str = "Basic bWU6cEBzc3cwcmQ=";

/// A proxy that tunnels for those who know the password, and keeps what it was asked and what went through it.
#[derive(Clone, Default)]
struct Proxy {
    asked: Arc<Mutex<Vec<String>>>,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// Serves until the test ends; returns `HOST:PORT`.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let proxy = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let proxy = proxy.clone();
                // A client that goes away ends its connection only.
                std::thread::spawn(move || proxy.connect(client.unwrap()).ok());
            }
        });
        address
    }

    fn connect(&self, client: TcpStream) -> std::io::Result<()> {
        let mut client = BufReader::new(client);
        let head: Vec<String> =
            client.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        self.asked.lock().unwrap().push(head.first().cloned().unwrap_or_default());
        let may = head.iter().any(|line| {
            line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proxy-authorization") && value == CREDENTIALS
            })
        });
        let target = head.first().and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next());
        let (true, Some(target)) = (may, target) else {
            return client.get_mut().write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
            );
        };
        let mut server = TcpStream::connect(target)?;
        client.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let (mut back, mut from_server) = (client.get_ref().try_clone()?, server.try_clone()?);
        std::thread::spawn(move || std::io::copy(&mut from_server, &mut back));
        loop {
            let bytes = client.fill_buf()?.to_vec();
            if bytes.is_empty() {
                return server.shutdown(std::net::Shutdown::Write);
            }
            self.passed.lock().unwrap().extend_from_slice(&bytes);
            server.write_all(&bytes)?;
            client.consume(bytes.len());
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_proxy_tunnels_and_sees_no_credentials() {
    let proxy = Proxy::default();
    let (root, address) = (serve(), proxy.start());
    let client = builder(&root)
        .root_certificate(CERTIFICATE)
        .proxy(SecretString::from(format!("http://me:p%40ssw0rd@{address}")))
        .build()
        .unwrap();
    assert_eq!(client.job(7.into()).info().await.unwrap().job_id.get(), 7);
    assert_eq!(client.settings().proxy.as_ref().unwrap().value, format!("http://{address}"));
    let host = root.trim_start_matches("https://").split('/').next().unwrap();
    assert_eq!(proxy.asked(), [format!("CONNECT {host} HTTP/1.1")]);
    let passed = proxy.passed.lock().unwrap();
    assert_eq!(passed.first(), Some(&0x16), "a TLS handshake record");
    assert!(!passed.windows(10).any(|bytes| bytes == b"some-token"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_at_once_and_its_password_is_not() {
    let proxy = Proxy::default();
    let (root, address) = (serve(), proxy.start());
    for address in [format!("http://{address}"), format!("http://me:hunter2@{address}")] {
        let builder = builder(&root).root_certificate(CERTIFICATE).proxy(SecretString::from(address));
        let shown = format!("{builder:?}");
        let client = builder.build().unwrap();
        let error = client.job(7.into()).info().await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 1), "{error:?}");
        assert!(error.to_string().contains("proxy"), "{error:?}");
        let text = format!("{shown} {error} {error:?} {client:?}");
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    }
}

#[tokio::test]
async fn plain_connections_within_this_machine_go_through_no_proxy() {
    let (proxy, airbyte) = (Proxy::default(), Airbyte::start().await);
    crate::support::get("/jobs/7")
        .respond_with(crate::support::ok(crate::support::job(7, "sync", "running")))
        .mount(&airbyte.server)
        .await;
    let address = SecretString::from(format!("http://{}", proxy.start()));
    let client = airbyte.builder().proxy(address).build().unwrap();
    client.job(7.into()).info().await.unwrap();
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}
