//! What was acknowledged outlives the process, however it ends.
//!
//! A process with a data folder is killed a hundred times while clients write to it. After each start everything that
//! was acknowledged is there, and what was under way is there whole or not at all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use airbyte_sandbox::Sandbox;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{FAST, http_client, sqlite_texts};

const KILLS: u32 = 100;
const CLIENTS: u64 = 4;
/// The rows of one sync.
const ROWS: usize = 10;
const SEED: u64 = 0x51_6b11;
/// Tells the process that is to be killed which folder is its own.
const FOLDER: &str = "AIRBYTE_SANDBOX_TEST_FOLDER";
/// The longest that clients write before the process is killed.
const LONGEST_LIFE: Duration = Duration::from_millis(120);

/// No test, but the process that tests start: a sandbox that runs until its standard input ends, which it does when the
/// test dies, too. Each line of it says how long files may become from then on.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the process that another test starts and kills"]
async fn process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let sandbox = Sandbox::builder().data_dir(folder).time_scale(FAST).start().await.unwrap();
    let ready = serde_json::to_string(sandbox.ready()).unwrap();
    // The test harness has begun a line.
    writeln!(std::io::stdout(), "\n{ready}").unwrap();
    let ended = tokio::task::spawn_blocking(|| {
        for line in std::io::stdin().lines() {
            crate::full_disk::limit_files(line.unwrap().parse().unwrap());
        }
    });
    ended.await.unwrap();
}

/// A sandbox in a process of its own.
pub(crate) struct Process {
    child: Child,
    /// Kept: whoever runs tests says something now and then, and ends if nobody is there to hear it.
    output: Option<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(folder: &Path) -> Self {
        // Writing more than is allowed is an error then, and not the end.
        let child = Command::new("sh")
            .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
            .arg(std::env::current_exe().unwrap())
            .args(["kill::process", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self { child: child.unwrap(), output: None }
    }

    /// Its readiness line, once it is there.
    pub(crate) fn ready(&mut self) -> Value {
        let mut output = BufReader::new(self.child.stdout.take().unwrap());
        let ready = output.by_ref().lines().map_while(Result::ok).find(|line| line.starts_with('{'));
        self.output = Some(output);
        serde_json::from_str(&ready.expect("the process becomes ready")).unwrap()
    }

    /// From now on no file of the process may become longer than this; what it writes to longer ones fails.
    pub(crate) fn limit_files(&mut self, bytes: u64) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{bytes}").unwrap();
    }
}

impl Drop for Process {
    /// SIGKILL: the process has no say in it.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Where the running process is, with a token for it.
pub(crate) struct Server {
    pub(crate) http: reqwest::Client,
    pub(crate) root: String,
    pub(crate) token: String,
    pub(crate) workspace: String,
}

impl Server {
    pub(crate) async fn log_in(ready: &Value) -> Self {
        let (http, root) = (http_client(), ready["public_api_root"].as_str().unwrap().to_owned());
        let credentials = json!({"client_id": ready["client_id"], "client_secret": ready["client_secret"]});
        let answer = http.post(format!("{root}/applications/token")).json(&credentials).send().await.unwrap();
        let token = answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
        let workspace = ready["workspace_id"].as_str().unwrap().to_owned();
        Self { http, root, token, workspace }
    }

    /// The whole answer; `None` if there is none, because the process is dead.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Option<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.root)).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        Some((status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }))
    }

    /// The object of a successful answer.
    pub(crate) async fn done(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let (status, answer) = self.call(method, path, body).await?;
        assert!(status.is_success(), "{status} for {path}: {answer}");
        Some(answer)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, &Value::Null).await.expect("nobody kills the process while it is read")
    }
}

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Named(String),
    Deleted,
}

/// An object as a client knows it.
struct Object {
    acknowledged: State,
    /// What was asked for and not answered: it may have happened.
    asked: Option<State>,
}

/// A client that keeps book of what it was told.
struct Client {
    number: u64,
    dice: StdRng,
    names: u32,
    file: PathBuf,
    objects: BTreeMap<String, Object>,
    /// What was asked to be made and not answered.
    unanswered: Vec<String>,
    connection: String,
    /// The jobs that were acknowledged, with the last status that was seen.
    jobs: BTreeMap<i64, String>,
    acknowledged: usize,
}

