//! Connections: defaults, checks of streams and schedules, changes.

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use crate::support::{Api, FAST, id};

async fn parts(api: &Api) -> (String, String) {
    (api.source(json!({"sourceType": "faker", "count": 10})).await, api.dev_null().await)
}

#[tokio::test]
async fn what_is_not_given_gets_the_public_defaults() {
    let api = Api::start(Seed::Empty).await;
    let (source, destination) = parts(&api).await;
    let body = json!({"sourceId": source, "destinationId": destination});
    let made = api.post("/connections", &body).await.expect(200);
    assert_eq!(made["name"], "Source <> Nowhere");
    assert_eq!(made["status"], "active");
    assert_eq!(made["namespaceDefinition"], "destination");
    assert_eq!(made["nonBreakingSchemaUpdatesBehavior"], "ignore");
    assert_eq!(made["prefix"], "");
    assert_eq!(made["schedule"], json!({"scheduleType": "manual"}));
    assert_eq!(made["tags"], json!([]));
    assert_eq!(
        made["configurations"]["streams"],
        json!([]),
        "a source of three streams selects none by itself"
    );
    for absent in ["statusReason", "namespaceFormat"] {
        assert_eq!(made.get(absent), None);
    }
    let read = api.get(&format!("/connections/{}", id(&made, "connectionId"))).await.expect(200);
    assert_eq!(read, made);
}

#[tokio::test]
async fn a_null_in_the_place_of_a_default_is_refused() {
    for (faithful, status) in [(false, 400), (true, 500)] {
        let builder = Sandbox::builder().seed(Seed::Empty).time_scale(FAST).faithful_5xx(faithful);
        let api = Api::of(builder).await;
        let (source, destination) = parts(&api).await;
        for name in ["namespaceDefinition", "nonBreakingSchemaUpdatesBehavior"] {
            let body = json!({"sourceId": source, "destinationId": destination, name: null});
            let refused = api.post("/connections", &body).await.expect(status);
            assert!(refused["errorId"].is_string(), "{name}: {refused}");
        }
        let body = json!({"sourceId": source, "destinationId": destination, "prefix": null});
        api.post("/connections", &body).await.expect(200);
    }
}

#[tokio::test]
async fn streams_are_checked_against_what_the_source_has() {
    let api = Api::start(Seed::Empty).await;
    let (source, destination) = parts(&api).await;
    for (stream, told) in [
        (json!([{"name": "nobody"}]), "No streams found with name [nobody]"),
        (json!([{"name": "users"}, {"name": "users"}]), "users"),
        (
            json!([{"name": "users", "syncMode": "incremental_update"}]),
            "Cannot set sync mode to incremental_update",
        ),
        (
            json!([{"name": "users", "syncMode": "incremental_append", "cursorField": ["age"]}]),
            "is already defined by source",
        ),
        (
            json!([{"name": "users", "syncMode": "incremental_deduped_history", "primaryKey": [["email"]]}]),
            "already pre-defined",
        ),
        (json!([{"name": "users", "selectedFields": []}]), "No fields selected"),
        (json!([{"name": "users", "selectedFields": [{"fieldPath": ["x"]}]}]), "Invalid fields selected"),
        (json!([{"name": "users", "selectedFields": [{"fieldPath": ["a", "b"]}]}]), "Nested field selection"),
        (
            json!([{
                "name": "users", "syncMode": "incremental_append", "selectedFields": [{"fieldPath": ["id"]}]
            }]),
            "updated_at",
        ),
    ] {
        let body =
            json!({"sourceId": source, "destinationId": destination, "configurations": {"streams": stream}});
        let refused = api.post("/connections", &body).await.expect(400);
        assert!(
            refused["data"]["message"].as_str().unwrap_or_default().contains(told),
            "{stream}: {refused}"
        );
    }
    assert_eq!(api.get("/connections").await.expect(200)["data"], json!([]), "nothing was made");
}

