//! What `cargo xtask bench load` asks of a sandbox, by a thousand clients at once:
//!
//! - `prepare COUNT`: makes connections, from a few rows to nowhere
//! - `read COUNT`: requests that look at objects and at lists
//! - `write COUNT`: new names for connections, each looked for afterwards
//! - `mixed COUNT`: the requests of `read`, while a tenth of the clients renames connections all the time; only the
//!   former are counted
//! - `jobs COUNT`: syncs, each looked for afterwards
//!
//! The way to the sandbox comes from the environment. One line of JSON tells how it went. Whatever is refused or lost ends
//! the program with an error.

#![allow(clippy::print_stdout, reason = "an example talks to whoever started it")]

use std::collections::{BTreeSet, HashMap};
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const CLIENTS: usize = 1_000;
/// The server's limit on the length of a page.
const PAGE: usize = 100;
/// How long a client stays away from a connection that is still busy.
const BUSY: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [task, count] = arguments.as_slice() else {
        return Err("usage: load prepare COUNT | read COUNT | write COUNT | mixed COUNT | jobs COUNT".into());
    };
    let (server, count) = (Server::log_in().await?, count.parse()?);
    let waits = match task.as_str() {
        "prepare" => server.prepare(count).await?,
        "read" => server.read(count).await?,
        "write" => server.write(count).await?,
        "mixed" => server.mixed(count).await?,
        "jobs" => server.jobs(count).await?,
        other => return Err(format!("no task `{other}`").into()),
    };
    let (seconds, requests) = (waits.ended.duration_since(waits.began).as_secs_f64(), waits.each.len());
    let [median, late, last] = waits.milliseconds();
    println!(
        "{}",
        json!({"requests": requests, "seconds": seconds, "median": median, "late": late, "last": last})
    );
    Ok(())
}

/// How long each answer took, when the first was asked for, and when the last came.
struct Waits {
    each: Vec<Duration>,
    began: Instant,
    ended: Instant,
}

impl Waits {
    /// The last has come just now.
    fn since(began: Instant, mut each: Vec<Duration>) -> Self {
        each.sort_unstable();
        Self { each, began, ended: Instant::now() }
    }

    /// Median, 99th percentile, longest.
    fn milliseconds(&self) -> [f64; 3] {
        let last = self.each.len().saturating_sub(1);
        [last / 2, last * 99 / 100, last].map(|place| self.each[place].as_secs_f64() * 1_000.0)
    }
}

struct Server {
    http: reqwest::Client,
    root: String,
    token: String,
    workspace: String,
}

