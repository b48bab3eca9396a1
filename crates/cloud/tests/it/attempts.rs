//! Attempts, statistics, health, and tickets.

use airbyte_cloud::{
    AttemptStatus, Client, ErrorKind, FailureOrigin, HealthStatus, IncompleteCause, JobStatus, JobTicket,
    JobType, SecretString, StreamRunState,
};
use airbyte_sandbox::{Fault, Sandbox, Seed};
use futures::StreamExt;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{
    Airbyte, CONFIG, CONNECTION, TestClock, assert_job, builder, config, connection_id, error_id, get, job,
    ok, status,
};

fn details(attempts: &Value) -> ResponseTemplate {
    ok(json!({
        "job": {
            "id": 7, "configType": "sync", "configId": CONNECTION, "createdAt": 1_700_000_000,
            "updatedAt": 1_700_000_001, "status": "running",
            "streamAggregatedStats": [{
                "streamName": "users", "streamNamespace": "shop", "recordsEmitted": 40, "bytesEmitted": 400,
                "recordsCommitted": 30, "bytesCommitted": 300, "recordsRejected": 1, "wasResumed": true,
            }],
        },
        "attempts": attempts,
    }))
}

fn ended() -> Value {
    json!({ "attempt": {
        "id": 0, "status": "failed", "createdAt": 1_700_000_000, "updatedAt": 1_700_000_060, "endedAt": 1_700_000_060,
        "bytesSynced": 400, "recordsSynced": 40,
        "streamStats": [{ "streamName": "users", "stats": { "recordsEmitted": 40, "estimatedRecords": 90 } }],
        "failureSummary": { "partialSuccess": true, "failures": [{
            "failureOrigin": "source", "failureType": "transient_error", "externalMessage": "timed out",
            "timestamp": 1_700_000_059_000_i64,
        }] },
    } })
}

fn running() -> Value {
    json!({ "attempt": { "id": 1, "status": "running", "createdAt": 1_700_000_070, "updatedAt": 1_700_000_070 } })
}

#[tokio::test]
async fn attempts_are_told_in_order_with_what_is_known() {
    let airbyte = Airbyte::start().await;
    config("/jobs/get_without_logs")
        .respond_with(details(&json!([running(), ended()])))
        .mount(&airbyte.server)
        .await;
    let job = airbyte.client().job(7.into());
    let attempts = job.attempts().await.unwrap();
    assert_eq!(attempts.iter().map(airbyte_cloud::Attempt::number).collect::<Vec<_>>(), [0, 1]);
    let first = attempts[0].info();
    assert_eq!(first.status, AttemptStatus::Failed);
    assert_eq!(
        (first.started_at.unwrap().timestamp(), first.ended_at.unwrap().timestamp()),
        (1_700_000_000, 1_700_000_060)
    );
    assert_eq!((first.bytes_synced, first.records_synced), (Some(400), Some(40)));
    assert_eq!((first.partial_success, first.failures.len()), (Some(true), 1));
    assert_eq!((&first.failures[0].origin, first.failures[0].attempt), (&FailureOrigin::Source, 0));
    let stream = &first.streams[0];
    assert_eq!(
        (stream.records_emitted, stream.estimated_records, stream.records_committed),
        (Some(40), Some(90), None)
    );
    let second = attempts[1].info();
    assert_eq!((&second.status, second.ended_at, second.failures.len()), (&AttemptStatus::Running, None, 0));

    let streams = job.stream_stats().await.unwrap();
    assert_eq!((streams[0].namespace.as_deref(), streams[0].bytes_committed), (Some("shop"), Some(300)));
    assert_eq!((streams[0].was_resumed, streams[0].was_backfilled), (Some(true), None));
    let json = serde_json::to_value(first).unwrap();
    assert_eq!((&json["number"], &json["failures"][0]["type"]), (&json!(0), &json!("transient_error")));
}

#[tokio::test]
async fn attempts_are_asked_for_anew() {
    let airbyte = Airbyte::start().await;
    let answers =
        [json!([]), json!([ended()]), json!([ended(), running()])].map(|attempts| details(&attempts));
    airbyte.in_turn(config("/jobs/get_without_logs"), answers.into()).await;
    let job = airbyte.client().job(7.into());
    for expected in 0..3 {
        assert_eq!(job.attempts().await.unwrap().len(), expected);
    }
}

