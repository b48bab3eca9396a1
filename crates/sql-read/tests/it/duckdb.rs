//! DuckDB files, as the connector writes them and as others do.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use adbc_core::options::{AdbcVersion, IngestMode, OptionDatabase, OptionStatement};
use adbc_core::{Connection, Database, Driver, Optionable, Statement};
use adbc_driver_manager::{ManagedConnection, ManagedDriver};
use airbyte_sql_read::{Dataset, Destination, Error, ErrorKind, Filter, Format, Order, StreamSpec};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::edge_values::{Difference, assert_same, json_schema, record, same, table};
use crate::support::{destination, shown};

/// DuckDB's library; `None` where it could not be had, and that was said.
pub(crate) fn library() -> Option<PathBuf> {
    if std::env::var_os("AIRBYTE_TEST_SKIP_DUCKDB").is_some() {
        return None;
    }
    let library = std::env::var_os("AIRBYTE_LIBDUCKDB");
    Some(library.expect("AIRBYTE_LIBDUCKDB is not set: run the tests with `cargo xtask test`").into())
}

pub(crate) struct File {
    pub(crate) path: PathBuf,
    _folder: TempDir,
}

impl File {
    /// A file that these statements made.
    pub(crate) fn new(statements: &str) -> Option<Self> {
        let library = library()?;
        let folder = tempfile::tempdir().unwrap();
        let file = Self { path: folder.path().join("out.duckdb"), _folder: folder };
        run(&mut writer(&library, &file.path), statements);
        Some(file)
    }

    /// The connector's raw table with these records.
    fn raw(records: &[&str]) -> Option<Self> {
        let rows: Vec<_> = records
            .iter()
            .enumerate()
            .map(|(n, record)| format!("('id-{n}', '2026-01-01 00:00:00', '{}')", record.replace('\'', "''")))
            .collect();
        let file = Self::new(
            "create table _airbyte_raw_users (_airbyte_ab_id text primary key, _airbyte_emitted_at datetime, _airbyte_data json)",
        )?;
        let insert = format!("insert into _airbyte_raw_users values {}", rows.join(", "));
        execute(&mut writer(&library()?, &file.path), &insert);
        Some(file)
    }

    pub(crate) fn configuration(&self) -> Value {
        json!({"destination_path": self.path})
    }

    pub(crate) async fn dataset(&self, stream: &StreamSpec) -> Dataset {
        destination("duckdb", &self.configuration()).connect().await.unwrap().dataset(stream).await.unwrap()
    }
}

/// A connection that may write.
fn writer(library: &Path, path: &Path) -> ManagedConnection {
    let driver =
        ManagedDriver::load_dynamic_from_filename(library, Some(b"duckdb_adbc_init"), AdbcVersion::V110);
    let path = (OptionDatabase::from("path"), path.to_str().unwrap().into());
    driver.unwrap().new_database_with_opts([path]).unwrap().new_connection().unwrap()
}

fn run(connection: &mut ManagedConnection, statements: &str) {
    for statement in statements.split(';').filter(|text| !text.trim().is_empty()) {
        execute(connection, statement);
    }
}

fn execute(connection: &mut ManagedConnection, sql: &str) {
    let mut statement = connection.new_statement().unwrap();
    statement.set_sql_query(sql).unwrap();
    statement.execute_update().unwrap();
}

fn users() -> StreamSpec {
    StreamSpec::new("users").json_schema(json!({"type": "object", "properties": {
        "id": {"type": ["null", "integer"]},
        "name": {"type": "string"},
        "score": {"type": "number"},
        "at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
        "extra": {"type": "object"}
    }}))
}

