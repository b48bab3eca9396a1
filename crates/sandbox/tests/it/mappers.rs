//! Mappers of streams: checked when they are set, applied when rows move, their keys kept.

use airbyte_sandbox::Seed;
use serde_json::{Value, json};

use crate::postgres::Server;
use crate::support::Api;

fn mapper(kind: &str, configuration: Value) -> Value {
    let mut mapper = json!({"type": kind});
    mapper["mapperConfiguration"] = configuration;
    mapper
}

fn encryption(key: &str) -> Value {
    let configuration = json!({
        "algorithm": "AES", "mode": "CBC", "padding": "PKCS5Padding", "key": key, "targetField": "email",
        "fieldNameSuffix": "_sealed",
    });
    mapper("encryption", configuration)
}

fn users(mappers: &Value) -> Value {
    json!({"configurations": {"streams": [{"name": "users", "syncMode": "incremental_append", "mappers": mappers}]}})
}

#[tokio::test]
async fn rows_arrive_as_the_mappers_make_them() {
    let Some(server) = Server::new().await else { return };
    let source = server.api.source(json!({"sourceType": "faker", "count": 10, "seed": 3})).await;
    let destination = server.api.destination(server.configuration()).await;
    let is = |id: &str| json!({"type": "EQUAL", "fieldName": "id", "comparisonValue": id});
    let stream = json!({
        "name": "users", "syncMode": "incremental_deduped_history",
        "selectedFields": (["id", "email", "name", "updated_at"].map(|name| json!({"fieldPath": [name]}))),
        "mappers": [
            mapper("row-filtering", json!({"conditions": {"type": "NOT", "conditions": [is("2"), is("5")]}})),
            mapper("hashing", json!({"targetField": "email", "method": "MD5", "fieldNameSuffix": "_hashed"})),
            mapper("field-renaming", json!({"originalFieldName": "id", "newFieldName": "number"})),
            mapper("field-filtering", json!({"targetField": "name"})),
        ],
    });
    let connection = server.api.connect(&source, &destination, json!([stream])).await;
    assert_eq!(server.api.sync(&connection).await["rowsSynced"], 8);
    let columns: Vec<String> = server.columns("users").await.into_iter().map(|column| column.0).collect();
    assert_eq!(columns[4..], ["number", "updated_at", "email_hashed"]);
    let query = format!("select number, email_hashed from {}.users order by number", server.schema);
    let rows = server.client.query(&query, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [1, 3, 4, 6, 7, 8, 9, 10]);
    assert!(rows.iter().all(|row| row.get::<_, String>(1).len() == 32));
    // The cursor is the source's own, whatever becomes of the field.
    assert_eq!(server.api.sync(&connection).await["rowsSynced"], 0);
}

#[tokio::test]
async fn what_does_not_fit_the_stream_is_refused_with_its_reason() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let hashing = |field: &str, method: &str| {
        mapper("hashing", json!({"targetField": field, "method": method, "fieldNameSuffix": "_h"}))
    };
    for (unfit, reason) in [
        (hashing("nobody", "MD5"), "nobody"),
        (hashing("email", "MD6"), "do not fit"),
        (mapper("field-filtering", json!({"targetField": "updated_at"})), "cannot do without"),
    ] {
        let body = users(&json!([hashing("name", "SHA-1"), unfit]));
        let problem = api.patch(&format!("/connections/{connection}"), &body).await.expect(400);
        assert_eq!(problem["type"], "error:mapper-validation");
        let [error] = problem["data"]["errors"].as_array().unwrap().as_slice() else { panic!("{problem}") };
        assert_eq!((&error["stream"], &error["mapper"]["type"]), (&json!("users"), &unfit["type"]));
        assert!(error["error"]["message"].as_str().unwrap().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_key_is_masked_kept_and_never_lets_rows_through() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    let stored = api.patch(&path, &users(&json!([encryption("hush")]))).await.expect(200);
    let of = |shown: &Value| shown["configurations"]["streams"][0]["mappers"][0].clone();
    let key = |mapper: &Value| mapper["mapperConfiguration"]["key"].clone();
    let shown = of(&api.get(&path).await.expect(200));
    assert!(shown["id"].is_string() && shown == of(&stored), "{shown}");
    assert_eq!(key(&shown), "**********");
    // What is read can be sent back: the mask stands for the key, which the list shows.
    api.patch(&path, &users(&json!([shown]))).await.expect(200);
    let list = api.get("/connections").await.expect(200);
    assert_eq!(key(&of(&list["data"][0])), "hush");
    let problem = api.patch(&path, &users(&json!([encryption("**********")]))).await.expect(400);
    assert_eq!(problem["type"], "error:mapper-validation/secret-not-found");
    let failures = api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureType"], "config_error");
    assert!(failures[0].to_string().contains("email") && !failures[0].to_string().contains("hush"));
}