#[tokio::test]
async fn an_unknown_job_has_no_attempts_but_an_error() {
    for (answer, kind) in [(status(403), ErrorKind::NotFound), (error_id(500), ErrorKind::Server)] {
        let airbyte = Airbyte::start().await;
        for path in ["/jobs/get_without_logs", "/jobs/get", "/attempt/get_for_job"] {
            config(path).respond_with(answer.clone()).mount(&airbyte.server).await;
        }
        let job = airbyte.client().job(7.into());
        for error in [
            job.attempts().await.err(),
            job.stream_stats().await.err(),
            job.logs().await.err(),
            job.logs().attempt(0).await.err(),
        ] {
            let error = error.unwrap();
            assert_eq!(error.kind(), kind);
            assert_job(&error, 7);
        }
    }
}

#[tokio::test]
async fn without_a_config_api_nothing_is_asked() {
    let airbyte = Airbyte::start().await;
    // From this root the other one cannot be inferred.
    let client =
        builder(&format!("{}/behind/a/proxy", airbyte.server.uri()), &airbyte.clock).build().unwrap();
    let (job, connection) = (client.job(7.into()), client.connection(connection_id()));
    for error in [
        job.attempts().await.err(),
        job.logs().await.err(),
        connection.health().await.err(),
        connection.stream_statuses().await.err(),
        connection.sync_progress().await.err(),
        connection.last_job_per_stream().await.err(),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.hint().unwrap().contains("AIRBYTE_CONFIG_API_URL"), "{error:?}");
    }
    assert!(airbyte.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn health_is_one_word_and_its_reasons() {
    let airbyte = Airbyte::start().await;
    let answer = json!([{
        "connectionId": CONNECTION, "connectionSyncStatus": "incomplete", "lastSyncJobId": 7, "lastSyncAttemptNumber": 4,
        "lastSyncJobCreatedAt": 1_700_000_000, "lastSuccessfulSync": 1_600_000_000,
        "failureReason": { "failureOrigin": "destination", "externalMessage": "disk full", "timestamp": 1 },
    }]);
    config("/connections/status").respond_with(ok(answer)).mount(&airbyte.server).await;
    let health = airbyte.client().connection(connection_id()).health().await.unwrap();
    assert_eq!((health.status, health.active_job), (HealthStatus::Incomplete, None));
    assert_eq!((health.last_job, health.last_attempt), (Some(7.into()), Some(4)));
    assert_eq!(health.last_success_at.unwrap().timestamp(), 1_600_000_000);
    let failure = health.failure.unwrap();
    assert_eq!((failure.message.as_str(), failure.attempt), ("disk full", 4));
}

#[tokio::test]
async fn health_of_many_connections_takes_few_requests() {
    let airbyte = Airbyte::start().await;
    let known = |request: &wiremock::Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let ids = body["connectionIds"].as_array().unwrap();
        let statuses = ids.iter().map(|id| json!({ "connectionId": id, "connectionSyncStatus": "snoozing" }));
        ok(statuses.collect())
    };
    config("/connections/status").respond_with(known).mount(&airbyte.server).await;
    let ids: Vec<_> = (1..=250_u128).map(|n| uuid::Uuid::from_u128(n).into()).collect();
    let all = airbyte.client().connections_health(ids.clone()).await.unwrap();
    assert_eq!(all.iter().map(|health| health.connection_id).collect::<Vec<_>>(), ids);
    assert_eq!(all[0].status, HealthStatus::Unknown("snoozing".into()));
    assert_eq!(airbyte.count("POST", &format!("{CONFIG}/connections/status")).await, 3);
}

