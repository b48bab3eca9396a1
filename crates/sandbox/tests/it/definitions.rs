//! Definitions of connectors: the registry's, images that were added, manifests that were published.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, id};

fn manifest(url: &str) -> Value {
    json!({
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["items"]},
        "streams": [{"type": "DeclarativeStream", "name": "items", "url": url}],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    })
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|one| id(one, "id")).collect()
}

/// A path below the definitions of the sandbox's workspace.
fn below(api: &Api, path: &str) -> String {
    format!("/workspaces/{}/definitions/{path}", api.workspace())
}

/// Makes a source of a definition.
async fn source_of(api: &Api, definition: &str) -> Value {
    let body = json!({
        "name": "Custom", "workspaceId": api.workspace(), "configuration": {"key": 1}, "definitionId": definition,
    });
    api.post("/sources", &body).await.expect(200)
}

#[tokio::test]
async fn a_manifest_is_published_read_replaced_and_deleted() {
    let api = Api::start(Seed::Empty).await;
    let all = below(&api, "declarative_sources");
    let body = json!({"name": "Items", "manifest": manifest("https://one.example")});
    let made = api.post(&all, &body).await.expect(200);
    assert_eq!((&made["name"], &made["version"]), (&json!("Items"), &json!(1)));
    assert_eq!(made["manifest"], manifest("https://one.example"));
    let one = format!("{all}/{}", id(&made, "id"));
    assert_eq!(api.get(&one).await.expect(200), made);
    assert_eq!(api.get(&all).await.expect(200)["data"], json!([made]));

    let replaced = api.put(&one, &json!({"manifest": manifest("https://two.example")})).await.expect(200);
    assert_eq!((&replaced["id"], &replaced["version"]), (&made["id"], &json!(2)));
    let read = api.get(&one).await.expect(200);
    assert_eq!(read["manifest"]["streams"][0]["url"], "https://two.example");

    let again = api.post(&all, &body).await.expect(200);
    assert_ne!(again["id"], made["id"], "names may repeat");
    assert_eq!(api.delete(&one).await.expect(200), read);
    for refused in [api.get(&one).await, api.delete(&one).await, api.put(&one, &body).await] {
        assert_eq!(refused.expect(404)["data"]["resourceType"], "STANDARD_SOURCE_DEFINITION");
    }
    assert_eq!(ids(&api.get(&all).await.expect(200)), [id(&again, "id")]);
}

#[tokio::test]
async fn a_manifest_has_to_specify_the_configuration() {
    let api = Api::start(Seed::Empty).await;
    let all = below(&api, "declarative_sources");
    for manifest in [json!({}), json!({"spec": {}}), json!("type: DeclarativeSource")] {
        api.post(&all, &json!({"name": "n", "manifest": manifest})).await.expect(400);
    }
    api.post(&all, &json!({"manifest": manifest("u")})).await.expect(400);
    assert_eq!(ids(&api.get(&all).await.expect(200)), [""; 0]);
    let faithful = Api::of(Sandbox::builder().seed(Seed::Empty).faithful_5xx(true)).await;
    faithful
        .post(&below(&faithful, "declarative_sources"), &json!({"name": "n", "manifest": {}}))
        .await
        .expect(500);
}

#[tokio::test]
async fn sources_of_a_definition_go_with_it() {
    let api = Api::start(Seed::Empty).await;
    let all = below(&api, "declarative_sources");
    let made = api.post(&all, &json!({"name": "Items", "manifest": manifest("u")})).await.expect(200);
    let definition = id(&made, "id");
    let source = source_of(&api, &definition).await;
    assert_eq!((&source["sourceType"], &source["definitionId"]), (&json!(""), &json!(definition)));
    let checked =
        api.config("/sources/check_connection", &json!({"sourceId": source["sourceId"]})).await.expect(200);
    assert_eq!(
        checked["status"], "failed",
        "such a connector does not run here, and the check says so: {checked}"
    );
    api.delete(&format!("{all}/{definition}")).await.expect(200);
    assert_eq!(api.get("/sources").await.expect(200)["data"], json!([]));
    let body = json!({
        "name": "Late", "workspaceId": api.workspace(), "configuration": {}, "definitionId": definition,
    });
    api.post("/sources", &body).await.expect(404);
}

