//! Answers of the Config API against its document.

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::json;

use crate::conformance::Document;
use crate::support::{Api, FAST};

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
        ("getJobInfo", "/v1/jobs/get", json!({"id": job})),
        ("getJobInfoWithoutLogs", "/v1/jobs/get_without_logs", json!({"id": job})),
        ("getJobInfoLight", "/v1/jobs/get_light", json!({"id": job})),
        ("listJobsFor", "/v1/jobs/list", json!({"configTypes": ["sync"]})),
        ("getLastReplicationJob", "/v1/jobs/get_last_replication_job", connection.clone()),
        ("getAttemptForJob", "/v1/attempt/get_for_job", json!({"jobId": job, "attemptNumber": 0})),
        ("getConnection", "/v1/connections/get", connection.clone()),
        (
            "getConnectionStatuses",
            "/v1/connections/status",
            json!({"connectionIds": [connection["connectionId"]]}),
        ),
        ("listJobsForWorkspaces", "/v1/jobs/list_for_workspaces", json!({"configTypes": ["sync"]})),
        ("getJobDebugInfo", "/v1/jobs/get_debug_info", json!({"id": job})),
        ("getStreamStatusesByRunState", "/v1/stream_statuses/latest_per_run_state", connection.clone()),
        (
            "getStreamStatuses",
            "/v1/stream_statuses/list",
            json!({"workspaceId": api.workspace(), "pagination": {"pageSize": 5, "rowOffset": 0}}),
        ),
        ("listConnectionsForWorkspace", "/v1/connections/list", workspace.clone()),
        ("updateConnection", "/v1/connections/update", renamed.clone()),
        ("getState", "/v1/state/get", connection.clone()),
        ("createOrUpdateState", "/v1/state/create_or_update", state.clone()),
        ("createOrUpdateStateSafe", "/v1/state/create_or_update_safe", state),
        ("webBackendGetConnection", "/v1/web_backend/connections/get", connection.clone()),
        ("webBackendGetConnection", "/v1/web_backend/connections/get", refreshed),
        ("webBackendUpdateConnection", "/v1/web_backend/connections/update", renamed.clone()),
        ("discoverSchemaForSource", "/v1/sources/discover_schema", json!({"sourceId": info["sourceId"]})),
        ("getWorkspace", "/v1/workspaces/get", workspace.clone()),
        ("updateWorkspaceName", "/v1/workspaces/update_name", named),
        ("listWorkspacesInOrganization", "/v1/workspaces/list_by_organization_id", organization.clone()),
        ("listWorkspacesByUser", "/v1/workspaces/list_by_user_id", user.clone()),
        (
            "listWorkspacesPaginated",
            "/v1/workspaces/list_paginated",
            json!({"workspaceIds": [api.workspace()], "pagination": {"pageSize": 5, "rowOffset": 0}}),
        ),
        ("getOrganization", "/v1/organizations/get", organization.clone()),
        ("getOrgInfo", "/v1/organizations/get_organization_info", organization.clone()),
        ("listOrganizationsByUser", "/v1/organizations/list_by_user_id", user.clone()),
        ("getUser", "/v1/users/get", user.clone()),
        ("getUserByAuthId", "/v1/users/get_by_auth_id", json!({"authUserId": uuid::Uuid::nil()})),
        ("getUserByEmail", "/v1/users/get_by_email", json!({"email": "sandbox@example.com"})),
        ("updateUser", "/v1/users/update", json!({"userId": user["userId"], "name": "Renamed"})),
        ("listUsersInOrganization", "/v1/users/list_by_organization_id", organization),
        ("listPermissionsByUser", "/v1/permissions/list_by_user", user),
        ("getOrganizationInfo", "/v1/workspaces/get_organization_info", workspace),
        ("checkConnectionToSource", "/v1/sources/check_connection", json!({"sourceId": info["sourceId"]})),
        (
            "checkConnectionToDestination",
            "/v1/destinations/check_connection",
            json!({"destinationId": info["destinationId"]}),
        ),
        ("syncConnection", "/v1/connections/sync", connection.clone()),
        ("resetConnection", "/v1/connections/reset", connection.clone()),
        ("clearConnection", "/v1/connections/clear", connection.clone()),
        ("resetConnectionStream", "/v1/connections/reset/stream", streams.clone()),
        ("clearConnectionStream", "/v1/connections/clear/stream", streams),
        ("refreshConnectionStream", "/v1/connections/refresh", refresh),
    ] {
        document.method(operation, path);
        let answered = api.config(path.trim_start_matches("/v1"), &body).await;
        document.check(operation, &answered);
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
            (format!("create{title}"), format!("/v1/{side}s/create"), &created),
            (format!("get{title}"), format!("/v1/{side}s/get"), &one),
            (format!("list{title}sForWorkspace"), format!("/v1/{side}s/list"), &all),
            (format!("update{title}"), format!("/v1/{side}s/update"), &whole),
            (format!("partialUpdate{title}"), format!("/v1/{side}s/partial_update"), &whole),
            (
                format!("checkConnectionTo{title}ForUpdate"),
                format!("/v1/{side}s/check_connection_for_update"),
                &whole,
            ),
            (
                format!("get{title}DefinitionSpecification"),
                format!("/v1/{side}_definition_specifications/get"),
                &definition,
            ),
            (
                format!("list{title}DefinitionsForWorkspace"),
                format!("/v1/{side}_definitions/list_for_workspace"),
                &all,
            ),
            (format!("delete{title}"), format!("/v1/{side}s/delete"), &one),
        ] {
            document.method(&operation, &path);
            let answered = api.config(path.trim_start_matches("/v1"), body).await;
            document.check(&operation, &answered);
        }
    }
}
