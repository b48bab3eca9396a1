//! Workspaces, sources, destinations and organizations.

use airbyte_sandbox::Seed;
use serde_json::{Value, json};

use crate::support::{Api, id};

const MASK: &str = "**********";

fn postgres(password: &str) -> Value {
    json!({
        "destinationType": "postgres", "host": "db.example.com", "port": 5432, "database": "d", "schema": "public",
        "username": "u", "password": password,
        "tunnel_method": {
            "tunnel_method": "SSH_KEY_AUTH", "tunnel_host": "t", "tunnel_port": 22, "tunnel_user": "u", "ssh_key": "KEY"
        },
    })
}

#[tokio::test]
async fn secrets_are_masked_wherever_an_object_is_shown() {
    let api = Api::start(Seed::Empty).await;
    let body =
        json!({"name": "Database", "workspaceId": api.workspace(), "configuration": postgres("hunter2")});
    let created = api.post("/destinations", &body).await;
    let destination = id(&created.expect(200), "destinationId");
    let read = api.get(&format!("/destinations/{destination}")).await;
    let list = api.get("/destinations").await;
    for answer in [&created, &read, &list] {
        assert!(!answer.text.contains("hunter2") && !answer.text.contains("KEY\""), "{}", answer.text);
    }
    let read = read.expect(200);
    assert_eq!(read["configuration"]["password"], MASK);
    assert_eq!(read["configuration"]["tunnel_method"]["ssh_key"], MASK);
    assert_eq!(read["configuration"]["tunnel_method"]["tunnel_host"], "t");
    assert_eq!(
        read["configuration"].get("destinationType"),
        None,
        "the type is not part of the configuration"
    );
    assert_eq!(read["destinationType"], "postgres");
    assert_eq!(read["definitionId"], "25c5221d-dce2-4163-ade9-739ef790f503");
    assert!(read["createdAt"].is_i64());
}

#[tokio::test]
async fn a_patch_merges_and_a_put_replaces() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 5, "seed": 1})).await;
    let path = format!("/sources/{source}");
    let patched =
        api.patch(&path, &json!({"configuration": {"seed": 2, "parallelism": 1}})).await.expect(200);
    assert_eq!(patched["configuration"], json!({"count": 5, "seed": 2, "parallelism": 1}));
    assert_eq!(patched["name"], "Source");
    let renamed = api.patch(&path, &json!({"name": "Renamed"})).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["configuration"]["seed"]), (&json!("Renamed"), &json!(2)));
    let replaced = api.put(&path, &json!({"name": "New", "configuration": {"count": 7}})).await.expect(200);
    assert_eq!(replaced["configuration"], json!({"count": 7}));
    api.put(&path, &json!({"name": "No configuration"})).await.expect(400);
}

#[tokio::test]
async fn a_connector_is_named_by_its_type_or_by_its_definition() {
    let api = Api::start(Seed::Empty).await;
    let create = async |configuration: Value| {
        let body = json!({"name": "x", "workspaceId": api.workspace(), "configuration": configuration});
        api.post("/sources", &body).await
    };
    create(json!({"count": 1})).await.expect(422);
    create(json!({"sourceType": "no-such-connector"})).await.expect(400);
    assert_eq!(
        create(json!({"sourceType": "stripe", "account_id": "a"})).await.expect(200)["sourceType"],
        "stripe"
    );
    let nowhere = api.dev_null().await;
    let read = api.get(&format!("/destinations/{nowhere}")).await.expect(200);
    assert_eq!(read["destinationType"], "", "a connector without a public name");
}

#[tokio::test]
async fn deleting_a_source_deletes_its_connections_and_hides_it_from_lists() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let info = api.get(&format!("/connections/{connection}")).await.expect(200);
    let source = id(&info, "sourceId");
    assert_eq!(api.delete(&format!("/sources/{source}")).await.status, 204);
    let info = api.get(&format!("/connections/{connection}")).await.expect(200);
    assert_eq!(info["status"], "deprecated");
    for path in ["/sources", "/connections"] {
        assert_eq!(api.get(path).await.expect(200)["data"], json!([]), "{path}");
    }
    let with_deleted = api.get("/connections?includeDeleted=true").await.expect(200);
    assert_eq!(with_deleted["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn workspaces_are_made_renamed_and_deleted() {
    let api = Api::start(Seed::Empty).await;
    let made = api.post("/workspaces", &json!({"name": "Second"})).await.expect(200);
    let path = format!("/workspaces/{}", id(&made, "workspaceId"));
    assert_eq!(made.get("organizationId"), None, "the public API never tells the organization");
    let kinds = [
        "failure",
        "success",
        "connectionUpdate",
        "connectionUpdateActionRequired",
        "syncDisabled",
        "syncDisabledWarning",
    ];
    for kind in kinds {
        let notification = &made["notifications"][kind];
        assert_eq!(notification["email"]["enabled"], kind != "success", "{kind}");
        assert_eq!(notification["webhook"]["enabled"], false, "{kind}");
    }
    assert_eq!(api.patch(&path, &json!({"name": "Renamed"})).await.expect(200)["name"], "Renamed");
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().unwrap().len(), 2);
    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.expect(404);
    assert_eq!(api.get("/workspaces").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_config_api_tells_the_organization_of_a_workspace() {
    let api = Api::start(Seed::Empty).await;
    let ready = api.sandbox.ready();
    let organizations = api.get("/organizations").await.expect(200);
    assert_eq!(organizations["data"][0]["organizationId"], ready.organization_id.as_str());
    let asked = json!({"workspaceId": ready.workspace_id});
    let info = api.config("/workspaces/get_organization_info", &asked).await.expect(200);
    assert_eq!(info["organizationId"], ready.organization_id.as_str());
    let workspace = api.config("/workspaces/get", &asked).await.expect(200);
    assert_eq!(workspace["organizationId"], ready.organization_id.as_str());
}

#[tokio::test]
async fn a_check_that_fails_is_a_200_that_says_why() {
    let api = Api::start(Seed::Empty).await;
    let good = api.source(json!({"sourceType": "faker"})).await;
    let checked = api.config("/sources/check_connection", &json!({"sourceId": good})).await.expect(200);
    assert_eq!(checked["status"], "succeeded", "{checked}");
    let body = json!({
        "destinationType": "postgres", "host": "127.0.0.1", "port": 1, "database": "d", "schema": "s", "username": "u",
        "password": "hunter2",
    });
    let bad = api.destination(body).await;
    let checked =
        api.config("/destinations/check_connection", &json!({"destinationId": bad})).await.expect(200);
    assert_eq!(checked["status"], "failed", "{checked}");
    assert!(checked["message"].as_str().is_some_and(|message| !message.is_empty()), "{checked}");
    assert!(!checked.to_string().contains("hunter2"));
}
