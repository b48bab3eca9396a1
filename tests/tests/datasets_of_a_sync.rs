//! From a sync to the rows it has left: the destination, its database, and whether the rows are whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use airbyte_cloud::{Client, SecretString};
use airbyte_sandbox::{Sandbox, Seed};
use airbyte_sql_read::{ConnectionExt, EnvSecrets, Freshness, SyncResultExt};

/// A local Airbyte whose jobs take no time, and a client of it.
async fn sandbox() -> (Sandbox, Client) {
    let sandbox = Sandbox::builder().seed(Seed::Demo).time_scale(0.05).start().await.unwrap();
    let ready = sandbox.ready();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap();
    (sandbox, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_sync_that_runs_or_has_failed_are_told_from_whole_ones() {
    let (sandbox, client) = sandbox().await;
    let workspace = client.default_workspace().unwrap();
    let connection = client.connection(workspace.connections().await.unwrap()[0].connection_id);
    let sync = connection.sync().await.unwrap();
    sync.wait().await.unwrap();
    let datasets = sync.datasets(&EnvSecrets).await.unwrap();
    assert_eq!(datasets.freshness("users", None).await.unwrap(), Freshness::Complete);
    let rows = sync.dataset("users", &EnvSecrets).await.unwrap().count().await.unwrap();
    assert_eq!(datasets.datasets().await.unwrap().len(), datasets.streams().len());

    // A statement over the table by its whole name gives the same.
    let table = datasets.dataset("users", None).await.unwrap().sql_table_name();
    let warehouse = sync.open(&EnvSecrets).await.unwrap();
    let counted =
        warehouse.query(&format!("select count(*) as n from {table}")).unwrap().collect().await.unwrap();
    let text = arrow_cast::display::array_value_to_string(&counted["n"], 0).unwrap();
    assert_eq!(text, rows.to_string());

    sandbox.add_fault("slow-job=60s,times=1".parse().unwrap()).unwrap();
    let running = connection.sync().await.unwrap();
    assert_eq!(datasets.freshness("users", None).await.unwrap(), Freshness::InProgress);
    running.job().cancel().await.unwrap();

    sandbox.add_fault("fail-job".parse().unwrap()).unwrap();
    let failed = connection.sync().await.unwrap();
    assert!(failed.wait().await.is_err());
    assert_eq!(datasets.freshness("users", None).await.unwrap(), Freshness::Partial);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_tell_about_older_settings_is_a_warning() {
    let (_sandbox, client) = sandbox().await;
    let workspace = client.default_workspace().unwrap();
    let connection = client.connection(workspace.connections().await.unwrap()[0].connection_id);
    let sync = connection.sync().await.unwrap();
    sync.wait().await.unwrap();
    let of_then = sync.datasets(&EnvSecrets).await.unwrap();
    assert!(of_then.warnings().iter().any(|warning| warning.contains("since the job began")), "{of_then:?}");
    let of_now = connection.datasets(&EnvSecrets).await.unwrap();
    assert_eq!(of_now.warnings(), Vec::<String>::new());
    assert!(connection.dataset("users", &EnvSecrets).await.unwrap().count().await.unwrap() > 0);
}
