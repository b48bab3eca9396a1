//! Tags, regions, applications, OAuth, and what sources offer.

use airbyte_cloud::{
    ActorType, DestinationId, ErrorKind, OrganizationId, RegionId, SourceId, SyncMode, TagId,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, query_param, query_param_is_missing};

use crate::support::{
    Airbyte, WORKSPACE, delete, error_id, get, ok, page, patch, post, problem, put, status, workspace_id,
};

const TAG: &str = "7a6c0d7e-4a83-4d64-9a37-0b7a5f3a1c01";

fn tag(name: &str, color: &str) -> Value {
    json!({ "tagId": TAG, "name": name, "color": color, "workspaceId": WORKSPACE })
}

fn tag_id() -> TagId {
    TAG.parse().unwrap()
}

#[tokio::test]
async fn tags_are_listed_made_changed_and_deleted() {
    let airbyte = Airbyte::start().await;
    get("/tags")
        .and(query_param("workspaceIds", WORKSPACE))
        .respond_with(ok(json!({ "data": [tag("nightly", "1F6FEB")] })))
        .mount(&airbyte.server)
        .await;
    post("/tags")
        .and(body_json(json!({ "name": "nightly", "color": "1F6FEB", "workspaceId": WORKSPACE })))
        .respond_with(ok(tag("nightly", "1F6FEB")))
        .mount(&airbyte.server)
        .await;
    get(&format!("/tags/{TAG}")).respond_with(ok(tag("nightly", "1F6FEB"))).mount(&airbyte.server).await;
    // The server takes only both together.
    patch(&format!("/tags/{TAG}"))
        .and(body_json(json!({ "name": "hourly", "color": "1F6FEB" })))
        .respond_with(ok(tag("hourly", "1F6FEB")))
        .mount(&airbyte.server)
        .await;
    delete(&format!("/tags/{TAG}")).respond_with(status(204)).mount(&airbyte.server).await;

    let client = airbyte.client();
    let workspace = client.workspace(workspace_id());
    let made = workspace.create_tag("nightly", "1F6FEB").await.unwrap();
    assert_eq!((made.tag_id, made.workspace_id), (tag_id(), workspace_id()));
    assert_eq!(workspace.tags().await.unwrap(), [made]);
    assert_eq!(client.tag(tag_id()).rename("hourly").await.unwrap().name, "hourly");
    client.tag(tag_id()).delete().await.unwrap();
}

