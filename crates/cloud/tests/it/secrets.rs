//! Nothing that is secret shows anywhere.

use airbyte_cloud::{ApiRequest, Client, SecretString};
use serde_json::json;

use crate::support::log;
use crate::support::{Airbyte, CLIENT_SECRET, get, job, ok, post, status, token};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl";

fn assert_clean(text: &str, what: &str) {
    for secret in [CLIENT_SECRET, TOKEN, "eyJhbGciOiJIUzI1NiJ9", "hunter2"] {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}

#[tokio::test]
async fn errors_and_debug_output_are_clean() {
    let airbyte = Airbyte::without_tokens().await;
    post("/applications/token").respond_with(ok(token(TOKEN, 900))).mount(&airbyte.server).await;
    let echo = format!("denied for Bearer {TOKEN} with {CLIENT_SECRET} and password=hunter2");
    get("/jobs/7")
        .respond_with(status(400).set_body_json(json!({ "message": echo })))
        .mount(&airbyte.server)
        .await;
    let client = airbyte.client();
    let error = client.job(7.into()).info().await.unwrap_err();
    assert!(error.to_string().contains("denied for"), "{error}");
    assert_clean(&format!("{error} {error:?} {:?} {:?}", error.problem(), error.hint()), "the error");
    assert_clean(&format!("{client:?} {:?} {:?}", client.settings(), client.raw()), "the client");
    assert_clean(&format!("{:?} {:?}", airbyte.builder(), client.job(7.into())), "a handle");
}

#[tokio::test]
async fn refused_credentials_are_not_shown() {
    let airbyte = Airbyte::without_tokens().await;
    let echo = format!("client_secret {CLIENT_SECRET} is wrong");
    post("/applications/token")
        .respond_with(
            status(401).set_body_json(json!({ "error": "invalid_client", "error_description": echo })),
        )
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().job(7.into()).info().await.unwrap_err();
    assert_clean(&format!("{error} {error:?}"), "the error");
}

#[tokio::test]
async fn a_bearer_token_is_not_shown() {
    let airbyte = Airbyte::start().await;
    let opaque = "opaque-t0ken-hunter2";
    get("/jobs/7")
        .respond_with(status(422).set_body_string(format!("token was {opaque}")))
        .mount(&airbyte.server)
        .await;
    let client = Client::builder()
        .ignore_environment()
        .api_root(airbyte.root())
        .bearer_token(SecretString::from(opaque))
        .build()
        .unwrap();
    let error = client.job(7.into()).info().await.unwrap_err();
    assert_clean(&format!("{error} {error:?} {client:?}"), "the error");
}

#[tokio::test]
async fn what_was_sent_is_not_quoted_back() {
    let airbyte = Airbyte::start().await;
    let message = "hunter2 is not a valid password";
    post("/sources")
        .respond_with(status(422).set_body_json(json!({ "message": message })))
        .mount(&airbyte.server)
        .await;
    let request = ApiRequest::post("/sources").body(json!({ "configuration": { "password": "hunter2" } }));
    let shown = format!("{request:?}");
    let error = airbyte.client().request(request).await.unwrap_err();
    assert!(error.to_string().contains("*** is not a valid password"), "{error}");
    assert_clean(&format!("{shown} {error:?}"), "the request");
}

#[tokio::test]
async fn logs_name_the_call_and_keep_the_secrets() {
    let airbyte = Airbyte::without_tokens().await;
    post("/applications/token").respond_with(ok(token(TOKEN, 900))).mount(&airbyte.server).await;
    let answer = ok(job(7, "sync", "running"));
    airbyte
        .in_turn(
            get("/jobs/7"),
            vec![status(503).set_body_string(format!("{TOKEN} password=hunter2")), answer],
        )
        .await;
    log::record();
    airbyte.client().job(7.into()).info().await.unwrap();
    let text = log::text();
    let span =
        text.lines().find(|line| line.contains(": close ") && !line.contains("createAccessToken")).unwrap();
    for field in [
        "operation=\"getJob\"",
        "method=\"GET\"",
        "path=\"/api/public/v1/jobs/7\"",
        "request_id=",
        "attempts=2",
        "duration_ms=",
        "outcome=\"ok\"",
    ] {
        assert!(span.contains(field), "{field} is not in {span}");
    }
    assert_clean(&text, "the log");
}
