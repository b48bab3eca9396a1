//! Looking first whether something would be refused: nothing is created or deleted by it.

use airbyte_cloud::{ConnectionStatus, ErrorKind, Result};
use airbyte_sandbox::{Edition, Sandbox};
use serde_json::json;

use crate::custom_source::manifest;
use crate::manage::{connect, workspace};
use crate::sandbox::{asked, start};

fn kind(outcome: Result<()>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

/// The requests that create or delete something.
fn done(sandbox: &Sandbox) -> usize {
    let changes = |operation: &&str| operation.starts_with("create") || operation.starts_with("delete");
    asked(sandbox).into_iter().filter(changes).filter(|it| *it != "createAccessToken").count()
}

#[tokio::test]
async fn what_safe_mode_forbids_can_be_seen_before_anything_is_deleted() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "delete-me").await;
    let info = connection.info().await.unwrap();
    let (source, destination) = (client.source(info.source_id), client.destination(info.destination_id));
    let workspace = workspace(&client);
    let before = done(&sandbox);

    source.delete().check().await.unwrap();
    destination.delete().check().await.unwrap();
    connection.delete().with_source().with_destination().check().await.unwrap();
    let error = workspace.delete().check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);

    destination.rename("keep").await.unwrap();
    connection.delete().with_source().check().await.unwrap();
    let error = connection.delete().with_destination().check().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("`keep`"), "{error}");
    connection.rename("precious").await.unwrap();
    let error = source.delete().check().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("precious"), "{error}");

    connection.delete().with_destination().safe_mode(false).check().await.unwrap();
    workspace.delete().safe_mode(false).check().await.unwrap();
    let nowhere = client.source("6c3d5d0e-0000-4000-8000-00000000dead".parse().unwrap());
    assert_eq!(kind(nowhere.delete().check().await), Some(ErrorKind::NotFound));

    assert_eq!(done(&sandbox), before);
    assert_eq!(connection.info().await.unwrap().status, ConnectionStatus::Active);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_creation_can_be_seen_before_it() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "taken").await;
    let info = connection.info().await.unwrap();
    let workspace = workspace(&client);
    let faker = json!({ "sourceType": "faker", "count": 1 });
    let nothing = json!({ "destinationType": "dev-null" });
    let before = done(&sandbox);

    let source = |name: &str| workspace.create_source(name, &faker);
    assert_eq!(kind(source("taken source").check().await), Some(ErrorKind::Conflict));
    assert_eq!(kind(source("taken source").allow_same_name().check().await), None);
    assert_eq!(kind(source("taken source").random_suffix().check().await), None);
    assert_eq!(kind(source("free").check().await), None);
    assert_eq!(kind(source(" ").check().await), Some(ErrorKind::InvalidInput));

    let destination = |name: &str| workspace.create_destination(name, &nothing);
    assert_eq!(kind(destination("taken destination").check().await), Some(ErrorKind::Conflict));
    assert_eq!(kind(destination("free").check().await), None);
    assert_eq!(
        kind(workspace.create_destination("free", &faker).check().await),
        Some(ErrorKind::InvalidInput)
    );

    let connection = |name: &str| workspace.create_connection(name, info.source_id, info.destination_id);
    assert_eq!(kind(connection("taken").stream("users").check().await), Some(ErrorKind::Conflict));
    assert_eq!(kind(connection("taken").stream("users").allow_same_name().check().await), None);
    assert_eq!(kind(connection("free").stream("users").check().await), None);
    assert_eq!(kind(connection("free").check().await), Some(ErrorKind::InvalidInput));

    assert_eq!(done(&sandbox), before);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_draft_that_cannot_be_one_is_seen_before_it_is_made() {
    let (sandbox, client) = start(Sandbox::builder().edition(Edition::Cloud)).await;
    let workspace = workspace(&client);
    let postgres = "25c5221d-dce2-4163-ade9-739ef790f503".parse().unwrap();
    let draft = |configuration| workspace.create_destination("later", configuration).without_credentials();
    let secret = json!({ "destinationType": "postgres", "host": "h", "password": "p4ss" });
    assert_eq!(kind(draft(secret.clone()).check().await), Some(ErrorKind::InvalidInput), "no definition");
    let error = draft(secret).definition(postgres).check().await.unwrap_err();
    assert!(error.to_string().contains("`password`"), "{error}");
    draft(json!({ "host": "h" })).definition(postgres).check().await.unwrap();
    assert_eq!(done(&sandbox), 0);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_connector_can_be_seen_before_it_is_published() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = workspace(&client);
    workspace.publish_custom_source("taken", manifest("one")).await.unwrap();
    let before = done(&sandbox);
    let publish = |name: &str| workspace.publish_custom_source(name, manifest("one"));
    assert_eq!(kind(publish("taken").check().await), Some(ErrorKind::Conflict));
    assert_eq!(kind(publish("taken").allow_same_name().check().await), None);
    assert_eq!(kind(publish("free").check().await), None);
    let broken = workspace.publish_custom_source("free", json!({ "type": "Something" }));
    assert_eq!(kind(broken.clone().check().await), Some(ErrorKind::InvalidInput));
    assert_eq!(kind(broken.without_check().check().await), None);
    assert_eq!(done(&sandbox), before);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_safe_mode_forbids_can_be_seen_before_a_connector_is_deleted() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = workspace(&client);
    let definition = workspace.publish_custom_source("delete-me", manifest("one")).await.unwrap();
    let source = definition.create_source("precious", json!({})).await.unwrap();
    let before = done(&sandbox);
    assert_eq!(kind(definition.delete().check().await), Some(ErrorKind::Conflict));
    assert_eq!(kind(definition.delete().safe_mode(false).check().await), None);
    source.rename("delete-me, too").await.unwrap();
    assert_eq!(kind(definition.delete().check().await), None);
    assert_eq!(done(&sandbox), before);
    sandbox.shutdown().await;
}
