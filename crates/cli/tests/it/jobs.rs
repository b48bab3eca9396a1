//! What runs: clearing, refreshing, cancelling, many at once; logs and history.

use std::time::Duration;

use serde_json::json;

use crate::support::{Sandbox, airbyte, keys, run, text};

const NAME: &str = "Faker to SQLite";

/// A second connection of the demo's workspace.
fn second(sandbox: &Sandbox) {
    sandbox.json(&[
        "connection",
        "create",
        "Second",
        "--source=Faker",
        "--destination=Embedded SQLite",
        "--stream=products",
        "--prefix=second_",
    ]);
}

#[test]
fn streams_are_cleared_reset_and_refreshed() {
    let sandbox = Sandbox::demo();
    sandbox.synced_connection();
    let count = |stream: &str| sandbox.json(&["dataset", "count", NAME, stream])["rows"].clone();
    assert_eq!(count("users"), 1_000);
    let cleared = sandbox.json(&["connection", "clear", NAME, "--stream", "users", "--wait", "--yes"]);
    assert_eq!((text(&cleared, "job_type"), text(&cleared, "status")), ("reset", "succeeded"));
    assert_eq!((count("users"), count("products")), (json!(0), json!(100)));
    let refused = sandbox.script(&["connection", "refresh", NAME, "--wait"]).exits(1).error();
    assert_eq!(refused["kind"], "unsupported");
    sandbox.json(&[
        "destination",
        "create",
        "Nothing",
        "--type=dev-null",
        "-Ftest_destination={\"test_destination_type\":\"SILENT\"}",
    ]);
    sandbox.json(&[
        "connection",
        "create",
        "Into nothing",
        "--source=Faker",
        "--destination=Nothing",
        "--stream=users",
    ]);
    let refreshed = sandbox.script(&["connection", "refresh", "Into nothing", "--stream", "users", "--wait"]);
    assert_eq!(text(&refreshed.exits(0).json(), "job_type"), "refresh");
    sandbox.json(&["connection", "reset", NAME, "--wait", "--yes"]);
    assert_eq!(count("products"), 0);
    sandbox.script(&["connection", "clear", NAME, "--stream", "carts", "--yes"]).exits(2);
}

#[test]
fn a_job_is_cancelled_by_its_id_or_its_connection() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h"]);
    let started = sandbox.json(&["connection", "sync", NAME]);
    let id = started["job_id"].to_string();
    let asked = sandbox.script(&["job", "cancel", &id]).exits(2).error();
    assert!(text(&asked, "hint").contains("--yes"), "{asked}");
    assert_eq!(sandbox.json(&["job", "cancel", &id, "--yes"])["status"], "cancelled");
    let none = sandbox.script(&["connection", "cancel", NAME, "--yes"]).exits(6).error();
    assert_eq!(none["kind"], "conflict");
    sandbox.json(&["connection", "sync", NAME]);
    let cancelled = sandbox.json(&["connection", "cancel", NAME, "--yes"]);
    assert_eq!(cancelled["status"], "cancelled");
}

#[test]
fn many_are_synced_and_waited_for_at_once() {
    let sandbox = Sandbox::demo();
    second(&sandbox);
    let synced = sandbox.json(&["connection", "sync", NAME, "Second", "second", "--wait"]);
    let synced = synced.as_array().unwrap();
    assert_eq!(synced.len(), 2);
    assert!(synced.iter().all(|job| job["status"] == "succeeded"), "{synced:?}");
    let ids: Vec<String> = synced.iter().map(|job| job["job_id"].to_string()).collect();
    let waited = sandbox.json(&["job", "wait", &ids[0], &ids[1]]);
    assert_eq!(waited[1]["job_id"], synced[1]["job_id"]);
    let twice = sandbox.json(&["job", "wait", &ids[0], &ids[1], &ids[0]]);
    assert_eq!(twice, waited);
    let shown = sandbox.run(&["connection", "sync", NAME, "Second", "--wait"]).exits(0);
    assert!(shown.stdout.contains("succeeded") && shown.stderr.contains("Second: job"), "{}", shown.stderr);
    assert!(shown.stdout.contains("Second") && shown.stdout.contains(NAME), "{}", shown.stdout);
}

#[test]
fn one_that_fails_of_many_is_reported_with_the_others() {
    let sandbox = Sandbox::with(&["--fault", "fail-job,times=1"]);
    second(&sandbox);
    let ended = sandbox.script(&["connection", "sync", NAME, "Second", "--wait"]).exits(1);
    let jobs = ended.json();
    let mut statuses: Vec<&str> = jobs.as_array().unwrap().iter().map(|job| text(job, "status")).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["failed", "succeeded"]);
    let failed = jobs.as_array().unwrap().iter().find(|job| job["status"] == "failed").unwrap();
    assert_eq!(failed["error"]["kind"], "job_failed");
    assert_eq!(ended.error()["kind"], "job_failed");
}

#[test]
fn many_that_cannot_be_seen_are_given_up_and_named() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h", "--fault", "status=503,op=listJobs"]);
    second(&sandbox);
    let ids: Vec<String> = sandbox.json(&["connection", "list"]).as_array().unwrap()[..2]
        .iter()
        .map(|connection| {
            let member = format!("connectionId={}", text(connection, "connection_id"));
            let job = sandbox.json(&["api", "POST", "/jobs", "-f", &member, "-f", "jobType=sync"]);
            job["jobId"].to_string()
        })
        .collect();
    let given_up = sandbox.run(&["job", "wait", &ids[0], &ids[1], "--give-up-after", "1s"]).exits(5);
    for id in &ids {
        assert!(given_up.stderr.contains(&format!("airbyte job wait {id}")), "{}", given_up.stderr);
    }
}

