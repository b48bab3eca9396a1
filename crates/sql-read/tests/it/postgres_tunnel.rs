//! SSH tunnels, through a real SSH server on loopback.

use std::path::{Path, PathBuf};
use std::process::Command;

use airbyte_sql_read::{ErrorKind, StreamSpec, Warehouse};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Schema, destination, shown};

/// What the server was started with; `None` where the tests are to go without it.
struct Server(PathBuf);

impl Server {
    fn find() -> Option<Self> {
        if std::env::var_os("AIRBYTE_TEST_SKIP_SSH").is_some() {
            return None;
        }
        let folder = std::env::var_os("AIRBYTE_TEST_SSH_FOLDER")
            .expect("AIRBYTE_TEST_SSH_FOLDER is not set: run the tests with `cargo xtask test`");
        Some(Self(folder.into()))
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap()
    }

    fn port(&self) -> u16 {
        self.text("port").trim().parse().unwrap()
    }

    fn by_key(&self, key: &str) -> Value {
        json!({
            "tunnel_method": "SSH_KEY_AUTH", "tunnel_host": "127.0.0.1", "tunnel_port": self.port(),
            "tunnel_user": "tunnel", "ssh_key": key, "tunnel_host_key": self.text("host_key.pub"),
        })
    }

    fn by_password(&self, password: &str) -> Value {
        json!({
            "tunnel_method": "SSH_PASSWORD_AUTH", "tunnel_host": "127.0.0.1", "tunnel_port": self.port(),
            "tunnel_user": "tunnel", "tunnel_user_password": password, "tunnel_host_key": self.text("host_key.pub"),
        })
    }
}

async fn connect(schema: &Schema, tunnel: &Value) -> airbyte_sql_read::Result<Warehouse> {
    destination("postgres", &schema.configuration_with(&json!({"tunnel_method": tunnel}))).connect().await
}

