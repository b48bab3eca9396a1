//! The operations of the Config API, each with a user of each role.

use airbyte_sandbox::{NewUser, Role};
use reqwest::Method;
use serde_json::json;

use super::needs::{Need, is_refused};
use super::world::{Given, World, own, token};
use crate::support::{answer, id};

/// The path of each operation, the members of its body that are ids, and what it asks for. What deletes comes last.
const TABLE: &[(&str, &str, &str)] = &[
    ("/jobs/get", "id", "workspace:reader"),
    ("/jobs/get_without_logs", "id", "workspace:reader"),
    ("/jobs/get_light", "id", "workspace:reader"),
    ("/jobs/get_debug_info", "id", "workspace:reader"),
    ("/jobs/list", "configId", "workspace:reader"),
    ("/jobs/list_for_workspaces", "workspaceIds", "workspace:reader"),
    ("/jobs/get_last_replication_job", "connectionId", "workspace:reader"),
    ("/jobs/cancel", "id", "workspace:runner"),
    ("/attempt/get_for_job", "jobId", "workspace:reader"),
    ("/connections/get", "connectionId", "workspace:reader"),
    ("/connections/list", "workspaceId", "workspace:reader"),
    ("/connections/status", "connectionIds", "workspace:reader"),
    ("/connections/sync_progress", "connectionId", "workspace:reader"),
    ("/connections/last_job_per_stream", "connectionId", "workspace:reader"),
    ("/connections/create", "sourceId destinationId", "workspace:any_editor"),
    ("/connections/update", "connectionId", "workspace:any_editor"),
    ("/connections/sync", "connectionId", "workspace:runner"),
    ("/connections/refresh", "connectionId", "workspace:runner"),
    ("/connections/reset", "connectionId", "workspace:any_editor"),
    ("/connections/reset/stream", "connectionId", "workspace:any_editor"),
    ("/connections/clear", "connectionId", "workspace:any_editor"),
    ("/connections/clear/stream", "connectionId", "workspace:any_editor"),
    ("/stream_statuses/list", "workspaceId", "workspace:reader"),
    ("/stream_statuses/latest_per_run_state", "connectionId", "workspace:reader"),
    ("/state/get", "connectionId", "workspace:reader"),
    ("/state/create_or_update_safe", "connectionId", "workspace:any_editor"),
    ("/web_backend/connections/get", "connectionId", "workspace:reader"),
    ("/web_backend/connections/list", "workspaceId", "workspace:reader"),
    ("/web_backend/connections/create", "sourceId destinationId", "workspace:any_editor"),
    ("/web_backend/connections/update", "connectionId", "workspace:any_editor"),
    ("/sources/get", "sourceId", "workspace:reader"),
    ("/sources/list", "workspaceId", "workspace:reader"),
    ("/sources/create", "workspaceId", "workspace:source_editor"),
    ("/sources/update", "sourceId", "workspace:source_editor"),
    ("/sources/partial_update", "sourceId", "workspace:source_editor"),
    ("/sources/check_connection", "sourceId", "workspace:source_editor"),
    ("/sources/check_connection_for_update", "sourceId", "workspace:source_editor"),
    ("/sources/discover_schema", "sourceId", "workspace:source_editor"),
    ("/destinations/get", "destinationId", "workspace:reader"),
    ("/destinations/list", "workspaceId", "workspace:reader"),
    ("/destinations/create", "workspaceId", "workspace:destination_editor"),
    ("/destinations/update", "destinationId", "workspace:destination_editor"),
    ("/destinations/partial_update", "destinationId", "workspace:destination_editor"),
    ("/destinations/check_connection", "destinationId", "workspace:destination_editor"),
    ("/destinations/check_connection_for_update", "destinationId", "workspace:destination_editor"),
    ("/source_definitions/list_for_workspace", "workspaceId", "workspace:reader"),
    ("/destination_definitions/list_for_workspace", "workspaceId", "workspace:reader"),
    ("/workspaces/get", "workspaceId", "workspace:reader"),
    ("/workspaces/get_by_connection_id", "connectionId", "workspace:reader"),
    ("/workspaces/get_organization_info", "workspaceId", "workspace:reader"),
    ("/workspaces/list_paginated", "workspaceIds", "workspace:reader"),
    ("/workspaces/update", "workspaceId", "workspace:any_editor"),
    ("/workspaces/update_name", "workspaceId", "workspace:any_editor"),
    ("/workspaces/create", "organizationId", "organization:admin"),
    ("/users/list_by_organization_id", "organizationId", "organization:member"),
    ("/permissions/create", "workspaceId", "workspace:admin"),
    ("/permissions/create", "organizationId", "organization:admin"),
    ("/permissions/get", "permissionId", "workspace:reader"),
    ("/permissions/update", "permissionId", "workspace:admin"),
    ("/connector_builder_projects/create", "workspaceId", "workspace:source_editor"),
    ("/connector_builder_projects/list", "workspaceId", "workspace:reader"),
    ("/connector_builder_projects/publish", "workspaceId", "workspace:source_editor"),
    ("/connector_builder_projects/update", "workspaceId", "workspace:source_editor"),
    ("/connector_builder_projects/update_testing_values", "workspaceId", "workspace:source_editor"),
    ("/connector_builder_projects/get_with_manifest", "workspaceId", "workspace:reader"),
    ("/connector_builder_projects/get_for_definition_id", "workspaceId", "workspace:reader"),
    ("/connector_builder_projects/get_by_definition_id", "workspaceId", "workspace:reader"),
    ("/connector_builder_projects/delete", "workspaceId", "workspace:source_editor"),
    ("/declarative_source_definitions/create_manifest", "workspaceId", "workspace:source_editor"),
    ("/declarative_source_definitions/update_active_manifest", "workspaceId", "workspace:source_editor"),
    ("/declarative_source_definitions/list_manifests", "workspaceId", "workspace:source_editor"),
    ("/permissions/delete", "permissionId", "workspace:admin"),
    ("/connections/delete", "connectionId", "workspace:any_editor"),
    ("/sources/delete", "sourceId", "workspace:source_editor"),
    ("/destinations/delete", "destinationId", "workspace:destination_editor"),
    ("/workspaces/delete", "workspaceId", "workspace:admin"),
];

