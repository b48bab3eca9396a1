//! What a table does of a query, and what is left to DataFusion.

use std::error::Error as _;
use std::time::{Duration, Instant};

use airbyte_datafusion::{AirbyteScan, AirbyteTable, reader_error};
use airbyte_sql_read::{Error, ErrorKind, Filter, Order};
use datafusion::common::stats::Precision;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::prelude::SessionContext;
use futures::StreamExt;

use crate::support::{File, Schema, dataset, lines, plan, session_with, table};

const USERS: &str = "create table users (id integer, name text, age integer, score real);
    insert into users
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
    select i, 'user ' || i, case when i % 10 = 0 then null else i % 90 end, i / 4.0 from n";

const PEOPLE: &str = "create table people (id bigint, name text, age int, day date);
    insert into people select i, 'user ' || i, nullif(i % 90, 0), date '2026-01-01' + i % 300
    from generate_series(1, 200000) as i;
    analyze people";

#[tokio::test]
async fn a_file_answers_queries() {
    let file = File::new(USERS);
    let warehouse = file.warehouse().await;
    let context = session_with(table(&warehouse, "users").await);
    assert_eq!(lines(&context, "select count(*) from t").await, ["10000"]);
    assert_eq!(lines(&context, "select count(*) from t where age > 50 and id <= 100").await, ["36"]);
    assert_eq!(
        lines(&context, "select name, score from t where id = 3").await,
        ["user 3|0.75"],
        "columns that are filtered by need not be wanted"
    );
    assert_eq!(
        lines(&context, "select a.id from t a join t b on a.id = b.id + 1 where b.id in (1, 7) order by 1")
            .await,
        ["2", "8"]
    );
    assert_eq!(lines(&context, "select sum(score) from t").await, ["12501250.0"]);
    assert_eq!(
        lines(&context, "select max(id), count(age) from t where name like 'user 1%'").await,
        ["10000|1000"]
    );
}

#[tokio::test]
async fn what_the_warehouse_can_do_it_is_asked_for() {
    let schema = Schema::new("asked_for").await;
    schema.run(PEOPLE).await;
    let context = session_with(table(&schema.warehouse().await, "people").await);

    let shown = plan(&context, "select name from t where id < 10 and upper(name) = 'USER 3'").await;
    assert!(shown.contains("full_filters=[t.id < Int64(10)]"), "{shown}");
    assert!(
        shown.contains("AirbyteScan: table=datafusion_asked_for.people, columns=[name], parts=4"),
        "{shown}"
    );
    assert!(shown.contains("FilterExec: upper(name"), "what is not asked for stays: {shown}");

    let shown = plan(&context, "select id from t where name = 'user 3'").await;
    assert!(shown.contains("partial_filters=[t.name = Utf8(\"user 3\")]"), "{shown}");
    assert!(shown.contains("FilterExec: name"), "{shown}");

    let shown = plan(&context, "select id from t where name < 'user 3'").await;
    assert!(!shown.contains("full_filters") && !shown.contains("partial_filters"), "{shown}");

    let shown = plan(&context, "select id from t where day >= date '2026-10-01' limit 7").await;
    assert!(shown.contains("parts=1") && shown.contains("fetch=7"), "{shown}");
    assert_eq!(lines(&context, "select id from t where day >= date '2026-10-01' limit 7").await.len(), 7);

    // Counted where the rows are.
    let shown = plan(&context, "select count(*) from t where id <= 150000").await;
    assert!(shown.contains("150000") && !shown.contains("AirbyteScan"), "{shown}");
    assert_eq!(lines(&context, "select count(*) from t where id <= 150000").await, ["150000"]);
    assert_eq!(lines(&context, "select 1 from t where id <= 20000 limit 12345").await.len(), 12_345);
    assert_eq!(
        lines(&context, "select a.x, count(*) from (select 5 as x from t where id < 9) a group by 1").await,
        ["5|8"]
    );
}

