//! `airbyte api`: any operation, raw.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::support::{NOWHERE, Sandbox, text};

#[test]
fn fields_go_into_the_query_or_the_body() {
    let sandbox = Sandbox::demo();
    let workspace = sandbox.ready("workspace_id");
    let listed = sandbox.json(&[
        "api",
        "GET",
        "/sources",
        "-f",
        &format!("workspaceIds={workspace}"),
        "-f",
        "limit=1",
    ]);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);

    let made = sandbox.json(&["api", "post", "workspaces", "-f", "name=Second"]);
    assert_eq!(made["name"], "Second");
    let id = text(&made, "workspaceId");
    let renamed = sandbox.json(&["api", "PATCH", &format!("/workspaces/{id}"), "-f", "name=Third"]);
    assert_eq!(renamed["name"], "Third");
}

#[test]
fn a_body_comes_from_a_file_or_from_standard_input() {
    let sandbox = Sandbox::demo();
    let body = json!({
        "name": "More people", "workspaceId": sandbox.ready("workspace_id"),
        "configuration": {"sourceType": "faker", "count": 5},
    });
    let file = sandbox.folder().join("source.json");
    std::fs::write(&file, body.to_string()).unwrap();
    let made = sandbox.json(&["api", "POST", "/sources", "--input", file.to_str().unwrap()]);
    assert_eq!(made["name"], "More people");

    let mut command = sandbox.command(&["api", "POST", "/sources", "--input", "-"]);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(body.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["configuration"]["count"], 5);
}

#[test]
fn pages_become_one_array() {
    let sandbox = Sandbox::demo();
    let body = json!({
        "name": "One of many", "workspaceId": sandbox.ready("workspace_id"),
        "configuration": {"sourceType": "faker", "count": 5},
    });
    let file = sandbox.folder().join("source.json");
    std::fs::write(&file, body.to_string()).unwrap();
    // The demo has two; a page holds 100.
    for _ in 0..101 {
        sandbox.json(&["api", "POST", "/sources", "--input", file.to_str().unwrap()]);
    }
    let all = sandbox.json(&["api", "GET", "/sources", "--paginate"]);
    let ids: std::collections::BTreeSet<&str> =
        all.as_array().unwrap().iter().map(|source| text(source, "sourceId")).collect();
    assert_eq!((all.as_array().unwrap().len(), ids.len()), (103, 103));
    assert_eq!(sandbox.json(&["source", "list"]).as_array().unwrap().len(), 103);
}

#[test]
fn a_list_that_knows_no_pages_is_read_once() {
    let sandbox = Sandbox::demo();
    let path = format!("/workspaces/{}/definitions/destinations", sandbox.ready("workspace_id"));
    let listed = |arguments: &[&str]| {
        let arguments = [&["api", "GET", path.as_str()], arguments].concat();
        sandbox.json(&arguments)
    };
    let there = listed(&[])["data"].as_array().unwrap().len();
    // As many as are on a page, and one more.
    for number in there..=100 {
        let name = format!("name=Number {number}");
        let image = ["-f", "dockerRepository=example/destination", "-f", "dockerImageTag=1.0.0"];
        let made = [&["api", "POST", path.as_str(), "-f", name.as_str()], &image[..]].concat();
        sandbox.json(&made);
        if number >= 99 {
            assert_eq!(listed(&["--paginate"]).as_array().unwrap().len(), number + 1);
        }
    }
}

#[test]
fn the_config_api_is_a_flag_away() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let found = sandbox.json(&[
        "api",
        "POST",
        "/connections/get",
        "--config-api",
        "-f",
        &format!("connectionId={connection}"),
    ]);
    assert_eq!(found["name"], "Faker to SQLite");
}

#[test]
fn refusals() {
    let sandbox = Sandbox::demo();
    sandbox.script(&["api", "GET", &format!("/connections/{NOWHERE}")]).exits(4).error();
    sandbox.script(&["api", "POST", "/sources", "--input", "missing.json"]).exits(2).error();
    std::fs::write(sandbox.folder().join("broken.json"), "{").unwrap();
    sandbox.script(&["api", "POST", "/sources", "--input", "broken.json"]).exits(2).error();
    sandbox.script(&["api", "POST", "/sources", "--paginate"]).exits(2).error();
    sandbox.script(&["api", "GET", "/workspaces", "-f", "no equals sign"]).exits(2).error();
    sandbox.script(&["api", "FETCH", "/workspaces"]).exits(2).error();
    // Neither would do what it says.
    sandbox.script(&["api", "GET", "/workspaces", "-F", "limit=1"]).exits(2).error();
    sandbox.script(&["api", "GET", "/workspaces", "-f", "limit=1", "--paginate"]).exits(2).error();
    let lacking = sandbox.script(&["api", "POST", "/sources", "-f", "name=Nothing else"]).exits(2);
    assert_eq!(lacking.error()["kind"], "invalid_input");
}
