//! What survives the end of a sandbox that has a data folder.

use std::time::Duration;

use airbyte_sandbox::{Edition, Error, Sandbox, SandboxBuilder, Seed};
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
async fn a_folder_is_of_the_edition_that_it_was_opened_with_last() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = format!("/sources/{}", uuid::Uuid::from_u128(7));
    for (edition, status) in [(Edition::Enterprise, 404), (Edition::Cloud, 403), (Edition::Enterprise, 404)] {
        let api = Api::of(builder(folder.path()).edition(edition)).await;
        assert_eq!(api.get(&unknown).await.status, status, "{edition:?}");
        let workspaces = api.get("/workspaces").await.expect(200);
        assert_eq!(workspaces["data"].as_array().map(Vec::len), Some(1), "{edition:?}");
        api.sandbox.shutdown().await;
    }
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
async fn a_clock_that_was_moved_ahead_is_still_ahead_after_a_restart() {
    const DAY: Duration = Duration::from_hours(24);
    let folder = tempfile::tempdir().unwrap();
    let builder = || builder(folder.path()).token_ttl(100 * DAY);
    let api = Api::of(builder()).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    let monthly = json!({"schedule": {"scheduleType": "cron", "cronExpression": "0 0 0 1 * ?"}});
    api.patch(&path, &monthly).await.expect(200);
    api.sandbox.advance(31 * DAY).unwrap();
    let scheduled = api.get("/jobs").await.expect(200)["data"][0]["jobId"].as_i64().unwrap();
    api.finished(scheduled).await;
    let before = api.sandbox.now();
    api.sandbox.shutdown().await;

    let api = Api::of(builder()).await;
    assert!(api.sandbox.now() >= before, "{before} is over, and it is {}", api.sandbox.now());
    let next = api.sync(&connection).await["jobId"].clone();
    let jobs = api.get("/jobs?orderBy=createdAt%7CDESC").await.expect(200);
    assert_eq!(jobs["data"][0]["jobId"], next, "the newest job is that of this moment");
    api.sandbox.advance(31 * DAY).unwrap();
    assert_eq!(api.get("/jobs").await.expect(200)["data"].as_array().map(Vec::len), Some(3));
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
async fn a_folder_belongs_to_one_sandbox_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(builder(folder.path()).fault("slow-job=1h".parse().unwrap())).await;
    let connection = api.small_connection().await;
    let job = api.start_sync(&connection).await;
    api.until(job, &["running"]).await;
    match builder(folder.path()).start().await {
        Err(error @ Error::FolderInUse { .. }) => {
            assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
        }
        other => panic!("{:?}", other.map(|_| "started")),
    }
    let untouched = api.get(&format!("/jobs/{job}")).await.expect(200);
    assert_eq!(untouched["status"], "running");
    api.sandbox.shutdown().await;
    builder(folder.path()).start().await.unwrap().shutdown().await;
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

/// A data folder with a database of this form.
fn older_folder(form: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    rusqlite::Connection::open(folder.path().join("airbyte.db")).unwrap().execute_batch(form).unwrap();
    folder
}

#[tokio::test]
async fn a_folder_of_the_first_version_is_brought_into_todays_form() {
    let folder = older_folder(include_str!("folders/format_1.sql"));
    for _ in ["migrated", "as it is by now"] {
        let api = Api::of(builder(folder.path())).await;
        let tags = api.get("/tags").await.expect(200);
        let names: Vec<&str> =
            tags["data"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["nightly", "people"]);
        let connections = api.get("/connections").await.expect(200);
        let [tagged, scheduled] = connections["data"].as_array().unwrap().as_slice() else {
            panic!("{connections}")
        };
        assert_eq!(tagged["tags"], tags["data"]);
        assert_eq!(scheduled["tags"], json!([tags["data"][0]]));
        assert_eq!(scheduled["schedule"]["cronExpression"], "0 0 12 * * ? UTC");
        let jobs = api.get("/jobs?jobType=reset").await.expect(200);
        assert_eq!(jobs["data"].as_array().unwrap().iter().map(|job| &job["jobId"]).collect::<Vec<_>>(), [3]);
        api.sandbox.shutdown().await;
    }
    let api = Api::of(builder(folder.path())).await;
    let connections = api.get("/connections").await.expect(200);
    // The users are known by their cursor; the hundred products are read anew.
    let job = api.sync(connections["data"][0]["connectionId"].as_str().unwrap()).await;
    assert_eq!((&job["jobId"], &job["rowsSynced"]), (&json!(5), &json!(100)));
}

#[tokio::test]
async fn an_older_folder_that_cannot_be_read_is_refused_and_stays_as_it_is() {
    let mut form = include_str!("folders/format_1.sql").to_owned();
    form += "insert into objects (kind, id, body) values ('tag', 'from long ago', '{\"secret\": \"hush\"}');";
    let folder = older_folder(&form);
    match builder(folder.path()).start().await {
        Err(error @ Error::OlderData { kind: "tag", .. }) => {
            let told = error.to_string();
            assert!(told.contains("tag from long ago") && !told.contains("hush"), "{told}");
        }
        other => panic!("{:?}", other.map(|_| "started")),
    }
    let database = rusqlite::Connection::open(folder.path().join("airbyte.db")).unwrap();
    let format: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let old_jobs: i64 = database
        .query_row("select count(*) from objects where body ->> 'job_type' is not null", [], |row| row.get(0))
        .unwrap();
    assert_eq!((format, old_jobs), (1, 4));
}

#[tokio::test]
async fn nothing_is_acknowledged_once_the_data_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(builder(folder.path())).await;
    let health = async || api.get("/health").await;
    assert_eq!(health().await.status, 200);
    std::fs::remove_file(folder.path().join("airbyte.db")).unwrap();
    let body = json!({"sourceType": "faker", "count": 1});
    let body = json!({"name": "s", "workspaceId": api.workspace(), "configuration": body});
    assert!(api.post("/sources", &body).await.expect(500)["errorId"].is_string());
    let problem = health().await.expect(503);
    assert!(problem["type"].as_str().unwrap().ends_with("#service-unavailable"), "{problem}");
    api.sandbox.shutdown().await;
}