#[tokio::test]
async fn a_table_is_read_in_as_many_parts_as_the_session_wants() {
    let schema = Schema::new("parts").await;
    schema.run(PEOPLE).await;
    schema.run("create table few as select * from people where id < 100; analyze few").await;
    let warehouse = schema.warehouse().await;
    let people = table(&warehouse, "people").await;
    for (table, parts) in [
        (people.clone(), 4),
        (people.clone().parts(7), 7),
        (table(&warehouse, "few").await, 1),
        (
            AirbyteTable::new(
                &warehouse,
                dataset(&warehouse, "people").await.order_by("id", Order::Descending).unwrap(),
            ),
            1,
        ),
    ] {
        let context = session_with(table);
        let scan = scan_of(&context, "select id from t").await;
        assert_eq!(scan.properties().partitioning.partition_count(), parts);
        let sums = lines(&context, "select count(id), sum(id) from t").await;
        assert_eq!(
            sums,
            [if parts == 1 && scan_rows(&scan) < 1000 { "99|4950" } else { "200000|20000100000" }]
        );
    }
}

/// The scan of a query that has one.
async fn scan_of(context: &SessionContext, query: &str) -> AirbyteScan {
    let mut plan = context.sql(query).await.unwrap().create_physical_plan().await.unwrap();
    loop {
        if let Some(scan) = plan.downcast_ref::<AirbyteScan>() {
            return scan.clone();
        }
        let next = plan.children().into_iter().next().cloned();
        plan = next.unwrap_or_else(|| panic!("no scan is in the plan of {query}"));
    }
}

fn scan_rows(scan: &AirbyteScan) -> usize {
    match StatisticsContext::new().compute(scan, &StatisticsArgs::default()).unwrap().num_rows {
        Precision::Exact(rows) | Precision::Inexact(rows) => rows,
        Precision::Absent => panic!("the number of rows is not known"),
    }
}

#[tokio::test]
async fn a_plan_knows_about_how_much_there_is() {
    let schema = Schema::new("statistics").await;
    schema.run(PEOPLE).await;
    let context = session_with(table(&schema.warehouse().await, "people").await);
    let scan = scan_of(&context, "select * from t").await;
    let all = StatisticsContext::new().compute(&scan, &StatisticsArgs::default()).unwrap();
    assert_eq!(all.num_rows, Precision::Inexact(200_000));
    let Precision::Inexact(bytes) = all.total_byte_size else { panic!("{all:?}") };
    assert!((5_000_000..50_000_000).contains(&bytes), "{bytes}");
    let scan = scan_of(&context, "select id from t").await;
    let one = StatisticsContext::new().compute(&scan, &StatisticsArgs::default()).unwrap();
    assert_eq!(one.total_byte_size, Precision::Inexact(bytes / 4));
}

#[tokio::test]
async fn a_table_is_what_was_chosen_of_the_dataset() {
    let file = File::new(USERS);
    let warehouse = file.warehouse().await;
    let users = dataset(&warehouse, "users").await;
    let chosen = users
        .columns(["score", "id"])
        .unwrap()
        .rename("id", "number")
        .unwrap()
        .filter(Filter::greater("age", 80))
        .unwrap();
    let context = session_with(AirbyteTable::new(&warehouse, chosen.clone()));
    assert_eq!(lines(&context, "select * from t where number < 90 order by number").await.len(), 9);
    assert_eq!(
        lines(&context, "select number from t where number between 84 and 86").await,
        ["84", "85", "86"]
    );
    let shown = plan(&context, "select number from t where number = 84").await;
    assert!(shown.contains("full_filters=[t.number = Int64(84)]"), "{shown}");

    // A limit comes before what is asked of the table.
    let first = chosen.order_by("id", Order::Ascending).unwrap().limit(5);
    let context = session_with(AirbyteTable::new(&warehouse, first));
    assert_eq!(lines(&context, "select count(*) from t").await, ["5"]);
    assert_eq!(lines(&context, "select number from t").await, ["81", "82", "83", "84", "85"]);
    assert_eq!(lines(&context, "select number from t where number > 84").await, ["85"]);
    assert_eq!(lines(&context, "select count(*) from t where number > 1000").await, ["0"]);
    assert_eq!(lines(&context, "select number from t limit 2").await, ["81", "82"]);
}

