//! Waiting for jobs, and cancelling them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use airbyte_cloud::{ErrorKind, FailureOrigin, FailureType, JobStatus, PollingPolicy, Update};
use futures::StreamExt;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::broken::{BrokenServer, Reply};
use crate::support::{
    Airbyte, CONFIG, CONNECTION, TestClock, WORKSPACE, assert_job, builder, config, connection, delete,
    error_id, get, job, ok, page, post, problem, status, token,
};

const JOB: &str = "/jobs/7";

fn seen(status: &str) -> ResponseTemplate {
    ok(job(7, "sync", status))
}

async fn airbyte(looks: Vec<ResponseTemplate>) -> Airbyte {
    let airbyte = Airbyte::start().await;
    airbyte.in_turn(get(JOB), looks).await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(ok(connection("active")))
        .mount(&airbyte.server)
        .await;
    airbyte
}

/// The job as the Config API shows it.
fn details(attempts: &Value) -> ResponseTemplate {
    let job = json!({
        "id": 7, "configType": "sync", "configId": CONNECTION, "createdAt": 1_700_000_000,
        "updatedAt": 1_700_000_001, "status": "running",
    });
    ok(json!({ "job": job, "attempts": attempts }))
}

fn attempt(id: i64, failures: &Value) -> Value {
    let summary = json!({ "failures": failures, "partialSuccess": false });
    json!({ "attempt": {
        "id": id, "status": "failed", "createdAt": 1, "updatedAt": 2, "recordsSynced": 30, "failureSummary": summary,
        "streamStats": [{ "streamName": "users", "streamNamespace": "shop",
                          "stats": { "recordsEmitted": 40, "bytesEmitted": 400, "recordsCommitted": 30 } }],
    } })
}

fn failure(origin: &str, kind: &str, message: &str) -> Value {
    json!({ "failureOrigin": origin, "failureType": kind, "externalMessage": message,
            "internalMessage": "inner", "stacktrace": "at x\nat y", "timestamp": 1_700_000_000_000_i64 })
}

#[tokio::test]
async fn the_end_is_waited_for_through_every_status() {
    let looks =
        ["pending", "queued", "running", "incomplete", "running", "hibernating", "succeeded"].map(seen);
    let airbyte = airbyte(looks.into()).await;
    let done = airbyte.client().job(7.into()).wait().details(false).await.unwrap();
    assert_eq!((done.status, done.records_synced), (JobStatus::Succeeded, Some(3)));
    let expected = [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796_875].map(Duration::from_secs_f64);
    assert_eq!(airbyte.clock.sleeps(), expected, "grows, without jitter");
}

#[tokio::test]
async fn intervals_reach_their_limit() {
    let mut looks = vec![seen("running"); 12];
    looks.push(seen("succeeded"));
    let airbyte = airbyte(looks).await;
    let policy = PollingPolicy::default().interval(Duration::from_secs(4)).growth(2.0);
    airbyte.client().job(7.into()).wait().policy(policy).details(false).await.unwrap();
    let sleeps = airbyte.clock.sleeps();
    assert_eq!(sleeps[..3], [4, 8, 10].map(Duration::from_secs));
    assert_eq!(sleeps[11], Duration::from_secs(10));
}

