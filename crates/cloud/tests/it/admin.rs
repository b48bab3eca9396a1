//! Organizations, people, and what belongs to them.

use airbyte_cloud::{ErrorKind, TagId};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, query_param};

use crate::support::{Airbyte, WORKSPACE, delete, get, ok, page, patch, post, problem, status, workspace_id};

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
