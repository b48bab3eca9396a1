//! Untyped calls.

use airbyte_cloud::{ApiRequest, ErrorKind, Method};
use serde_json::json;
use wiremock::matchers::{body_json, header, query_param};

use crate::support::{Airbyte, config, delete, get, ok, post, problem, status};

#[tokio::test]
async fn any_operation_can_be_called() {
    let airbyte = Airbyte::start().await;
    get("/tags")
        .and(query_param("workspaceIds", "a b&c"))
        .and(header("authorization", "Bearer first"))
        .respond_with(ok(json!({ "data": [1] })))
        .mount(&airbyte.server)
        .await;
    let answer =
        airbyte.client().request(ApiRequest::get("tags").query("workspaceIds", "a b&c")).await.unwrap();
    assert_eq!((answer.status, answer.body), (200, json!({ "data": [1] })));
}

#[tokio::test]
async fn the_config_api_too_and_texts_and_nothing() {
    let airbyte = Airbyte::start().await;
    config("/state/get")
        .and(body_json(json!({ "connectionId": "x" })))
        .respond_with(ok(json!({ "stateType": "not_set" })))
        .mount(&airbyte.server)
        .await;
    get("/health")
        .respond_with(status(200).set_body_string("Successful operation"))
        .mount(&airbyte.server)
        .await;
    delete("/tags/1").respond_with(status(204)).mount(&airbyte.server).await;
    let client = airbyte.client();
    let state = ApiRequest::post("/state/get").config_api().body(json!({ "connectionId": "x" }));
    assert_eq!(client.request(state).await.unwrap().body["stateType"], "not_set");
    assert_eq!(client.request(ApiRequest::get("/health")).await.unwrap().body, json!("Successful operation"));
    let gone = client.request(ApiRequest::new(Method::DELETE, "/tags/1")).await.unwrap();
    assert_eq!((gone.status, gone.body), (204, json!(null)));
}

#[tokio::test]
async fn only_what_can_be_repeated_is() {
    let airbyte = Airbyte::start().await;
    airbyte.in_turn(get("/x"), vec![status(503), ok(json!(1))]).await;
    airbyte.in_turn(post("/x"), vec![status(503), ok(json!(1))]).await;
    let client = airbyte.client();
    client.request(ApiRequest::get("/x")).await.unwrap();
    let error = client.request(ApiRequest::post("/x").body(json!({}))).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 1));
    assert!(error.to_string().starts_with("POST /x: "), "{error}");
}

#[tokio::test]
async fn what_is_no_path_is_refused_before_sending() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.client();
    for path in ["https://elsewhere.example/x", "/x?y=1", "/../../internal", "/x#y"] {
        let error = client.request(ApiRequest::get(path)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{path}");
    }
    assert!(airbyte.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_config_root_is_told() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.builder().api_root(format!("{}/airbyte", airbyte.server.uri())).build().unwrap();
    let error = client.request(ApiRequest::post("/state/get").config_api()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.hint().unwrap().contains("AIRBYTE_CONFIG_API_URL"), "{error:?}");
}

#[tokio::test]
async fn a_failure_of_the_bindings_can_be_explained() {
    let airbyte = Airbyte::start().await;
    get("/tags")
        .respond_with(problem(422, "unprocessable-entity", "the filter is odd"))
        .mount(&airbyte.server)
        .await;
    get("/health").respond_with(status(200)).mount(&airbyte.server).await;
    get("/organizations")
        .respond_with(ok(json!({ "data": [{ "organizationId": 7, "password": "hunter2" }] })))
        .mount(&airbyte.server)
        .await;
    let raw = airbyte.client().raw();
    raw.public().get_health_check().send().await.unwrap();

    let error = raw.explain(raw.public().list_tags().send().await.unwrap_err()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Some(422)));
    assert!(error.to_string().contains("the filter is odd"), "{error}");

    let error = raw.explain(raw.public().list_organizations_for_user().send().await.unwrap_err()).await;
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(error.to_string().contains("data[0].organizationId"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");

    // Nothing was sent, since an argument is missing.
    let error = raw.explain(raw.public().get_job().send().await.unwrap_err()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, None));
}
