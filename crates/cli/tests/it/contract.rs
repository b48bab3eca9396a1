//! What scripts rely on: keys, arrays, objects. Changing one of these tests is a breaking change.

use crate::support::{Sandbox, keys, text};

const SYNC: [&str; 8] =
    ["job_id", "connection_id", "job_type", "status", "attached", "records_synced", "bytes_synced", "url"];

#[test]
fn lists_are_arrays_of_objects() {
    let sandbox = Sandbox::demo();
    let connections = sandbox.json(&["connection", "list"]);
    assert!(keys(&connections[0]).starts_with(&["connection_id", "name"]), "{connections}");
    assert_eq!(connections[0]["status"], "active");
    assert_eq!(connections[0]["workspace_id"], sandbox.ready("workspace_id"));

    let names = |noun: &str| -> Vec<String> {
        let list = sandbox.json(&[noun, "list"]);
        let one = &list[0];
        assert!(one[format!("{noun}_id")].is_string(), "{one}");
        list.as_array().unwrap().iter().map(|one| text(one, "name").to_owned()).collect()
    };
    assert_eq!(names("workspace"), ["Sandbox"]);
    assert_eq!(names("source"), ["Faker", "File"]);
    assert_eq!(names("destination"), ["Embedded SQLite"]);
    assert_eq!(names("connection"), ["Faker to SQLite"]);
    assert_eq!(sandbox.json(&["job", "list"]), serde_json::json!([]));
}

#[test]
fn json_lines_are_one_object_a_line() {
    let sandbox = Sandbox::demo();
    let array = sandbox.json(&["source", "list"]);
    let lines = sandbox.run(&["source", "list", "--output", "jsonl"]).exits(0);
    let objects: Vec<serde_json::Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(array, serde_json::Value::Array(objects));
}

#[test]
fn an_object_of_a_list_is_what_get_prints() {
    let sandbox = Sandbox::demo();
    for noun in ["workspace", "source", "destination", "connection"] {
        let list = sandbox.json(&[noun, "list"]);
        let id = text(&list[0], &format!("{noun}_id"));
        let one = sandbox.json(&[noun, "get", id]);
        assert_eq!(one["name"], list[0]["name"], "{noun}");
        assert_eq!(keys(&one), keys(&list[0]), "{noun}");
    }
}

