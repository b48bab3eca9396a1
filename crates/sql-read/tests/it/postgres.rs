//! Sessions, queries and names on a real PostgreSQL.

use std::time::Duration;

use airbyte_sql_read::{Dataset, ErrorKind, Filter, Order, StreamSpec};
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{Schema, destination, shown};

/// Rows that no buffer between the server and the reader can hold at once.
const MANY: &str =
    "create table many as select n, repeat('x', 1000) as filler from generate_series(1, 100000) as n";

/// Waits until the server's sessions that read `table` are as many as said.
async fn readers(schema: &Schema, table: &str, wanted: usize) -> Vec<i32> {
    let pattern = format!("copy (select %\"{}\".\"{table}\"%", schema.name);
    for _ in 0..200 {
        let rows = schema
            .client
            .query("select pid from pg_stat_activity where state = 'active' and query like $1", &[&pattern])
            .await
            .unwrap();
        if rows.len() == wanted {
            return rows.iter().map(|row| row.get(0)).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not have {wanted} readers of {table}");
}

#[tokio::test]
async fn a_killed_session_is_an_error_and_never_the_end_of_the_data() {
    let schema = Schema::new("killed").await;
    schema.run(MANY).await;
    let mut batches = schema.dataset("many").await.batches().await.unwrap();
    let first = batches.try_next().await.unwrap().unwrap();
    assert!(first.num_rows() < 100_000);
    let pid = readers(&schema, "many", 1).await[0];
    schema.client.execute("select pg_terminate_backend($1)", &[&pid]).await.unwrap();
    let error = batches.try_collect::<Vec<_>>().await.expect_err("the session was killed");
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error:?}");
}

#[tokio::test]
async fn a_broken_read_leaves_no_file() {
    let schema = Schema::new("broken_export").await;
    schema.run("create view many as select n, case when n = 50000 then 1 / (n - 50000) end as broken, repeat('x', 100) as filler from generate_series(1, 100000) as n").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.parquet");
    let dataset = schema.dataset("many").await;
    let error = dataset.export(&path, airbyte_sql_read::Format::Parquet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
    assert!(error.to_string().contains("division by zero"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn dropping_a_read_ends_the_query() {
    let schema = Schema::new("dropped").await;
    schema.run(MANY).await;
    let mut batches = schema.dataset("many").await.batches().await.unwrap();
    batches.try_next().await.unwrap().unwrap();
    readers(&schema, "many", 1).await;
    drop(batches);
    readers(&schema, "many", 0).await;
}

#[tokio::test]
async fn a_read_sees_one_snapshot() {
    let schema = Schema::new("snapshot").await;
    schema.run(MANY).await;
    let mut batches = schema.dataset("many").await.batches().await.unwrap();
    let mut rows = batches.try_next().await.unwrap().unwrap().num_rows();
    schema.run("delete from many; insert into many values (0, 'new')").await;
    while let Some(batch) = batches.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 100_000);
    assert_eq!(schema.dataset("many").await.count().await.unwrap(), 1);
}

#[tokio::test]
async fn sessions_cannot_write() {
    let schema = Schema::new("no_writes").await;
    schema.run("create sequence s; create view writes as select nextval('s') as v").await;
    let dataset = schema.dataset("writes").await;
    let error = dataset.head(1).await.expect_err("a sequence was advanced");
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(error.to_string().contains("read-only"), "{error}");
    assert!(dataset.filter(Filter::at_least("v", 0)).unwrap().count().await.is_err());
}

async fn numbers(dataset: Dataset) -> Vec<String> {
    shown(&dataset.head(100).await.unwrap(), "n")
}

#[tokio::test]
async fn the_database_filters_orders_and_limits() {
    let schema = Schema::new("pushed").await;
    schema
        .run(
            "create table rows (n int, \"Mixed \"\"Name\" text, amount numeric, at timestamptz, day date, ok bool);
             insert into rows values
               (1, 'a', 9, '2026-01-01 00:00+00', '2026-01-01', true),
               (2, 'o''b\\', 10, '2026-01-02 00:00+00', '2026-01-02', false),
               (3, '', 100, null, null, null), (4, null, 0.5, '2026-01-04 00:00+00', '2026-01-04', true)",
        )
        .await;
    let all = schema.dataset("rows").await.order_by("n", Order::Ascending).unwrap();
    let fits = async |filter: Filter| {
        let chosen = all.clone().filter(filter.clone()).unwrap();
        let found = numbers(chosen.clone()).await;
        assert_eq!(chosen.count().await.unwrap(), found.len() as u64, "{filter:?}");
        found
    };
    let name = "Mixed \"Name";
    assert_eq!(fits(Filter::equal(name, "o'b\\")).await, ["2"]);
    assert_eq!(fits(Filter::equal(name, "")).await, ["3"]);
    assert_eq!(fits(Filter::is_null(name)).await, ["4"]);
    assert_eq!(fits(Filter::equal("amount", "0.5")).await, ["4"]);
    assert_eq!(fits(Filter::at_least("amount", 10)).await, ["2", "3"]);
    assert_eq!(fits(Filter::greater("at", "2026-01-01T01:00:00+01:00")).await, ["2", "4"]);
    assert_eq!(fits(Filter::equal("day", chrono::NaiveDate::from_ymd_opt(2026, 1, 2).unwrap())).await, ["2"]);
    assert_eq!(fits(Filter::equal("ok", true).and(Filter::less("n", 3))).await, ["1"]);
    assert_eq!(fits(Filter::equal("n", 1).or(Filter::equal("n", 3))).await, ["1", "3"]);
    assert_eq!(fits(Filter::Not(Box::new(Filter::equal("n", 1)))).await, ["2", "3", "4"]);
    assert_eq!(fits(Filter::Any(vec![])).await, Vec::<String>::new());
    assert_eq!(fits(Filter::equal("n", -1)).await, Vec::<String>::new());
    // Half a microsecond after the first row: PostgreSQL has nothing so fine, and no row is on the wrong side for that.
    let between: chrono::DateTime<chrono::Utc> = "2026-01-01T00:00:00.0000005Z".parse().unwrap();
    for (filter, rows) in [
        (Filter::less("at", between), &["1"][..]),
        (Filter::at_most("at", between), &["1"]),
        (Filter::equal("at", between), &[]),
        (Filter::Not(Box::new(Filter::equal("at", between))), &["1", "2", "4"]),
        (Filter::not_equal("at", between), &["1", "2", "4"]),
        (Filter::greater("at", between), &["2", "4"]),
        (Filter::at_least("at", between), &["2", "4"]),
    ] {
        assert_eq!(fits(filter).await, rows);
    }
    assert_eq!(numbers(all.clone().limit(2)).await, ["1", "2"]);
    assert_eq!(all.clone().limit(0).head(5).await.unwrap().num_rows(), 0);
    assert_eq!(all.limit(3).count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_column_read_as_text_is_still_ordered_by_its_own_type() {
    let schema = Schema::new("text_order").await;
    schema.run("create table rows as select n from (values (9), (10), (100)) as v (n)").await;
    let dataset = schema.dataset("rows").await.text_columns(["n"]).unwrap();
    let ordered = dataset.order_by("n", Order::Descending).unwrap();
    assert_eq!(numbers(ordered.clone()).await, ["100", "10", "9"]);
    assert_eq!(numbers(ordered.filter(Filter::greater("n", 9)).unwrap()).await, ["100", "10"]);
}

#[tokio::test]
async fn rows_come_as_values_of_a_type() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        id: i64,
        name: Option<String>,
        tags: Vec<String>,
    }
    let schema = Schema::new("typed_rows").await;
    schema.run("create table rows as select * from (values (1::int8, 'a', '{x,y}'::text[]), (2, null, '{}')) as v (id, name, tags)").await;
    let dataset = schema.dataset("rows").await.order_by("id", Order::Ascending).unwrap();
    let rows: Vec<Row> = dataset.rows().await.unwrap().try_collect().await.unwrap();
    let row = |id, name: Option<&str>, tags: &[&str]| Row {
        id,
        name: name.map(str::to_owned),
        tags: tags.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(rows, [row(1, Some("a"), &["x", "y"]), row(2, None, &[])]);
}

#[tokio::test]
async fn names_are_found_in_the_catalogue_and_a_miss_says_what_is_there() {
    let schema = Schema::new("names").await;
    schema
        .run(
            "create table \"Users\" (id int); create table orders (id int); create table raw_orders (id int)",
        )
        .await;
    let warehouse = schema.destination().connect().await.unwrap();
    let located = warehouse.locate(&StreamSpec::new("users")).await.unwrap();
    assert_eq!((located.table.as_str(), located.exists), ("Users", true));
    let prefixed = warehouse.locate(&StreamSpec::new("orders").prefix("raw_")).await.unwrap();
    assert_eq!(prefixed.table, "raw_orders");
    let error = warehouse.dataset(&StreamSpec::new("order")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.to_string().contains("names.order"), "{error}");
    assert!(error.hint().unwrap().contains("names.orders"), "{:?}", error.hint());
}

#[tokio::test]
async fn a_connection_is_refused_before_anything_goes_out_unencrypted() {
    let schema = Schema::new("tls").await;
    let mut configuration = schema.configuration();
    for mode in ["require", "verify-ca", "verify-full"] {
        configuration["ssl_mode"] = json!({"mode": mode});
        let error = destination("postgres", &configuration).connect().await.expect_err(mode);
        assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::InvalidInput), "{mode}: {error:?}");
    }
    for mode in ["allow", "prefer"] {
        configuration["ssl_mode"] = json!({"mode": mode});
        destination("postgres", &configuration).connect().await.expect(mode);
    }
}

#[tokio::test]
async fn a_refused_user_is_told_why_and_the_password_is_not_shown() {
    let schema = Schema::new("refused").await;
    let mut configuration = schema.configuration();
    configuration["username"] = json!("nobody_of_this_name");
    configuration["password"] = json!("hunter2-secret");
    let error = destination("postgres", &configuration).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!format!("{error:?} {error} {:?}", error.hint()).contains("hunter2"), "{error:?}");
    configuration["password"] = json!("**********");
    let error = destination("postgres", &configuration).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingSecret);
}
