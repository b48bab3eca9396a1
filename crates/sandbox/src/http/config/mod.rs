//! The part of the Config API that clients of the public API need beside it.

mod actor_list;
mod actors;
mod builder_projects;
mod connections;
mod connectors;
mod create;
mod definitions;
mod instance;
mod job_read;
mod jobs;
mod manifests;
mod organizations;
mod paging;
mod permissions;
mod progress;
mod read;
mod schema_change;
mod start;
mod state;
mod stream_statuses;
mod sync_mode;
mod update;
mod users;
mod web_backend;
mod web_backend_list;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodFilter as M;
use serde_json::json;

use super::{op, token};
use crate::app::App;
use crate::model::Side;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let health = || async { axum::Json(json!({"available": true})) };
    Router::new()
        .route("/health", op(app, M::GET, "getHealthCheckConfig", health))
        .route(
            "/instance_configuration",
            op(app, M::GET, "getInstanceConfiguration", instance::configuration),
        )
        .route("/applications/token", op(app, M::POST, "applicationTokenRequest", token::create_for_config))
        .route("/jobs/get", op(app, M::POST, "getJobInfo", jobs::get))
        .route("/jobs/get_without_logs", op(app, M::POST, "getJobInfoWithoutLogs", jobs::get_without_logs))
        .route("/jobs/get_light", op(app, M::POST, "getJobInfoLight", jobs::get_light))
        .route("/jobs/list", op(app, M::POST, "listJobsFor", jobs::list))
        .route(
            "/jobs/list_for_workspaces",
            op(app, M::POST, "listJobsForWorkspaces", jobs::list_for_workspaces),
        )
        .route("/jobs/get_debug_info", op(app, M::POST, "getJobDebugInfo", jobs::debug_info))
        .route("/jobs/cancel", op(app, M::POST, "cancelJobConfig", jobs::cancel))
        .route("/jobs/get_last_replication_job", op(app, M::POST, "getLastReplicationJob", jobs::last))
        .route("/attempt/get_for_job", op(app, M::POST, "getAttemptForJob", jobs::attempt))
        .route("/connections/get", op(app, M::POST, "getConnectionConfig", connections::get))
        .route("/connections/list", op(app, M::POST, "listConnectionsForWorkspace", connections::list))
        .route("/connections/create", op(app, M::POST, "createConnectionConfig", create::create))
        .route(
            "/web_backend/connections/create",
            op(app, M::POST, "webBackendCreateConnection", create::create_for_web),
        )
        .route(
            "/web_backend/connections/list",
            op(app, M::POST, "webBackendListConnectionsForWorkspace", web_backend_list::list),
        )
        .route("/connections/update", op(app, M::POST, "updateConnection", connections::update))
        .route("/connections/delete", op(app, M::POST, "deleteConnectionConfig", connections::delete))
        .route(
            "/connections/sync_progress",
            op(app, M::POST, "getConnectionSyncProgress", progress::sync_progress),
        )
        .route(
            "/connections/last_job_per_stream",
            op(app, M::POST, "getConnectionLastJobPerStream", progress::last_job_per_stream),
        )
        .route("/stream_statuses/list", op(app, M::POST, "getStreamStatuses", stream_statuses::list))
        .route(
            "/stream_statuses/latest_per_run_state",
            op(app, M::POST, "getStreamStatusesByRunState", stream_statuses::latest_per_run_state),
        )
        .route("/connections/sync", op(app, M::POST, "syncConnection", start::sync))
        .route("/connections/reset", op(app, M::POST, "resetConnection", start::reset))
        .route("/connections/reset/stream", op(app, M::POST, "resetConnectionStream", start::reset_streams))
        .route("/connections/clear", op(app, M::POST, "clearConnection", start::reset))
        .route("/connections/clear/stream", op(app, M::POST, "clearConnectionStream", start::reset_streams))
        .route("/connections/refresh", op(app, M::POST, "refreshConnectionStream", start::refresh))
        .route("/connections/status", op(app, M::POST, "getConnectionStatuses", connections::statuses))
        .route("/state/get", op(app, M::POST, "getState", state::get))
        .route("/state/create_or_update", op(app, M::POST, "createOrUpdateState", state::write))
        .route(
            "/state/create_or_update_safe",
            op(app, M::POST, "createOrUpdateStateSafe", state::write_safely),
        )
        .route("/web_backend/connections/get", op(app, M::POST, "webBackendGetConnection", web_backend::get))
        .route(
            "/web_backend/connections/update",
            op(app, M::POST, "webBackendUpdateConnection", web_backend::update),
        )
        .route(
            "/sources/discover_schema",
            op(app, M::POST, "discoverSchemaForSource", schema_change::discover_schema),
        )
        .route("/workspaces/get", op(app, M::POST, "getWorkspaceConfig", workspaces::get))
        .route(
            "/workspaces/get_organization_info",
            op(app, M::POST, "getOrganizationInfo", organizations::info_by_workspace),
        )
        .merge(people(app))
        .route(
            "/source_definition_specifications/get_for_source",
            op(app, M::POST, "getSpecificationForSourceId", definitions::specification_for(Side::Source)),
        )
        .route(
            "/destination_definition_specifications/get_for_destination",
            op(
                app,
                M::POST,
                "getSpecificationForDestinationId",
                definitions::specification_for(Side::Destination),
            ),
        )
        .merge(builder(app))
        .merge(actors_of(
            app,
            Side::Source,
            [
                "createSourceConfig",
                "getSourceConfig",
                "listSourcesForWorkspace",
                "updateSource",
                "partialUpdateSource",
                "deleteSourceConfig",
                "checkConnectionToSourceForUpdate",
                "getSourceDefinitionSpecification",
                "listSourceDefinitionsForWorkspace",
            ],
        ))
        .merge(actors_of(
            app,
            Side::Destination,
            [
                "createDestinationConfig",
                "getDestinationConfig",
                "listDestinationsForWorkspace",
                "updateDestination",
                "partialUpdateDestination",
                "deleteDestinationConfig",
                "checkConnectionToDestinationForUpdate",
                "getDestinationDefinitionSpecification",
                "listDestinationDefinitionsForWorkspace",
            ],
        ))
        .route(
            "/sources/check_connection",
            op(app, M::POST, "checkConnectionToSource", connectors::check_source),
        )
        .route(
            "/destinations/check_connection",
            op(app, M::POST, "checkConnectionToDestination", connectors::check_destination),
        )
}