#[tokio::test]
async fn records_become_typed_columns_when_the_schema_is_known() {
    let records = [
        r#"{"id": 9007199254740993, "name": "", "score": 0.1, "at": "2026-01-01T02:00:00+02:00", "extra": {"b": 1.10, "a": []}}"#,
        r#"{"id": null, "score": 3}"#,
    ];
    let Some(file) = File::raw(&records) else { return };
    let dataset = file.dataset(&users()).await;
    assert_eq!((dataset.schema_name(), dataset.table_name()), ("main", "_airbyte_raw_users"));
    let batch = dataset.order_by("_airbyte_ab_id", Order::Ascending).unwrap().head(9).await.unwrap();
    assert_eq!(shown(&batch, "id"), ["9007199254740993", "NULL"]);
    assert_eq!(shown(&batch, "name"), ["", "NULL"]);
    assert_eq!(shown(&batch, "score"), ["0.1", "3.0"]);
    assert_eq!(shown(&batch, "at"), ["2026-01-01T00:00:00Z", "NULL"]);
    assert_eq!(shown(&batch, "_airbyte_ab_id"), ["id-0", "id-1"]);
    assert_eq!(shown(&batch, "_airbyte_emitted_at")[0], "2026-01-01T00:00:00");
    let extra: Value = serde_json::from_str(&shown(&batch, "extra")[0]).unwrap();
    assert_eq!(extra, json!({"b": 1.10, "a": []}));
}

