//! Snowflake, as far as an emulator and a double of the service's ways of handing out results can tell.
//!
//! The emulator is not the service: it checks no credentials, knows one time zone, shows `OBJECT` and `ARRAY` as
//! `VARIANT` and local timestamps as those with a zone, and always sends whole results inline. What the double adds is
//! written from what is known of the service's interface, so what both have wrong nobody notices here.

mod double;
mod double_results;
mod failures;
mod sign_in;
mod values;

use airbyte_sql_read::{Dataset, Destination, ErrorKind, Filter, Order, StreamSpec};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use futures::TryStreamExt;
use serde_json::{Value, json};

use self::double::{Behaviour, Double};
use crate::support::{destination, shown};

/// A database of its own, behind a double of its own.
pub(crate) struct Lake {
    double: Double,
    database: String,
}

impl Lake {
    /// `None` where the emulator could not be had, and that was said.
    pub(crate) async fn new(name: &str, behaviour: Behaviour) -> Option<Self> {
        if std::env::var_os("AIRBYTE_TEST_SKIP_SNOWFLAKE").is_some() {
            return None;
        }
        let url = std::env::var("AIRBYTE_TEST_SNOWFLAKE_URL")
            .expect("AIRBYTE_TEST_SNOWFLAKE_URL is not set: run the tests with `cargo xtask test`");
        let lake = Self { double: Double::start(&url, behaviour).await, database: name.to_uppercase() };
        // Whatever an earlier run left.
        for schema in ["PUBLIC", "airbyte_internal"] {
            lake.write(&format!("drop schema if exists \"{schema}\" cascade")).await;
            lake.write(&format!("create schema \"{schema}\"")).await;
        }
        Some(lake)
    }

    pub(crate) async fn write(&self, sql: &str) {
        self.double.write(&self.database, sql).await;
    }

    fn configuration(&self) -> Value {
        json!({
            "host": self.double.url(), "database": self.database, "schema": "public", "warehouse": "WH",
            "role": "READER", "username": "reader",
            "credentials": {"auth_type": "Username and Password", "password": "hidden"},
        })
    }

    pub(crate) fn destination(&self) -> Destination {
        destination("snowflake", &self.configuration())
    }

    pub(crate) async fn dataset(&self, stream: &str) -> Dataset {
        self.destination().connect().await.unwrap().dataset(&StreamSpec::new(stream)).await.unwrap()
    }

    /// A table of numbers, from 0.
    pub(crate) async fn numbers(&self, rows: usize) {
        self.write(&format!(
            r#"create or replace table "PUBLIC"."NUMBERS" as
               select cast(n - 1 as number(38, 0)) as "ID", 'text ' || n as "NAME"
               from (select row_number() over (order by seq8()) as n from table(generator(rowcount => {rows})))"#
        ))
        .await;
    }
}

/// In parts of 1,000 rows, the first 10 in the answer itself.
pub(crate) fn in_parts() -> Behaviour {
    Behaviour { inline_rows: 10, part_rows: 1_000, ..Behaviour::default() }
}

async fn all(dataset: &Dataset) -> RecordBatch {
    let batches: Vec<RecordBatch> = dataset.batches().await.unwrap().try_collect().await.unwrap();
    concat_batches(&dataset.schema(), &batches).unwrap()
}

fn count_up(to: usize) -> Vec<String> {
    (0..to).map(|id| id.to_string()).collect()
}

#[tokio::test]
async fn every_row_of_every_part_comes_once_and_in_order() {
    for (name, json) in [("parts_arrow", false), ("parts_json", true)] {
        let Some(lake) = Lake::new(name, Behaviour { json, ..in_parts() }).await else { return };
        lake.numbers(5_432).await;
        let dataset = lake.dataset("numbers").await.order_by("ID", Order::Ascending).unwrap().batch_rows(300);
        assert_eq!(dataset.count().await.unwrap(), 5_432);
        let batches: Vec<RecordBatch> = dataset.batches().await.unwrap().try_collect().await.unwrap();
        assert!(batches.iter().all(|batch| batch.num_rows() <= 300));
        let read = concat_batches(&dataset.schema(), &batches).unwrap();
        assert_eq!(shown(&read, "ID"), count_up(5_432));
        assert_eq!(shown(&read, "NAME")[5_431], "text 5432");
        assert_eq!(lake.double.fetches(), 6, "each part is fetched once");
    }
}

