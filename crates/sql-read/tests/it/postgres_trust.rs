//! What happens to a read while a sync writes, when the server dies, and what the server hears of it.

use std::time::Duration;

use airbyte_sql_read::{ErrorKind, StreamSpec};
use arrow_array::Array;
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{SPARE, SPARE_URL, Schema, destination, shown};

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
async fn a_session_that_falls_silent_between_reads_is_replaced() {
    let _alone = SPARE.lock().await;
    let schema = Schema::on(SPARE_URL, "silence_between").await;
    schema.run("create table few as select 1 as n").await;
    let changes = json!({
        "jdbc_url_params": "socketTimeout=1&ApplicationName=falls_silent", "ssl_mode": {"mode": "prefer"},
    });
    let warehouse = destination("postgres", &schema.configuration_with(&changes)).connect().await.unwrap();
    assert_eq!(warehouse.dataset(&StreamSpec::new("few")).await.unwrap().count().await.unwrap(), 1);
    let kept = "select pid from pg_stat_activity where application_name = 'falls_silent'";
    let pid: i32 = schema.client.query_one(kept, &[]).await.unwrap().get(0);
    as_server(&schema, &format!("kill -STOP {pid}")).await;
    let stream = StreamSpec::new("few");
    let again = tokio::time::timeout(Duration::from_mins(1), warehouse.dataset(&stream)).await;
    as_server(&schema, &format!("kill -CONT {pid}")).await;
    assert_eq!(again.expect("it is waited for without end").unwrap().count().await.unwrap(), 1);
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
