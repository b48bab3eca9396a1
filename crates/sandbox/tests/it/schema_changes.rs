//! What happens when a source offers something else than before, and changes of a connection's streams.

use std::path::Path;

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use crate::support::{Api, FAST, id};

/// A sandbox that reads files in this folder, with a connection of `people.csv` into nowhere.
async fn people(folder: &Path, mode: &Value) -> (Api, String) {
    write(folder, "id,name\n1,Ada\n");
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).files_root(folder).time_scale(FAST)).await;
    let source = api
        .source(json!({
            "sourceType": "file", "dataset_name": "people", "format": "csv", "url": "people.csv",
            "provider": {"storage": "local"},
        }))
        .await;
    let destination = api.dev_null().await;
    let connection = api.connect(&source, &destination, json!([mode])).await;
    (api, connection)
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("people.csv"), text).unwrap();
}

fn overwrite() -> Value {
    json!({"name": "people"})
}

fn keyed() -> Value {
    json!({"name": "people", "syncMode": "full_refresh_overwrite_deduped", "primaryKey": [["id"]]})
}

impl Api {
    async fn web_backend(&self, connection: &str, refreshed: bool) -> Value {
        let body = json!({"connectionId": connection, "withRefreshedCatalog": refreshed});
        self.config("/web_backend/connections/get", &body).await.expect(200)
    }

    async fn update(&self, body: &Value) -> Value {
        self.config("/web_backend/connections/update", body).await.expect(200)
    }

    async fn newest_job(&self) -> Value {
        self.get("/jobs?orderBy=createdAt%7CDESC&limit=1").await.expect(200)["data"][0].clone()
    }
}

fn fields(stream: &Value) -> Vec<&String> {
    stream["stream"]["jsonSchema"]["properties"].as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn a_new_column_shows_once_the_source_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (api, connection) = people(folder.path(), &overwrite()).await;
    let first = api.web_backend(&connection, false).await;
    assert_eq!(first["schemaChange"], "no_change");
    write(folder.path(), "id,name,born\none,Ada,1815\n");
    let unasked = api.web_backend(&connection, false).await;
    assert_eq!(fields(&unasked["syncCatalog"]["streams"][0]), ["id", "name"]);
    assert_eq!(unasked.get("catalogDiff"), None);

    let asked = api.web_backend(&connection, true).await;
    assert_eq!(fields(&asked["syncCatalog"]["streams"][0]), ["id", "name", "born"]);
    assert_eq!(asked["schemaChange"], "non_breaking");
    assert_ne!(asked["catalogId"], first["catalogId"]);
    let transforms = &asked["catalogDiff"]["transforms"];
    assert_eq!(transforms[0]["transformType"], "update_stream");
    let changed = transforms[0]["updateStream"]["fieldTransforms"].as_array().unwrap();
    let kinds: Vec<_> =
        changed.iter().map(|one| (&one["transformType"], &one["fieldName"][0], &one["breaking"])).collect();
    assert_eq!(
        kinds,
        [
            (&json!("update_field_schema"), &json!("id"), &json!(false)),
            (&json!("add_field"), &json!("born"), &json!(false)),
        ]
    );
    // It stays a change until the catalog is taken.
    assert_eq!(api.web_backend(&connection, false).await["schemaChange"], "non_breaking");
    let taken = json!({
        "connectionId": connection, "syncCatalog": asked["syncCatalog"], "sourceCatalogId": asked["catalogId"],
        "skipReset": true,
    });
    let taken = api.update(&taken).await;
    assert_eq!((&taken["schemaChange"], &taken["catalogId"]), (&json!("no_change"), &asked["catalogId"]));
    assert_eq!(api.newest_job().await, Value::Null, "skipReset starts nothing");
}

#[tokio::test]
async fn a_lost_key_breaks_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (api, connection) = people(folder.path(), &keyed()).await;
    write(folder.path(), "name\nAda\n");
    let asked = api.web_backend(&connection, true).await;
    assert_eq!((&asked["schemaChange"], &asked["status"]), (&json!("breaking"), &json!("inactive")));
    let read = api.config("/connections/get", &json!({"connectionId": connection})).await.expect(200);
    assert_eq!(read["breakingChange"], true);
    let status = api.config("/connections/status", &json!({"connectionIds": [connection]})).await.expect(200);
    assert_eq!(status[0]["connectionSyncStatus"], "failed");
    // Choosing the streams anew mends it; it stays switched off.
    let streams = json!({"configurations": {"streams": [overwrite()]}});
    api.patch(&format!("/connections/{connection}"), &streams).await.expect(200);
    let mended = api.web_backend(&connection, false).await;
    assert_eq!((&mended["schemaChange"], &mended["status"]), (&json!("no_change"), &json!("inactive")));
}

