//! Organizations, workspaces, tags and permissions: every verb.

use serde_json::json;

use crate::support::{Sandbox, text};

#[test]
fn a_workspace_lives_from_creation_to_deletion() {
    let sandbox = Sandbox::demo();
    let made = sandbox.json(&["workspace", "create", "Second"]);
    let id = text(&made, "workspace_id");
    assert_eq!(sandbox.json(&["workspace", "get", "second"]), made);
    assert_eq!(sandbox.json(&["workspace", "list", "--name", "Second"]), json!([made]));
    assert_eq!(sandbox.json(&["workspace", "rename", "Second", "Third"])["workspace_id"], id);
    let refused = sandbox.script(&["workspace", "delete", "Third", "--safe-mode", "--yes"]).exits(6).error();
    assert!(text(&refused, "message").contains("safe mode"), "{refused}");
    assert_eq!(sandbox.json(&["workspace", "delete", "Third", "--yes"])["id"], id);
    sandbox.script(&["workspace", "get", "Third"]).exits(4);
}

#[test]
fn organizations_are_found_by_name_id_and_workspace() {
    let sandbox = Sandbox::demo();
    let list = sandbox.json(&["organization", "list"]);
    let (id, name) = (text(&list[0], "organization_id"), text(&list[0], "name"));
    for arguments in
        [["organization", "get", name].as_slice(), &["organization", "get", id], &["organization", "get"]]
    {
        assert_eq!(sandbox.json(arguments)["organization_id"], id, "{arguments:?}");
    }
    let users = sandbox.json(&["organization", "users"]);
    assert!(text(&users[0], "email").contains('@'), "{users}");
}

#[test]
fn tags_are_created_changed_and_deleted() {
    let sandbox = Sandbox::demo();
    let made = sandbox.json(&["tag", "create", "nightly", "--color", "2E8B57"]);
    let changed = sandbox.json(&["tag", "update", "nightly", "--name", "weekly"]);
    assert_eq!((&changed["tag_id"], text(&changed, "color")), (&made["tag_id"], "2E8B57"));
    sandbox.json(&["connection", "update", "Faker to SQLite", "--tag", "weekly"]);
    let plan = sandbox.json(&["tag", "delete", "weekly", "--dry-run"]);
    assert!(plan["effects"][0].as_str().unwrap().contains("Faker to SQLite"), "{plan}");
    sandbox.json(&["tag", "delete", "weekly", "--yes"]);
    assert_eq!(sandbox.json(&["tag", "list"]), json!([]));
}

#[test]
fn permissions_are_listed_granted_changed_and_revoked() {
    let sandbox = Sandbox::demo();
    let mine = sandbox.json(&["permission", "list"]);
    let user = text(&mine[0], "user_id");
    let second = sandbox.json(&["workspace", "create", "Second"]);
    let granted = sandbox.json(&["permission", "grant", user, "workspace_reader", "--workspace", "Second"]);
    assert_eq!(granted["scope_id"], second["workspace_id"]);
    let id = text(&granted, "permission_id");
    let changed = sandbox.json(&["permission", "change", id, "workspace_editor"]);
    assert_eq!(changed["permission_type"], "workspace_editor");
    sandbox.json(&["permission", "revoke", id, "--yes"]);
    let known = sandbox.script(&["permission", "grant", user, "workspace_painter"]).exits(2).error();
    assert!(text(&known, "message").contains("workspace_reader"), "{known}");
}
