//! Which role each operation asks for, where its ids come from, and how it refuses.

use super::named::{Kind, Named};
use super::{Form, Need, Role, Rule, Stricter};
use crate::http::regions;

const MEMBER: &[Role] = &[Role::Member];
const READER: &[Role] = &[Role::Reader];
const RUNNER: &[Role] = &[Role::Runner];
const SOURCE_EDITOR: &[Role] = &[Role::SourceEditor];
const DESTINATION_EDITOR: &[Role] = &[Role::DestinationEditor];
const ANY_EDITOR: &[Role] = &[Role::SourceEditor, Role::DestinationEditor];
const EDITOR: &[Role] = &[Role::Editor];
const ADMIN: &[Role] = &[Role::Admin];

/// The operations of the public API whose code asks for a role.
const IN_CODE: &[(&[Role], Named, &[&str])] = &[
    (READER, Named::Path(Kind::Workspace), &["getWorkspace"]),
    (READER, Named::Path(Kind::Actor), &["getSource", "getDestination"]),
    (READER, Named::Path(Kind::Connection), &["getConnection"]),
    (READER, Named::Path(Kind::Job), &["getJob"]),
    (READER, Named::Path(Kind::Permission), &["getPermission"]),
    (READER, Named::CheckedPath(Kind::Tag), &["getTag"]),
    (
        READER,
        Named::CheckedPath(Kind::Workspace),
        &[
            "listSourceDefinitions",
            "getSourceDefinition",
            "listDestinationDefinitions",
            "getDestinationDefinition",
            "listDeclarativeSourceDefinitions",
            "getDeclarativeSourceDefinition",
        ],
    ),
    (READER, Named::TextQuery(Kind::Workspace, "workspaceId"), &["listConnectorDefinitions"]),
    (READER, Named::SourceAndDestination, &["getStreamProperties"]),
    (READER, Named::ConnectionOrWorkspaces, &["listJobs"]),
    (
        READER,
        Named::QueryList(Kind::Workspace, "workspaceIds"),
        &["listWorkspaces", "listSources", "listDestinations", "listConnections", "listTags"],
    ),
    (RUNNER, Named::Path(Kind::Job), &["cancelJob"]),
    (RUNNER, Named::Body(Kind::Connection, "connectionId"), &["createJob"]),
    (SOURCE_EDITOR, Named::Path(Kind::Actor), &["patchSource", "putSource", "deleteSource"]),
    (
        SOURCE_EDITOR,
        Named::CheckedPath(Kind::Workspace),
        &[
            "createSourceDefinition",
            "updateSourceDefinition",
            "deleteSourceDefinition",
            "createDeclarativeSourceDefinition",
            "updateDeclarativeSourceDefinition",
            "deleteDeclarativeSourceDefinition",
        ],
    ),
    (
        DESTINATION_EDITOR,
        Named::Path(Kind::Actor),
        &["patchDestination", "putDestination", "deleteDestination"],
    ),
    (ANY_EDITOR, Named::Path(Kind::Connection), &["patchConnection", "deleteConnection"]),
    (
        ANY_EDITOR,
        Named::Path(Kind::Workspace),
        &[
            "updateWorkspace",
            "deleteWorkspace",
            "createOrUpdateWorkspaceOAuthCredentials",
            "deleteWorkspaceOAuthCredentials",
        ],
    ),
    (ANY_EDITOR, Named::CheckedPath(Kind::Tag), &["updateTag", "deleteTag"]),
    (
        EDITOR,
        Named::CheckedPath(Kind::Workspace),
        &["createDestinationDefinition", "updateDestinationDefinition", "deleteDestinationDefinition"],
    ),
    (EDITOR, Named::NewWorkspace, &["createWorkspace"]),
    (MEMBER, Named::Query(Kind::Organization, "organizationId"), &["listUsersWithinAnOrganization"]),
    (ADMIN, Named::Target, &["createPermission"]),
    (ADMIN, Named::Path(Kind::Permission), &["updatePermission", "deletePermission"]),
    (ADMIN, Named::OthersPermissions, &["listPermissions"]),
    (
        ADMIN,
        Named::Path(Kind::Organization),
        &["createOrUpdateOrganizationOAuthCredentials", "deleteOrganizationOAuthCredentials"],
    ),
    (ADMIN, Named::Query(Kind::Organization, "organizationId"), &["listGroups", "listRegions"]),
    (ADMIN, Named::Body(Kind::Organization, "organizationId"), &["createGroup", "createRegion"]),
    (
        ADMIN,
        Named::CheckedPath(Kind::Group),
        &[
            "getGroup",
            "updateGroup",
            "deleteGroup",
            "listGroupMembers",
            "addGroupMember",
            "removeGroupMember",
            "listGroupPermissions",
            // The permission's own target is in the group's organization, or is not found.
            "createGroupPermission",
            "deleteGroupPermission",
        ],
    ),
    (ADMIN, Named::CheckedPath(Kind::Region), &["getRegion", "updateRegion", "deleteRegion"]),
    (ADMIN, Named::QueryList(Kind::Region, "regionIds"), &["listDataplanes"]),
    (ADMIN, Named::Body(Kind::Region, "regionId"), &["createDataplane"]),
    (ADMIN, Named::CheckedPath(Kind::Dataplane), &["getDataplane", "updateDataplane", "deleteDataplane"]),
    // Of the Config API.
    (ADMIN, Named::Body(Kind::Organization, "organizationId"), &["createWorkspaceConfig"]),
];

