//! Many syncs through one bad night: each is started exactly once, and every wait ends as its job did.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airbyte_cloud::{
    ApiRequest, Client, Clock, Connection, ErrorKind, JobId, JobInfo, JobStatus, SecretString, Update,
};
use airbyte_sandbox::{Ready, Sandbox, Seed};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use serde_json::json;
use tokio::time::Instant;

use crate::support::flaky::FlakyProxy;

const CONNECTIONS: usize = 20;
const SYNCS_EACH: usize = 10;

/// How much faster than the real time the client's pauses pass.
const SPEED: u32 = 25;

/// Everything that can happen to a start, to the looks for its job, and to the wait for its end.
const FAULTS: &[&str] = &[
    // A start that worked, and does not say so.
    "lose-reply,op=createJob,p=0.10",
    "truncate,op=createJob,p=0.05",
    "slow-start=400ms,op=createJob,p=0.08",
    // A start that did not work.
    "drop,op=createJob,p=0.05",
    "html=502,op=createJob,p=0.05",
    "status=503,op=createJob,p=0.04",
    "status=500,op=createJob,p=0.03",
    "status=429,op=createJob,p=0.04",
    "rate-limit=2s,op=createJob,p=0.04",
    // What decides whether a start is repeated.
    "status=503,op=listJobs,p=0.03",
    "drop,op=listJobs,p=0.03",
    "truncate,op=listJobs,p=0.03",
    "status=429,op=listJobs,p=0.03",
    "html=503,op=getConnection,p=0.05",
    // Looks at a running job.
    "lose-reply,op=getJob,p=0.06",
    "truncate,op=getJob,p=0.05",
    "html=502,op=getJob,p=0.06",
    "status=500,op=getJob,p=0.04",
    "status=429,op=getJob,p=0.04",
    "rate-limit=3s,op=getJob,p=0.04",
    "unknown-enum,op=getJob,p=0.05",
    "hang=60ms,op=getJob,p=0.05",
    "status=500,op=getJobInfoWithoutLogs,p=0.2",
    // Tokens.
    "status=503,op=createAccessToken,p=0.2",
    // The jobs themselves.
    "slow-job=4s,p=0.1",
    "fail-job,p=0.1",
];

/// The real time, passing faster, so that pauses are in proportion to one another.
#[derive(Debug)]
struct FastClock {
    start: Instant,
    start_utc: DateTime<Utc>,
}

impl Clock for FastClock {
    fn now(&self) -> Instant {
        self.start + self.start.elapsed() * SPEED
    }

    fn utc_now(&self) -> DateTime<Utc> {
        self.start_utc + self.start.elapsed() * SPEED
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration / SPEED))
    }
}

fn client(ready: &Ready, address: Option<&str>) -> Client {
    let direct = url::Url::parse(&ready.public_api_root).unwrap();
    let root = match address {
        Some(address) => format!("http://{address}{}", direct.path()),
        None => direct.to_string(),
    };
    Client::builder()
        .ignore_environment()
        .api_root(root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .clock(Arc::new(FastClock { start: Instant::now(), start_utc: Utc::now() }))
        .build()
        .unwrap()
}

/// Connections from a few rows to nowhere.
async fn connections(client: &Client, ready: &Ready) -> Vec<Connection> {
    let made = async |path: &str, id: &str, body| {
        let answer = client.request(ApiRequest::post(path).body(body)).await.unwrap();
        answer.body[id].as_str().unwrap().to_owned()
    };
    let workspace = &ready.workspace_id;
    let source = json!({
        "name": "A few people", "workspaceId": workspace,
        "configuration": { "sourceType": "faker", "count": 3, "seed": 1 },
    });
    let nowhere = json!({
        "name": "Nowhere", "workspaceId": workspace, "configuration": {},
        "definitionId": "a7bcc9d8-13b3-4e49-b80d-d020b90045e3",
    });
    let source = made("/sources", "sourceId", source).await;
    let destination = made("/destinations", "destinationId", nowhere).await;
    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        let body = json!({
            "name": format!("number {number}"), "sourceId": source, "destinationId": destination,
        });
        let id = made("/connections", "connectionId", body).await;
        connections.push(client.connection(id.parse().unwrap()));
    }
    connections
}

