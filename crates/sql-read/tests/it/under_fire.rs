//! Reads while something happens to what is read: an error, or all rows of one state. Which test sees to what:
//!
//! | | server killed, connection cut | table swapped, emptied, altered before the rows come | table dropped or altered in mid-read | a sync writes |
//! |---|---|---|---|---|
//! | PostgreSQL | `postgres_trust::a_server_that_crashes…`, `…falls_silent…`, `postgres::a_killed_session…`, `cargo xtask chaos` | `each_of_a_hundred_reads…` | `whoever_changes_a_table_waits…` | `each_of_a_hundred_reads…`, `postgres::a_read_sees_one_snapshot`, `splits::parts_hold_no_secret` |
//! | Redshift (on a PostgreSQL) | `redshift::…a_killed_session…`, `cargo xtask chaos` | `each_of_a_hundred_reads…` | `whoever_changes_a_table_waits…` | `each_of_a_hundred_reads…` |
//! | SQLite | a file is cut: `a_file_that_is_damaged…`, deleted: `a_file_that_is_deleted…` | `what_is_gone_before_the_rows_come…` | `a_sync_that_replaces…`, `a_writer_without_a_log…` | the same two |
//! | DuckDB | a file of another process: `duckdb::a_file_that_is_being_written…` | nobody can: a reader locks the file | the same | the same |
//! | Snowflake (emulator, double) | `snowflake::failures::a_part_that_stays_cut…`, `…breaks_or_is_cut…` | `what_is_gone_before_the_rows_come…` | `a_result_outlives_its_table` | the same |
//! | BigQuery (emulator) | `bigquery_reads::rows_behind_a_cut_connection…`, `…breaks_for_ever…` | `bigquery::what_is_not_there…` | a session has its own state, which the emulator cannot show | the same |

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use airbyte_sql_read::{Batches, Error, ErrorKind, StreamSpec};
use arrow_array::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Schema, destination, shown};

/// Reads of each kind of server in which something may happen.
const READS: usize = 100;

