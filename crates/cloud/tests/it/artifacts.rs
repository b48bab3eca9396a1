//! States and catalogs: what goes out comes back.

use airbyte_cloud::ErrorKind;
use airbyte_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::manage::connect;
use crate::sandbox::{demo, fault, start};

/// JSON with its members in order, and streams too.
fn sorted(json: &str) -> String {
    fn sort(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> =
                    members.into_iter().map(|(name, value)| (name, sort(value))).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Object(members.into_iter().collect())
            }
            Value::Array(items) => {
                let mut items: Vec<_> = items.into_iter().map(sort).collect();
                items.sort_by_key(ToString::to_string);
                Value::Array(items)
            }
            other => other,
        }
    }
    sort(serde_json::from_str(json).unwrap()).to_string()
}

#[tokio::test]
async fn a_state_goes_out_and_comes_back() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "states").await;
    assert!(connection.state().await.unwrap().is_not_set());
    connection.sync().await.unwrap().wait().await.unwrap();
    let saved = connection.state().await.unwrap();
    let cursor = saved.stream("purchases").unwrap().unwrap().to_value();

    connection.set_stream_state("purchases", json!({ "cursor": "1999-01-01" })).await.unwrap();
    let read = connection.stream_state("purchases").await.unwrap().unwrap();
    assert_eq!(read.to_value(), json!({ "cursor": "1999-01-01" }));
    connection.set_stream_state("unheard-of", json!({ "x": 1 })).await.unwrap();

    // Replacing is whole: what is not in the saved state is gone.
    let back = connection.set_state(&saved.to_json().parse().unwrap()).await.unwrap();
    assert_eq!(sorted(&back.to_json()), sorted(&saved.to_json()));
    assert_eq!(connection.stream_state("unheard-of").await.unwrap(), None);
    assert_eq!(connection.stream_state("purchases").await.unwrap().unwrap().to_value(), cursor);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_shared_state_of_change_data_capture_survives() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "cdc").await;
    let cdc = json!({
        "stateType": "global",
        "globalState": {
            "shared_state": { "lsn": 9_007_199_254_740_993_i64, "snapshot": [1.5, null, "ü"] },
            "streamStates": [
                { "streamDescriptor": { "name": "users", "namespace": "shop" }, "streamState": { "done": true } },
                { "streamDescriptor": { "name": "users" }, "streamState": {} },
            ],
        },
    });
    let written = connection.set_state(&cdc.to_string().parse().unwrap()).await.unwrap();
    let mut expected = cdc;
    expected["connectionId"] = json!(connection.id());
    assert_eq!(sorted(&written.to_json()), sorted(&expected.to_string()));
    assert_eq!(sorted(&connection.state().await.unwrap().to_json()), sorted(&expected.to_string()));

    let other = r#"{"stateType":"stream","streamState":[]}"#.parse().unwrap();
    assert_eq!(connection.set_state(&other).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_state_is_not_written_during_a_sync() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("slow-job=20s"))).await;
    let connection = demo(&client).await;
    let sync = connection.sync().await.unwrap();
    let error = connection.set_stream_state("users", json!({ "cursor": 1 })).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::AlreadyRunning, Some(423)));
    assert_eq!(error.job_id(), Some(sync.job_id()));
    sync.job().cancel().await.unwrap();
    sandbox.shutdown().await;
}
