//! Applications: each edition keeps them in another way.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, answer, id};

async fn of(edition: Edition) -> Api {
    Api::of(Sandbox::builder().seed(Seed::Empty).edition(edition)).await
}

#[tokio::test]
async fn an_application_that_was_made_gives_tokens_until_it_is_deleted() {
    let api = of(Edition::Enterprise).await;
    let made = api.post("/applications", &json!({"name": "robot"})).await.expect(200);
    let credentials = json!({"client_id": made["clientId"], "client_secret": made["clientSecret"]});
    let token = api.post("/applications/token", &credentials).await.expect(200);
    let url = format!("{}/workspaces", api.sandbox.ready().public_api_root);
    let request = api.http.request(Method::GET, &url).bearer_auth(id(&token, "access_token"));
    answer(request).await.expect(200);

    let listed = api.get("/applications").await.expect(200);
    let names: Vec<&Value> =
        listed["applications"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Sandbox", "robot"]);
    let path = format!("/applications/{}", id(&made, "id"));
    assert_eq!(api.get(&path).await.expect(200), made, "the secret is shown every time");
    assert_eq!(api.delete(&path).await.expect(200), made);
    let problem = api.get(&path).await.expect(404);
    assert_eq!(problem["data"], Value::Null);
    assert!(api.post("/applications/token", &credentials).await.status.is_client_error());
}

#[tokio::test]
async fn simple_authentication_knows_one_application_that_is_never_found_again() {
    let api = of(Edition::Community).await;
    let first = api.get("/applications").await.expect(200)["applications"].clone();
    let second = api.get("/applications").await.expect(200)["applications"].clone();
    assert_eq!(first.as_array().unwrap().len(), 1);
    assert_eq!(first[0]["clientId"], api.sandbox.ready().client_id.as_str());
    assert_eq!(first[0]["clientSecret"], second[0]["clientSecret"]);
    assert_ne!(first[0]["id"], second[0]["id"]);
    api.get(&format!("/applications/{}", id(&second[0], "id"))).await.expect(404);
    api.post("/applications", &json!({"name": "robot"})).await.expect(400);
    let faithful = Sandbox::builder().seed(Seed::Empty).edition(Edition::Community).faithful_5xx(true);
    Api::of(faithful).await.post("/applications", &json!({"name": "robot"})).await.expect(500);
}

#[tokio::test]
async fn a_user_of_cloud_has_two_applications_of_different_names() {
    let api = of(Edition::Cloud).await;
    let same = api.post("/applications", &json!({"name": "Sandbox"})).await.expect(400);
    assert!(same["_embedded"]["errors"][0]["message"].is_string(), "{same}");
    api.post("/applications", &json!({"name": "second"})).await.expect(200);
    api.post("/applications", &json!({"name": "third"})).await.expect(400);
}

#[tokio::test]
async fn the_sandboxs_own_application_is_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || Sandbox::builder().seed(Seed::Empty).data_dir(folder.path());
    let api = Api::of(builder()).await;
    let own = api.get("/applications").await.expect(200)["applications"][0].clone();
    api.delete(&format!("/applications/{}", id(&own, "id"))).await.expect(200);
    let made = api.post("/applications", &json!({"name": "robot"})).await.expect(200);
    api.sandbox.shutdown().await;

    let api = Api::of(builder()).await;
    let listed = api.get("/applications").await.expect(200);
    let clients: Vec<&Value> =
        listed["applications"].as_array().unwrap().iter().map(|one| &one["clientId"]).collect();
    assert!(
        clients.len() == 2 && clients.contains(&&made["clientId"]) && clients.contains(&&own["clientId"])
    );
}
