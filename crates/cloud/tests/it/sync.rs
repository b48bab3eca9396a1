//! Starting a sync: exactly once, whatever happens.

use std::sync::Mutex;
use std::time::Duration;

use airbyte_cloud::{ErrorKind, IfRunning, JobType};
use serde_json::{Value, json};
use wiremock::matchers::body_json;

use crate::support::broken::{BrokenServer, Received, Reply};
use crate::support::{
    Airbyte, CONNECTION, TestClock, assert_job, builder, connection, connection_id, error_id, get, job, ok,
    page, post, problem, status,
};

fn already_running() -> wiremock::ResponseTemplate {
    problem(409, "try-again-later", &format!("A sync is already running for: {CONNECTION}"))
}

fn state_conflict() -> wiremock::ResponseTemplate {
    problem(409, "409-state-conflict", "Could not fulfill request")
}

/// A connection with these jobs, newest first, listed in turn.
async fn airbyte(status: &str, jobs: Vec<Vec<Value>>) -> Airbyte {
    let airbyte = Airbyte::start().await;
    airbyte.in_turn(get("/jobs"), jobs.iter().map(|jobs| ok(page(jobs))).collect()).await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(ok(connection(status)))
        .mount(&airbyte.server)
        .await;
    airbyte
}

fn started(id: i64) -> Value {
    let mut job = job(id, "sync", "pending");
    for absent in ["bytesSynced", "rowsSynced", "duration"] {
        job.as_object_mut().unwrap().remove(absent);
    }
    job
}

#[tokio::test]
async fn a_sync_is_started_with_one_request() {
    let airbyte = airbyte("active", vec![vec![job(5, "sync", "succeeded")]]).await;
    post("/jobs")
        .and(body_json(json!({ "connectionId": CONNECTION, "jobType": "sync" })))
        .respond_with(ok(started(6)))
        .mount(&airbyte.server)
        .await;
    let sync = airbyte.client().connection(connection_id()).sync().await.unwrap();
    assert_eq!((sync.job_id().get(), sync.attached(), sync.job_type()), (6, false, &JobType::Sync));
    assert_eq!(sync.info().bytes_synced, None);
    assert_eq!(airbyte.count("POST", "/jobs").await, 1);
}

#[tokio::test]
async fn a_connection_that_never_ran_can_start() {
    let airbyte = airbyte("active", vec![vec![]]).await;
    post("/jobs").respond_with(ok(started(1))).mount(&airbyte.server).await;
    assert_eq!(airbyte.client().connection(connection_id()).sync().await.unwrap().job_id().get(), 1);
}

#[tokio::test]
async fn an_unknown_connection_is_not_found_without_a_start() {
    let airbyte = Airbyte::start().await;
    get("/jobs").respond_with(ok(page(&[]))).mount(&airbyte.server).await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(problem(404, "resource-not-found", "no"))
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert_eq!(airbyte.count("POST", "/jobs").await, 0);
}

/// The server of a connection whose job 5 has ended. Starting goes wrong as `post` says; with `starts`, job
/// 6 starts all the same.
async fn losing(starts: bool, post: impl Fn(usize) -> Reply + Send + Sync + 'static) -> BrokenServer {
    let posts = Mutex::new(0);
    BrokenServer::start(move |request: &Received| {
        let mut posts = posts.lock().unwrap();
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/jobs") => {
                *posts += 1;
                post(*posts)
            }
            ("GET", "/jobs") if starts && *posts > 0 => {
                Reply::Json(200, page(&[job(6, "reset", "running"), job(5, "sync", "failed")]))
            }
            ("GET", "/jobs") => Reply::Json(200, page(&[job(5, "sync", "failed")])),
            ("GET", path) if path.starts_with("/connections/") => Reply::Json(200, connection("active")),
            _ => Reply::Json(404, json!({})),
        }
    })
    .await
}

