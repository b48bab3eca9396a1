//! Sources, destinations and custom definitions.

use airbyte_cloud::{CustomSourceKind, ErrorKind};
use airbyte_sandbox::Edition;
use anyhow::Result;
use serde_json::json;

use crate::table::{Table, row};
use crate::workspaces::manifest;

pub(crate) async fn rows(t: &mut Table) -> Result<()> {
    let (sandbox, client) = crate::sandbox(Edition::Enterprise).await;
    let workspace = client.default_workspace()?;

    t.section("`CloudSource` and `CloudDestination`");
    let faker = json!({ "sourceType": "faker", "count": 10 });
    let source = workspace.create_source("mine delete-me", &faker).await?;
    row!(
        t,
        "CloudSource, CloudSource.source_id, airbyte.cloud.connectors",
        client.source(source.id()).id(),
        |it| *it == source.id()
    );
    row!(t, "CloudSource.name", source.info().await?.name, |it| it == "mine delete-me");
    row!(t, "CloudSource.definition_id", source.info().await?.definition_id, |it| it.is_some());
    row!(t, "CloudSource.connector_url", source.url().await?, |it| it.as_ref().unwrap().contains("/source/"));
    row!(t, "CloudSource.rename", source.rename("delete-me").await?.name, |it| it == "delete-me");
    row!(
        t,
        "CloudSource.update_config",
        source.update_configuration(json!({ "count": 11 })).await?.configuration,
        |it| it["count"] == 11,
        "Merges; `replace_configuration` replaces and keeps secrets that are shown masked. **Mended**: a mask is never sent as a secret"
    );
    row!(
        t,
        "CloudSource.check, CheckResult",
        source.check().await?.into_result()?,
        |()| source.check().await?.is_success(),
        "A failed check is a result; `into_result` makes it an error"
    );
    row!(t, "CloudSource.permanently_delete", source.delete().await?, |()| workspace
        .sources()
        .name("delete-me")
        .await?
        .is_empty());
    let destinations = workspace.destinations().await?;
    let destination = client.destination(destinations[0].destination_id);
    row!(t, "CloudDestination, CloudDestination.destination_id", destination.id(), |it| *it
        == destinations[0].destination_id);
    row!(
        t,
        "CloudDestination.configuration",
        destination.info().await?.configuration,
        |it| it.is_object(),
        "Secrets are masked by the server"
    );
    row!(t, "CloudDestination.rename", destination.rename("mine").await?.name, |it| it == "mine");
    row!(
        t,
        "CloudDestination.update_config",
        destination.update_configuration(json!({})).await?.name,
        |it| it == "mine"
    );
    row!(t, "CloudDestination.check", destination.check().await?.is_success(), |it| *it);

    t.section("`CustomCloudSourceDefinition`");
    let definition = workspace.publish_custom_source("things delete-me", manifest()).await?;
    row!(t, "CustomCloudSourceDefinition", definition.kind(), |it| *it == CustomSourceKind::Yaml);
    row!(t, "CustomCloudSourceDefinition.name", definition.info().await?.name, |it| it == "things delete-me");
    row!(t, "CustomCloudSourceDefinition.manifest", definition.info().await?.manifest, |it| it.is_some());
    row!(t, "CustomCloudSourceDefinition.version", definition.info().await?.version, |it| *it == Some(1));
    row!(
        t,
        "CustomCloudSourceDefinition.docker_repository, CustomCloudSourceDefinition.docker_image_tag, CustomCloudSourceDefinition.documentation_url",
        definition.info().await?.docker_repository,
        |it| it.is_none(),
        "Of Docker connectors only"
    );
    row!(
        t,
        "CustomCloudSourceDefinition.update_definition",
        definition.update(manifest()).await?.version,
        |it| *it == Some(2)
    );
    row!(
        t,
        "CustomCloudSourceDefinition.connector_builder_project_id, CustomCloudSourceDefinition.get_builder_project_data",
        definition.builder_project().await?.unwrap().active_version,
        |it| *it == Some(2)
    );
    row!(
        t,
        "CustomCloudSourceDefinition.has_draft",
        definition.builder_project().await?.unwrap().has_draft,
        |it| !*it
    );
    row!(
        t,
        "CustomCloudSourceDefinition.draft_manifest",
        definition.builder_project().await?.unwrap().draft,
        |it| it.is_none()
    );
    row!(
        t,
        "CustomCloudSourceDefinition.connector_builder_project_url, CustomCloudSourceDefinition.definition_url",
        definition.url().await?,
        |it| it.as_ref().unwrap().contains("/connector-builder/edit/")
    );
    row!(
        t,
        "CustomCloudSourceDefinition.set_testing_values",
        definition.set_testing_values(json!({ "api_key": "k3y" })).await?,
        |it| it["api_key"] == "**********"
    );
    let source = row!(
        t,
        "CustomCloudSourceDefinition.deploy_source",
        definition.create_source("delete-me", json!({ "api_key": "k3y" })).await?,
        |it| it.info().await?.definition_id == Some(definition.id())
    );
    row!(
        t,
        "CustomCloudSourceDefinition.rename",
        definition.update_image("x", "1").await.unwrap_err().kind(),
        |it| *it == ErrorKind::InvalidInput,
        "The server cannot rename a YAML connector either; Docker ones can be renamed"
    );
    source.delete().await?;
    row!(
        t,
        "CustomCloudSourceDefinition.permanently_delete",
        definition.delete().await?,
        |()| workspace.custom_source_definitions(CustomSourceKind::Yaml).await?.is_empty(),
        "Sources and connections that would go along are checked, too"
    );
    sandbox.shutdown().await;
    Ok(())
}