#[tokio::test]
async fn a_wrong_tag_is_refused_before_any_request() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.client();
    let workspace = client.workspace(workspace_id());
    let long = "x".repeat(31);
    let outcomes = [
        workspace.create_tag("nightly", "#1F6FEB").await,
        workspace.create_tag(&long, "1F6FEB").await,
        client.tag(tag_id()).rename(&long).await,
        client.tag(tag_id()).recolor("blue").await,
    ];
    for outcome in outcomes {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(airbyte.server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_deletion_whose_answer_got_lost_is_done() {
    let airbyte = Airbyte::start().await;
    let gone = problem(404, "resource-not-found", "no");
    airbyte.in_turn(delete(&format!("/tags/{TAG}")), vec![status(502), gone.clone()]).await;
    airbyte.client().tag(tag_id()).delete().await.unwrap();

    let airbyte = Airbyte::start().await;
    airbyte.in_turn(delete(&format!("/tags/{TAG}")), vec![gone]).await;
    let error = airbyte.client().tag(tag_id()).delete().await.unwrap_err();
    assert!(error.is_not_found(), "what never was cannot be deleted");
    assert!(error.to_string().starts_with(&format!("tag {TAG} was not found")), "{error}");
}

#[tokio::test]
async fn a_refused_change_is_not_taken_for_a_missing_object() {
    let airbyte = Airbyte::start().await;
    delete(&format!("/tags/{TAG}"))
        .respond_with(problem(403, "forbidden", "no"))
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().tag(tag_id()).delete().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("role"), "{error:?}");
}

#[tokio::test]
async fn an_unknown_workspace_has_not_just_no_tags() {
    let airbyte = Airbyte::start().await;
    get("/tags").respond_with(ok(page(&[]))).mount(&airbyte.server).await;
    get(&format!("/workspaces/{WORKSPACE}"))
        .respond_with(problem(404, "resource-not-found", "no"))
        .mount(&airbyte.server)
        .await;
    let error = airbyte.client().workspace(workspace_id()).tags().await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
}

const ORGANIZATION: &str = "9d3c1f6a-5b0e-4f52-8a61-6d3f0f2b7c11";
const REGION: &str = "4c1b6a52-90b1-4d1b-8f0c-2f6f3d1e5a01";

fn region(name: &str, enabled: bool) -> Value {
    json!({
        "regionId": REGION, "name": name, "organizationId": ORGANIZATION, "enabled": enabled,
        "createdAt": "2026-01-02T03:04Z", "updatedAt": "2026-01-02T03:04:05Z",
    })
}

#[tokio::test]
async fn regions_are_listed_in_both_forms_of_the_answer() {
    // The server sends a bare list, the document promises a wrapped one.
    for answer in [json!([region("eu", true)]), json!({ "data": [region("eu", true)] })] {
        let airbyte = Airbyte::start().await;
        get("/regions")
            .and(query_param("organizationId", ORGANIZATION))
            .respond_with(ok(answer))
            .mount(&airbyte.server)
            .await;
        let id: OrganizationId = ORGANIZATION.parse().unwrap();
        let regions = airbyte.client().organization(id).regions().await.unwrap();
        assert_eq!((regions[0].name.as_str(), regions[0].organization_id), ("eu", id));
        assert_eq!(regions[0].created_at.unwrap().to_rfc3339(), "2026-01-02T03:04:00+00:00");
    }
}

#[tokio::test]
async fn a_region_is_made_changed_and_deleted() {
    let airbyte = Airbyte::start().await;
    let below = format!("/regions/{REGION}");
    post("/regions")
        .and(body_json(json!({ "name": "eu", "organizationId": ORGANIZATION, "enabled": true })))
        .respond_with(ok(region("eu", true)))
        .mount(&airbyte.server)
        .await;
    // Only what changes is sent.
    for (body, name, enabled) in
        [(json!({ "name": "us" }), "us", true), (json!({ "enabled": false }), "us", false)]
    {
        patch(&below)
            .and(body_json(body))
            .respond_with(ok(region(name, enabled)))
            .mount(&airbyte.server)
            .await;
    }
    get(&below).respond_with(ok(region("us", false))).mount(&airbyte.server).await;
    delete(&below).respond_with(ok(region("us", false))).mount(&airbyte.server).await;

    let client = airbyte.client();
    let made = client.organization(ORGANIZATION.parse().unwrap()).create_region("eu").await.unwrap();
    let region = client.region(made.region_id);
    assert_eq!(made.region_id, REGION.parse::<RegionId>().unwrap());
    assert_eq!(region.rename("us").await.unwrap().name, "us");
    assert!(!region.set_enabled(false).await.unwrap().enabled);
    assert_eq!(region.info().await.unwrap().name, "us");
    region.delete().await.unwrap();
}

#[tokio::test]
async fn what_the_edition_lacks_is_said() {
    let airbyte = Airbyte::start().await;
    let refusal =
        json!({ "status": 403, "type": "error:license/entitlement", "title": "not entitled", "data": null });
    get("/regions").respond_with(status(403).set_body_json(refusal)).mount(&airbyte.server).await;
    let error = airbyte.client().organization(ORGANIZATION.parse().unwrap()).regions().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("edition"), "{error:?}");
}

fn application(secret: &str) -> Value {
    json!({
        "id": "app-1", "name": "nightly", "clientId": "client-1", "clientSecret": secret,
        "createdAt": 1_700_000_000,
    })
}

#[tokio::test]
async fn applications_keep_their_secret_to_themselves() {
    let airbyte = Airbyte::start().await;
    let secret = "applic4tion-s3cret";
    get("/applications")
        .respond_with(ok(json!({ "applications": [application(secret)] })))
        .mount(&airbyte.server)
        .await;
    get("/applications/app-1").respond_with(ok(application(secret))).mount(&airbyte.server).await;
    post("/applications")
        .and(body_json(json!({ "name": "nightly" })))
        .respond_with(ok(application(secret)))
        .mount(&airbyte.server)
        .await;
    delete("/applications/app-1").respond_with(ok(application(secret))).mount(&airbyte.server).await;

    let client = airbyte.client();
    let made = client.create_application("nightly").await.unwrap();
    let listed = client.applications().await.unwrap().remove(0);
    let read = client.application(made.application_id.clone()).await.unwrap();
    for info in [&made, &listed, &read] {
        assert_eq!(info.client_secret.expose_secret(), secret);
        assert_eq!(
            (info.client_id.as_str(), info.created_at.unwrap().timestamp()),
            ("client-1", 1_700_000_000)
        );
        let shown = format!("{info:?} {}", serde_json::to_string(info).unwrap());
        assert!(shown.contains("nightly") && !shown.contains(secret), "{shown}");
    }
    client.delete_application(made.application_id).await.unwrap();
}

