//! Jobs in lists, their logs, and how far their streams are.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};

use crate::support::{Api, FAST};

fn ids(listed: &Value) -> Vec<i64> {
    listed["jobs"].as_array().unwrap().iter().map(|one| one["job"]["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_list_reaches_down_to_the_job_that_is_asked_for() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(api.sync(&connection).await["jobId"].as_i64().unwrap());
    }
    let list = async |extra: Value| {
        let mut body = json!({"configTypes": ["sync"], "configId": connection});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        api.config("/jobs/list", &body).await.expect(200)
    };
    let newest_first: Vec<_> = jobs.iter().rev().copied().collect();
    let page = json!({"pagination": {"pageSize": 2}});
    assert_eq!(ids(&list(page).await), newest_first[..2]);
    // Whole pages of two, so that the third job is among them.
    let reaching = list(json!({"includingJobId": newest_first[2], "pagination": {"pageSize": 2}})).await;
    assert_eq!((ids(&reaching), &reaching["totalJobCount"]), (newest_first[..4].to_vec(), &json!(5)));
    let unknown = list(json!({"includingJobId": 4711, "pagination": {"pageSize": 2}})).await;
    assert_eq!(ids(&unknown), [0_i64; 0]);
    let ascending = list(json!({"orderByField": "updatedAt", "orderByMethod": "ASC"})).await;
    assert_eq!(ids(&ascending), jobs);

    let everywhere =
        json!({"configTypes": ["sync"], "workspaceIds": [api.workspace()], "pagination": {"pageSize": 3}});
    let everywhere = api.config("/jobs/list_for_workspaces", &everywhere).await.expect(200);
    assert_eq!((ids(&everywhere).len(), &everywhere["totalJobCount"]), (3, &json!(3)));
    for wrong in [json!({"configTypes": ["dance"]}), json!({"configTypes": ["sync"], "orderByField": "name"})]
    {
        api.config("/jobs/list", &wrong).await.expect(400);
    }
}

#[tokio::test]
async fn logs_come_with_a_structure_or_as_lines() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await["jobId"].as_i64().unwrap();
    let logs = async || api.config("/jobs/get", &json!({"id": job})).await.expect(200)["attempts"][0].clone();
    let structured = logs().await;
    assert_eq!(structured["logType"], "structured");
    let events = structured["logs"]["events"].as_array().unwrap();
    api.fault("log-lines").await;
    let formatted = logs().await;
    assert_eq!(formatted["logType"], "formatted");
    let lines = formatted["logs"]["logLines"].as_array().unwrap();
    assert_eq!(lines.len(), events.len());
    for (line, event) in lines.iter().zip(events) {
        assert!(line.as_str().unwrap().ends_with(event["message"].as_str().unwrap()), "{line} {event}");
    }
}

#[tokio::test]
async fn the_progress_of_a_connection_is_that_of_its_running_job() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let body = json!({"connectionId": connection});
    let idle = json!({"connectionId": connection, "streams": []});
    assert_eq!(api.config("/connections/sync_progress", &body).await.expect(200), idle);
    assert_eq!(api.config("/connections/last_job_per_stream", &body).await.expect(200), json!([]));

    api.fault("slow-job=5m,times=1").await;
    let job = api.start_sync(&connection).await;
    let moved = async || loop {
        let progress = api.config("/connections/sync_progress", &body).await.expect(200);
        if progress["recordsCommitted"] == 10 {
            break progress;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    let progress = tokio::time::timeout(std::time::Duration::from_mins(1), moved()).await.expect("rows");
    assert_eq!((&progress["jobId"], &progress["configType"]), (&json!(job), &json!("sync")));
    assert_eq!(progress["streams"][0]["streamName"], "users");
    assert_eq!(progress["streams"][0]["recordsCommitted"], 10);
    api.delete(&format!("/jobs/{job}")).await.expect(200);
    assert_eq!(api.config("/connections/sync_progress", &body).await.expect(200), idle);

    let last = api.sync(&connection).await;
    let items = api.config("/connections/last_job_per_stream", &body).await.expect(200);
    assert_eq!(items.as_array().map(Vec::len), Some(1));
    assert_eq!((&items[0]["jobId"], &items[0]["recordsCommitted"]), (&last["jobId"], &json!(10)));
    assert_eq!((&items[0]["jobStatus"], items[0].get("startedAt")), (&json!("succeeded"), None));
    let other = json!({"connectionId": connection, "streams": [{"streamName": "products"}]});
    assert_eq!(api.config("/connections/last_job_per_stream", &other).await.expect(200), json!([]));
}

#[tokio::test]
async fn each_stream_of_each_attempt_has_a_status() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let streams = json!([{"name": "users"}, {"name": "products"}]);
    let connection = api.connect(&source, &destination, streams).await;
    let done = api.sync(&connection).await["jobId"].clone();
    let latest = async || {
        let body = json!({"connectionId": connection});
        let answer = api.config("/stream_statuses/latest_per_run_state", &body).await.expect(200);
        answer["streamStatuses"].as_array().unwrap().clone()
    };
    let statuses = latest().await;
    assert_eq!(statuses.len(), 2);
    for status in &statuses {
        assert_eq!((&status["runState"], &status["jobType"]), (&json!("COMPLETE"), &json!("SYNC")));
        assert_eq!((&status["jobId"], &status["attemptNumber"]), (&done, &json!(0)));
        assert!(status["transitionedAt"].as_i64().unwrap() > 1_000_000_000_000);
    }
    // The newest of each state stays, whatever came after it.
    let reset = json!({"connectionId": connection, "streams": [{"streamName": "users"}]});
    let reset = api.config("/connections/reset/stream", &reset).await.expect(200);
    api.finished(reset["job"]["id"].as_i64().unwrap()).await;
    let statuses = latest().await;
    let of = |stream: &str| statuses.iter().find(|one| one["streamName"] == stream).unwrap();
    assert_eq!((&of("users")["jobType"], &of("products")["jobType"]), (&json!("RESET"), &json!("SYNC")));

    let list = async |extra: Value| {
        let mut body =
            json!({"workspaceId": api.workspace(), "pagination": {"pageSize": 10, "rowOffset": 0}});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        api.config("/stream_statuses/list", &body).await
    };
    for (filter, count) in [
        (json!({}), 3),
        (json!({"jobType": "RESET"}), 1),
        (json!({"jobId": done}), 2),
        (json!({"streamName": "users"}), 2),
        (json!({"connectionId": uuid::Uuid::nil()}), 0),
        (json!({"pagination": {"pageSize": 2, "rowOffset": 2}}), 1),
    ] {
        let found = list(filter.clone()).await.expect(200);
        assert_eq!(found["streamStatuses"].as_array().map(Vec::len), Some(count), "{filter}");
    }
    for wrong in [json!({"pageSize": 0, "rowOffset": 0}), json!({"pageSize": 2, "rowOffset": 3}), json!({})] {
        let refused = list(json!({"pagination": wrong})).await.expect(400);
        assert!(refused["message"].is_string() && refused["errorId"].is_string(), "{refused}");
    }
}