#[tokio::test]
async fn the_service_filters_orders_and_limits() {
    let Some(lake) = Lake::new("filters", in_parts()).await else { return };
    lake.write(
        r#"create table "PUBLIC"."USERS" as select column1 as "ID", column2 as "NAME", column3::date as "BORN" from values
           (1, 'it''s \\ "quoted"', '2000-02-29'), (2, null, '1999-12-31'), (3, 'c', null)"#,
    )
    .await;
    let users = lake.dataset("users").await;
    let named = users.clone().filter(Filter::equal("NAME", r#"it's \ "quoted""#)).unwrap();
    assert_eq!(shown(&named.head(9).await.unwrap(), "ID"), ["1"]);
    let none = users.clone().filter(Filter::equal("NAME", r"\' or 1 = 1 --")).unwrap();
    assert_eq!(none.count().await.unwrap(), 0);
    assert_eq!(none.head(9).await.unwrap().num_rows(), 0);
    let day = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
    let born = users.clone().filter(Filter::less("BORN", day)).unwrap();
    assert_eq!(shown(&born.head(9).await.unwrap(), "ID"), ["2"]);
    let unnamed = users.clone().filter(Filter::is_null("NAME").or(Filter::at_least("ID", 3))).unwrap();
    let last = unnamed.order_by("ID", Order::Descending).unwrap().limit(1);
    assert_eq!(shown(&last.columns(["ID"]).unwrap().head(9).await.unwrap(), "ID"), ["3"]);
}

#[tokio::test]
async fn raw_tables_keep_their_case_and_become_columns() {
    let Some(lake) = Lake::new("raw", in_parts()).await else { return };
    lake.write(
        r#"create table "airbyte_internal"."public_raw__stream_users" ("_airbyte_raw_id" varchar,
           "_airbyte_extracted_at" timestamp_tz, "_airbyte_data" variant)"#,
    )
    .await;
    lake.write(
        r#"insert into "airbyte_internal"."public_raw__stream_users" select column1, '2026-01-01T00:00:00Z', parse_json(column2)
           from values ('a', '{"id": 5, "name": "x", "at": "2024-11-03T01:30:00-04:00"}'),
                       ('b', '{"id": 7, "name": null, "at": "2024-11-03T01:10:00-05:00"}')"#,
    )
    .await;
    let stream = StreamSpec::new("users").json_schema(json!({"type": "object", "properties": {
        "id": {"type": "integer"}, "name": {"type": ["null", "string"]}, "at": {"type": "string", "format": "date-time"}
    }}));
    let dataset = lake.destination().connect().await.unwrap().dataset(&stream).await.unwrap();
    assert_eq!(
        (dataset.schema_name(), dataset.table_name()),
        ("airbyte_internal", "public_raw__stream_users")
    );
    let ordered = dataset.clone().order_by("id", Order::Descending).unwrap();
    assert_eq!(shown(&all(&ordered).await, "id"), ["7", "5"]);
    // By their texts the times would be the other way around.
    let ordered = dataset.clone().order_by("at", Order::Descending).unwrap();
    assert_eq!(shown(&all(&ordered).await, "id"), ["7", "5"]);
    let named = dataset.clone().filter(Filter::equal("name", "x")).unwrap();
    assert_eq!(shown(&all(&named).await, "id"), ["5"]);
    let unnamed = dataset.filter(Filter::is_null("name").and(Filter::greater("id", 5))).unwrap();
    assert_eq!(shown(&all(&unnamed).await, "id"), ["7"]);
}

/// The oldest versions wrote names without quotes, which are upper-case.
#[tokio::test]
async fn raw_tables_of_old_versions_are_read_too() {
    let Some(lake) = Lake::new("raw_v1", in_parts()).await else { return };
    lake.write(
        "create table public._airbyte_raw_users (_airbyte_ab_id varchar, _airbyte_emitted_at timestamp_tz, _airbyte_data variant)",
    )
    .await;
    lake.write(
        r#"insert into public._airbyte_raw_users select column1, column2, parse_json(column3) from values
           ('a', '2026-01-01T00:00:00Z', '{"id": 5, "name": "old"}'), ('b', '2026-01-02T00:00:00Z', '{"id": 5, "name": "new"}')"#,
    )
    .await;
    let stream = StreamSpec::new("users").json_schema(json!({"type": "object", "properties": {
        "id": {"type": "integer"}, "name": {"type": ["null", "string"]}
    }}));
    let dataset = lake.destination().connect().await.unwrap().dataset(&stream).await.unwrap();
    assert_eq!(dataset.table_name(), "_AIRBYTE_RAW_USERS");
    let named = dataset.clone().filter(Filter::equal("name", "new")).unwrap();
    assert_eq!(shown(&all(&named).await, "id"), ["5"]);
    let ordered = dataset.clone().order_by("name", Order::Ascending).unwrap();
    assert_eq!(shown(&all(&ordered).await, "name"), ["new", "old"]);
    assert_eq!(shown(&all(&dataset.latest(["id"], None).unwrap()).await, "name"), ["new"]);
}

#[tokio::test]
async fn a_statement_gives_its_rows_and_one_that_writes_is_not_sent() {
    let Some(lake) = Lake::new("statements", in_parts()).await else { return };
    lake.numbers(2_345).await;
    let warehouse = lake.destination().connect().await.unwrap();
    let sql = r#"select "ID" % 2 as "ODD", count(*) as "N", max("ID") as "LAST" from "NUMBERS" group by 1 order by 1"#;
    let read = warehouse.query(sql).unwrap().collect().await.unwrap();
    assert_eq!(shown(&read, "N"), ["1173", "1172"]);
    assert_eq!(shown(&read, "LAST"), ["2344", "2343"]);
    let all = warehouse.query(r#"select * from "PUBLIC"."NUMBERS""#).unwrap().batch_rows(100);
    assert_eq!(all.collect().await.unwrap().num_rows(), 2_345);
    let error = warehouse.query("select nothing from nowhere").unwrap().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query);
    for writing in ["delete from numbers", "select 1; drop table numbers", "call system$wait(1)"] {
        let refused = match warehouse.query(writing) {
            Ok(query) => query.collect().await.map(drop),
            Err(error) => Err(error),
        };
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput, "{writing}");
    }
    let sent = lake.double.seen("/queries/v1/query-request");
    assert!(!sent.iter().any(|body| body["sqlText"].to_string().contains("delete")));
}

