//! The state of a connection, read and written over the Config API.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};

use crate::support::{Api, FAST};

impl Api {
    async fn state(&self, connection: &str) -> Value {
        self.config("/state/get", &json!({"connectionId": connection})).await.expect(200)
    }

    async fn write_state(&self, connection: &str, state: &Value, status: u16) -> Value {
        let body = json!({"connectionId": connection, "connectionState": state});
        self.config("/state/create_or_update_safe", &body).await.expect(status)
    }
}

fn stream(connection: &str, states: &Value) -> Value {
    json!({"stateType": "stream", "connectionId": connection, "streamState": states})
}

#[tokio::test]
async fn a_state_is_given_back_as_it_was_stored_and_upserted_by_stream() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    assert_eq!(api.state(&connection).await, json!({"stateType": "not_set", "connectionId": connection}));
    let odd = json!({"z": 1, "a": [null, 1.50], "nested": {"cursor": null}});
    let users = json!({"streamDescriptor": {"name": "users"}, "streamState": odd});
    let elsewhere =
        json!({"streamDescriptor": {"name": "users", "namespace": "crm"}, "streamState": {"n": 1}});
    let both = stream(&connection, &json!([users, elsewhere]));
    assert_eq!(api.write_state(&connection, &both, 200).await, both);
    assert_eq!(api.state(&connection).await, both);

    let newer = json!({"streamDescriptor": {"name": "users", "namespace": "crm"}, "streamState": {"n": 2}});
    api.write_state(&connection, &stream(&connection, &json!([newer])), 200).await;
    assert_eq!(api.state(&connection).await, stream(&connection, &json!([users, newer])));

    let gone = json!({"streamDescriptor": {"name": "users"}, "streamState": null});
    api.write_state(&connection, &stream(&connection, &json!([gone])), 200).await;
    assert_eq!(api.state(&connection).await, stream(&connection, &json!([newer])));
}

#[tokio::test]
async fn only_the_oldest_form_can_become_another() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let legacy = json!({"stateType": "legacy", "connectionId": connection, "state": {"cdc": false}});
    let global = json!({
        "stateType": "global", "connectionId": connection,
        "globalState": {
            "shared_state": {"lsn": 42},
            "streamStates": [{"streamDescriptor": {"name": "users"}, "streamState": {"at": 1}}],
        },
    });
    assert_eq!(api.write_state(&connection, &legacy, 200).await, legacy);
    assert_eq!(api.write_state(&connection, &global, 200).await, global);
    assert_eq!(api.state(&connection).await, global);
    for other in [&legacy, &stream(&connection, &json!([]))] {
        api.write_state(&connection, other, 500).await;
    }
    assert_eq!(api.state(&connection).await, global);

    // A reset forgets what the streams share together with the last of them.
    let reset = api.post("/jobs", &json!({"connectionId": connection, "jobType": "reset"})).await.expect(200);
    api.finished(reset["jobId"].as_i64().unwrap()).await;
    assert_eq!(api.state(&connection).await["stateType"], "not_set");
}

#[tokio::test]
async fn a_sync_goes_on_from_a_state_that_was_written() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let streams = json!([{"name": "users", "syncMode": "incremental_append"}]);
    let connection = api.connect(&source, &destination, streams).await;
    assert_eq!(api.sync(&connection).await["rowsSynced"], 10);
    let kept = api.state(&connection).await;
    assert_eq!(kept["streamState"][0]["streamDescriptor"], json!({"name": "users"}));
    assert_eq!(api.sync(&connection).await["rowsSynced"], 0);

    let rewound = json!([{"streamDescriptor": {"name": "users"}, "streamState": {"cursor": "1900-01-01"}}]);
    api.write_state(&connection, &stream(&connection, &rewound), 200).await;
    assert_eq!(api.sync(&connection).await["rowsSynced"], 10);
    assert_eq!(api.state(&connection).await, kept);
}

#[tokio::test]
async fn a_running_sync_blocks_the_safe_write_and_a_reset_does_not() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    api.fault("slow-job=5m").await;
    let job = api.start_sync(&connection).await;
    let state =
        stream(&connection, &json!([{"streamDescriptor": {"name": "users"}, "streamState": {"n": 1}}]));
    let refused = api.write_state(&connection, &state, 423).await;
    assert!(refused["message"].as_str().unwrap().contains("while a sync"), "{refused}");
    assert!(refused["errorId"].is_string());
    let body = json!({"connectionId": connection, "connectionState": state});
    api.config("/state/create_or_update", &body).await.expect(200);

    let reset = api.post("/jobs", &json!({"connectionId": connection, "jobType": "reset"})).await.expect(200);
    assert_eq!(api.finished(job).await["status"], "cancelled");
    api.until(reset["jobId"].as_i64().unwrap(), &["running"]).await;
    api.write_state(&connection, &state, 200).await;
}

#[tokio::test]
async fn the_unsafe_write_is_for_administrators() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Cloud).time_scale(FAST)).await;
    let connection = api.small_connection().await;
    let body = json!({"connectionId": connection, "connectionState": stream(&connection, &json!([]))});
    api.config("/state/create_or_update", &body).await.expect(403);
    api.config("/state/create_or_update_safe", &body).await.expect(200);
}
