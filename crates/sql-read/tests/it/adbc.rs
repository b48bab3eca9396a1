//! Reads through drivers that others made.

use airbyte_sql_read::{Destination, ErrorKind, Filter, Order, StreamSpec, Warehouse};
use arrow_schema::DataType;
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::support::{Schema, shown};

/// The path of a driver; `None` where the drivers could not be had, and that was said.
pub(crate) fn driver(variable: &str) -> Option<String> {
    if std::env::var_os("AIRBYTE_TEST_SKIP_ADBC").is_some() {
        return None;
    }
    Some(
        std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with `cargo xtask test`")),
    )
}

fn destination(kind: &str, configuration: &Value, adbc: &Value) -> Destination {
    let value = json!({"destinationType": kind, "configuration": configuration, "adbc": adbc});
    Destination::from_json(&value).unwrap()
}

pub(crate) async fn postgres(schema: &Schema) -> Option<Warehouse> {
    let driver = driver("AIRBYTE_TEST_ADBC_POSTGRESQL")?;
    let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").unwrap();
    let adbc = json!({"driver": driver, "options": {"uri": url}});
    Some(destination("postgres", &json!({"schema": schema.name}), &adbc).connect().await.unwrap())
}

#[tokio::test]
async fn a_postgres_is_read_through_its_driver() {
    let schema = Schema::new("adbc_rows").await;
    schema
        .run(
            "create table \"Rows\" as select n, 'row ' || n as t, (n * 1.5)::numeric(20, 2) as amount,
                    timestamptz '2026-01-01 00:00+00' + n * interval '1 second' as at, '{\"a\": 1.10}'::jsonb as j,
                    timetz '23:59:59.999999-08:30' as z
             from generate_series(1::bigint, 100000) as n",
        )
        .await;
    let Some(warehouse) = postgres(&schema).await else { return };
    let all = warehouse.dataset(&StreamSpec::new("Rows")).await.unwrap();
    assert_eq!((all.schema_name(), all.table_name()), (schema.name.as_str(), "Rows"));
    let batches: Vec<_> = all.batches().await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 100_000);
    let few = all
        .filter(Filter::at_least("n", 99_998).and(Filter::not_equal("t", "row 99999")))
        .unwrap()
        .order_by("n", Order::Descending)
        .unwrap();
    assert_eq!(few.count().await.unwrap(), 2);
    let batch = few.head(9).await.unwrap();
    assert_eq!(shown(&batch, "n"), ["100000", "99998"]);
    assert_eq!(shown(&batch, "amount"), ["150000.00", "149997.00"]);
    assert_eq!(shown(&batch, "at"), ["2026-01-02T03:46:40Z", "2026-01-02T03:46:38Z"]);
    assert_eq!(shown(&batch, "j")[0], r#"{"a": 1.10}"#);
    assert_eq!(shown(&batch, "z")[0], "23:59:59.999999-08:30");
}

#[tokio::test]
async fn times_without_a_zone_are_filtered_alike_whatever_the_zone_of_the_session() {
    let schema = Schema::new("adbc_zones").await;
    schema.run("create table times (n bigint, local timestamp, at timestamptz)").await;
    schema
        .run("insert into times select n, time, time at time zone 'UTC' from generate_series(0, 9) as n, lateral (select timestamp '2026-01-01 00:00' + n * interval '1 hour') as t (time)")
        .await;
    let Some(driver) = driver("AIRBYTE_TEST_ADBC_POSTGRESQL") else { return };
    let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").unwrap();
    let uri = format!("{url}?options=-c%20timezone%3DAmerica%2FNew_York");
    let adbc = json!({"driver": driver, "options": {"uri": uri}});
    let warehouse = destination("postgres", &json!({"schema": schema.name}), &adbc).connect().await.unwrap();
    let times = warehouse.dataset(&StreamSpec::new("times")).await.unwrap();
    let eight: chrono::DateTime<chrono::Utc> = "2026-01-01T08:00:00Z".parse().unwrap();
    for column in ["local", "at"] {
        let late = times.clone().filter(Filter::at_least(column, eight)).unwrap();
        assert_eq!(late.count().await.unwrap(), 2, "{column}");
    }
}

#[tokio::test]
async fn a_session_that_is_killed_is_an_error_and_never_the_end() {
    let schema = Schema::new("adbc_killed").await;
    schema
        .run(
            "create table many as select n, repeat('x', 1000) as filler from generate_series(1, 200000) as n",
        )
        .await;
    let Some(warehouse) = postgres(&schema).await else { return };
    let mut batches = warehouse.dataset(&StreamSpec::new("many")).await.unwrap().batches().await.unwrap();
    batches.try_next().await.unwrap().unwrap();
    let killed = schema
        .client
        .query("select pg_terminate_backend(pid) from pg_stat_activity where query like '%adbc_killed%many%' and pid <> pg_backend_pid()", &[])
        .await
        .unwrap();
    assert!(!killed.is_empty());
    let error = batches.try_collect::<Vec<_>>().await.expect_err("the session was killed");
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error:?}");
}

