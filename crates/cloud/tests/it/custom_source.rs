//! Custom source connectors, from publishing to deleting.

use airbyte_cloud::{CustomSourceKind, ErrorKind, Manifest, Workspace};
use airbyte_sandbox::{Edition, Sandbox};
use serde_json::json;

use crate::sandbox::{asked, fault, start};

pub(crate) fn manifest(word: &str) -> Manifest {
    Manifest::from(json!({
        "version": "6.1.0", "type": "DeclarativeSource",
        "check": { "type": "CheckStream", "stream_names": [word] }, "streams": [],
        "spec": { "type": "Spec", "connection_specification": {
            "type": "object", "properties": { "api_key": { "type": "string", "airbyte_secret": true } },
        } },
    }))
}

async fn yaml(workspace: &Workspace) -> Vec<String> {
    let all = workspace.custom_source_definitions(CustomSourceKind::Yaml).await.unwrap();
    all.into_iter().map(|one| one.name).collect()
}

#[tokio::test]
async fn a_yaml_connector_is_published_updated_used_and_deleted() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let definition = workspace
        .publish_custom_source("things", manifest("one"))
        .testing_values(json!({ "api_key": "k3y-of-testing" }))
        .await
        .unwrap();
    let info = definition.info().await.unwrap();
    assert_eq!((info.name.as_str(), info.version, info.manifest), ("things", Some(1), Some(manifest("one"))));
    let error = workspace.publish_custom_source("things", manifest("two")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&definition.id().to_string()), "{error}");

    assert_eq!(definition.update(manifest("two")).await.unwrap().version, Some(2));
    let project = definition.builder_project().await.unwrap().unwrap();
    assert_eq!((project.active_version, project.has_draft, project.draft), (Some(2), false, None));
    assert_eq!(project.testing_values, Some(json!({ "api_key": "**********" })));
    assert!(
        definition
            .url()
            .await
            .unwrap()
            .unwrap()
            .ends_with(&format!("/connector-builder/edit/{}", project.project_id))
    );

    let source = definition.create_source("s", json!({ "api_key": "k" })).await.unwrap();
    let shown = source.info().await.unwrap();
    assert_eq!((shown.definition_id, shown.source_type.as_str()), (Some(definition.id()), ""));

    assert_eq!(definition.delete().await.unwrap_err().kind(), ErrorKind::Conflict);
    definition.delete().safe_mode(false).await.unwrap();
    assert!(yaml(&workspace).await.is_empty());
    assert!(workspace.sources().name("s").await.unwrap().is_empty(), "its sources go with it");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn safe_mode_looks_at_the_sources_of_a_connector() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let definition = workspace.publish_custom_source("delete-me", manifest("one")).await.unwrap();
    let source = definition.create_source("precious", json!({})).await.unwrap();
    let error = definition.delete().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("precious"), "{error}");
    assert_eq!(yaml(&workspace).await, ["delete-me"]);
    source.rename("delete-me, too").await.unwrap();
    definition.delete().await.unwrap();
    assert!(yaml(&workspace).await.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_connector() {
    let lost = Sandbox::builder().fault(fault("lose-reply,op=createDeclarativeSourceDefinition,times=1"));
    let (sandbox, client) = start(lost).await;
    let workspace = client.default_workspace().unwrap();
    let definition = workspace.publish_custom_source("things", manifest("one")).await.unwrap();
    let all = workspace.custom_source_definitions(CustomSourceKind::Yaml).await.unwrap();
    assert_eq!(all.iter().map(|one| one.definition_id).collect::<Vec<_>>(), [definition.id()]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_is_no_manifest_is_refused_without_a_request() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let before = asked(&sandbox).len();
    let broken = Manifest::from(json!({ "type": "Something" }));
    let some = workspace.custom_source_definition(
        "6c3d5d0e-0000-4000-8000-00000000dead".parse().unwrap(),
        CustomSourceKind::Yaml,
    );
    let docker = workspace.custom_source_definition(some.id(), CustomSourceKind::Docker);
    for error in [
        workspace.publish_custom_source("x", broken.clone()).await.unwrap_err(),
        workspace.publish_custom_source(" ", manifest("one")).await.unwrap_err(),
        workspace.publish_docker_source("x", "a/b", "1").testing_values(json!({})).await.unwrap_err(),
        some.update(broken).await.unwrap_err(),
        some.update_image("x", "1").await.unwrap_err(),
        docker.update(manifest("one")).await.unwrap_err(),
        docker.set_testing_values(json!({})).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(asked(&sandbox).len(), before);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn docker_connectors_are_for_installations_of_ones_own() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let definition = workspace.publish_docker_source("mine", "example/source-mine", "0.1.0").await.unwrap();
    let info = definition.update_image("mine", "0.2.0").await.unwrap();
    assert_eq!(info.docker_image_tag.as_deref(), Some("0.2.0"));
    assert_eq!(definition.builder_project().await.unwrap(), None);
    definition.delete().safe_mode(false).await.unwrap();
    assert!(definition.info().await.unwrap_err().is_not_found());
    sandbox.shutdown().await;

    let (sandbox, client) = start(Sandbox::builder().edition(Edition::Cloud)).await;
    let error = client
        .default_workspace()
        .unwrap()
        .publish_docker_source("mine", "example/mine", "1")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_draft_is_made_without_its_secrets_on_cloud_only() {
    let faker = "dfd88b22-b603-4c3d-aad7-3701784586b1".parse().unwrap();
    let (sandbox, client) = start(Sandbox::builder().edition(Edition::Cloud)).await;
    let workspace = client.default_workspace().unwrap();
    let draft =
        workspace.create_source("later", json!({ "count": 10 })).definition(faker).without_credentials();
    let source = draft.await.unwrap();
    assert_eq!(source.info().await.unwrap().name, "later");

    let postgres = "25c5221d-dce2-4163-ade9-739ef790f503".parse().unwrap();
    let secret = json!({ "host": "h", "port": 1, "database": "d", "schema": "s", "username": "u", "password": "p4ss" });
    let error = workspace
        .create_destination("later", secret)
        .definition(postgres)
        .without_credentials()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("`password`") && !error.to_string().contains("p4ss"), "{error}");
    sandbox.shutdown().await;
}
