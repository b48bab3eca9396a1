//! The call path: retries and errors.

use std::time::Duration;

use airbyte_cloud::{Client, ErrorKind, RetryPolicy};
use serde_json::json;

use crate::support::broken::{BrokenServer, Reply};
use crate::support::{
    Airbyte, TestClock, assert_job, builder, error_id, get, job, ok, page, problem, status,
};

const JOB: &str = "/jobs/7";

async fn answers(answers: Vec<wiremock::ResponseTemplate>) -> Airbyte {
    let airbyte = Airbyte::start().await;
    airbyte.in_turn(get(JOB), answers).await;
    airbyte
}

fn running() -> wiremock::ResponseTemplate {
    ok(job(7, "sync", "running"))
}

#[tokio::test]
async fn passing_failures_are_retried_with_growing_pauses() {
    let airbyte =
        answers(vec![status(503), error_id(500), status(502), status(504), status(408), running()]).await;
    airbyte.client().job(7.into()).info().await.unwrap();
    let sleeps = airbyte.clock.sleeps();
    assert_eq!(sleeps.len(), 5);
    for (pause, longest) in sleeps.iter().zip([0.5, 1.0, 2.0, 4.0, 8.0]) {
        let pause = pause.as_secs_f64();
        assert!(pause >= longest / 2.0 && pause <= longest, "{sleeps:?}");
    }
}

#[tokio::test]
async fn the_last_failure_says_how_often_and_how_long() {
    let airbyte = answers(vec![problem(503, "service-unavailable", "the database is away")]).await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Server, Some(503), 6));
    assert_eq!(error.operation(), Some("getJob"));
    assert_eq!(error.elapsed(), airbyte.clock.passed());
    assert!(error.to_string().contains("the database is away"), "{error}");
    assert!(error.to_string().contains("6 attempts"), "{error}");
    assert!(!error.to_string().contains('\n'));
    assert!(error.is_retryable());
    assert_job(&error, 7);
    let sent = airbyte.requests("GET", JOB).await;
    assert_eq!(error.request_id(), sent.last().unwrap().headers["x-request-id"].to_str().ok());
}

#[tokio::test]
async fn failures_that_stay_are_not_retried() {
    for (code, kind) in [
        (400, ErrorKind::InvalidInput),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (422, ErrorKind::InvalidInput),
        (423, ErrorKind::Conflict),
        (501, ErrorKind::Unsupported),
    ] {
        let airbyte = answers(vec![status(code)]).await;
        let error = airbyte.client().job(7.into()).info().await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{code}: {error:?}");
        assert!(!error.is_retryable(), "{code}");
    }
}

#[tokio::test]
async fn too_many_requests_are_waited_out() {
    let limited = || status(429).set_body_json(json!({ "message": "You are being rate limited." }));
    let airbyte = answers(vec![limited(), limited(), running()]).await;
    airbyte.client().job(7.into()).info().await.unwrap();
    let sleeps = airbyte.clock.sleeps();
    assert!(sleeps[0] >= Duration::from_secs(1) && sleeps[1] >= Duration::from_secs(2), "{sleeps:?}");

    let airbyte = answers(vec![limited()]).await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(airbyte.clock.passed() < Duration::from_mins(1));
}

#[tokio::test]
async fn retry_after_is_obeyed_in_both_forms() {
    let airbyte = answers(vec![
        status(429).insert_header("retry-after", "17"),
        // 20 s after the first pause has ended
        status(503).insert_header("retry-after", "Fri, 02 Jan 2026 03:04:42 GMT"),
        running(),
    ])
    .await;
    airbyte.client().job(7.into()).info().await.unwrap();
    let sleeps = airbyte.clock.sleeps();
    assert_eq!(sleeps[0], Duration::from_secs(17));
    assert_eq!(sleeps[1], Duration::from_secs(20));
}