#[tokio::test]
async fn an_empty_id_does_not_reach_the_list() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.client();
    assert_eq!(client.application(" ").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.delete_application("").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(airbyte.server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_application_is_made_once() {
    let airbyte = Airbyte::start().await;
    airbyte.in_turn(post("/applications"), vec![error_id(500), ok(application("x"))]).await;
    let error = airbyte.client().create_application("nightly").await.unwrap_err();
    assert_eq!((error.kind(), airbyte.count("POST", "/applications").await), (ErrorKind::Server, 1));
    assert!(
        error.to_string().starts_with("whether application `nightly` was created is not known"),
        "{error}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_consent_begins_with_the_address_to_send_the_user_to() {
    let airbyte = Airbyte::start().await;
    let address = "https://accounts.example.com/consent?state=1";
    post("/sources/initiateOAuth")
        .and(body_json(json!({
            "sourceType": "google-ads", "redirectUrl": "https://example.com/done", "workspaceId": WORKSPACE,
            "oAuthInputConfiguration": { "host": "example.com" }, "requestedScopes": ["read"],
        })))
        .respond_with(ok(json!({ "consentUrl": address })))
        .mount(&airbyte.server)
        .await;
    let workspace = airbyte.client().workspace(workspace_id());
    let begin = workspace.start_oauth("google-ads", "https://example.com/done");
    let consent = begin.input(json!({ "host": "example.com" })).scopes(["read"]).await.unwrap();
    assert_eq!(consent.url.as_str(), address);
}

#[tokio::test]
async fn a_consent_that_cannot_work_is_not_begun() {
    let airbyte = Airbyte::start().await;
    let workspace = airbyte.client().workspace(workspace_id());
    let lost = workspace.start_oauth("google-ads", "example.com").await.unwrap_err();
    let optional = workspace.start_oauth("google-ads", "https://example.com").optional_scopes(["a"]);
    assert_eq!(lost.kind(), ErrorKind::InvalidInput);
    assert_eq!(optional.await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(airbyte.server.received_requests().await.unwrap().len(), 0);

    post("/sources/initiateOAuth").respond_with(status(501)).mount(&airbyte.server).await;
    let error = workspace.start_oauth("google-ads", "https://example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "self-managed installations have none");
}

#[tokio::test]
async fn a_source_tells_what_it_offers() {
    let airbyte = Airbyte::start().await;
    let source: SourceId = "11111111-0000-4000-8000-000000000001".parse().unwrap();
    let destination: DestinationId = "22222222-0000-4000-8000-000000000002".parse().unwrap();
    let stream = |modes: Option<Value>| {
        let mut stream = json!({
            "streamName": "users", "streamnamespace": "shop", "defaultCursorField": ["updated_at"],
            "sourceDefinedCursorField": true, "sourceDefinedPrimaryKey": [["id"]],
            "propertyFields": [["id"], ["address"], ["address", "city"]],
        });
        if let Some(modes) = modes {
            stream["syncModes"] = modes;
        }
        stream
    };
    get("/streams")
        .and(query_param("sourceId", source.to_string()))
        .and(query_param_is_missing("destinationId"))
        .respond_with(ok(json!([stream(None), { "streamName": "bare" }])))
        .mount(&airbyte.server)
        .await;
    get("/streams")
        .and(query_param("destinationId", destination.to_string()))
        .and(query_param("ignoreCache", "true"))
        .respond_with(ok(json!([stream(Some(json!(["full_refresh_append", "incremental_brand_new"])))])))
        .mount(&airbyte.server)
        .await;

    let source = airbyte.client().source(source);
    let streams = source.streams(None).await.unwrap();
    let users = &streams[0];
    assert_eq!(
        (users.name.as_str(), users.namespace.as_deref(), &users.sync_modes),
        ("users", Some("shop"), &None)
    );
    assert_eq!(
        (&users.fields[2], users.source_defined_cursor),
        (&vec!["address".into(), "city".into()], true)
    );
    assert_eq!(
        (&users.source_defined_primary_key, &users.default_cursor_field),
        (&vec![vec!["id".into()]], &vec!["updated_at".into()])
    );
    assert!(streams[1].fields.is_empty() && !streams[1].source_defined_cursor, "{streams:?}");

    let streams = source.streams(Some(destination)).ignore_cache(true).await.unwrap();
    let modes = streams[0].sync_modes.clone().unwrap();
    assert_eq!(modes, [SyncMode::FullRefreshAppend, SyncMode::Unknown("incremental_brand_new".into())]);
}

#[tokio::test]
async fn an_oauth_client_of_ones_own_is_set_and_taken_away() {
    let airbyte = Airbyte::start().await;
    let client = airbyte.client();
    let (workspace, organization) =
        (client.workspace(workspace_id()), client.organization(ORGANIZATION.parse().unwrap()));
    let credentials = json!({ "credentials": { "client_id": "mine", "client_secret": "hunter2-hunter2" } });
    for place in [format!("/workspaces/{WORKSPACE}"), format!("/organizations/{ORGANIZATION}")] {
        let below = format!("{place}/oauthCredentials");
        let body = json!({ "actorType": "source", "name": "google-ads", "configuration": credentials });
        let answers = vec![status(200), status(422).set_body_string("hunter2-hunter2 is not accepted")];
        airbyte.in_turn(put(&below).and(body_json(body)), answers).await;
        delete(&format!("{below}/destination/google-ads"))
            .respond_with(status(204))
            .mount(&airbyte.server)
            .await;
    }
    let (source, destination) = (ActorType::Source, ActorType::Destination);
    workspace.set_oauth_credentials(source, "google-ads", credentials.clone()).await.unwrap();
    workspace.delete_oauth_credentials(destination, "google-ads").await.unwrap();
    organization.set_oauth_credentials(source, "google-ads", credentials.clone()).await.unwrap();
    organization.delete_oauth_credentials(destination, "google-ads").await.unwrap();

    for outcome in [
        workspace.set_oauth_credentials(source, "google-ads", credentials.clone()).await,
        organization.set_oauth_credentials(source, "google-ads", credentials).await,
    ] {
        let shown = format!("{:?}", outcome.unwrap_err());
        assert!(shown.contains("is not accepted") && !shown.contains("hunter2"), "{shown}");
    }
    let before = airbyte.server.received_requests().await.unwrap().len();
    for outcome in [
        workspace.set_oauth_credentials(source, "google-ads", json!("mine")).await,
        organization.delete_oauth_credentials(source, " ").await,
    ] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(airbyte.server.received_requests().await.unwrap().len(), before);
}

#[tokio::test]
async fn a_data_plane_shows_its_secret_once() {
    const PLANE: &str = "2f8d4b6c-7a1e-4c3d-9b5f-0e1d2c3b4a01";
    let airbyte = Airbyte::start().await;
    let plane = |name: &str, enabled: bool| {
        json!({
            "dataplaneId": PLANE, "name": name, "regionId": REGION, "enabled": enabled,
            "createdAt": "2026-01-02T03:04Z", "updatedAt": "2026-01-02T03:04:05Z",
        })
    };
    let secret = "pl4ne-s3cret";
    post("/dataplanes")
        .and(body_json(json!({ "name": "one", "regionId": REGION, "enabled": true })))
        .respond_with(ok(json!({
            "regionId": REGION, "dataplaneId": PLANE, "clientId": "plane-1", "clientSecret": secret,
        })))
        .mount(&airbyte.server)
        .await;
    get("/dataplanes")
        .and(query_param("regionIds", REGION))
        .respond_with(ok(json!([plane("one", true)])))
        .mount(&airbyte.server)
        .await;
    let below = format!("/dataplanes/{PLANE}");
    for (body, answer) in
        [(json!({ "name": "two" }), plane("two", true)), (json!({ "enabled": false }), plane("two", false))]
    {
        patch(&below).and(body_json(body)).respond_with(ok(answer)).mount(&airbyte.server).await;
    }
    get(&below).respond_with(ok(plane("two", false))).mount(&airbyte.server).await;
    delete(&below).respond_with(ok(plane("two", false))).mount(&airbyte.server).await;

    let region = airbyte.client().region(REGION.parse().unwrap());
    let made = region.create_dataplane("one").await.unwrap();
    assert_eq!((made.client_secret.expose_secret(), made.client_id.as_str()), (secret, "plane-1"));
    let shown = format!("{made:?} {}", serde_json::to_string(&made).unwrap());
    assert!(!shown.contains(secret), "{shown}");
    assert_eq!(region.dataplanes().await.unwrap()[0].dataplane_id, made.dataplane_id);
    let plane = airbyte.client().dataplane(made.dataplane_id);
    assert_eq!(plane.rename("two").await.unwrap().name, "two");
    assert!(!plane.set_enabled(false).await.unwrap().enabled);
    assert_eq!(plane.info().await.unwrap().region_id, region.id());
    plane.delete().await.unwrap();
}
