//! The logs of jobs, afterwards and while they grow.

use std::sync::Mutex;

use airbyte_cloud::{Client, ErrorKind, LogLevel, LogLine, LogSource, SecretString, Update};
use airbyte_sandbox::{Fault, Sandbox, Seed};
use futures::StreamExt;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Airbyte, CONFIG, CONNECTION, config, error_id, get, job, ok, status};

const ATTEMPT: &str = "/attempt/get_for_job";

fn event(second: i64, message: &str) -> Value {
    json!({ "timestamp": 1_700_000_000_000 + second * 1000, "level": "info", "logSource": "source", "message": message })
}

fn attempt(number: usize, status: &str) -> Value {
    json!({ "id": number, "status": status, "createdAt": 1, "updatedAt": 2 })
}

fn with_events(number: usize, status: &str, events: &[Value]) -> Value {
    json!({ "attempt": attempt(number, status), "logType": "structured", "logs": { "events": events, "version": "1" } })
}

fn job_with(attempts: &[Value]) -> ResponseTemplate {
    let job = json!({
        "id": 7, "configType": "sync", "configId": CONNECTION, "createdAt": 1_700_000_000,
        "updatedAt": 1_700_000_001, "status": "running",
    });
    ok(json!({ "job": job, "attempts": attempts }))
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.message.as_str()).collect()
}

/// A job whose first attempt has a structured log of three lines and whose second has a plain one of two.
async fn two_attempts() -> Airbyte {
    let airbyte = Airbyte::start().await;
    let mut odd = event(1, "\u{1b}[31mtwo\u{1b}[0m");
    odd["level"] = json!("fatal");
    odd["logSource"] = json!("moon");
    odd["stackTrace"] = json!("at x\nat y\n");
    let first =
        with_events(0, "failed", &[event(0, "one"), odd, json!({ "timestamp": 0, "message": "three" })]);
    let lines = ["2026-01-02 03:04:05 destination > four", "five"];
    let second =
        json!({ "attempt": attempt(1, "running"), "logType": "formatted", "logs": { "logLines": lines } });
    config("/jobs/get").respond_with(job_with(&[second.clone(), first.clone()])).mount(&airbyte.server).await;
    let one = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["jobId"], 7);
        ok(if body["attemptNumber"] == 0 { first.clone() } else { second.clone() })
    };
    config(ATTEMPT).respond_with(one).mount(&airbyte.server).await;
    airbyte
}

#[tokio::test]
async fn both_forms_of_a_log_become_lines() {
    let airbyte = two_attempts().await;
    let lines = airbyte.client().job(7.into()).logs().await.unwrap();
    assert_eq!(texts(&lines), ["one", "two", "three", "four", "five"]);
    let places: Vec<_> = lines.iter().map(|line| (line.attempt, line.number)).collect();
    assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]);
    assert_eq!(lines[0].at.unwrap().timestamp(), 1_700_000_000);
    assert_eq!((&lines[0].level, &lines[0].source), (&Some(LogLevel::Info), &Some(LogSource::Source)));
    assert_eq!(lines[1].level, Some(LogLevel::Unknown("fatal".into())));
    assert_eq!(lines[1].to_string(), "2023-11-14T22:13:21.000Z FATAL moon > two\nat x\nat y");
    assert_eq!((&lines[2].level, &lines[2].source), (&None, &None));
    assert_eq!(lines[3].source, Some(LogSource::Destination));
    assert_eq!(lines[3].at.unwrap().to_rfc3339(), "2026-01-02T03:04:05+00:00");
    assert_eq!((lines[4].at, lines[4].to_string().as_str()), (None, "five"));
}

