//! `CloudConnection`.

use airbyte_cloud::{
    Catalog, ConnectionState, ErrorKind, JobType, Schedule, ScheduleInfo, StreamSelection, SyncMode,
};
use airbyte_sandbox::Edition;
use anyhow::Result;
use serde_json::json;

use crate::table::{Table, row};

pub(crate) async fn rows(t: &mut Table) -> Result<()> {
    let (sandbox, client) = crate::sandbox(Edition::Enterprise).await;
    let workspace = client.default_workspace()?;
    let found = workspace.connections().name("Faker to SQLite").await?;

    t.section("`CloudConnection`");
    let connection = row!(
        t,
        "CloudConnection, airbyte.cloud.connections",
        client.connection(found[0].connection_id),
        |it| it.id() == found[0].connection_id
    );
    row!(t, "CloudConnection.connection_id", connection.id(), |it| *it == found[0].connection_id);
    row!(t, "CloudConnection.name", connection.info().await?.name, |it| it == "Faker to SQLite");
    row!(
        t,
        "CloudConnection.workspace",
        client.workspace(connection.info().await?.workspace_id).id(),
        |it| *it == workspace.id()
    );
    row!(t, "CloudConnection.source_id", connection.info().await?.source_id, |it| *it == found[0].source_id);
    row!(
        t,
        "CloudConnection.source",
        client.source(connection.info().await?.source_id).info().await?.name,
        |it| it == "Faker"
    );
    row!(t, "CloudConnection.destination_id", connection.info().await?.destination_id, |it| *it
        == found[0].destination_id);
    row!(
        t,
        "CloudConnection.destination",
        client.destination(connection.info().await?.destination_id).info().await?.destination_type,
        |it| it == "sqlite"
    );
    row!(
        t,
        "CloudConnection.stream_names",
        connection.info().await?.streams.iter().map(|stream| stream.id().to_string()).collect::<Vec<_>>(),
        |it| it.contains(&"users".to_owned()),
        "**Mended**: streams keep their namespaces"
    );
    row!(t, "CloudConnection.table_prefix", connection.info().await?.prefix.unwrap_or_default(), |it| it
        .is_empty());
    row!(
        t,
        "CloudConnection.namespace_definition, CloudConnection.namespace_format",
        connection.info().await?.namespace_definition,
        |it| it.is_some()
    );
    row!(t, "CloudConnection.connection_url", connection.url().await?, |it| it
        .as_ref()
        .unwrap()
        .contains("/connections/"));
    row!(t, "CloudConnection.job_history_url", connection.history_url().await?, |it| it
        .as_ref()
        .unwrap()
        .ends_with("/timeline"));
    row!(t, "CloudConnection.enabled", connection.info().await?.is_enabled(), |it| *it);
    row!(
        t,
        "CloudConnection.check_is_valid",
        connection.preflight(Some(workspace.id())).await?.is_clear(),
        |it| *it,
        "Also whether it is enabled, locked or running; `.into_result()` is an error that says what is in the way"
    );
    row!(
        t,
        "CloudConnection.set_enabled",
        connection.disable().await?.is_enabled(),
        |it| !*it,
        "`enable()`; nothing is sent if nothing changes, and the `diff()` of a preview tells"
    );
    row!(t, "CloudConnection.enabled = True", connection.edit().enabled(true).await?.is_enabled(), |it| *it);
    row!(t, "CloudConnection.rename", connection.rename("shop").await?.name, |it| it == "shop");
    row!(t, "CloudConnection.set_table_prefix", connection.edit().prefix("x_").await?.prefix, |it| it
        .as_deref()
        == Some("x_"));
    row!(
        t,
        "CloudConnection.set_selected_streams",
        connection.edit().streams(["users", "purchases"]).await?.streams.len(),
        |n| *n == 2,
        "**Mended**: kept streams keep sync mode, cursor, key, fields and mappers; `.stream(..)` and `.without_stream(..)` change single ones"
    );
    row!(
        t,
        "CloudConnection.set_schedule",
        connection.edit().schedule(Schedule::cron("0 0 6 * * ?")?).await?.schedule,
        |it| matches!(it, ScheduleInfo::Cron { .. }),
        "Quartz, as the server wants it. **Mended**: five fields are refused with their Quartz form"
    );
    row!(
        t,
        "CloudConnection.set_manual_schedule",
        connection.edit().schedule(Schedule::Manual).await?.schedule,
        |it| *it == ScheduleInfo::Manual
    );
    connection
        .edit()
        .prefix("")
        .stream(StreamSelection::new("purchases").sync_mode(SyncMode::IncrementalAppend))
        .await?;
    let sync = row!(
        t,
        "CloudConnection.run_sync",
        connection.sync().await?,
        |it| !it.attached(),
        "Started exactly once, whatever happens to the request. A running one: `.if_running(IfRunning::Attach)`; waiting is `sync.wait()`"
    );
    sync.wait().await?;
    row!(
        t,
        "CloudConnection.get_sync_result",
        connection.latest_sync().await?.unwrap().job_id(),
        |it| *it == sync.job_id(),
        "**Mended**: the latest job of the type sync. `connection.sync_result(id)` makes sure that the job is the connection's"
    );
    row!(
        t,
        "CloudConnection.get_previous_sync_logs",
        connection.jobs().job_type(JobType::Sync).limit(20).await?.len(),
        |n| *n == 1,
        "Newest first; `.oldest_first()`, `.continue_from(place)`"
    );
    row!(
        t,
        "CloudConnection.cancel_sync",
        connection.cancel_running().await?,
        |it| it.is_none(),
        "`job.cancel()` makes sure that this job is the one that would be stopped"
    );
    row!(
        t,
        "CloudConnection.get_state_artifacts",
        connection.state().await?.streams().len(),
        |n| *n > 0,
        "**Mended**: shared states of change data capture are there, too"
    );
    let state = row!(
        t,
        "CloudConnection.dump_raw_state(normalize=False)",
        connection.state().await?.to_json(),
        |it| it.contains("streamState")
    );
    row!(t, "CloudConnection.dump_raw_state", connection.state().await?.to_messages().len(), |n| *n > 0);
    row!(
        t,
        "CloudConnection.import_raw_state",
        connection.set_state(&state.parse::<ConnectionState>()?).await?.streams().len(),
        |n| *n > 0,
        "**Mended**: replaces the whole state, shared part included. During a sync: an error of its own kind"
    );
    row!(
        t,
        "CloudConnection.set_stream_state",
        connection.set_stream_state("purchases", json!({ "cursor": "2020-01-01" })).await?.streams().len(),
        |n| *n > 0
    );
    row!(
        t,
        "CloudConnection.get_stream_state",
        connection.stream_state("purchases").await?.unwrap().to_value(),
        |it| it["cursor"] == "2020-01-01"
    );
    let catalog = row!(
        t,
        "CloudConnection.get_catalog_artifact, CloudConnection.dump_raw_catalog(normalize=False)",
        connection.catalog().await?.into_json(),
        |it| it["streams"].is_array()
    );
    row!(t, "CloudConnection.dump_raw_catalog", connection.catalog().await?.to_protocol(), |it| {
        it["streams"].is_array()
    });
    row!(
        t,
        "CloudConnection.import_raw_catalog",
        connection.set_catalog(&Catalog::from_json(catalog)?).await?.streams().len(),
        |n| *n == 3
    );
    row!(
        t,
        "AirbyteWorkspaceMismatchError",
        connection
            .preflight(Some("6c3d5d0e-0000-4000-8000-00000000dead".parse()?))
            .await?
            .into_result()
            .unwrap_err()
            .kind(),
        |it| *it == ErrorKind::InvalidInput
    );
    sandbox.shutdown().await;
    Ok(())
}