/// Those that an annotation guards: most of the Config API, and where the public one has its ids in the body.
const ANNOTATED: &[(&[Role], &[&str])] = &[
    (
        READER,
        &[
            "getJobInfo",
            "getJobInfoWithoutLogs",
            "getJobInfoLight",
            "getJobDebugInfo",
            "getLastReplicationJob",
            "getAttemptForJob",
            "listJobsFor",
            "listJobsForWorkspaces",
            "getConnectionConfig",
            "listConnectionsForWorkspace",
            "getConnectionSyncProgress",
            "getConnectionLastJobPerStream",
            "getConnectionStatuses",
            "getStreamStatuses",
            "getStreamStatusesByRunState",
            "getState",
            "webBackendGetConnection",
            "webBackendListConnectionsForWorkspace",
            "getWorkspaceConfig",
            "getWorkspaceByConnectionId",
            "getOrganizationInfo",
            "listWorkspacesPaginated",
            "getPermissionConfig",
            "getSourceConfig",
            "listSourcesForWorkspace",
            "getDestinationConfig",
            "listDestinationsForWorkspace",
            "listSourceDefinitionsForWorkspace",
            "listDestinationDefinitionsForWorkspace",
            "getConnectorBuilderProject",
            "listConnectorBuilderProjects",
            "getConnectorBuilderProjectIdForDefinitionId",
        ],
    ),
    (RUNNER, &["cancelJobConfig", "syncConnection", "refreshConnectionStream"]),
    (
        SOURCE_EDITOR,
        &[
            "createSource",
            "initiateOAuth",
            "createSourceConfig",
            "updateSource",
            "partialUpdateSource",
            "deleteSourceConfig",
            "checkConnectionToSource",
            "checkConnectionToSourceForUpdate",
            "discoverSchemaForSource",
            "createConnectorBuilderProject",
            "updateConnectorBuilderProject",
            "deleteConnectorBuilderProject",
            "publishConnectorBuilderProject",
            "updateConnectorBuilderProjectTestingValues",
            "createDeclarativeSourceDefinitionManifest",
            "updateDeclarativeManifestVersion",
            "listDeclarativeManifests",
        ],
    ),
    (
        DESTINATION_EDITOR,
        &[
            "createDestination",
            "createDestinationConfig",
            "updateDestination",
            "partialUpdateDestination",
            "deleteDestinationConfig",
            "checkConnectionToDestination",
            "checkConnectionToDestinationForUpdate",
        ],
    ),
    (
        ANY_EDITOR,
        &[
            "createConnection",
            "createTag",
            "createConnectionConfig",
            "webBackendCreateConnection",
            "updateConnection",
            "webBackendUpdateConnection",
            "deleteConnectionConfig",
            "resetConnection",
            "resetConnectionStream",
            "clearConnection",
            "clearConnectionStream",
            "createOrUpdateStateSafe",
            "updateWorkspaceConfig",
            "updateWorkspaceName",
        ],
    ),
    (MEMBER, &["listUsersInOrganization"]),
    (
        ADMIN,
        &[
            "getEmbeddedWidget",
            "deleteWorkspaceConfig",
            "createPermissionConfig",
            "updatePermissionConfig",
            "deletePermissionConfig",
        ],
    ),
];