#[tokio::test]
async fn a_job_whose_answer_was_lost_is_adopted_not_started_again() {
    type Break = fn() -> Reply;
    let broken: [(&str, Break); 5] = [
        ("dropped", || Reply::Drop),
        ("truncated", || Reply::Truncate(started(6))),
        ("timed out", || Reply::Hang),
        ("500", || Reply::Json(500, json!({ "errorId": "x" }))),
        ("504", || Reply::Json(504, json!("gateway time-out"))),
    ];
    for (how, reply) in broken {
        let server = losing(true, move |_| reply()).await;
        let client = builder(&server.root, &TestClock::new()).build().unwrap();
        let sync = client
            .connection(connection_id())
            .sync()
            .start_timeout(Duration::from_millis(100))
            .await
            .unwrap();
        assert_eq!((sync.job_id().get(), sync.attached()), (6, false), "{how}");
        assert_eq!(sync.job_type(), &JobType::Reset, "its real type, {how}");
        assert_eq!(server.count("POST /jobs"), 1, "{how}");
    }
}

#[tokio::test]
async fn a_start_that_verifiably_failed_is_tried_again() {
    let server =
        losing(false, |count| if count == 1 { Reply::Drop } else { Reply::Json(200, started(6)) }).await;
    let clock = TestClock::new();
    let client = builder(&server.root, &clock).build().unwrap();
    let sync = client.connection(connection_id()).sync().await.unwrap();
    assert_eq!((sync.job_id().get(), server.count("POST /jobs")), (6, 2));
    assert!(clock.passed() >= Duration::from_secs(7), "the job got time to appear: {:?}", clock.passed());
}

#[tokio::test]
async fn a_start_that_keeps_failing_ends() {
    let server = losing(false, |_| Reply::Drop).await;
    let client = builder(&server.root, &TestClock::new()).build().unwrap();
    let error = client.connection(connection_id()).sync().await.unwrap_err();
    assert_eq!((error.kind(), server.count("POST /jobs")), (ErrorKind::Network, 3));
    assert!(error.is_retryable(), "the next start looks first as well: {error:?}");
}

#[tokio::test]
async fn when_nothing_can_be_looked_up_nothing_is_started_again() {
    let posted = Mutex::new(false);
    let server = BrokenServer::start(move |request| match request.method.as_str() {
        "POST" => {
            *posted.lock().unwrap() = true;
            Reply::Drop
        }
        _ if *posted.lock().unwrap() => Reply::Drop,
        _ => Reply::Json(200, page(&[job(5, "sync", "failed")])),
    })
    .await;
    let client = builder(&server.root, &TestClock::new()).build().unwrap();
    let error = client.connection(connection_id()).sync().await.unwrap_err();
    assert_eq!(server.count("POST /jobs"), 1);
    assert!(error.to_string().contains("not known"), "{error}");
    assert!(!error.is_retryable(), "calling again could start a second job");
    assert!(error.hint().unwrap().contains("jobs"), "{error:?}");
}

#[tokio::test]
async fn a_late_job_after_the_servers_minute_is_adopted() {
    // The server gives up on the new job after a minute; it appears at the third look.
    let before = vec![job(5, "sync", "failed")];
    let after = vec![job(6, "sync", "running"), job(5, "sync", "failed")];
    let airbyte = airbyte("active", vec![before.clone(), before.clone(), before, after]).await;
    post("/jobs").respond_with(state_conflict()).mount(&airbyte.server).await;
    let sync = airbyte.client().connection(connection_id()).sync().await.unwrap();
    assert_eq!((sync.job_id().get(), sync.attached()), (6, false));
    assert_eq!(airbyte.count("POST", "/jobs").await, 1);
}

#[tokio::test]
async fn a_conflict_on_the_second_try_is_the_first_tries_job() {
    let posts = Mutex::new(0);
    let server = BrokenServer::start(move |request| {
        let mut posts = posts.lock().unwrap();
        match request.method.as_str() {
            "POST" if *posts == 0 => {
                *posts = 1;
                Reply::Drop
            }
            "POST" => {
                *posts = 2;
                let message = format!("A sync is already running for: {CONNECTION}");
                Reply::Json(409, crate::support::problem_body(409, "try-again-later", &message))
            }
            _ if request.path.starts_with("/connections") => Reply::Json(200, connection("active")),
            _ if *posts == 2 => {
                Reply::Json(200, page(&[job(6, "sync", "running"), job(5, "sync", "failed")]))
            }
            _ => Reply::Json(200, page(&[job(5, "sync", "failed")])),
        }
    })
    .await;
    let client = builder(&server.root, &TestClock::new()).build().unwrap();
    let sync = client.connection(connection_id()).sync().await.unwrap();
    assert_eq!((sync.job_id().get(), sync.attached()), (6, false));
}

