use airbyte_api_raw::config::types as config;
use airbyte_api_raw::public::types as public;
use airbyte_api_raw::{Error, decode_error_path};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{ID, config_client, public_client};

fn job() -> Value {
    json!({
        "jobId": 7, "status": "running", "jobType": "sync", "startTime": "2026-03-25T01:30Z",
        "connectionId": ID
    })
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[test]
fn an_unknown_enum_value_is_kept_and_written_back() {
    let mut document = job();
    document["status"] = json!("resting");
    let job: public::JobResponse = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(job.status, public::JobStatusEnum::Unknown("resting".to_owned()));
    assert_eq!(job.status.to_string(), "resting");
    assert_eq!(job.status.as_str(), "resting");
    assert_eq!(serde_json::to_value(&job).unwrap(), document);
}

#[test]
fn a_known_enum_value_has_its_variant_however_it_is_made() {
    use public::JobStatusEnum::Incomplete;
    assert_eq!("incomplete".parse(), Ok(Incomplete));
    assert_eq!(public::JobStatusEnum::from("incomplete"), Incomplete);
    assert_eq!(public::JobStatusEnum::from("incomplete".to_owned()), Incomplete);
    assert_eq!(serde_json::from_value::<public::JobStatusEnum>(json!("incomplete")).unwrap(), Incomplete);
    assert_eq!(serde_json::to_value(Incomplete).unwrap(), json!("incomplete"));
}

#[test]
fn a_documented_value_called_unknown_is_not_an_undocumented_one() {
    let origin: config::FailureOrigin = "unknown".into();
    assert_eq!(origin, config::FailureOrigin::UnknownValue);
    assert_eq!(origin.as_str(), "unknown");
}

#[test]
fn enums_in_lists_and_in_options_are_open_too() {
    let stream: public::StreamProperties =
        serde_json::from_value(json!({ "syncModes": ["full_refresh_append", "telepathy"] })).unwrap();
    let modes: Vec<String> = stream.sync_modes.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(modes, ["full_refresh_append", "telepathy"]);
    let stream: public::StreamConfiguration =
        serde_json::from_value(json!({ "name": "users", "syncMode": "telepathy" })).unwrap();
    assert_eq!(stream.sync_mode.unwrap().as_str(), "telepathy");
}

#[test]
fn missing_null_and_unknown_fields_are_no_failure() {
    let mut document = job();
    document["bytesSynced"] = Value::Null;
    document["duration"] = Value::Null;
    document["mood"] = json!({ "of": ["the", "server"] });
    let job: public::JobResponse = serde_json::from_value(document).unwrap();
    assert_eq!((job.bytes_synced, job.duration, job.rows_synced), (None, None, None));
}

#[test]
fn null_collections_are_no_failure() {
    let stream: public::StreamConfiguration = serde_json::from_value(
        json!({ "name": "users", "primaryKey": null, "cursorField": null, "mappers": null, "selectedFields": null }),
    )
    .unwrap();
    assert!(stream.primary_key.is_none() && stream.cursor_field.is_none() && stream.mappers.is_none());
    let source: config::SourceRead = serde_json::from_value(json!({
        "sourceDefinitionId": ID, "sourceId": ID,
        "workspaceId": ID, "name": "n", "sourceName": "s", "createdAt": 1,
        "connectionConfiguration": null, "connectionJobStatuses": null
    }))
    .unwrap();
    assert!(source.connection_job_statuses.is_none());
}

#[test]
fn a_deleted_source_has_no_configuration() {
    let mut document = json!({
        "sourceId": ID, "name": "n", "sourceType": "", "configuration": null,
        "workspaceId": ID, "definitionId": ID,
        "createdAt": 1
    });
    assert!(
        serde_json::from_value::<public::SourceResponse>(document.clone()).unwrap().configuration.is_none()
    );
    document.as_object_mut().unwrap().remove("configuration");
    assert!(serde_json::from_value::<public::SourceResponse>(document).unwrap().configuration.is_none());
}

#[test]
fn a_mapper_of_a_newer_server_survives() {
    let document = json!({
        "type": "shuffling",
        "mapperConfiguration": { "targetField": "email", "method": "riffle", "decks": 2 }
    });
    let mapper: public::ConfiguredStreamMapper = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(mapper.mapper_configuration.extra["decks"], 2);
    assert_eq!(serde_json::to_value(&mapper).unwrap(), document);
}

#[test]
fn global_state_keeps_its_shared_part() {
    let document = json!({
        "stateType": "global", "connectionId": ID,
        "globalState": { "shared_state": { "lsn": 5 }, "streamStates": [
            { "streamDescriptor": { "name": "users", "namespace": "a" }, "streamState": { "cursor": "x" } }
        ] }
    });
    let state: config::ConnectionState = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&state).unwrap(), document);
}

#[tokio::test]
async fn a_decoding_failure_names_its_place() {
    let mut second = job();
    second["jobId"] = json!("seven");
    let body = json!({ "data": [job(), second] });
    let server = server(ResponseTemplate::new(200).set_body_json(&body)).await;
    let error = public_client(&server).list_jobs().send().await.unwrap_err();
    let Error::InvalidResponsePayload(payload, cause) = error else { panic!("{error}") };
    assert!(cause.to_string().starts_with("data[1].jobId: "), "{cause}");
    assert_eq!(decode_error_path::<public::JobsResponse>(&payload).as_deref(), Some("data[1].jobId"));
    assert_eq!(decode_error_path::<Value>(&payload), None);
    assert_eq!(decode_error_path::<Value>(b"<html>"), None);
}

#[tokio::test]
async fn every_success_is_a_success() {
    for status in [200, 201, 202] {
        let server = server(ResponseTemplate::new(status).set_body_json(job())).await;
        let answer = public_client(&server).get_job().job_id(7).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.job_id), (status, 7));
    }
    for status in [200, 204] {
        let server = server(ResponseTemplate::new(status)).await;
        public_client(&server).delete_connection().connection_id(ID).send().await.unwrap();
    }
}

#[tokio::test]
async fn every_failure_comes_with_its_body_unread() {
    for (status, body) in
        [(409, r#"{"title":"try-again-later"}"#), (404, ""), (502, "<html>Bad Gateway</html>")]
    {
        let server = server(ResponseTemplate::new(status).set_body_string(body)).await;
        let error = public_client(&server).get_job().job_id(7).send().await.unwrap_err();
        let Error::UnexpectedResponse(response) = error else { panic!("{error}") };
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.text().await.unwrap(), body);
    }
}

#[tokio::test]
async fn what_is_not_json_comes_as_bytes() {
    let server = server(ResponseTemplate::new(200).set_body_string("<html></html>")).await;
    let answer = public_client(&server).get_documentation().send().await.unwrap();
    let chunks: Vec<_> = futures::StreamExt::collect(answer.into_inner_stream()).await;
    assert_eq!(chunks[0].as_ref().unwrap().as_ref(), b"<html></html>");
}

#[tokio::test]
async fn a_check_without_an_outcome_is_an_answer() {
    let server = server(ResponseTemplate::new(200).set_body_json(json!({ "message": "broken" }))).await;
    let body = config::SourceIdRequestBody::builder().source_id(uuid::Uuid::nil());
    let answer = config_client(&server).check_connection_to_source().body(body).send().await.unwrap();
    assert!(answer.status.is_none());
    assert_eq!(answer.message.as_deref(), Some("broken"));
}