/// Organizations, users, and what they may do; the workspaces by either.
fn people(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/workspaces/create", op(app, M::POST, "createWorkspaceConfig", workspaces::create))
        .route("/workspaces/update", op(app, M::POST, "updateWorkspaceConfig", workspaces::update))
        .route("/workspaces/delete", op(app, M::POST, "deleteWorkspaceConfig", workspaces::delete))
        .route(
            "/workspaces/get_by_connection_id",
            op(app, M::POST, "getWorkspaceByConnectionId", workspaces::get_by_connection),
        )
        .route("/permissions/create", op(app, M::POST, "createPermissionConfig", permissions::create))
        .route("/permissions/get", op(app, M::POST, "getPermissionConfig", permissions::get))
        .route("/permissions/update", op(app, M::POST, "updatePermissionConfig", permissions::update))
        .route("/permissions/delete", op(app, M::POST, "deletePermissionConfig", permissions::delete))
        .route("/permissions/check", op(app, M::POST, "checkPermissions", permissions::check))
        .route("/workspaces/update_name", op(app, M::POST, "updateWorkspaceName", workspaces::update_name))
        .route(
            "/workspaces/list_by_organization_id",
            op(app, M::POST, "listWorkspacesInOrganization", workspaces::list_by_organization),
        )
        .route(
            "/workspaces/list_by_user_id",
            op(app, M::POST, "listWorkspacesByUser", workspaces::list_by_user),
        )
        .route(
            "/workspaces/list_paginated",
            op(app, M::POST, "listWorkspacesPaginated", workspaces::list_paginated),
        )
        .route("/organizations/get", op(app, M::POST, "getOrganization", organizations::get))
        .route("/organizations/get_organization_info", op(app, M::POST, "getOrgInfo", organizations::info))
        .route(
            "/organizations/list_by_user_id",
            op(app, M::POST, "listOrganizationsByUser", organizations::list_by_user),
        )
        .route("/users/get", op(app, M::POST, "getUser", users::get))
        .route("/users/get_by_auth_id", op(app, M::POST, "getUserByAuthId", users::get_by_auth_id))
        .route("/users/get_by_email", op(app, M::POST, "getUserByEmail", users::get_by_email))
        .route("/users/update", op(app, M::POST, "updateUser", users::update))
        .route(
            "/users/list_by_organization_id",
            op(app, M::POST, "listUsersInOrganization", users::list_by_organization),
        )
        .route("/permissions/list_by_user", op(app, M::POST, "listPermissionsByUser", users::permissions))
}

