//! Clients, files and databases that mean harm or come to it: a refusal or a failed attempt says why, and the sandbox
//! goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airbyte_sandbox::{Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::postgres::Server;
use crate::support::{Api, FAST, answer, id, sqlite_texts};

/// The server's limit on a request's body.
const LIMIT: usize = 10 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

fn address(api: &Api) -> String {
    api.host("").strip_prefix("http://").unwrap().to_owned()
}

/// What comes back for these bytes, until the sandbox closes the connection.
async fn raw(api: &Api, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(api)).await.unwrap();
    // The sandbox may have closed the connection before it has seen everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(PATIENCE, reading).await.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// A `GET` with the token, as bytes.
fn get(api: &Api, path: &str, headers: &str) -> String {
    let token = api.token.as_ref().unwrap();
    format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{headers}\r\n"
    )
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_with_a_reason() {
    let api = Api::start(Seed::Empty).await;
    let deep = "[".repeat(200_000);
    let nested = format!("{{\"name\": {deep}");
    let bodies: [&[u8]; 7] = [
        b"",
        b"{\"name\": \"half",
        b"{\"name\": \"\xff\xfe\"}",
        b"{\"name\": NaN}",
        b"{\"name\": 1e99999}",
        b"\xef\xbb\xbf{}",
        nested.as_bytes(),
    ];
    for body in bodies {
        let request = api.public(Method::POST, "/workspaces").body(body.to_vec());
        let refused = answer(request).await.expect(400);
        assert!(refused["_embedded"]["errors"][0]["message"].is_string(), "{refused}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let api = Api::start(Seed::Empty).await;
    let body = |length: usize| {
        let empty = json!({"name": "Large", "padding": ""}).to_string().len();
        json!({"name": "Large", "padding": "x".repeat(length - empty)}).to_string()
    };
    let post = |body: reqwest::Body| api.public(Method::POST, "/workspaces").body(body);
    answer(post(body(LIMIT).into())).await.expect(200);
    let refused = answer(post(body(LIMIT + 1).into())).await.expect(413);
    assert!(refused["_embedded"]["errors"][0]["message"].as_str().unwrap().contains("10485760"), "{refused}");
    // Eleven megabytes, with their length told and in chunks.
    answer(post(body(11 << 20).into())).await.expect(413);
    let chunks = (0..11).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20]));
    answer(post(reqwest::Body::wrap_stream(futures::stream::iter(chunks)))).await.expect(413);
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_no_http_is_refused_or_closed() {
    let api = Api::start(Seed::Empty).await;
    let many = (0..2_000).fold(String::new(), |all, number| all + &format!("x-{number}: y\r\n"));
    assert_eq!(status(&raw(&api, get(&api, "/", &many).as_bytes()).await), 431, "a flood of headers");
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    assert_eq!(status(&raw(&api, get(&api, "/", &long).as_bytes()).await), 431, "a header of a megabyte");
    let path = format!("/{}", "y".repeat(100_000));
    assert_eq!(status(&raw(&api, get(&api, &path, "").as_bytes()).await), 414, "an endless path");
    let start = "POST /api/public/v1/workspaces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    for bytes in [
        "\0\u{1}\u{2}\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("{start}content-length: -1\r\n\r\n"),
        format!("{start}content-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
        format!("{start}transfer-encoding: chunked\r\n\r\nnonsense\r\n"),
        "GET / HTTP/1.1\r\nno colon here\r\n\r\n".to_owned(),
    ] {
        let answered = raw(&api, bytes.as_bytes()).await;
        assert!(answered.is_empty() || (400..500).contains(&status(&answered)), "{bytes:?}: {answered}");
    }
    api.get("/workspaces").await.expect(200);
}

#[tokio::test]
async fn tricks_with_paths_reach_nothing() {
    let api = Api::start(Seed::Empty).await;
    for path in [
        "/api/public/v1/sources/../../../../etc/passwd",
        "/api/public/v1/sources/..%2f..%2f..%2fetc%2fpasswd",
        "/api/public/v1/sources/%2e%2e/workspaces",
        "/api/public/v1/sources/%00",
        "/api/public/v1/sources/%ff%fe",
        "/api/public/v1//sources",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/workspaces/..%2f..%2f..%2fetc%2fpasswd",
        "/connections/%3Ci%3Emischief",
        "/api/public/v1/sources?limit=%00&offset=%ff",
    ] {
        let answered = raw(&api, get(&api, path, "").as_bytes()).await;
        let status = status(&answered);
        assert!((200..500).contains(&status), "{path}: {answered:.300}");
        assert!(!answered.contains("root:") && !answered.contains("<i>mischief"), "{path}: {answered:.300}");
        let is_api = path.starts_with("/api/");
        assert!(!is_api || status >= 400, "{path} is no operation: {answered}");
    }
}

