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