/// Sources or destinations, and the definitions of their connectors.
fn actors_of(app: &Arc<App>, side: Side, ids: [&'static str; 9]) -> Router<Arc<App>> {
    let word = side.word();
    let path = |verb: &str| format!("/{word}s/{verb}");
    let [create, get, list, update, partial_update, delete, check, specification, list_all] = ids;
    Router::new()
        .route(&path("create"), op(app, M::POST, create, actors::create(side)))
        .route(&path("get"), op(app, M::POST, get, actors::get(side)))
        .route(&path("list"), op(app, M::POST, list, actor_list::list(side)))
        .route(&path("update"), op(app, M::POST, update, actors::update(side)))
        .route(&path("partial_update"), op(app, M::POST, partial_update, actors::partial_update(side)))
        .route(&path("delete"), op(app, M::POST, delete, actors::delete(side)))
        .route(&path("check_connection_for_update"), op(app, M::POST, check, actors::check_for_update(side)))
        .route(
            &format!("/{word}_definition_specifications/get"),
            op(app, M::POST, specification, definitions::specification(side)),
        )
        .route(
            &format!("/{word}_definitions/list_for_workspace"),
            op(app, M::POST, list_all, definitions::list(side)),
        )
}

/// The connector builder's projects and what has been published of them.
fn builder(app: &Arc<App>) -> Router<Arc<App>> {
    let for_definition = || {
        op(app, M::POST, "getConnectorBuilderProjectIdForDefinitionId", builder_projects::get_for_definition)
    };
    let projects = Router::new()
        .route("/create", op(app, M::POST, "createConnectorBuilderProject", builder_projects::create))
        .route("/update", op(app, M::POST, "updateConnectorBuilderProject", builder_projects::update))
        .route("/delete", op(app, M::POST, "deleteConnectorBuilderProject", builder_projects::delete))
        .route("/list", op(app, M::POST, "listConnectorBuilderProjects", builder_projects::list))
        .route("/publish", op(app, M::POST, "publishConnectorBuilderProject", builder_projects::publish))
        .route(
            "/get_with_manifest",
            op(app, M::POST, "getConnectorBuilderProject", builder_projects::get_with_manifest),
        )
        .route(
            "/update_testing_values",
            op(
                app,
                M::POST,
                "updateConnectorBuilderProjectTestingValues",
                builder_projects::update_testing_values,
            ),
        )
        // The document and the server differ in its name.
        .route("/get_for_definition_id", for_definition())
        .route("/get_by_definition_id", for_definition());
    let manifests = Router::new()
        .route(
            "/create_manifest",
            op(app, M::POST, "createDeclarativeSourceDefinitionManifest", manifests::create),
        )
        .route(
            "/update_active_manifest",
            op(app, M::POST, "updateDeclarativeManifestVersion", manifests::set_active),
        )
        .route("/list_manifests", op(app, M::POST, "listDeclarativeManifests", manifests::list));
    Router::new()
        .nest("/connector_builder_projects", projects)
        .nest("/declarative_source_definitions", manifests)
}
