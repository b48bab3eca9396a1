//! Answers with as little in them as the server is known to send.

use airbyte_api_raw::config::types as config;
use airbyte_api_raw::public::types as public;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ID;

#[track_caller]
fn decodes<T: DeserializeOwned>(answer: Value) {
    if let Err(error) = serde_json::from_value::<T>(answer.clone()) {
        panic!("{}: {error}\n{answer:#}", std::any::type_name::<T>());
    }
}

#[test]
fn public_objects() {
    decodes::<public::JobResponse>(json!({
        "jobId": 1, "status": "pending", "jobType": "sync", "startTime": "2026-01-01T10:00Z", "connectionId": ID
    }));
    decodes::<public::JobsResponse>(json!({ "data": [], "next": "", "previous": "" }));
    decodes::<public::ConnectionResponse>(json!({
        "connectionId": ID, "name": "n", "sourceId": ID, "destinationId": ID, "workspaceId": ID, "status": "active",
        "schedule": { "scheduleType": "manual" }, "configurations": {}
    }));
    decodes::<public::DestinationResponse>(
        json!({ "destinationId": ID, "name": "n", "destinationType": "", "workspaceId": ID }),
    );
    decodes::<public::WorkspaceResponse>(json!({ "workspaceId": ID, "name": "n", "dataResidency": "auto" }));
    decodes::<public::PublicAccessTokenResponse>(json!({ "access_token": "t" }));
    decodes::<public::StreamPropertiesResponse>(json!([{ "streamName": "users" }, {}]));
    decodes::<public::GroupsResponse>(json!({ "data": [] }));
    decodes::<public::DefinitionsResponse>(json!({ "data": [] }));
    decodes::<public::UsersResponse>(json!({ "data": [{ "id": ID, "email": "a@b.example" }] }));
}

#[test]
fn jobs_of_the_config_api() {
    let job = json!({ "id": 1, "configType": "sync", "configId": ID, "createdAt": 1, "updatedAt": 1, "status": "running" });
    let attempt = json!({ "id": 0, "status": "failed", "createdAt": 1, "updatedAt": 1 });
    let failure = json!({ "failures": [{ "timestamp": 1 }] });
    let mut failed = attempt.clone();
    failed["failureSummary"] = failure;
    failed["totalStats"] = json!({ "recordsEmitted": 1 });
    decodes::<config::JobReadList>(
        json!({ "jobs": [{ "job": job, "attempts": [attempt, failed] }], "totalJobCount": 1 }),
    );
    decodes::<config::JobInfoRead>(json!({ "job": job, "attempts": [
        { "attempt": failed },
        { "attempt": attempt, "logType": "formatted", "logs": { "logLines": ["a"] } },
        { "attempt": attempt, "logType": "structured", "logs": { "version": "1", "events": [{ "timestamp": 1, "message": "m" }] } }
    ] }));
    decodes::<config::JobInfoLightRead>(json!({ "job": job }));
    let mut counted = job.clone();
    let counts =
        json!({ "recordsEmitted": 1, "bytesEmitted": 1, "recordsCommitted": 1, "bytesCommitted": 1 });
    let mut stream = counts.clone();
    stream["streamName"] = json!("users");
    (counted["aggregatedStats"], counted["streamAggregatedStats"]) = (counts, json!([stream]));
    decodes::<config::JobInfoRead>(json!({ "job": counted, "attempts": [] }));
    decodes::<config::JobOptionalRead>(json!({}));
    decodes::<config::JobReadResponse>(json!({}));
}

#[test]
fn connections_of_the_config_api() {
    decodes::<config::ConnectionRead>(json!({
        "connectionId": ID, "name": "n", "sourceId": ID, "destinationId": ID, "syncCatalog": { "streams": [] }, "status": "active"
    }));
    decodes::<config::ConnectionStatusRead>(json!({ "connectionId": ID, "connectionSyncStatus": "synced" }));
    decodes::<config::ConnectionLastJobPerStreamReadItem>(json!({
        "streamName": "s", "jobId": 1, "configType": "sync", "jobStatus": "succeeded", "endedAt": 1
    }));
    decodes::<config::ConnectionState>(json!({ "stateType": "not_set", "connectionId": ID }));
    decodes::<config::ConnectionState>(json!({ "stateType": "stream", "connectionId": ID, "streamState": [
        { "streamDescriptor": { "name": "s" }, "streamState": null }
    ] }));
    let stream = json!({ "stream": { "name": "s" }, "config": { "syncMode": "incremental", "destinationSyncMode": "append" } });
    decodes::<config::AirbyteCatalog>(json!({ "streams": [stream] }));
    decodes::<config::SourceDiscoverSchemaRead>(json!({ "connectionStatus": "inactive" }));
}

#[test]
fn people_and_places_of_the_config_api() {
    decodes::<config::WorkspaceRead>(json!({
        "workspaceId": ID, "organizationId": ID, "customerId": ID, "name": "n", "slug": "n", "initialSetupComplete": false
    }));
    decodes::<config::OrganizationInfoRead>(json!({ "organizationId": ID, "organizationName": "n" }));
    decodes::<config::UserRead>(json!({ "userId": ID, "email": "a@b.example" }));
    decodes::<config::PermissionReadList>(
        json!({ "permissions": [{ "permissionId": ID, "permissionType": "instance_admin", "userId": ID }] }),
    );
    decodes::<config::BuilderProjectForDefinitionResponse>(json!({}));
    decodes::<config::ConnectorBuilderProjectRead>(
        json!({ "builderProject": { "name": "n", "builderProjectId": ID, "hasDraft": true } }),
    );
    decodes::<config::AccessToken>(json!({ "access_token": "t" }));
    decodes::<config::StreamStatusReadList>(json!({ "streamStatuses": null }));
}
