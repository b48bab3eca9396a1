//! The whole loop against a local Airbyte that was written without this client.

use std::future::IntoFuture;

use airbyte_cloud::{Client, Connection, ErrorKind, IfRunning, JobId, JobStatus, SecretString, Update};
use airbyte_sandbox::{Edition, Fault, Sandbox, SandboxBuilder, Seed};
use futures::StreamExt;

use crate::support::TestClock;

/// A sandbox, and a client of it.
pub(crate) async fn start(builder: SandboxBuilder) -> (Sandbox, Client) {
    let sandbox = builder.seed(Seed::Demo).time_scale(0.2).start().await.unwrap();
    let ready = sandbox.ready();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        // The pauses of retries and of looking for a job are not waited for.
        .clock(TestClock::new())
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap();
    (sandbox, client)
}

pub(crate) async fn demo(client: &Client) -> Connection {
    let connections =
        client.default_workspace().unwrap().connections().name("Faker to SQLite").await.unwrap();
    client.connection(connections[0].connection_id)
}

pub(crate) fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

/// The operations that were asked of a sandbox, in order, by their ids in the API document.
pub(crate) fn asked(sandbox: &Sandbox) -> Vec<&'static str> {
    sandbox.requests().iter().map(|request| request.operation).collect()
}

#[tokio::test]
async fn a_sync_moves_rows_from_start_to_end() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = demo(&client).await;
    assert!(connection.latest_sync().await.unwrap().is_none());

    let sync = connection.sync().await.unwrap();
    assert!(!sync.attached());
    let done = sync.wait().await.unwrap();
    assert_eq!((done.status.clone(), done.job_id), (JobStatus::Succeeded, sync.job_id()));
    assert!(done.records_synced.unwrap() > 0 && done.bytes_synced.unwrap() > 0, "{done:?}");

    assert_eq!(connection.latest_sync().await.unwrap().unwrap().job_id(), sync.job_id());
    assert_eq!(connection.jobs().await.unwrap().len(), 1);
    let info = connection.info().await.unwrap();
    let destination = client.destination(info.destination_id).info().await.unwrap();
    assert_eq!(destination.destination_type, "sqlite");
    assert!(sync.url().await.unwrap().unwrap().contains(&connection.id().to_string()));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn whatever_happens_to_the_start_there_is_one_job() {
    for fault_text in [
        "lose-reply,op=createJob,times=1",
        "truncate,op=createJob,times=1",
        "drop,op=createJob,times=1",
        "html=502,op=createJob,times=1",
        "status=503,op=createJob,times=2",
        "expire-token,times=1",
    ] {
        let (sandbox, client) = start(Sandbox::builder().fault(fault(fault_text))).await;
        let connection = demo(&client).await;
        let sync = connection.sync().await.unwrap();
        sync.wait().await.unwrap();
        let jobs = connection.jobs().await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.job_id).collect::<Vec<_>>(), [sync.job_id()], "{fault_text}");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn waiting_survives_a_server_in_trouble() {
    let builder = Sandbox::builder()
        .fault(fault("slow-job=2s"))
        .fault(fault("status=503,op=getJob,p=0.3"))
        .fault(fault("html=502,op=getJob,p=0.2"))
        .fault(fault("drop,op=getJob,p=0.2"));
    let (sandbox, client) = start(builder).await;
    let sync = demo(&client).await.sync().await.unwrap();
    let mut wait = sync.wait();
    let mut last = None;
    while let Some(update) = wait.next().await {
        last = Some(update);
    }
    assert!(matches!(&last, Some(Update::Done(job)) if job.status.is_success()), "{last:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_second_start_attaches_fails_or_is_cancelled() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("slow-job=30s"))).await;
    let connection = demo(&client).await;
    let first = connection.sync().await.unwrap();
    let second = connection.sync().if_running(IfRunning::Attach).await.unwrap();
    assert_eq!((second.job_id(), second.attached()), (first.job_id(), true));
    let error = connection.sync().await.unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::AlreadyRunning, Some(first.job_id())));

    assert_eq!(first.job().cancel().await.unwrap().status, JobStatus::Cancelled);
    assert_eq!(first.wait().await.unwrap_err().kind(), ErrorKind::JobCancelled);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn cancelling_an_old_job_leaves_the_running_one_alone() {
    // The server cancels whatever runs on the connection of the job that it is given.
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = demo(&client).await;
    let old = connection.sync().await.unwrap();
    old.wait().await.unwrap();
    sandbox.add_fault(fault("slow-job=30s")).unwrap();
    let running = connection.sync().await.unwrap();

    let error = old.job().cancel().await.unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::Conflict, Some(old.job_id())));
    sandbox.assert_asked("cancelJob", 0);
    assert!(!running.job().info().await.unwrap().status.is_final());
    running.job().cancel().await.unwrap();
    sandbox.assert_asked("cancelJob", 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn many_starts_at_once_make_one_job() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("slow-job=5s"))).await;
    let connection = demo(&client).await;
    let starts = (0..10).map(|_| connection.sync().if_running(IfRunning::Attach).into_future());
    let syncs: Vec<_> = futures::future::join_all(starts).await.into_iter().map(Result::unwrap).collect();
    let jobs = connection.jobs().await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert!(syncs.iter().all(|sync| sync.job_id() == jobs[0].job_id));
    assert!(syncs.iter().filter(|sync| sync.attached()).count() >= 8, "{syncs:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_unknown_status_is_not_the_end() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("unknown-enum,op=getJob,times=3"))).await;
    let done = demo(&client).await.sync().await.unwrap().wait().await.unwrap();
    assert_eq!(done.status, JobStatus::Succeeded);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_failed_job_tells_its_reasons() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("fail-job"))).await;
    let error = demo(&client).await.sync().await.unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(!error.failures().is_empty(), "{error:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn unknown_things_are_not_found_in_every_edition() {
    let nowhere = "6c3d5d0e-0000-4000-8000-00000000dead";
    for edition in [Edition::Enterprise, Edition::Cloud, Edition::Community] {
        let (sandbox, client) = start(Sandbox::builder().edition(edition)).await;
        let outcomes = [
            client.job(JobId::new(999_999)).info().await.err(),
            client.connection(nowhere.parse().unwrap()).info().await.err(),
            client.connection(nowhere.parse().unwrap()).sync().await.err(),
            client.connection(nowhere.parse().unwrap()).jobs().await.err(),
            client.workspace(nowhere.parse().unwrap()).sources().await.err(),
        ];
        for (number, error) in outcomes.into_iter().enumerate() {
            assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NotFound), "{number} in {edition:?}");
        }
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_every_edition() {
    for edition in [Edition::Enterprise, Edition::Cloud, Edition::Community] {
        let (sandbox, client) = start(Sandbox::builder().edition(edition)).await;
        let wrong = Client::builder()
            .ignore_environment()
            .api_root(client.settings().api_root.value.as_str())
            .client_credentials("somebody", SecretString::from("wrong-secret"))
            .retry_policy(airbyte_cloud::RetryPolicy::default().attempts(2))
            .build()
            .unwrap();
        let error = wrong.workspaces().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{edition:?}: {error:?}");
        sandbox.shutdown().await;
    }
}
