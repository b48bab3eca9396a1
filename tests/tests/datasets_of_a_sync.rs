//! From a sync to the rows it has left: the destination, its database, and whether the rows are whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use airbyte_cloud::{Client, SecretString};
use airbyte_sandbox::{Sandbox, SandboxBuilder, Seed};
use airbyte_sql_read::{ConnectionExt, Destination, EnvSecrets, Format, Freshness, SyncResultExt};
use arrow_cast::display::array_value_to_string;
use futures::TryStreamExt;

/// A local Airbyte whose jobs take no time, and a client of it.
async fn sandbox() -> (Sandbox, Client) {
    started(Sandbox::builder()).await
}

async fn started(sandbox: SandboxBuilder) -> (Sandbox, Client) {
    let sandbox = sandbox.seed(Seed::Demo).time_scale(0.05).start().await.unwrap();
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
    let text = array_value_to_string(&counted["n"], 0).unwrap();
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

const POSTGRES_URL: &str = "AIRBYTE_TEST_POSTGRES_URL";

/// What a statement answers in its first cell.
async fn asked(server: &Destination, sql: &str) -> String {
    let answer = server.connect().await.unwrap().query(sql).unwrap().collect().await.unwrap();
    array_value_to_string(answer.column(0), 0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_reads_reaches_a_server_by_the_ways_of_a_connection_and_of_a_sync() {
    let url = std::env::var(POSTGRES_URL)
        .unwrap_or_else(|_| panic!("{POSTGRES_URL} is not set: run the tests with `cargo xtask test`"));
    // Who comes by way of Airbyte is told from all others by a name of his own, and the server writes down what he says.
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let forgotten = "do $$ begin if exists (select from pg_roles where rolname = 'auditor_of_syncs') then
                     drop owned by auditor_of_syncs cascade; drop role auditor_of_syncs; end if; end $$";
    client.batch_execute(forgotten).await.unwrap();
    client
        .batch_execute(
            "create role auditor_of_syncs login superuser password 'p';
             alter role auditor_of_syncs set log_statement = 'all'",
        )
        .await
        .unwrap();
    let (_, place) = url.split_once('@').unwrap();
    let (_sandbox, client_of) =
        started(Sandbox::builder().postgres(format!("postgres://auditor_of_syncs:p@{place}"))).await;
    let workspace = client_of.default_workspace().unwrap();
    let connections = workspace.connections().await.unwrap();
    let connection = connections.iter().find(|one| one.name.contains("PostgreSQL")).unwrap();
    let connection = client_of.connection(connection.connection_id);
    let sync = connection.sync().await.unwrap();
    sync.wait().await.unwrap();

    let log = "current_setting('data_directory') || '/../server.log'";
    let length = format!("select size from pg_stat_file({log})");
    let since: i64 = client.query_one(length.as_str(), &[]).await.unwrap().get(0);
    let secrets =
        std::collections::HashMap::from([("password".to_owned(), SecretString::from("p".to_owned()))]);
    let of_sync = sync.datasets(&secrets).await.unwrap();
    let of_connection = connection.datasets(&secrets).await.unwrap();
    for datasets in [&of_sync, &of_connection] {
        assert_eq!(datasets.locate().await.unwrap().len(), 3);
        assert_eq!(datasets.datasets().await.unwrap().len(), 3);
        assert_eq!(datasets.freshness("users", None).await.unwrap(), Freshness::Complete);
    }
    let folder = tempfile::tempdir().unwrap();
    for users in [
        sync.dataset("users", &secrets).await.unwrap(),
        connection.dataset("users", &secrets).await.unwrap(),
        of_sync.dataset("users", None).await.unwrap(),
    ] {
        let rows = users.count().await.unwrap();
        assert!(rows > 0);
        assert_eq!(users.export(folder.path().join("u.parquet"), Format::Parquet).await.unwrap().rows, rows);
        let parts: Vec<_> = users.read_parallel(2).await.unwrap().try_collect().await.unwrap();
        assert_eq!(parts.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), rows);
        let documents: Vec<_> = users.documents().stream().await.unwrap().try_collect().await.unwrap();
        assert_eq!(documents.len() as u64, rows);
    }
    for warehouse in [sync.open(&secrets).await.unwrap(), connection.open(&secrets).await.unwrap()] {
        warehouse.query("select 1 as one").unwrap().collect().await.unwrap();
    }
    asked(&ConnectionExt::destination(&connection, &secrets).await.unwrap(), "select 1").await;
    asked(&SyncResultExt::destination(&sync, &secrets).await.unwrap(), "select 1").await;

    let read = format!("select pg_read_file({log}, $1, 100000000)");
    let log: String = client.query_one(read.as_str(), &[&since]).await.unwrap().get(0);
    let heard: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("LOG:  ")?.1.split_once(": "))
        .filter(|(kind, _)| *kind == "statement" || kind.starts_with("execute"))
        .map(|(_, statement)| statement.trim())
        .collect();
    assert!(heard.len() > 50, "{heard:?}");
    let reads =
        ["begin isolation level", "select ", "with recursive ", "copy (select ", "lock table ", "commit"];
    // The plan of a read in parts sees to its own session, and its parts take over its snapshot.
    let is_setting = |statement: &str| {
        statement.starts_with("set transaction snapshot ")
            || statement.starts_with("set local idle_in_transaction_session_timeout ")
    };
    for statement in heard {
        let is_read = reads.iter().any(|begin| statement.starts_with(begin));
        assert!(is_read || is_setting(statement), "{statement}");
        assert!(!statement.to_lowercase().contains("into "), "{statement}");
    }
    drop((of_sync, of_connection));
    client.batch_execute(forgotten).await.unwrap();
}
