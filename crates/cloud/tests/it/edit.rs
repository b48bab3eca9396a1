//! Changing a connection: what is sent, and what is refused before anything is sent.

use airbyte_cloud::{
    ConnectionStatus, ErrorKind, Schedule, SchemaUpdates, StreamId, StreamSelection, SyncMode,
};
use serde_json::{Value, json};
use wiremock::Mock;
use wiremock::matchers::{method, path};

use crate::support::{Airbyte, CONNECTION, PUBLIC, connection, connection_id, get, ok, problem};

/// A connection with three streams, as the server shows it.
fn shown() -> Value {
    let mut connection = connection("active");
    connection["configurations"] = json!({ "streams": [
        { "name": "users", "namespace": "a", "syncMode": "incremental_deduped_history", "cursorField": ["at"],
          "primaryKey": [["id"]], "selectedFields": [{ "fieldPath": ["id"] }, { "fieldPath": ["at"] }],
          "mappers": [{ "id": "8f3c0f1d-0000-4000-8000-000000000001", "type": "hashing",
                        "mapperConfiguration": { "targetField": "email", "method": "SHA-256" } }],
          "newMember": { "of": "a later version" } },
        { "name": "users", "namespace": "b", "syncMode": "incremental_append", "cursorField": ["at"],
          "primaryKey": [], "selectedFields": [], "mappers": [] },
        { "name": "orders", "syncMode": "full_refresh_append", "cursorField": [], "primaryKey": [],
          "selectedFields": [], "mappers": [] },
    ] });
    connection
}

async fn airbyte(shown: Vec<Value>) -> Airbyte {
    let airbyte = Airbyte::start().await;
    let answer = ok(shown.last().unwrap().clone());
    airbyte.in_turn(get(&format!("/connections/{CONNECTION}")), shown.into_iter().map(ok).collect()).await;
    Mock::given(method("PATCH"))
        .and(path(format!("{PUBLIC}/connections/{CONNECTION}")))
        .respond_with(answer)
        .mount(&airbyte.server)
        .await;
    airbyte
}

async fn patches(airbyte: &Airbyte) -> Vec<Value> {
    let sent = airbyte.requests("PATCH", &format!("/connections/{CONNECTION}")).await;
    sent.iter().map(|request| request.body_json().unwrap()).collect()
}

#[tokio::test]
async fn kept_streams_keep_everything() {
    let airbyte = airbyte(vec![shown()]).await;
    let connection = airbyte.client().connection(connection_id());
    connection
        .edit()
        .stream(
            StreamSelection::new(StreamId::new("users").in_namespace("b"))
                .sync_mode(SyncMode::FullRefreshAppend),
        )
        .without_stream("orders")
        .stream("carts")
        .await
        .unwrap();
    let streams = shown()["configurations"]["streams"].clone();
    assert_eq!(
        patches(&airbyte).await,
        [json!({ "configurations": { "streams": [
            // Everything, also what this version does not know.
            streams[0],
            // The list of selected fields that the server would refuse is gone.
            { "name": "users", "namespace": "b", "syncMode": "full_refresh_append", "cursorField": ["at"],
              "primaryKey": [], "mappers": [] },
            { "name": "carts" },
        ] } })]
    );
}