#[tokio::test]
async fn streams_tell_where_they_stand() {
    let airbyte = Airbyte::start().await;
    let limited = json!({
        "id": "33333333-0000-4000-8000-000000000003", "attemptNumber": 2, "connectionId": CONNECTION, "jobId": 7,
        "jobType": "SYNC", "runState": "RATE_LIMITED", "streamName": "users", "streamNamespace": "shop",
        "transitionedAt": 1_700_000_000_250_i64, "workspaceId": crate::support::WORKSPACE,
        "metadata": { "quotaReset": 1_700_000_060_000_i64 },
    });
    let mut cancelled = limited.clone();
    cancelled["runState"] = json!("INCOMPLETE");
    cancelled["incompleteRunCause"] = json!("CANCELED");
    cancelled.as_object_mut().unwrap().remove("metadata");
    let statuses = ok(json!({ "streamStatuses": [limited, cancelled] }));
    config("/stream_statuses/latest_per_run_state").respond_with(statuses).mount(&airbyte.server).await;
    let connection = airbyte.client().connection(connection_id());
    let statuses = connection.stream_statuses().await.unwrap();
    assert_eq!((&statuses[0].state, &statuses[0].job_type), (&StreamRunState::RateLimited, &JobType::Sync));
    assert_eq!(statuses[0].limited_until.unwrap().timestamp(), 1_700_000_060);
    assert_eq!((statuses[0].since.unwrap().timestamp_millis(), statuses[0].attempt), (1_700_000_000_250, 2));
    assert_eq!(statuses[1].cause, Some(IncompleteCause::Cancelled));

    let last = ok(json!([{
        "streamName": "users", "jobId": 7, "configType": "reset_connection", "jobStatus": "succeeded",
        "endedAt": 1_700_000_000, "recordsCommitted": 30,
    }]));
    config("/connections/last_job_per_stream").respond_with(last).mount(&airbyte.server).await;
    let last = connection.last_job_per_stream().await.unwrap();
    assert_eq!((&last[0].job_type, &last[0].status), (&JobType::Reset, &JobStatus::Succeeded));
    assert_eq!(
        (last[0].job_id.get(), last[0].records_committed, last[0].bytes_committed),
        (7, Some(30), None)
    );
}

#[tokio::test]
async fn progress_is_told_while_a_job_runs() {
    let airbyte = Airbyte::start().await;
    let nothing = ok(json!({ "connectionId": CONNECTION, "streams": [] }));
    let some = ok(json!({
        "connectionId": CONNECTION, "configType": "sync", "jobId": 7, "syncStartedAt": 1_700_000_000, "recordsEmitted": 40,
        "streams": [{ "streamName": "users", "configType": "sync", "recordsEmitted": 40, "bytesCommitted": 300 }],
    }));
    airbyte.in_turn(config("/connections/sync_progress"), vec![nothing, some]).await;
    let connection = airbyte.client().connection(connection_id());
    assert!(connection.sync_progress().await.unwrap().is_none());
    let progress = connection.sync_progress().await.unwrap().unwrap();
    assert_eq!(
        (progress.job_id.get(), progress.records_emitted, progress.records_committed),
        (7, Some(40), None)
    );
    assert_eq!(
        (progress.streams[0].name.as_str(), progress.streams[0].bytes_committed),
        ("users", Some(300))
    );
}

mod ticket {
    use super::*;

    #[tokio::test]
    async fn survives_being_stored_and_finds_its_job() {
        let airbyte = Airbyte::start().await;
        airbyte
            .in_turn(
                get("/jobs/7"),
                ["running", "running", "running", "succeeded"].map(|s| ok(job(7, "sync", s))).into(),
            )
            .await;
        let stored = serde_json::to_string(&airbyte.client().job(7.into()).ticket().await.unwrap()).unwrap();
        assert!(!stored.contains(crate::support::CLIENT_SECRET));
        let ticket: JobTicket = serde_json::from_str(&stored).unwrap();
        let sync = airbyte.client().resume(&ticket).await.unwrap();
        assert_eq!((sync.job_id(), sync.connection_id()), (7.into(), connection_id()));
        assert_eq!(sync.ticket(), ticket);
        assert!(sync.wait().await.unwrap().status.is_success());
    }

