//! `ssl_mode` in all its forms, against a server with certificates.

use std::process::{Command, Stdio};
use std::time::Duration;

use airbyte_sql_read::{ErrorKind, StreamSpec};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::support::{SPARE, SPARE_URL, Schema, destination, shown};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key.
fn certificate(authority: &Authority, common_name: &str, names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    let key = KeyPair::generate().unwrap();
    (parameters.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Writes a file in the server's folder, as the server.
async fn write(schema: &Schema, file: &str, content: &str) {
    schema
        .run(&format!(
            "copy (select replace(encode(convert_to($file${content}$file$, 'UTF8'), 'base64'), e'\\n', ''))
             to program 'umask 077; base64 -d > {file}'"
        ))
        .await;
}

/// The server's authority, and one that signs for a client.
async fn serve_tls(schema: &Schema) -> Authority {
    let authority = authority("a test's authority");
    let (certificate, key) = certificate(&authority, "a test's server", &["localhost"]);
    write(schema, "server.crt", &certificate).await;
    write(schema, "server.key", &key).await;
    write(schema, "root.crt", &authority.pem()).await;
    write(
        schema,
        "pg_hba.conf",
        "local all all trust\n\
         hostssl all certified all cert\n\
         hostssl all only_tls all scram-sha-256\n\
         hostnossl all only_plain all scram-sha-256\n\
         host all only_tls all reject\n\
         host all only_plain all reject\n\
         host all all all scram-sha-256\n",
    )
    .await;
    for role in ["certified", "only_tls", "only_plain"] {
        let known = schema.client.query("select from pg_roles where rolname = $1", &[&role]).await.unwrap();
        if known.is_empty() {
            schema.run(&format!("create role {role} login superuser password 'right'")).await;
        }
    }
    for setting in [
        "ssl = on",
        "ssl_cert_file = 'server.crt'",
        "ssl_key_file = 'server.key'",
        "ssl_ca_file = 'root.crt'",
    ] {
        schema.run(&format!("alter system set {setting}")).await;
    }
    schema.run("select pg_reload_conf(); create view way as select ssl from pg_stat_ssl where pid = pg_backend_pid()").await;
    for _ in 0..100 {
        // A new session has the new settings once the server has read them.
        let changes = json!({"host": "localhost", "ssl_mode": verifying(&authority)});
        if way(schema, &changes).await.is_ok() {
            return authority;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not speak TLS");
}

fn verifying(authority: &Authority) -> Value {
    json!({"mode": "verify-full", "ca_certificate": authority.pem()})
}

/// Whether a session with this configuration is encrypted.
async fn way(schema: &Schema, changes: &Value) -> airbyte_sql_read::Result<bool> {
    let warehouse = destination("postgres", &schema.configuration_with(changes)).connect().await?;
    let batch = warehouse.dataset(&StreamSpec::new("way")).await?.head(1).await?;
    Ok(shown(&batch, "ssl") == ["true"])
}

#[tokio::test]
async fn every_mode_encrypts_and_verifies_what_it_says() {
    let _alone = SPARE.lock().await;
    let schema = Schema::on(SPARE_URL, "modes").await;
    let right = serve_tls(&schema).await;
    let other = authority("another authority");
    let mode = |mode: &str| json!({"ssl_mode": {"mode": mode}});
    let verify = |mode: &str, authority: &Authority, host: &str| json!({"host": host, "ssl_mode": {"mode": mode, "ca_certificate": authority.pem()}});
    let as_user =
        |user: &str, mode: &str| json!({"username": user, "password": "right", "ssl_mode": {"mode": mode}});
    let cases = [
        (mode("disable"), Some(false)),
        (mode("allow"), Some(false)),
        (mode("prefer"), Some(true)),
        (mode("require"), Some(true)),
        (json!({"ssl_mode": null, "ssl": true}), Some(true)),
        (json!({"ssl_mode": null}), Some(true)),
        (verify("verify-ca", &right, "127.0.0.1"), Some(true)),
        (verify("verify-ca", &other, "localhost"), None),
        (verify("verify-full", &right, "localhost"), Some(true)),
        (verify("verify-full", &right, "127.0.0.1"), None),
        (verify("verify-full", &other, "localhost"), None),
        (mode("verify-full"), None),
        // Those whom the server takes one way alone.
        (as_user("only_tls", "disable"), None),
        (as_user("only_tls", "allow"), Some(true)),
        (as_user("only_plain", "require"), None),
        (as_user("only_plain", "prefer"), Some(false)),
    ];
    for (changes, expected) in cases {
        let found = way(&schema, &changes).await;
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{changes}: {found:?}");
        if let Err(error) = found {
            assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::InvalidInput), "{error:?}");
        }
    }
}

/// A key encrypted by OpenSSL.
fn encrypted(key: &str, arguments: &[&str]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-passout", "pass:open sesame"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tests need openssl");
    std::io::Write::write_all(&mut openssl.stdin.take().unwrap(), key.as_bytes()).unwrap();
    String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn a_client_shows_its_certificate_with_a_plain_or_an_encrypted_key() {
    let _alone = SPARE.lock().await;
    let schema = Schema::on(SPARE_URL, "certified").await;
    let authority = serve_tls(&schema).await;
    let (certificate, key) = certificate(&authority, "certified", &[]);
    let with = |certificate: Option<&str>, key: &str, password: Option<&str>| {
        json!({"host": "localhost", "username": "certified", "password": null, "ssl_mode": {
            "mode": "verify-full", "ca_certificate": authority.pem(), "client_certificate": certificate,
            "client_key": key, "client_key_password": password,
        }})
    };
    assert!(way(&schema, &with(Some(&certificate), &key, None)).await.unwrap());
    let error = way(&schema, &with(None, &key, None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    for arguments in
        [&["-v2", "aes-256-cbc"][..], &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"], &["-scrypt"]]
    {
        let encrypted = encrypted(&key, arguments);
        assert!(
            way(&schema, &with(Some(&certificate), &encrypted, Some("open sesame"))).await.unwrap(),
            "{arguments:?}"
        );
        for wrong in [None, Some("sesame")] {
            let error = way(&schema, &with(Some(&certificate), &encrypted, wrong)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
            assert!(error.to_string().contains("client_key_password"), "{error}");
            assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
        }
    }
}