#[tokio::test]
async fn failed_looks_are_told_and_survived() {
    let html = status(502).set_body_string("<html><title>Bad Gateway</title></html>");
    let looks = vec![seen("running"), status(503), html, status(429), seen("running"), seen("succeeded")];
    let airbyte = airbyte(looks).await;
    let updates: Vec<Update> = airbyte.client().job(7.into()).wait().details(false).collect().await;
    let kinds: Vec<String> = updates
        .iter()
        .map(|update| match update {
            Update::InProgress(progress) => progress.status().to_string(),
            Update::PollFailed(error) => error.kind().to_string(),
            Update::Done(job) => job.status.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["running", "server", "server", "rate_limited", "running", "succeeded"]);
}

#[tokio::test]
async fn a_look_that_is_asked_to_wait_does() {
    let looks = vec![status(429).insert_header("retry-after", "25"), seen("succeeded")];
    let airbyte = airbyte(looks).await;
    airbyte.client().job(7.into()).wait().await.unwrap();
    assert_eq!(airbyte.clock.sleeps(), [Duration::from_secs(25)]);
}

#[tokio::test]
async fn broken_connections_are_survived() {
    let looks = Mutex::new(0);
    let server = BrokenServer::start(move |_| {
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        match *looks {
            2 => Reply::Drop,
            4 => Reply::Truncate(job(7, "sync", "succeeded")),
            1..=4 => Reply::Json(200, job(7, "sync", "running")),
            _ => Reply::Json(200, job(7, "sync", "succeeded")),
        }
    })
    .await;
    let clock = TestClock::new();
    let client = builder(&server.root, &clock).build().unwrap();
    let updates: Vec<Update> = client.job(7.into()).wait().details(false).collect().await;
    let failed: Vec<_> = updates.iter().map(|update| matches!(update, Update::PollFailed(_))).collect();
    assert_eq!(failed, [false, true, false, true, false], "{updates:?}");
    assert!(matches!(updates.last(), Some(Update::Done(_))), "{updates:?}");
}

#[tokio::test]
async fn a_limit_without_a_time_is_waited_out_at_the_usual_pace() {
    let airbyte = airbyte(vec![status(429), status(429), seen("succeeded")]).await;
    airbyte.client().job(7.into()).wait().await.unwrap();
    assert_eq!(airbyte.clock.sleeps(), [0.5, 0.75].map(Duration::from_secs_f64));
}

#[tokio::test]
async fn what_stands_still_is_not_shown_as_progress() {
    // The server's duration ends when the status changed last, so it stays as it is while the job runs.
    let airbyte = airbyte(vec![seen("running"), seen("running"), seen("running"), seen("succeeded")]).await;
    let updates: Vec<Update> = airbyte.client().job(7.into()).wait().details(false).collect().await;
    let progress = updates.iter().filter_map(|update| match update {
        Update::InProgress(progress) => Some((progress.job.duration, progress.watched)),
        _ => None,
    });
    let expected =
        [0.0, 0.5, 1.25].map(|watched| (Some(Duration::from_secs(5)), Duration::from_secs_f64(watched)));
    assert_eq!(progress.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn looks_that_fail_for_too_long_end_the_wait_with_the_job_id() {
    let airbyte = airbyte(vec![seen("running"), status(503)]).await;
    // Looks at 0, 0.5, 1.25, 2.4, 4.1 and 6.6 seconds; the first one succeeds.
    let wait = airbyte.client().job(7.into()).wait().patience(Duration::from_secs(5)).details(false);
    let error = wait.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("lost sight of job 7: 5 looks in a row failed within 6 s"), "{error}");
    assert!(error.hint().unwrap().contains("goes on"), "{error:?}");
    assert_job(&error, 7);
    assert_eq!(airbyte.count("GET", JOB).await, 1 + 5);
}

#[tokio::test]
async fn only_failed_looks_in_a_row_count() {
    let looks = [503, 0, 503, 0, 503, 0].map(|code| if code == 0 { seen("running") } else { status(code) });
    let airbyte = airbyte(looks.into_iter().chain([seen("succeeded")]).collect()).await;
    let wait = airbyte.client().job(7.into()).wait().patience(Duration::ZERO).details(false);
    wait.await.unwrap();
}

#[tokio::test]
async fn a_server_that_answers_nothing_but_errors_is_given_up_after_a_quarter_of_an_hour() {
    let absurd = || status(503).insert_header("retry-after", "86400");
    for answer in [status(500), status(429), absurd(), status(200).set_body_string("<html>")] {
        let airbyte = airbyte(vec![answer]).await;
        let error = airbyte.client().job(7.into()).wait().await.unwrap_err();
        assert_job(&error, 7);
        let passed = airbyte.clock.passed();
        assert!((900..=910).contains(&passed.as_secs()), "{passed:?}: {error}");
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_seen_ends_the_wait_at_once() {
    let airbyte = airbyte(vec![problem(409, "409-state-conflict", "Job is not currently running")]).await;
    let error = airbyte.client().job(7.into()).wait().await.unwrap_err();
    assert!(error.is_not_found());
    assert_job(&error, 7);
    assert_eq!(airbyte.count("GET", JOB).await, 1);
}

#[tokio::test]
async fn a_token_that_ends_while_waiting_is_replaced() {
    let airbyte = Airbyte::without_tokens().await;
    post("/applications/token").respond_with(ok(token("t", 3))).mount(&airbyte.server).await;
    let looks = vec![
        seen("running"),
        status(401),
        seen("running"),
        seen("running"),
        seen("running"),
        seen("succeeded"),
    ];
    airbyte.in_turn(get(JOB), looks).await;
    let mut updates = airbyte.client().job(7.into()).wait().details(false);
    while let Some(update) = updates.next().await {
        assert!(!matches!(update, Update::PollFailed(_)), "{update:?}");
    }
    // The first, one for the refused one, and one because that ends after three seconds.
    assert_eq!(airbyte.count("POST", "/applications/token").await, 3);
}

#[tokio::test]
async fn credentials_that_are_refused_for_good_end_the_wait() {
    // Two tokens may end during one look; six in a row are refused.
    for (refused, ends_well) in [(2, true), (6, false)] {
        let mut looks = vec![status(401); refused];
        looks.push(seen("succeeded"));
        let airbyte = airbyte(looks).await;
        let outcome = airbyte.client().job(7.into()).wait().details(false).await;
        match outcome {
            Ok(_) => assert!(ends_well),
            Err(error) => {
                assert!(!ends_well && error.is_unauthorized(), "{error:?}");
                assert_job(&error, 7);
            }
        }
    }
}

#[tokio::test]
async fn the_deadline_is_kept_and_the_job_named() {
    let airbyte = airbyte(vec![seen("running")]).await;
    let wait = airbyte.client().job(7.into()).wait().timeout(Duration::from_secs(21)).details(false);
    let error = wait.await.unwrap_err();
    assert!(error.is_timeout());
    assert_job(&error, 7);
    assert_eq!(error.job().unwrap().status, JobStatus::Running);
    assert_eq!(airbyte.clock.passed(), Duration::from_secs(21), "not a moment longer");
    assert!(error.hint().unwrap().contains("goes on"), "{error:?}");
    assert_eq!(airbyte.count("DELETE", JOB).await, 0);
}

#[tokio::test]
async fn the_deadline_holds_while_looks_fail() {
    let airbyte = airbyte(vec![status(503)]).await;
    let error = airbyte.client().job(7.into()).wait().timeout(Duration::from_secs(5)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(airbyte.clock.passed(), Duration::from_secs(5));
}

#[tokio::test]
async fn at_the_deadline_the_job_can_be_cancelled() {
    // Seen running by the wait and before the request to cancel.
    let airbyte = airbyte(vec![seen("running"), seen("running"), seen("running"), seen("cancelled")]).await;
    get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
    delete(JOB).respond_with(seen("cancelled")).mount(&airbyte.server).await;
    let policy = PollingPolicy::default().interval(Duration::from_secs(1)).timeout(Duration::from_secs(1));
    let wait = airbyte.client().job(7.into()).wait().policy(policy).cancel_on_timeout();
    let error = wait.details(false).await.unwrap_err();
    assert!(error.is_timeout());
    assert!(error.hint().unwrap().contains("was cancelled"), "{error:?}");
    assert_eq!(airbyte.count("DELETE", JOB).await, 1);
}

#[tokio::test]
async fn a_job_that_ends_as_the_time_runs_out_is_done() {
    let airbyte = airbyte(vec![seen("running"), seen("running"), seen("succeeded")]).await;
    let policy = PollingPolicy::default().interval(Duration::from_secs(1)).timeout(Duration::from_secs(1));
    let wait = airbyte.client().job(7.into()).wait().policy(policy).cancel_on_timeout().details(false);
    assert!(wait.await.unwrap().status.is_success());
    assert_eq!(airbyte.count("DELETE", JOB).await, 0);
}

#[tokio::test]
async fn a_job_that_ends_while_it_is_cancelled_is_done() {
    // Seen running by the wait and before the request to cancel; it ends before that arrives.
    let airbyte = airbyte(vec![seen("running"), seen("running"), seen("running"), seen("succeeded")]).await;
    get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
    delete(JOB).respond_with(seen("succeeded")).mount(&airbyte.server).await;
    let policy = PollingPolicy::default().interval(Duration::from_secs(1)).timeout(Duration::from_secs(1));
    let wait = airbyte.client().job(7.into()).wait().policy(policy).cancel_on_timeout().details(false);
    assert!(wait.await.unwrap().status.is_success());
    assert_eq!(airbyte.count("DELETE", JOB).await, 1);
}

#[tokio::test]
async fn a_wait_that_ends_at_its_limit_was_not_abandoned() {
    let airbyte = airbyte(vec![seen("running")]).await;
    get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
    delete(JOB).respond_with(seen("cancelled")).mount(&airbyte.server).await;
    let wait = || {
        let wait = airbyte.client().job(7.into()).wait().timeout(Duration::from_secs(2));
        wait.cancel_on_drop().details(false)
    };
    let error = wait().await.unwrap_err();
    assert!(error.hint().unwrap().contains("goes on"), "{error:?}");
    let mut updates = wait();
    while updates.next().await.is_some() {}
    drop(updates);
    // A request to cancel takes three calls, and would be on its way during these.
    for _ in 0..20 {
        airbyte.client().job(7.into()).info().await.unwrap();
    }
    assert_eq!(airbyte.count("DELETE", JOB).await, 0);
}

#[tokio::test]
async fn an_abandoned_wait_cancels_if_asked_to() {
    let airbyte = airbyte(vec![seen("running")]).await;
    get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
    let (told, hears) = tokio::sync::oneshot::channel();
    let told = Mutex::new(Some(told));
    delete(JOB)
        .respond_with(move |_: &wiremock::Request| {
            let _ = told.lock().unwrap().take().map(|told| told.send(()));
            seen("cancelled")
        })
        .mount(&airbyte.server)
        .await;
    let mut wait = airbyte.client().job(7.into()).wait().cancel_on_drop().details(false);
    wait.next().await.unwrap();
    drop(wait);
    hears.await.unwrap();
}

#[tokio::test]
async fn progress_has_what_the_config_api_knows() {
    let airbyte = airbyte(vec![seen("running"), seen("succeeded")]).await;
    let attempts = json!([attempt(1, &json!([])), attempt(0, &json!([]))]);
    config("/jobs/get_without_logs").respond_with(details(&attempts)).mount(&airbyte.server).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let wait = airbyte.client().job(7.into()).wait().on_update(move |update| {
        if let Update::InProgress(progress) = update {
            log.lock().unwrap().push(progress.clone());
        }
    });
    wait.await.unwrap();
    let progress = seen.lock().unwrap().pop().unwrap();
    assert_eq!(
        (progress.attempt, progress.records_synced, progress.bytes_synced),
        (Some(1), Some(3), Some(2048))
    );
    assert_eq!((progress.streams[0].name.as_str(), progress.streams[0].records_emitted), ("users", Some(40)));
}

#[tokio::test]
async fn without_the_config_api_waiting_goes_on_and_stops_asking() {
    for (answer, asked) in [(status(404), 1), (status(403), 1), (error_id(500), 3)] {
        let mut looks = vec![seen("running"); 6];
        looks.push(seen("succeeded"));
        let airbyte = airbyte(looks).await;
        config("/jobs/get_without_logs").respond_with(answer).mount(&airbyte.server).await;
        airbyte.client().job(7.into()).wait().await.unwrap();
        assert_eq!(airbyte.count("POST", &format!("{CONFIG}/jobs/get_without_logs")).await, asked);
    }
}

#[tokio::test]
async fn a_failed_job_says_why() {
    let airbyte = airbyte(vec![seen("failed")]).await;
    let again = failure("source", "config_error", "the password\nis wrong");
    let attempts = json!([
        attempt(0, &json!([failure("destination", "transient_error", "disk full")])),
        attempt(1, &json!([again, failure("replication", "system_error", "worker died")])),
        attempt(2, &json!([failure("destination", "transient_error", "disk full")])),
    ]);
    config("/jobs/get_without_logs").respond_with(details(&attempts)).mount(&airbyte.server).await;
    let error = airbyte.client().job(7.into()).wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(error.is_job_failed() && !error.is_retryable());
    let failures = error.failures();
    assert_eq!(failures.len(), 3, "each reason once");
    assert_eq!(
        (&failures[1].origin, &failures[1].failure_type),
        (&FailureOrigin::Source, &FailureType::ConfigError)
    );
    assert_eq!((failures[1].message.as_str(), failures[1].attempt), ("the password is wrong", 1));
    assert_eq!(error.to_string(), "job 7 failed: source (config_error): the password is wrong");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("configuration") && hint.contains(&format!("/workspaces/{WORKSPACE}/connections/")),
        "{hint}"
    );
    assert_job(&error, 7);
    let json = serde_json::to_value(&failures[0]).unwrap();
    assert_eq!(
        (json["origin"].as_str(), json["type"].as_str()),
        (Some("destination"), Some("transient_error"))
    );
}

#[tokio::test]
async fn a_failed_job_is_told_even_if_the_reasons_are_not() {
    let airbyte = airbyte(vec![seen("failed")]).await;
    config("/jobs/get_without_logs").respond_with(error_id(500)).mount(&airbyte.server).await;
    let error = airbyte.client().job(7.into()).wait().await.unwrap_err();
    assert_eq!((error.kind(), error.failures().len()), (ErrorKind::JobFailed, 0));
    assert_eq!(error.to_string(), "job 7 failed");
}

#[tokio::test]
async fn a_cancelled_job_is_its_own_kind() {
    let airbyte = airbyte(vec![seen("cancelled")]).await;
    let error = airbyte.client().job(7.into()).wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobCancelled);
    assert!(error.is_job_failed());
}

mod cancel {
    use super::*;

    #[tokio::test]
    async fn stops_the_running_job() {
        let airbyte = airbyte(vec![seen("running"), seen("cancelled")]).await;
        get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
        delete(JOB).respond_with(seen("cancelled")).mount(&airbyte.server).await;
        assert_eq!(airbyte.client().job(7.into()).cancel().await.unwrap().status, JobStatus::Cancelled);
    }

    #[tokio::test]
    async fn never_hits_another_job_of_the_connection() {
        let airbyte = airbyte(vec![seen("succeeded")]).await;
        let error = airbyte.client().job(7.into()).cancel().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("ended already"), "{error}");

        let airbyte = super::airbyte(vec![seen("incomplete")]).await;
        let jobs = [job(9, "sync", "running"), job(7, "sync", "incomplete")];
        get("/jobs").respond_with(ok(page(&jobs))).mount(&airbyte.server).await;
        let error = airbyte.client().job(7.into()).cancel().await.unwrap_err();
        assert!(error.to_string().contains("job 9"), "{error}");
        assert_eq!(airbyte.count("DELETE", JOB).await, 0);
    }

    #[tokio::test]
    async fn of_a_cancelled_job_is_no_error() {
        let airbyte = airbyte(vec![seen("cancelled")]).await;
        airbyte.client().job(7.into()).cancel().await.unwrap();
        assert_eq!(airbyte.count("DELETE", JOB).await, 0);
    }

    #[tokio::test]
    async fn whose_answer_was_lost_is_looked_up_not_repeated() {
        let airbyte = airbyte(vec![seen("running"), seen("cancelled")]).await;
        get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
        delete(JOB).respond_with(status(504)).mount(&airbyte.server).await;
        assert_eq!(airbyte.client().job(7.into()).cancel().await.unwrap().status, JobStatus::Cancelled);
        assert_eq!(airbyte.count("DELETE", JOB).await, 1);
    }

    #[tokio::test]
    async fn of_a_job_that_ends_meanwhile_says_so() {
        let airbyte = airbyte(vec![seen("running"), seen("succeeded")]).await;
        get("/jobs").respond_with(ok(page(&[job(7, "sync", "running")]))).mount(&airbyte.server).await;
        delete(JOB)
            .respond_with(problem(409, "409-state-conflict", "Job is not currently running"))
            .mount(&airbyte.server)
            .await;
        let error = airbyte.client().job(7.into()).cancel().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.job().unwrap().status, JobStatus::Succeeded);
    }
}