#[tokio::test]
async fn a_read_that_nobody_wants_ends_at_the_server() {
    let schema = Schema::new("adbc_dropped").await;
    schema
        .run("create view slow as select n, pg_sleep(0.01)::text as s from generate_series(1, 1000000) as n")
        .await;
    let Some(warehouse) = postgres(&schema).await else { return };
    let dataset = warehouse.dataset(&StreamSpec::new("slow")).await.unwrap();
    let reading = async || {
        let query = "select 1 from pg_stat_activity where state = 'active' and query like '%adbc_dropped%slow%' and pid <> pg_backend_pid()";
        !schema.client.query(query, &[]).await.unwrap().is_empty()
    };
    // The first batch would be hours away.
    let read = tokio::spawn(async move { dataset.batches().await.map(drop) });
    while !reading().await {
        assert!(!read.is_finished(), "the read ended by itself");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    read.abort();
    let begun = std::time::Instant::now();
    while reading().await {
        assert!(begun.elapsed().as_secs() < 10, "the server still reads");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn no_secret_of_the_options_is_in_an_error() {
    let Some(driver) = driver("AIRBYTE_TEST_ADBC_POSTGRESQL") else { return };
    let url = Schema::url_with("nobody_of_this_name", "hunter2");
    let wrong =
        destination("postgres", &json!({"schema": "s"}), &json!({"driver": driver, "options": {"uri": url}}));
    let error = wrong.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!format!("{error:?} {error} {wrong:?}").contains("hunter2"), "{error:?}");
    let unknown =
        destination("postgres", &json!({}), &json!({"driver": driver, "options": {"no.such": "hunter2"}}));
    let error = unknown.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
}

#[tokio::test]
async fn a_driver_that_is_not_there_is_named() {
    let missing =
        destination("mysql", &json!({"database": "d"}), &json!({"driver": "/nowhere/libadbc_driver_x.so"}));
    let error = missing.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("/nowhere/libadbc_driver_x.so"), "{error}");
    for wrong in
        [json!({"driver": 5}), json!({"driver": "x", "option": {}}), json!({"driver": "x", "options": [1]})]
    {
        let error = destination("mysql", &json!({}), &wrong).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
    }
}

#[tokio::test]
async fn a_sqlite_file_is_read_through_its_driver() {
    let Some(driver) = driver("AIRBYTE_TEST_ADBC_SQLITE") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "create table users (id integer, name text, score real);
             insert into users values (1, 'a''b', 0.5), (9223372036854775807, null, 2.0)",
        )
        .unwrap();
    let uri = format!("file:{}?mode=ro", path.display());
    let adbc = json!({"driver": driver, "options": {"uri": uri}});
    let warehouse = destination("sqlite", &json!({"destination_path": "x"}), &adbc).connect().await.unwrap();
    assert!(warehouse.warnings()[0].contains("adbc.options"), "{:?}", warehouse.warnings());
    let users =
        warehouse.dataset(&StreamSpec::new("users")).await.unwrap().order_by("id", Order::Ascending).unwrap();
    let batch = users.head(9).await.unwrap();
    assert_eq!(shown(&batch, "id"), ["1", "9223372036854775807"]);
    assert_eq!(shown(&batch, "name"), ["a'b", "NULL"]);
    assert_eq!(batch["score"].data_type(), &DataType::Float64);
    // Of these rows alone the driver would take the names for anything.
    let one = users.filter(Filter::is_null("name")).unwrap();
    assert_eq!(shown(&one.head(9).await.unwrap(), "name"), ["NULL"]);
    assert_eq!(one.count().await.unwrap(), 1);
    let error = warehouse.dataset(&StreamSpec::new("user")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.hint().unwrap().contains("users"), "{error:?}");
}

#[tokio::test]
async fn fields_inside_of_records_are_read_and_not_filtered_by_and_the_way_around_is_told() {
    let Some(driver) = driver("AIRBYTE_TEST_ADBC_SQLITE") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raw.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            r#"create table _airbyte_raw_users (_airbyte_ab_id text, _airbyte_emitted_at text, _airbyte_data text);
               insert into _airbyte_raw_users values ('x', '2026-01-01', '{"id": 1}')"#,
        )
        .unwrap();
    let adbc = json!({"driver": driver, "options": {"uri": format!("file:{}?mode=ro", path.display())}});
    let warehouse = destination("sqlite", &json!({"destination_path": "x"}), &adbc).connect().await.unwrap();
    let stream = StreamSpec::new("users").json_schema(json!({"properties": {"id": {"type": "integer"}}}));
    let users = warehouse.dataset(&stream).await.unwrap();
    assert_eq!(shown(&users.head(9).await.unwrap(), "id"), ["1"]);
    let ordered = users.clone().order_by("id", Order::Ascending).unwrap().head(1).await.unwrap_err();
    let filtered = users.filter(Filter::equal("id", 1)).unwrap();
    for error in [ordered, filtered.head(1).await.unwrap_err(), filtered.count().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.hint().unwrap().contains("Warehouse::query"), "{error:?}");
    }
    let sql = "select json_extract(_airbyte_data, '$.id') as id from _airbyte_raw_users";
    assert_eq!(warehouse.query(sql).unwrap().collect().await.unwrap().num_rows(), 1);
}
