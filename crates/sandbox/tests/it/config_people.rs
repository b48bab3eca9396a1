//! Organizations, users, permissions and workspaces over the Config API, and what tokens tell of their user.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, answer, id};

async fn of(edition: Edition) -> Api {
    Api::of(Sandbox::builder().seed(Seed::Empty).edition(edition)).await
}

fn claims(api: &Api) -> Value {
    let token = api.token.as_ref().unwrap();
    let parts: Vec<_> = token.split('.').collect();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap()
}

fn names(listed: &Value, list: &str, member: &str) -> Vec<String> {
    listed[list].as_array().unwrap().iter().map(|one| id(one, member)).collect()
}

#[tokio::test]
async fn only_tokens_of_cloud_tell_their_user() {
    let community = claims(&of(Edition::Community).await);
    assert_eq!((&community["sub"], &community["aud"]), (&json!(Uuid::nil()), &json!("airbyte-server")));
    for absent in ["iat", "user_id", "client_id"] {
        assert_eq!(community.get(absent), None, "{absent}");
    }
    assert!(!community["roles"].as_array().unwrap().is_empty());
    assert_eq!(claims(&of(Edition::Enterprise).await).get("roles"), None);

    let api = of(Edition::Cloud).await;
    let cloud = claims(&api);
    let user = api.config("/users/get", &json!({"userId": cloud["user_id"]})).await.expect(200);
    let by_subject =
        api.config("/users/get_by_auth_id", &json!({"authUserId": cloud["sub"]})).await.expect(200);
    assert_eq!(user, by_subject);
    assert_eq!(user["defaultWorkspaceId"], api.workspace());
}

#[tokio::test]
async fn users_are_found_and_changed() {
    let api = of(Edition::Community).await;
    let user = api.config("/users/get_by_auth_id", &json!({"authUserId": Uuid::nil()})).await.expect(200);
    let by_email = json!({"email": user["email"].as_str().unwrap().to_uppercase()});
    assert_eq!(api.config("/users/get_by_email", &by_email).await.expect(200), user);
    let other = id(&api.post("/workspaces", &json!({"name": "Other"})).await.expect(200), "workspaceId");
    let change = json!({"userId": user["userId"], "defaultWorkspaceId": other, "name": "New"});
    api.config("/users/update", &change).await.expect(200);
    let changed = api.config("/users/get", &json!({"userId": user["userId"]})).await.expect(200);
    assert_eq!((&changed["defaultWorkspaceId"], &changed["name"]), (&json!(other), &json!("New")));
    api.config("/users/update", &json!({"userId": user["userId"]})).await.expect(400);
    for (path, body) in [
        ("/users/get", json!({"userId": Uuid::from_u128(1)})),
        ("/users/get_by_auth_id", json!({"authUserId": "nobody"})),
        ("/users/get_by_email", json!({"email": "nobody@example.com"})),
    ] {
        let unknown = api.config(path, &body).await.expect(404);
        assert_eq!(unknown.as_object().unwrap().keys().collect::<Vec<_>>(), ["errorId"]);
    }
}

#[tokio::test]
async fn a_user_of_cloud_sees_nobody_else() {
    let api = of(Edition::Cloud).await;
    let ada = json!({"name": "Ada", "email": "ada@example.com"});
    let ada = answer(api.control(Method::POST, "users").json(&ada)).await.expect(200);
    for path in ["/users/get", "/permissions/list_by_user"] {
        api.config(path, &ada).await.expect(403);
    }
    let organization = json!({"organizationId": api.sandbox.ready().organization_id});
    let members = api.config("/users/list_by_organization_id", &organization).await.expect(200);
    assert!(names(&members, "users", "email").contains(&"ada@example.com".to_owned()));
}

#[tokio::test]
async fn permissions_tell_what_they_are_for() {
    let api = of(Edition::Enterprise).await;
    let organization = json!({"organizationId": api.sandbox.ready().organization_id});
    let members = api.config("/users/list_by_organization_id", &organization).await.expect(200);
    let user = &members["users"][0];
    assert_eq!(user["permissionType"], "organization_admin");
    let listed =
        api.config("/permissions/list_by_user", &json!({"userId": user["userId"]})).await.expect(200);
    assert_eq!(names(&listed, "permissions", "permissionType"), ["organization_admin", "instance_admin"]);
    assert_eq!(listed["permissions"][0]["organizationId"], organization["organizationId"]);
    assert_eq!(listed["permissions"][1].get("organizationId"), None);
}