/// Refused in the code of the operation.
const IN_CODE: &str = "/workspaces/create";

#[tokio::test]
async fn each_operation_refuses_what_is_below_its_role_and_takes_the_least_that_is_not() {
    let world = World::make().await;
    for (path, members, need) in TABLE {
        let need = Need::of(need).unwrap();
        let form = if *path == IN_CODE { "problem" } else { "framework" };
        let url = format!("{}{path}", world.api.sandbox.ready().config_api_root);
        let body = world.body(members);
        for given in Given::all().into_iter().filter(|given| !need.is_met_by(*given)) {
            let answer = world.ask(given, Method::POST, &url, &body).await;
            let what = format!("{path} as {given:?}: {} {}", answer.status, answer.text);
            assert!(is_refused(&answer, form, &what), "{what}");
        }
        // What the first one has deleted leads nowhere for the second.
        let once = path.ends_with("/delete");
        for given in need.least().into_iter().take(if once { 1 } else { usize::MAX }) {
            let answer = world.ask(given, Method::POST, &url, &body).await;
            let what = format!("{path} as {given:?}: {} {}", answer.status, answer.text);
            assert!(!is_refused(&answer, form, &what), "{what}");
        }
        // An id that leads nowhere is as good as somebody else's.
        let highest = Given::Organization(6);
        if path.ends_with("/get") && !members.starts_with("organization") {
            let nowhere = if *members == "id" { json!(987_654) } else { json!(uuid::Uuid::new_v4()) };
            let answer = world.ask(highest, Method::POST, &url, &json!({*members: nowhere})).await;
            assert!(is_refused(&answer, form, path), "{path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn some_things_are_for_administrators_of_the_instance_and_for_oneself() {
    let world = World::make().await;
    let root = world.api.sandbox.ready().config_api_root.clone();
    let user = world.body("userId");
    for (path, body) in [
        ("/state/create_or_update", world.body("connectionId")),
        ("/permissions/check", user.clone()),
        ("/users/get", user.clone()),
        ("/users/update", user.clone()),
        ("/users/get_by_auth_id", json!({"authUserId": uuid::Uuid::nil()})),
        ("/users/get_by_email", json!({"email": "sandbox@example.com"})),
        ("/permissions/list_by_user", user.clone()),
        ("/workspaces/list_by_user_id", user.clone()),
        ("/organizations/list_by_user_id", user),
    ] {
        let answer = world.ask(Given::Organization(6), Method::POST, &format!("{root}{path}"), &body).await;
        assert!(is_refused(&answer, "framework", path), "{path}: {}", answer.text);
        assert_ne!(world.api.config(path, &body).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn an_organization_is_seen_by_whoever_belongs_to_it_or_to_a_workspace_of_it() {
    let world = World::make().await;
    let body = world.body("organizationId");
    for path in ["/organizations/get", "/organizations/get_organization_info"] {
        let url = format!("{}{path}", world.api.sandbox.ready().config_api_root);
        for given in Given::all() {
            let answer = world.ask(given, Method::POST, &url, &body).await;
            let refused = is_refused(&answer, "problem", path);
            assert_eq!(refused, given.role().is_none(), "{path} as {given:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_connection_is_discovered_anew_by_editors_only() {
    let world = World::make().await;
    let url = format!("{}/web_backend/connections/get", world.api.sandbox.ready().config_api_root);
    let mut body = world.body("connectionId");
    body["withRefreshedCatalog"] = json!(true);
    let answer = world.ask(Given::Workspace(2), Method::POST, &url, &body).await;
    assert!(is_refused(&answer, "problem", &url), "{}", answer.text);
    // Whoever may not even read it does not get so far.
    let answer = world.ask(Given::Nothing, Method::POST, &url, &body).await;
    assert!(is_refused(&answer, "framework", &url), "{}", answer.text);
    world.ask(Given::Workspace(3), Method::POST, &url, &body).await.expect(200);
}

/// Which of its ids an operation reads is nothing that a role elsewhere may hang on.
#[tokio::test]
async fn a_role_is_needed_at_every_id_that_a_body_names() {
    let world = World::make().await;
    let api = &world.api;
    let ready = api.sandbox.ready();
    let workspace = api.sandbox.add_organization("Other").unwrap().workspace_id;
    let body = json!({"name": "s", "workspaceId": workspace, "configuration": {"sourceType": "faker"}});
    let source = id(&api.post("/sources", &body).await.expect(200), "sourceId");
    let (organization, _) = own(api);
    let member = json!({
        "userId": world.text("userId"), "organizationId": organization, "permissionType": "organization_member",
    });
    let permission = id(&api.post("/permissions", &member).await.expect(200), "permissionId");
    let destination = world.text("destinationId");
    let (config, public) = (&ready.config_api_root, &ready.public_api_root);
    let admin = Given::Workspace(6);
    for (root, path, own, other) in [
        (config, "/sources/get", "workspaceId", json!({"sourceId": source})),
        (config, "/sources/delete", "connectionId", json!({"sourceId": source})),
        (config, "/sources/get", "workspaceId", json!({"sourceId": uuid::Uuid::new_v4()})),
        (config, "/web_backend/connections/list", "workspaceId", json!({"sourceId": [source]})),
        (
            config,
            "/permissions/update",
            "workspaceId",
            json!({"permissionId": permission, "permissionType": "organization_admin"}),
        ),
        (public, "/connections", "connectionId", json!({"sourceId": source, "destinationId": destination})),
        (public, "/embedded/widget_token", "workspaceId", json!({"organizationId": organization})),
    ] {
        let mut body = world.body(own);
        for (name, value) in other.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = world.ask(admin, Method::POST, &format!("{root}{path}"), &body).await;
        assert!(is_refused(&answer, "framework", path), "{path}: {} {}", answer.status, answer.text);
    }
    let kept = api.get(&format!("/permissions/{permission}")).await.expect(200);
    assert_eq!(kept["permissionType"], "organization_member");
    let both = world.body("workspaceId sourceId");
    world.ask(admin, Method::POST, &format!("{config}/sources/get"), &both).await.expect(200);
}

#[tokio::test]
async fn a_list_of_jobs_without_a_connection_is_of_the_workspaces_that_one_may_read() {
    let world = World::make().await;
    let api = &world.api;
    let other = api.sandbox.add_organization("Other").unwrap().workspace_id;
    let reader = NewUser::named("Reader of the other").in_workspace(&other, Role::Reader);
    let reader = token(api, &api.sandbox.add_user(reader).unwrap()).await;
    let body = json!({"workspaceId": other, "configTypes": ["sync"]});
    for path in ["/jobs/list", "/jobs/list_for_workspaces"] {
        let url = format!("{}{path}", api.sandbox.ready().config_api_root);
        let seen = answer(api.http.post(&url).bearer_auth(&reader).json(&body)).await.expect(200);
        assert_eq!(seen["jobs"], json!([]), "{path}");
        let all = api.config(path, &body).await.expect(200);
        assert_eq!(all["jobs"].as_array().map(Vec::len), Some(1), "{path}");
    }
}