#[tokio::test]
async fn clients_that_stop_in_the_middle_hold_nobody_up() {
    let api = Api::start(Seed::Empty).await;
    let token = api.token.clone().unwrap();
    let mut held = Vec::new();
    for number in 0..150 {
        let mut stream = TcpStream::connect(address(&api)).await.unwrap();
        let head = format!(
            "POST /api/public/v1/workspaces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 30\r\n\r\n"
        );
        let part = match number % 3 {
            0 => &head[..20],
            1 => &head[..],
            _ => &format!("{head}{{\"name\": "),
        };
        stream.write_all(part.as_bytes()).await.unwrap();
        match number % 2 {
            // Nothing more will come, but an answer would be read.
            0 => stream.shutdown().await.unwrap(),
            _ => held.push(stream),
        }
    }
    let began = tokio::time::Instant::now();
    for _ in 0..20 {
        api.get("/workspaces").await.expect(200);
    }
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().unwrap().len(), 1);
    let stopped = tokio::time::timeout(PATIENCE, api.sandbox.shutdown()).await;
    stopped.expect("the sandbox stops, whoever hangs on");
    drop(held);
}

#[tokio::test]
async fn time_cannot_be_moved_to_where_there_is_none() {
    let mut api = Api::start(Seed::Empty).await;
    for advance in ["9999999999h", "1e300h", "-5m", "99999999999999999999ms", ""] {
        let request = api.control(Method::POST, "clock").json(&json!({"advance": advance}));
        let status = answer(request).await.status;
        assert!(status == 200 || status == 400, "{advance}: {status}");
    }
    api.log_in().await;
    let connection = api.small_connection().await;
    api.sync(&connection).await;
}

#[tokio::test]
async fn names_are_only_names() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().data_dir(folder.path()).time_scale(FAST)).await;
    let names = ["'; drop table objects; --", "\"; delete from objects; --", "%_\\", "\u{0}", "a\r\nx: y"];
    for name in names {
        let made = api.post("/workspaces", &json!({"name": name})).await.expect(200);
        let read = api.get(&format!("/workspaces/{}", id(&made, "workspaceId"))).await.expect(200);
        assert_eq!(read["name"], name);
        let found = json!({"nameContains": name, "organizationId": api.sandbox.ready().organization_id});
        let found = api.config("/workspaces/list_by_organization_id", &found).await.expect(200);
        assert_eq!(found["workspaces"].as_array().unwrap().len(), 1, "{name:?}: {found}");
    }
    let source = api.source(json!({"sourceType": "faker", "count": 3})).await;
    let destination = api.destination(json!({"destinationType": "sqlite", "destination_path": "d.db"})).await;
    let prefix = "x\"; drop table \"_airbyte_raw_users\"; --";
    let body = json!({
        "sourceId": source, "destinationId": destination, "prefix": prefix,
        "configurations": {"streams": [{"name": "users"}]},
    });
    let connection = id(&api.post("/connections", &body).await.expect(200), "connectionId");
    api.sync(&connection).await;
    let tables = sqlite_texts(
        &folder.path().join("local/d.db"),
        "select name from sqlite_master where type = 'table'",
    );
    assert_eq!(tables, [format!("_airbyte_raw_{prefix}users")]);
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().unwrap().len(), 1 + names.len());
}