impl Client {
    /// A client with a connection of its own.
    async fn new(number: u64, folder: &Path, server: &Server) -> Self {
        let make = async |path: &str, body: Value| server.done(Method::POST, path, &body).await.unwrap();
        let path = format!("/local/{number}.db");
        let source = make(
            "/sources",
            json!({"name": "Rows", "workspaceId": server.workspace,
                   "configuration": {"sourceType": "faker", "count": ROWS, "seed": number}}),
        );
        let destination = make(
            "/destinations",
            json!({"name": "Rows", "workspaceId": server.workspace,
                   "configuration": {"destinationType": "sqlite", "destination_path": path}}),
        );
        let streams = json!([{"name": "users", "syncMode": "full_refresh_append"}]);
        let connection = json!({
            "sourceId": source.await["sourceId"], "destinationId": destination.await["destinationId"],
            "configurations": {"streams": streams},
        });
        let connection = make("/connections", connection).await["connectionId"].as_str().unwrap().to_owned();
        Self {
            number,
            dice: StdRng::seed_from_u64(SEED + number),
            names: 0,
            file: folder.join(format!("local/{number}.db")),
            objects: BTreeMap::new(),
            unanswered: Vec::new(),
            connection,
            jobs: BTreeMap::new(),
            acknowledged: 0,
        }
    }

    /// Writes until the process is dead.
    async fn write(&mut self, server: &Server) {
        while self.step(server).await.is_some() {
            self.acknowledged += 1;
        }
    }

    async fn step(&mut self, server: &Server) -> Option<()> {
        let present: Vec<String> = self
            .objects
            .iter()
            .filter(|(_, object)| object.acknowledged != State::Deleted)
            .map(|(id, _)| id.clone())
            .collect();
        let chosen = (!present.is_empty()).then(|| present[self.dice.random_range(0..present.len())].clone());
        match (self.dice.random_range(0..10), chosen) {
            (0..2, _) => self.sync(server).await,
            (2..4, Some(id)) => {
                self.objects.get_mut(&id)?.asked = Some(State::Deleted);
                server.done(Method::DELETE, &format!("/sources/{id}"), &Value::Null).await?;
                self.settle(&id);
                Some(())
            }
            (4..7, Some(id)) => {
                let name = self.name();
                self.objects.get_mut(&id)?.asked = Some(State::Named(name.clone()));
                server.done(Method::PATCH, &format!("/sources/{id}"), &json!({"name": name})).await?;
                self.settle(&id);
                Some(())
            }
            _ => {
                let name = self.name();
                self.unanswered.push(name.clone());
                let body = json!({"name": name, "workspaceId": server.workspace,
                                  "configuration": {"sourceType": "faker", "count": 1}});
                let made = server.done(Method::POST, "/sources", &body).await?;
                self.unanswered.pop();
                let object = Object { acknowledged: State::Named(name), asked: None };
                self.objects.insert(made["sourceId"].as_str().unwrap().to_owned(), object);
                Some(())
            }
        }
    }

    /// What was asked of an object was acknowledged.
    fn settle(&mut self, id: &str) {
        let object = self.objects.get_mut(id).unwrap();
        object.acknowledged = object.asked.take().unwrap();
    }

    /// Starts a sync, or looks at the one that runs.
    async fn sync(&mut self, server: &Server) -> Option<()> {
        if let Some((&job, status)) = self.jobs.iter_mut().next_back()
            && !is_final(status)
        {
            let info = server.done(Method::GET, &format!("/jobs/{job}"), &Value::Null).await?;
            info["status"].as_str().unwrap().clone_into(status);
            return Some(());
        }
        let body = json!({"connectionId": self.connection, "jobType": "sync"});
        let (status, job) = server.call(Method::POST, "/jobs", &body).await?;
        // The answer to an earlier request may have been lost with the process, but never its job.
        assert_eq!(status, StatusCode::OK, "{job}");
        let known = self.jobs.insert(job["jobId"].as_i64().unwrap(), "pending".to_owned());
        assert_eq!(known, None, "no id is given twice: {job}");
        Some(())
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("{}-{}", self.number, self.names)
    }

    /// Compares what is there with what was acknowledged.
    async fn check(&mut self, server: &Server) {
        let open = self.objects.iter_mut().filter(|(_, object)| object.asked.is_some());
        for (id, object) in open {
            let found = found(server, id).await;
            let asked = object.asked.take().unwrap();
            assert!(
                found == object.acknowledged || found == asked,
                "{id} is {found:?}; {:?} was acknowledged, {asked:?} asked for",
                object.acknowledged
            );
            object.acknowledged = found;
        }
        for (job, seen) in self.jobs.iter_mut().rev().take(3) {
            let (status, info) = server.get(&format!("/jobs/{job}")).await;
            assert_eq!(status, StatusCode::OK, "job {job} was acknowledged: {info}");
            let now = info["status"].as_str().unwrap();
            assert!(is_final(now), "nothing runs any more: {info}");
            assert!(!is_final(seen) || seen == now, "job {job} had {seen}, now it has {now}");
            now.clone_into(seen);
        }
    }

