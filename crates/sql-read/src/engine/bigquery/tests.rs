//! What goes over REST, against scripted answers: costs, cancelling, names in another case.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

const JOBS: &str = "/bigquery/v2/projects/p/jobs";
const KEY: &str = "{\"type\": \"authorized_user\", \"client_id\": \"a\", \"client_secret\": \"b\", \"refresh_token\": \"c\"}";

async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/bigquery/v2/projects/p/datasets/data/tables"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"tables": []})))
        .mount(&server)
        .await;
    server
}

/// An engine whose credentials are never asked for: nothing is signed here.
async fn engine(server: &MockServer, more: Value) -> Result<BigQuery> {
    let mut configuration = json!({
        "project_id": "p", "dataset_id": "data", "dataset_location": "EU",
        "endpoint": server.uri(), "storage_endpoint": server.uri()
    });
    configuration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let destination =
        Destination::from_json(&json!({"destinationType": "bigquery", "configuration": configuration}))?;
    BigQuery::connect(&destination).await
}

fn dry_run(statement: &str, bytes: &str) -> Mock {
    Mock::given(method("POST"))
        .and(path(JOBS))
        .and(body_partial_json(json!({"configuration": {"dryRun": true}})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "status": {"state": "DONE"},
            "statistics": {"query": {"statementType": statement, "totalBytesProcessed": bytes}}
        })))
}

fn real_runs(requests: &[Request]) -> Vec<Value> {
    let jobs = requests.iter().filter(|request| request.method == "POST" && request.url.path() == JOBS);
    let bodies = jobs.map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
    bodies.filter(|body| body["configuration"]["dryRun"] != json!(true)).collect()
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_not_sent() {
    let server = server().await;
    dry_run("SELECT", "2000000").mount(&server).await;
    let engine = engine(&server, json!({"maximum_bytes_billed": "1000000"})).await.unwrap();
    let error = engine.query("select * from users", 100).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "the query would read 2000000 bytes, and it may read 1000000");
    assert!(real_runs(&server.received_requests().await.unwrap()).is_empty());
}

#[tokio::test]
async fn what_bigquery_takes_for_more_than_a_query_is_not_sent() {
    for statement in ["SCRIPT", "INSERT", "EXPORT_DATA", ""] {
        let server = server().await;
        dry_run(statement, "0").mount(&server).await;
        let engine = engine(&server, json!({})).await.unwrap();
        let error = engine.query("select looks_harmless()", 100).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{statement}");
        assert!(real_runs(&server.received_requests().await.unwrap()).is_empty(), "{statement}");
    }
}

#[tokio::test]
async fn a_query_says_its_place_and_its_limit_and_is_cancelled_when_dropped() {
    let server = server().await;
    dry_run("SELECT", "5").with_priority(1).mount(&server).await;
    let job = json!({"projectId": "p", "jobId": "j", "location": "EU"});
    Mock::given(method("POST"))
        .and(path(JOBS))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "jobReference": job, "status": {"state": "RUNNING"}
        })))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/bigquery/v2/projects/p/queries/j"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"jobReference": job, "jobComplete": false}))
                .set_delay(Duration::from_millis(20)),
        )
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("^/bigquery/v2/projects/p/jobs/j/cancel$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&server)
        .await;
    let engine = engine(&server, json!({"maximum_bytes_billed": 10})).await.unwrap();
    let limited = tokio::time::timeout(Duration::from_millis(500), engine.query("select 1", 100)).await;
    assert!(limited.is_err(), "the query never ends");
    let cancelled = async {
        loop {
            let requests = server.received_requests().await.unwrap();
            if requests.iter().any(|request| request.url.path().ends_with("/cancel")) {
                return requests;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let requests = tokio::time::timeout(Duration::from_secs(10), cancelled).await.unwrap();
    let [sent] = real_runs(&requests).try_into().unwrap();
    assert_eq!(sent["jobReference"]["location"], "EU");
    assert_eq!(sent["configuration"]["query"]["maximumBytesBilled"], "10");
    assert_eq!(sent["configuration"]["query"]["useLegacySql"], false);
    assert_eq!(sent["configuration"]["query"]["defaultDataset"]["datasetId"], "data");
}

#[tokio::test]
async fn a_dataset_in_another_case_is_found() {
    let server = server().await;
    let missing =
        json!({"error": {"code": 404, "message": "Not found: Dataset p:Users", "status": "NOT_FOUND"}});
    Mock::given(method("GET"))
        .and(path("/bigquery/v2/projects/p/datasets/Users/tables"))
        .respond_with(ResponseTemplate::new(404).set_body_json(missing))
        .mount(&server)
        .await;
    let named = |name: &str| json!({"datasetReference": {"projectId": "p", "datasetId": name}});
    Mock::given(method("GET"))
        .and(path("/bigquery/v2/projects/p/datasets"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"datasets": [named("data"), named("users")]})),
        )
        .mount(&server)
        .await;
    let table =
        json!({"tableReference": {"projectId": "p", "datasetId": "users", "tableId": "t"}, "type": "TABLE"});
    Mock::given(method("GET"))
        .and(path("/bigquery/v2/projects/p/datasets/users/tables"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"tables": [table]})))
        .mount(&server)
        .await;
    let engine = engine(&server, json!({})).await.unwrap();
    let tables = engine.tables(&["Users".to_owned(), "data".to_owned()]).await.unwrap();
    assert_eq!(tables, [TableName { schema: "users".into(), table: "t".into() }]);
}

