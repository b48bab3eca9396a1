//! Answers of the Config API against its document.

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use crate::conformance::Document;
use crate::support::{Api, FAST};

/// Calls an operation and holds its answer against the document.
pub(crate) async fn checked(
    api: &Api,
    document: &mut Document,
    operation: &str,
    path: &str,
    body: &Value,
) -> Value {
    document.method(operation, path);
    let answered = api.config(path, body).await;
    document.check(operation, &answered);
    if answered.text.is_empty() { Value::Null } else { answered.json() }
}

#[tokio::test]
async fn successful_answers_of_the_config_api_fit_its_document() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let mut document = Document::open("airbyte-config.yaml", "config.json");
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await["jobId"].as_i64().unwrap();
    let info = api.get(&format!("/connections/{connection}")).await.expect(200);
    let workspace = json!({"workspaceId": api.workspace()});
    let connection = json!({"connectionId": connection});
    let state = json!({
        "connectionId": connection["connectionId"],
        "connectionState": {
            "stateType": "global", "connectionId": connection["connectionId"],
            "globalState": {"shared_state": {}, "streamStates": [{"streamDescriptor": {"name": "users"}, "streamState": {}}]},
        },
    });
    let streams = json!({"connectionId": connection["connectionId"], "streams": [{"streamName": "users"}]});
    let refresh = json!({"connectionId": connection["connectionId"], "refreshMode": "Merge"});
    let refreshed = json!({"connectionId": connection["connectionId"], "withRefreshedCatalog": true});
    let renamed = json!({"connectionId": connection["connectionId"], "name": "Renamed"});
    let organization = json!({"organizationId": api.sandbox.ready().organization_id});
    let user =
        api.config("/users/get_by_auth_id", &json!({"authUserId": uuid::Uuid::nil()})).await.expect(200);
    let user = json!({"userId": user["userId"]});
    let named = json!({"workspaceId": api.workspace(), "name": "Sandbox"});
    for (operation, path, body) in [
        ("getJobInfo", "/jobs/get", json!({"id": job})),
        ("getJobInfoWithoutLogs", "/jobs/get_without_logs", json!({"id": job})),
        ("getJobInfoLight", "/jobs/get_light", json!({"id": job})),
        ("listJobsFor", "/jobs/list", json!({"configTypes": ["sync"]})),
        ("getLastReplicationJob", "/jobs/get_last_replication_job", connection.clone()),
        ("getAttemptForJob", "/attempt/get_for_job", json!({"jobId": job, "attemptNumber": 0})),
        ("getConnection", "/connections/get", connection.clone()),
        (
            "getConnectionStatuses",
            "/connections/status",
            json!({"connectionIds": [connection["connectionId"]]}),
        ),
        ("listJobsForWorkspaces", "/jobs/list_for_workspaces", json!({"configTypes": ["sync"]})),
        ("getJobDebugInfo", "/jobs/get_debug_info", json!({"id": job})),
        ("getStreamStatusesByRunState", "/stream_statuses/latest_per_run_state", connection.clone()),
        (
            "getStreamStatuses",
            "/stream_statuses/list",
            json!({"workspaceId": api.workspace(), "pagination": {"pageSize": 5, "rowOffset": 0}}),
        ),
        ("listConnectionsForWorkspace", "/connections/list", workspace.clone()),
        ("updateConnection", "/connections/update", renamed.clone()),
        ("getState", "/state/get", connection.clone()),
        ("createOrUpdateState", "/state/create_or_update", state.clone()),
        ("createOrUpdateStateSafe", "/state/create_or_update_safe", state),
        ("webBackendGetConnection", "/web_backend/connections/get", connection.clone()),
        ("webBackendGetConnection", "/web_backend/connections/get", refreshed),
        ("webBackendUpdateConnection", "/web_backend/connections/update", renamed.clone()),
        ("discoverSchemaForSource", "/sources/discover_schema", json!({"sourceId": info["sourceId"]})),
        ("getWorkspace", "/workspaces/get", workspace.clone()),
        ("updateWorkspaceName", "/workspaces/update_name", named),
        ("listWorkspacesInOrganization", "/workspaces/list_by_organization_id", organization.clone()),
        ("listWorkspacesByUser", "/workspaces/list_by_user_id", user.clone()),
        (
            "listWorkspacesPaginated",
            "/workspaces/list_paginated",
            json!({"workspaceIds": [api.workspace()], "pagination": {"pageSize": 5, "rowOffset": 0}}),
        ),
        ("getOrganization", "/organizations/get", organization.clone()),
        ("getOrgInfo", "/organizations/get_organization_info", organization.clone()),
        ("listOrganizationsByUser", "/organizations/list_by_user_id", user.clone()),
        ("getUser", "/users/get", user.clone()),
        ("getUserByAuthId", "/users/get_by_auth_id", json!({"authUserId": uuid::Uuid::nil()})),
        ("getUserByEmail", "/users/get_by_email", json!({"email": "sandbox@example.com"})),
        ("updateUser", "/users/update", json!({"userId": user["userId"], "name": "Renamed"})),
        ("listUsersInOrganization", "/users/list_by_organization_id", organization),
        ("listPermissionsByUser", "/permissions/list_by_user", user),
        ("getOrganizationInfo", "/workspaces/get_organization_info", workspace),
        ("checkConnectionToSource", "/sources/check_connection", json!({"sourceId": info["sourceId"]})),
        (
            "checkConnectionToDestination",
            "/destinations/check_connection",
            json!({"destinationId": info["destinationId"]}),
        ),
        ("syncConnection", "/connections/sync", connection.clone()),
        ("resetConnection", "/connections/reset", connection.clone()),
        ("clearConnection", "/connections/clear", connection.clone()),
        ("resetConnectionStream", "/connections/reset/stream", streams.clone()),
        ("clearConnectionStream", "/connections/clear/stream", streams),
        ("refreshConnectionStream", "/connections/refresh", refresh),
    ] {
        checked(&api, &mut document, operation, path, &body).await;
    }
}

