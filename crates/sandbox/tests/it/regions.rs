//! Regions, data planes, and what a workspace takes of them.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, answer, id};

async fn region(api: &Api, name: &str, organization: &str) -> Value {
    api.post("/regions", &json!({"name": name, "organizationId": organization})).await.expect(200)
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| id(one, "name")).collect()
}

#[tokio::test]
async fn regions_are_made_changed_and_deleted_with_their_data_planes() {
    let api = Api::start(Seed::Empty).await;
    let organization = api.sandbox.ready().organization_id.clone();
    let made = region(&api, "Europe", &organization).await;
    assert_eq!(made["enabled"], true);
    assert!(made["createdAt"].as_str().unwrap().ends_with('Z'), "{made}");
    let all = format!("/regions?organizationId={organization}");
    assert_eq!(names(&api.get(&all).await.expect(200)), ["auto", "Europe"], "a bare list");
    api.get("/regions").await.expect(400);
    let taken = json!({"name": "auto", "organizationId": organization});
    assert_eq!(
        api.post("/regions", &taken).await.expect(409)["type"],
        "error:dataplane-group-name-already-exists"
    );

    let path = format!("/regions/{}", id(&made, "regionId"));
    let changed = api.patch(&path, &json!({"name": "EU", "enabled": false})).await.expect(200);
    assert_eq!((&changed["name"], &changed["enabled"]), (&json!("EU"), &json!(false)));
    assert_eq!(api.get(&path).await.expect(200), changed);

    let body = json!({"name": "plane", "regionId": made["regionId"]});
    let plane = api.post("/dataplanes", &body).await.expect(200);
    assert!(plane["clientSecret"].is_string() && plane["clientId"].is_string(), "{plane}");
    let one = format!("/dataplanes/{}", id(&plane, "dataplaneId"));
    let read = api.get(&one).await.expect(200);
    assert_eq!((&read["name"], read.get("clientSecret")), (&json!("plane"), None));
    api.post("/dataplanes", &body).await.expect(409);
    assert_eq!(api.patch(&one, &json!({"enabled": false})).await.expect(200)["enabled"], false);

    assert_eq!(id(&api.delete(&path).await.expect(200), "name"), "EU");
    for gone in [&path, &one] {
        assert!(api.get(gone).await.expect(404)["errorId"].is_string());
    }
    assert_eq!(api.get("/dataplanes").await.expect(200), json!([]));
    api.post("/dataplanes", &body).await.expect(404);
}

#[tokio::test]
async fn a_list_of_data_planes_can_be_limited_to_regions() {
    let api = Api::start(Seed::Empty).await;
    let organization = api.sandbox.ready().organization_id.clone();
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let region = id(&region(&api, name, &organization).await, "regionId");
        api.post("/dataplanes", &json!({"name": name, "regionId": region})).await.expect(200);
        ids.push(region);
    }
    for (query, expected) in [
        (String::new(), vec!["a", "b"]),
        (format!("?regionIds={}", ids[1]), vec!["b"]),
        (format!("?regionIds={}&regionIds={}", ids[0], ids[1]), vec!["a", "b"]),
    ] {
        assert_eq!(names(&api.get(&format!("/dataplanes{query}")).await.expect(200)), expected, "{query}");
    }
    api.get("/dataplanes?regionIds=x").await.expect(400);
}

#[tokio::test]
async fn the_community_edition_has_no_licence_for_regions() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Community)).await;
    let organization = &api.sandbox.ready().organization_id;
    for refused in [
        api.get(&format!("/regions?organizationId={organization}")).await,
        api.get(&format!("/regions/{}", Uuid::new_v4())).await,
        api.post("/dataplanes", &json!({"name": "d", "regionId": Uuid::new_v4()})).await,
    ] {
        assert_eq!(refused.expect(403)["data"]["entitlement"], "feature-self-managed-regions");
    }
    api.get("/dataplanes").await.expect(200);
}

#[tokio::test]
async fn a_workspace_is_in_a_region_of_its_organization() {
    let api = Api::start(Seed::Empty).await;
    let organization = api.sandbox.ready().organization_id.clone();
    let europe = region(&api, "Europe", &organization).await;
    let body = json!({"name": "w", "regionId": europe["regionId"]});
    let made = api.post("/workspaces", &body).await.expect(200);
    assert_eq!(made["dataResidency"], "europe");
    let path = format!("/workspaces/{}", id(&made, "workspaceId"));
    let config =
        api.config("/workspaces/get", &json!({"workspaceId": made["workspaceId"]})).await.expect(200);
    assert_eq!(config["dataplaneGroupId"], europe["regionId"]);
    assert_eq!(api.patch(&path, &json!({"name": "v"})).await.expect(200)["dataResidency"], "europe");

    let other = answer(api.control(Method::POST, "organizations").json(&json!({"name": "Other"}))).await;
    let foreign = region(&api, "Foreign", &id(&other.expect(200), "organizationId")).await;
    let refused = api.patch(&path, &json!({"regionId": foreign["regionId"]})).await.expect(403);
    assert!(refused["type"].as_str().unwrap().ends_with("#forbidden"), "{refused}");
    api.patch(&path, &json!({"regionId": Uuid::new_v4()})).await.expect(404);
}

#[tokio::test]
async fn notifications_change_member_by_member() {
    let api = Api::start(Seed::Empty).await;
    let hook = json!({"webhook": {"enabled": true, "url": "https://hooks.example.com/1"}});
    let body = json!({"name": "w", "notifications": {"success": hook}});
    let made = api.post("/workspaces", &body).await.expect(200);
    let success = &made["notifications"]["success"];
    assert_eq!(success["email"]["enabled"], false, "the default of what was not given");
    assert_eq!(success["webhook"]["url"], "https://hooks.example.com/1");
    assert_eq!(made["notifications"]["failure"]["email"]["enabled"], true);

    let path = format!("/workspaces/{}", id(&made, "workspaceId"));
    let off = json!({"notifications": {
        "success": {"webhook": {"enabled": false}},
        "failure": {"email": {"enabled": false}},
    }});
    let changed = api.patch(&path, &off).await.expect(200);
    let hook = &changed["notifications"]["success"]["webhook"];
    assert_eq!((&hook["enabled"], &hook["url"]), (&json!(false), &json!("https://hooks.example.com/1")));
    assert_eq!(changed["notifications"]["failure"]["email"]["enabled"], false);
    assert_eq!(changed["notifications"]["syncDisabled"]["email"]["enabled"], true);
    assert_eq!(api.get(&path).await.expect(200)["notifications"], changed["notifications"]);
    let wrong = json!({"notifications": {"failure": {"email": {"enabled": "yes"}}}});
    api.patch(&path, &wrong).await.expect(400);
}