#[tokio::test]
async fn a_wait_beyond_the_limit_is_not_begun() {
    let airbyte = answers(vec![status(503).insert_header("retry-after", "3600"), running()]).await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert_eq!((error.attempts(), airbyte.clock.sleeps().len()), (1, 0));
}

#[tokio::test]
async fn an_absurd_wait_ends_the_call_and_not_the_program() {
    for wait in ["18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let airbyte = answers(vec![status(429).insert_header("retry-after", wait)]).await;
        let patient = RetryPolicy::default().time_limit(Duration::MAX).attempts(2);
        let client = airbyte.builder().retry_policy(patient).build().unwrap();
        let error = client.job(7.into()).info().await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 2));
        assert_eq!(airbyte.clock.sleeps(), [Duration::from_hours(24)], "{wait}");
    }
}

#[tokio::test]
async fn the_policy_can_be_chosen() {
    let airbyte = answers(vec![status(503)]).await;
    let once = airbyte.builder().retry_policy(RetryPolicy::none()).build().unwrap();
    assert_eq!(once.job(7.into()).info().await.unwrap_err().attempts(), 1);
    let short = RetryPolicy::default().attempts(100).time_limit(Duration::from_secs(10));
    let short = airbyte.builder().retry_policy(short).build().unwrap();
    let before = airbyte.clock.passed();
    short.job(7.into()).info().await.unwrap_err();
    assert!(airbyte.clock.passed() < before + Duration::from_secs(10));
}

#[tokio::test]
async fn broken_connections_and_half_bodies_are_retried_for_reads() {
    let failures = std::sync::atomic::AtomicU32::new(0);
    let server =
        BrokenServer::start(move |_| match failures.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Reply::Drop,
            1 => Reply::Truncate(job(7, "sync", "running")),
            _ => Reply::Json(200, job(7, "sync", "running")),
        })
        .await;
    let client = builder(&server.root, &TestClock::new()).build().unwrap();
    client.job(7.into()).info().await.unwrap();
    assert_eq!(server.count("GET /jobs/7"), 3);
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let server = BrokenServer::start(|_| Reply::Hang).await;
    let policy = RetryPolicy::default().attempts(2);
    let client =
        builder(&server.root, &TestClock::new()).timeout(Duration::from_millis(50)).retry_policy(policy);
    let error = client.build().unwrap().job(7.into()).info().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.attempts(), 2);
}