#[tokio::test]
async fn a_lost_key_fails_the_sync_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let (api, connection) = people(folder.path(), &keyed()).await;
    api.sync(&connection).await;
    write(folder.path(), "name\nAda\n");
    let failures = api.failing_sync(&connection).await;
    assert_eq!(
        (&failures[0]["failureOrigin"], &failures[0]["failureType"]),
        (&json!("source"), &json!("config_error"))
    );
    let told = failures[0]["externalMessage"].as_str().unwrap();
    assert!(told.contains("`id`") && told.contains("key of the stream `people`"), "{told}");
    // What no mode needs may go.
    let streams = json!({"configurations": {"streams": [overwrite()]}});
    api.patch(&format!("/connections/{connection}"), &streams).await.expect(200);
    api.sync(&connection).await;
}

#[tokio::test]
async fn a_connection_that_wants_no_changes_is_switched_off_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (api, connection) = people(folder.path(), &overwrite()).await;
    let path = format!("/connections/{connection}");
    api.patch(&path, &json!({"nonBreakingSchemaUpdatesBehavior": "disable_connection"})).await.expect(200);
    assert_eq!(api.web_backend(&connection, true).await["status"], "active");
    write(folder.path(), "id,name,born\n1,Ada,1815\n");
    assert_eq!(api.web_backend(&connection, true).await["status"], "inactive");
}

#[tokio::test]
async fn a_discovery_for_a_connection_follows_its_preference() {
    let folder = tempfile::tempdir().unwrap();
    let (api, connection) = people(folder.path(), &overwrite()).await;
    let path = format!("/connections/{connection}");
    let source = id(&api.get(&path).await.expect(200), "sourceId");
    let alone = api.config("/sources/discover_schema", &json!({"sourceId": source})).await.expect(200);
    assert_eq!(fields(&alone["catalog"]["streams"][0]), ["id", "name"]);
    assert_eq!(alone["jobInfo"]["succeeded"], true);

    // Another name of the data set: one stream goes, another comes.
    api.patch(&path, &json!({"nonBreakingSchemaUpdatesBehavior": "propagate_fully"})).await.expect(200);
    let renamed = json!({"configuration": {"dataset_name": "folk"}});
    api.patch(&format!("/sources/{source}"), &renamed).await.expect(200);
    let body = json!({"sourceId": source, "connectionId": connection, "disable_cache": true});
    let found = api.config("/sources/discover_schema", &body).await.expect(200);
    let kinds: Vec<_> = found["catalogDiff"]["transforms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["transformType"].as_str().unwrap(), one["streamDescriptor"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(kinds, [("remove_stream", "people"), ("add_stream", "folk")]);
    assert_eq!((&found["breakingChange"], &found["connectionStatus"]), (&json!(false), &json!("active")));
    let streams = api.get(&path).await.expect(200)["configurations"]["streams"].clone();
    assert_eq!((&streams[0]["name"], streams.as_array().unwrap().len()), (&json!("folk"), 1));

    // A source that cannot be asked is a good answer without a catalog.
    std::fs::remove_file(folder.path().join("people.csv")).unwrap();
    let failed = api.config("/sources/discover_schema", &body).await.expect(200);
    assert_eq!((failed.get("catalog"), &failed["jobInfo"]["succeeded"]), (None, &json!(false)));
    assert!(failed["jobInfo"]["failureReason"]["externalMessage"].as_str().unwrap().contains("people.csv"));
}

#[tokio::test]
async fn what_is_not_selected_is_shown_with_the_configuration_it_would_get() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let shown = api.web_backend(&connection, false).await;
    let streams = shown["syncCatalog"]["streams"].as_array().unwrap();
    let selected: Vec<_> = streams
        .iter()
        .map(|one| {
            let config = &one["config"];
            (config["selected"].as_bool().unwrap(), config["destinationSyncMode"].as_str().unwrap())
        })
        .collect();
    assert_eq!(selected.len(), 3);
    assert!(
        selected.contains(&(true, "overwrite")) && selected.contains(&(false, "append_dedup")),
        "{selected:?}"
    );
}

