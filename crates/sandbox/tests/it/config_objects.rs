//! Connections, workspaces and permissions that the Config API makes.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::config_conformance::checked;
use crate::conformance::Document;
use crate::support::{Api, id};

async fn start() -> (Api, Document) {
    (Api::start(Seed::Empty).await, Document::open("airbyte-config.yaml", "config.json"))
}

fn names(listed: &Value) -> Vec<String> {
    listed["connections"].as_array().unwrap().iter().map(|one| id(one, "name")).collect()
}

#[tokio::test]
async fn a_connection_is_made_of_a_catalog_with_other_defaults_than_in_public() {
    let (api, mut document) = start().await;
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let found = api.config("/sources/discover_schema", &json!({"sourceId": source})).await.expect(200);
    let mut catalog = found["catalog"].clone();
    catalog["streams"][0]["config"]["selected"] = json!(true);
    let body = json!({
        "sourceId": source, "destinationId": destination, "status": "active", "syncCatalog": catalog,
        "sourceCatalogId": found["catalogId"], "schedule": {"units": 6, "timeUnit": "hours"},
    });
    let made = checked(&api, &mut document, "createConnection", "/connections/create", &body).await;
    assert_eq!(
        (&made["name"], &made["namespaceDefinition"]),
        (&json!("Source <> Nowhere"), &json!("source"))
    );
    assert_eq!((made.get("prefix"), &made["scheduleType"]), (None, &json!("basic")));
    assert_eq!(made["syncCatalog"]["streams"].as_array().map(Vec::len), Some(1));
    let job = api.sync(&id(&made, "connectionId")).await;
    assert!(job["rowsSynced"].as_i64().unwrap() > 0, "{job}");

    let path = "/web_backend/connections/create";
    let empty = json!({"sourceId": source, "destinationId": destination, "status": "inactive"});
    let web = checked(&api, &mut document, "webBackendCreateConnection", path, &empty).await;
    assert!(
        web["syncCatalog"]["streams"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["config"]["selected"] == false)
    );

    let mut twice = body.clone();
    twice["scheduleType"] = json!("manual");
    api.config("/connections/create", &twice).await.expect(422);
    let mut unknown = body.clone();
    unknown["sourceId"] = json!(destination);
    api.config("/connections/create", &unknown).await.expect(404);
    api.config("/connections/create", &json!({"sourceId": source, "destinationId": destination}))
        .await
        .expect(400);
}

#[tokio::test]
async fn what_the_source_defines_goes_where_a_catalog_names_no_cursor_and_no_key() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let found = api.config("/sources/discover_schema", &json!({"sourceId": source})).await.expect(200);
    let stream = json!({
        "stream": found["catalog"]["streams"][0]["stream"],
        "config": {"selected": true, "syncMode": "incremental", "destinationSyncMode": "append_dedup"},
    });
    let body = json!({
        "sourceId": source, "destinationId": destination, "status": "active",
        "syncCatalog": {"streams": [stream]}, "sourceCatalogId": found["catalogId"],
    });
    let made = api.config("/connections/create", &body).await.expect(200);
    let connection = id(&made, "connectionId");
    let public = api.get(&format!("/connections/{connection}")).await.expect(200);
    for shown in [&made["syncCatalog"]["streams"][0]["config"], &public["configurations"]["streams"][0]] {
        assert_eq!(
            (&shown["cursorField"], &shown["primaryKey"]),
            (&json!(["updated_at"]), &json!([["id"]])),
            "{shown}"
        );
    }
    for rows in [10, 0] {
        assert_eq!(api.sync(&connection).await["rowsSynced"], rows);
    }
}

#[tokio::test]
async fn connections_are_listed_for_the_web_in_pages_and_by_filters() {
    let (api, mut document) = start().await;
    let connection = api.small_connection().await;
    let key = api.get(&format!("/connections/{connection}")).await.expect(200);
    for number in 0..3 {
        let body = json!({
            "sourceId": key["sourceId"], "destinationId": key["destinationId"], "status": "inactive",
            "name": format!("Copy {number}"),
        });
        api.config("/connections/create", &body).await.expect(200);
    }
    api.sync(&connection).await;
    let mut list = async |extra: Value| {
        let mut body = json!({"workspaceId": api.workspace()});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let path = "/web_backend/connections/list";
        checked(&api, &mut document, "webBackendListConnectionsForWorkspace", path, &body).await
    };
    let first = list(json!({"pageSize": 2})).await;
    assert_eq!(
        (names(&first), &first["num_connections"]),
        (vec!["Copy 0".to_owned(), "Copy 1".to_owned()], &json!(4))
    );
    let rest = list(json!({"cursor": first["connections"][1]["connectionId"]})).await;
    assert_eq!(names(&rest), ["Copy 2", "Source <> Nowhere"]);
    for (filter, found) in [
        (json!({"searchTerm": "COPY 1"}), vec!["Copy 1"]),
        (json!({"states": ["active"]}), vec!["Source <> Nowhere"]),
        (json!({"statuses": ["paused"], "searchTerm": "2"}), vec!["Copy 2"]),
        (json!({"statuses": ["healthy"]}), vec!["Source <> Nowhere"]),
        (json!({"sourceDefinitionIds": [Uuid::nil()]}), vec![]),
    ] {
        assert_eq!(names(&list(json!({"filters": filter})).await), found, "{filter}");
    }
    let newest = list(json!({"sortKey": "lastSync_desc", "pageSize": 1})).await;
    assert_eq!(newest["connections"][0]["latestSyncJobStatus"], "succeeded");
    assert_eq!(newest["connections"][0]["source"]["sourceName"], "Faker");
}