#[test]
fn a_limit_holds() {
    let sandbox = Sandbox::demo();
    let list = sandbox.json(&["source", "list", "--limit", "1"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn a_sync_is_one_object_and_its_job_the_same_with_times() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let synced = sandbox.json(&["connection", "sync", &connection, "--wait", "--timeout", "5m"]);
    assert_eq!(keys(&synced), SYNC);
    assert_eq!(synced["connection_id"], connection.as_str());
    assert_eq!(synced["job_type"], "sync");
    assert_eq!(synced["status"], "succeeded");
    assert_eq!(synced["attached"], false);
    assert!(synced["records_synced"].as_u64().unwrap() > 1_000, "{synced}");
    assert!(synced["bytes_synced"].as_u64().unwrap() > 1_000, "{synced}");

    let id = synced["job_id"].to_string();
    for verb in ["get", "wait"] {
        let job = sandbox.json(&["job", verb, &id]);
        let expected: Vec<&str> = SYNC.into_iter().chain(["started_at", "duration_seconds"]).collect();
        assert_eq!(keys(&job), expected, "{verb}");
        for key in SYNC {
            assert_eq!(job[key], synced[key], "{key} of {verb}");
        }
        assert!(text(&job, "started_at").ends_with('Z'), "{job}");
        assert!(job["duration_seconds"].is_number(), "{job}");
    }

    let listed = sandbox.json(&[
        "job",
        "list",
        "--connection",
        &connection,
        "--status",
        "succeeded",
        "--type",
        "sync",
    ]);
    for key in ["job_id", "connection_id", "job_type", "status", "records_synced", "bytes_synced"] {
        assert_eq!(listed[0][key], synced[key], "{key}");
    }
    assert!(listed[0]["duration_seconds"].is_number(), "{listed}");
    assert_eq!(sandbox.json(&["job", "list", "--status", "failed"]), serde_json::json!([]));
}

#[test]
fn several_syncs_are_an_array() {
    let sandbox = Sandbox::demo();
    let first = sandbox.connection();
    let source = sandbox.json(&["source", "list", "--name", "File"]);
    let destination = sandbox.json(&["destination", "list"]);
    let made = sandbox.json(&[
        "api",
        "POST",
        "/connections",
        "-f",
        "name=Cities",
        "-f",
        &format!("sourceId={}", text(&source[0], "source_id")),
        "-f",
        &format!("destinationId={}", text(&destination[0], "destination_id")),
    ]);
    let second = text(&made, "connectionId");
    let synced = sandbox.json(&["connection", "sync", &first, second, "--wait"]);
    let synced = synced.as_array().unwrap();
    assert_eq!(synced.len(), 2);
    for (object, id) in synced.iter().zip([first.as_str(), second]) {
        assert_eq!(keys(object), SYNC);
        assert_eq!(object["connection_id"], id);
        assert_eq!(object["status"], "succeeded");
    }
}

#[test]
fn a_failed_job_says_why() {
    let sandbox = Sandbox::with(&["--fault", "fail-job"]);
    let connection = sandbox.connection();
    let ended = sandbox.script(&["connection", "sync", &connection, "--wait"]).exits(1);
    let synced = ended.json();
    assert_eq!(keys(&synced), SYNC);
    assert_eq!(synced["status"], "failed");
    let error = ended.error();
    assert_eq!(error["kind"], "job_failed");
    assert_eq!(error["job_id"], synced["job_id"]);
    assert_eq!(error["retryable"], false);

    // Reading about a failed job works; waiting for one does not end well.
    let id = synced["job_id"].to_string();
    let people = sandbox.run(&["job", "wait", &id]).exits(1).stderr;
    assert!(people.contains(&format!("`airbyte job logs {id}`")), "{people}");
    assert_eq!(people.matches("asked for it").count(), 1, "{people}");
    let job = sandbox.json(&["job", "get", &id]);
    assert_eq!(keys(&job)[8..], ["started_at", "duration_seconds", "failures"]);
    let failure = &job["failures"][0];
    assert_eq!(keys(failure), ["origin", "type", "message"]);
    assert_eq!((text(failure, "origin"), text(failure, "type")), ("source", "config_error"));
    let waited = sandbox.script(&["job", "wait", &id]).exits(1);
    assert_eq!(waited.json(), job);

    let people = sandbox.run(&["job", "wait", &id]).exits(1);
    assert!(people.stderr.contains(text(failure, "message")), "{}", people.stderr);
}

#[test]
fn datasets_and_exports() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let listed = sandbox.json(&["dataset", "list", &connection]);
    assert_eq!(keys(&listed[0]), ["stream", "namespace", "schema", "table", "exists"]);
    assert!(listed.as_array().unwrap().iter().all(|one| one["exists"] == true), "{listed}");

    let file = sandbox.folder().join("users.parquet");
    let file = file.to_str().unwrap();
    let exported =
        sandbox.json(&["dataset", "export", &connection, "users", "--format", "parquet", "-o", file]);
    assert_eq!(keys(&exported), ["stream", "schema", "table", "rows", "bytes", "file"]);
    assert_eq!(exported["stream"], "users");
    assert_eq!(exported["file"], file);
    assert_eq!(exported["bytes"], std::fs::metadata(file).unwrap().len());
    assert_eq!(exported["rows"], 1_000);
}

#[test]
fn an_error_object_holds_what_is_known_and_nothing_else() {
    let sandbox = Sandbox::demo();
    let unknown = crate::support::NOWHERE;
    let error = sandbox.script(&["connection", "get", unknown]).exits(4).error();
    assert_eq!(keys(&error), ["kind", "message", "hint", "status", "retryable"]);
    assert_eq!(error["kind"], "not_found");
    assert_eq!(error["status"], 404);
    assert_eq!(error["retryable"], false);
    assert!(text(&error, "message").contains(unknown), "{error}");

    // Whoever asks for one line each gets it on standard error, too.
    let lines = sandbox.run(&["connection", "get", unknown, "--output", "jsonl"]).exits(4);
    assert_eq!(lines.stdout, "");
    assert_eq!(lines.stderr.lines().count(), 1);
    assert_eq!(lines.error(), error);
}

#[test]
fn usage_errors_are_error_objects_too() {
    for arguments in [
        ["connection", "sync", "--output", "json"].as_slice(),
        &["--output=json", "job", "wait", "soon"],
        &["job", "wait", "1", "--timeout", "soon", "--output", "jsonl"],
        &["frobnicate", "--output", "json"],
    ] {
        let error = crate::support::run(&mut crate::support::airbyte(arguments)).exits(2).error();
        assert_eq!(error["kind"], "invalid_input", "{arguments:?}");
        assert!(!text(&error, "message").contains('\u{1b}'), "{error}");
    }
}
