//! A dataset of one's own in the emulator of BigQuery, and a proxy that cuts connections to it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airbyte_sql_read::{Dataset, Destination, StreamSpec, Warehouse};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::destination;

const PROJECT: &str = "test";

/// Whether there is no emulator on purpose. That there is none by mistake fails the test.
pub(crate) fn is_skipped() -> bool {
    std::env::var_os("AIRBYTE_TEST_SKIP_BIGQUERY").is_some()
}

fn address(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with `cargo xtask test`"))
}

/// A dataset, made anew for one test.
pub(crate) struct Place {
    pub(crate) dataset: String,
    rest: String,
}

impl Place {
    pub(crate) fn new(dataset: &str) -> Self {
        let rest = format!("http://{}/bigquery/v2/projects/{PROJECT}", address("BIGQUERY_EMULATOR_HOST"));
        let place = Self { dataset: dataset.to_owned(), rest };
        // Left over from an earlier run against the same emulator.
        let _ = ureq::delete(place.url("datasets") + "/" + dataset + "?deleteContents=true").call();
        place.post("datasets", &json!({"datasetReference": {"projectId": PROJECT, "datasetId": dataset}}));
        place
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.rest)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = ureq::post(self.url(path))
            .config()
            .http_status_as_error(false)
            .build()
            .header("content-type", "application/json")
            .send(body.to_string());
        let mut answer = answer.unwrap();
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Runs a statement; `{d}` stands for the dataset.
    pub(crate) fn run(&self, sql: &str) {
        let sql = sql.replace("{d}", &self.dataset);
        let answer = self.post("queries", &json!({"query": sql, "useLegacySql": false}));
        assert_eq!(answer["errors"], Value::Null, "{sql}: {}", answer["errors"]);
    }

    /// Makes a table of these columns: name and type, `NUMERIC` for instance, or more of the field's description.
    pub(crate) fn table(&self, name: &str, columns: &[(&str, Value)]) {
        let fields: Vec<Value> = columns
            .iter()
            .map(|(name, of)| {
                let mut field = if of.is_string() { json!({"type": of}) } else { of.clone() };
                field["name"] = json!(name);
                field
            })
            .collect();
        let table = json!({
            "tableReference": {"projectId": PROJECT, "datasetId": self.dataset, "tableId": name},
            "schema": {"fields": fields}
        });
        self.post(&format!("datasets/{}/tables", self.dataset), &table);
    }

    /// Adds rows to a table, as objects of its columns.
    pub(crate) fn insert(&self, table: &str, rows: &[Value]) {
        for some in rows.chunks(500) {
            let rows: Vec<Value> = some.iter().map(|row| json!({"json": row})).collect();
            let path = format!("datasets/{}/tables/{table}/insertAll", self.dataset);
            let answer = self.post(&path, &json!({"rows": rows}));
            assert_eq!(
                answer["insertErrors"].as_array().map_or(0, Vec::len),
                0,
                "{}",
                answer["insertErrors"]
            );
        }
    }

    /// The configuration of a destination that writes here. Its addresses come from the environment.
    pub(crate) fn configuration(&self) -> Value {
        json!({"project_id": PROJECT, "dataset_id": self.dataset, "dataset_location": "US"})
    }

    pub(crate) fn destination(&self) -> Destination {
        destination("bigquery", &self.configuration())
    }

    /// The same place, with the rows coming through this proxy.
    pub(crate) fn through(&self, proxy: &Proxy) -> Destination {
        let mut configuration = self.configuration();
        configuration["endpoint"] = json!(format!("http://{}", address("BIGQUERY_EMULATOR_HOST")));
        configuration["storage_endpoint"] = json!(format!("http://127.0.0.1:{}", proxy.port));
        destination("bigquery", &configuration)
    }

    /// The same place, with catalogue and queries going through this listener.
    pub(crate) fn heard_by(&self, listener: &Listener) -> Destination {
        let mut configuration = self.configuration();
        configuration["endpoint"] = json!(format!("http://127.0.0.1:{}", listener.port));
        configuration["storage_endpoint"] =
            json!(format!("http://{}", address("BIGQUERY_STORAGE_EMULATOR_HOST")));
        destination("bigquery", &configuration)
    }

    pub(crate) async fn warehouse(&self) -> Warehouse {
        self.destination().connect().await.unwrap()
    }

    pub(crate) async fn stream(&self, name: &str) -> Dataset {
        self.warehouse().await.dataset(&StreamSpec::new(name)).await.unwrap()
    }
}

/// Stands between the reader and the emulator's catalogue and queries, and remembers what it hears.
pub(crate) struct Listener {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A request: its method, its path without the project, its body.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        // Nothing here speaks TLS, and still the client wants to know how.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (http, ears) = (reqwest::Client::builder().no_proxy().build().unwrap(), heard.clone());
        let router = axum::Router::new().fallback(async move |request: axum::extract::Request| {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let prefix = format!("/bigquery/v2/projects/{PROJECT}/");
            ears.lock().unwrap().push(Heard {
                method: parts.method.to_string(),
                path: parts.uri.path().strip_prefix(&prefix).unwrap_or(parts.uri.path()).to_owned(),
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            });
            let to = format!("http://{}{}", address("BIGQUERY_EMULATOR_HOST"), parts.uri);
            let answer = http.request(parts.method, to).header("content-type", "application/json").body(body);
            let answer = answer.send().await.unwrap();
            let status = axum::http::StatusCode::from_u16(answer.status().as_u16()).unwrap();
            let json = [("content-type", "application/json")];
            (status, json, answer.bytes().await.unwrap())
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, heard }
    }

    /// What it has heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// Stands between the reader and the emulator's rows, and cuts connections after so many bytes of answer.
pub(crate) struct Proxy {
    port: u16,
    passed: Arc<AtomicU64>,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    /// Cuts the first `cuts` connections, each after `bytes`.
    pub(crate) async fn cutting(cuts: usize, bytes: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (passed, left) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(cuts)));
        let proxy = Self { port, passed: passed.clone(), cuts: Arc::new(AtomicUsize::new(0)) };
        let made = proxy.cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (passed, left, made) = (passed.clone(), left.clone(), made.clone());
                tokio::spawn(async move {
                    let server = TcpStream::connect(address("BIGQUERY_STORAGE_EMULATOR_HOST")).await.unwrap();
                    let cut =
                        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                    let limit = if cut.is_ok() { bytes } else { u64::MAX };
                    if pass(client, server, limit, &passed).await {
                        made.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        proxy
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }

    /// How many bytes of answers there were.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    /// Waits until no more answers come, and says how many bytes there were.
    pub(crate) async fn settled(&self) -> u64 {
        loop {
            let before = self.passed();
            tokio::time::sleep(Duration::from_millis(300)).await;
            if self.passed() == before {
                return before;
            }
        }
    }
}

/// Passes bytes in both directions until an end, or until the limit; says whether it was the limit.
async fn pass(client: TcpStream, server: TcpStream, limit: u64, passed: &AtomicU64) -> bool {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let questions = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let (mut buffer, mut sent) = (vec![0; 64 * 1024], 0);
    let cut = loop {
        let Ok(read @ 1..) = from_server.read(&mut buffer).await else { break false };
        let taken = usize::try_from((limit - sent).min(read as u64)).unwrap();
        if to_client.write_all(&buffer[..taken]).await.is_err() {
            break false;
        }
        sent += taken as u64;
        passed.fetch_add(taken as u64, Ordering::SeqCst);
        if sent == limit {
            break true;
        }
    };
    questions.abort();
    cut
}