#[tokio::test]
async fn an_error_is_the_readers_own() {
    let file = File::new("create table bad (id integer); insert into bad values (1), ('two')");
    let context = session_with(table(&file.warehouse().await, "bad").await);
    let error = context.sql("select id from t").await.unwrap().collect().await.unwrap_err();
    let DataFusionError::External(cause) = error.find_root() else { panic!("{error:?}") };
    let cause: &Error = cause.downcast_ref().unwrap();
    assert_eq!(cause.kind(), ErrorKind::Value);
    assert!(cause.to_string().contains("`id`"), "{cause}");
}

#[tokio::test]
async fn a_broken_connection_is_an_error_that_may_pass() {
    let schema = Schema::new("broken").await;
    // More than fits on the way between the server and the reader.
    schema.run("create table wide as select i as id, repeat('x', 1000) as filler from generate_series(1, 60000) as i").await;
    let warehouse = schema.warehouse().await;
    let wide = dataset(&warehouse, "wide").await.batch_rows(100);
    let context = session_with(AirbyteTable::new(&warehouse, wide).parts(2));
    let mut rows = context.sql("select filler from t").await.unwrap().execute_stream().await.unwrap();
    rows.next().await.unwrap().unwrap();
    schema
        .run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where query like 'copy%datafusion_broken%' and pid <> pg_backend_pid()",
        )
        .await;
    let error = loop {
        match rows.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the read ended as if it were whole"),
        }
    };
    let DataFusionError::IoError(cause) = error.find_root() else { panic!("{error:?}") };
    let cause: &Error = cause.get_ref().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), ErrorKind::BrokenConnection);
    assert!(cause.source().is_some() || !cause.to_string().is_empty());
}

#[tokio::test]
async fn a_query_that_is_dropped_ends_in_the_warehouse() {
    let schema = Schema::new("dropped").await;
    schema.run(PEOPLE).await;
    let people = dataset(&schema.warehouse().await, "people").await.batch_rows(10);
    let context = session_with(AirbyteTable::new(&schema.warehouse().await, people).parts(3));
    let mut rows = context.sql("select id, name from t").await.unwrap().execute_stream().await.unwrap();
    rows.next().await.unwrap().unwrap();
    let sessions = "select count(*) from pg_stat_activity
        where query like '%datafusion_dropped%' and state <> 'idle' and pid <> pg_backend_pid()";
    let active = async || schema.client.query_one(sessions, &[]).await.unwrap().get::<_, i64>(0);
    assert!(active().await > 0);
    drop(rows);
    let begun = Instant::now();
    while active().await > 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "{} sessions go on", active().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_refreshes_of_all_parts_are_told_together() {
    let schema = Schema::new("refreshes").await;
    schema
        .run(
            "create table users (id int, _airbyte_generation_id bigint);
             insert into users select i, case when i < 5000 then 1 else 2 end from generate_series(1, 10000) as i",
        )
        .await;
    let warehouse = schema.warehouse().await;
    let context = session_with(table(&warehouse, "users").await.parts(4));
    let scan = scan_of(&context, "select id from t").await;
    assert_eq!(scan.refreshes().generations(), None);
    for partition in 0..scan.properties().partitioning.partition_count() {
        let mut rows = scan.execute(partition, context.task_ctx()).unwrap();
        while let Some(batch) = rows.next().await {
            batch.unwrap();
        }
    }
    assert_eq!(scan.refreshes().generations(), Some(1..=2));
    assert!(scan.refreshes().warning().is_some());
    assert_eq!(scan.metrics().unwrap().output_rows(), Some(10_000));
    let counted = scan_of(&context, "select count(*) from t").await;
    assert_eq!(counted.refreshes().generations(), Some(1..=2), "counted while the query was planned");
}

/// What the dataset was told, its parts keep to.
#[tokio::test]
async fn a_part_that_takes_too_long_is_given_up() {
    let file = File::new(
        "create view endless as with recursive n(i) as (select 1 union all select i + 1 from n) select sum(i) as s from n",
    );
    let warehouse = file.warehouse().await;
    let endless = dataset(&warehouse, "endless").await.timeout(Duration::from_millis(100));
    let context = session_with(AirbyteTable::new(&warehouse, endless));
    let error = context.sql("select s from t").await.unwrap().collect().await.unwrap_err();
    assert_eq!(reader_error(error).kind(), ErrorKind::Timeout);
}
