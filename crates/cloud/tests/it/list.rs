//! Lists, and single objects.

use airbyte_cloud::{ErrorKind, JobStatus, JobType, ScheduleInfo, SyncMode};
use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::matchers::{query_param, query_param_is_missing};

use crate::support::{
    Airbyte, CONNECTION, WORKSPACE, connection, connection_id, get, job, ok, page, problem, workspace_id,
};

fn numbered(kind: &str, number: usize) -> Value {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    json!({
        format!("{kind}Id"): id, "name": format!("{kind} {number}"), format!("{kind}Type"): "faker",
        "workspaceId": WORKSPACE, "definitionId": WORKSPACE, "configuration": { "password": "**********" },
        "createdAt": 1_700_000_000,
    })
}

async fn pages(airbyte: &Airbyte, below: &str, pages: &[Vec<Value>]) {
    let mut offset = 0;
    for entries in pages {
        get(below)
            .and(query_param("offset", offset.to_string()))
            .and(query_param("workspaceIds", WORKSPACE))
            .respond_with(ok(page(entries)))
            .mount(&airbyte.server)
            .await;
        offset += entries.len();
    }
}

#[tokio::test]
async fn a_list_is_read_whole_without_following_next() {
    let airbyte = Airbyte::start().await;
    let all: Vec<Value> = (0..230).map(|n| numbered("source", n)).collect();
    pages(&airbyte, "/sources", &[all[..100].to_vec(), all[100..200].to_vec(), all[200..].to_vec()]).await;
    let sources = airbyte.client().workspace(workspace_id()).sources().await.unwrap();
    assert_eq!(sources.len(), 230);
    assert_eq!(sources[229].name, "source 229");
    let requests = airbyte.requests("GET", "/sources").await;
    assert_eq!(requests.len(), 3);
    assert!(requests[0].url.query().unwrap().contains("limit=100"));
}

#[tokio::test]
async fn pages_that_overlap_give_each_object_once() {
    let airbyte = Airbyte::start().await;
    let first: Vec<Value> = (0..100).map(|n| numbered("destination", n)).collect();
    let second: Vec<Value> = (90..120).map(|n| numbered("destination", n)).collect();
    pages(&airbyte, "/destinations", &[first, second]).await;
    let listed: Vec<_> =
        airbyte.client().workspace(workspace_id()).destinations().pager().try_collect().await.unwrap();
    assert_eq!(listed.len(), 120);
}

#[tokio::test]
async fn names_are_compared_exactly_over_all_pages() {
    let airbyte = Airbyte::start().await;
    let first: Vec<Value> = (0..100).map(|n| numbered("source", n)).collect();
    let second: Vec<Value> = (100..120).map(|n| numbered("source", n)).collect();
    pages(&airbyte, "/sources", &[first, second]).await;
    let named = airbyte.client().workspace(workspace_id()).sources().name("source 110").await.unwrap();
    assert_eq!(named.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["source 110"]);
}

#[tokio::test]
async fn an_unknown_workspace_is_not_an_empty_list() {
    let airbyte = Airbyte::start().await;
    get("/connections").respond_with(ok(page(&[]))).mount(&airbyte.server).await;
    get(&format!("/workspaces/{WORKSPACE}"))
        .respond_with(problem(404, "resource-not-found", "no"))
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().workspace(workspace_id()).connections().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with(&format!("workspace {WORKSPACE} was not found")), "{error}");
}

#[tokio::test]
async fn an_empty_workspace_is_an_empty_list_verified_once() {
    let airbyte = Airbyte::start().await;
    get("/connections").respond_with(ok(page(&[]))).mount(&airbyte.server).await;
    let below = format!("/workspaces/{WORKSPACE}");
    let workspace =
        json!({ "workspaceId": WORKSPACE, "name": "Mine", "dataResidency": "auto", "notifications": {} });
    get(&below).respond_with(ok(workspace)).mount(&airbyte.server).await;
    assert!(airbyte.client().workspace(workspace_id()).connections().await.unwrap().is_empty());
    assert_eq!(airbyte.count("GET", &below).await, 1);
    assert_eq!(airbyte.count("GET", "/connections").await, 1);
}