/// Those that ask for something else than a role at what is named.
const OTHERS: &[(Need, Named, &[&str])] = &[
    (
        Need::Nothing,
        Named::Nothing,
        &[
            "getHealthCheck",
            "createAccessToken",
            "oauthCallback",
            "getHealthCheckConfig",
            "getInstanceConfiguration",
            "applicationTokenRequest",
        ],
    ),
    (
        Need::Token,
        Named::Nothing,
        &[
            // Each shows the caller's own.
            "listApplications",
            "createApplication",
            "getApplication",
            "deleteApplication",
            "listOrganizationsForUser",
            "listEmbeddedOrganizationsByUser",
            "listWorkspacesInOrganization",
            // Anybody may know these.
            "getSourceDefinitionSpecification",
            "getDestinationDefinitionSpecification",
            "getSpecificationForSourceId",
            "getSpecificationForDestinationId",
        ],
    ),
    (Need::Role(ADMIN), Named::AnnotatedOrganization, &["generateEmbeddedScopedToken"]),
    (
        Need::Oneself,
        Named::User(Kind::User, "userId"),
        &[
            "getUser",
            "updateUser",
            "listPermissionsByUser",
            "listWorkspacesByUser",
            "listOrganizationsByUser",
        ],
    ),
    (Need::Oneself, Named::User(Kind::AuthUser, "authUserId"), &["getUserByAuthId"]),
    (Need::Oneself, Named::User(Kind::Email, "email"), &["getUserByEmail"]),
    (Need::InstanceAdmin, Named::Nothing, &["createOrUpdateState", "checkPermissions"]),
];

/// Organizations of the Config API, which those may see who enter but a workspace of it.
const OF_ORGANIZATIONS: &[&str] = &["getOrganization", "getOrgInfo"];

/// What asks for more if a member of the body has a value.
const STRICTER: &[(&str, Stricter)] = &[
    ("createJob", Stricter { member: "jobType", value: "clear", roles: ANY_EDITOR }),
    (
        "webBackendGetConnection",
        Stricter { member: "withRefreshedCatalog", value: "true", roles: ANY_EDITOR },
    ),
];

/// Regions cannot even be asked for without the licence.
const LICENCE_FIRST: &[&str] = &["listRegions", "createRegion", "getRegion", "updateRegion", "deleteRegion"];

/// What the users of somebody else's product need to add a source.
const FOR_EMBEDDED: &[&str] = &["createSource", "getWorkspaceConfig"];

/// What an operation asks for. One that is in no table is for administrators of the instance alone.
pub(in crate::http) fn rule_of(operation: &str) -> Rule {
    let (need, named, form) =
        looked_up(operation).unwrap_or((Need::InstanceAdmin, Named::Nothing, Form::Annotation));
    Rule {
        need,
        named,
        form,
        stricter: STRICTER.iter().find(|(id, _)| *id == operation).map(|(_, stricter)| *stricter),
        licence_first: LICENCE_FIRST.contains(&operation).then_some(regions::FEATURE),
        for_embedded: FOR_EMBEDDED.contains(&operation),
    }
}

fn looked_up(operation: &str) -> Option<(Need, Named, Form)> {
    let in_code = IN_CODE.iter().find(|(.., ids)| ids.contains(&operation));
    let annotated = ANNOTATED.iter().find(|(_, ids)| ids.contains(&operation));
    let others = OTHERS.iter().find(|(.., ids)| ids.contains(&operation));
    let organization = Named::Body(Kind::Organization, "organizationId");
    in_code
        .map(|(roles, named, _)| (Need::Role(roles), *named, Form::Problem))
        .or_else(|| annotated.map(|(roles, _)| (Need::Role(roles), Named::Annotated, Form::Annotation)))
        .or_else(|| others.map(|(need, named, _)| (*need, *named, Form::Annotation)))
        .or_else(|| {
            OF_ORGANIZATIONS.contains(&operation).then_some((Need::Belonging, organization, Form::Problem))
        })
}

#[cfg(test)]
mod tests {
    use super::{ANNOTATED, IN_CODE, OF_ORGANIZATIONS, OTHERS};
    use crate::{Edition, Sandbox};

    #[tokio::test]
    async fn every_operation_that_is_served_has_one_row() {
        let mut rows: Vec<&str> = Vec::new();
        rows.extend(IN_CODE.iter().flat_map(|(.., ids)| *ids));
        rows.extend(ANNOTATED.iter().flat_map(|(_, ids)| *ids));
        rows.extend(OTHERS.iter().flat_map(|(.., ids)| *ids));
        rows.extend(OF_ORGANIZATIONS);
        rows.sort_unstable();
        // The edition with the most of them.
        let sandbox = Sandbox::builder().edition(Edition::Cloud).start().await.unwrap();
        assert_eq!(rows, sandbox.operations());
    }
}