    /// Compares everything, also what was acknowledged long ago.
    async fn check_all(&self, server: &Server, listed: &BTreeMap<String, String>) {
        for (id, object) in &self.objects {
            let in_list = listed.get(id).map_or(State::Deleted, |name| State::Named(name.clone()));
            assert_eq!(in_list, object.acknowledged, "{id}");
            assert_eq!(found(server, id).await, object.acknowledged, "{id}");
        }
        for (job, seen) in &self.jobs {
            assert_eq!(server.get(&format!("/jobs/{job}")).await.1["status"], **seen, "job {job}");
        }
        let succeeded = self.jobs.values().filter(|status| *status == "succeeded").count();
        let rows = &sqlite_texts(&self.file, "select cast(count(*) as text) from _airbyte_raw_users")[0];
        let rows: usize = rows.parse().unwrap();
        assert!(rows >= succeeded * ROWS, "{rows} rows of {succeeded} syncs that succeeded");
    }
}

/// What has become of the source with this id. The server goes on showing a deleted one, but empty.
async fn found(server: &Server, id: &str) -> State {
    let (status, source) = server.get(&format!("/sources/{id}")).await;
    assert_eq!(status, StatusCode::OK, "{id}: {source}");
    if source["configuration"].is_null() {
        return State::Deleted;
    }
    State::Named(source["name"].as_str().unwrap().to_owned())
}

fn is_final(status: &str) -> bool {
    ["succeeded", "failed", "cancelled"].contains(&status)
}

/// The names of all sources, by id.
async fn all_sources(server: &Server) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    loop {
        let (status, page) = server.get(&format!("/sources?limit=100&offset={}", all.len())).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let page = page["data"].as_array().unwrap();
        if page.is_empty() {
            return all;
        }
        let text = |source: &Value, name: &str| source[name].as_str().unwrap().to_owned();
        all.extend(page.iter().map(|source| (text(source, "sourceId"), text(source, "name"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = StdRng::seed_from_u64(SEED);
    let mut clients: Vec<Client> = Vec::new();
    let mut time_to_start = Duration::from_millis(200);
    for kill in 0..KILLS {
        let began = Instant::now();
        let mut process = Process::start(folder.path());
        if kill % 5 == 0 {
            // At any moment of the start, its very first included.
            tokio::time::sleep(time_to_start.mul_f64(dice.random_range(0.0..1.2))).await;
            continue;
        }
        let server = Server::log_in(&process.ready()).await;
        time_to_start = began.elapsed();
        if clients.is_empty() {
            for number in 0..CLIENTS {
                clients.push(Client::new(number, folder.path(), &server).await);
            }
        }
        let life = LONGEST_LIFE.mul_f64(dice.random_range(0.0..1.0));
        for client in &mut clients {
            client.check(&server).await;
        }
        let writing = futures::future::join_all(clients.iter_mut().map(|client| client.write(&server)));
        let killing = async {
            tokio::time::sleep(life).await;
            drop(process);
        };
        tokio::join!(writing, killing);
    }

    let mut process = Process::start(folder.path());
    let server = Server::log_in(&process.ready()).await;
    let listed = all_sources(&server).await;
    for client in &mut clients {
        client.check(&server).await;
        client.check_all(&server, &listed).await;
    }
    let known = |id: &String| clients.iter().any(|client| client.objects.contains_key(id));
    let asked = |name: &String| clients.iter().any(|client| client.unanswered.contains(name));
    let unknown: Vec<_> =
        listed.iter().filter(|(id, name)| !known(id) && !asked(name) && *name != "Rows").collect();
    assert!(unknown.is_empty(), "nobody made {unknown:?}");
    let acknowledged: usize = clients.iter().map(|client| client.acknowledged).sum();
    let ended = |wanted: &str| {
        clients.iter().flat_map(|client| client.jobs.values()).filter(|status| *status == wanted).count()
    };
    // Far fewer than on an idle machine.
    assert!(acknowledged > 3 * KILLS as usize, "only {acknowledged} changes were acknowledged");
    assert!(ended("succeeded") > 0 && ended("failed") > 0, "jobs end well and are interrupted");
}