#[tokio::test]
async fn streams_that_were_cut_short_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(0.0005)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10})).await;
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "/local/d.db"})).await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    std::fs::create_dir_all(folder.path().join("local")).unwrap();
    let database = rusqlite::Connection::open(folder.path().join("local/d.db")).unwrap();
    database.execute_batch("create view _airbyte_raw_users as select 1").unwrap();
    let failed = api.start_sync(&connection).await;
    assert_eq!(api.finished(failed).await["status"], "failed");
    let body = json!({"connectionId": connection});
    let latest = api.config("/stream_statuses/latest_per_run_state", &body).await.expect(200);
    let status = &latest["streamStatuses"][0];
    assert_eq!(
        (&status["runState"], &status["incompleteRunCause"]),
        (&json!("INCOMPLETE"), &json!("FAILED"))
    );
    assert_eq!(status["attemptNumber"], 4, "the newest attempt");
    let health = api.config("/connections/status", &json!({"connectionIds": [connection]})).await.expect(200);
    assert_eq!(health[0]["connectionSyncStatus"], "incomplete");
    assert_eq!(health[0]["failureReason"]["failureOrigin"], "destination");
}

#[tokio::test]
async fn a_jobs_debug_information_names_its_connectors() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await["jobId"].clone();
    let info = api.config("/jobs/get_debug_info", &json!({"id": job})).await.expect(200);
    assert_eq!(info["job"]["sourceDefinition"]["dockerRepository"], "airbyte/source-faker");
    assert_eq!(info["job"]["destinationDefinition"]["dockerRepository"], "airbyte/destination-dev-null");
    assert_eq!((&info["job"]["id"], &info["workflowState"]), (&job, &json!({"running": false})));
    assert!(info["attempts"][0]["logs"]["events"].is_array());
}

#[tokio::test]
async fn the_config_api_lists_updates_and_deletes_connections() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Cloud).time_scale(FAST)).await;
    let (kept, gone) = (api.small_connection().await, api.small_connection().await);
    let gone = json!({"connectionId": gone});
    assert_eq!(api.config("/connections/delete", &gone).await.status, 204);
    assert_eq!(api.config("/connections/get", &gone).await.expect(200)["status"], "deprecated");
    let changes = json!({"connectionId": kept, "name": "Kept", "status": "inactive", "prefix": null});
    let changed = api.config("/connections/update", &changes).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["status"], &changed["prefix"]),
        (&json!("Kept"), &json!("inactive"), &json!(""))
    );
    let listed = api.config("/connections/list", &json!({"workspaceId": api.workspace()})).await.expect(200);
    assert_eq!(listed["connections"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["connections"][0]["name"], "Kept");
    api.config("/connections/list", &json!({"workspaceId": uuid::Uuid::nil()})).await.expect(403);
}