/// What a writer does over and over; `$` is a number that grows. Every state has `1000 + g` rows of generation `g`.
const CHANGES: [&str; 4] = [
    // The connector's swap.
    "begin; create table fresh as select $::int as g, n from generate_series(1, 1000 + $) as n; drop table swapped;
     alter table fresh rename to swapped; commit",
    "begin; truncate swapped; insert into swapped select $, n from generate_series(1, 1000 + $) as n; commit",
    "alter table swapped add column more text default 'x'",
    "begin; delete from swapped; insert into swapped (g, n) select $, n from generate_series(1, 1000 + $) as n; commit",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_hundred_reads_is_one_of_the_states_that_existed_while_a_sync_writes() {
    for kind in ["postgres", "redshift"] {
        reads_while_a_sync_writes(kind).await;
    }
}

async fn reads_while_a_sync_writes(kind: &str) {
    let schema = Schema::new(&format!("swapping_{kind}")).await;
    schema.run("create table swapped as select 0 as g, n from generate_series(1, 1000) as n").await;
    let warehouse = destination(kind, &schema.configuration()).connect().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = tokio::spawn(async move {
        let mut changes = 0;
        while !stopped.load(Ordering::Relaxed) {
            let change = CHANGES[changes % CHANGES.len()].replace('$', &changes.to_string());
            schema.run(&change).await;
            changes += 1;
        }
        changes
    });
    let read = async |again: bool| -> Result<usize, Error> {
        let dataset = warehouse.dataset(&StreamSpec::new("swapped")).await?;
        if again {
            // The table that was found may be another one by now.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let batches: Vec<_> = dataset.columns(["g", "n"])?.batches().await?.try_collect().await?;
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let generations: BTreeSet<String> = batches.iter().flat_map(|batch| shown(batch, "g")).collect();
        let [generation] = generations.iter().collect::<Vec<_>>()[..] else {
            panic!("{kind}: {rows} rows of the generations {generations:?}");
        };
        assert_eq!(rows, 1_000 + generation.parse::<usize>().unwrap(), "{kind}: generation {generation}");
        Ok(rows)
    };
    let mut whole = 0;
    for _ in 0..READS / 10 {
        for read in futures::future::join_all((0..10).map(|number| read(number % 2 == 0))).await {
            match read {
                Ok(_) => whole += 1,
                Err(error) => {
                    let told = matches!(error.kind(), ErrorKind::Query | ErrorKind::StreamNotFound);
                    assert!(told, "{kind}: {error:?}");
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let changes = writer.await.unwrap();
    assert!(changes > 10, "the writer made {changes} changes only");
    assert!(whole > READS / 2, "{kind}: {whole} of {READS} reads were whole");
}

/// Takes the rest of a read: how many rows came, with those before.
async fn all(first: &RecordBatch, rest: Batches) -> Result<usize, Error> {
    let rest: Vec<RecordBatch> = rest.try_collect().await?;
    Ok(first.num_rows() + rest.iter().map(RecordBatch::num_rows).sum::<usize>())
}

#[tokio::test]
async fn whoever_changes_a_table_waits_until_it_has_been_read() {
    const ROWS: usize = 60_000;
    for kind in ["postgres", "redshift"] {
        for change in [
            "drop table t",
            "truncate t",
            "alter table t drop column filler",
            "alter table t alter n type text",
        ] {
            let schema = Schema::new("changed_in_mid_read").await;
            schema
                .run(&format!(
                    "create table t as select n, repeat('x', 500) as filler from generate_series(1, {ROWS}) as n"
                ))
                .await;
            let warehouse = destination(kind, &schema.configuration()).connect().await.unwrap();
            let dataset = warehouse.dataset(&StreamSpec::new("t")).await.unwrap().batch_rows(100);
            let mut batches = dataset.batches().await.unwrap();
            let first = batches.try_next().await.unwrap().unwrap();
            let (changed, rows) = tokio::join!(schema.run(change), all(&first, batches));
            let () = changed;
            assert_eq!(rows.unwrap(), ROWS, "{kind}: {change}");
            // Who opened the table before it changed is told, and not given something else.
            if change != "truncate t" {
                let error = match dataset.batches().await {
                    Ok(batches) => batches.try_collect::<Vec<_>>().await.unwrap_err(),
                    Err(error) => error,
                };
                let told = matches!(error.kind(), ErrorKind::Query | ErrorKind::StreamNotFound);
                assert!(told, "{kind}: {change}: {error:?}");
            }
        }
    }
}

const SQLITE_ROWS: usize = 20_000;

/// A SQLite file with a table of some megabytes, and the connection that made it.
fn file(journal: &str) -> (TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("out.db")).unwrap();
    connection
        .execute_batch(&format!(
            "pragma journal_mode = {journal}; create table t (n integer, filler text);
             with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {SQLITE_ROWS})
             insert into t select n, hex(zeroblob(200)) from numbers"
        ))
        .unwrap();
    (folder, connection)
}

async fn open(folder: &TempDir) -> airbyte_sql_read::Dataset {
    let configuration = json!({"destination_path": folder.path().join("out.db")});
    let warehouse = destination("sqlite", &configuration).connect().await.unwrap();
    warehouse.dataset(&StreamSpec::new("t")).await.unwrap().batch_rows(50)
}

#[tokio::test]
async fn a_sync_that_replaces_drops_or_alters_a_table_of_a_file_is_not_seen_by_a_read_that_runs() {
    for change in [
        "begin; create table fresh (n integer, filler text); insert into fresh values (1, 'x'); drop table t;
         alter table fresh rename to t; commit",
        "drop table t",
        "alter table t add column more text default 'x'",
        "alter table t drop column filler",
        "delete from t",
        "insert into t select n, filler from t",
    ] {
        let (folder, writer) = file("wal");
        let mut batches = open(&folder).await.batches().await.unwrap();
        let first = batches.try_next().await.unwrap().unwrap();
        writer.execute_batch(change).unwrap();
        assert_eq!(all(&first, batches).await.unwrap(), SQLITE_ROWS, "{change}");
    }
}

#[tokio::test]
async fn a_writer_without_a_log_waits_for_the_read() {
    let (folder, writer) = file("delete");
    let mut batches = open(&folder).await.batches().await.unwrap();
    let first = batches.try_next().await.unwrap().unwrap();
    let refused = writer.execute_batch("delete from t").unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    assert_eq!(all(&first, batches).await.unwrap(), SQLITE_ROWS);
    writer.execute_batch("delete from t").unwrap();
    assert_eq!(open(&folder).await.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_that_is_deleted_in_mid_read_is_read_to_its_end() {
    let (folder, writer) = file("delete");
    drop(writer);
    let mut batches = open(&folder).await.batches().await.unwrap();
    let first = batches.try_next().await.unwrap().unwrap();
    std::fs::remove_file(folder.path().join("out.db")).unwrap();
    assert_eq!(all(&first, batches).await.unwrap(), SQLITE_ROWS);
}

#[tokio::test]
async fn a_file_that_is_damaged_in_mid_read_is_an_error() {
    for cut in [true, false] {
        let (folder, writer) = file("delete");
        drop(writer);
        let mut batches = open(&folder).await.batches().await.unwrap();
        let first = batches.try_next().await.unwrap().unwrap();
        let path = folder.path().join("out.db");
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length > 4_000_000, "{length}");
        if cut {
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
        } else {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[usize::try_from(length / 2).unwrap()..].fill(0xa5);
            std::fs::write(&path, bytes).unwrap();
        }
        let error = all(&first, batches).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Query | ErrorKind::Io | ErrorKind::Value), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_gone_before_the_rows_come_is_an_error() {
    let (folder, writer) = file("wal");
    let dataset = open(&folder).await;
    for change in ["alter table t drop column filler", "drop table t"] {
        writer.execute_batch(change).unwrap();
        let error = match dataset.batches().await {
            Ok(mut batches) => batches.next().await.unwrap().unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error.kind(), ErrorKind::Query | ErrorKind::StreamNotFound), "{change}: {error:?}");
    }
}

#[cfg(feature = "snowflake")]
mod snowflake {
    use super::{ErrorKind, StreamExt, all};
    use crate::snowflake::{Lake, in_parts};
    use futures::TryStreamExt;

    #[tokio::test]
    async fn a_result_outlives_its_table() {
        let Some(lake) = Lake::new("outlives", in_parts()).await else { return };
        lake.numbers(9_010).await;
        let dataset = lake.dataset("numbers").await.batch_rows(10);
        let mut batches = dataset.batches().await.unwrap();
        let first = batches.try_next().await.unwrap().unwrap();
        lake.write(r#"drop table "PUBLIC"."NUMBERS""#).await;
        assert_eq!(all(&first, batches).await.unwrap(), 9_010);
        // Whoever comes later is told.
        let error = match dataset.batches().await {
            Ok(mut batches) => batches.next().await.unwrap().unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error.kind(), ErrorKind::Query | ErrorKind::StreamNotFound), "{error:?}");
    }
}