#[tokio::test]
async fn records_stay_json_when_it_is_not() {
    let Some(file) = File::raw(&[r#"{"id":1, "b":  1.10}"#]) else { return };
    let batch = file.dataset(&StreamSpec::new("users")).await.head(9).await.unwrap();
    assert_eq!(shown(&batch, "_airbyte_data"), [r#"{"id":1, "b":  1.10}"#]);
}

#[tokio::test]
async fn fields_of_the_record_filter_and_order() {
    let records = [
        r#"{"id": 10, "name": "b", "score": 1.5, "at": "2026-01-01T02:00:00+02:00"}"#,
        r#"{"id": 9, "name": "a'", "score": 20}"#,
        r#"{"id": 9007199254740993, "name": "10"}"#,
        r#"{"id": null}"#,
    ];
    let Some(file) = File::raw(&records) else { return };
    let all = file.dataset(&users()).await.order_by("_airbyte_ab_id", Order::Ascending).unwrap();
    let fits = async |filter: Filter| {
        let chosen = all.clone().filter(filter.clone()).unwrap();
        let found = shown(&chosen.head(9).await.unwrap(), "id");
        assert_eq!(chosen.count().await.unwrap(), found.len() as u64, "{filter:?}");
        found
    };
    assert_eq!(fits(Filter::equal("name", "a'")).await, ["9"]);
    assert_eq!(fits(Filter::equal("name", "10")).await, ["9007199254740993"]);
    assert_eq!(fits(Filter::equal("id", 9_007_199_254_740_992_i64)).await, Vec::<String>::new());
    assert_eq!(fits(Filter::equal("id", 9_007_199_254_740_993_i64)).await, ["9007199254740993"]);
    assert_eq!(fits(Filter::greater("id", 9)).await, ["10", "9007199254740993"]);
    assert_eq!(fits(Filter::at_least("score", 1.5)).await, ["10", "9"]);
    assert_eq!(fits(Filter::greater("score", "1.5").or(Filter::is_null("id"))).await, ["9", "NULL"]);
    let midnight = "2026-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(fits(Filter::equal("at", midnight)).await, ["10"]);
    let by_id = file.dataset(&users()).await.order_by("id", Order::Descending).unwrap();
    let by_id = by_id.filter(Filter::is_not_null("id")).unwrap();
    assert_eq!(shown(&by_id.head(9).await.unwrap(), "id"), ["9007199254740993", "10", "9"]);
}

#[tokio::test]
async fn plain_tables_keep_every_digit() {
    let statements = "create table \"Odd \"\"Name\" as select * from (values
        (127::tinyint, 255::utinyint, 32767::smallint, (-2147483648)::int, 9223372036854775807::bigint, 18446744073709551615::ubigint,
         170141183460469231731687303715884105727::hugeint, 340282366920938463463374607431768211455::uhugeint,
         99999999999999999999999999999.999999999::decimal(38, 9), 'nan'::double, '-infinity'::float, true, '', '\\x00\\xFF'::blob,
         date '0001-01-01', time '23:59:59.999999', '23:59:59.999999-08:30'::timetz, timestamp '9999-12-31 23:59:59.999999',
         timestamptz '2026-01-01 00:00:00+02', timestamp_ns '2026-01-01 00:00:00.123456789', interval '3000000 hours',
         '00000000-0000-4000-8000-000000000001'::uuid, '{\"a\":1.10}'::json, [1, null], {'k': 'v'}, map {'x': 1}, 'b'::enum('a', 'b'), '101'::bit),
        (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
         null, null, null, null, null, null, null, null)
        ) as v (i8, u8, i16, i32, i64, u64, huge, uhuge, dec, f64, f32, bool, text, bytes, day, time, timetz, ts, tstz, ns,
                span, uuid, json, list, row, map, enum, bits)";
    let Some(file) = File::new(statements) else { return };
    let batch = file.dataset(&StreamSpec::new("Odd \"Name")).await.head(9).await.unwrap();
    let expected = [
        ("i8", DataType::Int8, "127"),
        ("u8", DataType::UInt8, "255"),
        ("i16", DataType::Int16, "32767"),
        ("i32", DataType::Int32, "-2147483648"),
        ("i64", DataType::Int64, "9223372036854775807"),
        ("u64", DataType::UInt64, "18446744073709551615"),
        ("huge", DataType::Utf8, "170141183460469231731687303715884105727"),
        ("uhuge", DataType::Utf8, "340282366920938463463374607431768211455"),
        ("dec", DataType::Decimal128(38, 9), "99999999999999999999999999999.999999999"),
        ("f64", DataType::Float64, "NaN"),
        ("f32", DataType::Float32, "-inf"),
        ("bool", DataType::Boolean, "true"),
        ("text", DataType::Utf8, ""),
        ("bytes", DataType::Binary, "00ff"),
        ("day", DataType::Date32, "0001-01-01"),
        ("time", DataType::Time64(TimeUnit::Microsecond), "23:59:59.999999"),
        ("timetz", DataType::Utf8, "23:59:59.999999-08:30"),
        ("ts", DataType::Timestamp(TimeUnit::Microsecond, None), "9999-12-31T23:59:59.999999"),
        ("tstz", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), "2025-12-31T22:00:00Z"),
        ("ns", DataType::Timestamp(TimeUnit::Nanosecond, None), "2026-01-01T00:00:00.123456789"),
        ("span", DataType::Utf8, "3000000:00:00"),
        ("uuid", DataType::Utf8, "00000000-0000-4000-8000-000000000001"),
        ("json", DataType::Utf8, r#"{"a":1.10}"#),
        ("enum", DataType::Utf8, "b"),
        ("bits", DataType::Utf8, "101"),
    ];
    for (name, data_type, value) in expected {
        assert_eq!(batch[name].data_type(), &data_type, "{name}");
        assert_eq!(shown(&batch, name), [value, "NULL"], "{name}");
    }
    assert_eq!(shown(&batch, "list"), ["[1, NULL]", "NULL"]);
    assert_eq!(shown(&batch, "row"), ["{k: v}", "NULL"]);
    assert_eq!(shown(&batch, "map"), ["{x: 1}", "NULL"]);
    assert_ne!(batch["span"].data_type(), &DataType::Interval(IntervalUnit::MonthDayNano));
    assert_eq!(batch.schema().field_with_name("huge").unwrap().metadata()["duckdb:type"], "HUGEINT");
}

#[tokio::test]
async fn a_table_gives_the_edge_values() {
    let made = "create table edges (id bigint not null, boolean boolean, integer bigint, number decimal(38, 9), \"float\" double,
         string varchar, date date, time_without_timezone time, timestamp_without_timezone timestamp,
         timestamp_with_timezone timestamptz, json json)";
    let Some(file) = File::new(made) else { return };
    let mut connection = writer(&library().unwrap(), &file.path);
    let mut insert = connection.new_statement().unwrap();
    insert.set_option(OptionStatement::TargetTable, "edges".into()).unwrap();
    insert.set_option(OptionStatement::IngestMode, IngestMode::Append.into()).unwrap();
    insert.bind(table()).unwrap();
    insert.execute_update().unwrap();
    drop((insert, connection));
    let batch = file.dataset(&StreamSpec::new("edges")).await.head(1_000).await.unwrap();
    assert_same(&batch, &[]);
    let schema = batch.schema();
    assert_eq!(schema.field_with_name("json").unwrap().metadata()["ARROW:extension:name"], "arrow.json");
}

#[tokio::test]
async fn raw_records_give_the_edge_values() {
    let written = table();
    let records: Vec<String> = (0..written.num_rows()).map(|row| record(&written, row)).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let Some(file) = File::raw(&records) else { return };
    let stream = StreamSpec::new("users").json_schema(json_schema());
    // Decimals of 38 digits are no doubles.
    let dataset = file.dataset(&stream).await.text_columns(["number"]).unwrap();
    let difference = Difference {
        column: "json",
        why: "a null in a record is no value",
        is_right: |written, read| same("json", written.filter(|json| *json != "null"), read),
    };
    assert_same(&dataset.head(1_000).await.unwrap(), &[difference]);
}

#[tokio::test]
async fn times_that_arrow_has_not_are_refused_and_come_as_text() {
    for (value, text) in [
        ("'-infinity'::date", "-infinity"),
        ("'-infinity'::timestamp", "-infinity"),
        ("'infinity'::timestamptz", "infinity"),
        ("time '24:00:00'", "24:00:00"),
        ("['infinity'::date]", "[infinity]"),
        ("array_value('-infinity'::date)", "[-infinity]"),
        ("{'a': 'infinity'::timestamp}", "{'a': infinity}"),
        ("map {'a': ['infinity'::date]}", "{a=[infinity]}"),
    ] {
        let made = format!("create table t as select {value} as d union all select null");
        let Some(file) = File::new(&made) else { return };
        let warehouse = destination("duckdb", &file.configuration()).connect().await.unwrap();
        let dataset = warehouse.dataset(&StreamSpec::new("t")).await.unwrap();
        let query = warehouse.query(&format!("select {value} as d")).unwrap();
        for error in [dataset.head(9).await.unwrap_err(), query.collect().await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Value, "{value}");
            assert!(error.to_string().contains("`d`"), "{error}");
        }
        let texts = dataset.text_columns(["d"]).unwrap().head(9).await.unwrap();
        assert_eq!(shown(&texts, "d"), [text, "NULL"], "{value}");
    }
}

#[tokio::test]
async fn statements_give_as_text_what_tables_give_so() {
    let Some(file) = File::new("create table t (n int)") else { return };
    let warehouse = destination("duckdb", &file.configuration()).connect().await.unwrap();
    let sql = "select 1 as n, '23:59:59-08:30'::timetz as z, interval '3000000 hours' as i, 'b'::enum('a', 'b') as i,
        '170141183460469231731687303715884105729'::uhugeint as \"U \"\"\", [1::hugeint, null] as l -- the last one";
    let row = warehouse.query(sql).unwrap().collect().await.unwrap();
    let names: Vec<_> = row.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["n", "z", "i", "i", "U \"", "l"]);
    assert_eq!(row["n"].data_type(), &DataType::Int32);
    let column = |(at, name): (usize, &String)| shown(&row.project(&[at]).unwrap(), name);
    let values: Vec<_> = names.iter().enumerate().flat_map(column).collect();
    let large = "170141183460469231731687303715884105729";
    assert_eq!(values, ["1", "23:59:59-08:30", "3000000:00:00", "b", large, "[1, NULL]"]);
    // Sums stay numbers, as long as they are ones that Arrow has.
    let sum =
        |text: &str| warehouse.query(&format!("select sum({text}::bigint) as s from range(2)")).unwrap();
    let row = sum("9223372036854775807").collect().await.unwrap();
    assert_eq!(row["s"].data_type(), &DataType::Decimal128(38, 0));
    assert_eq!(shown(&row, "s"), ["18446744073709551614"]);
    let most = warehouse.query("select 100000000000000000000000000000000000000::hugeint as h").unwrap();
    let error = most.collect().await.unwrap_err();
    assert!(error.to_string().contains("39 digits"), "{error}");
}

