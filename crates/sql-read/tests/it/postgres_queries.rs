//! Statements of one's own, and reads in parts, on a real PostgreSQL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airbyte_sql_read::{ErrorKind, Filter, Order, Split, StreamSpec, Warehouse};
use arrow_schema::DataType;
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{Schema, destination, shown};

async fn connect(schema: &Schema) -> Warehouse {
    schema.destination().connect().await.unwrap()
}

#[tokio::test]
async fn a_query_gives_typed_columns_and_unknown_types_as_text() {
    let schema = Schema::new("queries").await;
    schema
        .run(
            "create type mood as enum ('sad'); create domain price as numeric(9, 2); create domain dear as price;
             create table rows (n int, amount dear, mood mood, place point, at timestamptz);
             insert into rows values (2, 1.5, 'sad', '(1,2)', '2026-01-01 02:00+02'), (1, null, null, null, null)",
        )
        .await;
    let warehouse = connect(&schema).await;
    // Names may come twice, a comment may stand behind, and unqualified tables are those of the destination's schema.
    let sql = "with w as (select * from rows) select n, amount, mood, place, at, n, sum(n) over () as total from w order by n; -- all";
    let batch = warehouse.query(sql).unwrap().collect().await.unwrap();
    let found: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .collect();
    let utc = DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into()));
    let expected = [
        ("n", DataType::Int32),
        ("amount", DataType::Decimal128(9, 2)),
        ("mood", DataType::Utf8),
        ("place", DataType::Utf8),
        ("at", utc),
        ("n", DataType::Int32),
        ("total", DataType::Int64),
    ];
    assert_eq!(found, expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert_eq!(shown(&batch, "n"), ["1", "2"]);
    assert_eq!(shown(&batch, "amount"), ["NULL", "1.50"]);
    assert_eq!(shown(&batch, "place"), ["NULL", "(1,2)"]);
    assert_eq!(shown(&batch, "at"), ["NULL", "2026-01-01T00:00:00Z"]);
    assert_eq!(warehouse.query("values (1), (2)").unwrap().collect().await.unwrap().num_rows(), 2);
    // A dataset's columns know domains over domains as well.
    let dataset = schema.dataset("rows").await;
    assert_eq!(dataset.schema().field_with_name("amount").unwrap().data_type(), &DataType::Decimal128(9, 2));
    assert_eq!(dataset.head(9).await.unwrap().num_rows(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_and_nothing_is_written() {
    let schema = Schema::new("bad_queries").await;
    schema
        .run("create table rows as select 1 as n; create sequence s; create function wipe() returns int language plpgsql as 'begin delete from bad_queries.rows; return 1; end'")
        .await;
    let warehouse = connect(&schema).await;
    for (sql, kind) in [
        ("select 1 / 0", ErrorKind::Query),
        ("select nothing from rows", ErrorKind::Query),
        ("select $1::int", ErrorKind::InvalidInput),
        ("select nextval('s')", ErrorKind::Query),
        ("select wipe()", ErrorKind::Query),
        ("select n from rows for update", ErrorKind::Query),
    ] {
        let query = match warehouse.query(sql) {
            Ok(query) => query,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error:?}");
                continue;
            }
        };
        let error = query.collect().await.expect_err(sql);
        assert_eq!(error.kind(), kind, "{sql}: {error:?}");
    }
    assert_eq!(warehouse.query("select n from rows").unwrap().collect().await.unwrap().num_rows(), 1);
}

async fn numbers(warehouse: &Warehouse, split: &Split) -> Vec<String> {
    let batches: Vec<_> = warehouse.read_split(split).await.unwrap().try_collect().await.unwrap();
    batches.iter().flat_map(|batch| shown(batch, "n")).collect()
}

#[tokio::test]
async fn parts_are_the_table_exactly_once_as_it_was_when_they_were_planned() {
    let schema = Schema::new("parts").await;
    schema
        .run("create table rows as select n, repeat('x', 500) as filler from generate_series(1, 10000) as n")
        .await;
    let dataset = schema.dataset("rows").await;
    let splits = dataset.splits(7).await.unwrap();
    assert_eq!(splits.splits().len(), 7);
    assert!(splits.is_one_snapshot());
    // As another process would get them.
    let sent = serde_json::to_string(splits.splits()).unwrap();
    let password = schema.configuration()["password"].as_str().unwrap().to_owned();
    assert!(!sent.contains(&password) && sent.len() < 20_000, "{sent}");
    schema.run("delete from rows where n % 2 = 0; insert into rows select n, 'new' from generate_series(20001, 22000) as n; update rows set filler = 'changed'").await;
    let received: Vec<Split> = serde_json::from_str(&sent).unwrap();
    let other = connect(&schema).await;
    let mut all = BTreeSet::new();
    for split in &received {
        let numbers = numbers(&other, split).await;
        assert!(!numbers.is_empty());
        for number in numbers {
            assert!(all.insert(number.parse::<u32>().unwrap()), "{number} came twice");
        }
    }
    assert_eq!(all, (1..=10_000).collect());
    drop(splits);
    // Whoever made them is gone, and so is the snapshot.
    for _ in 0..100 {
        match other.read_split(&received[0]).await {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
                assert!(error.hint().unwrap().contains("plan again"), "{error:?}");
                return;
            }
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    panic!("the snapshot outlives its plan");
}

#[tokio::test]
async fn a_swap_waits_for_the_parts() {
    let schema = Schema::new("parts_held").await;
    schema
        .run("create table rows as select n, repeat('x', 500) as filler from generate_series(1, 5000) as n")
        .await;
    let warehouse = connect(&schema).await;
    let splits = schema.dataset("rows").await.splits(3).await.unwrap();
    for change in ["drop table rows", "truncate rows", "alter table rows add column more int"] {
        let refused = schema.client.batch_execute(&format!("set lock_timeout = '100ms'; {change}")).await;
        assert!(refused.is_err(), "{change}");
    }
    let mut rows = 0;
    for split in splits.splits() {
        rows += numbers(&warehouse, split).await.len();
    }
    assert_eq!(rows, 5_000);
}

#[tokio::test]
async fn filters_hold_in_parts_and_what_cannot_be_cut_is_one() {
    let schema = Schema::new("parts_whole").await;
    schema
        .run(
            "create table rows as select n, repeat('x', 500) as filler from generate_series(1, 5000) as n;
             create view seen as select * from rows; create table none (n int);
             create materialized view kept as select * from rows",
        )
        .await;
    let warehouse = connect(&schema).await;
    let rows = schema.dataset("rows").await;
    let either = Filter::less("n", 11).or(Filter::greater("n", 4_990));
    let splits = rows.clone().filter(either).unwrap().splits(4).await.unwrap();
    let mut found = Vec::new();
    for split in splits.splits() {
        found.extend(numbers(&warehouse, split).await);
    }
    assert_eq!((splits.splits().len(), found.len()), (4, 20));
    let cases = [
        (rows.clone().limit(9), 9),
        (rows.clone().order_by("n", Order::Descending).unwrap(), 5_000),
        (schema.dataset("seen").await, 5_000),
        (schema.dataset("kept").await, 5_000),
        (schema.dataset("none").await, 0),
    ];
    for (dataset, expected) in cases {
        let splits = dataset.splits(4).await.unwrap();
        let [only] = splits.splits() else { panic!("{splits:?}") };
        assert_eq!(numbers(&warehouse, only).await.len(), expected);
    }
    let batches: Vec<_> = rows.read_parallel(3).await.unwrap().try_collect().await.unwrap();
    let numbers: BTreeSet<_> = batches.iter().flat_map(|batch| shown(batch, "n")).collect();
    assert_eq!(numbers.len(), 5_000);
}

/// Passes connections on to the server, and counts them.
async fn counting(configuration: &mut serde_json::Value) -> Arc<AtomicUsize> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("{}:{}", configuration["host"].as_str().unwrap(), configuration["port"]);
    configuration["host"] = json!("127.0.0.1");
    configuration["port"] = json!(listener.local_addr().unwrap().port());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = accepted.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut server = tokio::net::TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    accepted
}

/// To be cancelled is asked for over a connection of its own: a session that begins anew, as it does where a table cannot
/// be held, must not end what it does then.
#[tokio::test]
async fn a_session_that_begins_anew_does_not_cancel_itself() {
    let schema = Schema::new("begins_anew").await;
    schema.run("create materialized view kept as select n from generate_series(1, 1000) as n").await;
    for kind in ["postgres", "redshift"] {
        let mut configuration = schema.configuration();
        let connections = counting(&mut configuration).await;
        let warehouse = destination(kind, &configuration).connect().await.unwrap();
        for _ in 0..20 {
            if kind == "postgres" {
                let kept = warehouse.dataset(&StreamSpec::new("kept")).await.unwrap();
                let splits = kept.splits(4).await.unwrap();
                assert_eq!(numbers(&warehouse, &splits.splits()[0]).await.len(), 1_000);
            } else {
                let rows =
                    warehouse.query("select n from begins_anew.kept").unwrap().collect().await.unwrap();
                assert_eq!(rows.num_rows(), 1_000);
            }
        }
        // Sessions use few connections over and over, but for a plan, which keeps its own to its end. To cancel would
        // take one more each time.
        let most = if kind == "postgres" { 20 + 10 } else { 10 };
        let connections = connections.load(Ordering::SeqCst);
        assert!(connections <= most, "{kind}: {connections} connections");
    }
}

#[tokio::test]
async fn redshift_runs_queries_and_reads_in_one_part() {
    let schema = Schema::new("redshift_queries").await;
    schema.run("create table rows as select n, n * 1.5::decimal(9, 2) as amount from generate_series(1, 5000) as n").await;
    let configuration = schema.configuration_with(&json!({"ssl_mode": null, "ssl": false}));
    let warehouse = destination("redshift", &configuration).connect().await.unwrap();
    let sql = "select n, amount::decimal(9, 2) as amount, n > 1 as more from rows where n < 3 order by n;";
    let batch = warehouse.query(sql).unwrap().collect().await.unwrap();
    assert_eq!(batch.schema().field(1).data_type(), &DataType::Decimal128(9, 2));
    assert_eq!(
        (shown(&batch, "amount"), shown(&batch, "more")),
        (vec!["1.50".into(), "3.00".into()], vec!["false".into(), "true".into()])
    );
    let error = warehouse.query("select nothing from rows").unwrap().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
    let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    let splits = dataset.splits(4).await.unwrap();
    let [only] = splits.splits() else { panic!("{splits:?}") };
    assert_eq!(numbers(&warehouse, only).await.len(), 5_000);
}
