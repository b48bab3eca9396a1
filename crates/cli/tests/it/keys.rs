//! The keys of every object that the command prints, in one snapshot: a field that is renamed shows up there, and
//! renaming one is a breaking change.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::Sandbox;

/// The keys of an object, or of the first one of a list.
fn keys(value: &Value) -> String {
    let one = value.as_array().and_then(|items| items.first()).unwrap_or(value);
    let list = if value.is_array() { "[]" } else { "" };
    let keys: Vec<&str> =
        one.as_object().into_iter().flat_map(|object| object.keys()).map(String::as_str).collect();
    format!("{list} {}", keys.join(", ")).trim().to_owned()
}

#[test]
fn no_field_is_renamed_unseen() {
    const NAME: &str = "Faker to SQLite";
    let sandbox = Sandbox::demo();
    let file = sandbox.folder().join("manifest.yaml");
    std::fs::write(&file, crate::connector::MANIFEST).unwrap();
    let manifest = file.to_str().unwrap().to_owned();
    let destination = sandbox.destination_file();
    let user = sandbox.json(&["permission", "list"])[0]["user_id"].as_str().unwrap().to_owned();
    let mut all = String::new();
    for arguments in [
        ["connection", "sync", NAME, "--wait"].as_slice(),
        &["connection", "list"],
        &["connection", "get", NAME],
        &[
            "connection",
            "create",
            "Second",
            "--source=Faker",
            "--destination=Embedded SQLite",
            "--stream=users",
        ],
        &["connection", "update", "Second", "--prefix=x_"],
        &["connection", "update", "Second", "--prefix=y_", "--dry-run"],
        &["connection", "schedule", NAME],
        &["connection", "streams", NAME],
        &["connection", "streams", NAME, "--available"],
        &["connection", "state", NAME],
        &["connection", "catalog", NAME],
        &["connection", "history", NAME],
        &["connection", "open", NAME],
        &["connection", "clear", "Second", "--yes", "--wait"],
        &["connection", "delete", "Second", "--yes"],
        &["job", "list"],
        &["job", "get", "1"],
        &["job", "wait", "1"],
        &["job", "logs", "1"],
        &["dataset", "list", NAME],
        &["dataset", "schema", NAME, "users"],
        &["dataset", "count", NAME, "users"],
        &["dataset", "count", "users", "--destination", &destination],
        &["source", "list"],
        &["source", "get", "Faker"],
        &["source", "check", "Faker"],
        &["source", "delete", "File", "--yes"],
        &["destination", "list"],
        &["destination", "get", "Embedded SQLite"],
        &["destination", "check", "Embedded SQLite"],
        &["definition", "publish", "Things", "--manifest", &manifest],
        &["definition", "list"],
        &["workspace", "list"],
        &["workspace", "get"],
        &["organization", "list"],
        &["organization", "get"],
        &["organization", "users"],
        &["tag", "create", "nightly"],
        &["tag", "list"],
        &["permission", "list"],
        &["permission", "grant", &user, "workspace_reader"],
    ] {
        let words: Vec<&str> =
            arguments.iter().copied().filter(|word| !word.contains('/') && !word.contains(&user)).collect();
        let _ = writeln!(all, "{}\n    {}", words.join(" "), keys(&sandbox.json(arguments)));
    }
    insta::assert_snapshot!(all);
}