#[tokio::test]
async fn a_refusal_on_the_second_try_does_not_hide_the_first_tries_job() {
    // The first start is slow: its job appears after the second request was refused, or nothing can be read then.
    for appears in [true, false] {
        let posts = Mutex::new(0);
        let server = BrokenServer::start(move |request| {
            let mut posts = posts.lock().unwrap();
            match request.method.as_str() {
                "POST" => {
                    *posts += 1;
                    let refused = crate::support::problem_body(422, "unprocessable-entity", "not now");
                    if *posts == 1 { Reply::Drop } else { Reply::Json(422, refused) }
                }
                _ if *posts == 2 && !appears => Reply::Drop,
                _ if *posts == 2 => {
                    Reply::Json(200, page(&[job(6, "sync", "running"), job(5, "sync", "failed")]))
                }
                _ => Reply::Json(200, page(&[job(5, "sync", "failed")])),
            }
        })
        .await;
        let client = builder(&server.root, &TestClock::new()).build().unwrap();
        let outcome = client.connection(connection_id()).sync().await;
        assert_eq!(server.count("POST /jobs"), 2);
        match outcome {
            Ok(sync) => assert_eq!((sync.job_id().get(), appears), (6, true)),
            Err(error) => {
                assert!(!appears && !error.is_retryable(), "{error:?}");
                assert!(error.to_string().contains("not known"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_cannot_run_says_why() {
    for (state, answer, kind) in [
        ("inactive", state_conflict(), ErrorKind::ConnectionNotActive),
        ("locked", problem(409, "error:connection/locked", "locked"), ErrorKind::ConnectionNotActive),
        ("deprecated", state_conflict(), ErrorKind::NotFound),
        ("deprecated", already_running(), ErrorKind::NotFound),
    ] {
        let airbyte = airbyte(state, vec![vec![job(5, "sync", "succeeded")]]).await;
        post("/jobs").respond_with(answer).mount(&airbyte.server).await;
        let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{state}: {error:?}");
        assert!(error.hint().is_some() && !error.is_retryable(), "{state}: {error:?}");
        assert_eq!(airbyte.count("POST", "/jobs").await, 1);
    }
}

#[tokio::test]
async fn refusals_are_passed_on() {
    for (answer, kind) in [
        (problem(403, "forbidden", "needs RUNNER"), ErrorKind::Forbidden),
        (problem(422, "unprocessable-entity", "no"), ErrorKind::InvalidInput),
        (problem(404, "resource-not-found", "no"), ErrorKind::NotFound),
    ] {
        let airbyte = airbyte("active", vec![vec![job(5, "sync", "succeeded")]]).await;
        post("/jobs").respond_with(answer).mount(&airbyte.server).await;
        let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(airbyte.count("POST", "/jobs").await, 1);
    }
}

#[tokio::test]
async fn too_many_requests_did_nothing_so_the_start_is_repeated() {
    let airbyte = airbyte("active", vec![vec![job(5, "sync", "succeeded")]]).await;
    airbyte.in_turn(post("/jobs"), vec![status(429), status(401), ok(started(6))]).await;
    airbyte.client().connection(connection_id()).sync().await.unwrap();
    assert_eq!(airbyte.count("POST", "/jobs").await, 3);
    assert_eq!(airbyte.count("GET", "/jobs").await, 1, "not in doubt");
}

mod already_running {
    use super::*;

    async fn with(jobs: Vec<Vec<Value>>) -> Airbyte {
        let airbyte = airbyte("active", jobs).await;
        airbyte.in_turn(post("/jobs"), vec![already_running(), ok(started(8))]).await;
        airbyte
    }

    fn running(job_type: &str) -> Vec<Value> {
        vec![job(7, job_type, "incomplete"), job(5, "sync", "failed")]
    }

    #[tokio::test]
    async fn fails_by_default_and_names_the_job() {
        let airbyte = with(vec![running("sync")]).await;
        let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyRunning);
        assert_job(&error, 7);
        assert!(error.is_conflict() && error.hint().is_some());
        assert_eq!(airbyte.count("POST", "/jobs").await, 1);
    }

    #[tokio::test]
    async fn is_recognised_by_its_text_too() {
        let airbyte = airbyte("active", vec![running("sync")]).await;
        let text = format!("A sync is already running for: {CONNECTION}");
        post("/jobs")
            .respond_with(status(409).set_body_json(json!({ "message": text, "errorId": "x" })))
            .mount(&airbyte.server)
            .await;
        let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyRunning);
        assert_job(&error, 7);
    }

    #[tokio::test]
    async fn can_be_attached_to_if_it_is_a_sync() {
        let airbyte = with(vec![running("sync")]).await;
        let sync =
            airbyte.client().connection(connection_id()).sync().if_running(IfRunning::Attach).await.unwrap();
        assert_eq!((sync.job_id().get(), sync.attached()), (7, true));
        assert_eq!(sync.started_at().to_rfc3339(), "2023-03-25T01:30:00+00:00");

        let airbyte = with(vec![running("reset")]).await;
        let error = airbyte.client().connection(connection_id()).sync().if_running(IfRunning::Attach).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyRunning);
        assert!(error.hint().unwrap().contains("reset"), "{error:?}");
    }

    #[tokio::test]
    async fn can_be_waited_for_however_it_ends() {
        let airbyte = with(vec![running("reset"), running("reset"), vec![job(7, "reset", "failed")]]).await;
        airbyte
            .in_turn(get("/jobs/7"), vec![ok(job(7, "reset", "running")), ok(job(7, "reset", "failed"))])
            .await;
        let sync =
            airbyte.client().connection(connection_id()).sync().if_running(IfRunning::WaitThenStart).await;
        let sync = sync.unwrap();
        assert_eq!((sync.job_id().get(), sync.attached()), (8, false));
        assert_eq!(airbyte.count("POST", "/jobs").await, 2);
    }

    #[tokio::test]
    async fn may_have_just_ended_and_then_a_new_one_starts() {
        let airbyte = with(vec![running("sync"), vec![job(7, "sync", "succeeded")]]).await;
        let sync = airbyte.client().connection(connection_id()).sync().await.unwrap();
        assert_eq!((sync.job_id().get(), sync.attached()), (8, false));
        assert_eq!(airbyte.clock.sleeps(), [Duration::from_secs(1)]);
    }

    #[tokio::test]
    async fn but_never_shown_is_an_error_in_the_end() {
        let airbyte = airbyte("active", vec![vec![job(5, "sync", "failed")]]).await;
        post("/jobs").respond_with(already_running()).mount(&airbyte.server).await;
        let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
        assert_eq!((error.kind(), error.job_id()), (ErrorKind::AlreadyRunning, None));
        assert_eq!(airbyte.count("POST", "/jobs").await, 3);
    }
}

#[tokio::test]
async fn a_job_that_still_waited_is_attached_to() {
    let airbyte = airbyte("active", vec![vec![job(6, "sync", "queued")]]).await;
    post("/jobs").respond_with(ok(started(6))).mount(&airbyte.server).await;
    assert!(airbyte.client().connection(connection_id()).sync().await.unwrap().attached());
}

#[tokio::test]
async fn trouble_before_the_start_starts_nothing() {
    let airbyte = Airbyte::start().await;
    get("/jobs").respond_with(error_id(500)).mount(&airbyte.server).await;
    let error = airbyte.client().connection(connection_id()).sync().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Server, Some("listJobs")));
    assert_eq!(airbyte.count("POST", "/jobs").await, 0);
}
