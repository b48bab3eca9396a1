//! Calls of which it is not certain, or quite certain, that they did what they should.

use airbyte_cloud::{ApiRequest, CustomSourceKind, ErrorKind, JobType, RefreshMode};
use serde_json::{Value, json};

use crate::custom_source::manifest;
use crate::support::{
    Airbyte, CONNECTION, WORKSPACE, config, connection, connection_id, delete, error_id, get, job, ok, page,
    post, put, status, token, workspace_id,
};

const THING: &str = "11111111-0000-4000-8000-000000000001";

/// A connection on which the request to clear or refresh it fails, and what its jobs are from then on.
async fn started_in_doubt(after: &[Value]) -> Airbyte {
    let airbyte = Airbyte::start().await;
    let before = page(&[job(5, "sync", "succeeded")]);
    airbyte.in_turn(get("/jobs"), vec![ok(before), ok(page(after))]).await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(ok(connection("active")))
        .mount(&airbyte.server)
        .await;
    post("/jobs").respond_with(status(504)).mount(&airbyte.server).await;
    config("/connections/refresh").respond_with(status(504)).mount(&airbyte.server).await;
    airbyte
}

#[tokio::test]
async fn a_scheduled_sync_is_not_taken_for_a_clearing_or_refresh() {
    let scheduled = job(6, "sync", "running");
    for own in ["reset", "refresh"] {
        let airbyte = started_in_doubt(&[job(7, own, "pending"), scheduled.clone()]).await;
        let connection = airbyte.client().connection(connection_id());
        let begun = match own {
            "reset" => connection.clear().await.unwrap(),
            _ => connection.refresh(RefreshMode::Merge).await.unwrap(),
        };
        assert_eq!((begun.job_id().get(), begun.job_type()), (7, &JobType::from(own)));

        let airbyte = started_in_doubt(std::slice::from_ref(&scheduled)).await;
        let connection = airbyte.client().connection(connection_id());
        let error = match own {
            "reset" => connection.clear().await.unwrap_err(),
            _ => connection.refresh(RefreshMode::Merge).await.unwrap_err(),
        };
        // The server may still be cancelling the sync: who asks again would clear twice.
        assert!(!error.is_retryable(), "{own}: {error:?}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("no job has appeared") && !hint.contains("tried again"), "{own}: {hint}");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_to_be_called_again() {
    let airbyte = Airbyte::start().await;
    let definitions = format!("/workspaces/{WORKSPACE}/definitions/declarative_sources/{THING}");
    put(&definitions).respond_with(status(504)).mount(&airbyte.server).await;
    post("/tags").respond_with(error_id(500)).mount(&airbyte.server).await;
    let client = airbyte.client();
    let definition = client
        .workspace(workspace_id())
        .custom_source_definition(THING.parse().unwrap(), CustomSourceKind::Yaml);
    let publish = definition.update(manifest("one")).await.unwrap_err();
    assert_eq!((publish.kind(), publish.status(), publish.attempts()), (ErrorKind::Server, Some(504), 1));
    assert!(!publish.is_retryable(), "it would be published twice: {publish:?}");

    let raw = client.request(ApiRequest::post("/tags").body(json!({ "name": "x" }))).await.unwrap_err();
    assert_eq!((raw.status(), raw.attempts()), (Some(500), 1));
    assert!(!raw.is_retryable(), "{raw:?}");
    // What the server did not look at did nothing.
    post("/groups").respond_with(status(429)).mount(&airbyte.server).await;
    let limited = client.request(ApiRequest::post("/groups").body(json!({}))).await.unwrap_err();
    assert!(limited.is_retryable(), "{limited:?}");
}

#[tokio::test]
async fn what_the_server_refuses_to_do_twice_can_be_called_again() {
    let airbyte = Airbyte::start().await;
    post(&format!("/groups/{THING}/members")).respond_with(status(503)).mount(&airbyte.server).await;
    let group = airbyte.client().group(THING.parse().unwrap());
    let error = group.add_member(THING.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn without_a_token_nothing_was_created() {
    let airbyte = Airbyte::without_tokens().await;
    post("/applications/token").respond_with(status(503)).mount(&airbyte.server).await;
    let error = airbyte.client().create_workspace("mine").await.unwrap_err();
    assert_eq!(error.operation(), Some("createAccessToken"));
    assert!(error.is_retryable() && !error.to_string().contains("not known"), "{error:?}");
    assert_eq!(airbyte.count("POST", "/workspaces").await, 0);
}

#[tokio::test]
async fn a_deletion_of_what_never_was_is_an_error_unless_it_may_have_been_there() {
    let tag = format!("/tags/{THING}");
    for (first, deleted) in [(401, false), (429, false), (503, true), (408, true)] {
        let airbyte = Airbyte::without_tokens().await;
        let tokens = vec![ok(token("ended", 900)), ok(token("new", 900))];
        airbyte.in_turn(post("/applications/token"), tokens).await;
        airbyte.in_turn(delete(&tag), vec![status(first), status(404)]).await;
        let outcome = airbyte.client().tag(THING.parse().unwrap()).delete().await;
        assert_eq!(airbyte.count("DELETE", &tag).await, 2, "{first}");
        assert_eq!(outcome.is_ok(), deleted, "{first}: {outcome:?}");
        assert!(outcome.is_ok() || outcome.unwrap_err().is_not_found(), "{first}");
    }
}