#[tokio::test]
async fn a_foreign_workspace_is_not_found_with_a_hint() {
    let airbyte = Airbyte::start().await;
    get("/sources").respond_with(problem(403, "forbidden", "no")).mount(&airbyte.server).await;
    let error = airbyte.client().workspace(workspace_id()).sources().await.unwrap_err();
    assert!(error.is_not_found() && error.hint().unwrap().contains("access"), "{error:?}");
}

#[tokio::test]
async fn all_workspaces_are_listed_without_a_filter() {
    let airbyte = Airbyte::start().await;
    let workspace = json!({ "workspaceId": WORKSPACE, "name": "Mine", "dataResidency": "us" });
    get("/workspaces")
        .and(query_param_is_missing("workspaceIds"))
        .respond_with(ok(page(&[workspace])))
        .mount(&airbyte.server)
        .await;
    let all = airbyte.client().workspaces().await.unwrap();
    assert_eq!((all.len(), all[0].data_residency.as_str()), (1, "us"));
}

#[tokio::test]
async fn jobs_are_filtered_by_the_server_newest_first() {
    let airbyte = Airbyte::start().await;
    get("/jobs")
        .and(query_param("connectionId", CONNECTION))
        .and(query_param("orderBy", "createdAt|DESC"))
        .and(query_param("status", "failed"))
        .and(query_param("jobType", "reset"))
        .and(query_param("limit", "5"))
        .respond_with(ok(page(&[job(9, "reset", "failed"), job(8, "reset", "failed")])))
        .mount(&airbyte.server)
        .await;
    let jobs = airbyte.client().connection(connection_id()).jobs();
    let jobs = jobs.status(JobStatus::Failed).job_type(JobType::Clear).limit(5).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.job_id.get()).collect::<Vec<_>>(), [9, 8]);
}

#[tokio::test]
async fn the_latest_sync_is_the_newest_job_of_type_sync() {
    let airbyte = Airbyte::start().await;
    get("/jobs")
        .and(query_param("jobType", "sync"))
        .and(query_param("orderBy", "createdAt|DESC"))
        .and(query_param("limit", "1"))
        .respond_with(ok(page(&[job(12, "sync", "succeeded")])))
        .mount(&airbyte.server)
        .await;
    let latest = airbyte.client().connection(connection_id()).latest_sync().await.unwrap().unwrap();
    assert_eq!((latest.job_id().get(), latest.attached()), (12, false));
}

#[tokio::test]
async fn a_job_of_another_connection_is_not_one_of_this() {
    let airbyte = Airbyte::start().await;
    let mut foreign = job(12, "sync", "succeeded");
    foreign["connectionId"] = json!(WORKSPACE);
    get("/jobs/12").respond_with(ok(foreign)).mount(&airbyte.server).await;
    let error = airbyte.client().connection(connection_id()).sync_result(12.into()).await.unwrap_err();
    assert!(error.is_not_found() && error.hint().unwrap().contains(WORKSPACE), "{error:?}");
}

#[tokio::test]
async fn a_connection_keeps_what_reading_its_tables_needs() {
    let airbyte = Airbyte::start().await;
    get(&format!("/connections/{CONNECTION}"))
        .respond_with(ok(connection("active")))
        .mount(&airbyte.server)
        .await;
    let handle = airbyte.client().connection(connection_id());
    let info = handle.info().await.unwrap();
    assert_eq!(
        (info.streams[0].name.as_str(), info.streams[0].namespace.as_deref()),
        ("users", Some("shop"))
    );
    assert_eq!(info.streams[0].sync_mode, Some(SyncMode::IncrementalAppend));
    assert_eq!((info.prefix.as_deref(), info.created_at.unwrap().timestamp()), (Some("raw_"), 1_700_000_000));
    assert_eq!(info.schedule, ScheduleInfo::Cron { expression: "0 0 12 * * ? UTC".into() });
    let url = format!("{}/workspaces/{WORKSPACE}/connections/{CONNECTION}", airbyte.server.uri());
    assert_eq!(handle.url().await.unwrap().as_deref(), Some(url.as_str()));
    assert_eq!(handle.history_url().await.unwrap(), Some(format!("{url}/timeline")));
}
