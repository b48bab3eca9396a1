//! Error bodies, and what a client gets for ids and paths that do not exist.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, FAST, answer};

async fn cloud() -> Api {
    Api::of(Sandbox::builder().seed(Seed::Demo).edition(Edition::Cloud).time_scale(FAST)).await
}

#[tokio::test]
async fn an_administrator_is_told_404_with_a_whole_problem() {
    let api = Api::start(Seed::Empty).await;
    let unknown = Uuid::new_v4();
    for (path, resource) in [
        ("sources", "SOURCE_CONNECTION"),
        ("destinations", "DESTINATION_CONNECTION"),
        ("connections", "STANDARD_SYNC"),
        ("workspaces", "STANDARD_WORKSPACE"),
    ] {
        let answer = api.get(&format!("/{path}/{unknown}")).await;
        let problem = answer.expect(404);
        let keys: Vec<_> = problem.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["status", "type", "title", "detail", "documentationUrl", "data"], "{path}");
        assert_eq!(problem["documentationUrl"], Value::Null);
        assert!(problem["type"].as_str().unwrap().ends_with("#resource-not-found"), "{problem}");
        assert_eq!(problem["data"]["resourceType"], resource);
        assert_eq!(problem["data"]["resourceId"], unknown.to_string());
        assert_eq!(answer.content_type.split(';').next(), Some("application/json"));
    }
}

#[tokio::test]
async fn an_ordinary_user_of_cloud_is_told_403_instead() {
    let api = cloud().await;
    let unknown = Uuid::new_v4();
    for path in ["sources", "destinations", "connections", "workspaces"] {
        for id in [unknown.to_string(), "not-a-uuid".to_owned()] {
            let problem = api.get(&format!("/{path}/{id}")).await.expect(403);
            assert!(
                problem["type"].as_str().unwrap_or_default().ends_with("#forbidden"),
                "{path}: {problem}"
            );
        }
    }
    api.get("/jobs/987654").await.expect(403);
    api.get(&format!("/sources?workspaceIds={unknown}")).await.expect(403);
}

#[tokio::test]
async fn a_malformed_id_is_a_server_error_only_if_asked_for() {
    let kind = Api::start(Seed::Empty).await.get("/sources/not-a-uuid").await;
    assert!(kind.status.is_client_error(), "{kind:?}");
    let faithful = Api::of(Sandbox::builder().seed(Seed::Empty).faithful_5xx(true)).await;
    let body = faithful.get("/sources/not-a-uuid").await.expect(500);
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["errorId"]);
}

#[tokio::test]
async fn an_unknown_job_is_a_conflict_for_an_administrator() {
    let api = Api::start(Seed::Empty).await;
    let problem = api.get("/jobs/987654").await.expect(409);
    assert!(problem["type"].as_str().unwrap().contains("state-conflict"), "{problem}");
    assert_eq!(problem["title"], "state-conflict");
    assert_eq!(problem["data"]["message"], "Job is not currently running");
    api.get("/jobs/seven").await.expect(400);
}

#[tokio::test]
async fn paths_outside_of_the_api_are_the_web_application() {
    let api = Api::start(Seed::Empty).await;
    for (method, path) in
        [(Method::GET, "/"), (Method::POST, "/v1/applications/token"), (Method::GET, "/workspaces/x")]
    {
        let page = answer(api.http.request(method, api.host(path))).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.content_type.starts_with("text/html"), "{path}: {}", page.content_type);
        assert!(page.text.contains("<html"), "{path}");
    }
}

#[tokio::test]
async fn paths_that_do_not_exist_are_401_without_and_403_with_a_token() {
    let mut api = Api::start(Seed::Empty).await;
    assert_eq!(api.get("/no-such-thing").await.status, 403);
    assert_eq!(api.config("/workspaces/list", &json!({})).await.status, 403);
    api.token = None;
    assert_eq!(api.get("/no-such-thing").await.status, 401);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_400_in_the_frameworks_form() {
    let api = Api::start(Seed::Demo).await;
    for body in ["{", "[]", "{}", r#"{"jobType": "sync"}"#] {
        let request = api.public(Method::POST, "/jobs").header("content-type", "application/json").body(body);
        let refused = answer(request).await.expect(400);
        assert_eq!(refused["_links"]["self"]["href"], "/api/public/v1/jobs", "{body}");
        assert!(refused["_embedded"]["errors"][0]["message"].is_string(), "{body}: {refused}");
    }
    let unknown_type = json!({"jobType": "dance", "connectionId": Uuid::new_v4()});
    api.post("/jobs", &unknown_type).await.expect(400);
}

#[tokio::test]
async fn health_is_a_bare_text_in_one_api_and_json_in_the_other() {
    let api = Api::start(Seed::Empty).await;
    assert_eq!(api.get("/health").await.text, "Successful operation");
    let config = answer(api.http.get(format!("{}/health", api.sandbox.ready().config_api_root))).await;
    assert_eq!(config.expect(200), json!({"available": true}));
}

#[tokio::test]
async fn the_config_api_has_errors_of_its_own() {
    let api = Api::start(Seed::Empty).await;
    let missing = api.config("/connections/get", &json!({"connectionId": Uuid::new_v4()})).await.expect(404);
    assert_eq!(missing.as_object().unwrap().keys().collect::<Vec<_>>(), ["errorId"]);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused_and_changes_nothing() {
    let api = Api::start(Seed::Demo).await;
    let of =
        async |kind: &str, key: &str| api.get(&format!("/{kind}")).await.expect(200)["data"][0][key].clone();
    let connection = of("connections", "connectionId").await;
    let source = of("sources", "sourceId").await;
    let workspace = of("workspaces", "workspaceId").await;
    let [connection, source, workspace] =
        [connection, source, workspace].map(|id| id.as_str().unwrap().to_owned());
    for (method, path, body) in [
        (Method::PATCH, format!("/connections/{connection}"), json!({"prefix": {}})),
        (Method::PATCH, format!("/connections/{connection}"), json!({"name": 1})),
        (Method::PATCH, format!("/connections/{connection}"), json!({"namespaceFormat": ["a"]})),
        (Method::PATCH, format!("/sources/{source}"), json!({"name": true})),
        (Method::PATCH, format!("/sources/{source}"), json!({"configuration": [1]})),
        (Method::PUT, format!("/sources/{source}"), json!({"name": "n", "configuration": [1]})),
        (
            Method::PATCH,
            format!("/workspaces/{workspace}"),
            json!({"notifications": {"failure": {"webhook": [1]}}}),
        ),
        (Method::PATCH, format!("/workspaces/{workspace}"), json!({"notifications": []})),
    ] {
        let before = api.get(&path).await.expect(200);
        answer(api.public(method, &path).json(&body)).await.expect(400);
        assert_eq!(api.get(&path).await.expect(200), before, "{path} {body}");
    }
    // The server counts in 32 bits.
    api.get("/sources?offset=2147483648").await.expect(400);
    api.get("/sources?offset=2147483647").await.expect(200);
}
