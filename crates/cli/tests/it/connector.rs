//! Sources, destinations and custom connectors: every verb.

use serde_json::json;

use crate::support::{Sandbox, run, text};

/// The manifest of a connector that reads nothing.
pub(crate) const MANIFEST: &str = "
version: 6.1.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [things]}
streams: []
spec:
  type: Spec
  connection_specification: {type: object, properties: {}}
";

#[test]
fn a_source_lives_from_creation_to_deletion() {
    let sandbox = Sandbox::demo();
    let made =
        sandbox.json(&["source", "create", "Numbers", "--type", "faker", "-F", "count=25", "-F", "seed=7"]);
    assert_eq!((text(&made, "name"), text(&made, "source_type")), ("Numbers", "faker"));
    let taken =
        sandbox.script(&["source", "create", "Numbers", "--type", "faker", "-F", "count=25"]).exits(6);
    assert_eq!(taken.error()["kind"], "conflict");

    let updated = sandbox.json(&["source", "update", "numbers", "-F", "count=30"]);
    assert_eq!(
        (&updated["configuration"]["count"], &updated["configuration"]["seed"]),
        (&json!(30), &json!(7))
    );
    let file = sandbox.folder().join("faker.yaml");
    std::fs::write(&file, "count: 12\n").unwrap();
    let file = file.to_str().unwrap();
    let replaced = sandbox.json(&["source", "update", "Numbers", "--config", file, "--replace"]);
    assert_eq!(
        (&replaced["configuration"]["count"], replaced["configuration"].get("seed")),
        (&json!(12), None)
    );

    let renamed = sandbox.json(&["source", "rename", "Numbers", "Figures"]);
    assert_eq!(renamed["source_id"], made["source_id"]);
    let checked = sandbox.json(&["source", "check", "Figures"]);
    assert_eq!((text(&checked, "status"), &checked["id"]), ("succeeded", &made["source_id"]));

    let refused = sandbox.script(&["source", "delete", "Figures", "--safe-mode", "--yes"]).exits(6).error();
    assert!(text(&refused, "message").contains("safe mode"), "{refused}");
    // Neither is it shown as what would be done.
    sandbox.script(&["source", "delete", "Figures", "--safe-mode", "--dry-run"]).exits(6);
    let again = ["source", "create", "Figures", "--type=faker", "--dry-run"];
    let taken = sandbox.script(&again).exits(6).error();
    assert!(text(&taken, "message").contains("Figures"), "{taken}");
    sandbox.script(&[&again[..], &["--allow-same-name"]].concat()).exits(0);
    let deleted = sandbox.json(&["source", "delete", "Figures", "--yes"]);
    assert_eq!(deleted, json!({ "kind": "source", "id": made["source_id"], "name": "Figures" }));
    sandbox.script(&["source", "get", "Figures"]).exits(4);
}

#[test]
fn deleting_a_source_says_which_connections_went_with_it() {
    let sandbox = Sandbox::demo();
    let deleted = sandbox.json(&["source", "delete", "Faker", "--yes"]);
    assert_eq!(deleted["also"][0]["name"], "Faker to SQLite");
    assert_eq!(sandbox.json(&["connection", "list"]), json!([]));
}

#[test]
fn a_check_that_fails_says_why() {
    let sandbox = Sandbox::demo();
    let arguments = [
        "destination",
        "create",
        "Nowhere",
        "--type=postgres",
        "-fhost=127.0.0.1",
        "-Fport=1",
        "-fdatabase=d",
    ];
    let rest = ["-fusername=u", "-fpassword=${file:secret}", "-fschema=public"];
    std::fs::write(sandbox.folder().join("secret"), "hunter2\n").unwrap();
    let made = run(sandbox.command(&arguments).args(rest).args(["--output", "json"])).exits(0);
    assert!(!made.stdout.contains("hunter2"), "{}", made.stdout);
    let checked = sandbox.script(&["destination", "check", "Nowhere"]).exits(1);
    assert_eq!(checked.json()["status"], "failed");
    assert_eq!(checked.error()["kind"], "check_failed");
    let made_and_checked = ["Nowhere too", "--check", "--output", "json"];
    let arguments = arguments.map(|word| if word == "Nowhere" { made_and_checked[0] } else { word });
    let checked = run(sandbox.command(&arguments).args(rest).args(&made_and_checked[1..])).exits(1);
    assert_eq!(
        (checked.json()["name"].clone(), checked.error()["kind"].clone()),
        (json!("Nowhere too"), json!("check_failed"))
    );
}

