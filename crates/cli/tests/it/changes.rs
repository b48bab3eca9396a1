//! Whatever changes something can be looked at first, and is not done without being asked for.

use serde_json::{Value, json};

use crate::support::{Sandbox, run, text};

/// Everything that a workspace has, for telling whether something has changed.
fn everything(sandbox: &Sandbox) -> Vec<Value> {
    // How long a job has been running changes by itself.
    let list = |noun: &str| match noun {
        "job" => sandbox.json(&["job", "list", "--fields", "job_id,status"]),
        _ => sandbox.json(&[noun, "list"]),
    };
    ["workspace", "source", "destination", "connection", "job", "tag", "definition"].map(list).to_vec()
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would() {
    let sandbox = Sandbox::demo();
    let folder = sandbox.folder();
    let manifest = folder.join("manifest.yaml");
    std::fs::write(&manifest, crate::connector::MANIFEST).unwrap();
    let manifest = manifest.to_str().unwrap();
    let state = folder.join("state.json");
    std::fs::write(&state, r#"{"stateType":"stream","streamState":[]}"#).unwrap();
    let state = state.to_str().unwrap();
    sandbox.json(&["tag", "create", "nightly"]);
    let before = everything(&sandbox);
    for arguments in [
        ["workspace", "create", "Second"].as_slice(),
        &["workspace", "rename", "Sandbox", "Other"],
        &["workspace", "delete", "Sandbox"],
        &["source", "create", "New", "--type", "faker", "-F", "count=1"],
        &["source", "update", "Faker", "-F", "count=2"],
        &["source", "rename", "Faker", "Other"],
        &["source", "delete", "Faker"],
        &["destination", "create", "New", "--type", "dev-null"],
        &["destination", "update", "Embedded SQLite", "-f", "destination_path=/local/x.db"],
        &["destination", "rename", "Embedded SQLite", "Other"],
        &["destination", "delete", "Embedded SQLite"],
        &["definition", "publish", "New", "--manifest", manifest],
        &[
            "connection",
            "create",
            "New",
            "--source",
            "File",
            "--destination",
            "Embedded SQLite",
            "--all-streams",
        ],
        &["connection", "update", "Faker to SQLite", "--prefix", "x_"],
        &["connection", "rename", "Faker to SQLite", "Other"],
        &["connection", "disable", "Faker to SQLite"],
        &["connection", "schedule", "Faker to SQLite", "0 0 6 * * ?"],
        &["connection", "streams", "Faker to SQLite", "--remove", "products"],
        &["connection", "state", "Faker to SQLite", "--set", state],
        &["connection", "catalog", "Faker to SQLite", "--refresh-schema"],
        &["connection", "delete", "Faker to SQLite", "--with-source"],
        &["connection", "sync", "Faker to SQLite"],
        &["connection", "reset", "Faker to SQLite"],
        &["connection", "clear", "Faker to SQLite"],
        &["connection", "refresh", "Faker to SQLite"],
        &["tag", "create", "weekly"],
        &["tag", "update", "nightly", "--name", "weekly"],
        &["tag", "delete", "nightly"],
    ] {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--dry-run"]).collect();
        let plan = sandbox.json(&arguments);
        assert_eq!(plan["dry_run"], true, "{arguments:?}");
        assert!(plan["action"].is_string() && plan["kind"].is_string(), "{plan}");
        let told = sandbox.run(&arguments).exits(0).stdout;
        assert!(told.starts_with("would "), "{arguments:?}: {told}");
        assert_eq!(everything(&sandbox), before, "{arguments:?}");
    }
}

/// A dry run tells what the server would.
#[test]
fn a_stream_that_the_source_does_not_offer_is_no_plan() {
    let sandbox = Sandbox::demo();
    let create = ["connection", "create", "New", "--source", "Faker", "--destination", "Embedded SQLite"];
    for arguments in [
        [&create[..], &["--stream", "nope"]].concat(),
        vec!["connection", "streams", "Faker to SQLite", "--add", "nope"],
        vec!["connection", "streams", "Faker to SQLite", "--only", "nope"],
    ] {
        let error = sandbox.script(&[&arguments[..], &["--dry-run"]].concat()).exits(2).error();
        assert!(text(&error, "message").contains("`nope`"), "{arguments:?}: {error}");
        assert!(text(&error, "hint").contains("users"), "{arguments:?}: {error}");
        assert!(!sandbox.script(&arguments).status.success(), "{arguments:?}");
    }
}

#[test]
fn a_name_that_another_one_has_is_not_given_without_being_asked_for() {
    let sandbox = Sandbox::demo();
    let create = ["connection", "create", "Second", "--source", "Faker", "--destination", "Embedded SQLite"];
    sandbox.json(&[&create[..], &["--stream", "users"]].concat());
    sandbox.json(&["destination", "create", "Nowhere", "--type", "dev-null"]);
    sandbox.json(&["tag", "create", "nightly"]);
    sandbox.json(&["tag", "create", "weekly"]);
    let before = everything(&sandbox);
    for arguments in [
        ["source", "rename", "File", "Faker"].as_slice(),
        &["destination", "rename", "Nowhere", "Embedded SQLite"],
        &["connection", "rename", "Second", "Faker to SQLite"],
        &["connection", "update", "Second", "--name", "Faker to SQLite"],
        &["tag", "update", "weekly", "--name", "nightly"],
        &["tag", "create", "nightly"],
    ] {
        for dry in [&["--dry-run"][..], &[]] {
            let error = sandbox.script(&[arguments, dry].concat()).exits(6).error();
            assert!(text(&error, "message").contains("already"), "{arguments:?}: {error}");
        }
        assert_eq!(everything(&sandbox), before, "{arguments:?}");
    }
    for arguments in [
        ["tag", "update", "weekly", "--color", "red"].as_slice(),
        &["tag", "create", "Tag", "--color", "#fff"],
    ] {
        let error = sandbox.script(&[arguments, &["--dry-run"]].concat()).exits(2).error();
        assert!(text(&error, "message").contains("colour"), "{error}");
    }
    // Its own name is nobody else's, and two may have one where that is wanted.
    sandbox.json(&["tag", "update", "weekly", "--name", "weekly", "--color", "112233"]);
    sandbox.json(&["connection", "rename", "Second", "Second"]);
    let renamed = sandbox.json(&["source", "rename", "File", "Faker", "--allow-same-name"]);
    assert_eq!(renamed["name"], "Faker");
    sandbox.json(&["connection", "update", "Second", "--name", "Faker to SQLite", "--allow-same-name"]);
}

#[test]
fn what_cannot_be_undone_wants_a_yes() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h"]);
    sandbox.json(&["tag", "create", "nightly"]);
    let manifest = sandbox.folder().join("manifest.yaml");
    std::fs::write(&manifest, crate::connector::MANIFEST).unwrap();
    sandbox.json(&["definition", "publish", "Things", "--manifest", manifest.to_str().unwrap()]);
    let permission = sandbox.json(&["permission", "list"])[0]["permission_id"].as_str().unwrap().to_owned();
    let empty = sandbox.folder().join("empty.yaml");
    std::fs::write(&empty, "version: 1\n").unwrap();
    sandbox.json(&["connection", "sync", "Faker to SQLite"]);
    while sandbox.json(&["job", "get", "1"])["status"] != "running" {}
    let before = everything(&sandbox);
    for arguments in [
        ["workspace", "delete", "Sandbox"].as_slice(),
        &["definition", "delete", "Things"],
        &["permission", "revoke", &permission],
        &["connection", "cancel", "Faker to SQLite"],
        &["connection", "refresh", "Faker to SQLite", "--truncate"],
        &["connection", "apply", empty.to_str().unwrap(), "--prune"],
        &["job", "cancel", "1"],
        &["source", "delete", "Faker"],
        &["destination", "delete", "Embedded SQLite"],
        &["connection", "delete", "Faker to SQLite"],
        &["connection", "clear", "Faker to SQLite"],
        &["connection", "reset", "Faker to SQLite"],
        &["tag", "delete", "nightly"],
    ] {
        let error = sandbox.script(arguments).exits(2).error();
        assert!(text(&error, "hint").contains("--yes"), "{arguments:?}: {error}");
        assert_eq!(everything(&sandbox), before, "{arguments:?}");
    }
    let told = sandbox.run(&["source", "delete", "Faker"]).exits(2).stderr;
    assert!(told.contains("connection `Faker to SQLite`"), "{told}");
}

#[test]
fn the_plan_of_a_change_names_no_secret() {
    let sandbox = Sandbox::demo();
    let mut command = sandbox.command(&[
        "destination",
        "create",
        "Warehouse",
        "--type=postgres",
        "-fhost=127.0.0.1",
        "-fpassword=${WAREHOUSE_PASSWORD}",
        "--dry-run",
    ]);
    let told = run(command.env("WAREHOUSE_PASSWORD", "hunter2")).exits(0);
    assert!(told.stdout.contains("password") && !told.stdout.contains("hunter2"), "{}", told.stdout);
    let missing = run(command.env_remove("WAREHOUSE_PASSWORD").args(["--output", "json"])).exits(2).error();
    assert!(text(&missing, "message").contains("WAREHOUSE_PASSWORD"), "{missing}");
}

#[test]
fn fields_choose_what_is_printed() {
    let sandbox = Sandbox::demo();
    let list = sandbox.json(&["connection", "list", "--fields", "name,schedule.type,nothing"]);
    assert_eq!(list, json!([{ "name": "Faker to SQLite", "schedule.type": "manual", "nothing": null }]));
    let lines = sandbox.run(&["source", "list", "--output", "jsonl", "--fields", "name"]).exits(0).stdout;
    assert_eq!(lines, "{\"name\":\"Faker\"}\n{\"name\":\"File\"}\n");
    let table = sandbox.run(&["source", "list", "--fields", "name,nmae"]).exits(0);
    assert!(table.stdout.starts_with("NAME") && table.stdout.contains("Faker"), "{}", table.stdout);
    assert!(table.stderr.contains("no field `nmae`"), "{}", table.stderr);
    let api = sandbox.json(&["api", "GET", "/sources", "--paginate", "--fields", "name"]);
    assert_eq!(api, json!([{ "name": "Faker" }, { "name": "File" }]));
}
