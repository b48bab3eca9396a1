//! What users get to hear who may not do everything, from a local Airbyte that knows roles.

use airbyte_cloud::{Client, ErrorKind, IfRunning, SecretString};
use airbyte_sandbox::{Edition, NewUser, Role, Sandbox, UserCredentials};
use serde_json::json;

use crate::sandbox::{demo, fault, start};
use crate::support::TestClock;

/// The sandbox as somebody else sees it.
fn client_of(sandbox: &Sandbox, user: &UserCredentials) -> Client {
    let ready = sandbox.ready();
    Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&user.client_id, SecretString::from(user.client_secret.clone()))
        .clock(TestClock::new())
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap()
}

fn with_role(sandbox: &Sandbox, role: Role) -> Client {
    let user = NewUser::named(format!("{role:?}")).in_workspace(&sandbox.ready().workspace_id, role);
    client_of(sandbox, &sandbox.add_user(user).unwrap())
}

/// Not allowed, said with a hint at the role, and asked for once.
#[track_caller]
fn assert_forbidden(error: &airbyte_cloud::Error, what: &str) {
    assert_eq!((error.kind(), error.status()), (ErrorKind::Forbidden, Some(403)), "{what}: {error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("role")), "{what}: {error:?}");
    assert!(!error.is_retryable(), "{what}: {error:?}");
    assert_eq!(error.attempts(), 1, "{what}: {error:?}");
}

#[tokio::test]
async fn a_reader_reads_everything_and_changes_nothing() {
    let (sandbox, owner) = start(Sandbox::builder()).await;
    let job = demo(&owner).await.sync().await.unwrap();
    job.wait().await.unwrap();
    let reader = with_role(&sandbox, Role::Reader);
    let workspace = reader.default_workspace().unwrap();
    assert_eq!(workspace.connections().await.unwrap().len(), 1);
    let connection = demo(&reader).await;
    let info = connection.info().await.unwrap();
    assert_eq!(connection.latest_sync().await.unwrap().unwrap().job_id(), job.job_id());
    reader.source(info.source_id).info().await.unwrap();
    connection.state().await.unwrap();
    connection.catalog().await.unwrap();

    assert_forbidden(&connection.sync().await.unwrap_err(), "sync");
    assert_forbidden(&connection.clear().await.unwrap_err(), "clear");
    assert_forbidden(&connection.edit().prefix("mine_").await.unwrap_err(), "edit");
    assert_forbidden(&reader.source(info.source_id).check().await.unwrap_err(), "check");
    assert_forbidden(&connection.refresh_schema().await.unwrap_err(), "schema");
    assert_forbidden(&workspace.create_tag("mine", "000000").await.unwrap_err(), "tag");
    let faker = json!({"sourceType": "faker", "count": 1});
    assert_forbidden(&workspace.create_source("Mine", faker).await.unwrap_err(), "source");
    let state = r#"{"stateType":"stream","streamState":[{"streamDescriptor":{"name":"users"},"streamState":{"at":1}}]}"#;
    let state = state.parse().unwrap();
    assert_forbidden(&connection.set_state(&state).await.unwrap_err(), "state");
    assert_eq!(connection.info().await.unwrap().prefix.as_deref(), Some(""));
    assert_eq!(connection.jobs().await.unwrap().len(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_runner_starts_and_cancels_and_an_editor_of_sources_leaves_destinations_alone() {
    let (sandbox, _) = start(Sandbox::builder().fault(fault("slow-job=10m"))).await;
    let runner = with_role(&sandbox, Role::Runner);
    let connection = demo(&runner).await;
    let running = connection.sync().await.unwrap();
    runner.job(running.job_id()).cancel().await.unwrap();
    assert_forbidden(&connection.edit().name("Mine").await.unwrap_err(), "edit");

    let editor = with_role(&sandbox, Role::SourceEditor);
    let connection = demo(&editor).await;
    connection.edit().name("Mine").await.unwrap();
    let info = connection.info().await.unwrap();
    editor.source(info.source_id).check().await.unwrap();
    assert_forbidden(&editor.destination(info.destination_id).check().await.unwrap_err(), "destination");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_as_good_as_missing() {
    for edition in [Edition::Enterprise, Edition::Cloud] {
        let (sandbox, owner) = start(Sandbox::builder().edition(edition)).await;
        let mine = demo(&owner).await;
        let other = sandbox.add_organization("Other").unwrap();
        let user = NewUser::named("Stranger").in_workspace(&other.workspace_id, Role::Admin);
        let stranger = client_of(&sandbox, &sandbox.add_user(user).unwrap());
        let connection = stranger.connection(mine.id());
        for (what, error) in [
            ("info", connection.info().await.unwrap_err()),
            ("sync", connection.sync().await.unwrap_err()),
            ("edit", connection.edit().name("x").await.unwrap_err()),
            ("state", connection.state().await.unwrap_err()),
        ] {
            assert!(error.is_not_found(), "{what}: {error:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains("no access")), "{what}: {error:?}");
        }
        // So are lists of somebody else's, and one's own are not.
        let error = stranger.default_workspace().unwrap().connections().await.unwrap_err();
        assert!(error.is_not_found(), "{error:?}");
        let own = stranger.workspaces().await.unwrap();
        assert_eq!(
            own.iter().map(|one| one.workspace_id.to_string()).collect::<Vec<_>>(),
            [other.workspace_id]
        );
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn groups_and_regions_are_for_administrators_of_the_organization() {
    let (sandbox, owner) = start(Sandbox::builder()).await;
    let id = sandbox.ready().organization_id.parse().unwrap();
    let region = owner.organization(id).create_region("north").await.unwrap();
    let group = owner.organization(id).create_group("Readers", None).await.unwrap();
    let member = NewUser::named("Member").in_organization(&sandbox.ready().organization_id, Role::Member);
    let member = client_of(&sandbox, &sandbox.add_user(member).unwrap());
    assert_eq!(member.organization(id).users().await.unwrap().len(), 2);
    assert_forbidden(&member.organization(id).groups().await.unwrap_err(), "groups");
    assert_forbidden(&member.organization(id).regions().await.unwrap_err(), "regions");
    assert_forbidden(&member.group(group.group_id).info().await.unwrap_err(), "group");
    assert_forbidden(&member.region(region.region_id).info().await.unwrap_err(), "region");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_user_who_goes_in_the_midst_of_a_wait_ends_it() {
    let (sandbox, owner) = start(Sandbox::builder().fault(fault("slow-job=10m"))).await;
    let user = NewUser::named("Leaver").in_workspace(&sandbox.ready().workspace_id, Role::Runner);
    let user = sandbox.add_user(user).unwrap();
    let leaver = client_of(&sandbox, &user);
    let job = demo(&leaver).await.sync().if_running(IfRunning::Fail).await.unwrap();
    sandbox.remove_user(&user.user_id).unwrap();
    let error = job.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    assert!(error.hint().is_some(), "{error:?}");
    owner.job(job.job_id()).cancel().await.unwrap();
    sandbox.shutdown().await;
}