#[tokio::test]
async fn images_are_added_changed_and_deleted_on_both_sides() {
    let api = Api::start(Seed::Empty).await;
    for (path, of_registry, resource) in [
        ("sources", "dfd88b22-b603-4c3d-aad7-3701784586b1", "STANDARD_SOURCE_DEFINITION"),
        ("destinations", "25c5221d-dce2-4163-ade9-739ef790f503", "STANDARD_DESTINATION_DEFINITION"),
    ] {
        let all = below(&api, path);
        let image = json!({"name": "Mine", "dockerRepository": "me/mine", "dockerImageTag": "1.0"});
        let made = api.post(&all, &image).await.expect(200);
        assert_eq!(made["documentationUrl"], "", "{path}");
        let one = format!("{all}/{}", id(&made, "id"));
        let changed = json!({"name": "Ours", "dockerImageTag": "2.0"});
        let changed = api.put(&one, &changed).await.expect(200);
        assert_eq!(changed["dockerRepository"], "me/mine");
        assert_eq!(api.get(&one).await.expect(200), changed);
        api.put(&one, &json!({"name": "no tag"})).await.expect(400);

        let public = format!("{all}/{of_registry}");
        assert!(
            api.get(&public).await.expect(200)["dockerRepository"].as_str().unwrap().starts_with("airbyte/")
        );
        for refused in
            [api.put(&public, &json!({"name": "n", "dockerImageTag": "t"})).await, api.delete(&public).await]
        {
            assert!(refused.expect(400)["type"].as_str().unwrap().ends_with("#bad-request"));
        }
        let listed = ids(&api.get(&all).await.expect(200));
        assert!(listed.contains(&id(&made, "id")) && listed.contains(&of_registry.to_owned()));
        assert_eq!(api.delete(&one).await.expect(200), changed);
        assert_eq!(api.get(&one).await.expect(404)["data"]["resourceType"], resource);
    }
}

#[tokio::test]
async fn each_kind_of_definition_is_found_in_its_own_list_and_in_the_list_of_all() {
    let api = Api::start(Seed::Empty).await;
    let body = json!({"name": "Items", "manifest": manifest("u")});
    let declarative = id(&api.post(&below(&api, "declarative_sources"), &body).await.expect(200), "id");
    let image = json!({"name": "Mine", "dockerRepository": "me/mine", "dockerImageTag": "1.0"});
    let image = id(&api.post(&below(&api, "sources"), &image).await.expect(200), "id");

    let sources = ids(&api.get(&below(&api, "sources")).await.expect(200));
    assert!(sources.contains(&image) && !sources.contains(&declarative));
    api.get(&below(&api, &format!("sources/{declarative}"))).await.expect(404);
    api.get(&below(&api, &format!("declarative_sources/{image}"))).await.expect(404);

    let every = format!("/connector_definitions?type=source&workspaceId={}", api.workspace());
    let every = api.get(&every).await.expect(200);
    let found = ids(&every);
    assert!(found.contains(&image) && found.contains(&declarative) && found.len() > 290, "{}", found.len());
    assert!(every["data"].as_array().unwrap().iter().all(|one| one["connectorDefinitionType"] == "source"));

    let second = api.post("/workspaces", &json!({"name": "Second"})).await.expect(200);
    let elsewhere = format!("/workspaces/{}/definitions/sources", id(&second, "workspaceId"));
    assert!(!ids(&api.get(&elsewhere).await.expect(200)).contains(&image), "a workspace's own is its own");
    api.get(&format!("{elsewhere}/{image}")).await.expect(404);
}

#[tokio::test]
async fn the_list_of_all_needs_a_type_and_a_workspace() {
    let api = Api::start(Seed::Empty).await;
    api.get(&format!("/connector_definitions?workspaceId={}", api.workspace())).await.expect(400);
    api.get(&format!("/connector_definitions?type=x&workspaceId={}", api.workspace())).await.expect(400);
    api.get("/connector_definitions?type=source").await.expect(400);
    api.get(&format!("/connector_definitions?type=source&workspaceId={}", Uuid::new_v4())).await.expect(404);
    let faithful = Api::of(Sandbox::builder().seed(Seed::Empty).faithful_5xx(true)).await;
    faithful.get("/connector_definitions?type=destination").await.expect(500);
}

