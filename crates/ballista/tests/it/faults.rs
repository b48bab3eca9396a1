//! What breaks in mid-query ends in the right answer or in an error.

use std::sync::Arc;
use std::time::Duration;

use airbyte_datafusion::AirbyteCatalog;
use datafusion::error::DataFusionError;
use futures::StreamExt;

use crate::cluster::{Cluster, lines, shown};
use crate::database::Database;

/// Rows enough that there is a middle to break in, and a view that hands them out slowly.
const SLOW: &str = "
    create table facts (id bigint primary key, value bigint, filler text);
    insert into facts select i, i % 97, repeat('x', 200) from generate_series(1, 300000) as i;
    create function slowly(bigint) returns bigint language plpgsql volatile as
        $$ begin if $1 % 600 = 0 then perform pg_sleep(0.02); end if; return $1; end $$;
    create view slow as select slowly(id) as id, value from facts;
    analyze facts";

/// Distinct numbers are counted here and not in the warehouse, so that all rows are read, in parts by all executors; and one that
/// came twice would show.
const QUERY: &str = "select value, count(*) as rows, count(distinct id) as ids, sum(id) as total
    from facts group by value order by value";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_is_killed_costs_no_row_and_doubles_none() {
    let database = Database::new("killed", SLOW).await;
    let expected = database.lines(QUERY).await;
    let mut cluster = Cluster::start(&database, 2);
    let context = cluster.session(&database).await;
    let mut answered = 0;
    for round in 0..4_u64 {
        let query = tokio::spawn({
            let context = context.clone();
            async move { context.sql(QUERY).await?.collect().await }
        });
        // At another moment of the query in each round.
        tokio::time::sleep(Duration::from_millis(150 * round)).await;
        cluster.executors.remove(0).kill();
        // Work goes to those that are there; a new one comes as an orchestrator would start it.
        cluster.add_executor();
        // An error is an answer as well, a short or a doubled table is none.
        if let Ok(rows) = query.await.unwrap() {
            assert_eq!(shown(&rows), expected, "round {round}");
            answered += 1;
        }
        // The cluster goes on.
        assert_eq!(again(&context).await, expected, "after round {round}");
    }
    assert!(answered > 0, "no query has outlived an executor");
}

/// The answer, once the cluster has noticed who is gone.
async fn again(context: &datafusion::prelude::SessionContext) -> Vec<String> {
    for _ in 0..20 {
        let rows = async { context.sql(QUERY).await?.collect().await };
        match tokio::time::timeout(Duration::from_secs(30), rows).await {
            Ok(Ok(rows)) => return shown(&rows),
            Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
    panic!("the cluster does not come back");
}

/// The database ends one of several readers in mid-read: its part is read again from the same snapshot, or the query fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_the_database_drops_is_replaced_or_an_error() {
    let database = Database::new("dropped", SLOW).await;
    let expected = database.lines(QUERY).await;
    let cluster = Cluster::start(&database, 2);
    let context = cluster.session(&database).await;
    let mut dropped = 0;
    for _ in 0..10 {
        let query = tokio::spawn({
            let context = context.clone();
            async move { context.sql(QUERY).await?.collect().await }
        });
        while !query.is_finished() {
            let ended = database
                .client
                .query(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where query ilike 'copy%ballista_dropped%' and state = 'active' and pid <> pg_backend_pid() limit 1",
                    &[],
                )
                .await
                .unwrap();
            if !ended.is_empty() {
                dropped += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if let Ok(rows) = query.await.unwrap() {
            assert_eq!(shown(&rows), expected);
        }
    }
    assert!(dropped > 0, "no reader was met");
    assert_eq!(again(&context).await, expected);
}

/// Whoever asked holds the snapshot. A client that is gone takes it along, and with it the query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_let_go_lets_its_snapshot_go() {
    let database = Database::new("let_go", SLOW).await;
    let cluster = Cluster::start(&database, 1);
    let context = cluster.session(&database).await;
    // Of a view that has to be said.
    let catalog = AirbyteCatalog::of_destination(&database.warehouse().await, &[]).await.unwrap();
    context.register_catalog("airbyte", Arc::new(catalog.known_as("pg").unchanging()));
    let holding = "select count(*) from pg_stat_activity
        where backend_xmin is not null and state = 'idle in transaction' and query ilike '%ballista_let_go%'";
    let held = async || database.lines(holding).await[0].clone();
    let mut rows = context.sql("select * from slow").await.unwrap().execute_stream().await.unwrap();
    assert!(matches!(rows.next().await, Some(Ok::<_, DataFusionError>(_))));
    drop(rows);
    for _ in 0..200 {
        if held().await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} transactions stay open", held().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_executors_do_not_know_is_an_error_that_names_it() {
    let database = Database::new("unknown", "create table users as select 1::bigint as id").await;
    let cluster = Cluster::start(&database, 1);
    let context = cluster.session_as(&database, "elsewhere").await;
    let error = context.sql("select id from users").await.unwrap().collect().await.unwrap_err().to_string();
    assert!(error.contains("`elsewhere`"), "{error}");
    // Nobody is harmed by it.
    assert_eq!(lines(&cluster.session(&database).await, "select id from users").await, ["1"]);
}
