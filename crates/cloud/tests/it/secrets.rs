//! Nothing that is secret shows anywhere.

use airbyte_cloud::{ApiRequest, Client, SecretString};
use serde_json::json;

use crate::support::log;
use crate::support::{
    Airbyte, CLIENT_SECRET, CONNECTION, connection, connection_id, get, job, ok, page, post, problem, status,
    token, workspace_id,
};

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

/// What a request holds until it is sent is as secret as what is sent.
#[tokio::test]
async fn requests_do_not_show_what_they_hold() {
    const KEY: &str = "k3y-of-the-mapper";
    let airbyte = Airbyte::start().await;
    let client = airbyte.client();
    let workspace = client.workspace(workspace_id());
    let mapper = json!({ "type": "encryption", "mapperConfiguration": { "algorithm": "AES", "key": KEY } });
    let stream = || airbyte_cloud::StreamSelection::new("users").mappers(vec![mapper.clone()]);
    let some = uuid::Uuid::nil();
    let manifest = airbyte_cloud::Manifest::from(json!({}));
    for shown in [
        format!("{:?}", stream()),
        format!("{:?}", client.connection(connection_id()).edit().stream(stream())),
        format!("{:?}", workspace.create_connection("c", some, some).stream(stream())),
        format!("{:?}", workspace.create_source("s", json!({ "sourceType": "x", "password": KEY }))),
        format!(
            "{:?}",
            workspace.publish_custom_source("p", manifest).testing_values(json!({ "api_key": KEY }))
        ),
        format!(
            "{:?}",
            workspace.start_oauth("x", "https://a.example").input(json!({ "client_secret": KEY }))
        ),
    ] {
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn a_mapper_is_not_quoted_back_by_an_error() {
    const KEY: &str = "k3y-of-the-mapper";
    let airbyte = Airbyte::start().await;
    let said = format!("no good: {{\"key\": \"{KEY}\"}} and {KEY}");
    for mock in [post("/connections"), wiremock::Mock::given(wiremock::matchers::method("PATCH"))] {
        mock.respond_with(problem(400, "bad-request", &said)).mount(&airbyte.server).await;
    }
    get("/connections").respond_with(ok(page(&[]))).mount(&airbyte.server).await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(ok(connection("active")))
        .mount(&airbyte.server)
        .await;
    let client = airbyte.client();
    let mapper = json!({ "type": "encryption", "mapperConfiguration": { "algorithm": "AES", "key": KEY } });
    let stream = || airbyte_cloud::StreamSelection::new("users").mappers(vec![mapper.clone()]);
    let some = uuid::Uuid::nil();
    let create = client.workspace(workspace_id()).create_connection("c", some, some).allow_same_name();
    for error in [
        create.stream(stream()).await.unwrap_err(),
        client.connection(connection_id()).edit().stream(stream()).await.unwrap_err(),
    ] {
        let text = format!("{error} {error:?}");
        assert!(text.contains("no good") && !text.contains(KEY), "{text}");
    }
}
