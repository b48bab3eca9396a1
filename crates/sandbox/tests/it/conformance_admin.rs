//! The part of the walk through the public API that is about what surrounds sources and connections.

use serde_json::json;

use crate::conformance::Walk;
use crate::support::id;

/// Calls the operations on tags and applications.
pub(crate) async fn walk_through(walk: &mut Walk) {
    let workspace = walk.api.workspace().to_owned();

    let tag = json!({"name": "finance", "color": "75DCFF", "workspaceId": workspace});
    let tag = walk.call("createTag", "/tags", Some(tag)).await;
    let path = format!("/tags/{}", id(&tag, "tagId"));
    walk.get("listTags", "/tags").await;
    walk.get("getTag", &path).await;
    walk.call("updateTag", &path, Some(json!({"name": "money", "color": "000000"}))).await;
    walk.get("deleteTag", &path).await;

    let application = walk.call("createApplication", "/applications", Some(json!({"name": "second"}))).await;
    let path = format!("/applications/{}", id(&application, "id"));
    walk.get("listApplications", "/applications").await;
    walk.get("getApplication", &path).await;
    walk.get("deleteApplication", &path).await;
}