    #[tokio::test]
    async fn of_another_installation_is_refused_unsent() {
        let airbyte = Airbyte::start().await;
        get("/jobs/7").respond_with(ok(job(7, "sync", "running"))).mount(&airbyte.server).await;
        let ticket = airbyte.client().job(7.into()).ticket().await.unwrap();
        let other = Airbyte::start().await;
        let error = other.client().resume(&ticket).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_job(&error, 7);
        assert!(
            error.to_string().contains(&airbyte.root()) && error.to_string().contains(&other.root()),
            "{error}"
        );
        assert!(other.server.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_an_installation_that_was_there_before_is_refused() {
        let airbyte = Airbyte::start().await;
        get("/jobs/7").respond_with(ok(job(7, "sync", "running"))).mount(&airbyte.server).await;
        let mut ticket = airbyte.client().job(7.into()).ticket().await.unwrap();
        ticket.connection_id = "44444444-0000-4000-8000-000000000004".parse().unwrap();
        let error = airbyte.client().resume(&ticket).await.unwrap_err();
        assert!(error.is_not_found(), "{error:?}");
    }
}

/// A sandbox, and clients of it that do not share anything.
async fn sandbox(fault: Option<&str>) -> (Sandbox, impl Fn() -> Client) {
    let mut builder = Sandbox::builder().seed(Seed::Demo).time_scale(0.2);
    if let Some(fault) = fault {
        builder = builder.fault(fault.parse::<Fault>().unwrap());
    }
    let sandbox = builder.start().await.unwrap();
    let ready = sandbox.ready().clone();
    let client = move || {
        Client::builder()
            .ignore_environment()
            .api_root(&ready.public_api_root)
            .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
            .clock(TestClock::new())
            .workspace_id(ready.workspace_id.parse().unwrap())
            .build()
            .unwrap()
    };
    (sandbox, client)
}

#[tokio::test]
async fn a_sync_is_started_by_one_client_and_awaited_by_another() {
    let (sandbox, client) = sandbox(Some("slow-job=1s")).await;
    let ticket = {
        let first = client();
        let connections =
            first.default_workspace().unwrap().connections().name("Faker to SQLite").await.unwrap();
        first.connection(connections[0].connection_id).sync().await.unwrap().ticket()
    };
    let second = client();
    let sync = second.resume(&ticket).await.unwrap();
    let done = sync.wait().await.unwrap();
    assert_eq!(done.job_id, ticket.job_id);

    let attempts = sync.job().attempts().await.unwrap();
    assert_eq!((attempts.len(), &attempts[0].info().status), (1, &AttemptStatus::Succeeded));
    assert!(
        attempts[0].info().streams.iter().all(|stream| stream.records_committed > Some(0)),
        "{attempts:?}"
    );
    let moved: i64 =
        sync.job().stream_stats().await.unwrap().iter().filter_map(|stream| stream.records_committed).sum();
    assert_eq!(Some(moved), done.records_synced);
    let health = sync.connection().health().await.unwrap();
    assert_eq!((health.status, health.last_job), (HealthStatus::Synced, Some(ticket.job_id)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn streams_are_followed_from_start_to_end() {
    let (sandbox, client) = sandbox(Some("slow-job=2s")).await;
    let client = client();
    let connections =
        client.default_workspace().unwrap().connections().name("Faker to SQLite").await.unwrap();
    let connection = client.connection(connections[0].connection_id);
    assert!(connection.stream_statuses().await.unwrap().is_empty());
    assert!(connection.last_job_per_stream().await.unwrap().is_empty());
    assert!(connection.sync_progress().await.unwrap().is_none());

    let sync = connection.sync().await.unwrap();
    let mut wait = sync.wait();
    let mut seen = None;
    while wait.next().await.is_some() {
        seen = seen.or(connection.sync_progress().await.unwrap());
    }
    let seen = seen.unwrap();
    assert_eq!((seen.job_id, &seen.job_type), (sync.job_id(), &JobType::Sync));
    assert!(!seen.streams.is_empty(), "{seen:?}");

    assert!(connection.sync_progress().await.unwrap().is_none());
    let statuses = connection.stream_statuses().await.unwrap();
    let complete = statuses.iter().filter(|status| status.state == StreamRunState::Complete);
    assert_eq!(complete.count(), seen.streams.len(), "{statuses:?}");
    let last = connection.last_job_per_stream().await.unwrap();
    assert!(
        last.iter().all(|stream| stream.job_id == sync.job_id() && stream.status.is_success()),
        "{last:?}"
    );
    let moved = last.iter().filter_map(|stream| stream.records_committed).sum();
    assert_eq!(sync.job().info().await.unwrap().records_synced, Some(moved));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_failed_job_shows_in_its_attempts_and_in_the_health() {
    let (sandbox, client) = sandbox(Some("fail-job")).await;
    let client = client();
    let connections =
        client.default_workspace().unwrap().connections().name("Faker to SQLite").await.unwrap();
    let connection = client.connection(connections[0].connection_id);
    assert_eq!(connection.health().await.unwrap().status, HealthStatus::Pending);
    let sync = connection.sync().await.unwrap();
    sync.wait().await.unwrap_err();
    let attempts = sync.job().attempts().await.unwrap();
    assert_eq!(attempts.last().unwrap().info().status, AttemptStatus::Failed);
    assert_eq!(attempts.last().unwrap().info().failures, sync.job().failures().await.unwrap());
    assert_eq!(connection.health().await.unwrap().status, HealthStatus::Failed);
    sandbox.shutdown().await;
}