#[tokio::test]
async fn files_outside_of_the_root_are_not_read_whatever_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(folder.path().join("secret.csv"), "word\nhunter2\n").unwrap();
    std::os::unix::fs::symlink("../secret.csv", root.join("link.csv")).unwrap();
    std::os::unix::fs::symlink("link-to-itself.csv", root.join("link-to-itself.csv")).unwrap();
    let api = Api::of(Sandbox::builder().files_root(&root).time_scale(FAST)).await;
    let destination = api.dev_null().await;
    let absolute = folder.path().join("secret.csv").display().to_string();
    let urls = [
        "../secret.csv",
        "link.csv",
        &absolute,
        &format!("file://{absolute}"),
        "/proc/self/environ",
        "/dev/zero",
        "./../root/../secret.csv",
        "link-to-itself.csv",
        ".",
        "",
        "\u{0}",
        "http://localhost/secret.csv",
    ];
    for url in urls {
        let source = api
            .source(json!({"sourceType": "file", "dataset_name": "data", "format": "csv", "url": url,
                "provider": {"storage": "local"}}))
            .await;
        let body = json!({"sourceId": source, "destinationId": destination});
        let refused = api.post("/connections", &body).await;
        assert!(!refused.status.is_success(), "{url}: {refused:?}");
        assert!(!refused.text.contains("hunter2"), "{url}: {refused:?}");
        let check = api.config("/sources/check_connection", &json!({"sourceId": source})).await;
        assert!(check.status != 200 || check.json()["status"] == "failed", "{url}: {check:?}");
        assert!(!check.text.contains("hunter2"), "{url}: {check:?}");
    }
    api.get("/workspaces").await.expect(200);
}

#[tokio::test]
async fn a_database_file_that_is_none_fails_the_sync_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().data_dir(folder.path()).time_scale(0.001)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 3})).await;
    std::fs::write(folder.path().join("local/text.db"), "no database at all. ".repeat(100)).unwrap();
    std::fs::create_dir(folder.path().join("local/folder.db")).unwrap();
    for (path, reason) in
        [("text.db", "not a database"), ("folder.db", "unable to open"), ("text.db/d.db", "cannot make")]
    {
        let destination =
            api.destination(json!({"destinationType": "sqlite", "destination_path": path})).await;
        let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
        let failures = api.failing_sync(&connection).await;
        assert_eq!(failures[0]["failureOrigin"], "destination", "{path}: {failures:?}");
        assert!(failures[0].to_string().contains(reason), "{path}: {failures:?}");
    }
}

#[tokio::test]
async fn a_database_server_that_is_down_fails_the_sync_with_its_reason() {
    let api = Api::start(Seed::Empty).await;
    // A port that nobody listens on any more.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let source = api.source(json!({"sourceType": "faker", "count": 3})).await;
    let destination = api.destination(postgres_at(port)).await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    let failures = api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureOrigin"], "destination");
    assert!(failures[0]["internalMessage"].as_str().unwrap().contains("cannot connect"), "{failures:?}");
    assert!(!failures[0].to_string().contains("hunter2"), "{failures:?}");
}

fn postgres_at(port: u16) -> Value {
    json!({
        "destinationType": "postgres", "host": "127.0.0.1", "port": port, "database": "d", "schema": "public",
        "username": "u", "password": "hunter2",
    })
}

#[tokio::test]
async fn a_database_that_talks_nonsense_fails_the_sync_with_its_reason() {
    let api = Api::start(Seed::Empty).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let source = api.source(json!({"sourceType": "faker", "count": 3})).await;
    let destination = api.destination(postgres_at(port)).await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    let failures = api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureOrigin"], "destination", "{failures:?}");
}

