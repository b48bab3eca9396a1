//! The part of the walk through the public API that is about what surrounds sources and connections.

use reqwest::Method;
use serde_json::json;

use crate::conformance::Walk;
use crate::support::{answer, id};

/// Calls the operations on tags, definitions, people, regions and applications, and those of embedding.
pub(crate) async fn walk_through(walk: &mut Walk) {
    let workspace = walk.api.workspace().to_owned();

    let tag = json!({"name": "finance", "color": "75DCFF", "workspaceId": workspace});
    let tag = walk.call("createTag", "/tags", Some(tag)).await;
    let path = format!("/tags/{}", id(&tag, "tagId"));
    walk.get("listTags", "/tags").await;
    walk.get("getTag", &path).await;
    walk.call("updateTag", &path, Some(json!({"name": "money", "color": "000000"}))).await;
    walk.get("deleteTag", &path).await;

    definitions(walk, &workspace).await;
    people(walk, &workspace).await;
    regions(walk).await;
    embedded(walk, &workspace).await;
    oauth(walk, &workspace).await;

    let application = walk.call("createApplication", "/applications", Some(json!({"name": "second"}))).await;
    let path = format!("/applications/{}", id(&application, "id"));
    walk.get("listApplications", "/applications").await;
    walk.get("getApplication", &path).await;
    walk.get("deleteApplication", &path).await;
}

async fn definitions(walk: &mut Walk, workspace: &str) {
    for kind in ["source", "destination"] {
        walk.get(
            "listConnectorDefinitions",
            &format!("/connector_definitions?type={kind}&workspaceId={workspace}"),
        )
        .await;
    }
    let image = json!({"name": "n", "dockerRepository": "me/mine", "dockerImageTag": "1"});
    let manifest = json!({
        "name": "n", "workspaceId": workspace,
        "manifest": {"spec": {"connection_specification": {"type": "object"}}},
    });
    for (kind, path, body) in [
        ("Source", "sources", image.clone()),
        ("Destination", "destinations", image),
        ("DeclarativeSource", "declarative_sources", manifest),
    ] {
        let all = format!("/workspaces/{workspace}/definitions/{path}");
        let made = walk.call(&format!("create{kind}Definition"), &all, Some(body.clone())).await;
        let one = format!("{all}/{}", id(&made, "id"));
        walk.get(&format!("list{kind}Definitions"), &all).await;
        walk.get(&format!("get{kind}Definition"), &one).await;
        walk.call(&format!("update{kind}Definition"), &one, Some(body)).await;
        walk.get(&format!("delete{kind}Definition"), &one).await;
    }
}

async fn people(walk: &mut Walk, workspace: &str) {
    let organization = walk.api.sandbox.ready().organization_id.clone();
    let body = json!({"name": "Ada", "email": "ada@example.com"});
    let user = answer(walk.api.control(Method::POST, "users").json(&body)).await.expect(200);
    let user = id(&user, "userId");
    walk.get("listUsersWithinAnOrganization", &format!("/users?organizationId={organization}")).await;

    let permission = json!({"permissionType": "workspace_reader", "userId": user, "workspaceId": workspace});
    let permission = walk.call("createPermission", "/permissions", Some(permission)).await;
    let path = format!("/permissions/{}", id(&permission, "permissionId"));
    walk.get("listPermissions", "/permissions").await;
    walk.get("listPermissions", &format!("/permissions?userId={user}&organizationId={organization}")).await;
    walk.get("getPermission", &path).await;
    walk.call("updatePermission", &path, Some(json!({"permissionType": "workspace_admin"}))).await;
    walk.get("deletePermission", &path).await;

    let group = json!({"name": "g", "organizationId": organization});
    let group = walk.call("createGroup", "/groups", Some(group)).await;
    let path = format!("/groups/{}", id(&group, "groupId"));
    walk.get("listGroups", &format!("/groups?organizationId={organization}&limit=1")).await;
    walk.get("getGroup", &path).await;
    walk.call("updateGroup", &path, Some(json!({"name": "h"}))).await;
    walk.call("addGroupMember", &format!("{path}/members"), Some(json!({"userId": user}))).await;
    walk.get("listGroupMembers", &format!("{path}/members?limit=1")).await;
    walk.get("removeGroupMember", &format!("{path}/members/{user}")).await;
    let permission = json!({"permissionType": "workspace_reader", "workspaceId": workspace});
    let permission =
        walk.call("createGroupPermission", &format!("{path}/permissions"), Some(permission)).await;
    walk.get("listGroupPermissions", &format!("{path}/permissions")).await;
    let permission = id(&permission, "permissionId");
    walk.get("deleteGroupPermission", &format!("{path}/permissions/{permission}")).await;
    walk.get("deleteGroup", &path).await;
}

async fn regions(walk: &mut Walk) {
    let organization = walk.api.sandbox.ready().organization_id.clone();
    let region = json!({"name": "r", "organizationId": organization});
    let region = walk.call("createRegion", "/regions", Some(region)).await;
    let region = id(&region, "regionId");
    let path = format!("/regions/{region}");
    walk.list("listRegions", &format!("/regions?organizationId={organization}"), "RegionResponse").await;
    walk.get("getRegion", &path).await;
    walk.call("updateRegion", &path, Some(json!({"enabled": false}))).await;

    let dataplane = json!({"name": "d", "regionId": region});
    let dataplane = walk.call("createDataplane", "/dataplanes", Some(dataplane)).await;
    let one = format!("/dataplanes/{}", id(&dataplane, "dataplaneId"));
    walk.list("listDataplanes", &format!("/dataplanes?regionIds={region}"), "DataplaneResponse").await;
    walk.get("getDataplane", &one).await;
    walk.call("updateDataplane", &one, Some(json!({"name": "e"}))).await;
    walk.get("deleteDataplane", &one).await;
    walk.get("deleteRegion", &path).await;
}

async fn embedded(walk: &mut Walk, workspace: &str) {
    let organization = walk.api.sandbox.ready().organization_id.clone();
    let widget = json!({
        "organizationId": organization, "allowedOrigin": "https://app.example.com", "externalUserId": "u",
    });
    walk.call("getEmbeddedWidget", "/embedded/widget_token", Some(widget)).await;
    let scoped = json!({"workspaceId": workspace});
    walk.call("generateEmbeddedScopedToken", "/embedded/scoped_token", Some(scoped)).await;
    walk.get("listEmbeddedOrganizationsByUser", "/embedded/organizations").await;

    let path = format!("/organizations/{organization}/oauthCredentials");
    let credentials =
        json!({"actorType": "source", "name": "google-ads", "configuration": {"client_id": "x"}});
    walk.call("createOrUpdateOrganizationOAuthCredentials", &path, Some(credentials)).await;
    walk.get("deleteOrganizationOAuthCredentials", &format!("{path}/source/google-ads")).await;
}

async fn oauth(walk: &mut Walk, workspace: &str) {
    let path = format!("/workspaces/{workspace}/oauthCredentials");
    let credentials = json!({"actorType": "source", "name": "google-ads", "configuration": {}});
    walk.unimplemented("createOrUpdateWorkspaceOAuthCredentials", &path, &credentials).await;
    let one = format!("{path}/source/google-ads");
    walk.unimplemented("deleteWorkspaceOAuthCredentials", &one, &json!({})).await;
    let consent = json!({"redirectUrl": "https://me.example.com", "workspaceId": workspace});
    walk.unimplemented("initiateOAuth", "/sources/initiateOAuth", &consent).await;
}