/// How one wait ended.
type Ends = Mutex<BTreeMap<JobId, Result<JobInfo, ErrorKind>>>;

/// Starts syncs one after the other, as a careful user does: whatever may be tried again is tried again.
async fn run_syncs(connection: Connection, ends: &Ends) {
    for _ in 0..SYNCS_EACH {
        let sync = loop {
            // The server takes up to 400 ms, so some starts are given up on though they work.
            match connection.sync().start_timeout(Duration::from_millis(250)).await {
                Ok(sync) => break sync,
                // Two tokens that end in the same call look like credentials that are refused.
                Err(error) if error.is_unauthorized() => {}
                Err(error) => assert!(error.is_retryable(), "a start that is lost for good: {error:?}"),
            }
        };
        assert!(!sync.attached(), "nobody else starts any");
        let mut wait = sync.wait();
        let end = loop {
            match wait.next().await.expect("a wait ends with its last update") {
                Update::Done(job) => break Ok(job),
                Update::Stopped(error) => break Err(error.kind()),
                _ => {}
            }
        };
        let known = ends.lock().unwrap().insert(sync.job_id(), end);
        assert!(known.is_none(), "job {} was given out twice", sync.job_id());
    }
}

/// Ends all tokens again and again, in the middle of waits: not in bursts, which would look like credentials
/// that are refused.
async fn end_tokens(sandbox: &Sandbox) {
    loop {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        sandbox.add_fault("expire-token,op=getJob,times=1".parse().unwrap()).unwrap();
    }
}

async fn campaign(seed: u64) {
    let mut builder = Sandbox::builder().seed(Seed::Empty).time_scale(0.05).fault_seed(seed);
    for fault in FAULTS {
        builder = builder.fault(fault.parse().unwrap());
    }
    let sandbox = builder.start().await.unwrap();
    let ready = sandbox.ready();
    let target = url::Url::parse(&ready.public_api_root).unwrap().socket_addrs(|| None).unwrap()[0];
    let proxy = FlakyProxy::start(target.to_string(), seed).await;

    let calm = client(ready, None);
    let through_the_night = client(ready, Some(&proxy.address));
    let ends = Ends::default();
    let syncs = connections(&calm, ready)
        .await
        .into_iter()
        .map(|connection| run_syncs(through_the_night.connection(connection.id()), &ends));
    tokio::select! {
        _ = join_all(syncs) => {}
        () = end_tokens(&sandbox) => unreachable!("it never ends by itself"),
        () = tokio::time::sleep(Duration::from_secs(90)) => panic!("a start or a wait hangs"),
    }
    assert!(proxy.resets.load(Ordering::Relaxed) > 20, "the night was not bad enough");

    let jobs = calm.workspace(ready.workspace_id.parse().unwrap()).jobs().await.unwrap();
    assert_eq!(jobs.len(), CONNECTIONS * SYNCS_EACH, "with seed {seed}");
    let ends = ends.into_inner().unwrap();
    assert_eq!(ends.len(), jobs.len());
    let mut failed = 0;
    for job in jobs {
        let end = ends[&job.job_id].as_ref();
        assert!(job.status.is_final(), "{job:?} was given up on: {end:?}");
        assert_eq!(end.map(|end| &end.status), Ok(&job.status), "job {}", job.job_id);
        failed += usize::from(job.status == JobStatus::Failed);
    }
    assert!(failed > 0, "none of the ends was a bad one");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn two_hundred_syncs_through_a_bad_night_are_two_hundred_jobs() {
    campaign(20_261_124).await;
}
