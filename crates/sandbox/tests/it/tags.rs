//! Tags, and connections that have them.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, id};

async fn tag(api: &Api, name: &str) -> Value {
    let body = json!({"name": name, "color": "75DCFF", "workspaceId": api.workspace()});
    api.post("/tags", &body).await.expect(200)
}

#[tokio::test]
async fn tags_are_made_listed_changed_and_deleted() {
    let api = Api::start(Seed::Empty).await;
    let made = tag(&api, "finance").await;
    assert_eq!((&made["name"], &made["color"]), (&json!("finance"), &json!("75DCFF")));
    let path = format!("/tags/{}", id(&made, "tagId"));
    assert_eq!(api.get(&path).await.expect(200), made);
    let changed = api.patch(&path, &json!({"name": "money", "color": "000000"})).await.expect(200);
    assert_eq!((&changed["name"], &changed["tagId"]), (&json!("money"), &made["tagId"]));
    api.patch(&path, &json!({"name": "only a name"})).await.expect(400);
    let listed = api.get(&format!("/tags?workspaceIds={}", api.workspace())).await.expect(200);
    assert_eq!(listed["data"], json!([changed]));
    let elsewhere = api.get(&format!("/tags?workspaceIds={}", Uuid::new_v4())).await.expect(200);
    assert_eq!(elsewhere["data"], json!([]));
    assert_eq!(api.delete(&path).await.status, 204);
    let problem = api.delete(&path).await.expect(404);
    assert_eq!(problem["data"]["resourceType"], "TAG");
}

#[tokio::test]
async fn what_a_tag_may_not_be_is_refused_with_a_type_of_its_own() {
    let api = Api::start(Seed::Empty).await;
    tag(&api, "taken").await;
    for (name, color, status, kind) in [
        ("taken", "75DCFF", 409, "error:tag-already-exists"),
        ("a", "#75DCF", 400, "error:tag-invalid-hex-color"),
        ("a", "75DCF", 400, "error:tag-invalid-hex-color"),
        (&"n".repeat(31), "75DCFF", 400, "error:tag-name-too-long"),
    ] {
        let body = json!({"name": name, "color": color, "workspaceId": api.workspace()});
        let problem = api.post("/tags", &body).await.expect(status);
        assert_eq!((&problem["type"], &problem["data"]), (&json!(kind), &Value::Null));
    }
    tag(&api, &"ä".repeat(30)).await;
    for number in 2..100 {
        tag(&api, &format!("tag {number}")).await;
    }
    let body = json!({"name": "one more", "color": "75DCFF", "workspaceId": api.workspace()});
    let problem = api.post("/tags", &body).await.expect(400);
    assert_eq!(problem["type"], "error:tag-limit-for-workspace-reached");
}

#[tokio::test]
async fn connections_show_their_tags_as_these_are_now() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let path = format!("/connections/{connection}");
    let (first, second) = (tag(&api, "first").await, tag(&api, "second").await);
    let tagged = api.patch(&path, &json!({"tags": [first, second]})).await.expect(200);
    assert_eq!(tagged["tags"], json!([first, second]));

    let changed = json!({"name": "renamed", "color": "75DCFF"});
    let renamed = api.patch(&format!("/tags/{}", id(&first, "tagId")), &changed).await.expect(200);
    api.delete(&format!("/tags/{}", id(&second, "tagId"))).await;
    assert_eq!(api.get(&path).await.expect(200)["tags"], json!([renamed]));
    let config = api.config("/connections/get", &json!({"connectionId": connection})).await.expect(200);
    assert_eq!(config["tags"], json!([renamed]));

    let unknown =
        json!({"tagId": Uuid::new_v4(), "workspaceId": api.workspace(), "name": "x", "color": "000000"});
    api.patch(&path, &json!({"tags": [unknown]})).await.expect(400);
    api.patch(&path, &json!({"tags": [{"tagId": first["tagId"]}]})).await.expect(400);
    assert_eq!(api.patch(&path, &json!({"name": "n"})).await.expect(200)["tags"], json!([renamed]));
    assert_eq!(api.patch(&path, &json!({"tags": []})).await.expect(200)["tags"], json!([]));
}

#[tokio::test]
async fn a_list_of_connections_can_be_limited_to_tags() {
    let api = Api::start(Seed::Empty).await;
    let (a, b) = (tag(&api, "a").await, tag(&api, "b").await);
    let mut made = Vec::new();
    for tags in [json!([a]), json!([a, b]), json!([])] {
        let connection = api.small_connection().await;
        api.patch(&format!("/connections/{connection}"), &json!({"tags": tags})).await.expect(200);
        made.push(connection);
    }
    let (a, b) = (id(&a, "tagId"), id(&b, "tagId"));
    for (query, expected) in [
        (format!("tagIds={a}"), &made[..2]),
        (format!("tagIds={b}"), &made[1..2]),
        (format!("tagIds={a}&tagIds={b}"), &made[..2]),
        (format!("tagIds={}", Uuid::new_v4()), &[]),
    ] {
        let page = api.get(&format!("/connections?{query}")).await.expect(200);
        let found: Vec<String> =
            page["data"].as_array().unwrap().iter().map(|one| id(one, "connectionId")).collect();
        assert_eq!(found, expected, "{query}");
        let next = page["next"].as_str().unwrap();
        assert!(!next.contains("tagIds"), "the server's links drop this filter: {next}");
    }
}

#[tokio::test]
async fn a_user_of_cloud_is_refused_without_a_problem_where_an_annotation_reads_the_workspace() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Cloud)).await;
    let body = json!({"name": "n", "color": "75DCFF", "workspaceId": Uuid::new_v4()});
    let refused = api.post("/tags", &body).await.expect(403);
    assert_eq!(refused.get("type"), None, "{refused}");
    for (path, body) in [
        (
            "/sources",
            json!({"name": "s", "workspaceId": Uuid::new_v4(), "configuration": {"sourceType": "faker"}}),
        ),
        ("/connections", json!({"sourceId": Uuid::new_v4(), "destinationId": Uuid::new_v4()})),
    ] {
        let refused = api.post(path, &body).await.expect(403);
        assert_eq!(refused.get("type"), None, "{path}: {refused}");
    }
    api.get(&format!("/tags/{}", Uuid::new_v4())).await.expect(404);
    api.get("/tags/not-a-uuid").await.expect(400);
}
