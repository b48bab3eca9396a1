//! `SyncResult`, `SyncAttempt` and `JobStatusEnum`.

use airbyte_cloud::{ErrorKind, JobStatus};
use airbyte_sandbox::Edition;
use airbyte_sql_read::{EnvSecrets, SyncResultExt};
use anyhow::Result;
use std::time::Duration;

use crate::table::{Table, row};

pub(crate) async fn rows(t: &mut Table) -> Result<()> {
    let (sandbox, client) = crate::sandbox(Edition::Enterprise).await;
    let workspace = client.default_workspace()?;
    let connection = client.connection(workspace.connections().await?[0].connection_id);

    t.section("`SyncResult`");
    let sync =
        row!(t, "SyncResult, airbyte.cloud.sync_results", connection.sync().await?, |it| !it.attached());
    row!(
        t,
        "SyncResult.wait_for_completion",
        sync.wait().timeout(Duration::from_mins(30)).await?.status,
        |it| *it == JobStatus::Succeeded,
        "**Mended**: survives failed looks, ends at its deadline, and renews its token. `.cancel_on_timeout()`, `.on_update(..)`; also a stream of updates, live logs among them"
    );
    row!(t, "SyncResult.job_id", sync.job_id(), |it| it.get() > 0);
    row!(t, "SyncResult.connection", sync.connection().id(), |it| *it == connection.id());
    row!(t, "SyncResult.workspace", sync.connection().info().await?.workspace_id, |it| *it == workspace.id());
    row!(t, "SyncResult.job_url", sync.url().await?, |it| it.as_ref().unwrap().contains("/connections/"));
    let job = sync.job();
    row!(t, "SyncResult.get_job_status", job.info().await?.status, |it| *it == JobStatus::Succeeded);
    row!(t, "SyncResult.is_job_complete", job.info().await?.status.is_final(), |it| *it);
    row!(
        t,
        "SyncResult.raise_failure_status",
        job.wait().await.is_ok(),
        |it| *it,
        "A failed or cancelled job is an error that has the reasons: `error.failures()`"
    );
    row!(
        t,
        "SyncResult.bytes_synced",
        job.info().await?.bytes_synced,
        |it| it.unwrap() > 0,
        "`None` where it is not known, not 0"
    );
    row!(t, "SyncResult.records_synced", job.info().await?.records_synced, |it| it.unwrap() > 0);
    row!(
        t,
        "SyncResult.start_time",
        job.info().await?.started_at,
        |it| it.timestamp() > 0,
        "**Mended**: times without seconds are understood"
    );
    row!(
        t,
        "SyncResult.get_attempts",
        job.attempts().await?.len(),
        |n| *n == 1,
        "**Mended**: a fresh look each time, and no logs are loaded for it"
    );

    t.section("The data of a `SyncResult`");
    let secrets = EnvSecrets;
    let destination = row!(
        t,
        "SyncResult.get_sql_cache",
        sync.destination(&secrets).await?,
        |it| it.kind().name() == "sqlite",
        "`airbyte-sql-read`. **Mended**: nothing is created in the warehouse, and masked secrets are never used"
    );
    let warehouse = row!(
        t,
        "SyncResult.get_sql_engine",
        sync.open(&secrets).await?,
        |it| it.kind().name() == "sqlite",
        "Read-only; `warehouse.query(\"select ...\")?` refuses what is no read before it is sent"
    );
    assert!(warehouse.query("drop table users").is_err());
    let datasets = sync.datasets(&secrets).await?;
    assert_eq!(datasets.streams().len(), 3);
    row!(
        t,
        "SyncResult.stream_names",
        datasets.streams().iter().map(|stream| stream.name().to_owned()).collect::<Vec<_>>(),
        |it| it.contains(&"users".to_owned())
    );
    row!(t, "SyncResult.streams", datasets.locate().await?.len(), |n| *n == 3);
    let dataset = row!(t, "SyncResult.get_dataset", datasets.dataset("users", None).await?, |it| it
        .table_name()
        .contains("users"));
    row!(
        t,
        "SyncResult.get_sql_table_name, SyncResult.table_name_prefix, SyncResult.table_name_suffix",
        dataset.table_name(),
        |it| it.contains("users"),
        "**Mended**: the connector's own rules, with prefix and namespace, looked up in the database's catalogue"
    );
    row!(
        t,
        "SyncResult.get_sql_schema_name",
        dataset.schema_name(),
        |it| it.is_empty(),
        "SQLite, which this row ran on, has none"
    );
    row!(t, "SyncResult.get_sql_database_name", destination.database_name(), |it| it.is_some());
    row!(t, "SyncResult.get_sql_table", dataset.schema().fields().len(), |n| *n > 1, "An Arrow schema");
    row!(
        t,
        "CachedDataset.to_arrow",
        dataset.head(5).await?.num_rows(),
        |n| *n == 5,
        "`batches()` streams all of it with bounded memory; filters hold everywhere"
    );
    row!(t, "CachedDataset.__len__", dataset.count().await?, |n| *n > 0);

    t.section("`SyncAttempt`");
    let attempts = job.attempts().await?;
    let attempt = &attempts[0];
    row!(t, "SyncAttempt.attempt_number, SyncAttempt.attempt_id", attempt.number(), |it| *it == 0);
    row!(t, "SyncAttempt.status", attempt.info().status.as_str(), |it| *it == "succeeded");
    row!(t, "SyncAttempt.bytes_synced", attempt.info().bytes_synced, |it| it.unwrap() > 0);
    row!(t, "SyncAttempt.records_synced", attempt.info().records_synced, |it| it.unwrap() > 0);
    row!(t, "SyncAttempt.created_at", attempt.info().started_at, |it| it.is_some());
    row!(
        t,
        "SyncAttempt.get_full_log_text",
        attempt.logs().await?.len(),
        |n| *n > 0,
        "Lines with time, level and source; `.tail(100)`"
    );

    t.section("`JobStatusEnum`");
    row!(
        t,
        "JobStatusEnum",
        JobStatus::from("a new word"),
        |it| *it == JobStatus::Unknown("a new word".into()),
        "A word that is not known ends no wait"
    );
    row!(t, "JobStatusEnum.PENDING", JobStatus::Pending.as_str(), |it| *it == "pending");
    row!(t, "(missing) queued", JobStatus::Queued.is_final(), |it| !*it, "Waits for capacity");
    row!(t, "JobStatusEnum.RUNNING", JobStatus::Running.as_str(), |it| *it == "running");
    row!(
        t,
        "JobStatusEnum.INCOMPLETE",
        JobStatus::Incomplete.is_final(),
        |it| !*it,
        "Another attempt may follow"
    );
    row!(t, "JobStatusEnum.SUCCEEDED", JobStatus::Succeeded.is_success(), |it| *it);
    row!(t, "JobStatusEnum.FAILED", JobStatus::Failed.is_final(), |it| *it);
    row!(
        t,
        "JobStatusEnum.CANCELLED",
        JobStatus::Cancelled.is_final(),
        |it| *it,
        "Told apart from a failure: `ErrorKind::JobCancelled`"
    );
    row!(
        t,
        "AirbyteConnectionSyncTimeoutError",
        ErrorKind::Timeout.as_str(),
        |it| *it == "timeout",
        "Has the job's id, to wait on later"
    );
    sandbox.shutdown().await;
    Ok(())
}
