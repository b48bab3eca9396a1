//! The part of the walk through the public API that is about what surrounds sources and connections.

use serde_json::json;

use crate::conformance::Walk;
use crate::support::id;

/// Calls the operations on tags, definitions and applications.
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
