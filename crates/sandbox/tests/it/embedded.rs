//! Airbyte Embedded, and OAuth on each edition.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, answer, id};

async fn of(edition: Edition) -> Api {
    Api::of(Sandbox::builder().seed(Seed::Empty).edition(edition)).await
}

fn widget(api: &Api, user: &str) -> Value {
    json!({
        "organizationId": api.sandbox.ready().organization_id, "allowedOrigin": "https://app.example.com",
        "externalUserId": user,
    })
}

#[tokio::test]
async fn a_widget_token_holds_an_address_in_the_users_own_workspace() {
    let mut api = of(Edition::Enterprise).await;
    let opaque = api.post("/embedded/widget_token", &widget(&api, "u1")).await.expect(200);
    let inner = STANDARD.decode(id(&opaque, "token")).unwrap();
    let inner: Value = serde_json::from_slice(&inner).unwrap();
    let url = id(&inner, "widgetUrl");
    let debug = api.post("/embedded/widget_token?debug", &widget(&api, "u1")).await.expect(200);
    assert_eq!(id(&debug, "widgetUrl"), url, "the same user has the same workspace");
    assert!(url.contains("allowedOrigin=https%3A%2F%2Fapp.example.com"), "{url}");
    let workspaces = api.get("/workspaces").await.expect(200);
    let own = workspaces["data"].as_array().unwrap().iter().find(|one| one["name"] == "u1").unwrap();
    assert!(url.contains(&id(own, "workspaceId")), "{url}");

    let admin = api.token.replace(id(&inner, "token"));
    api.config("/workspaces/get", &json!({"workspaceId": own["workspaceId"]})).await.expect(200);
    api.token = admin;
    let mut unknown = widget(&api, "u1");
    unknown["organizationId"] = json!(Uuid::new_v4());
    assert!(api.post("/embedded/widget_token", &unknown).await.status.is_client_error());
}

#[tokio::test]
async fn a_scoped_token_lets_in() {
    let mut api = of(Edition::Enterprise).await;
    let body = json!({"workspaceId": api.workspace()});
    let token = api.post("/embedded/scoped_token", &body).await.expect(200);
    api.post("/embedded/scoped_token", &json!({"workspaceId": Uuid::new_v4()})).await.expect(404);
    api.token = Some(id(&token, "token"));
    api.config("/workspaces/get", &body).await.expect(200);
}

#[tokio::test]
async fn organizations_of_embedding_need_the_licence() {
    let api = of(Edition::Enterprise).await;
    let listed = api.get("/embedded/organizations").await.expect(200);
    assert_eq!(listed["organizations"][0]["permission"], "organization_admin");
    let community = of(Edition::Community).await;
    assert_eq!(community.get("/embedded/organizations").await.expect(200), json!({"organizations": []}));
    let refused = community.post("/embedded/widget_token", &widget(&community, "u")).await.expect(403);
    assert_eq!(refused["type"], "error:license/entitlement");
}

#[tokio::test]
async fn consent_and_a_workspaces_oauth_credentials_are_cloud_only() {
    let credentials = json!({"actorType": "source", "name": "google-ads", "configuration": {}});
    for edition in [Edition::Enterprise, Edition::Community] {
        let api = of(edition).await;
        let path = format!("/workspaces/{}/oauthCredentials", api.workspace());
        let consent = json!({"redirectUrl": "https://me.example.com", "workspaceId": api.workspace(), "sourceType": "x"});
        for refused in [
            api.post("/sources/initiateOAuth", &consent).await,
            api.put(&path, &credentials).await,
            api.delete(&format!("{path}/source/google-ads")).await,
        ] {
            assert_eq!((refused.status.as_u16(), refused.text.as_str()), (501, ""));
        }
        api.post("/sources/initiateOAuth", &json!({})).await.expect(400);
    }

    let cloud = of(Edition::Cloud).await;
    let consent = |redirect: &str, source: &str| json!({"redirectUrl": redirect, "workspaceId": cloud.workspace(), "sourceType": source});
    let given = cloud
        .post("/sources/initiateOAuth", &consent("https://me.example.com", "google-ads"))
        .await
        .expect(200);
    assert!(id(&given, "consentUrl").starts_with(&cloud.host("/consent?client_id=google-ads&")), "{given}");
    let plain = cloud.post("/sources/initiateOAuth", &consent("http://me.example.com", "google-ads")).await;
    assert_eq!(plain.expect(422)["data"]["redirectUrl"], "http://me.example.com");
    cloud.post("/sources/initiateOAuth", &consent("https://me.example.com", "no-such")).await.expect(400);
    let path = format!("/workspaces/{}/oauthCredentials", cloud.workspace());
    assert_eq!(cloud.put(&path, &credentials).await.status, 200);
    assert_eq!(cloud.delete(&format!("{path}/source/google-ads")).await.status, 204);
}

