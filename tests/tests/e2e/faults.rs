//! The worst night in small: a sync asked for once is one job, whatever the network does.

use airbyte_tests::Sandbox;
use serde_json::Value;

/// Runs one sync under these faults and returns what the command printed and the jobs that exist afterwards.
fn sync_under(faults: &[&str]) -> (std::process::Output, Vec<Value>) {
    let mut arguments = vec!["--seed", "demo", "--time-scale", "0.2"];
    arguments.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let sandbox = Sandbox::start(&arguments).unwrap();
    let connection = sandbox.connection("Faker to SQLite");
    let output = sandbox.run(&["connection", "sync", &connection, "--wait", "--timeout", "60s"]);
    let jobs = sandbox.json(&["job", "list", "--connection", &connection]);
    (output, jobs.as_array().unwrap().clone())
}

fn assert_one_job_that_succeeded(faults: &[&str]) {
    let (output, jobs) = sync_under(faults);
    assert!(output.status.success(), "{faults:?}: {}", String::from_utf8_lossy(&output.stderr));
    let synced: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(jobs.len(), 1, "{faults:?}: {jobs:?}");
    assert_eq!(synced["job_id"], jobs[0]["job_id"], "{faults:?}");
    assert_eq!(jobs[0]["status"], "succeeded", "{faults:?}");
}

#[test]
fn a_lost_reply_to_the_start_starts_nothing_twice() {
    assert_one_job_that_succeeded(&["lose-reply,op=createJob,times=1"]);
}

#[test]
fn a_start_that_never_arrived_is_made_once() {
    assert_one_job_that_succeeded(&["drop,op=createJob,times=1"]);
    assert_one_job_that_succeeded(&["status=503,op=createJob,times=1"]);
}

#[test]
fn half_an_answer_to_the_start_starts_nothing_twice() {
    assert_one_job_that_succeeded(&["truncate,op=createJob,times=1"]);
}

#[test]
fn a_wait_survives_failing_polls_and_an_expired_token() {
    assert_one_job_that_succeeded(&["status=503,op=getJob,times=2", "expire-token,op=getJob,times=1"]);
    assert_one_job_that_succeeded(&["html=502,op=getJob,times=2", "lose-reply,op=getJob,times=1"]);
}

#[test]
fn a_job_that_fails_is_reported_with_its_reason() {
    let (output, jobs) = sync_under(&["fail-job"]);
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["job_id"], jobs[0]["job_id"]);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("failed"), "{message}");
    let job = &jobs[0];
    assert_eq!(job["status"], "failed");
}