#[tokio::test]
async fn an_update_that_changes_streams_has_their_data_read_again() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    api.sync(&connection).await;
    let mut catalog = api.web_backend(&connection, false).await["syncCatalog"].clone();
    // Nothing changes, nothing runs.
    let newest = api.newest_job().await["jobId"].clone();
    api.update(&json!({"connectionId": connection, "syncCatalog": catalog, "name": "Renamed"})).await;
    assert_eq!(api.newest_job().await["jobId"], newest);

    for stream in catalog["streams"].as_array_mut().unwrap() {
        if stream["stream"]["name"] == "users" {
            stream["config"]["syncMode"] = json!("incremental");
            stream["config"]["destinationSyncMode"] = json!("append");
        }
    }
    let updated = api
        .update(&json!({
            "connectionId": connection, "syncCatalog": catalog,
            "scheduleType": "basic", "scheduleData": {"basicSchedule": {"units": 24, "timeUnit": "hours"}},
            "nonBreakingChangesPreference": "propagate_columns", "prefix": "p_", "namespaceDefinition": "customformat",
            "namespaceFormat": "x_${SOURCE_NAMESPACE}",
        }))
        .await;
    assert_eq!(updated["name"], "Renamed");
    let refresh = api.newest_job().await;
    assert_eq!(refresh["jobType"], "refresh");
    assert_eq!(api.finished(refresh["jobId"].as_i64().unwrap()).await["status"], "succeeded");
    let public = api.get(&format!("/connections/{connection}")).await.expect(200);
    assert_eq!(public["configurations"]["streams"][0]["syncMode"], "incremental_append");
    assert_eq!(public["schedule"], json!({"scheduleType": "basic", "basicTiming": "Every 24 HOURS"}));
    assert_eq!(public["namespaceDefinition"], "custom_format");
    assert_eq!(public["nonBreakingSchemaUpdatesBehavior"], "propagate_columns");
    assert_eq!(
        (&public["prefix"], &public["namespaceFormat"]),
        (&json!("p_"), &json!("x_${SOURCE_NAMESPACE}"))
    );

    for wrong in [
        json!({"schedule": {"units": 1, "timeUnit": "hours"}}),
        json!({"scheduleData": {"basicSchedule": {"units": 1, "timeUnit": "hours"}}}),
        json!({"scheduleType": "manual", "scheduleData": {"basicSchedule": {"units": 1, "timeUnit": "hours"}}}),
    ] {
        let mut body = wrong.clone();
        body["connectionId"] = json!(connection);
        api.config("/web_backend/connections/update", &body).await.expect(500);
    }
}

#[tokio::test]
async fn a_destination_without_generations_is_emptied_of_changed_streams() {
    let api = Api::start(Seed::Demo).await;
    let connection = id(&api.get("/connections").await.expect(200)["data"][0], "connectionId");
    let mut catalog = api.web_backend(&connection, false).await["syncCatalog"].clone();
    let chosen = catalog["streams"][0]["stream"]["name"].clone();
    catalog["streams"][0]["config"]["selected"] = json!(false);
    api.update(&json!({"connectionId": connection, "syncCatalog": catalog})).await;
    let reset = api.newest_job().await;
    assert_eq!(reset["jobType"], "reset");
    let info = api.config("/jobs/get_light", &json!({"id": reset["jobId"]})).await.expect(200);
    assert_eq!(info["job"]["resetConfig"]["streamsToReset"], json!([{"name": chosen}]));
}

#[tokio::test]
async fn a_stream_that_is_read_in_another_way_loses_its_state() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let mode = |mode: &str| json!([{"name": "users", "syncMode": mode}]);
    let connection = api.connect(&source, &destination, mode("incremental_append")).await;
    let path = format!("/connections/{connection}");
    let state = async || api.config("/state/get", &json!({"connectionId": connection})).await.expect(200);
    api.sync(&connection).await;
    let same = json!({"configurations": {"streams": mode("incremental_deduped_history")}});
    api.patch(&path, &same).await.expect(200);
    assert_eq!(state().await["stateType"], "stream");
    let other = json!({"configurations": {"streams": mode("full_refresh_append")}});
    api.patch(&path, &other).await.expect(200);
    assert_eq!(state().await["stateType"], "not_set");
}
