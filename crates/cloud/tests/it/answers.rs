//! Answers with a status of success that are not quite, or not at all, what was asked for.

use airbyte_cloud::{ApiRequest, Error, ErrorKind, JobInfo, RetryPolicy};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;
use wiremock::matchers::query_param;

use crate::support::{Airbyte, config, connection, connection_id, get, job, ok, page, status, workspace_id};

async fn job_answered(answer: ResponseTemplate) -> Result<JobInfo, Error> {
    let airbyte = Airbyte::start().await;
    get("/jobs/7").respond_with(answer).mount(&airbyte.server).await;
    let client = airbyte.builder().retry_policy(RetryPolicy::default().attempts(2)).build().unwrap();
    client.job(7.into()).info().await
}

async fn jobs_answered(body: Value) -> Result<Vec<JobInfo>, Error> {
    let airbyte = Airbyte::start().await;
    get("/jobs").respond_with(ok(body)).mount(&airbyte.server).await;
    // An empty list is only believed of a connection that exists.
    get(&format!("/connections/{}", connection_id()))
        .respond_with(ok(connection("active")))
        .mount(&airbyte.server)
        .await;
    airbyte.client().connection(connection_id()).jobs().await
}

fn labelled(body: impl Into<Vec<u8>>, label: &str) -> ResponseTemplate {
    status(200).set_body_raw(body, label)
}

#[tokio::test]
async fn json_is_json_whatever_its_label() {
    let body = job(7, "sync", "running").to_string();
    for label in ["text/html", "text/plain; charset=utf-16", "application/octet-stream", "x", ""] {
        let info = job_answered(labelled(body.clone(), label)).await.unwrap();
        assert_eq!(info.job_id.get(), 7, "{label}");
    }
    job_answered(status(200).set_body_bytes(body)).await.unwrap();
}

