//! Tokens: obtained once, renewed in time, replaced when refused.

use std::time::Duration;

use airbyte_cloud::{ErrorKind, SecretString};
use futures::future::join_all;
use serde_json::json;
use wiremock::matchers::header;

use crate::support::{
    Airbyte, CLIENT_ID, CLIENT_SECRET, config, error_id, get, job, ok, post, status, token,
};

const JOB: &str = "/jobs/7";

async fn with_job() -> Airbyte {
    let airbyte = Airbyte::start().await;
    get(JOB).respond_with(ok(job(7, "sync", "running"))).mount(&airbyte.server).await;
    airbyte
}

#[tokio::test]
async fn many_calls_at_once_make_one_token_request() {
    let airbyte = with_job().await;
    let client = airbyte.client();
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.job(7.into()).info().await })
    });
    for outcome in join_all(calls).await {
        outcome.unwrap().unwrap();
    }
    assert_eq!(airbyte.count("POST", "/applications/token").await, 1);
    let asked = &airbyte.requests("POST", "/applications/token").await[0];
    let body: serde_json::Value = asked.body_json().unwrap();
    assert_eq!(
        (body["client_id"].as_str(), body["client_secret"].as_str()),
        (Some(CLIENT_ID), Some(CLIENT_SECRET))
    );
    assert!(!asked.headers.contains_key("authorization"));
    let call = &airbyte.requests("GET", JOB).await[0];
    assert_eq!(call.headers["authorization"], "Bearer first");
    assert!(call.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn both_apis_share_the_token() {
    let airbyte = with_job().await;
    config("/jobs/get_without_logs")
        .and(header("authorization", "Bearer first"))
        .respond_with(ok(json!({ "job": {
            "id": 7, "configType": "sync", "configId": "x", "createdAt": 1, "updatedAt": 1, "status": "running",
        }, "attempts": [] })))
        .mount(&airbyte.server)
        .await;
    let job = airbyte.client().job(7.into());
    job.info().await.unwrap();
    assert!(job.failures().await.unwrap().is_empty());
    assert_eq!(airbyte.count("POST", "/applications/token").await, 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let airbyte = with_job().await;
    let job = airbyte.client().job(7.into());
    for minutes in [0, 13, 1, 13] {
        airbyte.clock.advance(Duration::from_secs(minutes * 60));
        job.info().await.unwrap();
    }
    assert_eq!(airbyte.count("POST", "/applications/token").await, 2);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_call_repeated() {
    let airbyte = Airbyte::without_tokens().await;
    airbyte.in_turn(post("/applications/token"), vec![ok(token("old", 900)), ok(token("new", 900))]).await;
    get(JOB)
        .and(header("authorization", "Bearer old"))
        .respond_with(status(401))
        .mount(&airbyte.server)
        .await;
    get(JOB)
        .and(header("authorization", "Bearer new"))
        .respond_with(ok(job(7, "sync", "running")))
        .mount(&airbyte.server)
        .await;
    airbyte.client().job(7.into()).info().await.unwrap();
    assert_eq!(airbyte.count("GET", JOB).await, 2);
    assert!(airbyte.clock.sleeps().is_empty(), "nothing to wait for");
}

#[tokio::test]
async fn a_server_that_refuses_every_token_is_not_asked_for_ever() {
    let airbyte = Airbyte::start().await;
    get(JOB).respond_with(status(401)).mount(&airbyte.server).await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
    assert_eq!(airbyte.count("GET", JOB).await, 2);
    assert_eq!(airbyte.count("POST", "/applications/token").await, 2);
}

#[tokio::test]
async fn a_token_may_end_twice_during_a_call_that_takes_long() {
    let airbyte = Airbyte::start().await;
    let answers = vec![status(401), status(503), status(401), ok(job(7, "sync", "running"))];
    airbyte.in_turn(get(JOB), answers).await;
    airbyte.client().job(7.into()).info().await.unwrap();
    assert_eq!(airbyte.count("POST", "/applications/token").await, 3);
    assert_eq!(airbyte.clock.sleeps().len(), 1, "only the failure of the server is waited for");
}

#[tokio::test]
async fn a_bearer_token_is_sent_as_it_is_and_never_replaced() {
    let airbyte = Airbyte::start().await;
    get(JOB).respond_with(status(401)).mount(&airbyte.server).await;
    let client = airbyte_cloud::Client::builder()
        .ignore_environment()
        .api_root(airbyte.root())
        .bearer_token(SecretString::from("ready-made-token"))
        .build()
        .unwrap();
    let error = client.job(7.into()).info().await.unwrap_err();
    assert!(error.is_unauthorized());
    assert!(error.hint().unwrap().contains("bearer token"), "{error:?}");
    let sent = airbyte.requests("GET", JOB).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].headers["authorization"], "Bearer ready-made-token");
    assert_eq!(airbyte.count("POST", "/applications/token").await, 0);
}

#[tokio::test]
async fn without_credentials_none_are_sent() {
    let airbyte = with_job().await;
    let client = airbyte_cloud::Client::builder()
        .ignore_environment()
        .api_root(airbyte.root())
        .no_auth()
        .build()
        .unwrap();
    client.job(7.into()).info().await.unwrap();
    assert!(!airbyte.requests("GET", JOB).await[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn wrong_credentials_are_told_in_every_edition() {
    let community = status(400).set_body_json(json!({
        "message": "Bad Request", "_links": {}, "_embedded": { "errors": [{ "message": "Invalid client id or token" }] },
    }));
    for (edition, answer, requests) in
        [("community", community, 1), ("cloud", error_id(401), 1), ("database", error_id(500), 6)]
    {
        let airbyte = Airbyte::without_tokens().await;
        post("/applications/token").respond_with(answer).mount(&airbyte.server).await;
        let error = airbyte.client().job(7.into()).info().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{edition}: {error:?}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("client id") || hint.contains("AIRBYTE_CLIENT_ID"), "{edition}: {hint}");
        assert!(!error.is_retryable() || edition == "database", "{edition}");
        assert_eq!(airbyte.count("POST", "/applications/token").await, requests, "{edition}");
        assert_eq!(airbyte.count("GET", JOB).await, 0, "{edition}");
    }
}

#[tokio::test]
async fn a_failing_token_endpoint_is_retried() {
    let airbyte = Airbyte::without_tokens().await;
    let answers = [503, 500, 429, 502, 504].map(status).into_iter().chain([ok(token("late", 900))]).collect();
    airbyte.in_turn(post("/applications/token"), answers).await;
    get(JOB).respond_with(ok(job(7, "sync", "running"))).mount(&airbyte.server).await;
    airbyte.client().job(7.into()).info().await.unwrap();
    assert_eq!(airbyte.count("POST", "/applications/token").await, 6);
}

#[tokio::test]
async fn a_wrong_root_shows_at_the_token_endpoint() {
    let airbyte = Airbyte::without_tokens().await;
    let client = airbyte_cloud::Client::builder()
        .ignore_environment()
        .api_root(format!("{}/v1", airbyte.server.uri()))
        .client_credentials(CLIENT_ID, SecretString::from(CLIENT_SECRET))
        .build()
        .unwrap();
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(
            status(200).set_body_raw("<!doctype html><html><title>Airbyte</title></html>", "text/html"),
        )
        .mount(&airbyte.server)
        .await;
    let error = client.job(7.into()).info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.hint().unwrap().contains(&airbyte.root()), "{error:?}");
}

#[tokio::test]
async fn the_raw_clients_answer_refused_credentials_with_401() {
    let airbyte = Airbyte::without_tokens().await;
    post("/applications/token").respond_with(error_id(401)).mount(&airbyte.server).await;
    let error = airbyte.client().raw().public().get_job().job_id(7).send().await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    assert_eq!(airbyte.count("GET", JOB).await, 0);
}

#[tokio::test]
async fn the_raw_clients_carry_the_token_and_replace_it() {
    let airbyte = Airbyte::without_tokens().await;
    airbyte.in_turn(post("/applications/token"), vec![ok(token("old", 900)), ok(token("new", 900))]).await;
    get(JOB)
        .and(header("authorization", "Bearer old"))
        .respond_with(status(401))
        .mount(&airbyte.server)
        .await;
    get(JOB)
        .and(header("authorization", "Bearer new"))
        .respond_with(ok(job(7, "sync", "running")))
        .mount(&airbyte.server)
        .await;
    let answer = airbyte.client().raw().public().get_job().job_id(7).send().await.unwrap();
    assert_eq!(answer.job_id, 7);
}