#[tokio::test]
async fn the_name_of_an_object_can_be_taken_away_again() {
    let mut named = shown();
    named["configurations"]["streams"][2]["destinationObjectName"] = json!("Order");
    let airbyte = airbyte(vec![named]).await;
    let connection = airbyte.client().connection(connection_id());
    let without = |stream| StreamSelection::new(stream).without_destination_object_name();
    let change = connection.edit().stream(without("orders")).preview().await.unwrap();
    assert_eq!(change.diff().to_string().trim(), r#"- streams.orders.destinationObjectName: "Order""#);
    change.send().await.unwrap();
    let sent = patches(&airbyte).await;
    // The API has no null for it: a stream without the member has no such name.
    assert_eq!(sent.len(), 1);
    let stream = &sent[0]["configurations"]["streams"][2];
    assert!(stream["name"] == "orders" && stream.get("destinationObjectName").is_none(), "{stream}");

    let users = StreamId::new("users").in_namespace("a");
    connection.edit().stream(StreamSelection::new(users).without_destination_object_name()).await.unwrap();
    assert_eq!(patches(&airbyte).await.len(), 1, "where there is none, nothing is sent");
}

#[tokio::test]
async fn only_what_differs_is_sent() {
    let airbyte = airbyte(vec![shown()]).await;
    let connection = airbyte.client().connection(connection_id());
    connection
        .edit()
        .name("Faker to SQLite")
        .enabled(true)
        // The server shows it with its zone.
        .schedule(Schedule::cron("0 0 12 * * ?").unwrap())
        .prefix("shop_")
        .schema_updates(SchemaUpdates::PropagateColumns)
        .await
        .unwrap();
    assert_eq!(
        patches(&airbyte).await,
        [json!({ "prefix": "shop_", "nonBreakingSchemaUpdatesBehavior": "propagate_columns" })]
    );
}

#[tokio::test]
async fn an_edit_that_changes_nothing_sends_nothing() {
    let airbyte = airbyte(vec![shown()]).await;
    let connection = airbyte.client().connection(connection_id());
    let streams = [
        StreamId::from("orders"),
        StreamId::new("users").in_namespace("b"),
        StreamId::new("users").in_namespace("a"),
    ];
    let info = connection.edit().streams(streams).destination_namespace().await.unwrap();
    assert_eq!(info.streams.len(), 3);
    assert_eq!(connection.enable().await.unwrap().status, ConnectionStatus::Active);
    assert!(patches(&airbyte).await.is_empty());
}

#[tokio::test]
async fn a_deleted_connection_is_not_brought_back() {
    let mut deleted = shown();
    deleted["status"] = json!("deprecated");
    let airbyte = airbyte(vec![deleted]).await;
    let connection = airbyte.client().connection(connection_id());
    for outcome in [connection.enable().await, connection.rename("again").await] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(patches(&airbyte).await.is_empty());
}

#[tokio::test]
async fn a_preview_shows_the_difference_and_sends_nothing() {
    let airbyte = airbyte(vec![shown()]).await;
    let change = airbyte
        .client()
        .connection(connection_id())
        .edit()
        .schedule(Schedule::Manual)
        .namespace_format("x_${SOURCE_NAMESPACE}")
        .without_stream("orders")
        .stream(
            StreamSelection::new(StreamId::new("users").in_namespace("a"))
                .all_fields()
                .sync_mode(SyncMode::FullRefreshOverwrite),
        )
        .preview()
        .await
        .unwrap();
    insta::assert_snapshot!(change.diff(), @r#"
    ~ schedule.scheduleType: "cron" -> "manual"
    - schedule.cronExpression: "0 0 12 * * ?"
    ~ namespaceDefinition: "destination" -> "custom_format"
    ~ streams.a.users.syncMode: "incremental_deduped_history" -> "full_refresh_overwrite"
    - streams.a.users.selectedFields: [{"fieldPath":["id"]},{"fieldPath":["at"]}]
    - streams.orders: {"syncMode":"full_refresh_append"}
    + namespaceFormat: "x_${SOURCE_NAMESPACE}"
    "#);
    assert!(patches(&airbyte).await.is_empty());
    change.send().await.unwrap();
    assert_eq!(patches(&airbyte).await.len(), 1);
}

#[tokio::test]
async fn streams_whose_names_look_alike_are_told_apart() {
    let append = |namespace: Option<&str>, name: &str| {
        let mode = SyncMode::FullRefreshAppend;
        json!({ "name": name, "namespace": namespace, "syncMode": mode })
    };
    let mut alike = shown();
    alike["configurations"]["streams"] =
        json!([append(None, "shop.users"), append(Some("shop"), "users"), append(None, "a.b")]);
    let airbyte = airbyte(vec![alike]).await;
    let connection = airbyte.client().connection(connection_id());
    let shop_users = || StreamId::new("users").in_namespace("shop");

    let edit = connection
        .edit()
        .stream(StreamSelection::new("shop.users").sync_mode(SyncMode::FullRefreshOverwrite));
    let change = edit.preview().await.unwrap();
    assert_eq!(
        change.diff().to_string().trim(),
        r#"~ streams."shop.users".syncMode: "full_refresh_append" -> "full_refresh_overwrite""#
    );
    change.send().await.unwrap();
    connection.edit().without_stream(shop_users()).await.unwrap();
    let sent: Vec<Vec<Value>> = patches(&airbyte)
        .await
        .iter()
        .map(|patch| patch["configurations"]["streams"].as_array().unwrap().clone())
        .collect();
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(sent[0][0]["syncMode"], "full_refresh_overwrite");
    assert!(sent[1].iter().all(|stream| stream.get("namespace").is_none()), "{sent:?}");

    // Alone it is called as ever.
    let edit = connection.edit().stream(StreamSelection::new("a.b").sync_mode(SyncMode::IncrementalAppend));
    let diff = edit.preview().await.unwrap().diff().to_string();
    assert!(diff.starts_with("~ streams.a.b.syncMode"), "{diff}");
}

#[tokio::test]
async fn a_stream_can_take_the_place_of_one_whose_name_looks_alike() {
    let mut alone = shown();
    alone["configurations"]["streams"] = json!([{ "name": "shop.users", "syncMode": "full_refresh_append" }]);
    let airbyte = airbyte(vec![alone]).await;
    let other = StreamSelection::new(StreamId::new("users").in_namespace("shop"));
    let edit = airbyte.client().connection(connection_id()).edit();
    edit.streams([other.sync_mode(SyncMode::FullRefreshAppend)]).await.unwrap();
    let stream = json!({ "name": "users", "namespace": "shop", "syncMode": "full_refresh_append" });
    assert_eq!(patches(&airbyte).await, [json!({ "configurations": { "streams": [stream] } })]);
}

#[tokio::test]
async fn a_connection_that_changed_in_between_is_left_alone() {
    let mut later = shown();
    later["prefix"] = json!("other_");
    // The order of the streams is no change.
    later["configurations"]["streams"].as_array_mut().unwrap().reverse();
    let airbyte = airbyte(vec![shown(), later]).await;
    let change = airbyte.client().connection(connection_id()).edit().name("new").preview().await.unwrap();
    let error = change.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(r#"~ prefix: "raw_" -> "other_""#), "{error}");
    assert!(!error.to_string().contains("streams"), "{error}");
    assert!(patches(&airbyte).await.is_empty());
}

#[tokio::test]
async fn what_the_server_would_misunderstand_is_not_sent() {
    let airbyte = airbyte(vec![shown()]).await;
    let connection = airbyte.client().connection(connection_id());
    let none: [StreamId; 0] = [];
    for (what, edit, told) in [
        ("no stream", connection.edit().streams(none), "no stream is left"),
        ("empty name", connection.edit().name(" "), "name"),
        ("unknown stream", connection.edit().without_stream("carts"), "carts"),
        ("two of the name", connection.edit().without_stream("users"), "a.users, b.users"),
        (
            "none left",
            connection
                .edit()
                .without_stream("orders")
                .without_stream(StreamId::new("users").in_namespace("a"))
                .without_stream(StreamId::new("users").in_namespace("b")),
            "no stream is left",
        ),
    ] {
        let error = edit.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what}");
        assert!(error.to_string().contains(told), "{what}: {error}");
        assert!(error.hint().is_some() || what == "empty name", "{what}");
    }
    assert!(patches(&airbyte).await.is_empty());
}

#[tokio::test]
async fn a_mask_or_a_mode_without_a_word_is_never_sent_back() {
    let mut masked = shown();
    masked["configurations"]["streams"][0]["mappers"][0]["mapperConfiguration"]["key"] = json!("**********");
    let mut wordless = shown();
    wordless["configurations"]["streams"][1].as_object_mut().unwrap().remove("syncMode");
    for (shown, told) in [(masked, "mappers.0.mapperConfiguration.key"), (wordless, "no word for")] {
        let airbyte = airbyte(vec![shown]).await;
        let connection = airbyte.client().connection(connection_id());
        let error = connection.edit().without_stream("orders").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(told), "{error}");
        // Streams that are not touched are not sent, so they are in nobody's way.
        connection.rename("new").await.unwrap();
        assert_eq!(patches(&airbyte).await, [json!({ "name": "new" })]);
    }
}

#[tokio::test]
async fn a_locked_connection_is_told_as_such() {
    let airbyte = Airbyte::start().await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(ok(connection("locked")))
        .mount(&airbyte.server)
        .await;
    let mut locked = crate::support::problem_body(409, "x", "no");
    locked["type"] = json!("error:connection/locked");
    Mock::given(method("PATCH"))
        .respond_with(wiremock::ResponseTemplate::new(409).set_body_json(locked))
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().connection(connection_id()).rename("new").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::ConnectionNotActive, Some(409)));
}

#[tokio::test]
async fn a_refusal_of_the_server_names_the_connection() {
    let airbyte = Airbyte::start().await;
    get(&format!("/connections/{CONNECTION}")).respond_with(ok(shown())).mount(&airbyte.server).await;
    Mock::given(method("PATCH"))
        .respond_with(problem(400, "bad-request", "Cannot set sync mode"))
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().connection(connection_id()).rename("new").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(CONNECTION) && error.to_string().contains("Cannot set"), "{error}");
}
