//! What happens to a read while a sync writes, when the server dies, and what the server hears of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use airbyte_sql_read::{Error, ErrorKind, StreamSpec};
use arrow_array::Array;
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{SPARE, SPARE_URL, Schema, destination, shown};

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
    let schema = Schema::new("swapping").await;
    schema.run("create table swapped as select 0 as g, n from generate_series(1, 1000) as n").await;
    let warehouse = schema.destination().connect().await.unwrap();
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
        let rows = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
        let generations: BTreeSet<String> = batches.iter().flat_map(|batch| shown(batch, "g")).collect();
        let [generation] = generations.iter().collect::<Vec<_>>()[..] else {
            panic!("{rows} rows of the generations {generations:?}");
        };
        assert_eq!(rows, 1_000 + generation.parse::<usize>().unwrap(), "generation {generation}");
        Ok(rows)
    };
    let mut whole = 0;
    for _ in 0..READS / 10 {
        for read in futures::future::join_all((0..10).map(|number| read(number % 2 == 0))).await {
            match read {
                Ok(_) => whole += 1,
                Err(error) => {
                    assert!(
                        matches!(error.kind(), ErrorKind::Query | ErrorKind::StreamNotFound),
                        "{error:?}"
                    );
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let changes = writer.await.unwrap();
    assert!(changes > 10, "the writer made {changes} changes only");
    assert!(whole > READS / 2, "{whole} of {READS} reads were whole");
}

/// Runs a command as the server's user.
async fn as_server(schema: &Schema, command: &str) {
    // Whoever does not read what is copied breaks the pipe.
    schema.run(&format!("copy (select) to program 'cat > /dev/null; {command}'")).await;
}

async fn reader(schema: &Schema) -> i32 {
    let reading = "select pid from pg_stat_activity where state = 'active' and query like 'copy (select %'";
    schema.client.query_one(reading, &[]).await.unwrap().get(0)
}

const MANY: &str =
    "create table many as select n, repeat('x', 1000) as filler from generate_series(1, 100000) as n";

#[tokio::test]
async fn a_server_that_crashes_is_an_error_and_never_the_end_of_the_data() {
    let _alone = SPARE.lock().await;
    let schema = Schema::on(SPARE_URL, "crash").await;
    schema.run(MANY).await;
    let mut batches = schema.dataset("many").await.batches().await.unwrap();
    batches.try_next().await.unwrap().unwrap();
    let pid = reader(&schema).await;
    // One that dies takes all sessions with it, this one included.
    let _ = schema.client.batch_execute(&format!("copy (select) to program 'kill -9 {pid}'")).await;
    let error = batches.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error:?}");
    let mut configuration = schema.configuration();
    configuration["ssl_mode"] = json!({"mode": "prefer"});
    for _ in 0..100 {
        if destination("postgres", &configuration).connect().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server has not come back");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_after_the_time_of_the_configuration() {
    let _alone = SPARE.lock().await;
    let schema = Schema::on(SPARE_URL, "silence").await;
    schema.run(MANY).await;
    let changes = json!({"jdbc_url_params": "socketTimeout=1", "ssl_mode": {"mode": "prefer"}});
    let warehouse = destination("postgres", &schema.configuration_with(&changes)).connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("many")).await.unwrap();
    let mut batches = dataset.batches().await.unwrap();
    batches.try_next().await.unwrap().unwrap();
    let pid = reader(&schema).await;
    as_server(&schema, &format!("kill -STOP {pid}")).await;
    let error = batches.try_collect::<Vec<_>>().await.unwrap_err();
    as_server(&schema, &format!("kill -CONT {pid}")).await;
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error:?}");
    assert!(error.to_string().contains("silent"), "{error}");
}

#[tokio::test]
async fn a_cell_that_no_memory_should_have_to_hold_is_refused() {
    let schema = Schema::new("huge").await;
    schema.run("create view huge as select n, case when n = 2 then repeat('x', 300000000) else 'y' end as v from generate_series(1, 3) as n").await;
    let dataset = schema.dataset("huge").await;
    let error = dataset.head(5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value, "{error:?}");
    assert!(error.to_string().contains("286 MB"), "{error}");
    assert_eq!(dataset.columns(["n"]).unwrap().head(5).await.unwrap().num_rows(), 3);
}

#[tokio::test]
async fn batches_are_bounded_by_what_values_take_here_and_not_on_the_wire() {
    let schema = Schema::new("digits").await;
    // Ten bytes on the wire, a hundred thousand digits as text.
    schema.run("create table digits as select n, ('1e' || 100000 + n)::numeric as v from generate_series(1, 500) as n").await;
    let mut batches = schema.dataset("digits").await.batches().await.unwrap();
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await.unwrap() {
        let bytes = batch["v"].get_buffer_memory_size();
        assert!(bytes < 20 * 1024 * 1024, "{bytes} bytes in a batch of {} rows", batch.num_rows());
        rows += batch.num_rows();
    }
    assert_eq!(rows, 500);
}

#[tokio::test]
async fn settings_of_the_configuration_reach_the_server_and_its_own_come_last() {
    let schema = Schema::new("parameters").await;
    schema
        .run(
            "create view settings as select current_setting('statement_timeout') as patience, current_setting('lock_timeout') as lock,
                    current_setting('transaction_read_only') as read_only, current_setting('application_name') as name,
                    current_setting('TimeZone') as zone, pg_sleep(0)::text as slept;
             create view slow as select pg_sleep(20)::text as v",
        )
        .await;
    let connect = async |parameters: &str| {
        let changes = json!({"jdbc_url_params": parameters});
        destination("postgres", &schema.configuration_with(&changes)).connect().await
    };
    let warehouse = connect(
        "options=-c%20statement_timeout%3D700ms%20-c%20lock_timeout%3D3s%20-c%20timezone%3DAsia/Tokyo&ApplicationName=nightly&socketFactory=x",
    )
    .await
    .unwrap();
    assert!(warehouse.warnings()[0].contains("socketFactory"), "{:?}", warehouse.warnings());
    let batch = warehouse.dataset(&StreamSpec::new("settings")).await.unwrap().head(1).await.unwrap();
    for (column, value) in
        [("patience", "700ms"), ("lock", "3s"), ("read_only", "on"), ("name", "nightly"), ("zone", "UTC")]
    {
        assert_eq!(shown(&batch, column), [value], "{column}");
    }
    let error = warehouse.dataset(&StreamSpec::new("slow")).await.unwrap().head(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
    for wrong in ["options=nonsense", "options=-c%20no_such_setting%3D1", "options=-c%20a;b%3D1"] {
        connect(wrong).await.expect_err(wrong);
    }
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_an_error_that_says_so() {
    let schema = Schema::new("held").await;
    schema.run("create table held as select 1 as n").await;
    schema.run("begin; lock table held in access exclusive mode").await;
    let changes = json!({"jdbc_url_params": "options=-c%20lock_timeout%3D200ms"});
    let warehouse = destination("postgres", &schema.configuration_with(&changes)).connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("held")).await.unwrap();
    for error in [dataset.head(1).await.unwrap_err(), dataset.count().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
        assert!(error.hint().unwrap().contains("holds the table"), "{error:?}");
    }
    schema.run("rollback").await;
    assert_eq!(dataset.count().await.unwrap(), 1);
}
