//! A workspace as a file: written, applied, applied again.

use serde_json::{Value, json};

use crate::support::{Sandbox, run, text};

/// Gives the demo's workspace something of everything.
fn furnished() -> Sandbox {
    let sandbox = Sandbox::demo();
    sandbox.json(&["tag", "create", "nightly", "--color", "2E8B57"]);
    std::fs::write(sandbox.folder().join("secret"), "hunter2").unwrap();
    sandbox.json(&[
        "destination",
        "create",
        "Warehouse \"EU\" ☕",
        "--type=postgres",
        "-fhost=127.0.0.1",
        "-Fport=5432",
        "-fdatabase=d",
        "-fusername=u",
        "-fpassword=${file:secret}",
        "-fschema=$${literally}",
    ]);
    sandbox.json(&[
        "connection",
        "create",
        "Second",
        "--source=Faker",
        "--destination=Warehouse \"EU\" ☕",
        "--stream=users=incremental_deduped_history",
        "--stream=purchases=full_refresh_append",
        "--stream=products",
        "--columns=products=id,make,model",
        "--prefix=second_",
        "--namespace=x_${SOURCE_NAMESPACE}",
        "--schedule=0 0 6 * * ?",
        "--schema-updates=propagate_columns",
        "--tag=nightly",
        "--disabled",
    ]);
    sandbox
}

fn exported(sandbox: &Sandbox) -> String {
    sandbox.run(&["connection", "export"]).exits(0).stdout
}

/// A file in the sandbox's folder.
fn file(sandbox: &Sandbox, content: &str) -> String {
    let file = sandbox.folder().join("workspace.yaml");
    std::fs::write(&file, content).unwrap();
    file.to_str().unwrap().to_owned()
}

fn apply(sandbox: &Sandbox, content: &str, more: &[&str]) -> Value {
    let file = file(sandbox, content);
    let mut command = sandbox.command(&["connection", "apply", &file, "--output", "json"]);
    let ended = run(command.args(more).env("WAREHOUSE_EU_PASSWORD", "hunter2")).exits(0);
    assert_eq!(ended.stderr, "");
    ended.json()
}

#[test]
fn an_exported_workspace_on_an_empty_one_is_exported_equally() {
    let first = furnished();
    let yaml = exported(&first);
    insta::with_settings!({ filters => vec![("/[^ ]*/airbyte-sandbox-[^/]*", "FOLDER")] }, {
        insta::assert_snapshot!(yaml);
    });
    assert!(!yaml.contains("hunter2"));

    let second = Sandbox::demo();
    second.json(&["source", "delete", "Faker", "--yes"]);
    second.json(&["source", "delete", "File", "--yes"]);
    second.json(&["destination", "delete", "Embedded SQLite", "--yes"]);
    let applied = apply(&second, &yaml, &[]);
    assert_eq!(applied["steps"].as_array().unwrap().len(), 7, "{applied}");
    assert_eq!(exported(&second), yaml);

    for sandbox in [&first, &second] {
        let again = apply(sandbox, &yaml, &[]);
        assert_eq!((&again["steps"], &again["unchanged"]), (&json!([]), &json!(7)), "{again}");
    }
}

#[test]
fn applying_twice_changes_nothing_and_a_dry_run_nothing_at_all() {
    let sandbox = furnished();
    let before = exported(&sandbox);
    let changed = before
        .replace("port: 5432", "port: 5433")
        .replace("schedule: 0 0 6 * * ?", "schedule: manual")
        .replace("second_", "third_")
        .replace("incremental_deduped_history", "incremental_append");
    assert_ne!(changed, before);
    let plan = apply(&sandbox, &changed, &["--dry-run"]);
    assert_eq!(plan["dry_run"], true);
    assert_eq!(exported(&sandbox), before);
    let steps = apply(&sandbox, &changed, &[])["steps"].clone();
    assert_eq!(steps, plan["steps"]);
    let kinds: Vec<&str> = steps.as_array().unwrap().iter().map(|step| text(step, "kind")).collect();
    assert_eq!(kinds, ["destination", "connection"]);
    assert_eq!(apply(&sandbox, &changed, &[])["steps"], json!([]));
    assert!(exported(&sandbox).contains("port: 5433"));
}

#[test]
fn people_see_what_changes_and_no_secret() {
    let sandbox = furnished();
    let yaml = exported(&sandbox).replace("port: 5432", "port: 5433\n      api_token: hunter2");
    let file = file(&sandbox, &yaml);
    let shown = sandbox.run(&["connection", "apply", &file, "--dry-run"]).exits(0).stdout;
    assert!(shown.contains("~ configuration.port: 5432 -> 5433"), "{shown}");
    assert!(shown.contains("+ configuration.api_token: \"**********\""), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.trim_end().ends_with("0 to create, 1 to change, 0 to delete, 6 unchanged"), "{shown}");
}

