//! Jobs over their life: states, answers, conflicts, attempts.

use std::time::Duration;

use airbyte_sandbox::{Sandbox, Seed};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::support::{Api, FAST, id};

/// A sandbox in which every job takes long enough to be looked at.
async fn slow() -> Api {
    let slow = "slow-job=5m".parse().unwrap();
    Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST).fault(slow)).await
}

fn is_java_time(text: &Value) -> bool {
    let text = text.as_str().unwrap();
    // Java leaves the seconds out when they are zero.
    let whole =
        if text.len() == "2023-03-25T01:30Z".len() { text.replace('Z', ":00Z") } else { text.to_owned() };
    !whole.contains('.') && whole.parse::<DateTime<Utc>>().is_ok()
}

#[tokio::test]
async fn a_sync_goes_from_pending_to_succeeded() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let started =
        api.post("/jobs", &json!({"connectionId": connection, "jobType": "SYNC"})).await.expect(200);
    assert_eq!(started["jobType"], "sync");
    assert!(["pending", "running"].contains(&started["status"].as_str().unwrap()), "{started}");
    assert!(is_java_time(&started["startTime"]), "{started}");
    for absent in ["bytesSynced", "rowsSynced", "lastUpdatedAt"] {
        assert_eq!(started.get(absent), None, "{absent} in the answer of a start");
    }
    let done = api.finished(started["jobId"].as_i64().unwrap()).await;
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["rowsSynced"], 10);
    assert_eq!(done["startTime"], started["startTime"]);
    assert!(is_java_time(&done["lastUpdatedAt"]));
    assert!(done["duration"].as_str().unwrap().starts_with("PT"), "{done}");
}

#[tokio::test]
async fn a_second_sync_is_a_conflict_while_the_first_runs() {
    let api = slow().await;
    let connection = api.small_connection().await;
    let job = api.start_sync(&connection).await;
    let refused =
        api.post("/jobs", &json!({"connectionId": connection, "jobType": "sync"})).await.expect(409);
    assert_eq!(refused["title"], "try-again-later");
    assert_eq!(refused["data"]["message"], format!("A sync is already running for: {connection}"));
    let running = api.until(job, &["running"]).await;
    assert_eq!(running.get("lastUpdatedAt"), None);
    let cancelled = api.delete(&format!("/jobs/{job}")).await.expect(200);
    assert_eq!((&cancelled["jobId"], &cancelled["status"]), (&json!(job), &json!("cancelled")));
    for absent in ["bytesSynced", "rowsSynced"] {
        assert_eq!(cancelled.get(absent), None);
    }
    let again = api.delete(&format!("/jobs/{job}")).await.expect(409);
    assert_eq!(again["data"]["message"], "Job is not currently running");
    assert_eq!(api.failures(job).await[0]["failureType"], "manual_cancellation");
}

#[tokio::test]
async fn many_starts_at_once_make_one_job() {
    let api = slow().await;
    let connection = api.small_connection().await;
    let body = json!({"connectionId": connection, "jobType": "sync"});
    let answers = futures::future::join_all((0..8).map(|_| api.post("/jobs", &body))).await;
    let started: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 409));
    assert_eq!(started.len(), 1, "{answers:?}");
    assert_eq!(api.get("/jobs").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn cancelling_goes_by_connection_not_by_job() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let old = api.sync(&connection).await["jobId"].as_i64().unwrap();
    let slow = api.control(reqwest::Method::POST, "faults").json(&json!({"fault": "slow-job=5m"}));
    assert!(crate::support::answer(slow).await.status.is_success());
    let new = api.start_sync(&connection).await;
    let answered = api.delete(&format!("/jobs/{old}")).await.expect(200);
    assert_eq!((&answered["jobId"], &answered["status"]), (&json!(old), &json!("succeeded")));
    assert_eq!(api.finished(new).await["status"], "cancelled");
}