#[tokio::test]
async fn a_read_streams_filters_orders_and_is_exported() {
    let made = "create table rows as select range as n, 'row ' || range as text, (range * 1.5)::decimal(20, 2) as amount from range(300000)";
    let Some(file) = File::new(made) else { return };
    let all = file.dataset(&StreamSpec::new("rows")).await;
    let batches: Vec<_> = all.clone().batch_rows(1000).batches().await.unwrap().try_collect().await.unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 1000));
    assert_eq!(batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 300_000);
    let few = all
        .clone()
        .filter(Filter::at_least("n", 100).and(Filter::Not(Box::new(Filter::equal("text", "row 299999")))))
        .unwrap()
        .order_by("n", Order::Descending)
        .unwrap()
        .limit(2);
    assert_eq!(shown(&few.head(9).await.unwrap(), "n"), ["299998", "299997"]);
    assert_eq!(few.count().await.unwrap(), 2);
    let parquet = file.path.with_file_name("rows.parquet");
    assert_eq!(all.export(&parquet, Format::Parquet).await.unwrap().rows, 300_000);
    // The file can be written again at once: no read holds it.
    run(&mut writer(&library().unwrap(), &file.path), "insert into rows values (1, '', 1)");
    assert_eq!(file.dataset(&StreamSpec::new("rows")).await.count().await.unwrap(), 300_001);
}

