//! Pages of the public lists.

use airbyte_sandbox::Seed;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::support::{Api, id};

async fn with_sources(count: usize) -> (Api, Vec<String>) {
    let api = Api::start(Seed::Empty).await;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(api.source(json!({"sourceType": "faker"})).await);
    }
    (api, ids)
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|item| id(item, "sourceId")).collect()
}

fn query(link: &Value) -> Vec<(String, String)> {
    Url::parse(link.as_str().unwrap()).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn next_is_there_on_every_page_that_is_not_empty() {
    let (api, made) = with_sources(5).await;
    let mut seen = Vec::new();
    for offset in [0, 2, 4] {
        let page = api.get(&format!("/sources?limit=2&offset={offset}")).await.expect(200);
        seen.extend(ids(&page));
        let next = query(&page["next"]);
        assert!(next.contains(&("offset".into(), (offset + 2).to_string())), "{next:?}");
        assert!(next.contains(&("limit".into(), "2".into())), "{next:?}");
        assert_eq!(page["previous"] == "", offset == 0, "{page}");
    }
    seen.sort();
    let mut made = made;
    made.sort();
    assert_eq!(seen, made);
    let behind = api.get("/sources?limit=2&offset=6").await.expect(200);
    assert_eq!(behind["next"], "");
    assert!(query(&behind["previous"]).contains(&("offset".into(), "4".into())));
}

#[tokio::test]
async fn links_name_the_query_in_the_servers_order_and_the_limit_twice_going_back() {
    let (api, _) = with_sources(3).await;
    let workspace = api.workspace();
    let page = api.get(&format!("/sources?workspaceIds={workspace}&limit=1&offset=2")).await.expect(200);
    let names = |link| query(link).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&page["next"]), ["includeDeleted", "workspaceIds", "limit", "offset"]);
    assert_eq!(names(&page["previous"]).iter().filter(|name| *name == "limit").count(), 2);
}

#[tokio::test]
async fn twenty_is_the_default_and_limits_out_of_range_are_refused() {
    let (api, _) = with_sources(22).await;
    assert_eq!(ids(&api.get("/sources").await.expect(200)).len(), 20);
    assert_eq!(ids(&api.get("/sources?limit=100").await.expect(200)).len(), 22);
    for bad in ["limit=0", "limit=101", "offset=-1"] {
        let refused = api.get(&format!("/sources?{bad}")).await.expect(400);
        assert!(refused["errorId"].is_string(), "{bad}: {refused}");
    }
}

#[tokio::test]
async fn an_unknown_workspace_is_an_empty_list_for_an_administrator() {
    let (api, _) = with_sources(1).await;
    let page = api.get(&format!("/sources?workspaceIds={}", Uuid::new_v4())).await.expect(200);
    assert_eq!(page["data"], json!([]));
    assert_eq!((&page["next"], &page["previous"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn jobs_come_oldest_first_and_their_links_drop_filters() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(api.sync(&connection).await["jobId"].clone());
    }
    let job_ids = |page: &Value| {
        page["data"].as_array().unwrap().iter().map(|job| job["jobId"].clone()).collect::<Vec<_>>()
    };
    let all = api.get(&format!("/jobs?connectionId={connection}")).await.expect(200);
    assert_eq!(job_ids(&all), made);
    let page = api
        .get(&format!(
            "/jobs?connectionId={connection}&jobType=sync&status=succeeded&orderBy=createdAt%7CDESC&limit=1"
        ))
        .await
        .expect(200);
    assert_eq!(job_ids(&page).len(), 1);
    let names: Vec<_> = query(&page["next"]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["jobType", "connectionId", "limit", "offset"]);
    for (filter, count) in [
        ("status=succeeded", 3),
        ("status=failed", 0),
        ("jobType=sync", 3),
        ("jobType=clear", 0),
        ("jobType=SYNC", 3),
        ("createdAtStart=2000-01-01T00%3A00%3A00Z", 3),
        ("createdAtEnd=2000-01-01T00%3A00%3A00Z", 0),
    ] {
        let page = api.get(&format!("/jobs?connectionId={connection}&{filter}")).await.expect(200);
        assert_eq!(job_ids(&page).len(), count, "{filter}");
    }
    api.get("/jobs?createdAtStart=yesterday").await.expect(400);
    for field in ["created_at", "UPDATED-AT"] {
        api.get(&format!("/jobs?orderBy={field}%7CDESC")).await.expect(200);
    }
    let refused = api.get("/jobs?orderBy=name%7CDESC").await.expect(400);
    assert!(
        refused["data"]["message"].as_str().unwrap().starts_with("Invalid order by clause provided"),
        "{refused}"
    );
}