#[test]
fn jobs_that_were_started_are_named_even_where_nothing_else_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    second(&Sandbox::with(&["--data-dir", folder.path().to_str().unwrap()]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let builder = airbyte_sandbox::Sandbox::builder().data_dir(folder.path());
    let faults = ["slow-job=100h", "slow-start=3s"].map(|fault| fault.parse().unwrap());
    let builder = faults.into_iter().fold(builder, airbyte_sandbox::SandboxBuilder::fault);
    let sandbox = runtime.block_on(builder.start()).unwrap();
    let ready = sandbox.ready();
    let mut sync =
        airbyte(["connection", "sync", NAME, "Second", "--wait", "--timeout", "1s", "--output=json"]);
    sync.env("AIRBYTE_API_URL", &ready.public_api_root)
        .env("AIRBYTE_WORKSPACE_ID", &ready.workspace_id)
        .env("AIRBYTE_CLIENT_ID", &ready.client_id)
        .env("AIRBYTE_CLIENT_SECRET", &ready.client_secret);
    let ended = std::thread::spawn(move || run(&mut sync));
    // Once the jobs are begun, and before the command knows that, connections cannot be read any more.
    while sandbox.requests_for("createJob").len() < 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    sandbox.add_fault("status=501,op=getConnection".parse().unwrap()).unwrap();
    let outcomes = ended.join().unwrap().json();
    for outcome in outcomes.as_array().unwrap() {
        let error = &outcome["error"];
        assert!(text(error, "hint").contains(&format!("airbyte job wait {}", error["job_id"])), "{outcomes}");
    }
    assert_eq!(outcomes.as_array().unwrap().len(), 2);
    runtime.block_on(sandbox.shutdown());
}

#[test]
fn a_sync_can_wait_for_the_one_that_runs() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=1s,times=1"]);
    let first = sandbox.json(&["connection", "sync", NAME]);
    let next = sandbox.json(&["connection", "sync", NAME, "--if-running", "wait", "--wait"]);
    assert!(next["job_id"].as_i64() > first["job_id"].as_i64(), "{next}");
    assert_eq!((next["attached"].clone(), text(&next, "status")), (json!(false), "succeeded"));
    assert_eq!(sandbox.json(&["job", "get", &first["job_id"].to_string()])["status"], "succeeded");
}

#[test]
fn logs_are_read_filtered_and_followed() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=1s,times=1"]);
    let started = sandbox.json(&["connection", "sync", NAME]);
    let id = started["job_id"].to_string();
    let followed = sandbox.run(&["job", "logs", &id, "--follow", "--output", "jsonl"]).exits(0);
    let lines: Vec<serde_json::Value> =
        followed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(sandbox.json(&["job", "get", &id])["status"], "succeeded");
    let all = sandbox.json(&["job", "logs", &id]);
    assert_eq!(json!(lines), all);
    assert_eq!(keys(&all[0]), ["attempt", "number", "at", "level", "source", "message", "stack_trace"]);
    let tail = sandbox.json(&["job", "logs", &id, "--tail", "2"]);
    assert_eq!(tail.as_array().unwrap()[..], all.as_array().unwrap()[lines.len() - 2..]);
    let last = sandbox.run(&["job", "logs", &id, "--follow", "-n2", "--output", "jsonl"]).exits(0).stdout;
    assert_eq!(last.lines().count(), 2, "{last}");
    assert_eq!(sandbox.json(&["job", "logs", &id, "--attempt", "0"]), all);
    let platform = sandbox.json(&["job", "logs", &id, "--source", "source"]);
    assert!(platform.as_array().unwrap().iter().all(|line| line["source"] == "source"), "{platform}");
    let people = sandbox.run(&["job", "logs", &id]).exits(0).stdout;
    assert_eq!(people.lines().count(), lines.len());
    sandbox.script(&["job", "logs", "987654321"]).exits(4);
    sandbox.script(&["job", "logs", &id, "--level", "loud"]).exits(2);
}

#[test]
fn warnings_and_errors_can_be_picked_out() {
    let sandbox = Sandbox::with(&["--fault", "fail-job"]);
    let failed = sandbox.script(&["connection", "sync", NAME, "--wait"]).exits(1).json();
    let lines = sandbox.json(&["job", "logs", &failed["job_id"].to_string(), "--level", "warn"]);
    let lines = lines.as_array().unwrap();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| ["warn", "error", "fatal"].contains(&text(line, "level"))), "{lines:?}");
}

#[test]
fn the_history_has_a_chart_for_people() {
    let sandbox = Sandbox::demo();
    sandbox.synced_connection();
    sandbox.synced_connection();
    let jobs = sandbox.json(&["connection", "history", NAME, "--limit", "1"]);
    assert_eq!((jobs.as_array().unwrap().len(), &jobs[0]["job_id"]), (1, &json!(2)));
    let chart = sandbox.run(&["connection", "history", NAME]).exits(0).stdout;
    assert!(chart.starts_with(NAME) && chart.contains('█'), "{chart}");
    assert_eq!(chart.lines().filter(|line| line.contains("succeeded")).count(), 2, "{chart}");
}