#[tokio::test]
async fn workspaces_are_listed_by_name_and_in_pages() {
    let api = of(Edition::Enterprise).await;
    let mut ids = vec![json!(api.workspace())];
    for name in ["beta", "alpha", "Alphabet"] {
        ids.push(api.post("/workspaces", &json!({"name": name})).await.expect(200)["workspaceId"].clone());
    }
    let organization = api.sandbox.ready().organization_id.clone();
    let list = async |extra: Value| {
        let mut body = json!({"organizationId": organization});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let listed = api.config("/workspaces/list_by_organization_id", &body).await.expect(200);
        names(&listed, "workspaces", "name")
    };
    assert_eq!(list(json!({})).await, ["Alphabet", "Sandbox", "alpha", "beta"]);
    assert_eq!(list(json!({"nameContains": "ALPHA"})).await, ["Alphabet", "alpha"]);
    assert_eq!(list(json!({"pagination": {"pageSize": 2, "rowOffset": 1}})).await, ["Sandbox", "alpha"]);
    assert_eq!(list(json!({"pagination": {"pageSize": 2, "rowOffset": 4}})).await, [""; 0]);
    assert_eq!(list(json!({"organizationId": Uuid::from_u128(1)})).await, [""; 0]);

    let renamed = json!({"workspaceId": ids[1], "name": "gamma ray"});
    let renamed = api.config("/workspaces/update_name", &renamed).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("gamma ray"), &json!("gamma-ray")));
    assert_eq!(api.delete(&format!("/workspaces/{}", ids[2].as_str().unwrap())).await.status, 204);
    let page = json!({"pageSize": 10, "rowOffset": 0});
    let some = json!({"workspaceIds": ids[1..3], "pagination": page});
    let listed = api.config("/workspaces/list_paginated", &some).await.expect(200);
    assert_eq!(names(&listed, "workspaces", "name"), ["gamma ray"]);
    let all = json!({"workspaceIds": ids[1..3], "pagination": page, "includeDeleted": true});
    let listed = api.config("/workspaces/list_paginated", &all).await.expect(200);
    assert_eq!(names(&listed, "workspaces", "name"), ["alpha", "gamma ray"]);
}

#[tokio::test]
async fn a_user_enters_the_workspaces_of_its_permissions() {
    let api = of(Edition::Enterprise).await;
    let other = json!({"name": "Other"});
    let other = answer(api.control(Method::POST, "organizations").json(&other)).await.expect(200);
    let ada = json!({"name": "Ada", "email": "ada@example.com", "organizationId": other["organizationId"]});
    let ada = answer(api.control(Method::POST, "users").json(&ada)).await.expect(200);
    let workspaces = async || {
        let listed = api.config("/workspaces/list_by_user_id", &ada).await.expect(200);
        names(&listed, "workspaces", "name")
    };
    assert_eq!(workspaces().await, [""; 0], "a member alone may enter none");
    let permission = json!({"userId": ada["userId"], "permissionType": "workspace_reader", "workspaceId": api.workspace()});
    api.post("/permissions", &permission).await.expect(200);
    assert_eq!(workspaces().await, ["Sandbox"]);
    let organizations = api.config("/organizations/list_by_user_id", &ada).await.expect(200);
    assert_eq!(names(&organizations, "organizations", "organizationName"), ["Other", "Sandbox"]);
}

#[tokio::test]
async fn only_cloud_tells_how_an_organization_pays() {
    for edition in [Edition::Enterprise, Edition::Cloud] {
        let api = of(edition).await;
        let organization = json!({"organizationId": api.sandbox.ready().organization_id});
        let read = api.config("/organizations/get", &organization).await.expect(200);
        assert_eq!(read["organizationName"], "Sandbox");
        let billing = json!({"paymentStatus": "locked", "subscriptionStatus": "unsubscribed"});
        let set = answer(api.control(Method::POST, "billing").json(&billing)).await;
        assert!(set.status.is_success(), "{set:?}");
        let by_organization =
            api.config("/organizations/get_organization_info", &organization).await.expect(200);
        let workspace = json!({"workspaceId": api.workspace()});
        let by_workspace = api.config("/workspaces/get_organization_info", &workspace).await.expect(200);
        assert_eq!(by_organization, by_workspace);
        let expected = (edition == Edition::Cloud).then_some(&billing);
        assert_eq!(by_workspace.get("billing"), expected);
        let unknown = json!({"organizationId": Uuid::from_u128(1)});
        let unknown = api.config("/organizations/get", &unknown).await;
        assert_eq!(unknown.status.as_u16(), if edition == Edition::Cloud { 403 } else { 404 });
    }
}
