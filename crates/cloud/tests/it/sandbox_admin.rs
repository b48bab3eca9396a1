//! Tags, applications, organizations and people against a local Airbyte that was written without this client.

use airbyte_cloud::{
    ActorType, Client, ErrorKind, PaymentStatus, PermissionType, SecretString, WorkspaceScope,
};
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

#[tokio::test]
async fn the_caller_knows_who_and_where_it_is() {
    for edition in [Edition::Enterprise, Edition::Cloud, Edition::Community] {
        let (sandbox, client) = start(Sandbox::builder().edition(edition)).await;
        let context = client.default_context().await.unwrap();
        let workspace = client.default_workspace().unwrap();
        assert_eq!(context.workspace.unwrap().workspace_id, workspace.id(), "{edition:?}");
        assert_eq!(
            context.organization.unwrap().organization_id,
            client.default_organization().unwrap().id()
        );
        assert_eq!(client.current_user().await.unwrap(), context.user);

        let user = client.set_default_workspace(workspace.id()).await.unwrap();
        assert_eq!(user.default_workspace_id, Some(workspace.id()));
        // The same, without the settings' help.
        let ready = sandbox.ready();
        let plain = Client::builder()
            .ignore_environment()
            .api_root(&ready.public_api_root)
            .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
            .clock(TestClock::new())
            .build()
            .unwrap();
        let context = plain.default_context().await.unwrap();
        assert_eq!(context.workspace.unwrap().workspace_id, workspace.id(), "{edition:?}");
        assert!(context.organization.is_some());
        let nowhere = "6c3d5d0e-0000-4000-8000-00000000dead".parse().unwrap();
        assert!(client.set_default_workspace(nowhere).await.unwrap_err().is_not_found());
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn workspaces_are_found_by_scope_and_name() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    for number in 0..3 {
        client.create_workspace(format!("Team {number}")).await.unwrap();
    }
    let organization = client.default_organization().unwrap();
    let found = organization.workspaces().name_contains("team").await.unwrap();
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Team 0", "Team 1", "Team 2"]);
    assert_eq!(organization.workspaces().name("Team 1").await.unwrap().len(), 1);
    assert_eq!(organization.workspaces().limit(2).await.unwrap().len(), 2);
    assert!(organization.workspaces().name("team 1").await.unwrap().is_empty());
    let all = client.workspaces_in(WorkspaceScope::Any).await.unwrap();
    assert_eq!(client.workspaces_in(WorkspaceScope::InstanceAdmin).await.unwrap(), all);
    assert_eq!(all.len(), 4);

    // A permission in a workspace makes its user a member of it.
    let user = client.current_user().await.unwrap();
    let before = client.workspaces_in(WorkspaceScope::MemberOf).await.unwrap();
    client.grant(user.user_id, found[0].workspace_id, PermissionType::WorkspaceReader).await.unwrap();
    let after = client.workspaces_in(WorkspaceScope::MemberOf).await.unwrap();
    assert_eq!(after.len(), before.len() + 1);
    assert!(after.iter().any(|one| one.workspace_id == found[0].workspace_id));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn permissions_come_and_go() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap().id();
    let organization = client.default_organization().unwrap();
    let user = organization.users().await.unwrap().remove(0);
    let found = organization.users().emails([user.email.clone()]).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&user));
    let granted = client.grant(user.user_id, workspace, PermissionType::WorkspaceReader).await.unwrap();
    let again = client.grant(user.user_id, workspace, PermissionType::WorkspaceReader).await.unwrap();
    assert_eq!(again, granted, "what was granted stays as it is");
    let permission = client.permission(granted.permission_id);
    let changed = permission.change(PermissionType::WorkspaceEditor).await.unwrap();
    assert_eq!(permission.info().await.unwrap(), changed);
    assert!(client.permissions().await.unwrap().contains(&changed));
    permission.revoke().await.unwrap();
    assert!(!client.permissions().await.unwrap().iter().any(|one| one.permission_id == permission.id()));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn groups_have_members_and_permissions() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let organization = client.default_organization().unwrap();
    let made = organization.create_group("analysts", Some("they read".into())).await.unwrap();
    let error = organization.create_group("analysts", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    let group = client.group(made.group_id);
    let user = client.current_user().await.unwrap().user_id;
    group.add_member(user).await.unwrap();
    assert_eq!(group.add_member(user).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(group.members().await.unwrap().iter().map(|one| one.user_id).collect::<Vec<_>>(), [user]);
    assert_eq!(group.info().await.unwrap().member_count, 1);

    let workspace = client.default_workspace().unwrap().id();
    let granted = group.grant(workspace, PermissionType::WorkspaceRunner).await.unwrap();
    assert_eq!(group.permissions().await.unwrap(), std::slice::from_ref(&granted));
    let error = group.grant(workspace, PermissionType::WorkspaceRunner).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    group.revoke(granted.permission_id).await.unwrap();
    group.remove_member(user).await.unwrap();
    group.remove_member(user).await.unwrap();
    assert_eq!(group.rename("readers").await.unwrap().description.as_deref(), Some("they read"));
    assert_eq!(organization.groups().name("readers").await.unwrap().len(), 1);
    group.delete().await.unwrap();
    assert!(group.info().await.unwrap_err().is_not_found());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_edition_without_groups_says_so() {
    let (sandbox, client) = start(Sandbox::builder().edition(Edition::Community)).await;
    let error = client.default_organization().unwrap().groups().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("edition"), "{error:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn only_the_cloud_bills() {
    let (sandbox, client) = start(Sandbox::builder().edition(Edition::Cloud)).await;
    let billing = client.default_organization().unwrap().billing().await.unwrap().unwrap();
    assert_eq!((billing.payment_status.clone(), billing.is_account_locked()), (PaymentStatus::Okay, false));
    sandbox.shutdown().await;
    let (sandbox, client) = start(Sandbox::builder()).await;
    assert_eq!(client.default_organization().unwrap().billing().await.unwrap(), None);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn regions_have_data_planes() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let organization = client.default_organization().unwrap();
    let before = organization.regions().await.unwrap().len();
    let region = client.region(organization.create_region("Europe").await.unwrap().region_id);
    assert_eq!(organization.regions().await.unwrap().len(), before + 1);
    assert!(region.info().await.unwrap().created_at.is_some());
    let workspace = client.create_workspace("There").region(region.id()).await.unwrap();
    assert_eq!(workspace.info().await.unwrap().data_residency, "europe");

    let made = region.create_dataplane("one").await.unwrap();
    let planes = region.dataplanes().await.unwrap();
    assert_eq!(planes.iter().map(|one| one.dataplane_id).collect::<Vec<_>>(), [made.dataplane_id]);
    let plane = client.dataplane(made.dataplane_id);
    assert!(!plane.set_enabled(false).await.unwrap().enabled);
    plane.delete().await.unwrap();
    assert!(region.dataplanes().await.unwrap().is_empty());
    assert_eq!(region.rename("EU").await.unwrap().name, "EU");
    region.delete().await.unwrap();
    assert_eq!(organization.regions().await.unwrap().len(), before);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn consent_is_not_offered_by_self_managed_installations() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let outcomes = [
        workspace.start_oauth("google-ads", "https://example.com/done").await.map(drop),
        workspace.set_oauth_credentials(ActorType::Source, "google-ads", serde_json::json!({})).await,
        workspace.delete_oauth_credentials(ActorType::Source, "google-ads").await,
    ];
    for outcome in outcomes {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    sandbox.shutdown().await;
}
