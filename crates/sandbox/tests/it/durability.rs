//! What survives the end of a sandbox that has a data folder.

use airbyte_sandbox::{Error, Sandbox, SandboxBuilder, Seed};
use serde_json::json;

use crate::support::{Api, FAST};

fn builder(folder: &std::path::Path) -> SandboxBuilder {
    Sandbox::builder().seed(Seed::Empty).data_dir(folder).time_scale(FAST)
}

#[tokio::test]
async fn objects_jobs_and_credentials_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(builder(folder.path())).await;
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await;
    let (secret, workspace) = (api.sandbox.ready().client_secret.clone(), api.workspace().to_owned());
    let before = api.get(&format!("/connections/{connection}")).await.expect(200);
    api.sandbox.shutdown().await;

    let api = Api::of(builder(folder.path())).await;
    assert_eq!(
        (api.sandbox.ready().client_secret.as_str(), api.workspace()),
        (secret.as_str(), workspace.as_str())
    );
    assert_eq!(api.get(&format!("/connections/{connection}")).await.expect(200), before);
    assert_eq!(api.get(&format!("/jobs/{}", job["jobId"])).await.expect(200), job);
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().unwrap().len(), 1, "seeded once");
    let next = api.sync(&connection).await;
    assert!(next["jobId"].as_i64() > job["jobId"].as_i64(), "ids go on");
}

#[tokio::test]
async fn a_job_that_was_running_comes_to_an_end_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(builder(folder.path()).fault("slow-job=1h".parse().unwrap())).await;
    let connection = api.small_connection().await;
    let job = api.start_sync(&connection).await;
    api.until(job, &["running"]).await;
    api.sandbox.shutdown().await;

    let api = Api::of(builder(folder.path())).await;
    let ended = api.finished(job).await;
    assert!(["failed", "succeeded"].contains(&ended["status"].as_str().unwrap()), "{ended}");
    api.sync(&connection).await;
}

#[tokio::test]
async fn a_folder_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Sandbox::builder().data_dir(folder.path()).start().await.unwrap().shutdown().await;
    let database = rusqlite::Connection::open(folder.path().join("airbyte.db")).unwrap();
    database.pragma_update(None, "user_version", 1_000).unwrap();
    drop(database);
    match builder(folder.path()).start().await {
        Err(error @ Error::NewerData { found: 1_000, .. }) => {
            assert!(error.to_string().contains("newer"), "{error}");
        }
        other => panic!("{:?}", other.map(|_| "started")),
    }
}

#[tokio::test]
async fn it_listens_on_loopback_and_refuses_an_address_that_is_taken() {
    let api = Api::start(Seed::Empty).await;
    let root = url::Url::parse(&api.sandbox.ready().public_api_root).unwrap();
    assert_eq!(root.host_str(), Some("127.0.0.1"));
    let taken = format!("127.0.0.1:{}", root.port().unwrap()).parse().unwrap();
    let error = Sandbox::builder().listen(taken).start().await.expect_err("the port is taken");
    assert!(matches!(error, Error::Listen { .. }), "{error}");
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(json!(api.sandbox.ready())["public_api_root"], root.as_str());
}