#[tokio::test]
async fn answers_about_connectors_fit_the_document() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let mut document = Document::open("airbyte-config.yaml", "config.json");
    let workspace = api.workspace();
    for (side, definition, configuration) in [
        ("source", "dfd88b22-b603-4c3d-aad7-3701784586b1", json!({"count": 10})),
        ("destination", "b76be0a6-27dc-4560-95f6-2623da0bd7b6", json!({"destination_path": "/local/x.db"})),
    ] {
        let title = if side == "source" { "Source" } else { "Destination" };
        let (key, definition_key) = (format!("{side}Id"), format!("{side}DefinitionId"));
        let created = json!({
            "name": "x", "workspaceId": workspace, definition_key.clone(): definition,
            "connectionConfiguration": configuration,
        });
        let existing = api.config(&format!("/{side}s/create"), &created).await.expect(200);
        let one = json!({key.clone(): existing[key.as_str()]});
        let whole = json!({key.clone(): existing[key.as_str()], "name": "y", "connectionConfiguration": configuration});
        let definition = json!({definition_key: definition, "workspaceId": workspace});
        let all = json!({"workspaceId": workspace});
        for (operation, path, body) in [
            (format!("create{title}"), format!("/{side}s/create"), &created),
            (format!("get{title}"), format!("/{side}s/get"), &one),
            (format!("list{title}sForWorkspace"), format!("/{side}s/list"), &all),
            (format!("update{title}"), format!("/{side}s/update"), &whole),
            (format!("partialUpdate{title}"), format!("/{side}s/partial_update"), &whole),
            (
                format!("checkConnectionTo{title}ForUpdate"),
                format!("/{side}s/check_connection_for_update"),
                &whole,
            ),
            (
                format!("get{title}DefinitionSpecification"),
                format!("/{side}_definition_specifications/get"),
                &definition,
            ),
            (
                format!("list{title}DefinitionsForWorkspace"),
                format!("/{side}_definitions/list_for_workspace"),
                &all,
            ),
            (format!("delete{title}"), format!("/{side}s/delete"), &one),
        ] {
            checked(&api, &mut document, &operation, &path, body).await;
        }
    }
}

/// What the bindings can call, the sandbox answers.
#[tokio::test]
async fn every_operation_of_our_own_document_is_served() {
    let api = Api::start(Seed::Empty).await;
    // There is no upstream document of this name, so it is the one of this repository.
    let document = Document::open("none", "config.json");
    for (operation, method, path) in document.operations() {
        let url = format!("{}{path}", api.sandbox.ready().config_api_root);
        let request = api.http.request(method, url).bearer_auth(api.token.as_ref().unwrap());
        let answered = crate::support::answer(request.json(&json!({}))).await;
        // A path without a route is refused like a caller without a role.
        assert_ne!(answered.status.as_u16(), 403, "{operation} at {path}: {}", answered.text);
    }
}
