//! Reads that take too long are given up, whatever the database is, and then nothing of them runs on there.

use std::time::Duration;

use airbyte_sql_read::{Dataset, Error, ErrorKind, Filter, Format, Query, StreamSpec, Warehouse};
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{Schema, destination};

/// Nothing that is read here comes in less than a minute.
const SHORT: Duration = Duration::from_millis(200);

/// Reads with limits of each kind what never comes: a dataset of a number `column`, and a query.
pub(crate) async fn is_given_up(dataset: &Dataset, query: &Query, column: &str) {
    let folder = tempfile::tempdir().unwrap();
    let check = |way: &str, error: Error| {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{way}: {error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("more time")), "{way}: {error:?}");
    };
    for limited in [dataset.clone().timeout(SHORT), dataset.clone().idle_timeout(SHORT)] {
        check("head", limited.head(1).await.unwrap_err());
        let counted = limited.clone().filter(Filter::at_least(column, 0)).unwrap();
        check("count", counted.count().await.unwrap_err());
        let rows = async { limited.rows::<serde_json::Value>().await?.try_collect::<Vec<_>>().await };
        check("rows", rows.await.unwrap_err());
        check("export", limited.export(folder.path().join("rows.csv"), Format::Csv).await.unwrap_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a part of the file was left");
    }
    for limited in [query.clone().timeout(SHORT), query.clone().idle_timeout(SHORT)] {
        check("query", limited.collect().await.unwrap_err());
    }
}

/// The same of a stream `slow`, and of a statement that reads it.
async fn slow_is_given_up(warehouse: &Warehouse, sql: &str) {
    let dataset = warehouse.dataset(&StreamSpec::new("slow")).await.unwrap();
    is_given_up(&dataset, &warehouse.query(sql).unwrap(), "n").await;
}

/// Waits until something is over.
pub(crate) async fn ends(what: &str, mut is_over: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_over().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} still runs");
}

/// A view of one number that takes a minute.
async fn slow(name: &str) -> Schema {
    let schema = Schema::new(name).await;
    schema.run("create view slow as select length(pg_sleep(60)::text) as n").await;
    schema
}

async fn nothing_runs(schema: &Schema) {
    let name = &schema.name;
    let running = format!(
        "select 1 from pg_stat_activity where state = 'active' and query like '%{name}%slow%' and pid <> pg_backend_pid()"
    );
    ends(name, async || schema.client.query(&running, &[]).await.unwrap().is_empty()).await;
}

#[tokio::test]
async fn postgresql_and_redshift_are_not_waited_for() {
    for kind in ["postgres", "redshift"] {
        let schema = slow(&format!("too_long_{kind}")).await;
        let warehouse = destination(kind, &schema.configuration()).connect().await.unwrap();
        let sql = format!("select n from {}.slow", schema.name);
        slow_is_given_up(&warehouse, &sql).await;
        nothing_runs(&schema).await;
    }
}

#[cfg(feature = "adbc")]
#[tokio::test]
async fn a_driver_is_not_waited_for() {
    let schema = slow("too_long_driver").await;
    let Some(warehouse) = crate::adbc::postgres(&schema).await else { return };
    slow_is_given_up(&warehouse, "select n from too_long_driver.slow").await;
    nothing_runs(&schema).await;
}

#[tokio::test]
async fn a_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.db");
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer
        .execute_batch(
            "create table rows (n integer); insert into rows with recursive s (n) as (select 1 union all select n + 1 from s
             where n < 10000) select n from s; create view slow as select count(*) as n from rows a, rows b, rows c",
        )
        .unwrap();
    writer.busy_timeout(Duration::ZERO).unwrap();
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    slow_is_given_up(&warehouse, "select n from slow").await;
    // As long as somebody reads, nobody commits.
    ends("the read of a file", async || writer.execute("insert into rows values (0)", []).is_ok()).await;
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn duckdb_is_not_waited_for() {
    let made = "create view slow as select sum(a.range * b.range % 7 + c.range)::bigint as n
                from range(100000) a, range(100000) b, range(1000) c";
    let Some(file) = crate::duckdb::File::new(made) else { return };
    let warehouse = destination("duckdb", &json!({"destination_path": file.path})).connect().await.unwrap();
    slow_is_given_up(&warehouse, "select n from slow").await;
    // As long as somebody reads, nobody writes.
    ends("the read of a file", async || crate::duckdb::can_be_written(&file.path)).await;
}
