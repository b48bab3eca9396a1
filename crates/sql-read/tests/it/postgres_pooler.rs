//! A pooler that lends out server sessions for single transactions and refuses settings when a session begins.

use airbyte_sql_read::StreamSpec;
use futures::TryStreamExt;

use crate::support::Schema;

const POOLER_URL: &str = "AIRBYTE_TEST_POOLER_URL";

#[tokio::test]
async fn reads_go_through_a_pooler_and_leave_nothing_in_its_sessions() {
    if std::env::var_os("AIRBYTE_TEST_SKIP_POOLER").is_some() {
        return;
    }
    let schema = Schema::on(POOLER_URL, "pooled").await;
    schema
        .run(
            "begin; set local search_path = pooled;
             create table rows as select n, repeat('x', 100) as filler from generate_series(1, 20000) as n; commit",
        )
        .await;
    let warehouse = schema.destination().connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    // More at once than the pooler has sessions.
    let reads = (0..8).map(|_| async {
        let batches: Vec<_> = dataset.batches().await.unwrap().try_collect().await.unwrap();
        (
            batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(),
            dataset.count().await.unwrap(),
        )
    });
    assert_eq!(futures::future::join_all(reads).await, [(20_000, 20_000); 8]);
    drop(dataset.batches().await.unwrap());
    for _ in 0..8 {
        let row = &schema
            .client
            .simple_query(
                "select (select count(*) from pg_prepared_statements), current_setting('lock_timeout'),
                        current_setting('default_transaction_read_only'), current_setting('search_path')",
            )
            .await
            .unwrap()[1];
        let tokio_postgres::SimpleQueryMessage::Row(row) = row else { panic!("no row") };
        let found: Vec<_> = (0..4).map(|index| row.get(index).unwrap_or_default()).collect();
        assert_eq!(found[..3], ["0", "0", "off"]);
        assert!(!found[3].contains("pooled,"), "{found:?}");
    }
}

/// `PgBouncer` 1.18 crashes when whoever asks it to cancel something hangs up before that was passed on.
#[tokio::test]
async fn a_pooler_outlives_reads_that_nobody_wants() {
    if std::env::var_os("AIRBYTE_TEST_SKIP_POOLER").is_some() {
        return;
    }
    let schema = Schema::on(POOLER_URL, "unwanted").await;
    schema
        .run(
            "begin; set local search_path = unwanted;
             create table rows as select n, repeat('x', 100) as filler from generate_series(1, 200000) as n; commit",
        )
        .await;
    let dataset = schema.dataset("rows").await;
    for _ in 0..6 {
        // More at once than the pooler has sessions, so that requests wait for each other.
        let unwanted = (0..8).map(|_| async {
            let mut batches = dataset.batches().await.expect("the pooler lives");
            batches.try_next().await.expect("the pooler lives");
        });
        futures::future::join_all(unwanted).await;
    }
    assert_eq!(dataset.count().await.expect("the pooler lives"), 200_000);
    schema.run("select 1").await;
}