/// The user's key, encrypted by OpenSSH.
fn encrypted(server: &Server, folder: &Path) -> String {
    let file = folder.join("encrypted");
    std::fs::write(&file, server.text("user_key")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut keygen = Command::new("ssh-keygen");
    let done = keygen.args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"]).arg(&file).status().unwrap();
    assert!(done.success());
    std::fs::read_to_string(file).unwrap()
}

/// A key's fingerprint as OpenSSH prints it.
fn fingerprint(file: &Path) -> String {
    let printed = Command::new("ssh-keygen").arg("-lf").arg(file).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    printed.split_whitespace().find(|word| word.starts_with("SHA256:")).unwrap().to_owned()
}

#[tokio::test]
async fn rows_come_through_a_tunnel_by_key_and_by_password() {
    let Some(server) = Server::find() else { return };
    let schema = Schema::new("tunnel").await;
    schema
        .run("create table rows as select n, repeat('x', 100) as filler from generate_series(1, 100000) as n")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let key = server.text("host_key.pub");
    let known_hosts = folder.path().join("known_hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{} {key}\n", server.port())).unwrap();
    let mut by_known_hosts = server.by_password(&server.text("password"));
    by_known_hosts["tunnel_host_key"] = json!(null);
    by_known_hosts["tunnel_known_hosts"] = json!(known_hosts);
    let mut by_fingerprint = server.by_password(&server.text("password"));
    by_fingerprint["tunnel_host_key"] = json!(fingerprint(&server.0.join("host_key.pub")));
    let mut by_encrypted_key = server.by_key(&encrypted(&server, folder.path()));
    by_encrypted_key["ssh_key_passphrase"] = json!("open sesame");
    let ways = [
        server.by_key(&server.text("user_key")),
        by_encrypted_key,
        server.by_password(&server.text("password")),
        by_known_hosts,
        by_fingerprint,
    ];
    for tunnel in ways {
        let warehouse = connect(&schema, &tunnel).await.unwrap();
        assert_eq!(warehouse.warnings(), <[String; 0]>::default());
        let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
        let reads = (0..4).map(|_| async {
            let batches: Vec<_> = dataset.batches().await.unwrap().try_collect().await.unwrap();
            batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>()
        });
        assert_eq!(futures::future::join_all(reads).await, [100_000; 4]);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_tunnel_is_told_without_its_secrets() {
    let Some(server) = Server::find() else { return };
    let schema = Schema::new("tunnel_refused").await;
    let folder = tempfile::tempdir().unwrap();
    let encrypted = encrypted(&server, folder.path());
    let with = |mut tunnel: Value, field: &str, value: Value| {
        tunnel[field] = value;
        tunnel
    };
    let by_key = server.by_key(&server.text("user_key"));
    let another = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    let unknown = folder.path().join("known_hosts");
    std::fs::write(&unknown, format!("elsewhere {another}\n")).unwrap();
    let listed = folder.path().join("listed");
    std::fs::write(&listed, format!("[127.0.0.1]:{} {another}\n", server.port())).unwrap();
    let by_file = |file: &Path| {
        with(with(by_key.clone(), "tunnel_host_key", json!(null)), "tunnel_known_hosts", json!(file))
    };
    let cases = [
        (by_file(&unknown), ErrorKind::Connect, "is not in "),
        (by_file(&folder.path().join("missing")), ErrorKind::Connect, "is not in "),
        (by_file(&listed), ErrorKind::Connect, "is not the one that is known"),
        (
            with(
                by_key.clone(),
                "tunnel_host_key",
                json!("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"),
            ),
            ErrorKind::Connect,
            "is not the one that is known",
        ),
        (
            with(by_key.clone(), "tunnel_host_key", json!("SHA256:hunter2")),
            ErrorKind::InvalidInput,
            "tunnel_host_key",
        ),
        (server.by_password("hunter2"), ErrorKind::Connect, "refuses the user"),
        (with(by_key.clone(), "tunnel_user", json!("hunter2")), ErrorKind::Connect, "refuses the user"),
        (
            with(by_key.clone(), "tunnel_host_key", json!(another)),
            ErrorKind::Connect,
            "is not the one that is known",
        ),
        (
            with(by_key.clone(), "tunnel_host_key", json!("hunter2")),
            ErrorKind::InvalidInput,
            "tunnel_host_key",
        ),
        (with(by_key.clone(), "tunnel_port", json!(1)), ErrorKind::Connect, "127.0.0.1:1"),
        (with(by_key.clone(), "tunnel_port", json!("x")), ErrorKind::InvalidInput, "tunnel_port"),
        (with(by_key.clone(), "tunnel_host", json!(null)), ErrorKind::InvalidInput, "lacks `tunnel_host`"),
        (
            with(by_key.clone(), "tunnel_method", json!("CARRIER_PIGEON")),
            ErrorKind::Unsupported,
            "CARRIER_PIGEON",
        ),
        (server.by_key("hunter2"), ErrorKind::InvalidInput, "`ssh_key` is not a private key"),
        (server.by_key(&encrypted), ErrorKind::InvalidInput, "is encrypted"),
        (
            with(server.by_key(&encrypted), "ssh_key_passphrase", json!("hunter2")),
            ErrorKind::InvalidInput,
            "ssh_key_passphrase",
        ),
    ];
    for (tunnel, kind, part) in cases {
        let error = connect(&schema, &tunnel).await.expect_err(part);
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert_eq!(error.kind(), kind, "{part}: {shown}");
        assert!(error.to_string().contains(part), "{part}: {shown}");
        assert!(!shown.contains("hunter2") || part == "refuses the user", "{shown}");
        assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    }
    // The place is looked up from the SSH server, and a server that nobody knows is named.
    let tunnel = with(by_key.clone(), "tunnel_host_key", json!(null));
    let nowhere = schema.configuration_with(&json!({"tunnel_method": by_key, "port": 1}));
    let error = destination("postgres", &nowhere).connect().await.unwrap_err();
    assert!(error.to_string().contains("does not connect to 127.0.0.1:1"), "{error}");
    let warehouse = connect(&schema, &tunnel).await.unwrap();
    assert!(warehouse.warnings()[0].contains("known_hosts"), "{:?}", warehouse.warnings());
}

/// Hands on bytes between a client and the SSH server, and no more after so many of the server's.
async fn cut_after(port: u16, mut left: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) =
            TcpStream::connect(("127.0.0.1", port)).await.unwrap().into_split();
        let forth = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut bytes = [0; 4096];
        while left > 0 {
            let count = from_server.read(&mut bytes).await.unwrap().min(left);
            to_client.write_all(&bytes[..count]).await.unwrap();
            left -= count;
        }
        forth.abort();
    });
    address.port()
}

#[tokio::test]
async fn a_tunnel_that_is_cut_is_an_error_and_never_the_end_of_the_data() {
    let Some(server) = Server::find() else { return };
    let schema = Schema::new("tunnel_cut").await;
    schema
        .run(
            "create table rows as select n, repeat('x', 1000) as filler from generate_series(1, 100000) as n",
        )
        .await;
    let mut tunnel = server.by_key(&server.text("user_key"));
    tunnel["tunnel_port"] = json!(cut_after(server.port(), 30_000_000).await);
    let warehouse = connect(&schema, &tunnel).await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    let mut batches = dataset.batches().await.unwrap();
    assert_eq!(shown(&batches.try_next().await.unwrap().unwrap(), "n")[0], "1");
    let error = batches.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error:?}");
}
