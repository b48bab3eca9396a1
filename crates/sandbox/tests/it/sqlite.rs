//! The whole loop into an embedded database.

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use crate::support::{Api, FAST, id, sqlite_texts};

#[tokio::test]
async fn the_demo_is_ready_to_sync() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Demo).data_dir(folder.path()).time_scale(FAST)).await;
    let names = async |path: &str| {
        let list = api.get(path).await.expect(200);
        let mut names: Vec<_> =
            list["data"].as_array().unwrap().iter().map(|item| id(item, "name")).collect();
        names.sort();
        names
    };
    assert_eq!(names("/sources").await, ["Faker", "File"]);
    assert_eq!(names("/destinations").await, ["Embedded SQLite"]);
    assert!(names("/connections").await.contains(&"Faker to SQLite".to_owned()));
    let list = api.get("/connections").await.expect(200);
    let connection =
        list["data"].as_array().unwrap().iter().find(|item| item["name"] == "Faker to SQLite").unwrap();
    let job = api.sync(&id(connection, "connectionId")).await;
    assert!(job["rowsSynced"].as_i64().unwrap() > 100, "{job}");

    let destination =
        api.get(&format!("/destinations/{}", id(connection, "destinationId"))).await.expect(200);
    let path = id(&destination["configuration"], "destination_path");
    assert!(path.starts_with(folder.path().to_str().unwrap()), "a path that a reader can open: {path}");
    let counted = ["users", "products", "purchases"].map(|stream| {
        let query = format!("select cast(count(*) as text) from _airbyte_raw_{stream}");
        sqlite_texts(path.as_ref(), &query)[0].parse::<i64>().unwrap()
    });
    assert_eq!(counted.iter().sum::<i64>(), job["rowsSynced"].as_i64().unwrap());
}

#[tokio::test]
async fn overwrite_replaces_and_append_adds() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 20, "seed": 4})).await;
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "/local/d.db"})).await;
    let streams = json!([
        {"name": "users", "syncMode": "full_refresh_overwrite"},
        {"name": "products", "syncMode": "full_refresh_append"},
    ]);
    let connection = api.connect(&source, &destination, streams).await;
    let path = folder.path().join("local/d.db");
    let rows = |stream: &str| {
        sqlite_texts(&path, &format!("select _airbyte_data from _airbyte_raw_{stream} order by rowid"))
    };
    api.sync(&connection).await;
    let first = rows("users");
    api.sync(&connection).await;
    assert_eq!(rows("users"), first, "the same rows in the same order");
    assert_eq!((first.len(), rows("products").len()), (20, 200));
    let user: Value = serde_json::from_str(&first[0]).unwrap();
    assert_eq!(user["id"], 1);
    assert!(user["address"]["city"].is_string(), "{user}");
    let ids = sqlite_texts(&path, "select distinct _airbyte_ab_id from _airbyte_raw_products");
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn an_incremental_stream_reads_on_from_its_state_and_a_reset_forgets_it() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 20, "seed": 4})).await;
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "/local/d.db"})).await;
    let connection = api
        .connect(&source, &destination, json!([{"name": "users", "syncMode": "incremental_append"}]))
        .await;
    assert_eq!(api.sync(&connection).await["rowsSynced"], 20);
    let state = api.config("/state/get", &json!({"connectionId": connection})).await.expect(200);
    assert_eq!(state["stateType"], "stream");
    assert_eq!(state["streamState"][0]["streamDescriptor"]["name"], "users");
    assert_eq!(api.sync(&connection).await["rowsSynced"], 0);
    let reset = api.post("/jobs", &json!({"connectionId": connection, "jobType": "reset"})).await.expect(200);
    assert_eq!(api.finished(reset["jobId"].as_i64().unwrap()).await["status"], "succeeded");
    assert_eq!(api.sync(&connection).await["rowsSynced"], 20);
}

#[tokio::test]
async fn a_prefix_and_selected_fields_reach_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 3, "seed": 4})).await;
    let destination = api.destination(json!({"destinationType": "sqlite", "destination_path": "d.db"})).await;
    let body = json!({
        "sourceId": source, "destinationId": destination, "prefix": "raw_",
        "configurations": {"streams": [{"name": "users", "selectedFields": [{"fieldPath": ["id"]}, {"fieldPath": ["name"]}]}]},
    });
    let connection = id(&api.post("/connections", &body).await.expect(200), "connectionId");
    api.sync(&connection).await;
    let rows =
        sqlite_texts(&folder.path().join("local/d.db"), "select _airbyte_data from _airbyte_raw_raw_users");
    let row: Value = serde_json::from_str(&rows[0]).unwrap();
    assert_eq!(row.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "name"]);
}

#[tokio::test]
async fn a_record_without_fields_is_an_empty_object() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(json!({"sourceType": "faker", "count": 2})).await;
    let destination = api.destination(json!({"destinationType": "sqlite", "destination_path": "d.db"})).await;
    let streams = json!([{
        "name": "users", "selectedFields": [{"fieldPath": ["id"]}],
        "mappers": [{"type": "field-filtering", "mapperConfiguration": {"targetField": "id"}}],
    }]);
    let connection = api.connect(&source, &destination, streams).await;
    api.sync(&connection).await;
    let rows =
        sqlite_texts(&folder.path().join("local/d.db"), "select _airbyte_data from _airbyte_raw_users");
    assert_eq!(rows, ["{}", "{}"]);
}
