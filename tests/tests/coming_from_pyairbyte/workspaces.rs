//! `CloudWorkspace`.

use airbyte_cloud::{CustomSourceKind, ErrorKind, Manifest, StreamSelection, SyncMode};
use airbyte_sandbox::Edition;
use anyhow::Result;
use serde_json::json;

use crate::table::{Table, row};

pub(crate) fn manifest() -> Manifest {
    Manifest::from(json!({
        "version": "6.1.0", "type": "DeclarativeSource",
        "check": { "type": "CheckStream", "stream_names": ["things"] }, "streams": [],
        "spec": { "type": "Spec", "connection_specification": { "type": "object", "properties": {
            "api_key": { "type": "string", "airbyte_secret": true },
        } } },
    }))
}

pub(crate) async fn rows(t: &mut Table) -> Result<()> {
    let (sandbox, client) = crate::sandbox(Edition::Enterprise).await;
    t.section("`CloudWorkspace`");
    let workspace = row!(
        t,
        "CloudWorkspace, CloudWorkspace.from_env, airbyte.cloud.workspaces",
        client.default_workspace()?,
        |it| it.id().to_string() == sandbox.ready().workspace_id,
        "The one of the settings; any other with `client.workspace(id)`"
    );
    row!(t, "CloudWorkspace.workspace_id", workspace.id().to_string(), |it| *it
        == sandbox.ready().workspace_id);
    row!(
        t,
        "CloudWorkspace.workspace_url",
        workspace.url(),
        |it| it.as_ref().unwrap().ends_with(&format!("/workspaces/{}", workspace.id())),
        "**Mended**: right for self-managed installations, and none rather than a wrong one"
    );
    row!(
        t,
        "CloudWorkspace.connect",
        workspace.info().await?.name,
        |it| it == "Sandbox",
        "Nothing is printed"
    );
    row!(
        t,
        "CloudWorkspace.get_organization",
        workspace.organization().await?.name,
        |it| it == "Sandbox",
        "An error can be ignored with `.ok()`"
    );
    row!(
        t,
        "CloudWorkspace.list_connections",
        workspace.connections().name("Faker to SQLite").await?.len(),
        |n| *n == 1,
        "`name_filter` is `.filter(\\|connection\\| ..)`, and both may be given; `.pager()` reads piece by piece"
    );
    row!(
        t,
        "CloudWorkspace.list_sources",
        workspace.sources().filter(|source| source.source_type == "faker").await?.len(),
        |n| *n == 1
    );
    row!(t, "CloudWorkspace.list_destinations", workspace.destinations().limit(1).await?.len(), |n| *n == 1);
    let faker = json!({ "sourceType": "faker", "count": 10 });
    let source = row!(
        t,
        "CloudWorkspace.deploy_source",
        workspace.create_source("delete-me source", &faker).await?,
        |it| it.info().await?.name == "delete-me source",
        "A taken name is refused; `.allow_same_name()`, `.random_suffix()`. A lost answer makes no second one"
    );
    let nothing =
        json!({ "destinationType": "dev-null", "test_destination": { "test_destination_type": "SILENT" } });
    let destination = row!(
        t,
        "CloudWorkspace.deploy_destination",
        workspace.create_destination("delete-me destination", &nothing).await?,
        |it| it.info().await?.name == "delete-me destination"
    );
    let streams = [StreamSelection::new("users").sync_mode(SyncMode::IncrementalAppend)];
    let connection = row!(
        t,
        "CloudWorkspace.deploy_connection",
        workspace
            .create_connection("delete-me", source.id(), destination.id())
            .streams(streams)
            .prefix("p_")
            .await?,
        |it| it.info().await?.streams.len() == 1,
        "Sync modes, cursors, keys, fields, schedule and namespaces can be chosen"
    );
    row!(
        t,
        "CloudWorkspace.deploy_source(defer_credentials=True)",
        workspace.create_source("later", &faker).without_credentials().await.unwrap_err().kind(),
        |it| *it == ErrorKind::InvalidInput,
        "Airbyte Cloud only; needs `.definition(id)`, and refuses secrets in the configuration"
    );
    row!(
        t,
        "CloudWorkspace.get_connection",
        client.connection(connection.id()).info().await?.prefix,
        |it| it.as_deref() == Some("p_")
    );
    row!(t, "CloudWorkspace.get_source", client.source(source.id()).info().await?.name, |it| it
        == "delete-me source");
    row!(
        t,
        "CloudWorkspace.get_destination",
        client.destination(destination.id()).info().await?.destination_type,
        |it| it.is_empty(),
        "The server has no name for some connectors; `definition_id` tells them apart"
    );
    row!(t, "CloudWorkspace.check_connector_setup", source.check().await?.is_success(), |it| *it);
    row!(
        t,
        "CloudWorkspace.permanently_delete_connection, CloudConnection.permanently_delete",
        connection.delete().with_source().with_destination().await?,
        |()| workspace.sources().name("delete-me source").await?.is_empty(),
        "**Mended**: every name is checked before the first deletion, other connections that would go along included; `.safe_mode(false)` turns it off"
    );
    let source = workspace.create_source("delete-me", &faker).await?;
    row!(t, "CloudWorkspace.permanently_delete_source", source.delete().await?, |()| workspace
        .sources()
        .name("delete-me")
        .await?
        .is_empty());
    let destination = workspace.create_destination("deleteme", &nothing).await?;
    row!(t, "CloudWorkspace.permanently_delete_destination", destination.delete().await?, |()| workspace
        .destinations()
        .name("deleteme")
        .await?
        .is_empty());
    let definition = row!(
        t,
        "CloudWorkspace.publish_custom_source_definition",
        workspace.publish_custom_source("things", manifest()).await?,
        |it| it.info().await?.version == Some(1),
        "`Manifest::from_file(path)` and `text.parse()` read YAML; Docker images: `publish_docker_source`"
    );
    row!(
        t,
        "CloudWorkspace.list_custom_source_definitions",
        workspace.custom_source_definitions(CustomSourceKind::Yaml).await?.len(),
        |n| *n == 1
    );
    row!(
        t,
        "CloudWorkspace.get_custom_source_definition",
        workspace.custom_source_definition(definition.id(), CustomSourceKind::Yaml).info().await?.name,
        |it| it == "things"
    );
    sandbox.shutdown().await;
    Ok(())
}