#[tokio::test]
async fn an_order_that_does_not_fit_into_memory_is_made_on_the_disk() {
    let made = "create table rows as select range as n, md5(range::varchar) || md5('a' || range) as text from range(1500000)";
    let Some(file) = File::new(made) else { return };
    let ordered = file.dataset(&StreamSpec::new("rows")).await.order_by("text", Order::Descending).unwrap();
    let mut batches = ordered.batches().await.unwrap();
    let (mut rows, mut last) = (0, "~".to_owned());
    while let Some(batch) = batches.try_next().await.unwrap() {
        for text in [shown(&batch.slice(0, 1), "text"), shown(&batch.slice(batch.num_rows() - 1, 1), "text")]
        {
            assert!(text[0] <= last, "{} after {last}", text[0]);
            last.clone_from(&text[0]);
        }
        rows += batch.num_rows();
    }
    assert_eq!(rows, 1_500_000);
    let mut little = json!({"destinationType": "duckdb", "configuration": file.configuration()});
    little["adbc"] = json!({"options": {"memory_limit": "4MB"}});
    let warehouse = Destination::from_json(&little).unwrap().connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    let error = dataset.order_by("text", Order::Descending).unwrap().head(u64::MAX).await.unwrap_err();
    assert!(error.to_string().contains("Out of Memory"), "{error}");
    assert!(error.hint().unwrap().contains("memory_limit"), "{error:?}");
}

#[tokio::test]
async fn a_query_that_fails_on_its_way_is_an_error_and_never_the_end() {
    let made = "create view broken as select case when range = 250000 then error('over') else range end as n from range(300000)";
    let Some(file) = File::new(made) else { return };
    // One thread, so that the error is that of the value. Of several, whichever is heard first tells.
    let one = json!({"options": {"threads": "1"}});
    let document = json!({"destinationType": "duckdb", "configuration": file.configuration(), "adbc": one});
    let warehouse = Destination::from_json(&document).unwrap().connect().await.unwrap();
    let (rows, error) =
        read_until_it_fails(&warehouse.dataset(&StreamSpec::new("broken")).await.unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Query);
    // It might ask what time it is.
    let broken = warehouse.dataset(&StreamSpec::new("broken")).await.unwrap();
    assert!(!broken.splits(2).await.unwrap().is_repeatable());
    assert!(rows > 0 && error.to_string().contains("over"), "{rows} rows, {error}");

    let (rows, error) = read_until_it_fails(&file.dataset(&StreamSpec::new("broken")).await).await;
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(rows < 300_000);
    let told =
        error.to_string().contains("over") || error.hint().is_some_and(|hint| hint.contains("threads"));
    assert!(told, "{error:?}");
}

async fn read_until_it_fails(dataset: &Dataset) -> (usize, Error) {
    let mut batches = dataset.batches().await.unwrap();
    let mut rows = 0;
    loop {
        match batches.try_next().await {
            Ok(Some(batch)) => rows += batch.num_rows(),
            Ok(None) => panic!("the data ended after {rows} rows"),
            Err(error) => return (rows, error),
        }
    }
}

