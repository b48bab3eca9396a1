//! What users see of lists.

use airbyte_sandbox::{Edition, NewUser, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{as_user, of, own};
use crate::support::{Api, id};

fn column(list: &Value, name: &str) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|one| id(one, name)).collect()
}

async fn length(api: &Api, path: &str) -> usize {
    api.get(path).await.expect(200)["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn lists_hold_what_the_caller_may_read() {
    let mut api = of(Edition::Enterprise).await;
    let (_, workspace) = own(&api);
    let other = api.sandbox.add_organization("Other").unwrap();
    let connection = api.get("/connections").await.expect(200)["data"][0].clone();
    api.sync(&id(&connection, "connectionId")).await;
    let tag = json!({"name": "t", "color": "000000", "workspaceId": workspace});
    api.post("/tags", &tag).await.expect(200);
    let lists = ["/workspaces", "/sources", "/destinations", "/connections", "/jobs", "/tags"];
    let mut all = Vec::new();
    for path in lists {
        all.push(length(&api, path).await);
    }
    assert!(all.iter().all(|length| *length > 0), "{all:?}");

    as_user(&mut api, NewUser::named("Stranger").in_workspace(&other.workspace_id, Role::Admin)).await;
    for path in lists {
        let seen = length(&api, path).await;
        assert_eq!(seen, usize::from(path == "/workspaces"), "{path}");
        // One that the caller may not read refuses the whole list.
        let both = format!("{path}?workspaceIds={},{workspace}", other.workspace_id);
        api.get(&both).await.expect(403);
        let nowhere = format!("{path}?workspaceIds={}", Uuid::new_v4());
        api.get(&nowhere).await.expect(403);
        api.get(&format!("{path}?workspaceIds=nonsense")).await.expect(400);
    }
    assert_eq!(column(&api.get("/organizations").await.expect(200), "organizationName"), ["Other"]);

    as_user(&mut api, NewUser::named("Reader").in_workspace(&workspace, Role::Reader)).await;
    for (path, expected) in lists.into_iter().zip(&all) {
        let expected = expected - usize::from(path == "/workspaces");
        assert_eq!(length(&api, path).await, expected, "{path}");
        assert_eq!(length(&api, &format!("{path}?workspaceIds={workspace}")).await, expected, "{path}");
    }
    assert_eq!(column(&api.get("/organizations").await.expect(200), "organizationName"), ["Sandbox"]);
}

#[tokio::test]
async fn a_member_of_an_organization_enters_none_of_its_workspaces() {
    let mut api = of(Edition::Enterprise).await;
    let (organization, workspace) = own(&api);
    as_user(&mut api, NewUser::named("Member").in_organization(&organization, Role::Member)).await;
    assert_eq!(length(&api, "/workspaces").await, 0);
    api.get(&format!("/workspaces/{workspace}")).await.expect(403);
    let seen = column(&api.get("/organizations").await.expect(200), "organizationId");
    assert_eq!(seen, std::slice::from_ref(&organization));
    let body = json!({"organizationId": organization});
    let listed = api.config("/workspaces/list_by_organization_id", &body).await.expect(200);
    assert_eq!(listed["workspaces"], json!([]));
}

#[tokio::test]
async fn permissions_are_ones_own_and_roles_of_groups_count() {
    let mut api = of(Edition::Enterprise).await;
    let (organization, workspace) = own(&api);
    let admin = api.token.clone();
    let group = json!({"name": "Readers", "organizationId": organization});
    let group = id(&api.post("/groups", &group).await.expect(201), "groupId");
    let permission = json!({"permissionType": "workspace_reader", "workspaceId": workspace});
    let permission = api.post(&format!("/groups/{group}/permissions"), &permission).await.expect(201);

    let user = as_user(&mut api, NewUser::named("G").in_organization(&organization, Role::Member)).await;
    let reader = std::mem::replace(&mut api.token, admin.clone());
    let own_permissions = async |api: &Api| {
        let own = api.get("/permissions").await.expect(200);
        assert!(column(&own, "userId").iter().all(|id| *id == user.user_id), "{own}");
        column(&own, "permissionType")
    };
    let path = format!("/workspaces/{workspace}");
    api.token.clone_from(&reader);
    assert_eq!(own_permissions(&api).await, ["organization_member"]);
    api.get(&path).await.expect(403);

    // A token is as good as its user's roles are now.
    api.token.clone_from(&admin);
    let member = json!({"userId": user.user_id});
    api.post(&format!("/groups/{group}/members"), &member).await.expect(201);
    api.token.clone_from(&reader);
    api.get(&path).await.expect(200);
    api.patch(&path, &json!({"name": "Mine"})).await.expect(403);

    api.token.clone_from(&admin);
    let permission = id(&permission, "permissionId");
    assert_eq!(api.delete(&format!("/groups/{group}/permissions/{permission}")).await.status, 204);
    api.token = reader;
    api.get(&path).await.expect(403);
}

#[tokio::test]
async fn an_administrator_of_an_organization_of_cloud_rules_it_and_nothing_else() {
    let api = of(Edition::Cloud).await;
    let (organization, workspace) = own(&api);
    let other = api.sandbox.add_organization("Other").unwrap();
    for path in [
        format!("/workspaces/{}", other.workspace_id),
        format!("/users?organizationId={}", other.organization_id),
        format!("/groups?organizationId={}", other.organization_id),
        format!("/connector_definitions?type=source&workspaceId={}", other.workspace_id),
    ] {
        let problem = api.get(&path).await.expect(403);
        assert!(problem["type"].as_str().unwrap().ends_with("#forbidden"), "{path}: {problem}");
        // The one role that would do is named as the server names it.
        let role = match path.split(['/', '?']).nth(1) {
            Some("users") => "ORGANIZATION_MEMBER",
            Some("groups") => "ORGANIZATION_ADMIN",
            _ => "WORKSPACE_READER",
        };
        assert!(problem["data"]["message"].as_str().unwrap().contains(role), "{path}: {problem}");
    }
    let foreign =
        json!({"name": "s", "workspaceId": other.workspace_id, "configuration": {"sourceType": "faker"}});
    let refused = api.post("/sources", &foreign).await.expect(403);
    assert!(refused["_links"]["self"]["href"].is_string(), "{refused}");
    assert_eq!(column(&api.get("/workspaces").await.expect(200), "workspaceId"), [workspace]);
    // Nobody makes an administrator of the instance, and here nobody is one.
    let user = api.sandbox.add_user(NewUser::named("New")).unwrap();
    let permission =
        |kind: &str| json!({"permissionType": kind, "userId": user.user_id, "organizationId": organization});
    api.post("/permissions", &permission("instance_admin")).await.expect(400);
    api.post("/permissions", &permission("organization_reader")).await.expect(200);
    let checked = json!({"userId": user.user_id, "permissionType": "organization_reader"});
    api.config("/permissions/check", &checked).await.expect(403);
}