#[tokio::test]
async fn cloud_takes_manifests_and_no_images() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Cloud)).await;
    let image = json!({"name": "Mine", "dockerRepository": "me/mine", "dockerImageTag": "1.0"});
    for path in ["sources", "destinations"] {
        api.post(&below(&api, path), &image).await.expect(400);
    }
    let body = json!({"name": "Items", "manifest": manifest("u")});
    api.post(&below(&api, "declarative_sources"), &body).await.expect(200);
    let foreign = format!("/workspaces/{}/definitions/declarative_sources", Uuid::new_v4());
    let problem = api.get(&foreign).await.expect(403);
    assert!(problem["type"].as_str().unwrap().ends_with("#forbidden"));
}

#[tokio::test]
async fn secrets_of_added_connectors_are_masked_and_a_mask_stands_for_them() {
    const HUSH: &str = "hush";
    let api = Api::start(Seed::Empty).await;
    let mut described = manifest("u");
    described["spec"]["connection_specification"]["properties"] =
        json!({"user": {"type": "string"}, "word": {"type": "string", "airbyte_secret": true}});
    let body = json!({"name": "Items", "manifest": described});
    let declarative = api.post(&below(&api, "declarative_sources"), &body).await.expect(200);
    // Nothing is known of an image but the names in its configurations.
    let image = json!({"name": "Mine", "dockerRepository": "me/mine", "dockerImageTag": "1.5"});
    let image = api.post(&below(&api, "sources"), &image).await.expect(200);
    for (definition, secret) in [(&declarative, "word"), (&image, "api_key")] {
        let configuration = json!({"user": "u", secret: HUSH});
        let body = json!({
            "name": "s", "workspaceId": api.workspace(), "definitionId": definition["id"],
            "configuration": configuration,
        });
        let made = api.post("/sources", &body).await.expect(200);
        let source = id(&made, "sourceId");
        let path = format!("/sources/{source}");
        let one = json!({"sourceId": source});
        let masked = made["configuration"].clone();
        assert_eq!(masked, json!({"user": "u", secret: "**********"}));
        // What was read is sent back, over both APIs.
        api.put(&path, &json!({"name": "s", "configuration": masked})).await.expect(200);
        let whole = json!({"sourceId": source, "name": "s", "connectionConfiguration": masked});
        api.config("/sources/update", &whole).await.expect(200);
        for shown in [
            api.get(&path).await,
            api.get("/sources").await,
            api.config("/sources/get", &one).await,
            api.config("/sources/list", &json!({"workspaceId": api.workspace()})).await,
        ] {
            shown.expect(200);
            assert!(!shown.text.contains(HUSH) && shown.text.contains("**********"), "{}", shown.text);
        }
    }
    // A manifest whose secret is none any more shows what has been stored all the while.
    let path = format!("{}/{}", below(&api, "declarative_sources"), id(&declarative, "id"));
    described["spec"]["connection_specification"]["properties"]["word"] = json!({"type": "string"});
    api.put(&path, &json!({"manifest": described})).await.expect(200);
    let sources = api.get("/sources").await.expect(200);
    assert_eq!(sources["data"][0]["configuration"]["word"], HUSH, "{sources}");
}

#[tokio::test]
async fn a_connection_tells_which_image_its_added_connector_is() {
    let api = Api::start(Seed::Empty).await;
    let image = json!({"name": "Mine", "dockerRepository": "me/mine", "dockerImageTag": "1.5"});
    let definition = api.post(&below(&api, "destinations"), &image).await.expect(200);
    let body = json!({
        "name": "d", "workspaceId": api.workspace(), "definitionId": definition["id"], "configuration": {},
    });
    let destination = id(&api.post("/destinations", &body).await.expect(200), "destinationId");
    let source = api.source(json!({"sourceType": "faker", "count": 1})).await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    let asked = json!({"connectionId": connection});
    let shown = api.config("/web_backend/connections/get", &asked).await.expect(200);
    let version = &shown["destinationActorDefinitionVersion"];
    assert_eq!(
        (&version["dockerRepository"], &version["dockerImageTag"]),
        (&json!("me/mine"), &json!("1.5"))
    );
}