#[tokio::test]
async fn any_part_of_a_log_can_be_read() {
    let airbyte = two_attempts().await;
    let job = airbyte.client().job(7.into());
    assert_eq!(texts(&job.logs().tail(2).await.unwrap()), ["four", "five"]);
    assert_eq!(texts(&job.logs().skip(1).limit(2).await.unwrap()), ["two", "three"]);
    assert_eq!(texts(&job.logs().skip(1).limit(3).tail(2).await.unwrap()), ["three", "four"]);
    assert!(job.logs().skip(99).await.unwrap().is_empty());
    assert_eq!(texts(&job.logs().tail(99).await.unwrap()).len(), 5);
    assert_eq!(texts(&job.logs().attempt(1).await.unwrap()), ["four", "five"]);
    let whole = airbyte.count("POST", &format!("{CONFIG}/jobs/get")).await;
    assert_eq!((whole, airbyte.count("POST", &format!("{CONFIG}{ATTEMPT}")).await), (5, 1));
}

#[tokio::test]
async fn an_attempt_without_a_log_has_no_lines() {
    for logs in [
        json!({}),
        json!({ "logs": null }),
        json!({ "logs": { "logLines": null } }),
        json!({ "logs": { "events": [] } }),
    ] {
        let airbyte = Airbyte::start().await;
        let mut info = json!({ "attempt": attempt(0, "failed") });
        info.as_object_mut().unwrap().extend(logs.as_object().unwrap().clone());
        config("/jobs/get").respond_with(job_with(&[info])).mount(&airbyte.server).await;
        assert!(airbyte.client().job(7.into()).logs().await.unwrap().is_empty(), "{logs}");
    }
}

/// What a server answers at each look at a job; a look begins with `GET /jobs/7`.
struct Script {
    job: Vec<ResponseTemplate>,
    /// The states of the attempts.
    attempts: Vec<ResponseTemplate>,
    /// The answers about the first and the second attempt with their logs.
    logs: [Vec<ResponseTemplate>; 2],
}

async fn watch(script: Script) -> (Airbyte, Vec<Update>) {
    let airbyte = Airbyte::start().await;
    airbyte.in_turn(get("/jobs/7"), script.job).await;
    airbyte.in_turn(config("/jobs/get_without_logs"), script.attempts).await;
    let logs = script.logs.map(|answers| Mutex::new(answers.into_iter()));
    let next = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let number = usize::try_from(body["attemptNumber"].as_u64().unwrap()).unwrap();
        logs[number]
            .lock()
            .unwrap()
            .next()
            .unwrap_or_else(|| panic!("attempt {number} is asked for too often"))
    };
    config(ATTEMPT).respond_with(next).mount(&airbyte.server).await;
    let updates = airbyte.client().job(7.into()).wait().logs(true).collect().await;
    (airbyte, updates)
}

fn told(updates: &[Update]) -> Vec<&str> {
    let lines =
        updates.iter().filter_map(|update| if let Update::Log(lines) = update { Some(lines) } else { None });
    lines.flat_map(|lines| texts(lines)).collect()
}

fn seen(status: &str) -> ResponseTemplate {
    ok(job(7, "sync", status))
}

fn states(states: &[&str]) -> ResponseTemplate {
    let attempts =
        states.iter().enumerate().map(|(number, state)| json!({ "attempt": attempt(number, state) }));
    job_with(&attempts.collect::<Vec<_>>())
}