#[tokio::test]
async fn sides_of_two_workspaces_are_a_failure_that_says_nothing() {
    let api = Api::start(Seed::Empty).await;
    let (source, _) = parts(&api).await;
    let other = api.post("/workspaces", &json!({"name": "Other"})).await.expect(200);
    let destination = json!({
        "name": "There", "workspaceId": other["workspaceId"],
        "configuration": {"destinationType": "sqlite", "destination_path": "d.db"},
    });
    let destination = api.post("/destinations", &destination).await.expect(200);
    let body = json!({"sourceId": source, "destinationId": destination["destinationId"]});
    let refused = api.post("/connections", &body).await.expect(500);
    assert_eq!((&refused["title"], refused.get("data")), (&json!("unexpected-problem"), Some(&Value::Null)));
}

#[tokio::test]
async fn a_stream_reads_back_with_the_cursor_and_key_of_its_source() {
    let api = Api::start(Seed::Empty).await;
    let (source, destination) = parts(&api).await;
    let wanted = json!([{"name": "users", "namespace": "ignored", "syncMode": "incremental_append"}]);
    let connection = api.connect(&source, &destination, wanted).await;
    let read = api.get(&format!("/connections/{connection}")).await.expect(200);
    let stream = &read["configurations"]["streams"][0];
    assert_eq!(stream["syncMode"], "incremental_append");
    assert_eq!(stream["cursorField"], json!(["updated_at"]));
    assert_eq!(stream["primaryKey"], json!([["id"]]));
    assert_eq!(stream["selectedFields"], json!([]), "selection is off");
    assert_eq!(stream["mappers"], json!([]));
    assert_eq!(stream.get("namespace"), None);
    // What was read cannot be sent back: no fields are selected.
    let body = json!({"configurations": read["configurations"]});
    api.patch(&format!("/connections/{connection}"), &body).await.expect(400);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    let before = api.get(&path).await.expect(200);
    let unchanged =
        api.patch(&path, &json!({"configurations": {"streams": []}, "name": null})).await.expect(200);
    assert_eq!(unchanged, before);
    let change = json!({
        "name": "New", "prefix": "p_", "status": "inactive", "namespaceDefinition": "custom_format", "namespaceFormat": "n",
        "configurations": {"streams": [{"name": "products"}]}
    });
    let changed = api.patch(&path, &change).await.expect(200);
    assert_eq!((&changed["name"], &changed["prefix"]), (&json!("New"), &json!("p_")));
    assert_eq!((&changed["status"], &changed["namespaceFormat"]), (&json!("inactive"), &json!("n")));
    let names = |info: &Value| {
        info["configurations"]["streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&changed), ["products"], "the list replaces the selection");
}

#[tokio::test]
async fn schedules_are_quartz_and_read_back_with_their_zone() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    let set = async |schedule: Value| api.patch(&path, &json!({"schedule": schedule})).await;
    for sent in ["0 0 12 * * ?", "0 0 12 * * ? UTC"] {
        let read = set(json!({"scheduleType": "cron", "cronExpression": sent})).await.expect(200);
        assert_eq!(read["schedule"], json!({"scheduleType": "cron", "cronExpression": "0 0 12 * * ? UTC"}));
    }
    for refused in ["0 12 * * *", "* 0 12 * * ?", "0 * 12 * * ? 2030", "0 0 12 * * *", "noon"] {
        set(json!({"scheduleType": "cron", "cronExpression": refused})).await.expect(400);
    }
    set(json!({"scheduleType": "cron"})).await.expect(400);
    set(json!({"scheduleType": "basic"})).await.expect(400);
    assert_eq!(
        set(json!({"scheduleType": "manual"})).await.expect(200)["schedule"],
        json!({"scheduleType": "manual"})
    );
}

#[tokio::test]
async fn a_deleted_connection_stays_readable() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await["jobId"].clone();
    let path = format!("/connections/{connection}");
    for _ in 0..2 {
        assert_eq!(api.delete(&path).await.status, 204);
    }
    assert_eq!(api.get(&path).await.expect(200)["status"], "deprecated");
    let jobs = api.get("/jobs").await.expect(200);
    assert_eq!(jobs["data"][0]["jobId"], job, "its jobs are still listed");
    let again = api.post("/jobs", &json!({"connectionId": connection, "jobType": "sync"})).await.expect(409);
    assert!(again["type"].as_str().unwrap().contains("409"), "{again}");
}

