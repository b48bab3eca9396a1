//! Tokens: how they are had, when they are refused, when they end.

use std::time::Duration;

use airbyte_sandbox::{Edition, Sandbox, Seed};
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, answer};

#[tokio::test]
async fn a_token_is_given_for_json_and_for_a_form() {
    let api = Api::start(Seed::Empty).await;
    let ready = api.sandbox.ready();
    let credentials = [("client_id", &ready.client_id), ("client_secret", &ready.client_secret)];
    let url = format!("{}/applications/token", ready.public_api_root);
    for request in [
        api.http.post(&url).form(&credentials),
        api.http.post(&url).json(&json!({
            "client_id": ready.client_id, "client_secret": ready.client_secret, "grant_type": "anything"
        })),
    ] {
        let token = answer(request).await.expect(200);
        assert_eq!(token["token_type"], "Bearer");
        assert_eq!(token["expires_in"], 900);
        let workspaces = api.http.get(format!("{}/workspaces", ready.public_api_root));
        answer(workspaces.bearer_auth(token["access_token"].as_str().unwrap())).await.expect(200);
    }
}

#[tokio::test]
async fn the_config_twin_gives_a_token_alone_and_reads_json_only() {
    let api = Api::start(Seed::Empty).await;
    let ready = api.sandbox.ready();
    let credentials = json!({"client_id": ready.client_id, "client_secret": ready.client_secret});
    let token = api.config("/applications/token", &credentials).await.expect(200);
    assert_eq!(token.as_object().unwrap().keys().collect::<Vec<_>>(), ["access_token"]);
    let form =
        api.http.post(format!("{}/applications/token", ready.config_api_root)).form(&[("client_id", "x")]);
    assert!(answer(form).await.status.is_client_error());
}

#[tokio::test]
async fn wrong_credentials_are_refused_as_each_edition_does() {
    for (edition, status) in [(Edition::Community, 400), (Edition::Cloud, 401)] {
        let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(edition)).await;
        let wrong = json!({"client_id": api.sandbox.ready().client_id, "client_secret": "wrong"});
        let refused = api.post("/applications/token", &wrong).await;
        let body = refused.expect(status);
        if status == 400 {
            assert_eq!(body["message"], "Bad Request");
            assert_eq!(body["_embedded"]["errors"][0]["message"], "Invalid client id or token");
        } else {
            assert!(body["errorId"].is_string(), "{body}");
        }
        assert!(!refused.text.contains("wrong"), "a secret in {}", refused.text);
        api.post("/applications/token", &json!({"client_id": "x"})).await.expect(400);
    }
}

#[tokio::test]
async fn without_a_good_token_everything_but_the_anonymous_paths_is_401() {
    let mut api = Api::start(Seed::Empty).await;
    for token in [None, Some("nonsense".to_owned())] {
        api.token = token;
        for path in ["/workspaces", "/jobs", "/sources", "/organizations", "/no-such-thing"] {
            assert_eq!(api.get(path).await.status, 401, "{path}");
        }
        assert_eq!(api.config("/jobs/get", &json!({"id": 1})).await.status, 401);
        assert_eq!(api.get("/health").await.status, 200);
    }
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over() {
    let mut api = Api::of(Sandbox::builder().seed(Seed::Empty).token_ttl(Duration::from_mins(1))).await;
    let ready = api.sandbox.ready();
    let credentials = json!({"client_id": ready.client_id, "client_secret": ready.client_secret});
    assert_eq!(api.post("/applications/token", &credentials).await.expect(200)["expires_in"], 60);
    api.get("/workspaces").await.expect(200);
    advance(&api, 59).await;
    api.get("/workspaces").await.expect(200);
    advance(&api, 2).await;
    assert_eq!(api.get("/workspaces").await.status, 401);
    api.log_in().await;
    api.get("/workspaces").await.expect(200);
}

async fn advance(api: &Api, seconds: u64) {
    let moved =
        answer(api.control(Method::POST, "clock").json(&json!({"advance": format!("{seconds}s")}))).await;
    assert!(moved.status.is_success(), "{moved:?}");
}

#[tokio::test]
async fn no_secret_is_shown_by_debug() {
    let api = Api::start(Seed::Empty).await;
    let ready = api.sandbox.ready();
    assert!(!format!("{ready:?}").contains(&ready.client_secret));
    assert!(ready.exports().contains(&format!("export AIRBYTE_CLIENT_SECRET='{}'", ready.client_secret)));
    assert!(serde_json::to_string(ready).unwrap().contains(&ready.client_secret));
}