#[test]
fn a_connector_that_is_not_named_is_refused_before_any_request() {
    let sandbox = Sandbox::demo();
    let error = sandbox.script(&["source", "create", "New", "-F", "count=1"]).exits(2).error();
    assert!(text(&error, "hint").contains("--type"), "{error}");
    let error = sandbox.script(&["source", "update", "Faker"]).exits(2).error();
    assert!(text(&error, "message").contains("nothing to change"), "{error}");
}

#[test]
fn addresses_are_printed_for_scripts() {
    let sandbox = Sandbox::demo();
    sandbox.json(&["connection", "sync", "Faker to SQLite", "--wait"]);
    let host = sandbox.ready("public_api_root").trim_end_matches("/api/public/v1");
    for arguments in [
        ["source", "open", "Faker"].as_slice(),
        &["destination", "open", "Embedded SQLite"],
        &["connection", "open", "Faker to SQLite"],
        &["workspace", "open"],
        &["job", "open", "1"],
    ] {
        let url = sandbox.json(arguments);
        assert!(text(&url, "url").starts_with(host), "{arguments:?}: {url}");
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--print"]).collect();
        let printed = sandbox.run(&arguments).exits(0);
        assert_eq!((printed.stdout.trim(), printed.stderr.as_str()), (text(&url, "url"), ""));
    }
}

#[test]
fn a_custom_connector_lives_from_publication_to_deletion() {
    let sandbox = Sandbox::demo();
    let file = sandbox.folder().join("manifest.yaml");
    std::fs::write(&file, MANIFEST).unwrap();
    let file = file.to_str().unwrap();
    let made = sandbox.json(&["definition", "publish", "Things", "--manifest", file]);
    assert_eq!((text(&made, "name"), &made["version"]), ("Things", &json!(1)));
    assert_eq!(sandbox.json(&["definition", "list"])[0]["definition_id"], made["definition_id"]);
    std::fs::write(file, MANIFEST.replace("things", "others")).unwrap();
    let updated = sandbox.json(&["definition", "update", "things", "--manifest", file]);
    assert_eq!(updated["version"], 2);
    assert_eq!(
        sandbox.json(&["definition", "get", "Things"])["manifest"]["check"]["stream_names"],
        json!(["others"])
    );
    let error = sandbox.script(&["definition", "publish", "Things", "--image", "no-tag"]).exits(2).error();
    assert!(text(&error, "hint").contains("IMAGE:TAG"), "{error}");
    let deleted = sandbox.json(&["definition", "delete", "Things", "--yes"]);
    assert_eq!(deleted["kind"], "definition");
    assert_eq!(sandbox.json(&["definition", "list"]), json!([]));
}

#[test]
fn an_id_is_looked_for_in_the_workspace_that_is_named() {
    let sandbox = Sandbox::demo();
    sandbox.json(&["workspace", "create", "Elsewhere"]);
    let tag = sandbox.json(&["tag", "create", "nightly", "--color", "2E8B57"]);
    for (noun, id) in [
        ("source", sandbox.json(&["source", "get", "Faker"])["source_id"].clone()),
        ("destination", sandbox.json(&["destination", "get", "Embedded SQLite"])["destination_id"].clone()),
        ("tag", tag["tag_id"].clone()),
    ] {
        let delete = [noun, "delete", id.as_str().unwrap(), "--yes", "--workspace"];
        let error = sandbox.script(&[&delete[..], &["Elsewhere"]].concat()).exits(4).error();
        assert!(text(&error, "message").contains("belongs to"), "{error}");
        sandbox.script(&[&delete[..], &[sandbox.ready("workspace_id")]].concat()).exits(0);
    }
}

#[test]
fn a_connector_with_a_slip_in_its_name_is_told_which_one_may_be_meant() {
    let sandbox = Sandbox::demo();
    for (noun, typed, meant) in [("source", "fakr", "`faker`"), ("destination", "postgress", "`postgres`")] {
        let error = sandbox.script(&[noun, "create", "New", "--type", typed, "-f", "a=b"]).exits(2).error();
        assert!(text(&error, "message").contains(typed), "{error}");
        assert!(text(&error, "hint").contains(meant), "{error}");
    }
    // Nothing is guessed where the connector is there, and the configuration is wrong.
    let error =
        sandbox.script(&["source", "create", "New", "--type", "faker", "-f", "count=many"]).exits(2).error();
    assert!(!error.to_string().contains("did you mean"), "{error}");
}