#[tokio::test]
async fn streams_are_a_bare_list_with_paths_and_modes() {
    let api = Api::start(Seed::Empty).await;
    let (source, destination) = parts(&api).await;
    let alone = api.get(&format!("/streams?sourceId={source}")).await.expect(200);
    let streams = alone.as_array().unwrap();
    assert_eq!(
        streams.iter().map(|s| id(s, "streamName")).collect::<Vec<_>>(),
        ["users", "products", "purchases"]
    );
    assert_eq!(streams[0].get("syncModes"), None);
    assert_eq!(streams[0]["sourceDefinedCursorField"], true);
    let paths = streams[0]["propertyFields"].as_array().unwrap();
    assert!(paths.contains(&json!(["address"])) && paths.contains(&json!(["address", "city"])), "{paths:?}");
    let both = api.get(&format!("/streams?sourceId={source}&destinationId={destination}")).await.expect(200);
    let modes = both[0]["syncModes"].as_array().unwrap();
    assert!(modes.contains(&json!("full_refresh_overwrite")) && modes.contains(&json!("incremental_append")));
    assert!(!modes.contains(&json!("full_refresh_overwrite_deduped")));
    api.get("/streams").await.expect(400);
}

#[tokio::test]
async fn the_web_back_end_shows_schemas_of_streams_that_are_not_selected_too() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let read =
        api.config("/web_backend/connections/get", &json!({"connectionId": connection})).await.expect(200);
    let streams = read["syncCatalog"]["streams"].as_array().unwrap();
    let selected: Vec<_> =
        streams.iter().map(|s| (id(&s["stream"], "name"), s["config"]["selected"].clone())).collect();
    assert_eq!(
        selected,
        [
            ("users".into(), json!(true)),
            ("products".into(), json!(false)),
            ("purchases".into(), json!(false))
        ]
    );
    let properties = &streams[0]["stream"]["jsonSchema"]["properties"];
    assert_eq!(properties["address"]["properties"]["city"]["type"], "string");
    assert!(properties["created_at"].to_string().contains("timestamp_with_timezone"));
}

#[tokio::test]
async fn a_locked_connection_can_neither_be_changed_nor_synced() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    let locked = api.patch(&path, &json!({"status": "locked"})).await.expect(200);
    assert_eq!((&locked["status"], locked.get("statusReason")), (&json!("locked"), None));
    let refused = api.patch(&path, &json!({"status": "active"})).await.expect(409);
    assert_eq!(refused["type"], "error:connection/locked");
    assert_eq!(refused["data"]["statusReason"], Value::Null);
    let sync = json!({"connectionId": connection, "jobType": "sync"});
    assert_eq!(api.post("/jobs", &sync).await.expect(409)["title"], "state-conflict");
    assert_eq!(api.get(&path).await.expect(200)["status"], "locked");
}

#[tokio::test]
async fn a_connection_that_was_set_deprecated_is_hidden_but_not_dead() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    api.patch(&path, &json!({"status": "deprecated"})).await.expect(200);
    let listed = async |query: &str| {
        let answer = api.get(&format!("/connections{query}")).await.expect(200);
        answer["data"].as_array().map(Vec::len)
    };
    assert_eq!((listed("").await, listed("?includeDeleted=true").await), (Some(0), Some(1)));
    let sync = json!({"connectionId": connection, "jobType": "sync"});
    assert_eq!(api.post("/jobs", &sync).await.expect(409)["title"], "state-conflict");
    api.patch(&path, &json!({"status": "active"})).await.expect(200);
    api.sync(&connection).await;
}