/// Passes bytes on to a server, and breaks each connection after so many from the client.
async fn fragile_way_to(server: String, breaks: Arc<AtomicUsize>, limit: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut from_client, mut to_client) = client.into_split();
            let Ok(server) = TcpStream::connect(&server).await else { continue };
            let (mut from_server, mut to_server) = server.into_split();
            let is_breaking =
                breaks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let limit = if is_breaking { limit as u64 } else { u64::MAX };
                let _ = tokio::io::copy(&mut (&mut from_client).take(limit), &mut to_server).await;
                if is_breaking {
                    back.abort();
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_database_that_vanishes_in_mid_sync_fails_the_attempt_and_the_next_one_moves_all() {
    let Some(server) = Server::new().await else { return };
    let mut configuration = server.configuration();
    let address = format!("{}:{}", configuration["host"].as_str().unwrap(), configuration["port"]);
    // The check and the first attempts break in the middle of the rows.
    let breaks = Arc::new(AtomicUsize::new(0));
    let port = fragile_way_to(address, breaks.clone(), 60_000).await;
    configuration["host"] = json!("127.0.0.1");
    configuration["port"] = json!(port);
    let api = &server.api;
    let source = api.source(json!({"sourceType": "faker", "count": 5_000})).await;
    let destination = api.destination(configuration).await;
    let connection = api
        .connect(&source, &destination, json!([{"name": "users", "syncMode": "full_refresh_overwrite"}]))
        .await;
    // The connection that checks transfers too little to break.
    breaks.store(3, Ordering::SeqCst);
    let job = api.sync(&connection).await;
    let attempts = api.attempts(job["jobId"].as_i64().unwrap()).await;
    assert!(attempts.len() > 1, "{attempts:?}");
    let failure = &attempts[0]["attempt"]["failureSummary"]["failures"][0];
    assert_eq!(failure["failureOrigin"], "destination", "{failure}");
    assert_eq!(attempts.last().unwrap()["attempt"]["status"], "succeeded");
    assert_eq!(server.count("users").await, 5_000);
}

#[tokio::test]
async fn a_server_that_fills_up_in_mid_sync_fails_the_attempt_with_its_words() {
    let Some(server) = Server::new().await else { return };
    let api = &server.api;
    let source = api.source(json!({"sourceType": "faker", "count": 5_000})).await;
    let destination = api.destination(server.configuration()).await;
    let streams = json!([{"name": "users", "syncMode": "full_refresh_append"}]);
    let connection = api.connect(&source, &destination, streams).await;
    api.sync(&connection).await;
    // As the server itself says it, at a row in the middle.
    let schema = &server.schema;
    let full = format!(
        "create function {schema}.fill() returns trigger language plpgsql as $$ begin
             raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
         end $$;
         create trigger full_disk before insert on {schema}.users for each row when (new.id > 4000)
             execute function {schema}.fill()"
    );
    server.client.batch_execute(&full).await.unwrap();
    let failures = api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureOrigin"], "destination", "{failures:?}");
    assert_eq!(failures[0]["failureType"], "system_error", "{failures:?}");
    assert!(failures[0].to_string().contains("No space left on device"), "{failures:?}");
    let room = format!("drop trigger full_disk on {schema}.users; truncate {schema}.users");
    server.client.batch_execute(&room).await.unwrap();
    api.sync(&connection).await;
    assert_eq!(server.count("users").await, 5_000);
}

#[tokio::test]
async fn a_database_file_that_vanishes_in_mid_sync_fails_the_attempt_and_the_next_one_moves_all() {
    const ROWS: usize = 60_000;
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(json!({"sourceType": "faker", "count": ROWS})).await;
    let file = folder.path().join("local/d.db");
    let destination = api.destination(json!({"destinationType": "sqlite", "destination_path": "d.db"})).await;
    let streams = json!([{"name": "users", "syncMode": "full_refresh_overwrite"}]);
    let connection = api.connect(&source, &destination, streams).await;
    api.sync_whose_file_vanishes(&connection, &file, &file.with_extension("db-wal")).await;
    let count = sqlite_texts(&file, "select cast(count(*) as text) from _airbyte_raw_users");
    assert_eq!(count, [ROWS.to_string()]);
}

impl Api {
    /// Runs a sync and removes its destination's file as soon as rows are in its log: the first attempt fails and says so,
    /// the second one succeeds.
    pub(crate) async fn sync_whose_file_vanishes(&self, connection: &str, file: &Path, log: &Path) {
        let job = self.start_sync(connection).await;
        let vanishing = async {
            while std::fs::metadata(log).map_or(0, |log| log.len()) < 100_000 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            std::fs::remove_file(file).unwrap();
        };
        tokio::time::timeout(PATIENCE, vanishing).await.expect("rows are written");
        let ended = self.finished(job).await;
        assert_eq!(ended["status"], "succeeded", "{:?}", self.failures(job).await);
        let attempts = self.attempts(job).await;
        let failure = &attempts[0]["attempt"]["failureSummary"]["failures"][0];
        assert_eq!((attempts.len(), &failure["failureOrigin"]), (2, &json!("destination")), "{attempts:?}");
        assert!(failure["externalMessage"].as_str().unwrap().contains("removed or replaced"), "{failure}");
    }
}