/// A server that takes connections and never answers, and a client of it in virtual time.
async fn silence(limit: Option<Duration>) -> (tokio::net::TcpListener, Client) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/api/public/v1", listener.local_addr().unwrap());
    let builder = Client::builder().ignore_environment().api_root(root).no_auth();
    let builder = match limit {
        Some(limit) => builder.timeout(limit),
        None => builder,
    };
    (listener, builder.build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_take_long_gets_its_time() {
    // Longer than the time in which attempts may begin.
    let some = "11111111-0000-4000-8000-000000000001";
    let (_listener, client) = silence(None).await;
    let check = client.source(some.parse().unwrap()).check().await.unwrap_err();
    let (_listener, client) = silence(Some(Duration::from_mins(3))).await;
    let read = client.job(7.into()).info().await.unwrap_err();
    for (error, minutes) in [(check, 5), (read, 3)] {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1), "{error:?}");
        assert_eq!(error.elapsed().as_secs(), minutes * 60, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_callers_own_cuts_a_call_short() {
    let (_listener, client) = silence(Some(Duration::from_mins(3))).await;
    let source = client.source("11111111-0000-4000-8000-000000000001".parse().unwrap());
    let started = tokio::time::Instant::now();
    let error = source.streams(None).timeout(Duration::from_secs(20)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 20);
    let wait = client.job(7.into()).wait().timeout(Duration::from_secs(5)).await.unwrap_err();
    assert!(wait.is_timeout(), "{wait:?}");
    assert!(started.elapsed().as_secs() <= 20 + 6, "{:?}", started.elapsed());
}

#[tokio::test]
async fn nobody_there_is_a_network_error_that_names_the_root() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}/api/public/v1", listener.local_addr().unwrap());
    drop(listener);
    let clock = TestClock::new();
    let error = builder(&root, &clock).build().unwrap().job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Network, 6));
    assert!(error.hint().unwrap().contains(&root), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn any_success_status_is_a_success() {
    for code in [201, 202, 299] {
        let airbyte = answers(vec![status(code).set_body_json(job(7, "sync", "running"))]).await;
        airbyte.client().job(7.into()).info().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_names_the_place() {
    let mut odd = job(7, "sync", "running");
    odd["rowsSynced"] = json!("many");
    let airbyte = Airbyte::start().await;
    get("/jobs").respond_with(ok(page(&[job(6, "sync", "failed"), odd]))).mount(&airbyte.server).await;
    let error = airbyte.client().workspace(crate::support::workspace_id()).jobs().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::UnexpectedResponse, 1));
    assert!(error.to_string().contains("data[1].rowsSynced"), "{error}");
}

#[tokio::test]
async fn words_and_members_of_a_newer_server_do_no_harm() {
    let mut newer = job(7, "compaction", "hibernating");
    newer["mood"] = json!({ "good": true });
    newer["bytesSynced"] = json!(null);
    let airbyte = answers(vec![ok(newer)]).await;
    let info = airbyte.client().job(7.into()).info().await.unwrap();
    assert_eq!((info.status.as_str(), info.job_type.as_str()), ("hibernating", "compaction"));
    assert_eq!(info.bytes_synced, None);
}

#[tokio::test]
async fn a_web_page_with_status_200_is_no_answer() {
    let html = status(200).set_body_raw("<!doctype html><html><title>Airbyte</title></html>", "text/html");
    let airbyte = answers(vec![html]).await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 1));
    assert!(error.to_string().contains("web page"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_told_not_followed() {
    let airbyte = answers(vec![
        status(301).insert_header("location", "https://airbyte.example.com/api/public/v1/jobs/7?x=1"),
    ])
    .await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Configuration, Some(301)));
    assert!(error.hint().unwrap().contains("https://airbyte.example.com/api/public/v1/jobs/7"), "{error:?}");
}

#[tokio::test]
async fn an_unknown_job_is_not_found_whatever_the_server_says() {
    for answer in [
        problem(409, "409-state-conflict", "Job is not currently running"),
        problem(403, "forbidden", "no"),
        status(403).set_body_json(json!({ "message": "Forbidden", "_links": {}, "_embedded": {} })),
        error_id(404),
    ] {
        let airbyte = answers(vec![answer]).await;
        let error = airbyte.client().job(7.into()).info().await.unwrap_err();
        assert!(error.is_not_found(), "{error:?}");
        assert!(error.to_string().starts_with("job 7 was not found"), "{error}");
        let hint = error.hint().unwrap();
        assert_eq!(hint.contains("access"), error.status() == Some(403), "{hint}");
        assert_job(&error, 7);
    }
}

#[tokio::test]
async fn every_body_shape_ends_in_the_message() {
    let html = status(400).set_body_raw("<html><title>Proxy Error</title></html>", "text/html");
    for (answer, text) in [
        (problem(422, "unprocessable-entity", "name is too long"), "name is too long"),
        (status(400).set_body_json(json!({ "message": "known trouble", "errorId": "x" })), "known trouble"),
        (
            status(400).set_body_json(
                json!({ "message": "Bad Request", "_embedded": { "errors": [{ "message": "bad enum" }] } }),
            ),
            "bad enum",
        ),
        (status(400).set_body_raw("Object not found.", "application/json"), "Object not found."),
        (html, "Proxy Error"),
    ] {
        let airbyte = answers(vec![answer]).await;
        let error = airbyte.client().job(7.into()).info().await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.problem().is_some());
    }
    let airbyte = answers(vec![error_id(400)]).await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert!(error.problem().unwrap().error_id.is_some());
}