impl Server {
    async fn log_in() -> Result<Self> {
        rustls::crypto::ring::default_provider()
            .install_default()
            .map_err(|_| "the provider of TLS is set")?;
        let (http, root) = (reqwest::Client::new(), env::var("AIRBYTE_API_URL")?);
        let credentials = json!({
            "client_id": env::var("AIRBYTE_CLIENT_ID")?, "client_secret": env::var("AIRBYTE_CLIENT_SECRET")?,
        });
        let answer: Value =
            http.post(format!("{root}/applications/token")).json(&credentials).send().await?.json().await?;
        let token = text(&answer, "access_token")?;
        Ok(Self { http, root, token, workspace: env::var("AIRBYTE_WORKSPACE_ID")? })
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.root)).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// The answer and how long it took; anything but a success is an error.
    async fn done(&self, method: Method, path: &str, body: &Value) -> Result<(Value, Duration)> {
        let began = Instant::now();
        let (status, answer) = self.call(method, path, body).await?;
        if status.is_success() {
            Ok((answer, began.elapsed()))
        } else {
            Err(format!("{status}: {answer}").into())
        }
    }

    async fn get(&self, path: &str) -> Result<(Value, Duration)> {
        self.done(Method::GET, path, &Value::Null).await
    }

    /// Whole lists, page by page.
    async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let (page, _) = self.get(&format!("{path}?limit={PAGE}&offset={}", all.len())).await?;
            match page["data"].as_array() {
                Some(items) if !items.is_empty() => all.extend_from_slice(items),
                _ => return Ok(all),
            }
        }
    }

    async fn prepare(&self, count: usize) -> Result<Waits> {
        let make = async |path: &str, body: Value| self.done(Method::POST, path, &body).await;
        let source = json!({
            "name": "A few people", "workspaceId": self.workspace,
            "configuration": {"sourceType": "faker", "count": 10, "seed": 1},
        });
        let nowhere = json!({
            "name": "Nowhere", "workspaceId": self.workspace, "configuration": {},
            // The server knows no name for it.
            "definitionId": "a7bcc9d8-13b3-4e49-b80d-d020b90045e3",
        });
        let (source, nowhere) = (make("/sources", source).await?.0, make("/destinations", nowhere).await?.0);
        let connection = |number: usize| {
            let body = json!({
                "name": format!("connection {number}"), "sourceId": source["sourceId"],
                "destinationId": nowhere["destinationId"], "configurations": {"streams": [{"name": "users"}]},
            });
            async move { Result::Ok(self.done(Method::POST, "/connections", &body).await?.1) }
        };
        let began = Instant::now();
        let waits = stream::iter(0..count).map(connection).buffer_unordered(CLIENTS).try_collect().await?;
        let waits = Waits::since(began, waits);
        self.connections(count).await?;
        Ok(waits)
    }

    /// The ids of the connections, which are at least so many.
    async fn connections(&self, least: usize) -> Result<Vec<String>> {
        let all = self.all("/connections").await?;
        let ids: BTreeSet<String> = all.iter().map(|one| text(one, "connectionId")).collect::<Result<_>>()?;
        if ids.len() != all.len() || ids.len() < least {
            return Err(format!("{} of {least} connections", ids.len()).into());
        }
        Ok(ids.into_iter().collect())
    }

    async fn read(&self, count: usize) -> Result<Waits> {
        self.look(count, CLIENTS, &self.connections(1).await?).await
    }

    async fn mixed(&self, count: usize) -> Result<Waits> {
        let ids = self.connections(1).await?;
        let (writers, done) = (CLIENTS / 10, AtomicBool::new(false));
        let rename = |client: usize| {
            let (ids, done) = (&ids, &done);
            async move {
                for number in (client..).step_by(writers) {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    self.rename(&ids[number % ids.len()], number).await?;
                }
                Result::Ok(())
            }
        };
        let looking = async {
            let waits = self.look(count, CLIENTS - writers, &ids).await;
            done.store(true, Ordering::Relaxed);
            waits
        };
        let renaming = stream::iter(0..writers).map(rename).buffer_unordered(writers).try_collect::<()>();
        let (waits, renamed) = tokio::join!(looking, renaming);
        renamed?;
        waits
    }

    async fn look(&self, count: usize, clients: usize, ids: &[String]) -> Result<Waits> {
        let read = |number: usize| {
            // Spread over everything, the same every time.
            let place = number.wrapping_mul(7_919) % ids.len();
            let path = match number % 4 {
                0 => format!("/connections/{}", ids[place]),
                1 => format!("/connections?limit=20&offset={place}"),
                2 => format!("/jobs?connectionId={}", ids[place]),
                _ => "/jobs?limit=20&orderBy=updatedAt%7CDESC".to_owned(),
            };
            async move { Result::Ok(self.get(&path).await?.1) }
        };
        let began = Instant::now();
        let waits = stream::iter(0..count).map(read).buffer_unordered(clients).try_collect().await?;
        Ok(Waits::since(began, waits))
    }

    async fn rename(&self, id: &str, number: usize) -> Result<Duration> {
        let body = json!({"name": format!("renamed {number}")});
        Ok(self.done(Method::PATCH, &format!("/connections/{id}"), &body).await?.1)
    }

    async fn write(&self, count: usize) -> Result<Waits> {
        let ids = self.connections(1).await?;
        let write = |number: usize| self.rename(&ids[number % ids.len()], number);
        // No two at once for one connection, so that the last one is known.
        let at_once = CLIENTS.min(ids.len());
        let began = Instant::now();
        let waits = stream::iter(0..count).map(write).buffered(at_once).try_collect().await?;
        let waits = Waits::since(began, waits);
        let all = self.all("/connections").await?;
        let names: HashMap<&str, &str> = all
            .iter()
            .filter_map(|one| Some((one["connectionId"].as_str()?, one["name"].as_str()?)))
            .collect();
        for number in count.saturating_sub(ids.len())..count {
            let (name, wanted) = (names.get(ids[number % ids.len()].as_str()), format!("renamed {number}"));
            if name != Some(&wanted.as_str()) {
                return Err(format!("the name `{wanted}` is lost, there is {name:?}").into());
            }
        }
        Ok(waits)
    }

    async fn jobs(&self, count: usize) -> Result<Waits> {
        let ids = self.connections(1).await?;
        let begin = |client: usize| {
            let ids = &ids;
            async move {
                let mut begun = Vec::new();
                for number in (client..count).step_by(CLIENTS) {
                    begun.push(self.begin(&ids[number % ids.len()]).await?);
                }
                Result::Ok(begun)
            }
        };
        let began = Instant::now();
        let begun: Vec<Vec<(i64, Duration)>> =
            stream::iter(0..CLIENTS).map(begin).buffer_unordered(CLIENTS).try_collect().await?;
        for status in ["pending", "running"] {
            while self.get(&format!("/jobs?status={status}&limit=1")).await?.0["data"][0].is_object() {
                tokio::time::sleep(BUSY).await;
            }
        }
        let waits = Waits::since(began, begun.iter().flatten().map(|(_, wait)| *wait).collect());
        let acknowledged: BTreeSet<i64> = begun.iter().flatten().map(|(id, _)| *id).collect();
        let all = self.all("/jobs").await?;
        let succeeded: BTreeSet<i64> = all
            .iter()
            .filter(|job| job["status"] == "succeeded" && job["rowsSynced"] == 10)
            .filter_map(|job| job["jobId"].as_i64())
            .collect();
        if acknowledged.len() != count || !acknowledged.is_subset(&succeeded) {
            let (begun, succeeded) = (acknowledged.len(), acknowledged.intersection(&succeeded).count());
            return Err(format!("{begun} of {count} jobs begun, {succeeded} of them succeeded").into());
        }
        Ok(waits)
    }

    /// Starts a sync as soon as the connection is free.
    async fn begin(&self, connection: &str) -> Result<(i64, Duration)> {
        let body = json!({"connectionId": connection, "jobType": "sync"});
        loop {
            let began = Instant::now();
            let (status, job) = self.call(Method::POST, "/jobs", &body).await?;
            match (status, job["jobId"].as_i64()) {
                (StatusCode::OK, Some(id)) => return Ok((id, began.elapsed())),
                (StatusCode::CONFLICT, _) => tokio::time::sleep(BUSY).await,
                _ => return Err(format!("{status}: {job}").into()),
            }
        }
    }
}

fn text(object: &Value, name: &str) -> Result<String> {
    Ok(object[name].as_str().ok_or_else(|| format!("no `{name}` in {object}"))?.to_owned())
}