/// What a link of a page leads to, by its words.
fn link(page: &str, words: &str) -> String {
    let (before, _) =
        page.split_once(&format!(">{words}</a>")).unwrap_or_else(|| panic!("no {words} in {page}"));
    let (_, address) = before.rsplit_once("href=\"").unwrap();
    address.split('"').next().unwrap().replace("&amp;", "&")
}

#[tokio::test]
async fn consent_makes_a_secret_that_a_source_is_made_with() {
    let mut api = of(Edition::Cloud).await;
    api.http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let workspace = api.workspace().to_owned();
    let consent = json!({
        "redirectUrl": "https://me.example.com/done?step=2", "workspaceId": workspace, "sourceType": "google-ads",
    });
    let asked = async |api: &Api| {
        let url = id(&api.post("/sources/initiateOAuth", &consent).await.expect(200), "consentUrl");
        let page = answer(api.http.get(url)).await;
        assert_eq!(page.status, 200);
        page.text
    };
    let followed = async |api: &Api, url: &str| {
        let response = api.http.get(url).send().await.unwrap();
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), to.unwrap_or_default())
    };
    let page = asked(&api).await;
    assert!(page.contains("google-ads"), "{page}");
    // Nobody needs a token to come back from a provider.
    let allowed = link(&page, "Allow");
    let (status, to) = followed(&api, &allowed).await;
    assert_eq!(status, 302);
    let secret = to.strip_prefix("https://me.example.com/done?step=2&secret_id=").unwrap().to_owned();
    assert_eq!(followed(&api, &allowed).await.0, 400, "a code is good for one secret");
    let refused = link(&asked(&api).await, "Deny");
    assert_eq!(followed(&api, &refused).await.1, "https://me.example.com/done?step=2&error=access_denied");
    for wrong in ["", "?code=x", "?code=x&state=y", &format!("?code=x&state={}", Uuid::new_v4())] {
        assert_eq!(api.get(&format!("/oauth/callback{wrong}")).await.status, 400, "{wrong}");
    }

    let source = |workspace: &str, connector: &str, secret: &str| json!({"name": "s", "workspaceId": workspace, "configuration": {"sourceType": connector}, "secretId": secret});
    let made = api.post("/sources", &source(&workspace, "google-ads", &secret)).await.expect(200);
    let other = id(&api.post("/workspaces", &json!({"name": "Other"})).await.expect(200), "workspaceId");
    for wrong in [
        source(&workspace, "google-ads", &Uuid::new_v4().to_string()),
        source(&workspace, "google-ads", ""),
        source(&workspace, "faker", &secret),
        source(&other, "google-ads", &secret),
    ] {
        api.post("/sources", &wrong).await.expect(400);
    }
    let path = format!("/sources/{}", id(&made, "sourceId"));
    api.patch(&path, &json!({"secretId": secret})).await.expect(200);
    api.patch(&path, &json!({"secretId": "none"})).await.expect(400);

    let enterprise = of(Edition::Enterprise).await;
    assert_eq!(enterprise.get("/oauth/callback?state=x&code=y").await.status, 403, "no such route");
}

#[tokio::test]
async fn an_organizations_oauth_credentials_name_a_known_connector() {
    let api = of(Edition::Enterprise).await;
    let path = format!("/organizations/{}/oauthCredentials", api.sandbox.ready().organization_id);
    let unknown = json!({"actorType": "source", "name": "no-such", "configuration": {}});
    assert_eq!(api.put(&path, &unknown).await.expect(400)["data"]["value"], "no-such");
    let sideways = json!({"actorType": "sideways", "name": "google-ads", "configuration": {}});
    api.put(&path, &sideways).await.expect(400);
    let community = of(Edition::Community).await;
    let known = json!({"actorType": "destination", "name": "postgres", "configuration": {}});
    community.put(&path, &known).await.expect(403);
    assert_eq!(api.put(&path, &known).await.status, 200);
}
