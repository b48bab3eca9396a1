//! Users, their permissions, and groups.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, answer, id};

async fn of(edition: Edition) -> Api {
    Api::of(Sandbox::builder().seed(Seed::Empty).edition(edition)).await
}

/// Adds a user to the sandbox's organization and returns the id.
async fn user(api: &Api, name: &str, status: &str) -> String {
    let body = json!({"name": name, "email": format!("{name}@example.com"), "status": status});
    id(&answer(api.control(Method::POST, "users").json(&body)).await.expect(200), "userId")
}

fn organization(api: &Api) -> String {
    api.sandbox.ready().organization_id.clone()
}

fn column(list: &Value, name: &str) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|one| id(one, name)).collect()
}

async fn permit(api: &Api, user: &str, kind: &str, scope: (&str, &str)) -> Value {
    let mut body = json!({"permissionType": kind, "userId": user});
    body[scope.0] = json!(scope.1);
    api.post("/permissions", &body).await.expect(200)
}

#[tokio::test]
async fn users_of_an_organization_are_listed_and_found_by_id_or_email() {
    let api = of(Edition::Enterprise).await;
    let (ada, grace) = (user(&api, "ada", "registered").await, user(&api, "grace", "registered").await);
    let all = format!("/users?organizationId={}", organization(&api));
    let listed = api.get(&all).await.expect(200);
    assert_eq!(column(&listed, "email"), ["sandbox@example.com", "ada@example.com", "grace@example.com"]);
    for (filter, expected) in [
        (format!("ids={ada}"), vec![&ada]),
        (format!("ids={ada}&emails=grace@example.com"), vec![&ada, &grace]),
        (format!("ids={}", Uuid::new_v4()), vec![]),
    ] {
        let found = api.get(&format!("{all}&{filter}")).await.expect(200);
        assert_eq!(column(&found, "id").iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    api.get("/users").await.expect(400);
    api.get(&format!("{all}&ids=ada")).await.expect(400);
    let elsewhere = api.get(&format!("/users?organizationId={}", Uuid::new_v4())).await.expect(200);
    assert_eq!(elsewhere["data"], json!([]));
}

#[tokio::test]
async fn the_caller_sees_own_permissions_without_an_organization_and_others_with_one() {
    let api = of(Edition::Enterprise).await;
    let own = api.get("/permissions").await.expect(200);
    assert_eq!(column(&own, "permissionType"), ["organization_admin", "instance_admin"]);
    assert_eq!(column(&own, "scope"), ["organization", "none"]);
    assert_eq!(column(&own, "scopeId")[1], Uuid::nil().to_string());

    let ada = user(&api, "ada", "registered").await;
    permit(&api, &ada, "workspace_reader", ("workspaceId", api.workspace())).await;
    let refused = api.get(&format!("/permissions?userId={ada}")).await.expect(400);
    assert!(refused["type"].as_str().unwrap().ends_with("#bad-request"), "{refused}");
    let listed = api
        .get(&format!("/permissions?userId={ada}&organizationId={}", organization(&api)))
        .await
        .expect(200);
    assert_eq!(column(&listed, "scope"), ["organization", "workspace"]);
    let elsewhere =
        api.get(&format!("/permissions?userId={ada}&organizationId={}", Uuid::new_v4())).await.expect(200);
    assert_eq!(elsewhere["data"], json!([]));
}

#[tokio::test]
async fn a_permission_is_given_once_changed_and_taken_away() {
    let api = of(Edition::Enterprise).await;
    let ada = user(&api, "ada", "registered").await;
    let made = permit(&api, &ada, "workspace_reader", ("workspaceId", api.workspace())).await;
    assert_eq!((&made["workspaceId"], made.get("organizationId")), (&json!(api.workspace()), None));
    let again = permit(&api, &ada, "workspace_reader", ("workspaceId", api.workspace())).await;
    assert_eq!(again, made, "an equal permission is given back");

    let path = format!("/permissions/{}", id(&made, "permissionId"));
    let changed = api.patch(&path, &json!({"permissionType": "workspace_editor"})).await.expect(200);
    assert_eq!(changed["permissionType"], "workspace_editor");
    assert_eq!(api.get(&path).await.expect(200), changed);
    api.patch(&path, &json!({"permissionType": "instance_admin"})).await.expect(422);
    api.patch(&path, &json!({"permissionType": "emperor"})).await.expect(400);
    assert_eq!(api.delete(&path).await.status, 204);
    for refused in [api.get(&path).await, api.delete(&path).await] {
        assert!(refused.expect(404)["errorId"].is_string());
    }
    let faithful = Api::of(Sandbox::builder().seed(Seed::Empty).faithful_5xx(true)).await;
    faithful.get(&path).await.expect(500);
}

#[tokio::test]
async fn a_permission_needs_one_scope_that_fits_and_an_active_user() {
    let api = of(Edition::Enterprise).await;
    let (workspace, organization) = (api.workspace(), organization(&api));
    let (ada, gone) = (user(&api, "ada", "registered").await, user(&api, "gone", "disabled").await);
    let reader = "workspace_reader";
    for (body, status) in [
        (json!({"permissionType": reader, "userId": ada}), 400),
        (
            json!({"permissionType": reader, "userId": ada, "workspaceId": workspace, "organizationId": organization}),
            400,
        ),
        (json!({"permissionType": reader, "userId": ada, "organizationId": organization}), 400),
        (json!({"permissionType": "instance_admin", "userId": ada, "workspaceId": workspace}), 400),
        (json!({"permissionType": reader, "userId": gone, "workspaceId": workspace}), 409),
        (json!({"permissionType": reader, "userId": Uuid::new_v4(), "workspaceId": workspace}), 404),
        (json!({"permissionType": reader, "userId": ada, "workspaceId": Uuid::new_v4()}), 404),
        (json!({"userId": ada, "workspaceId": workspace}), 400),
    ] {
        let refused = api.post("/permissions", &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.text);
    }
}

#[tokio::test]
async fn an_organization_keeps_its_last_administrator() {
    let api = of(Edition::Enterprise).await;
    let own = api.get("/permissions").await.expect(200);
    let path = format!("/permissions/{}", column(&own, "permissionId")[0]);
    let problem = api.delete(&path).await.expect(409);
    assert!(problem["type"].as_str().unwrap().contains("state-conflict"), "{problem}");
    api.patch(&path, &json!({"permissionType": "organization_reader"})).await.expect(409);
    let ada = user(&api, "ada", "registered").await;
    permit(&api, &ada, "organization_admin", ("organizationId", &organization(&api))).await;
    assert_eq!(api.delete(&path).await.status, 204);
}

async fn group(api: &Api, name: &str) -> String {
    let body = json!({"name": name, "organizationId": organization(api)});
    id(&api.post("/groups", &body).await.expect(201), "groupId")
}

#[tokio::test]
async fn groups_are_made_listed_by_page_changed_and_deleted() {
    let api = of(Edition::Enterprise).await;
    let ids = [group(&api, "a").await, group(&api, "b").await, group(&api, "c").await];
    let twice = json!({"name": "a", "organizationId": organization(&api)});
    assert_eq!(api.post("/groups", &twice).await.expect(409)["type"], "error:group-already-exists");
    let unknown = json!({"name": "d", "organizationId": Uuid::new_v4()});
    assert_eq!(api.post("/groups", &unknown).await.expect(404)["data"]["resourceType"], "organization");

    let all = format!("/groups?organizationId={}", organization(&api));
    let page = api.get(&format!("{all}&limit=2")).await.expect(200);
    assert_eq!(column(&page, "groupId"), ids[..2]);
    assert_eq!(
        page["next"],
        format!("/public/v1{all}&limit=2&offset=2"),
        "without a host, and without `/api`"
    );
    assert_eq!(page.get("previous"), None);
    let page = api.get(&format!("{all}&limit=2&offset=2")).await.expect(200);
    assert_eq!((column(&page, "groupId"), page.get("next")), (ids[2..].to_vec(), None));
    assert_eq!(page["previous"], format!("/public/v1{all}&limit=2&offset=0"));
    api.get("/groups").await.expect(400);

    let path = format!("/groups/{}", ids[0]);
    api.patch(&path, &json!({"name": "b"})).await.expect(409);
    assert_eq!(api.patch(&path, &json!({"name": "z"})).await.expect(200)["name"], "z");
    assert_eq!(api.get(&path).await.expect(200)["memberCount"], 0);
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(api.get(&path).await.expect(404)["data"]["resourceType"], "group");
    api.get("/groups/not-a-uuid").await.expect(400);
}

#[tokio::test]
async fn members_come_and_go() {
    let api = of(Edition::Enterprise).await;
    let group = group(&api, "a").await;
    let members = format!("/groups/{group}/members");
    let mut users = Vec::new();
    for name in ["ada", "grace"] {
        let user = user(&api, name, "registered").await;
        let made = api.post(&members, &json!({"userId": user})).await.expect(201);
        assert_eq!(made["userEmail"], format!("{name}@example.com"));
        users.push(user);
    }
    let page = api.get(&format!("{members}?limit=2")).await.expect(200);
    assert_eq!(column(&page, "userId"), [users[1].clone(), users[0].clone()], "the newest first");
    assert!(page["next"].is_string(), "a full page has a next one, even if that is empty");
    assert_eq!(api.get(&format!("{members}?limit=3")).await.expect(200).get("next"), None);
    assert_eq!(api.get(&format!("/groups/{group}")).await.expect(200)["memberCount"], 2);

    let other = answer(api.control(Method::POST, "organizations").json(&json!({"name": "Other"}))).await;
    let other = id(&other.expect(200), "organizationId");
    let stranger = json!({"name": "s", "email": "s@example.com", "organizationId": other});
    let stranger = answer(api.control(Method::POST, "users").json(&stranger)).await.expect(200);
    let gone = user(&api, "gone", "disabled").await;
    for (user, status) in [
        (users[0].clone(), 409),
        (gone, 409),
        (id(&stranger, "userId"), 404),
        (Uuid::new_v4().to_string(), 404),
    ] {
        api.post(&members, &json!({"userId": user})).await.expect(status);
    }
    for _ in 0..2 {
        assert_eq!(api.delete(&format!("{members}/{}", users[0])).await.status, 204, "again is no mistake");
    }
    assert_eq!(column(&api.get(&members).await.expect(200), "userId"), [users[1].clone()]);
}

#[tokio::test]
async fn groups_are_given_permissions_in_their_own_organization() {
    let api = of(Edition::Enterprise).await;
    let group = group(&api, "a").await;
    let path = format!("/groups/{group}/permissions");
    let body = json!({"permissionType": "workspace_editor", "workspaceId": api.workspace()});
    let made = api.post(&path, &body).await.expect(201);
    assert_eq!((&made["groupId"], &made["workspaceId"]), (&json!(group), &json!(api.workspace())));
    assert_eq!(api.get(&path).await.expect(200)["data"], json!([made]));
    let other = answer(api.control(Method::POST, "organizations").json(&json!({"name": "Other"}))).await;
    let other = other.expect(200);
    for (body, status) in [
        (body, 400),
        (json!({"permissionType": "workspace_editor"}), 400),
        (json!({"permissionType": "organization_reader", "workspaceId": api.workspace()}), 400),
        (json!({"permissionType": "workspace_reader", "workspaceId": Uuid::new_v4()}), 404),
        (json!({"permissionType": "workspace_reader", "workspaceId": other["workspaceId"]}), 404),
        (json!({"permissionType": "organization_reader", "organizationId": other["organizationId"]}), 404),
    ] {
        let refused = api.post(&path, &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.text);
    }
    let one = format!("{path}/{}", id(&made, "permissionId"));
    assert_eq!(api.delete(&one).await.status, 204);
    assert_eq!(api.delete(&one).await.expect(404)["data"]["resourceType"], "permission");
}

#[tokio::test]
async fn the_community_edition_has_no_licence_for_groups() {
    let api = of(Edition::Community).await;
    let refused = [
        api.get(&format!("/groups?organizationId={}", organization(&api))).await,
        api.post("/groups", &json!({"name": "a", "organizationId": organization(&api)})).await,
    ];
    for refused in refused {
        let problem = refused.expect(403);
        assert_eq!(problem["type"], "error:license/entitlement");
        assert!(problem["data"]["entitlement"].is_string(), "{problem}");
    }
    api.get(&format!("/groups/{}", Uuid::new_v4())).await.expect(404);
}

#[tokio::test]
async fn a_user_of_cloud_names_own_organizations_only() {
    let api = of(Edition::Cloud).await;
    let unknown = Uuid::new_v4();
    api.get(&format!("/users?organizationId={unknown}")).await.expect(403);
    api.get(&format!("/groups?organizationId={unknown}")).await.expect(403);
    api.post("/workspaces", &json!({"name": "w", "organizationId": unknown})).await.expect(403);
    let other = answer(api.control(Method::POST, "organizations").json(&json!({"name": "Other"}))).await;
    let other = id(&other.expect(200), "organizationId");
    let made = api.post("/workspaces", &json!({"name": "w", "organizationId": other})).await.expect(200);
    let asked = json!({"workspaceId": made["workspaceId"]});
    let info = api.config("/workspaces/get_organization_info", &asked).await.expect(200);
    assert_eq!(info["organizationId"], other.as_str());
    assert_eq!(
        column(&api.get("/organizations").await.expect(200), "organizationName"),
        ["Sandbox", "Other"]
    );
    let own = api.get("/permissions").await.expect(200);
    assert_eq!(column(&own, "permissionType"), ["organization_admin", "organization_admin"]);
}
