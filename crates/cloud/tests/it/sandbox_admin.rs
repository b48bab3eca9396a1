//! Tags, applications, organizations and people against a local Airbyte that was written without this client.

use airbyte_cloud::{Client, ErrorKind, SecretString};
use airbyte_sandbox::{Edition, Fault, Sandbox, SandboxBuilder, Seed};

use crate::support::TestClock;

async fn start(builder: SandboxBuilder) -> (Sandbox, Client) {
    let sandbox = builder.seed(Seed::Demo).time_scale(0.2).start().await.unwrap();
    let ready = sandbox.ready();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .clock(TestClock::new())
        .workspace_id(ready.workspace_id.parse().unwrap())
        .organization_id(ready.organization_id.parse().unwrap())
        .build()
        .unwrap();
    (sandbox, client)
}

#[tokio::test]
async fn tags_mark_connections_and_find_them() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let nightly = workspace.create_tag("nightly", "1F6FEB").await.unwrap();
    let spare = workspace.create_tag("spare", "000000").await.unwrap();
    let error = workspace.create_tag("nightly", "FFFFFF").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");

    let connection = client.connection(workspace.connections().limit(1).await.unwrap()[0].connection_id);
    connection.edit().tags([nightly.clone()]).await.unwrap();
    assert_eq!(connection.info().await.unwrap().tags, ["nightly"]);
    let tagged = workspace.connections().tagged([nightly.tag_id, spare.tag_id]).await.unwrap();
    assert_eq!(tagged.iter().map(|one| one.connection_id).collect::<Vec<_>>(), [connection.id()]);
    assert!(workspace.connections().tagged([spare.tag_id]).await.unwrap().is_empty());

    let tag = client.tag(nightly.tag_id);
    assert_eq!(tag.rename("hourly").await.unwrap().color, "1F6FEB");
    assert_eq!(tag.recolor("FFFFFF").await.unwrap().name, "hourly");
    assert_eq!(connection.info().await.unwrap().tags, ["hourly"]);
    tag.delete().await.unwrap();
    assert!(connection.info().await.unwrap().tags.is_empty());
    assert_eq!(workspace.tags().await.unwrap(), [spare]);
    assert!(tag.info().await.unwrap_err().is_not_found());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_lost_reply_to_a_deletion_is_no_error() {
    let fault: Fault = "lose-reply,op=deleteTag,times=1".parse().unwrap();
    let (sandbox, client) = start(Sandbox::builder().fault(fault)).await;
    let workspace = client.default_workspace().unwrap();
    let tag = workspace.create_tag("nightly", "1F6FEB").await.unwrap();
    client.tag(tag.tag_id).delete().await.unwrap();
    assert!(workspace.tags().await.unwrap().is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_new_application_can_sign_in() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let made = client.create_application("nightly").await.unwrap();
    assert_eq!(client.application(made.application_id.clone()).await.unwrap().name, "nightly");
    let other = Client::builder()
        .ignore_environment()
        .api_root(client.settings().api_root.value.as_str())
        .client_credentials(&made.client_id, made.client_secret.clone())
        .clock(TestClock::new())
        .build()
        .unwrap();
    assert_eq!(other.workspaces().await.unwrap().len(), client.workspaces().await.unwrap().len());
    client.delete_application(made.application_id.clone()).await.unwrap();
    let error = client.application(made.application_id).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_workspace_tells_its_organization() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let organization = client.default_organization().unwrap();
    let info = organization.info().await.unwrap();
    let found = client.default_workspace().unwrap().organization().await.unwrap();
    assert_eq!((found.organization_id, &found.name), (organization.id(), &info.name));
    assert_eq!(client.find_organization(&info.name).await.unwrap(), info);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_source_offers_what_a_connection_can_sync() {
    for edition in [Edition::Enterprise, Edition::Cloud] {
        let (sandbox, client) = start(Sandbox::builder().edition(edition)).await;
        let connections =
            client.default_workspace().unwrap().connections().name("Faker to SQLite").await.unwrap();
        let connection = &connections[0];
        let offered =
            client.source(connection.source_id).streams(Some(connection.destination_id)).await.unwrap();
        for stream in &connection.streams {
            let offer = offered.iter().find(|one| one.name == stream.name).unwrap();
            let modes = offer.sync_modes.as_ref().unwrap();
            assert!(modes.contains(stream.sync_mode.as_ref().unwrap()), "{offer:?}");
            assert!(!offer.fields.is_empty());
        }
        sandbox.shutdown().await;
    }
}