#[tokio::test]
async fn a_workspace_is_made_in_the_organization_that_is_asked_for() {
    let (api, mut document) = start().await;
    let mut body = json!({"name": "Second", "organizationId": api.sandbox.ready().organization_id});
    let made = checked(&api, &mut document, "createWorkspace", "/workspaces/create", &body).await;
    let key = json!({"workspaceId": made["workspaceId"]});
    body["organizationId"] = Value::Null;
    let refused = api.config("/workspaces/create", &body).await.expect(422);
    assert!(refused["message"].is_string(), "{refused}");
    let rename = json!({"workspaceId": made["workspaceId"], "name": "Renamed"});
    let renamed = checked(&api, &mut document, "updateWorkspace", "/workspaces/update", &rename).await;
    assert_eq!((&renamed["name"], &renamed["organizationId"]), (&json!("Renamed"), &made["organizationId"]));
    checked(&api, &mut document, "deleteWorkspace", "/workspaces/delete", &key).await;
    api.config("/workspaces/get", &key).await.expect(404);

    let connection = json!({"connectionId": api.small_connection().await});
    let path = "/workspaces/get_by_connection_id";
    let found = checked(&api, &mut document, "getWorkspaceByConnectionId", path, &connection).await;
    assert_eq!(found["workspaceId"], api.workspace());
    let source = api.get("/sources").await.expect(200)["data"][0]["sourceId"].clone();
    let path = "/source_definition_specifications/get_for_source";
    let body = json!({"sourceId": source});
    let found = checked(&api, &mut document, "getSpecificationForSourceId", path, &body).await;
    assert!(found["connectionSpecification"]["properties"]["count"].is_object());
}

#[tokio::test]
async fn permissions_are_given_checked_and_taken_away() {
    let (api, mut document) = start().await;
    let ada =
        api.control(reqwest::Method::POST, "users").json(&json!({"name": "Ada", "email": "ada@example.com"}));
    let user = crate::support::answer(ada).await.expect(200)["userId"].clone();
    let question =
        json!({"userId": user, "permissionType": "workspace_reader", "workspaceId": api.workspace()});
    let mut may = async || {
        checked(&api, &mut document, "checkPermissions", "/permissions/check", &question).await["status"]
            .clone()
    };
    assert_eq!(may().await, "failed");
    let give = json!({"userId": user, "permissionType": "workspace_editor", "workspaceId": api.workspace()});
    let given = api.config("/permissions/create", &give).await.expect(200);
    assert_eq!(api.config("/permissions/create", &give).await.expect(200), given, "given twice");
    assert_eq!(may().await, "succeeded");
    let key = json!({"permissionId": given["permissionId"]});
    let lower = json!({"permissionId": given["permissionId"], "permissionType": "workspace_runner"});
    assert_eq!(api.config("/permissions/update", &lower).await.expect(200), Value::Null);
    let read = checked(&api, &mut document, "getPermission", "/permissions/get", &key).await;
    assert_eq!(read["permissionType"], "workspace_runner");
    assert_eq!(api.config("/permissions/delete", &key).await.expect(200), Value::Null);
    api.config("/permissions/get", &key).await.expect(404);
    for wrong in [
        json!({"userId": user, "permissionType": "instance_admin"}),
        json!({"userId": user, "permissionType": "workspace_reader"}),
    ] {
        api.config("/permissions/create", &wrong).await.expect(422);
    }
}

#[tokio::test]
async fn the_last_administrator_of_an_organization_stays() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Cloud)).await;
    let organization = json!({"organizationId": api.sandbox.ready().organization_id});
    let members = api.config("/users/list_by_organization_id", &organization).await.expect(200);
    let key = json!({"permissionId": members["users"][0]["permissionId"]});
    let refused = api.config("/permissions/delete", &key).await.expect(409);
    assert!(refused["message"].is_string() && refused["errorId"].is_string(), "{refused}");
}
