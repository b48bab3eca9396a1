//! A thousand rows with the edges of every type that Airbyte has, to be loaded into each engine and read back.
//!
//! [`table`] gives the values as Arrow, [`text`] one of them in the form in which databases read it, and
//! [`assert_same`] compares what an engine gives. What an engine cannot hold is named there, with the reason.

use std::sync::Arc;

use airbyte_sql_read::StreamSpec;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use futures::SinkExt;
use serde_json::{Value, json};

use crate::support::{Schema, destination};

/// Rows of the table. `id` counts them from 0.
pub(crate) const ROWS: usize = 1_000;

/// The columns by the names of Airbyte's types. All but `id` hold NULL in some rows, and every edge at least once.
///
/// | column | Arrow | edges |
/// |---|---|---|
/// | `id` | `Int64` | the row, never NULL |
/// | `boolean` | `Boolean` | both |
/// | `integer` | `Int64` | both ends, and where a double loses count |
/// | `number` | `Decimal128(38, 9)` | full width, smallest fraction |
/// | `float` | `Float64` | ends, subnormal, negative zero; finite, since JSON and some databases know no others |
/// | `string` | `Utf8` | empty, quotes, line ends, every plane of Unicode, 100,000 characters |
/// | `date` | `Date32` | years 1 and 9999, leap days, the change of calendars |
/// | `time_without_timezone` | `Time64(us)` | both ends of the day |
/// | `timestamp_without_timezone` | `Timestamp(us)` | years 1 and 9999, before the epoch, a microsecond |
/// | `timestamp_with_timezone` | `Timestamp(us, UTC)` | the same |
/// | `json` | `Utf8` | objects, arrays, scalars and the JSON null |
pub(crate) fn table() -> RecordBatch {
    let ids: ArrayRef = Arc::new((0..).take(ROWS).map(Some).collect::<Int64Array>());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", ids),
        ("boolean", Arc::new(BooleanArray::from(cells(&[true, false], |n| n % 2 == 0)))),
        ("integer", Arc::new(Int64Array::from(cells(&integers(), |n| number(n).cast_signed())))),
        ("number", decimals()),
        ("float", Arc::new(Float64Array::from(cells(&FLOATS, double)))),
        ("string", Arc::new(StringArray::from(cells(&strings(), |n| format!("text {n} žluť 🐎"))))),
        ("date", Arc::new(Date32Array::from(cells(&dates(), |n| (number(n) % 40_000) as i32)))),
        ("time_without_timezone", times()),
        ("timestamp_without_timezone", Arc::new(timestamps())),
        ("timestamp_with_timezone", Arc::new(timestamps().with_timezone("UTC"))),
        (
            "json",
            Arc::new(StringArray::from(cells(&documents(), |n| format!(r#"{{"n":{n},"list":[{n},null]}}"#)))),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, name != "id")),
    )
    .unwrap()
}

/// The JSON schema of the stream, as a source would tell it.
pub(crate) fn json_schema() -> Value {
    let text = |format: &str, airbyte_type: &str| json!({"type": ["null", "string"], "format": format, "airbyte_type": airbyte_type});
    json!({"type": "object", "properties": {
        "id": {"type": "integer"},
        "boolean": {"type": ["null", "boolean"]},
        "integer": {"type": ["null", "integer"]},
        "number": {"type": ["null", "number"]},
        "float": {"type": ["null", "number"]},
        "string": {"type": ["null", "string"]},
        "date": {"type": ["null", "string"], "format": "date"},
        "time_without_timezone": text("time", "time_without_timezone"),
        "timestamp_without_timezone": text("date-time", "timestamp_without_timezone"),
        "timestamp_with_timezone": text("date-time", "timestamp_with_timezone"),
        "json": {"type": ["null", "object", "array", "string", "number", "boolean"]},
    }})
}

/// The edges first, a NULL after them, then values that `fill` makes, with a NULL in each tenth row.
fn cells<T: Clone>(edges: &[T], fill: impl Fn(usize) -> T) -> Vec<Option<T>> {
    (0..ROWS)
        .map(|row| match edges.get(row) {
            Some(edge) => Some(edge.clone()),
            None if row == edges.len() || row % 10 == 9 => None,
            None => Some(fill(row)),
        })
        .collect()
}

fn integers() -> Vec<i64> {
    let edges =
        [0, 1, 127, 128, 32_767, 2_147_483_647, 2_147_483_648, (1 << 53) - 1, (1 << 53) + 1, i64::MAX];
    edges.iter().copied().chain(edges.iter().map(|edge| -edge)).chain([i64::MIN]).collect()
}

const FLOATS: [f64; 12] = [
    0.0,
    -0.0,
    0.1,
    -0.1,
    1.0 / 3.0,
    1e15,
    1e16,
    123_456_789.123_456_79,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
];

fn decimals() -> ArrayRef {
    let widest = 10_i128.pow(38) - 1;
    let edges = [0, 1, -1, 1_000_000_000, 100_000_000, 10_i128.pow(37), widest, -widest];
    let cells = cells(&edges, |n| i128::from(number(n).cast_signed()) * 1_000_003);
    Arc::new(Decimal128Array::from(cells).with_precision_and_scale(38, 9).unwrap())
}

fn strings() -> Vec<String> {
    let mut edges: Vec<String> = [
        "",
        " ",
        "NULL",
        "null",
        "\\N",
        "\\",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "'; drop table x; --",
        "\"quoted\", 'twice'",
        "žluťoučký kůň",
        "e\u{301} is not é",
        "\u{200b}\u{feff}",
        "مرحبا",
        "北京",
        "👩‍👩‍👧‍👦",
        "\u{10ffff}",
        "\u{1}\u{7f}",
        "{\"not\": \"json\"",
        "2024-01-01",
        "0012",
        "1e5",
        "true",
    ]
    .map(str::to_owned)
    .into();
    edges.push("long ž".repeat(100_000 / 6));
    edges
}

fn dates() -> Vec<i32> {
    [
        (1, 1, 1),
        (1582, 10, 4),
        (1582, 10, 15),
        (1900, 2, 28),
        (1969, 12, 31),
        (1970, 1, 1),
        (2000, 2, 29),
        (9999, 12, 31),
    ]
    .map(|(year, month, day)| Date32Type::from_naive_date(NaiveDate::from_ymd_opt(year, month, day).unwrap()))
    .into()
}

fn times() -> ArrayRef {
    const DAY: i64 = 86_400_000_000;
    let edges = [0, 1, 999_999, 43_200_000_000, DAY - 1_000_000, DAY - 1];
    Arc::new(Time64MicrosecondArray::from(cells(&edges, |n| (number(n) % DAY.unsigned_abs()).cast_signed())))
}

fn timestamps() -> TimestampMicrosecondArray {
    let edges = [
        "0001-01-01T00:00:00",
        "1582-10-15T00:00:00",
        "1899-12-31T23:59:59.999999",
        "1969-12-31T23:59:59.999999",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00.000001",
        "2016-12-31T23:59:59",
        "2024-02-29T12:34:56.1",
        "2038-01-19T03:14:08",
        "9999-12-31T23:59:59.999999",
    ]
    .map(|text| text.parse::<NaiveDateTime>().unwrap().and_utc().timestamp_micros());
    TimestampMicrosecondArray::from(cells(&edges, |n| (number(n) % 4_000_000_000_000_000).cast_signed()))
}

fn documents() -> Vec<String> {
    [
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "\"\"",
        "\"text\"",
        r#"{"a":{"b":[1,{"c":null}]}}"#,
        r#"{"":"nameless"}"#,
        r#"{"quote":"\" \\ \n \u00e9 🐎"}"#,
        "[1,1.5,-2,1e2]",
        "9007199254740993",
    ]
    .map(str::to_owned)
    .into()
}

/// A number that looks random and is the same in every run: the finaliser of SplitMix64.
fn number(n: usize) -> u64 {
    let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[expect(clippy::cast_precision_loss, reason = "any double will do")]
fn double(n: usize) -> f64 {
    (number(n) >> 11) as f64 / f64::from(1 << 20) - 4e9
}

/// A value in the form in which databases read it: ISO 8601 for times, the shortest exact form for doubles. `None` is
/// NULL.
pub(crate) fn text(table: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let values = table.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    if values.is_null(row) {
        return None;
    }
    Some(match values.data_type() {
        DataType::Float64 => format!("{:e}", values.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => {
            Date32Type::to_naive_date_opt(values.as_primitive::<Date32Type>().value(row)).unwrap().to_string()
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            let nanos = values.as_primitive::<Time64NanosecondType>().value(row);
            assert_eq!(nanos % 1_000, 0, "no edge is finer than microseconds");
            (NaiveTime::MIN + TimeDelta::nanoseconds(nanos)).format("%H:%M:%S%.6f").to_string()
        }
        DataType::Time64(_) => {
            let micros = values.as_primitive::<Time64MicrosecondType>().value(row);
            let time = NaiveTime::MIN + TimeDelta::microseconds(micros);
            time.format("%H:%M:%S%.6f").to_string()
        }
        DataType::Timestamp(_, zone) => {
            let micros = values.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            let zone = if zone.is_some() { "Z" } else { "" };
            format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.6f"))
        }
        _ => {
            let formatter = ArrayFormatter::try_new(values, &FormatOptions::new()).unwrap();
            formatter.value(row).to_string()
        }
    })
}

/// A record of the stream as a source sends it.
pub(crate) fn record(table: &RecordBatch, row: usize) -> String {
    let schema = table.schema();
    let members = schema.fields().iter().filter_map(|field| {
        let value = text(table, field.name(), row)?;
        let json = match field.name().as_str() {
            "id" | "boolean" | "integer" | "number" | "float" | "json" => value,
            _ => serde_json::to_string(&value).unwrap(),
        };
        Some(format!("{:?}:{json}", field.name()))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// What an engine gives otherwise than it was given, and why.
pub(crate) struct Difference {
    pub(crate) column: &'static str,
    pub(crate) why: &'static str,
    /// Whether the value that was read is right, given the one that was written.
    pub(crate) is_right: fn(written: Option<&str>, read: Option<&str>) -> bool,
}

/// Fails unless `read`, in any order of rows and with any further columns, holds the values of [`table`]: as they
/// were written, or as the differences say. A column may have another type if its values say the same.
pub(crate) fn assert_same(read: &RecordBatch, differences: &[Difference]) {
    let written = table();
    assert_eq!(read.num_rows(), ROWS, "rows");
    let ids = text_ids(read);
    for field in written.schema().fields() {
        let name = field.name().as_str();
        let difference = differences.iter().find(|difference| difference.column == name);
        for (place, id) in ids.iter().enumerate() {
            let (before, after) = (text(&written, name, *id), text(read, name, place));
            let right = match difference {
                Some(difference) => (difference.is_right)(before.as_deref(), after.as_deref()),
                None => same(name, before.as_deref(), after.as_deref()),
            };
            let why = difference.map_or("", |difference| difference.why);
            let cut = |text: Option<String>| text.map(|text| text.chars().take(200).collect::<String>());
            assert!(right, "{name} of {id}: wrote {:?}, read {:?} {why}", cut(before), cut(after));
        }
    }
}

fn text_ids(read: &RecordBatch) -> Vec<usize> {
    let ids: Vec<usize> =
        (0..read.num_rows()).map(|row| text(read, "id", row).unwrap().parse().unwrap()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..ROWS).collect::<Vec<_>>(), "ids");
    ids
}

/// Whether two texts say the same: JSON by its meaning, numbers with all their digits, everything else to the letter.
pub(crate) fn same(column: &str, written: Option<&str>, read: Option<&str>) -> bool {
    let (Some(written), Some(read)) = (written, read) else { return written == read };
    match column {
        "json" => match (serde_json::from_str(written), serde_json::from_str(read)) {
            (Ok(written), Ok(read)) => number_forms(written) == number_forms(read),
            _ => false,
        },
        "number" => digits(written) == digits(read),
        "float" => written.parse::<f64>().map(f64::to_bits) == read.parse::<f64>().map(f64::to_bits),
        _ => written == read,
    }
}

/// JSON has one kind of number, so that databases may write `100` for `1e2`.
fn number_forms(value: Value) -> Value {
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers up to 2^53 are exact in both")]
        Value::Number(number) => match number.as_f64() {
            Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < 9e15 => {
                Value::from(double as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(number_forms).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, number_forms(value))).collect()
        }
        other => other,
    }
}

/// A decimal without zeros that say nothing.
fn digits(text: &str) -> (bool, &str, &str) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
}

#[test]
fn the_table_has_every_edge_and_every_column_is_null_somewhere() {
    let table = table();
    assert_eq!(table.num_rows(), ROWS);
    for (field, column) in table.schema().fields().iter().zip(table.columns()) {
        assert_eq!(column.null_count() > 0, field.name() != "id", "{}", field.name());
    }
    assert!(table["integer"].as_primitive::<Int64Type>().values().contains(&i64::MIN));
    let widest = table["number"].as_primitive::<Decimal128Type>().value_as_string(6);
    assert_eq!(widest, "99999999999999999999999999999.999999999");
    assert_eq!(text(&table, "timestamp_with_timezone", 0).as_deref(), Some("0001-01-01T00:00:00.000000Z"));
    assert_same(&table, &[]);
}

#[test]
fn other_values_are_not_the_same() {
    assert!(same("number", Some("1.50"), Some("1.5")) && !same("number", Some("1.5"), Some("1.51")));
    assert!(same("json", Some(r#"{"a":1,"b":2}"#), Some(r#"{"b": 2, "a": 1}"#)));
    assert!(!same("json", Some("9007199254740993"), Some("9007199254740992")));
    assert!(!same("float", Some("0e0"), Some("-0e0")) && same("float", Some("1e2"), Some("100")));
    assert!(!same("string", Some(""), None) && same("string", None, None));
}

/// The SQLite connector keeps records as JSON, so that their types are those of JSON and of the stream's schema.
#[tokio::test]
async fn sqlite_s_raw_records_give_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edges.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "create table _airbyte_raw_edges (_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text); begin",
        )
        .unwrap();
    let written = table();
    let mut insert =
        connection.prepare("insert into _airbyte_raw_edges values (?1, '2024-01-01T00:00:00', ?2)").unwrap();
    for row in 0..ROWS {
        insert.execute((row.to_string(), record(&written, row))).unwrap();
    }
    connection.execute_batch("commit").unwrap();
    let destination = destination("sqlite", &json!({"destination_path": file}));
    let stream = StreamSpec::new("edges").json_schema(json_schema());
    let dataset = destination.connect().await.unwrap().dataset(&stream).await.unwrap();
    let misfit = dataset.head(1_000).await.unwrap_err();
    assert!(misfit.to_string().contains("the field `number`"), "{misfit}");
    // Decimals of 38 digits are no doubles.
    let read = dataset.text_columns(["number"]).unwrap().head(1_000).await.unwrap();
    assert_same(
        &read,
        &[Difference {
            column: "json",
            why: "a null in a record is no value",
            is_right: |written, read| same("json", written.filter(|json| *json != "null"), read),
        }],
    );
}

#[tokio::test]
async fn postgres_gives_the_same_values_and_so_does_redshift_s_reader_without_copy() {
    let schema = Schema::new("edge_values").await;
    schema
        .run(
            "create table edges (id bigint not null, boolean boolean, integer bigint, number numeric(38, 9), float float8, \
             string varchar, date date, time_without_timezone time, timestamp_without_timezone timestamp, \
             timestamp_with_timezone timestamptz, json jsonb)",
        )
        .await;
    let written = table();
    let mut csv = String::new();
    for row in 0..ROWS {
        let cells = written
            .schema()
            .fields()
            .iter()
            .map(|field| {
                let cell = text(&written, field.name(), row);
                cell.map_or(String::new(), |cell| format!("\"{}\"", cell.replace('"', "\"\"")))
            })
            .collect::<Vec<_>>();
        csv += &cells.join(",");
        csv.push('\n');
    }
    let copy = schema.client.copy_in("copy edges from stdin (format csv)").await.unwrap();
    let mut copy = std::pin::pin!(copy);
    copy.send(bytes::Bytes::from(csv)).await.unwrap();
    copy.close().await.unwrap();
    for kind in ["postgres", "redshift"] {
        let warehouse = destination(kind, &schema.configuration()).connect().await.unwrap();
        let dataset = warehouse.dataset(&StreamSpec::new("edges")).await.unwrap();
        let read = dataset.head(1_000).await.unwrap();
        assert_same(&read, &[]);
        let types = read.schema().fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
        assert_eq!(
            types,
            table().schema().fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>(),
            "{kind}"
        );
    }
}
