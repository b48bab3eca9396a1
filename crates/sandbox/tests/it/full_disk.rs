//! A disk without room, in the middle of changes and of syncs: what could not be kept is not acknowledged, and all goes on
//! when there is room again.
//!
//! Room is what the system lets the files of a process grow to.

use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kill::{Process, Server};
use crate::support::sqlite_texts;

/// No database can do anything with so little.
const NO_ROOM: u64 = 4096;
const ROOM_AGAIN: u64 = 1 << 30;
const PATIENCE: Duration = Duration::from_mins(1);

/// No file of this process may become longer from now on.
pub(crate) fn limit_files(bytes: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, bytes.min(most), most).unwrap();
}

impl Server {
    /// Starts a process in the folder.
    async fn start(folder: &Path) -> (Process, Self) {
        let mut process = Process::start(folder);
        let ready = process.ready();
        (process, Self::log_in(&ready).await)
    }

    async fn make(&self, path: &str, name: &str, configuration: Value) -> (StatusCode, Value) {
        let body = json!({"name": name, "workspaceId": self.workspace, "configuration": configuration});
        self.call(Method::POST, path, &body).await.expect("an answer")
    }

    async fn made(&self, path: &str, name: &str, configuration: Value) -> Value {
        let (status, made) = self.make(path, name, configuration).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        made
    }

    async fn control(&self, what: &str, body: &Value) {
        let url = format!("{}{what}", self.root.replace("/api/public/v1", "/_sandbox/v1/"));
        let answer = self.http.post(url).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// A connection of so many users into a file, all of them each time.
    async fn connection(&self, count: u32, file: &str) -> Value {
        let source = self.made("/sources", "s", json!({"sourceType": "faker", "count": count})).await;
        let destination = json!({"destinationType": "sqlite", "destination_path": file});
        let destination = self.made("/destinations", "d", destination).await;
        let body = json!({
            "sourceId": source["sourceId"], "destinationId": destination["destinationId"],
            "configurations": {"streams": [{"name": "users", "syncMode": "full_refresh_overwrite"}]},
        });
        self.done(Method::POST, "/connections", &body).await.unwrap()["connectionId"].clone()
    }

    async fn sync(&self, connection: &Value) -> i64 {
        let body = json!({"connectionId": connection, "jobType": "sync"});
        self.done(Method::POST, "/jobs", &body).await.unwrap()["jobId"].as_i64().unwrap()
    }

    /// The job once it is in one of these states.
    async fn until(&self, job: i64, states: &[&str]) -> Value {
        let waiting = async {
            loop {
                let (status, info) = self.get(&format!("/jobs/{job}")).await;
                assert_eq!(status, StatusCode::OK, "{info}");
                if states.contains(&info["status"].as_str().unwrap()) {
                    return info;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never {states:?}"))
    }

    async fn first_failure(&self, job: i64) -> Value {
        let root = self.root.replace("/public", "");
        let request = self.http.post(format!("{root}/jobs/get_without_logs")).bearer_auth(&self.token);
        let info: Value = request.json(&json!({"id": job})).send().await.unwrap().json().await.unwrap();
        info["attempts"][0]["attempt"]["failureSummary"]["failures"][0].clone()
    }

    /// Waits until the process has heard of its limit.
    async fn until_full(&self) {
        let filling = async {
            while self.make("/sources", "unkept", json!({"sourceType": "faker"})).await.0 == StatusCode::OK {}
        };
        tokio::time::timeout(PATIENCE, filling).await.unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let listed = self.get("/sources?limit=100").await.1;
        let names = listed["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_that_has_no_room_and_all_is_well_when_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, server) = Server::start(folder.path()).await;
    let faker = || json!({"sourceType": "faker"});
    let first = server.made("/sources", "first", faker()).await;
    let connection = server.connection(3, "d.db").await;
    process.limit_files(NO_ROOM);
    server.until_full().await;
    let before = server.names().await;
    let path = format!("/sources/{}", first["sourceId"].as_str().unwrap());
    let start = json!({"connectionId": connection, "jobType": "sync"});
    for (method, path, body) in [
        (Method::PATCH, path.as_str(), json!({"name": "renamed"})),
        (Method::DELETE, path.as_str(), Value::Null),
        (Method::POST, "/workspaces", json!({"name": "w"})),
        (Method::POST, "/jobs", start.clone()),
    ] {
        let (status, refused) = server.call(method, path, &body).await.unwrap();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}: {refused}");
        assert!(refused["errorId"].is_string(), "{path}: {refused}");
    }
    assert_eq!(server.names().await, before, "what is there can be read");

    process.limit_files(ROOM_AGAIN);
    let job = async {
        loop {
            let (status, job) = server.call(Method::POST, "/jobs", &start).await.unwrap();
            if status == StatusCode::OK {
                return job["jobId"].as_i64().unwrap();
            }
        }
    };
    let job = tokio::time::timeout(PATIENCE, job).await.expect("there is room again");
    server.until(job, &["succeeded"]).await;
    server.made("/sources", "last", faker()).await;
    drop(process);
    let (_process, server) = Server::start(folder.path()).await;
    assert_eq!(server.names().await, [before, vec!["last".to_owned()]].concat());
    assert_eq!(server.until(job, &["succeeded"]).await["rowsSynced"], 3);
}

#[tokio::test]
async fn a_job_whose_end_has_no_room_ends_when_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, server) = Server::start(folder.path()).await;
    let connection = server.connection(3, "d.db").await;
    server.control("faults", &json!({"fault": "slow-job=10m,times=1"})).await;
    let job = server.sync(&connection).await;
    server.until(job, &["running"]).await;
    process.limit_files(NO_ROOM);
    server.until_full().await;
    // The job is over, and nobody can be told.
    server.control("clock", &json!({"advance": "10m"})).await;
    server.until_full().await;
    process.limit_files(ROOM_AGAIN);
    server.until(job, &["succeeded", "failed"]).await;
    let again = server.sync(&connection).await;
    server.until(again, &["succeeded"]).await;
}

#[tokio::test]
async fn a_destination_that_fills_up_in_mid_sync_fails_the_attempt_with_its_reason() {
    const ROWS: u32 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let (mut process, server) = Server::start(folder.path()).await;
    let connection = server.connection(ROWS, "d.db").await;
    // Enough for the sandbox's own database, and not for all of the rows.
    process.limit_files(6 << 20);
    let job = server.sync(&connection).await;
    let failing = async {
        loop {
            let failure = server.first_failure(job).await;
            if !failure.is_null() {
                return failure;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let failure = tokio::time::timeout(PATIENCE, failing).await.expect("the first attempt fails");
    // Further attempts would fare no better.
    server.done(Method::DELETE, &format!("/jobs/{job}"), &Value::Null).await.unwrap();
    server.until(job, &["cancelled"]).await;
    assert_eq!(failure["failureOrigin"], "destination", "{failure}");
    let told = failure["externalMessage"].as_str().unwrap();
    assert!(told.contains("SQLite: disk I/O error") || told.contains("full"), "{told}");

    process.limit_files(ROOM_AGAIN);
    let job = server.sync(&connection).await;
    assert_eq!(server.until(job, &["failed", "succeeded"]).await["status"], "succeeded");
    let count = "select cast(count(*) as text) from _airbyte_raw_users";
    assert_eq!(sqlite_texts(&folder.path().join("local/d.db"), count), [ROWS.to_string()]);
}
