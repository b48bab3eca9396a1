//! What each call asks of the server: nothing that it does not need.

use std::fmt::Debug;
use std::future::IntoFuture;
use std::time::Duration;

use airbyte_cloud::{ApiRequest, Client, IfRunning, JobStatus, Result, SecretString, Update};
use airbyte_sandbox::{Sandbox, Seed};
use futures::StreamExt;
use futures::future::join_all;
use serde_json::json;

use crate::sandbox::{asked, demo, fault};

/// In real time, in which no token has to be renewed: few requests are made, so little is waited for.
const PAUSE: Duration = Duration::from_millis(10);

async fn start() -> (Sandbox, Client) {
    let sandbox = Sandbox::builder().seed(Seed::Demo).time_scale(0.2).start().await.unwrap();
    let ready = sandbox.ready();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap();
    (sandbox, client)
}

/// The operations that a call asks for.
async fn asks<T: Debug>(sandbox: &Sandbox, call: impl IntoFuture<Output = Result<T>>) -> Vec<&'static str> {
    let before = asked(sandbox).len();
    call.await.unwrap();
    asked(sandbox).split_off(before)
}

#[tokio::test]
async fn a_client_and_its_handles_ask_for_nothing() {
    let (sandbox, client) = start().await;
    let workspace = client.default_workspace().unwrap();
    let connection = client.connection(workspace.id().to_string().parse().unwrap());
    let (_list, _job, _sync, _wait) =
        (workspace.connections(), client.job(1.into()), connection.sync(), client.job(1.into()).wait());
    assert_eq!(asked(&sandbox), [""; 0]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn each_call_asks_once() {
    let (sandbox, client) = start().await;
    let workspace = client.default_workspace().unwrap();
    assert_eq!(asks(&sandbox, workspace.info()).await, ["createAccessToken", "getWorkspace"]);
    assert_eq!(asks(&sandbox, workspace.info()).await, ["getWorkspace"], "the token is kept");
    assert_eq!(asks(&sandbox, workspace.connections()).await, ["listConnections"]);
    assert_eq!(asks(&sandbox, workspace.connections().name("Faker to SQLite")).await, ["listConnections"]);
    assert_eq!(asks(&sandbox, workspace.sources().limit(1)).await, ["listSources"]);
    assert_eq!(asks(&sandbox, workspace.destinations()).await, ["listDestinations"]);
    assert_eq!(asks(&sandbox, client.workspaces()).await, ["listWorkspaces"]);

    let connection = demo(&client).await;
    assert_eq!(asks(&sandbox, connection.info()).await, ["getConnection"]);
    assert_eq!(asks(&sandbox, connection.url()).await, ["getConnection"], "for the workspace's id");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_start_asks_for_the_newest_job_and_for_a_new_one() {
    let (sandbox, client) = start().await;
    let connection = demo(&client).await;
    assert_eq!(
        asks(&sandbox, connection.sync()).await,
        ["listJobs", "getConnection", "createJob"],
        "an unknown connection has no jobs either"
    );
    connection.latest_sync().await.unwrap().unwrap().wait().interval(PAUSE).await.unwrap();
    assert_eq!(asks(&sandbox, connection.sync()).await, ["listJobs", "createJob"]);
    let attach = connection.sync().if_running(IfRunning::Attach);
    // The refusal can have three reasons, which the connection tells apart.
    assert_eq!(asks(&sandbox, attach).await, ["listJobs", "createJob", "getConnection", "listJobs"]);
    assert_eq!(asks(&sandbox, connection.latest_sync()).await, ["listJobs"]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_wait_looks_once_a_pause_and_stops_looking_at_the_end() {
    let (sandbox, client) = start().await;
    let sync = demo(&client).await.sync().await.unwrap();
    let before = asked(&sandbox).len();
    let (mut looks, mut details) = (0, 0);
    let mut wait = sync.wait().interval(PAUSE);
    while let Some(update) = wait.next().await {
        looks += 1;
        if let Update::InProgress(progress) = update {
            details += usize::from(progress.job.status == JobStatus::Running);
        }
    }
    let asked_for = asked(&sandbox).split_off(before);
    assert!(looks > 1 && details > 0);
    let count = |operation: &str| asked_for.iter().filter(|asked| **asked == operation).count();
    assert_eq!((count("getJob"), count("getJobInfoWithoutLogs")), (looks, details));
    assert_eq!(asked_for.len(), looks + details, "{asked_for:?}");
    assert_eq!(asked_for.last(), Some(&"getJob"), "the end is told without asking for more");

    let again = asks(&sandbox, sync.wait()).await;
    assert_eq!(again, ["getJob"], "a job that has ended is not waited for");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn without_details_a_wait_asks_for_the_job_alone() {
    let (sandbox, client) = start().await;
    let sync = demo(&client).await.sync().await.unwrap();
    let asked_for = asks(&sandbox, sync.wait().interval(PAUSE).details(false)).await;
    assert!(asked_for.iter().all(|operation| *operation == "getJob"), "{asked_for:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn many_calls_at_once_share_a_token_also_after_it_was_refused() {
    let (sandbox, client) = start().await;
    let workspace = client.default_workspace().unwrap();
    let tokens = || asked(&sandbox).iter().filter(|operation| **operation == "createAccessToken").count();
    for calls_so_far in [0, 30] {
        let calls = (0..30).map(|_| workspace.info());
        assert!(join_all(calls).await.iter().all(Result::is_ok));
        let expected = calls_so_far / 30 + 1;
        assert_eq!(tokens(), expected);
        sandbox.add_fault(fault("expire-token,times=1")).unwrap();
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_list_of_three_pages_is_three_requests() {
    let (sandbox, client) = start().await;
    let connection = demo(&client).await.info().await.unwrap();
    let workspace = client.default_workspace().unwrap();
    let (source, destination) = (connection.source_id, connection.destination_id);
    for number in 0..249 {
        let name = format!("connection {number}");
        let body = json!({ "name": name, "sourceId": source, "destinationId": destination });
        client.request(ApiRequest::post("/connections").body(body)).await.unwrap();
    }
    assert_eq!(asks(&sandbox, workspace.connections()).await, ["listConnections"; 3]);
    assert_eq!(asks(&sandbox, workspace.connections().name("connection 7")).await, ["listConnections"; 3]);
    assert_eq!(asks(&sandbox, workspace.connections().limit(100)).await, ["listConnections"]);
    assert_eq!(asks(&sandbox, workspace.connections().limit(130)).await, ["listConnections"; 2]);
    assert_eq!(
        asks(&sandbox, workspace.connections().name("connection 7").limit(1)).await,
        ["listConnections"],
        "the rest is not needed"
    );
    sandbox.shutdown().await;
}