/// The service says what a statement is before it is run.
#[tokio::test]
async fn a_statement_that_turns_out_to_write_is_not_run() {
    let Some(lake) = Lake::new("turns_out", Behaviour { statement_type: Some(0x3100), ..in_parts() }).await
    else {
        return;
    };
    lake.numbers(3).await;
    let warehouse = lake.destination().connect().await.unwrap();
    let before = lake.double.executed();
    let error = warehouse.query("select innocent()").unwrap().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(lake.double.executed(), before);
}

#[tokio::test]
async fn splits_are_read_by_others_from_the_same_result() {
    let Some(lake) = Lake::new("splits", in_parts()).await else { return };
    lake.numbers(9_876).await;
    let splits = lake.dataset("numbers").await.splits(4).await.unwrap();
    assert!(splits.is_one_snapshot());
    assert_eq!(splits.splits().len(), 4);
    // What is written after the plan is not in it.
    lake.write(r#"delete from "PUBLIC"."NUMBERS""#).await;
    let mut ids: Vec<String> = Vec::new();
    for split in splits.splits() {
        let text = serde_json::to_string(split).unwrap();
        assert!(
            !text.contains("hidden") && !text.contains("signature") && !text.contains("sesame"),
            "{text}"
        );
        let split = serde_json::from_str(&text).unwrap();
        // As another process would: with a session of its own.
        let other = lake.destination().connect().await.unwrap();
        let batches: Vec<RecordBatch> = other.read_split(&split).await.unwrap().try_collect().await.unwrap();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert!((1_500..3_500).contains(&rows), "{rows}");
        ids.extend(batches.iter().flat_map(|batch| shown(batch, "ID")));
    }
    ids.sort_by_key(|id| id.parse::<u64>().unwrap());
    assert_eq!(ids, count_up(9_876));
    let mut forgotten = serde_json::to_string(&splits.splits()[0]).unwrap();
    for id in lake.double.results() {
        forgotten = forgotten.replace(&id, "00000000-gone");
    }
    let error = lake
        .destination()
        .connect()
        .await
        .unwrap()
        .read_split(&serde_json::from_str(&forgotten).unwrap())
        .await
        .unwrap_err();
    assert!(error.hint().unwrap().contains("24 hours"), "{error:?}");
}

#[tokio::test]
async fn parts_are_read_side_by_side() {
    let Some(lake) = Lake::new("side_by_side", in_parts()).await else { return };
    lake.numbers(20_010).await;
    let batches = lake.dataset("numbers").await.read_parallel(4).await.unwrap();
    let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    let mut ids: Vec<String> = batches.iter().flat_map(|batch| shown(batch, "ID")).collect();
    ids.sort_by_key(|id| id.parse::<u64>().unwrap());
    assert_eq!(ids, count_up(20_010));
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_told_with_what_is() {
    let Some(lake) = Lake::new("missing", in_parts()).await else { return };
    lake.numbers(3).await;
    let warehouse = lake.destination().connect().await.unwrap();
    let error = warehouse.dataset(&StreamSpec::new("nambers")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.to_string().contains("PUBLIC.NAMBERS"), "{error}");
    assert!(error.hint().unwrap().contains("PUBLIC.NUMBERS"), "{:?}", error.hint());
}

#[tokio::test]
async fn tables_are_selected_where_they_cannot_be_shown() {
    let Some(lake) = Lake::new("selected", Behaviour { shows_nothing: true, ..in_parts() }).await else {
        return;
    };
    lake.numbers(3).await;
    assert_eq!(all(&lake.dataset("numbers").await).await.num_rows(), 3);
}

#[tokio::test]
async fn what_changes_after_the_dataset_was_opened_is_an_error() {
    let Some(lake) = Lake::new("changing", in_parts()).await else { return };
    lake.numbers(3).await;
    let dataset = lake.dataset("numbers").await;
    lake.write(r#"create or replace table "PUBLIC"."NUMBERS" as select 'one' as "ID", 'text' as "NAME""#)
        .await;
    let error = dataset.head(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(error.to_string().contains("ID"), "{error}");
    lake.write(r#"drop table "PUBLIC"."NUMBERS""#).await;
    let error = dataset.head(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(error.to_string().contains("NUMBERS"), "{error}");
}

/// Nothing but reads reaches the service, whichever way is taken.
#[tokio::test]
async fn only_reads_are_sent() {
    let Some(lake) = Lake::new("reads", in_parts()).await else { return };
    lake.write(
        r#"create or replace table "PUBLIC"."ROWS" as
           select cast(n % 1000 as number(38, 0)) as "n", cast(n as number(38, 0)) as "id", 'text ' || n as "name",
                  cast(7 as number(38, 0)) as "_AIRBYTE_GENERATION_ID"
           from (select row_number() over (order by seq8()) as n from table(generator(rowcount => 2000)))"#,
    )
    .await;
    let destination = lake.destination();
    let connect = async || destination.connect().await.unwrap();
    crate::only_reads::read_in_every_way(connect, &StreamSpec::new("rows"), 2_000).await;
    let statements = lake.double.seen("/queries/v1/query-request");
    assert!(statements.len() >= 30, "{}", statements.len());
    for statement in statements {
        let sql = statement["sqlText"].as_str().unwrap();
        assert!(sql.starts_with("select ") || sql.starts_with("show terse "), "{sql}");
    }
}