#[tokio::test]
async fn a_reset_cancels_the_sync_and_a_clear_is_a_reset() {
    let api = slow().await;
    let connection = api.small_connection().await;
    let sync = api.start_sync(&connection).await;
    let reset = api.post("/jobs", &json!({"connectionId": connection, "jobType": "clear"})).await.expect(200);
    assert_eq!(reset["jobType"], "reset");
    assert!(reset["jobId"].as_i64().unwrap() > sync);
    assert_eq!(api.finished(sync).await["status"], "cancelled");
    let resets = api.get("/jobs?jobType=reset").await.expect(200);
    assert_eq!(resets["data"].as_array().unwrap().len(), 1);
    let refresh =
        api.post("/jobs", &json!({"connectionId": connection, "jobType": "refresh"})).await.expect(422);
    assert!(refresh["type"].as_str().unwrap().ends_with("#unprocessable-entity"));
}

#[tokio::test]
async fn an_inactive_connection_does_not_sync_but_resets() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    api.patch(&format!("/connections/{connection}"), &json!({"status": "inactive"})).await.expect(200);
    let refused =
        api.post("/jobs", &json!({"connectionId": connection, "jobType": "sync"})).await.expect(409);
    assert_eq!(refused["title"], "state-conflict");
    api.config("/connections/sync", &json!({"connectionId": connection})).await;
    assert_eq!(api.get("/jobs").await.expect(200)["data"], json!([]));
    let reset = api.post("/jobs", &json!({"connectionId": connection, "jobType": "reset"})).await.expect(200);
    assert_eq!(api.finished(reset["jobId"].as_i64().unwrap()).await["status"], "succeeded");
}

#[tokio::test]
async fn a_configuration_error_ends_the_job_after_one_attempt() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10})).await;
    let destination = api
        .destination(json!({
            "destinationType": "postgres", "host": "127.0.0.1", "port": 1, "database": "d", "schema": "s", "username": "u",
            "password": "hunter2",
        }))
        .await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    let job = api.start_sync(&connection).await;
    assert_eq!(api.finished(job).await["status"], "failed");
    let attempts = api.attempts(job).await;
    assert_eq!(attempts.len(), 1);
    let failures = api.failures(job).await;
    assert_eq!(failures[0]["failureType"], "config_error");
    assert_eq!(failures[0]["failureOrigin"], "destination");
    assert!(!failures[0].to_string().contains("hunter2"));
}

/// A connection whose destination refuses every attempt, for a reason that could pass: a view is where its table goes.
async fn obstructed(folder: &std::path::Path, time_scale: f64) -> (Api, String) {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder).time_scale(time_scale)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10})).await;
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "/local/d.db"})).await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    std::fs::create_dir_all(folder.join("local")).unwrap();
    let database = rusqlite::Connection::open(folder.join("local/d.db")).unwrap();
    database.execute_batch("create view _airbyte_raw_users as select 1").unwrap();
    (api, connection)
}

