//! Bad input: one clear message, a hint, the documented exit code, and nothing half done.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{NOWHERE, Sandbox, airbyte, run, text};

/// The root of a server that is not there.
fn nobody_listens() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/api/public/v1")
}

fn message_and_hint(error: &Value) -> String {
    format!("{}\n{}", text(error, "message"), text(error, "hint"))
}

#[test]
fn no_credentials_at_all() {
    let error = run(&mut airbyte(["connection", "list", "--output", "json"])).exits(3).error();
    assert_eq!(error["kind"], "missing_credentials");
    for way in ["AIRBYTE_CLIENT_ID", "AIRBYTE_BEARER_TOKEN", "profile"] {
        assert!(message_and_hint(&error).contains(way), "{way}: {error}");
    }
}

#[test]
fn people_get_an_error_line_and_a_hint_line() {
    let ended = run(&mut airbyte(["connection", "list"])).exits(3);
    assert_eq!(ended.stdout, "");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: "), "{}", ended.stderr);
    assert!(lines.iter().any(|line| line.starts_with("hint: ")), "{}", ended.stderr);
}

#[test]
fn wrong_credentials() {
    let sandbox = Sandbox::demo();
    let mut command = sandbox.command(&["connection", "list", "--output", "json"]);
    let error = run(command.env("AIRBYTE_CLIENT_SECRET", "not-the-secret")).exits(3).error();
    assert_eq!((&error["kind"], &error["status"]), (&json!("unauthorized"), &json!(401)));
    assert!(!error.to_string().contains("not-the-secret"), "{error}");
    text(&error, "hint");
}

#[test]
fn a_host_that_cannot_be_reached() {
    let mut command = airbyte(["workspace", "list", "--output", "json", "--api-root", &nobody_listens()]);
    let error = run(command.env("AIRBYTE_BEARER_TOKEN", "token")).exits(5).error();
    assert_eq!((&error["kind"], &error["retryable"]), (&json!("network"), &json!(true)));
    assert!(message_and_hint(&error).contains("127.0.0.1"), "{error}");
}

#[test]
fn an_api_root_that_is_none() {
    let sandbox = Sandbox::demo();
    let host = sandbox.ready("public_api_root").trim_end_matches("/api/public/v1");
    for root in ["not an address", "ftp://example.com/api/public/v1", host, &format!("{host}/api/v1")] {
        let error = sandbox.script(&["workspace", "list", "--api-root", root]).exits(2).error();
        assert_eq!(error["kind"], "configuration", "{root}: {error}");
        text(&error, "hint");
    }
}

#[test]
fn a_web_page_in_place_of_an_answer() {
    let sandbox = Sandbox::with(&["--fault", "html=200,op=listConnections"]);
    let error = sandbox.script(&["connection", "list"]).exits(2).error();
    assert!(text(&error, "message").contains("web page"), "{error}");
    text(&error, "hint");
}

#[test]
fn ids_that_are_no_uuids_need_neither_credentials_nor_a_request() {
    for arguments in [
        ["connection", "get", "nonsense"].as_slice(),
        &["connection", "sync", "nonsense"],
        &["source", "get", "nonsense"],
        &["destination", "get", "nonsense"],
        &["workspace", "get", "nonsense"],
        &["job", "list", "--connection", "nonsense"],
        &["dataset", "list", "nonsense"],
        &["dataset", "head", "nonsense", "users"],
        &["connection", "list", "--workspace", "nonsense"],
    ] {
        let error = run(airbyte(arguments).args(["--output", "json"])).exits(2).error();
        assert_eq!(error["kind"], "invalid_input", "{arguments:?}");
        assert!(text(&error, "message").contains("nonsense"), "{arguments:?}: {error}");
    }
}

#[test]
fn objects_that_are_not_there() {
    let sandbox = Sandbox::demo();
    for arguments in [
        ["workspace", "get", NOWHERE].as_slice(),
        &["source", "get", NOWHERE],
        &["destination", "get", NOWHERE],
        &["connection", "get", NOWHERE],
        &["connection", "sync", NOWHERE],
        &["job", "get", "987654321"],
        &["job", "wait", "987654321"],
        &["dataset", "list", NOWHERE],
        &["dataset", "export", NOWHERE, "users", "-o", "users.csv"],
    ] {
        let ended = sandbox.script(arguments).exits(4);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert_eq!(ended.error()["kind"], "not_found", "{arguments:?}");
        let named =
            arguments.iter().find(|argument| argument.contains("0000") || argument.contains("9876")).unwrap();
        assert!(text(&ended.error(), "message").contains(named), "{arguments:?}: {}", ended.stderr);
    }
    assert!(!sandbox.folder().join("users.csv").exists());
    let ended = sandbox.script(&["connection", "list", "--workspace", NOWHERE]).exits(4);
    text(&ended.error(), "hint");
}

#[test]
fn a_connection_of_another_workspace_than_the_one_named() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let other = sandbox.json(&["api", "POST", "/workspaces", "-f", "name=Other"]);
    let other = text(&other, "workspaceId");
    for arguments in [
        ["connection", "sync", &connection, "--workspace", other].as_slice(),
        &["connection", "get", &connection, "--workspace", other],
        &["dataset", "list", &connection, "--workspace", other],
    ] {
        let error = sandbox.script(arguments).exits(4).error();
        assert!(message_and_hint(&error).contains(sandbox.ready("workspace_id")), "{arguments:?}: {error}");
    }
    assert_eq!(sandbox.json(&["job", "list"]), json!([]));
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::demo();
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    for place in [&folder, "missing/users.parquet"] {
        let mut command =
            sandbox.command(&["dataset", "export", NOWHERE, "users", "-o", place, "--output", "json"]);
        command.args(["--format", "parquet", "--api-root", &nobody_listens()]);
        let error = run(&mut command).exits(1).error();
        assert_eq!(error["kind"], "io", "{place}");
        text(&error, "hint");
    }
}