#[test]
fn secrets_are_sent_where_they_are_needed_only() {
    let sandbox = furnished();
    let yaml = exported(&sandbox);
    let file = file(&sandbox, &yaml);
    // Nothing has to be known of the secret as long as it stays.
    assert_eq!(sandbox.json(&["connection", "apply", &file])["steps"], json!([]));
    let error = sandbox.script(&["connection", "apply", &file, "--update-secrets"]).exits(2).error();
    assert!(text(&error, "message").contains("WAREHOUSE_EU_PASSWORD"), "{error}");
    let sent = apply(&sandbox, &yaml, &["--update-secrets"]);
    assert_eq!(sent["steps"][0]["changes"][0]["path"], json!(["configuration", "password"]));
    assert!(!sent.to_string().contains("hunter2"), "{sent}");
}

/// The server's lists show the keys of mappers as they are.
#[test]
fn keys_of_mappers_are_neither_written_nor_shown_and_sent_where_they_have_to_be() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let path = format!("/connections/{connection}");
    let mapper = |key: &str| {
        json!({ "type": "encryption", "mapperConfiguration": {
            "algorithm": "AES", "targetField": "email", "fieldNameSuffix": "_secret", "key": key,
            "mode": "CBC", "padding": "PKCS5Padding",
        } })
    };
    let users =
        json!({ "name": "users", "syncMode": "full_refresh_overwrite", "mappers": [mapper("hunter2")] });
    let body = sandbox.folder().join("edit.json");
    std::fs::write(&body, json!({ "configurations": { "streams": [users] } }).to_string()).unwrap();
    sandbox.json(&["api", "PATCH", &path, "--input", body.to_str().unwrap()]);

    let yaml = exported(&sandbox);
    let reference = "${USERS_MAPPER_0_MAPPERCONFIGURATION_KEY}";
    assert!(yaml.contains(reference) && !yaml.contains("hunter2"), "{yaml}");
    // Nothing has to be known of the key as long as the streams stay as they are.
    assert_eq!(apply(&sandbox, &yaml, &[])["steps"], json!([]));
    let yaml = yaml.replace("    streams:", "    prefix: x_\n    streams:");
    assert_eq!(apply(&sandbox, &yaml, &[])["steps"][0]["changes"][0]["path"], json!(["prefix"]));

    // The streams are sent together, and with them the key.
    let appended = yaml.replace("- name: users", "- name: users\n      sync_mode: full_refresh_append");
    let with_key = |yaml: &str, key: &str, more: &[&str]| {
        let file = file(&sandbox, yaml);
        let mut command = sandbox.command(&["connection", "apply", &file, "--output", "json"]);
        run(command.args(more).env("USERS_MAPPER_0_MAPPERCONFIGURATION_KEY", key))
    };
    let unknown = with_key(&appended, "", &[]).exits(2).error();
    assert!(text(&unknown, "message").contains("USERS_MAPPER_0_MAPPERCONFIGURATION_KEY"), "{unknown}");
    let sent = with_key(&appended, "hunter3", &[]).exits(0);
    assert!(!sent.stdout.contains("hunter"), "{}", sent.stdout);
    let key = || {
        let all = sandbox.json(&["api", "GET", "/connections", "--paginate"]);
        all[0]["configurations"]["streams"][0]["mappers"][0]["mapperConfiguration"]["key"].clone()
    };
    assert_eq!(key(), "hunter3");
    assert_eq!(with_key(&appended, "hunter4", &[]).exits(0).json()["steps"], json!([]));
    let anew = with_key(&appended, "hunter4", &["--update-secrets"]).exits(0);
    assert_eq!(anew.json()["steps"][0]["changes"][0]["path"], json!(["streams", "users", "mappers"]));
    assert_eq!(key(), "hunter4");
    // Written out in the file, which nobody should do, it is not shown either.
    let literal =
        appended.replace(reference, "hunter5").replace("fieldNameSuffix: _secret", "fieldNameSuffix: _x");
    let shown = with_key(&literal, "", &["--dry-run"]).exits(0);
    assert!(shown.stdout.contains("_x") && !shown.stdout.contains("hunter"), "{}", shown.stdout);
}

#[test]
fn nothing_is_deleted_unless_that_is_asked_for() {
    let sandbox = furnished();
    let yaml = exported(&sandbox);
    let part = sandbox.run(&["connection", "export", "Second"]).exits(0).stdout;
    assert!(!part.contains("Embedded SQLite"), "{part}");
    assert_eq!(apply(&sandbox, &part, &[])["steps"], json!([]));
    assert_eq!(exported(&sandbox), yaml);
    let file = file(&sandbox, &part);
    let error = sandbox.script(&["connection", "apply", &file, "--prune"]).exits(2).error();
    assert!(text(&error, "hint").contains("--yes"), "{error}");
    assert_eq!(exported(&sandbox), yaml);
    apply(&sandbox, &part, &["--prune", "--yes"]);
    assert_eq!(exported(&sandbox), part);
}