#[tokio::test]
async fn while_waiting_each_line_is_told_once() {
    let events = |number, status, seconds: &[i64]| {
        let events: Vec<_> =
            seconds.iter().map(|second| event(*second, &format!("{number}:{second}"))).collect();
        ok(with_events(number, status, &events))
    };
    let (_airbyte, updates) = watch(Script {
        job: ["pending", "running", "running", "running", "incomplete", "incomplete", "running", "succeeded"]
            .map(seen)
            .into(),
        attempts: vec![
            states(&["running"]),
            states(&["running"]),
            status(503),
            states(&["failed"]),
            states(&["failed"]),
            states(&["failed", "running"]),
            states(&["failed", "succeeded"]),
        ],
        logs: [
            vec![
                events(0, "running", &[1, 3]),
                // A line of another process turns up between those that are known.
                events(0, "running", &[1, 2, 3, 3]),
                events(0, "failed", &[1, 2, 3, 3, 4]),
                // The last lines come late; then it is quiet, and this attempt is not asked for again.
                events(0, "failed", &[1, 2, 3, 3, 4]),
            ],
            vec![events(1, "running", &[5]), events(1, "succeeded", &[5, 6])],
        ],
    })
    .await;
    assert_eq!(told(&updates), ["0:1", "0:3", "0:2", "0:3", "0:4", "1:5", "1:6"]);
    assert!(matches!(updates.last(), Some(Update::Done(_))), "{updates:?}");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_for_a_while_is_told_later() {
    let all = [event(1, "one"), event(2, "two")];
    let (_airbyte, updates) = watch(Script {
        job: ["running", "running", "running", "running", "running", "failed"].map(seen).into(),
        attempts: vec![states(&["running"])],
        logs: [
            vec![
                ok(with_events(0, "running", &all[..1])),
                status(503),
                status(502).set_body_string("<html></html>"),
                error_id(500),
                status(429),
                // Once the job has ended there is no other look, so this one is tried again.
                status(503),
                ok(with_events(0, "failed", &all)),
            ],
            vec![],
        ],
    })
    .await;
    assert_eq!(told(&updates), ["one", "two"]);
    assert!(!updates.iter().any(|update| matches!(update, Update::LogUnavailable(_))), "{updates:?}");
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_said_once() {
    let (airbyte, updates) = watch(Script {
        job: ["running", "running", "running", "succeeded"].map(seen).into(),
        attempts: vec![status(403)],
        logs: [vec![], vec![]],
    })
    .await;
    let refusals: Vec<_> = updates
        .iter()
        .filter_map(
            |update| if let Update::LogUnavailable(error) = update { Some(error.kind()) } else { None },
        )
        .collect();
    assert_eq!(refusals, [ErrorKind::NotFound]);
    assert!(matches!(updates.last(), Some(Update::Done(_))), "{updates:?}");
    assert_eq!(airbyte.count("POST", &format!("{CONFIG}/jobs/get_without_logs")).await, 1);
}

#[tokio::test]
async fn unasked_logs_are_not_fetched() {
    let (airbyte, updates) = {
        let airbyte = Airbyte::start().await;
        airbyte.in_turn(get("/jobs/7"), ["running", "succeeded"].map(seen).into()).await;
        let updates: Vec<_> = airbyte.client().job(7.into()).wait().collect().await;
        (airbyte, updates)
    };
    assert_eq!(updates.len(), 2);
    assert_eq!(airbyte.count("POST", &format!("{CONFIG}{ATTEMPT}")).await, 0);
}

#[tokio::test]
async fn on_a_server_in_trouble_the_live_log_is_the_whole_log() {
    let mut builder = Sandbox::builder().seed(Seed::Demo).time_scale(0.2).fault_seed(1);
    for fault in
        ["slow-job=2s", "status=503,op=getAttemptForJob,p=0.4", "drop,op=getJobInfoWithoutLogs,p=0.3"]
    {
        builder = builder.fault(fault.parse::<Fault>().unwrap());
    }
    let sandbox = builder.start().await.unwrap();
    let ready = sandbox.ready();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap();
    let connections =
        client.default_workspace().unwrap().connections().name("Faker to SQLite").await.unwrap();
    let sync = client.connection(connections[0].connection_id).sync().await.unwrap();
    let updates: Vec<_> =
        sync.wait().interval(std::time::Duration::from_millis(100)).logs(true).collect().await;
    let lines = sync.job().logs().await.unwrap();
    assert!(lines.len() > 3, "{lines:?}");
    assert_eq!(told(&updates), texts(&lines));
    sandbox.shutdown().await;
}
