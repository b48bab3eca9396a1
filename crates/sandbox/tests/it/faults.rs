//! Each fault as a client meets it, over a real connection.

use std::time::{Duration, Instant};

use airbyte_sandbox::{Fault, Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, FAST, answer};

/// A sandbox with this fault from its start; the token is had before the fault strikes.
async fn with(fault: &str) -> Api {
    let api = Api::start(Seed::Empty).await;
    switch_on(&api, fault).await;
    api
}

async fn switch_on(api: &Api, fault: &str) {
    let added = answer(api.control(Method::POST, "faults").json(&json!({"fault": fault}))).await;
    assert!(added.status.is_success(), "{added:?}");
}

#[tokio::test]
async fn a_fault_given_at_the_start_strikes_as_often_as_it_says() {
    let fault: Fault = "status=503,op=listSources,times=2".parse().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).fault(fault)).await;
    api.get("/workspaces").await.expect(200);
    for _ in 0..2 {
        assert_eq!(api.get("/sources").await.status, 503);
    }
    api.get("/sources").await.expect(200);
}

#[tokio::test]
async fn faults_are_listed_and_switched_off() {
    let api = with("html=502").await;
    let page = api.get("/workspaces").await;
    assert_eq!(page.status, 502);
    assert!(page.content_type.starts_with("text/html") && page.text.contains("<html"), "{page:?}");
    assert!(answer(api.control(Method::GET, "faults")).await.text.contains("html=502"));
    assert!(answer(api.control(Method::DELETE, "faults")).await.status.is_success());
    api.get("/workspaces").await.expect(200);
    let refused = answer(api.control(Method::POST, "faults").json(&json!({"fault": "explode"}))).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("explode"), "{refused:?}");
}

#[tokio::test]
async fn a_dropped_request_is_never_handled_and_a_lost_reply_is() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let start =
        || api.public(Method::POST, "/jobs").json(&json!({"connectionId": connection, "jobType": "sync"}));
    let jobs = async || api.get("/jobs").await.expect(200)["data"].as_array().unwrap().len();
    switch_on(&api, "drop,op=createJob,times=1").await;
    start().send().await.expect_err("the connection is closed");
    assert_eq!(jobs().await, 0);
    switch_on(&api, "lose-reply,op=createJob,times=1").await;
    start().send().await.expect_err("the connection is closed");
    assert_eq!(jobs().await, 1);
    let seen = answer(api.control(Method::GET, "requests")).await.expect(200);
    let requests = seen.as_array().or_else(|| seen["requests"].as_array()).expect("a list").clone();
    let starts = requests.iter().filter(|request| request["operation"] == "createJob").count();
    assert_eq!(starts, 2, "{seen}");
}

#[tokio::test]
async fn a_truncated_body_ends_in_the_middle() {
    let api = with("truncate,times=1").await;
    let response = api.public(Method::GET, "/workspaces").send().await.expect("the head of an answer");
    assert_eq!(response.status(), 200);
    response.text().await.expect_err("half a body");
    api.get("/workspaces").await.expect(200);
}

#[tokio::test]
async fn a_hanging_request_is_answered_late() {
    let api = with("hang=300ms,times=1").await;
    let begun = Instant::now();
    api.get("/workspaces").await.expect(200);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn all_tokens_can_be_made_to_end() {
    let mut api = with("expire-token,times=1").await;
    assert_eq!(api.get("/workspaces").await.status, 401);
    assert_eq!(api.get("/workspaces").await.status, 401);
    api.log_in().await;
    api.get("/workspaces").await.expect(200);
}

#[tokio::test]
async fn a_slow_start_answers_late_though_the_job_runs() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    switch_on(&api, "slow-start=400ms").await;
    let body = json!({"connectionId": connection, "jobType": "sync"});
    let begun = Instant::now();
    let start = api.post("/jobs", &body);
    let watch = async {
        loop {
            let jobs = api.get("/jobs").await.expect(200);
            if let Some(job) = jobs["data"].as_array().unwrap().first() {
                break job["jobId"].clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (started, (seen, seen_after)) = tokio::join!(start, async { (watch.await, begun.elapsed()) });
    assert_eq!(started.expect(200)["jobId"], seen);
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert!(seen_after < Duration::from_millis(400), "the job was there before the answer: {seen_after:?}");
}

#[tokio::test]
async fn a_slow_job_runs_longer() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let connection = api.small_connection().await;
    switch_on(&api, "slow-job=5m,times=1").await;
    let job = api.start_sync(&connection).await;
    api.until(job, &["running"]).await;
    api.delete(&format!("/jobs/{job}")).await.expect(200);
    api.sync(&connection).await;
}

#[tokio::test]
async fn a_failing_job_fails_for_a_reason() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(0.0005)).await;
    let connection = api.small_connection().await;
    switch_on(&api, "fail-job").await;
    let failures = api.failing_sync(&connection).await;
    for member in ["failureOrigin", "failureType", "externalMessage"] {
        assert!(failures[0][member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {failures:?}");
    }
}

#[tokio::test]
async fn an_unknown_enum_value_is_one_that_the_document_lacks() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let job = api.sync(&connection).await["jobId"].clone();
    switch_on(&api, "unknown-enum,times=1").await;
    let strange = api.get(&format!("/jobs/{job}")).await.expect(200);
    let known =
        ["pending", "queued", "running", "incomplete", "failed", "succeeded", "cancelled"].map(Value::from);
    assert!(strange["status"].is_string() && !known.contains(&strange["status"]), "{strange}");
    assert_eq!(api.get(&format!("/jobs/{job}")).await.expect(200)["status"], "succeeded");
    switch_on(&api, "unknown-enum,op=listJobs").await;
    assert_eq!(api.get("/jobs").await.expect(200)["data"][0]["status"], strange["status"]);
}

#[tokio::test]
async fn the_control_path_is_not_subject_to_faults() {
    let api = with("drop").await;
    api.public(Method::GET, "/workspaces").send().await.expect_err("the connection is closed");
    assert!(answer(api.control(Method::DELETE, "faults")).await.status.is_success());
    api.get("/workspaces").await.expect(200);
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_stay_away_only_if_told_to() {
    let api = Api::start(Seed::Empty).await;
    for (fault, stay_away) in [("rate-limit=1500ms,times=1", Some("2")), ("status=429,times=1", None)] {
        switch_on(&api, fault).await;
        let response = api.public(Method::GET, "/workspaces").send().await.expect("an answer");
        assert_eq!(response.status(), 429);
        let header = response.headers().get("retry-after").map(|value| value.to_str().expect("text"));
        assert_eq!(header, stay_away, "{fault}");
    }
}

#[tokio::test]
async fn a_source_that_is_to_break_breaks_in_the_first_job_that_reads_it() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    switch_on(&api, "break-source=5,times=1").await;
    let reset = json!({"connectionId": connection, "jobType": "reset"});
    let reset = api.post("/jobs", &reset).await.expect(200)["jobId"].as_i64().unwrap();
    api.finished(reset).await;
    let job = api.sync(&connection).await["jobId"].as_i64().unwrap();
    let failure = api.attempts(job).await[0]["attempt"]["failureSummary"]["failures"][0].clone();
    assert_eq!(failure["internalMessage"], "break-source");
    let refused = api.control(Method::POST, "faults").json(&json!({"fault": "fail-job,op=createJob"}));
    answer(refused).await.expect(400);
}