#[tokio::test]
async fn who_may_not_is_told_which_roles_are_needed() {
    let server = MockServer::start().await;
    let refused = json!({"error": {"code": 403, "message": "Access Denied: Dataset p:data", "status": "PERMISSION_DENIED"}});
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(403).set_body_json(refused))
        .mount(&server)
        .await;
    let error = engine(&server, json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query);
    assert_eq!(error.to_string(), "BigQuery: Access Denied: Dataset p:data");
    assert!(error.hint().unwrap().contains("BigQuery Data Viewer"), "{error:?}");
}

#[tokio::test]
async fn a_dataset_that_is_forbidden_keeps_nobody_from_another_one() {
    let server = MockServer::start().await;
    let table = json!({"tableReference": {"projectId": "p", "datasetId": "data", "tableId": "users"}, "type": "TABLE"});
    Mock::given(method("GET"))
        .and(path("/bigquery/v2/projects/p/datasets/data/tables"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"tables": [table]})))
        .mount(&server)
        .await;
    let refused = json!({"error": {"code": 403, "message": "Access Denied", "status": "PERMISSION_DENIED"}});
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(403).set_body_json(refused))
        .with_priority(9)
        .mount(&server)
        .await;
    let engine = engine(&server, json!({})).await.unwrap();
    let tables = engine.tables(&["airbyte_internal".to_owned(), "data".to_owned()]).await.unwrap();
    assert_eq!(tables, [TableName { schema: "data".into(), table: "users".into() }]);
    // Where there is nothing else, that is why.
    let error = engine.tables(&["airbyte_internal".to_owned()]).await.unwrap_err();
    assert_eq!(error.to_string(), "BigQuery: Access Denied");
}

#[tokio::test]
async fn every_kind_of_key_is_taken() {
    let server = server().await;
    for key in [
        json!(KEY),
        serde_json::from_str(KEY).unwrap(),
        json!({
            "type": "impersonated_service_account", "source_credentials": serde_json::from_str::<Value>(KEY).unwrap(),
            "service_account_impersonation_url":
                "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken"
        }),
        json!({
            "type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": "/nowhere"}
        }),
    ] {
        let destination = Destination::from_json(&json!({"destinationType": "bigquery", "configuration": {
            "project_id": "p", "dataset_id": "data", "credentials_json": key,
            "endpoint": server.uri(), "storage_endpoint": server.uri()
        }}))
        .unwrap();
        Clients::new(&destination).await.unwrap_or_else(|error| panic!("{key}: {error:?}"));
    }
}

/// What costs is each column that is looked at; how many rows there are is known anyway.
#[tokio::test]
async fn counting_looks_at_no_column_unless_the_refreshes_are_asked_for() {
    let server = MockServer::start().await;
    let answer = |place: &str, answer: Value| {
        Mock::given(method("GET"))
            .and(path(format!("/bigquery/v2/projects/p/{place}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
    };
    let named = json!({"projectId": "p", "datasetId": "data", "tableId": "users"});
    let table = json!({"tableReference": named, "type": "TABLE"});
    answer("datasets/data/tables", json!({"tables": [table]})).await;
    answer("datasets/airbyte_internal/tables", json!({"tables": []})).await;
    let fields = ["id", "_airbyte_generation_id"].map(|name| json!({"name": name, "type": "INTEGER"}));
    let described =
        json!({"tableReference": named, "type": "TABLE", "numRows": "3", "schema": {"fields": fields}});
    answer("datasets/data/tables/users", described).await;
    let job = json!({"projectId": "p", "jobId": "j", "location": "EU"});
    let done = json!({
        "jobReference": job, "status": {"state": "DONE"},
        "configuration": {"query": {"query": "", "destinationTable": named}}
    });
    answer("jobs/j", done.clone()).await;
    let numbers = ["3", "1", "2"].map(|number| json!({"v": number}));
    let counted =
        json!({"jobReference": job, "jobComplete": true, "totalRows": "1", "rows": [{"f": numbers}]});
    answer("queries/j", counted).await;
    Mock::given(method("POST"))
        .and(path(JOBS))
        .respond_with(ResponseTemplate::new(200).set_body_json(done))
        .mount(&server)
        .await;
    let configuration = json!({
        "project_id": "p", "dataset_id": "data", "endpoint": server.uri(), "storage_endpoint": server.uri()
    });
    let destination = json!({"destinationType": "bigquery", "configuration": configuration});
    let warehouse = Destination::from_json(&destination).unwrap().connect().await.unwrap();
    let users = warehouse.dataset(&crate::StreamSpec::new("users")).await.unwrap();
    assert_eq!(users.count().await.unwrap(), 3);
    assert_eq!(users.tally().await.unwrap().generations, Some(1..=2));
    let sent = real_runs(&server.received_requests().await.unwrap());
    let texts = sent.iter().map(|job| job["configuration"]["query"]["query"].as_str().unwrap());
    let [count, tally] = texts.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(count, "select count(*) from `p`.`data`.`users`");
    assert!(tally.contains("min(`_airbyte_generation_id`)"), "{tally}");
}
