//! Tokens stand for users: whose applications they come from, and what becomes of them.

use airbyte_sandbox::{Edition, NewUser, Role};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{as_user, of, own, token};
use crate::support::{Api, answer, id};

fn names(listed: &Value) -> Vec<String> {
    listed["applications"].as_array().unwrap().iter().map(|one| id(one, "name")).collect()
}

#[tokio::test]
async fn applications_are_the_callers_own() {
    let mut api = of(Edition::Enterprise).await;
    let foreign = api.get("/applications").await.expect(200);
    assert_eq!(names(&foreign), ["Sandbox"]);
    let foreign = format!("/applications/{}", id(&foreign["applications"][0], "id"));

    let user = as_user(&mut api, NewUser::named("Rosa")).await;
    let own = api.get("/applications").await.expect(200);
    assert_eq!(names(&own), ["Rosa Application"]);
    assert_eq!(own["applications"][0]["clientId"], user.client_id.as_str());
    api.get(&foreign).await.expect(404);
    assert!(api.delete(&foreign).await.status.is_client_error());
    let made = api.post("/applications", &json!({"name": "robot"})).await.expect(200);
    let credentials = json!({"client_id": made["clientId"], "client_secret": made["clientSecret"]});
    let given = api.post("/applications/token", &credentials).await.expect(200);
    api.token = Some(id(&given, "access_token"));
    assert_eq!(names(&api.get("/applications").await.expect(200)), ["Rosa Application", "robot"]);
    assert_eq!(api.get("/workspaces").await.expect(200)["data"], json!([]));

    api.log_in().await;
    assert_eq!(names(&api.get("/applications").await.expect(200)), ["Sandbox"]);
}

#[tokio::test]
async fn each_user_of_cloud_has_two_applications_and_tokens_that_tell_the_user() {
    let mut api = of(Edition::Cloud).await;
    let user = as_user(&mut api, NewUser::named("Rosa")).await;
    // The name is that of an application of somebody else.
    api.post("/applications", &json!({"name": "Sandbox"})).await.expect(200);
    api.post("/applications", &json!({"name": "third"})).await.expect(400);
    let read = api.config("/users/get", &json!({"userId": user.user_id})).await.expect(200);
    assert_eq!(read["name"], "Rosa");
    assert_eq!(read["email"], "rosa@example.com");
}

#[tokio::test]
async fn a_user_who_is_disabled_or_gone_is_401() {
    let mut api = of(Edition::Enterprise).await;
    let admin = api.token.clone();
    let (_, workspace) = own(&api);
    for gone in [false, true] {
        api.token.clone_from(&admin);
        let user = as_user(&mut api, NewUser::named("Leaver").in_workspace(&workspace, Role::Admin)).await;
        api.get("/workspaces").await.expect(200);
        let leavers = std::mem::replace(&mut api.token, admin.clone());
        if gone {
            let path = format!("users/{}", user.user_id);
            assert_eq!(answer(api.control(Method::DELETE, &path)).await.status, 204);
            assert_eq!(answer(api.control(Method::DELETE, &path)).await.status, 404);
        } else {
            let change = json!({"userId": user.user_id, "status": "disabled"});
            api.config("/users/update", &change).await.expect(200);
        }
        api.token = leavers;
        for refused in [
            api.get("/workspaces").await,
            api.config("/workspaces/get", &json!({"workspaceId": workspace})).await,
        ] {
            let body = refused.expect(401);
            assert!(body["message"].is_string() && body["errorId"].is_string(), "{body}");
        }
        if gone {
            let credentials = json!({"client_id": user.client_id, "client_secret": user.client_secret});
            assert!(api.post("/applications/token", &credentials).await.status.is_client_error());
        }
    }
}

#[tokio::test]
async fn a_permission_counts_from_the_moment_it_is_given() {
    let mut api = of(Edition::Enterprise).await;
    let (_, workspace) = own(&api);
    let user = as_user(&mut api, NewUser::named("Rosa")).await;
    let rosas = api.token.clone();
    let path = format!("/workspaces/{workspace}");
    api.get(&path).await.expect(403);
    api.log_in().await;
    let permission =
        json!({"permissionType": "workspace_reader", "userId": user.user_id, "workspaceId": workspace});
    let permission = id(&api.post("/permissions", &permission).await.expect(200), "permissionId");
    let admins = std::mem::replace(&mut api.token, rosas.clone());
    api.get(&path).await.expect(200);
    api.token = admins;
    assert_eq!(api.delete(&format!("/permissions/{permission}")).await.status, 204);
    api.token = rosas;
    api.get(&path).await.expect(403);
}