#[tokio::test]
async fn statements_and_parts_are_read_by_others() {
    let Some(file) =
        File::new("create table rows as select range as n, range % 7 as rest from range(500000)")
    else {
        return;
    };
    let warehouse = destination("duckdb", &file.configuration()).connect().await.unwrap();
    let groups =
        warehouse.query("select rest, count(*) as rows from rows group by all order by rest;").unwrap();
    let groups = groups.collect().await.unwrap();
    assert_eq!(shown(&groups, "rest"), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(shown(&groups, "rows")[0], "71429");
    for refused in
        ["drop table rows", "select 1; select 2", "copy rows to 'x.csv'", "insert into rows values (1, 2)"]
    {
        assert_eq!(warehouse.query(refused).unwrap_err().kind(), ErrorKind::InvalidInput, "{refused}");
    }
    let all = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    let evens = all.filter(Filter::equal("rest", 2)).unwrap();
    let splits = evens.splits(3).await.unwrap();
    assert!(splits.is_one_snapshot() && splits.is_repeatable());
    assert_eq!(splits.splits().len(), 3);
    let mut rows = 0;
    for split in splits.splits() {
        let sent = serde_json::to_string(split).unwrap();
        let other = destination("duckdb", &file.configuration()).connect().await.unwrap();
        let batches = other.read_split(&serde_json::from_str(&sent).unwrap()).await.unwrap();
        rows += batches
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .iter()
            .map(arrow_array::RecordBatch::num_rows)
            .sum::<usize>();
    }
    assert_eq!(rows as u64, evens.count().await.unwrap());
    let parallel: Vec<_> = evens.read_parallel(2).await.unwrap().try_collect().await.unwrap();
    assert_eq!(parallel.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), rows);
}

#[tokio::test]
async fn names_are_found_in_the_schema_of_the_configuration() {
    let made = "create schema raw; create table raw._airbyte_raw_users (_airbyte_data json); create table main.other (n int)";
    let Some(file) = File::new(made) else { return };
    let mut configuration = file.configuration();
    configuration["schema"] = json!("raw");
    let warehouse = destination("duckdb", &configuration).connect().await.unwrap();
    let located = warehouse.locate(&StreamSpec::new("Users")).await.unwrap();
    assert_eq!((located.schema.as_str(), located.table.as_str()), ("raw", "_airbyte_raw_users"));
    let error = warehouse.dataset(&StreamSpec::new("user")).await.unwrap_err();
    assert!(error.hint().unwrap().contains("raw._airbyte_raw_users"), "{error:?}");
}

/// Holds a file open for writing until its input ends: the tests start themselves for it, as locks are between processes.
#[test]
#[ignore = "started by another test"]
fn hold_for_writing() {
    let path = std::env::var("AIRBYTE_TEST_HOLD").unwrap();
    let _connection = writer(&library().unwrap(), Path::new(&path));
    std::fs::write(format!("{path}.held"), "").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Whether another process can write the file, as nobody else has it open.
pub(crate) fn can_be_written(path: &Path) -> bool {
    let writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "duckdb::hold_for_writing", "--ignored"])
        .env("AIRBYTE_TEST_HOLD", path)
        .stdin(Stdio::null())
        .output();
    writer.unwrap().status.success()
}

#[tokio::test]
async fn a_file_that_is_being_written_says_so() {
    let Some(file) = File::new("create table t (n int)") else { return };
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "duckdb::hold_for_writing", "--ignored"])
        .env("AIRBYTE_TEST_HOLD", &file.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let held = PathBuf::from(format!("{}.held", file.path.display()));
    while !held.exists() {
        assert!(holder.try_wait().unwrap().is_none(), "the writer ended");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let error = destination("duckdb", &file.configuration()).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("being written by another process"), "{error}");
    assert!(error.hint().unwrap().contains("when the sync is over"), "{error:?}");
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert_eq!(file.dataset(&StreamSpec::new("t")).await.count().await.unwrap(), 0);
}