#[tokio::test]
async fn json_that_ends_in_the_middle_is_a_broken_connection() {
    let body = job(7, "sync", "running").to_string();
    for end in [1, body.len() / 2, body.len() - 1] {
        let error = job_answered(labelled(&body[..end], "application/json")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Network, 2), "{end}: {error}");
        assert!(error.is_retryable() && error.to_string().contains("ends in the middle"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_such_object_is_told_at_once() {
    for body in ["", "[]", "null", "7", "\"text\"", "{}", "{\"errorId\":\"x\"}", "not JSON", "{'jobId':7}"] {
        let error = job_answered(labelled(body, "application/json")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::UnexpectedResponse, 1), "{body}: {error}");
        assert!(!error.is_retryable() && error.hint().is_some(), "{body}: {error:?}");
        assert!(error.to_string().contains("cannot be understood"), "{body}: {error}");
    }
    let error = job_answered(status(204)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
}

#[tokio::test]
async fn a_wrong_member_is_named() {
    for (member, value) in [
        ("jobId", json!("7")),
        ("jobId", json!(7.5)),
        ("jobId", json!(u64::MAX)),
        ("status", json!(["running"])),
        ("connectionId", json!("no id")),
        ("bytesSynced", json!({})),
    ] {
        let mut odd = job(7, "sync", "running");
        odd[member] = value.clone();
        let error = job_answered(ok(odd)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{member} {value}");
        assert!(error.to_string().contains(member), "{error}");
    }
}

#[tokio::test]
async fn a_job_with_as_little_in_it_as_possible() {
    let mut sparse = job(7, "sync", "running");
    for member in ["duration", "bytesSynced", "rowsSynced"] {
        sparse[member] = Value::Null;
    }
    let info = job_answered(ok(sparse)).await.unwrap();
    assert_eq!((info.duration, info.bytes_synced, info.records_synced), (None, None, None));
}

#[tokio::test]
async fn times_are_read_in_every_form_there_is() {
    let expected: DateTime<Utc> = "2026-03-25T01:30:00Z".parse().unwrap();
    for text in [
        "2026-03-25T01:30Z",
        "2026-03-25T01:30:00Z",
        "2026-03-25T01:30:00.000Z",
        "2026-03-25T02:30+01:00",
        "2026-03-25T01:30:00",
        "2026-03-25 01:30:00",
    ] {
        let mut dated = job(7, "sync", "succeeded");
        dated["startTime"] = json!(text);
        dated["lastUpdatedAt"] = json!(text);
        let info = job_answered(ok(dated)).await.unwrap();
        assert_eq!((info.started_at, info.last_updated_at), (expected, Some(expected)), "{text}");
    }
}

#[tokio::test]
async fn a_time_that_is_none_is_named() {
    let mut dated = job(7, "sync", "succeeded");
    dated["startTime"] = json!("yesterday");
    let error = job_answered(ok(dated)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(error.to_string().contains("yesterday"), "{error}");
}

#[tokio::test]
async fn a_page_without_links_is_a_page() {
    for more in [json!({}), json!({ "next": null, "previous": null }), json!({ "next": "", "total": 7 })] {
        let mut body = json!({ "data": [job(9, "sync", "failed")] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(jobs_answered(body).await.unwrap().len(), 1, "{more}");
    }
}

#[tokio::test]
async fn no_list_is_an_empty_one_only_if_the_server_says_so() {
    assert!(jobs_answered(json!({ "data": null, "next": "" })).await.unwrap().is_empty());
    for body in [json!({}), json!({ "next": "" }), json!({ "data": {} }), json!([]), json!({ "jobs": [] })] {
        let error = jobs_answered(body.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{body}: {error}");
    }
}

#[tokio::test]
async fn a_second_page_that_fails_is_not_the_end_of_the_list() {
    let airbyte = Airbyte::start().await;
    let first: Vec<Value> = (0..100).map(|n| job(n, "sync", "failed")).collect();
    let second = labelled("<html><title>Sign in</title></html>", "text/html");
    for (offset, answer) in [("0", ok(page(&first))), ("100", second)] {
        get("/jobs").and(query_param("offset", offset)).respond_with(answer).mount(&airbyte.server).await;
    }
    let error = airbyte.client().workspace(workspace_id()).jobs().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
}

#[tokio::test]
async fn a_connection_with_null_for_every_list() {
    let mut bare = connection("active");
    for member in ["tags", "statusReason", "prefix", "namespaceFormat", "namespaceDefinition"] {
        bare[member] = Value::Null;
    }
    let users = &mut bare["configurations"]["streams"][0];
    for member in ["namespace", "syncMode", "cursorField", "primaryKey", "selectedFields", "mappers"] {
        users[member] = Value::Null;
    }
    let airbyte = Airbyte::start().await;
    let connection = airbyte.client().connection(connection_id());
    let path = format!("/connections/{}", connection.id());
    airbyte
        .in_turn(
            get(&path),
            vec![ok(bare.clone()), {
                bare["configurations"] = json!({ "streams": null });
                ok(bare)
            }],
        )
        .await;
    let info = connection.info().await.unwrap();
    assert_eq!((info.streams.len(), info.streams[0].sync_mode.is_none(), info.prefix), (1, true, None));
    assert!(connection.info().await.unwrap().streams.is_empty());
}

#[tokio::test]
async fn an_untyped_call_takes_texts_but_no_half_documents() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.builder().retry_policy(RetryPolicy::none()).build().unwrap();
    for (path, body) in [("/half", "{\"data\":["), ("/broken", "[1,,2]"), ("/page", "<html></html>")] {
        get(path).respond_with(labelled(body, "application/json")).mount(&airbyte.server).await;
        let error = client.request(ApiRequest::get(path)).await.unwrap_err();
        let kind = match path {
            "/half" => ErrorKind::Network,
            "/page" => ErrorKind::Configuration,
            _ => ErrorKind::UnexpectedResponse,
        };
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_state_is_named_too() {
    let airbyte = Airbyte::start().await;
    let odd = json!({ "stateType": "stream", "streamState": [{ "streamDescriptor": { "name": 7 } }] });
    config("/state/get").respond_with(ok(odd)).mount(&airbyte.server).await;
    let error = airbyte.client().connection(connection_id()).state().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(error.to_string().contains("streamState[0].streamDescriptor"), "{error}");
}
