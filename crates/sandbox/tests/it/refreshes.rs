//! Resets, clears and refreshes, whole and by stream, and jobs that wait for a worker.

use std::time::Duration;

use airbyte_sandbox::Seed;
use serde_json::{Value, json};

use crate::support::{Api, id};

/// An incremental and a full-refresh stream of ten rows each into nowhere, which knows refreshes.
async fn two_streams(api: &Api) -> String {
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let streams = json!([{"name": "users", "syncMode": "incremental_append"}, {"name": "purchases"}]);
    api.connect(&source, &destination, streams).await
}

impl Api {
    async fn run(&self, what: &str, body: &Value) -> Value {
        let started = self.config(&format!("/connections/{what}"), body).await.expect(200);
        let job = started["job"]["id"].as_i64().expect("a job");
        self.finished(job).await;
        self.config("/jobs/get_without_logs", &json!({"id": job})).await.expect(200)
    }

    async fn cursor(&self, connection: &str) -> Value {
        let state = self.config("/state/get", &json!({"connectionId": connection})).await.expect(200);
        state["streamState"][0]["streamState"]["cursor"].clone()
    }
}

#[tokio::test]
async fn a_reset_of_one_stream_leaves_the_others_alone() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    api.sync(&connection).await;
    let cursor = api.cursor(&connection).await;
    let other = json!({"connectionId": connection, "streams": [{"streamName": "purchases"}]});
    let done = api.run("reset/stream", &other).await;
    assert_eq!(done["job"]["configType"], "reset_connection");
    assert_eq!(done["job"]["resetConfig"], json!({"streamsToReset": [{"name": "purchases"}]}));
    assert_eq!(api.cursor(&connection).await, cursor);
    for what in ["clear/stream", "reset", "clear"] {
        let users = json!({"connectionId": connection, "streams": [{"streamName": "users"}]});
        let done = api.run(what, &users).await;
        assert_eq!(done["job"]["status"], "succeeded");
        assert_eq!(api.cursor(&connection).await, Value::Null, "{what}");
        api.sync(&connection).await;
        assert_eq!(api.cursor(&connection).await, cursor);
    }
    // No stream named means all of them.
    let done = api.run("clear/stream", &json!({"connectionId": connection, "streams": []})).await;
    assert_eq!(done["job"]["enabledStreams"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_reset_over_the_config_api_cancels_what_runs() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    api.fault("slow-job=5m,times=1").await;
    let sync = api.start_sync(&connection).await;
    let done = api.run("reset", &json!({"connectionId": connection})).await;
    assert!(done["job"]["id"].as_i64().unwrap() > sync);
    assert_eq!(api.finished(sync).await["status"], "cancelled");
}

#[tokio::test]
async fn a_refresh_reads_its_streams_from_the_start() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    api.sync(&connection).await;
    let users =
        json!({"connectionId": connection, "refreshMode": "Merge", "streams": [{"streamName": "users"}]});
    let done = api.run("refresh", &users).await;
    assert_eq!(done["job"]["configType"], "refresh");
    assert_eq!(done["job"]["refreshConfig"], json!({"streamsToRefresh": [{"name": "users"}]}));
    let records: Vec<_> = done["attempts"][0]["attempt"]["streamStats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| stream["stats"]["recordsCommitted"].as_i64().unwrap())
        .collect();
    assert_eq!(records[0], 10, "the incremental stream is read again");
    let listed = api.get("/jobs?jobType=refresh").await.expect(200);
    assert_eq!(listed["data"][0]["jobType"], "refresh");
    let status = api.config("/connections/status", &json!({"connectionIds": [connection]})).await.expect(200);
    assert_eq!(status[0]["connectionSyncStatus"], "synced");
    // The wish has been fulfilled.
    let next = api.sync(&connection).await;
    assert_eq!(next["jobType"], "sync");
}

#[tokio::test]
async fn a_refresh_of_a_stream_that_is_not_selected_is_a_refresh_and_one_of_nothing_starts_nothing() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    for stream in ["products", "nobody"] {
        let wish =
            json!({"connectionId": connection, "refreshMode": "Merge", "streams": [{"streamName": stream}]});
        let done = api.run("refresh", &wish).await;
        assert_eq!(done["job"]["configType"], "refresh");
        assert_eq!(done["job"]["refreshConfig"], json!({"streamsToRefresh": [{"name": stream}]}));
        assert_eq!(api.sync(&connection).await["jobType"], "sync", "the wish has been fulfilled");
    }
    let source = api.source(json!({"sourceType": "faker"})).await;
    let empty = api.connect(&source, &api.dev_null().await, json!([])).await;
    let wish = json!({"connectionId": empty, "refreshMode": "Merge"});
    assert_eq!(api.config("/connections/refresh", &wish).await.expect(200), json!({}));
    assert_eq!(api.get(&format!("/jobs?connectionId={empty}")).await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_refresh_waits_for_the_job_that_runs() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    api.fault("slow-job=5m,times=1").await;
    let running = api.start_sync(&connection).await;
    let wish = json!({"connectionId": connection, "refreshMode": "Truncate"});
    assert_eq!(api.config("/connections/refresh", &wish).await.expect(200), json!({}));
    api.delete(&format!("/jobs/{running}")).await.expect(200);
    assert_eq!(api.sync(&connection).await["jobType"], "refresh");
}

#[tokio::test]
async fn another_kind_of_refresh_waits_for_the_next_job() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    api.fault("queue-job=1m,times=1").await;
    let refresh = async |mode: &str| {
        let body = json!({"connectionId": connection, "refreshMode": mode});
        api.config("/connections/refresh", &body).await.expect(200)
    };
    let merging = refresh("Merge").await["job"]["id"].as_i64().unwrap();
    api.until(merging, &["queued"]).await;
    assert_eq!(refresh("Truncate").await, json!({}));
    api.sandbox.advance(Duration::from_mins(1)).unwrap();
    assert_eq!(api.finished(merging).await["status"], "succeeded");
    for job_type in ["refresh", "sync"] {
        assert_eq!(api.sync(&connection).await["jobType"], job_type);
    }
}

