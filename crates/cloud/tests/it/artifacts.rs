//! States and catalogs: what goes out comes back.

use airbyte_cloud::{ErrorKind, SchemaChangeKind};
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
#[tokio::test]
async fn a_catalog_goes_out_and_comes_back() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "catalogs").await;
    let saved = connection.catalog().await.unwrap();
    let names: Vec<_> = saved.streams().iter().map(|it| (it.stream.to_string(), it.selected)).collect();
    assert_eq!(
        names,
        [("users".to_owned(), true), ("products".to_owned(), false), ("purchases".to_owned(), true)]
    );
    let mut changed = saved.clone();
    changed.select("products", true).unwrap();
    changed.select("users", false).unwrap();
    connection.set_catalog(&changed).await.unwrap();
    let streams: Vec<_> = connection.info().await.unwrap().streams.into_iter().map(|it| it.name).collect();
    assert_eq!(streams, ["products", "purchases"]);
    let back = connection.set_catalog(&saved).await.unwrap();
    assert_eq!(sorted(&back.as_json().to_string()), sorted(&saved.as_json().to_string()));
    assert_eq!(connection.jobs().await.unwrap().len(), 0, "no refresh follows");
    sandbox.shutdown().await;
}

/// A connection from a CSV file, and the file's path.
async fn from_file(client: &airbyte_cloud::Client, folder: &std::path::Path) -> airbyte_cloud::Connection {
    std::fs::write(folder.join("things.csv"), "id,name\n1,a\n2,b\n").unwrap();
    let workspace = client.default_workspace().unwrap();
    let file = json!({
        "sourceType": "file", "dataset_name": "things", "format": "csv", "url": "things.csv",
        "provider": { "storage": "local" },
    });
    let source = workspace.create_source("a file", file).await.unwrap();
    let nothing =
        json!({ "destinationType": "dev-null", "test_destination": { "test_destination_type": "SILENT" } });
    let destination = workspace.create_destination("nothing", nothing).await.unwrap();
    workspace.create_connection("a file", source.id(), destination.id()).stream("things").await.unwrap()
}

#[tokio::test]
async fn a_changed_schema_is_told_field_by_field() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client) = start(Sandbox::builder().files_root(folder.path())).await;
    let connection = from_file(&client, folder.path()).await;
    let same = connection.refresh_schema().await.unwrap();
    assert_eq!((same.kind, same.changes.len()), (SchemaChangeKind::NoChange, 0));

    std::fs::write(folder.path().join("things.csv"), "id,price\nx,1.5\n").unwrap();
    let refreshed = connection.refresh_schema().await.unwrap();
    let mut told: Vec<_> = refreshed.changes.iter().map(ToString::to_string).collect();
    told.sort();
    assert_eq!(told, ["+ things: price", "- things: name", "~ things: id has another type"], "{refreshed:?}");
    assert_eq!(refreshed.kind, SchemaChangeKind::NonBreaking);

    connection.set_catalog(&refreshed.catalog).await.unwrap();
    assert_eq!(connection.refresh_schema().await.unwrap().changes.len(), 0);
    sandbox.shutdown().await;
}