#[test]
fn what_is_done_is_told_when_the_rest_fails() {
    let sandbox = Sandbox::demo();
    let yaml = exported(&sandbox)
        .replace("sources:\n", "sources:\n  A:\n    type: faker\n    configuration: {count: 1}\n")
        + "  Bad:\n    source: A\n    destination: Embedded SQLite\n    streams: [{name: carts}]\n";
    let file = file(&sandbox, &yaml);
    let ended = sandbox.script(&["connection", "apply", &file]);
    assert_ne!(ended.status.code(), Some(0));
    assert_eq!(ended.json()["steps"].as_array().unwrap().len(), 1);
    assert!(text(&ended.error(), "message").starts_with("create connection `Bad`: "), "{}", ended.stderr);
}

#[test]
fn files_that_are_none_are_refused() {
    let sandbox = Sandbox::demo();
    for (content, word) in [
        ("", "version"),
        ("version: 1\nsorces: {}\n", "sorces"),
        ("version: 7\n", "version 7"),
        (
            "version: 1\nconnections:\n  A: {source: X, destination: Y, streams: [{name: users}]}\n",
            "no source named `X`",
        ),
        ("version: 1\nsources:\n  A: {configuration: {}}\n", "`type`"),
        ("version: 1\nsources:\n  A: {type: faker}\n  A: {type: file}\n", "duplicate"),
        ("a: [", "not valid"),
    ] {
        let file = file(&sandbox, content);
        let error = sandbox.script(&["connection", "apply", &file]).exits(2).error();
        assert!(text(&error, "message").contains(word), "{content}: {error}");
    }
    sandbox.json(&["source", "create", "Faker", "--type=faker", "-Fcount=1", "--allow-same-name"]);
    let error = sandbox.script(&["connection", "export"]).exits(6).error();
    assert!(text(&error, "hint").contains("rename"), "{error}");
}

#[cfg(unix)]
#[test]
fn standard_output_and_what_is_no_ordinary_file_are_written_to_as_they_are() {
    use std::os::unix::fs::FileTypeExt;
    let sandbox = Sandbox::demo();
    let yaml = exported(&sandbox);
    assert_eq!(sandbox.run(&["connection", "export", "-o", "-"]).exits(0).stdout, yaml);
    assert!(!sandbox.folder().join("-").exists());
    let pipe = sandbox.folder().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reading = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    sandbox.run(&["connection", "export", "-o", pipe.to_str().unwrap()]).exits(0);
    assert_eq!(reading.join().unwrap(), yaml);
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn a_file_that_cannot_be_done_whole_is_not_begun() {
    let sandbox = Sandbox::demo();
    let before = exported(&sandbox);
    let connection = |more: &str| {
        format!(
            "version: 1\nsources:\n  New: {{type: faker, configuration: {{count: 1}}}}\nconnections:\n  C: {{source: New, \
             destination: Embedded SQLite, {more}}}\n"
        )
    };
    for (content, word) in [
        (connection("schedule: 0 6 * * *, streams: [{name: users}]"), "schedule"),
        (connection("streams: [{name: users, sync_mode: incremental}]"), "sync mode"),
        (connection("schema_updates: sometimes, streams: [{name: users}]"), "sometimes"),
        (connection("streams: [{name: users, mappers: [{key: '${NOT_SET_ANYWHERE}'}]}]"), "NOT_SET_ANYWHERE"),
        ("version: 1\ntags: {a: red}\nsources:\n  New: {type: faker}\n".to_owned(), "colour"),
        ("version: 1\nsources:\n  A: {type: faker}\n  B: {definition: x}\n".to_owned(), "definition"),
    ] {
        let file = file(&sandbox, &content);
        for more in [&["--dry-run"][..], &[]] {
            let apply = [&["connection", "apply", &file], more].concat();
            let error = sandbox.script(&apply).exits(2).error();
            assert!(text(&error, "message").contains(word), "{content}: {error}");
        }
    }
    assert_eq!(exported(&sandbox), before);
}

#[test]
fn a_connection_of_another_workspace_is_not_taken_for_all_of_this_one() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let elsewhere = sandbox.json(&["workspace", "create", "Elsewhere"]);
    let mut export = sandbox.command(&["connection", "export", &connection, "--output", "json"]);
    let error = run(export.env("AIRBYTE_WORKSPACE_ID", text(&elsewhere, "workspace_id"))).exits(4).error();
    assert!(text(&error, "message").contains(&connection), "{error}");
}