#[tokio::test]
async fn a_token_for_one_workspace_makes_sources_there_and_nothing_else() {
    let mut api = of(Edition::Enterprise).await;
    let (_, workspace) = own(&api);
    let other = id(&api.post("/workspaces", &json!({"name": "Other"})).await.expect(200), "workspaceId");
    let given = api.post("/embedded/scoped_token", &json!({"workspaceId": workspace})).await.expect(200);
    api.token = Some(id(&given, "token"));
    let source = |workspace: &str| json!({"name": "s", "workspaceId": workspace, "configuration": {"sourceType": "faker"}});
    api.post("/sources", &source(&workspace)).await.expect(200);
    api.post("/sources", &source(&other)).await.expect(403);
    api.config("/workspaces/get", &json!({"workspaceId": workspace})).await.expect(200);
    api.config("/workspaces/get", &json!({"workspaceId": other})).await.expect(403);
    for path in ["/workspaces", "/applications", "/organizations", "/permissions", "/sources"] {
        let refused = api.get(path).await.expect(403);
        assert!(refused["_links"]["self"]["href"].is_string(), "{path}: {refused}");
    }
    api.post("/embedded/scoped_token", &json!({"workspaceId": workspace})).await.expect(403);
}

#[tokio::test]
async fn the_control_path_adds_users_with_what_they_may_do() {
    let mut api = of(Edition::Enterprise).await;
    let (organization, workspace) = own(&api);
    let add = async |api: &Api, permissions: Value| {
        let body = json!({"name": "Rosa", "email": "rosa@example.com", "permissions": permissions});
        answer(api.control(Method::POST, "users").json(&body)).await
    };
    let reader = json!([{"permissionType": "workspace_reader", "workspaceId": workspace}]);
    let reader = add(&api, reader).await.expect(200);
    let credentials = json!({"client_id": reader["clientId"], "client_secret": reader["clientSecret"]});
    let given = api.post("/applications/token", &credentials).await.expect(200);
    api.token = Some(id(&given, "access_token"));
    api.get(&format!("/workspaces/{workspace}")).await.expect(200);
    let instance_admin = add(&api, json!([{"permissionType": "instance_admin"}])).await.expect(200);
    assert!(instance_admin["clientSecret"].is_string());

    for wrong in [
        json!({"permissionType": "workspace_reader"}),
        json!({"permissionType": "workspace_reader", "organizationId": organization}),
        json!({"permissionType": "workspace_member", "workspaceId": workspace}),
        json!({"permissionType": "organization_source_editor", "organizationId": organization}),
        json!({"permissionType": "workspace_emperor", "workspaceId": workspace}),
        json!({"permissionType": "workspace_reader", "workspaceId": Uuid::new_v4()}),
        json!({"permissionType": "workspace_reader", "workspaceId": "nonsense"}),
        json!({"permissionType": "organization_reader", "organizationId": Uuid::new_v4()}),
        json!({"permissionType": "workspace_reader", "organizationId": organization, "workspaceId": workspace}),
    ] {
        let refused = add(&api, json!([wrong])).await;
        assert!(refused.expect(400)["message"].as_str().unwrap().contains("cannot give"), "{wrong}");
    }
}

#[tokio::test]
async fn the_users_of_a_data_folder_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || airbyte_sandbox::Sandbox::builder().data_dir(folder.path());
    let api = Api::of(builder()).await;
    let (_, workspace) = own(&api);
    let user = api.sandbox.add_user(NewUser::named("Rosa").in_workspace(&workspace, Role::Reader)).unwrap();
    assert!(!format!("{user:?}").contains(&user.client_secret));
    api.sandbox.shutdown().await;

    let mut api = Api::of(builder()).await;
    api.token = Some(token(&api, &user).await);
    api.get(&format!("/workspaces/{workspace}")).await.expect(200);
    api.delete(&format!("/workspaces/{workspace}")).await.expect(403);
    api.sandbox.remove_user(&user.user_id).unwrap();
    api.sandbox.remove_user("nobody").unwrap();
    assert_eq!(api.get("/workspaces").await.status, 401);
}