#[tokio::test]
async fn a_sync_without_progress_is_tried_five_times() {
    let folder = tempfile::tempdir().unwrap();
    // The pauses between the attempts are 400 s together, in life.
    let (api, connection) = obstructed(folder.path(), 0.0005).await;
    let job = api.start_sync(&connection).await;
    assert_eq!(api.finished(job).await["status"], "failed");
    let attempts = api.attempts(job).await;
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt["attempt"]["id"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    for attempt in &attempts {
        assert_eq!(attempt["attempt"]["status"], "failed");
        let failure = &attempt["attempt"]["failureSummary"]["failures"][0];
        assert_eq!(failure["failureOrigin"], "destination");
        assert_ne!(failure["failureType"], "config_error");
    }
}

#[tokio::test]
async fn the_pause_between_attempts_counts_as_running() {
    let folder = tempfile::tempdir().unwrap();
    let (api, connection) = obstructed(folder.path(), 0.2).await;
    let job = api.start_sync(&connection).await;
    api.until(job, &["incomplete"]).await;
    let body = json!({"connectionId": connection, "jobType": "sync"});
    assert_eq!(api.post("/jobs", &body).await.expect(409)["title"], "try-again-later");
    assert_eq!(api.delete(&format!("/jobs/{job}")).await.expect(200)["status"], "cancelled");
}

#[tokio::test]
async fn attempts_have_logs_and_statistics_where_the_server_has_them() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await["jobId"].as_i64().unwrap();
    let full = api.config("/jobs/get", &json!({"id": job})).await.expect(200);
    assert!(
        full["attempts"][0]["logs"]["events"].as_array().is_some_and(|events| !events.is_empty()),
        "{full}"
    );
    assert_eq!(full["job"].get("aggregatedStats"), None);
    let light = api.config("/jobs/get_light", &json!({"id": job})).await.expect(200);
    assert_eq!(light.get("attempts"), None);
    let hydrated = api.config("/jobs/get_without_logs", &json!({"id": job})).await.expect(200);
    assert_eq!(hydrated["attempts"][0].get("logs"), None);
    let attempt = &hydrated["attempts"][0]["attempt"];
    assert_eq!(attempt["streamStats"][0]["streamName"], "users");
    assert_eq!(attempt["totalStats"]["recordsCommitted"], 10);
    // The faker tells beforehand how many records there will be.
    assert_eq!(attempt["streamStats"][0]["stats"]["estimatedRecords"], 10);
    assert_eq!(attempt["totalStats"]["estimatedRecords"], 10);
    assert_eq!(hydrated["job"]["aggregatedStats"]["recordsCommitted"], 10);
    let one =
        api.config("/attempt/get_for_job", &json!({"jobId": job, "attemptNumber": 0})).await.expect(200);
    assert_eq!(one["attempt"]["status"], "succeeded");
    api.config("/attempt/get_for_job", &json!({"jobId": job, "attemptNumber": 9})).await.expect(404);
    let last =
        api.config("/jobs/get_last_replication_job", &json!({"connectionId": connection})).await.expect(200);
    assert_eq!(last["job"]["id"], job);
}

#[tokio::test]
async fn the_config_api_lists_newest_first_and_tells_how_a_connection_is() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let jobs = [api.sync(&connection).await, api.sync(&connection).await];
    let listed =
        api.config("/jobs/list", &json!({"configTypes": ["sync"], "configId": connection})).await.expect(200);
    assert_eq!(listed["totalJobCount"], 2);
    assert_eq!(listed["jobs"][0]["job"]["id"], jobs[1]["jobId"]);
    for (filter, count) in [
        (json!({"configTypes": ["sync"], "statuses": ["failed"]}), 0),
        (json!({"configTypes": ["sync"], "statuses": ["succeeded"]}), 2),
        (json!({"configTypes": ["SYNC"], "statuses": ["Succeeded", "FAILED"]}), 2),
        (json!({"configTypes": ["reset_connection"]}), 0),
        (json!({"configTypes": ["sync"], "createdAtEnd": "2000-01-01T00:00:00Z"}), 0),
        (json!({"configTypes": ["sync"], "pagination": {"pageSize": 1, "rowOffset": 1}}), 1),
    ] {
        let listed = api.config("/jobs/list", &filter).await.expect(200);
        assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(count), "{filter}");
    }
    let unknown = json!({"configTypes": ["sync"], "statuses": ["succeeded", "done"]});
    api.config("/jobs/list", &unknown).await.expect(400);
    let status = api.config("/connections/status", &json!({"connectionIds": [connection]})).await.expect(200);
    assert_eq!(status[0]["connectionSyncStatus"], "synced");
    assert_eq!(status[0]["lastSyncJobId"], jobs[1]["jobId"]);
    let state = api.config("/state/get", &json!({"connectionId": connection})).await.expect(200);
    assert!(["not_set", "stream"].contains(&state["stateType"].as_str().unwrap()), "{state}");
}

