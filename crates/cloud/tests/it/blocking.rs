//! The same client in a program that has no runtime.

use airbyte_cloud::blocking::{Block, BlockIter};
use airbyte_cloud::{Client, ErrorKind, SecretString, Update};
use airbyte_sandbox::{Sandbox, Seed};

/// A sandbox on threads of its own, and a client that is used without a runtime.
fn start() -> (tokio::runtime::Runtime, Sandbox, Client) {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = threads.block_on(Sandbox::builder().seed(Seed::Demo).time_scale(0.2).start()).unwrap();
    let ready = sandbox.ready().clone();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap();
    (threads, sandbox, client)
}

#[test]
fn the_whole_loop_without_a_runtime() {
    let (threads, sandbox, client) = start();
    let workspace = client.default_workspace().unwrap();
    let names: Vec<_> =
        workspace.connections().pager().block_iter().map(|connection| connection.unwrap().name).collect();
    assert_eq!(names, ["Faker to SQLite"]);

    let found = workspace.connections().name("Faker to SQLite").block().unwrap();
    let connection = client.connection(found[0].connection_id);
    let sync = connection.sync().block().unwrap();
    let updates: Vec<_> = sync.wait().block_iter().collect();
    assert!(matches!(updates.last(), Some(Update::Done(job)) if job.status.is_success()), "{updates:?}");
    assert_eq!(connection.latest_sync().block().unwrap().unwrap().job_id(), sync.job_id());

    let nowhere = "6c3d5d0e-0000-4000-8000-00000000dead".parse().unwrap();
    assert_eq!(client.connection(nowhere).info().block().unwrap_err().kind(), ErrorKind::NotFound);
    threads.block_on(sandbox.shutdown());
}

#[test]
fn clients_are_shared_between_plain_threads() {
    let (threads, sandbox, client) = start();
    let workspace = client.default_workspace().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(workspace.sources().block().unwrap().len(), 2));
        }
    });
    threads.block_on(sandbox.shutdown());
}

/// Not the way to use it, but no reason for a panic either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_inside_of_a_runtime() {
    let (sandbox, client) = crate::sandbox::start(Sandbox::builder()).await;
    assert_eq!(client.workspaces().block().unwrap().len(), 1);
    sandbox.shutdown().await;
}

/// The only thread of the runtime is what blocks: the server, and the connection that was opened before, need
/// another.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_runtime_goes_on_while_one_of_its_threads_blocks() {
    let (sandbox, client) = crate::sandbox::start(Sandbox::builder()).await;
    let both = tokio::spawn(async move {
        let awaited = client.workspaces().await.unwrap();
        (awaited.len(), client.workspaces().block().unwrap().len())
    });
    assert_eq!(both.await.unwrap(), (1, 1));
    sandbox.shutdown().await;
}

#[tokio::test]
#[should_panic(expected = "multi-threaded runtime")]
async fn the_only_thread_of_a_runtime_is_not_blocked() {
    let client = Client::builder().ignore_environment().no_auth().build().unwrap();
    // It would wait for ever, had the client a connection that this thread serves.
    let _ = client.workspaces().block();
}

#[tokio::test]
async fn a_thread_that_is_meant_for_it_may_be_blocked_in_any_runtime() {
    let (sandbox, client) = crate::sandbox::start(Sandbox::builder()).await;
    client.workspaces().await.unwrap();
    let blocked = tokio::task::spawn_blocking(move || client.workspaces().block().unwrap().len());
    assert_eq!(blocked.await.unwrap(), 1);
    sandbox.shutdown().await;
}

#[test]
fn a_call_within_a_callback_is_waited_for_as_well() {
    let (threads, sandbox, client) = start();
    let found = client.default_workspace().unwrap().connections().name("Faker to SQLite").block().unwrap();
    let sync = client.connection(found[0].connection_id).sync().block().unwrap();
    let (job, looks) = (sync.job(), std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let looked = looks.clone();
    let wait = sync.wait().on_update(move |_| {
        job.info().block().unwrap();
        looked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    wait.block().unwrap();
    assert!(looks.load(std::sync::atomic::Ordering::SeqCst) > 0);
    threads.block_on(sandbox.shutdown());
}

#[test]
fn a_wait_that_is_given_up_cancels_its_job() {
    let (threads, sandbox, client) = start();
    let control = sandbox.ready().public_api_root.replace("/api/public/v1", "/_sandbox/v1/faults");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let slow =
        reqwest::Client::new().post(control).json(&serde_json::json!({ "fault": "slow-job=30s" })).send();
    threads.block_on(slow).unwrap().error_for_status().unwrap();

    let found = client.default_workspace().unwrap().connections().name("Faker to SQLite").block().unwrap();
    let sync = client.connection(found[0].connection_id).sync().block().unwrap();
    let mut updates = sync.wait().cancel_on_drop().block_iter();
    assert!(matches!(updates.next(), Some(Update::InProgress(_))));
    drop(updates);
    let error = sync.wait().block().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobCancelled);
    threads.block_on(sandbox.shutdown());
}
