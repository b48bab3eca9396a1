use airbyte_api_raw::public::types;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{config_client, public_client};

async fn server() -> MockServer {
    let server = MockServer::start().await;
    // What comes back is of no interest here, and cannot be decoded.
    Mock::given(any()).respond_with(ResponseTemplate::new(418)).mount(&server).await;
    server
}

async fn received(server: &MockServer) -> Request {
    server.received_requests().await.unwrap().pop().unwrap()
}

async fn body(server: &MockServer) -> Value {
    received(server).await.body_json().unwrap()
}

#[tokio::test]
async fn query_parameters_take_texts_enums_numbers_times_and_lists() {
    let server = server().await;
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    public_client(&server)
        .list_jobs()
        .limit(100)
        .job_type("sync")
        .status(types::JobStatusEnum::Unknown("resting".to_owned()))
        .order_by("createdAt|DESC")
        .created_at_start(chrono::DateTime::from_timestamp(0, 0).unwrap())
        .workspace_ids(vec![one, two])
        .send()
        .await
        .unwrap_err();
    let request = received(&server).await;
    assert_eq!(request.url.path(), "/jobs");
    let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    let expected = [
        ("createdAtStart", "1970-01-01T00:00:00Z"),
        ("jobType", "sync"),
        ("limit", "100"),
        ("orderBy", "createdAt|DESC"),
        ("status", "resting"),
        ("workspaceIds", "00000000-0000-0000-0000-000000000001"),
        ("workspaceIds", "00000000-0000-0000-0000-000000000002"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn what_is_not_set_is_not_sent() {
    let server = server().await;
    let change = types::ConnectionPatchRequest::builder().name(Some("new".to_owned()));
    public_client(&server)
        .patch_connection()
        .connection_id(Uuid::nil())
        .body(change)
        .send()
        .await
        .unwrap_err();
    assert_eq!(body(&server).await, json!({ "name": "new" }));
}

#[tokio::test]
async fn an_empty_list_is_sent() {
    let server = server().await;
    let change = types::ConnectionPatchRequest::builder().tags(Some(Vec::new()));
    public_client(&server)
        .patch_connection()
        .connection_id(Uuid::nil())
        .body(change)
        .send()
        .await
        .unwrap_err();
    assert_eq!(body(&server).await, json!({ "tags": [] }));
}

#[tokio::test]
async fn the_token_call_sends_what_the_server_reads() {
    let server = server().await;
    let credentials = types::ApplicationTokenRequestWithGrant::builder().client_id("i").client_secret("s");
    public_client(&server).create_access_token().body(credentials).send().await.unwrap_err();
    let request = received(&server).await;
    assert_eq!(request.url.path(), "/applications/token");
    assert_eq!(request.body_json::<Value>().unwrap(), json!({ "client_id": "i", "client_secret": "s" }));
}

#[tokio::test]
async fn paths_of_the_config_api_are_below_its_root() {
    let server = server().await;
    config_client(&server).get_health_check().send().await.unwrap_err();
    assert_eq!(received(&server).await.url.path(), "/health");
}

#[tokio::test]
async fn a_missing_argument_is_refused_before_anything_is_sent() {
    let server = server().await;
    let error = public_client(&server).get_job().send().await.unwrap_err();
    assert!(matches!(error, airbyte_api_raw::Error::InvalidRequest(_)), "{error}");
    let error = public_client(&server).get_connection().connection_id("no-uuid").send().await.unwrap_err();
    assert_eq!(error.to_string(), "Invalid Request: conversion to `uuid::Uuid` for connection_id failed");
    assert!(server.received_requests().await.unwrap().is_empty());
}