#[tokio::test]
async fn deleting_a_connection_cancels_its_job() {
    let api = slow().await;
    let connection = api.small_connection().await;
    let job = api.start_sync(&connection).await;
    assert_eq!(api.delete(&format!("/connections/{connection}")).await.status, 204);
    assert_eq!(api.finished(job).await["status"], "cancelled");
}

#[tokio::test]
async fn a_deleted_source_or_destination_is_neither_discovered_nor_checked_nor_synced() {
    let api = Api::start(Seed::Empty).await;
    let (source, gone) = (api.source(json!({"sourceType": "faker"})).await, api.dev_null().await);
    api.delete(&format!("/destinations/{gone}")).await;
    // Only the source is asked for a new connection.
    let body = json!({"sourceId": source, "destinationId": gone, "configurations": {"streams": [{"name": "users"}]}});
    let connection = id(&api.post("/connections", &body).await.expect(200), "connectionId");
    let failures = api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureOrigin"], "destination");
    let told = |message: &Value| assert!(message.to_string().contains("has been deleted"), "{message}");
    told(&failures[0]["internalMessage"]);
    let check = json!({"destinationId": gone});
    let checked = api.config("/destinations/check_connection", &check).await.expect(200);
    assert_eq!(checked["status"], "failed");
    told(&checked["message"]);

    api.delete(&format!("/sources/{source}")).await;
    let checked = api.config("/sources/check_connection", &json!({"sourceId": source})).await.expect(200);
    assert_eq!(checked["status"], "failed");
    told(&checked["message"]);
    told(&api.post("/connections", &body).await.expect(500)["data"]);
    let found = api.config("/sources/discover_schema", &json!({"sourceId": source})).await.expect(200);
    assert_eq!((&found["jobInfo"]["succeeded"], found.get("catalog")), (&json!(false), None));
    let body = json!({"sourceId": source, "destinationId": api.dev_null().await, "status": "active"});
    let connection = id(&api.config("/connections/create", &body).await.expect(200), "connectionId");
    let failures = api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureOrigin"], "source");
    told(&failures[0]["internalMessage"]);
}

#[tokio::test]
async fn a_job_is_pending_and_running_for_as_long_as_promised() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty)).await;
    let connection = api.small_connection().await;
    let begun = std::time::Instant::now();
    let job = api.start_sync(&connection).await;
    assert_eq!(api.get(&format!("/jobs/{job}")).await.expect(200)["status"], "pending");
    api.finished(job).await;
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_job_that_was_cancelled_writes_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10})).await;
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "/local/d.db"})).await;
    let streams = json!([{"name": "users", "syncMode": "full_refresh_append"}]);
    let connection = api.connect(&source, &destination, streams).await;
    api.sync(&connection).await;
    let database = rusqlite::Connection::open(folder.path().join("local/d.db")).unwrap();
    let count = || -> i64 {
        database.query_row("select count(*) from _airbyte_raw_users", [], |row| row.get(0)).unwrap()
    };
    // The next batch has to wait for this.
    database.execute_batch("begin immediate").unwrap();
    let job = api.start_sync(&connection).await;
    let has_begun = async || {
        let info = api.config("/jobs/get", &json!({"id": job})).await.expect(200);
        info["attempts"][0]["logs"].to_string().contains("stream users: started")
    };
    while !has_begun().await {
        tokio::task::yield_now().await;
    }
    let path = format!("/jobs/{job}");
    {
        let mut cancelling = std::pin::pin!(futures::future::maybe_done(api.delete(&path)));
        // Long enough for the sandbox, which shares this thread, to have cancelled the job. Where no write has begun yet,
        // it answers.
        for _ in 0..2_000 {
            let _ = futures::poll!(cancelling.as_mut());
            tokio::task::yield_now().await;
        }
        database.execute_batch("rollback").unwrap();
        cancelling.as_mut().await;
        assert_eq!(cancelling.take_output().unwrap().expect(200)["status"], "cancelled");
    }
    let written = count();
    api.sandbox.shutdown().await;
    assert_eq!(count(), written);
}
