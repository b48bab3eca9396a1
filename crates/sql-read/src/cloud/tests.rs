//! Datasets of a connection to a SQLite file, against an API of scripted answers.

use std::path::Path;

use airbyte_cloud::{Client, Connection, SecretString};
use rusqlite::params;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::EnvSecrets;

const ID: &str = "11111111-0000-4000-8000-000000000001";

/// A connection of these streams, each with what the Config API says of it.
async fn connection(file: &Path, streams: &[(&str, Value)]) -> (MockServer, Connection) {
    let server = MockServer::start().await;
    let answer = |verb: &str, place: &str, answer: Value| {
        Mock::given(method(verb))
            .and(path(place.to_owned()))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
    };
    let public = |(name, _): &(&str, Value)| {
        json!({
            "name": name, "syncMode": "incremental_append", "cursorField": ["version"], "primaryKey": [["id"]],
            "selectedFields": [], "mappers": [],
        })
    };
    let public: Vec<Value> = streams.iter().map(public).collect();
    let below = "/api/public/v1";
    let described = json!({
        "connectionId": ID, "name": "c", "sourceId": ID, "destinationId": ID, "workspaceId": ID, "status": "active",
        "schedule": {"scheduleType": "manual"}, "configurations": {"streams": public}, "createdAt": 1, "tags": [],
        "namespaceDefinition": "destination",
    });
    answer("GET", &format!("{below}/connections/{ID}"), described).await;
    let described = json!({
        "destinationId": ID, "name": "d", "destinationType": "sqlite", "workspaceId": ID, "definitionId": ID,
        "configuration": {"destination_path": file}, "createdAt": 1,
    });
    answer("GET", &format!("{below}/destinations/{ID}"), described).await;
    let catalog: Vec<&Value> = streams.iter().map(|(_, of)| of).collect();
    answer("POST", "/api/v1/web_backend/connections/get", json!({"syncCatalog": {"streams": catalog}})).await;
    let client = Client::builder()
        .ignore_environment()
        .api_root(format!("{}{below}", server.uri()))
        .bearer_token(SecretString::from("t"))
        .build()
        .unwrap();
    let connection = client.connection(ID.parse().unwrap());
    (server, connection)
}

/// What the Config API says of a stream.
fn configured(name: &str, mappers: &Value) -> Value {
    json!({
        "stream": {"name": name, "jsonSchema": {"type": "object", "properties": {
            "id": {"type": "integer"}, "version": {"type": "integer"}, "name": {"type": "string"},
        }}},
        "config": {"selected": true, "mappers": mappers},
    })
}

/// A file with the raw table of a stream.
fn file(folder: &Path, stream: &str, records: &[Value]) -> std::path::PathBuf {
    let file = folder.join("out.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    let table = format!("_airbyte_raw_{stream}");
    connection
        .execute_batch(&format!(
            "create table {table} (_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text)"
        ))
        .unwrap();
    for (number, record) in records.iter().enumerate() {
        let row = params![number.to_string(), "2026-01-01", record.to_string()];
        connection.execute(&format!("insert into {table} values (?, ?, ?)"), row).unwrap();
    }
    file
}

#[tokio::test]
async fn records_are_read_by_the_names_that_mappers_have_given_to_their_fields() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        json!({"id_hashed": "c4ca", "edition": 2, "name": "new"}),
        json!({"id_hashed": "c4ca", "edition": 1, "name": "old"}),
    ];
    let file = file(folder.path(), "users", &records);
    let mappers = json!([
        {"type": "hashing", "mapperConfiguration": {"targetField": "id", "method": "MD5", "fieldNameSuffix": "_hashed"}},
        {"type": "field-renaming",
         "mapperConfiguration": {"originalFieldName": "version", "newFieldName": "edition"}},
    ]);
    let (_server, connection) = connection(&file, &[("users", configured("users", &mappers))]).await;
    let users = connection.dataset("users", &EnvSecrets).await.unwrap().without_meta_columns();
    let newest = users.deduplicated().unwrap().head(9).await.unwrap();
    let shown: Vec<String> = newest
        .columns()
        .iter()
        .map(|column| arrow_cast::display::array_value_to_string(column, 0).unwrap())
        .collect();
    assert_eq!((newest.num_rows(), shown), (1, ["c4ca", "2", "new"].map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn records_that_an_unknown_mapper_has_changed_stay_json() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), "users", &[json!({"id": 1})]);
    let mappers = json!([{"type": "shuffling", "mapperConfiguration": {}}]);
    let (_server, connection) = connection(&file, &[("users", configured("users", &mappers))]).await;
    let users = connection.dataset("users", &EnvSecrets).await.unwrap();
    assert!(users.column_names().contains(&"_airbyte_data".to_owned()), "{:?}", users.column_names());
}

#[tokio::test]
async fn a_stream_without_a_table_is_not_given_that_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), "users", &[json!({"id": 1})]);
    let streams = ["users", "Users"].map(|name| (name, configured(name, &json!([]))));
    let (_server, connection) = connection(&file, &streams).await;
    let datasets = connection.datasets(&EnvSecrets).await.unwrap();
    assert_eq!(datasets.dataset("users", None).await.unwrap().count().await.unwrap(), 1);
    let error = datasets.dataset("Users", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound, "{error:?}");
    assert_eq!(datasets.datasets().await.unwrap().len(), 1);
    let there: Vec<bool> =
        datasets.locate().await.unwrap().iter().map(|(_, located)| located.exists).collect();
    assert_eq!(there, [true, false]);
}
