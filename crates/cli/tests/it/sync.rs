//! `connection sync`: policies, time limits, what is shown while it waits.

use crate::support::{Sandbox, text};

/// Longer than any of these tests: their jobs end because somebody ends them, or not at all.
const ENDLESS: &str = "slow-job=100h";

#[test]
fn without_wait_it_returns_at_once() {
    let sandbox = Sandbox::with(&["--fault", ENDLESS]);
    let started = sandbox.json(&["connection", "sync", &sandbox.connection()]);
    assert!(["pending", "running"].contains(&text(&started, "status")), "{started}");
    assert_eq!(started["attached"], false);
}

#[test]
fn where_a_sync_runs_already_the_policy_decides() {
    let sandbox = Sandbox::with(&["--fault", ENDLESS]);
    let connection = sandbox.connection();
    let first = sandbox.json(&["connection", "sync", &connection]);

    let attached = sandbox.json(&["connection", "sync", &connection]);
    assert_eq!(attached["job_id"], first["job_id"]);
    assert_eq!(attached["attached"], true);

    let refused = sandbox.script(&["connection", "sync", &connection, "--if-running", "fail"]).exits(6);
    assert_eq!(refused.stdout, "");
    assert_eq!(refused.error()["kind"], "already_running");
    assert_eq!(refused.error()["job_id"], first["job_id"]);
    assert_eq!(sandbox.json(&["job", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_time_limit_leaves_the_job_running_and_names_it() {
    let sandbox = Sandbox::with(&["--fault", ENDLESS]);
    let connection = sandbox.connection();
    let late = sandbox.script(&["connection", "sync", &connection, "--wait", "--timeout", "1s"]).exits(5);
    let error = late.error();
    assert_eq!(error["kind"], "timeout");
    assert_eq!(error["retryable"], true);
    let id = error["job_id"].to_string();
    assert_eq!(sandbox.json(&["job", "get", &id])["status"], "running");

    let people = sandbox.run(&["job", "wait", &id, "--timeout", "1s"]).exits(5);
    assert!(people.stderr.contains("error: "), "{}", people.stderr);
    assert!(people.stderr.contains("hint: "), "{}", people.stderr);
    assert!(people.stderr.contains(&id), "{}", people.stderr);
}

#[test]
fn a_job_that_cannot_be_seen_is_given_up_and_named() {
    let sandbox = Sandbox::with(&["--fault", ENDLESS, "--fault", "status=503,op=getJob"]);
    let connection = sandbox.connection();
    let wait = ["connection", "sync", &connection, "--wait", "--give-up-after", "1s"];
    let error = sandbox.script(&wait).exits(5).error();
    assert_eq!(error["kind"], "server");
    assert!(text(&error, "message").contains("lost sight of job"), "{error}");
    let id = error["job_id"].to_string();
    let resume = format!("airbyte job wait {id}");
    assert!(text(&error, "hint").contains(&resume), "{error}");

    let people = sandbox.run(&["job", "wait", &id, "--give-up-after", "1s"]).exits(5);
    for said in ["still waiting", "lost sight of job", &resume] {
        assert!(people.stderr.contains(said), "{said}: {}", people.stderr);
    }
}

#[test]
fn a_time_limit_without_waiting_is_refused_before_anything_starts() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    for option in ["--timeout", "--give-up-after"] {
        sandbox.script(&["connection", "sync", &connection, option, "30m"]).exits(2);
    }
    assert_eq!(sandbox.json(&["job", "list"]), serde_json::json!([]));
}

#[test]
fn one_wrong_id_of_several_starts_nothing() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    sandbox.script(&["connection", "sync", &connection, crate::support::NOWHERE]).exits(4);
    sandbox.script(&["connection", "sync", &connection, "nonsense"]).exits(4);
    assert_eq!(sandbox.json(&["job", "list"]), serde_json::json!([]));
}

#[test]
fn people_see_few_plain_lines_and_quiet_means_quiet() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let shown = sandbox.run(&["connection", "sync", &connection, "--wait"]).exits(0);
    assert!((1..=8).contains(&shown.stderr.lines().count()), "{}", shown.stderr);
    assert!(shown.stdout.contains("succeeded"), "{}", shown.stdout);
    assert!(!(shown.stdout + &shown.stderr).contains('\u{1b}'), "escape sequences in a pipe");

    let quiet = sandbox.run(&["connection", "sync", &connection, "--wait", "--quiet"]).exits(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_cancelled_job_is_a_failure() {
    let sandbox = Sandbox::with(&["--fault", ENDLESS]);
    let started = sandbox.json(&["connection", "sync", &sandbox.connection()]);
    let id = started["job_id"].to_string();
    sandbox.json(&["api", "DELETE", &format!("/jobs/{id}")]);
    let waited = sandbox.script(&["job", "wait", &id]).exits(1);
    assert_eq!(waited.error()["kind"], "job_cancelled");
    assert_eq!(waited.json()["status"], "cancelled");
}

#[test]
fn a_disabled_connection_is_a_conflict() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    sandbox.json(&["api", "PATCH", &format!("/connections/{connection}"), "-f", "status=inactive"]);
    let error = sandbox.script(&["connection", "sync", &connection]).exits(6).error();
    assert_eq!(error["kind"], "connection_not_active");
    assert!(text(&error, "hint").contains("`airbyte connection enable`"), "{error}");
}
