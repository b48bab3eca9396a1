use airbyte_api_raw::public::mock::MockServerExt as _;
use airbyte_api_raw::{Hooks, config, public};
use serde_json::json;

use super::{ID, http_client};

#[tokio::test]
async fn a_typed_mock_answers_its_operation() {
    let server = httpmock::MockServer::start();
    let job: public::types::JobResponse = serde_json::from_value(json!({
        "jobId": 7, "status": "running", "jobType": "sync", "startTime": "2026-03-25T01:30Z",
        "connectionId": ID
    }))
    .unwrap();
    let mock = server.get_job(|when, then| {
        when.job_id(7);
        then.success(200, &job);
    });
    let client = public::Client::new_with_client(&server.base_url(), http_client(), Hooks::none());
    assert_eq!(client.get_job().job_id(7).send().await.unwrap().job_id, 7);
    mock.assert();
}

#[tokio::test]
async fn a_mock_expects_queries_as_they_are_sent() {
    let server = httpmock::MockServer::start();
    let (ids, time) =
        (vec![uuid::Uuid::nil(), uuid::Uuid::max()], chrono::DateTime::from_timestamp(0, 0).unwrap());
    let page = public::types::JobsResponse { data: Vec::new(), next: None, previous: None };
    let mock = server.list_jobs(|when, then| {
        when.workspace_ids(&ids).created_at_start(&time).limit(Some(5)).offset(None);
        then.success(200, &page);
    });
    let client = public::Client::new_with_client(&server.base_url(), http_client(), Hooks::none());
    client.list_jobs().workspace_ids(ids.clone()).created_at_start(time).limit(5).send().await.unwrap();
    mock.assert();
}

#[tokio::test]
async fn the_config_api_has_mocks_too() {
    let server = httpmock::MockServer::start();
    config::mock::MockServerExt::get_health_check(&server, |_, then| {
        then.success(200, &config::types::HealthCheckRead { available: true });
    });
    let client = config::Client::new_with_client(&server.base_url(), http_client(), Hooks::none());
    assert!(client.get_health_check().send().await.unwrap().available);
}