#[tokio::test]
async fn a_destination_without_generations_is_not_refreshed() {
    let api = Api::start(Seed::Demo).await;
    let connection = id(&api.get("/connections").await.expect(200)["data"][0], "connectionId");
    let wish = json!({"connectionId": connection, "refreshMode": "Merge"});
    assert_eq!(api.config("/connections/refresh", &wish).await.expect(200), json!({}));
    assert_eq!(api.get("/jobs").await.expect(200)["data"], json!([]));
    api.config("/connections/refresh", &json!({"connectionId": connection})).await.expect(400);
}

#[tokio::test]
async fn a_deleted_connection_stays_dead_when_it_is_made_active_again() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    let path = format!("/connections/{connection}");
    assert_eq!(api.delete(&path).await.status, 204);
    let revived = api.patch(&path, &json!({"status": "active"})).await.expect(200);
    assert_eq!(revived["status"], "active");
    for (job_type, title) in [("sync", "try-again-later"), ("reset", "state-conflict")] {
        let body = json!({"connectionId": connection, "jobType": job_type});
        assert_eq!(api.post("/jobs", &body).await.expect(409)["title"], title);
    }
    let refused = api.config("/connections/reset", &json!({"connectionId": connection})).await.expect(409);
    assert!(refused["message"].is_string() && refused["errorId"].is_string(), "{refused}");
}

#[tokio::test]
async fn a_queued_job_is_the_one_that_a_second_start_gets() {
    let api = Api::start(Seed::Empty).await;
    let connection = two_streams(&api).await;
    api.fault("queue-job=5m").await;
    let job = api.start_sync(&connection).await;
    let queued = api.until(job, &["queued"]).await;
    assert!(queued["duration"].is_string(), "{queued}");
    assert_eq!(api.start_sync(&connection).await, job);
    let status = api.config("/connections/status", &json!({"connectionIds": [connection]})).await.expect(200);
    assert_eq!(status[0]["connectionSyncStatus"], "queued");
    // Switching the connection off cancels what has not begun.
    api.patch(&format!("/connections/{connection}"), &json!({"status": "inactive"})).await.expect(200);
    assert_eq!(api.finished(job).await["status"], "cancelled");
    assert!(api.attempts(job).await.is_empty());

    api.no_faults().await;
    api.fault("queue-job=1s").await;
    api.patch(&format!("/connections/{connection}"), &json!({"status": "active"})).await.expect(200);
    api.sync(&connection).await;
}
