//! Every type's edges, compared with what the server says.

use airbyte_sql_read::ErrorKind;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_schema::{DataType, TimeUnit};

use crate::support::{Schema, shown};

/// Reads `value::type` and NULL as a column and returns its Arrow type and both as text.
async fn read(schema: &Schema, type_name: &str, values: &[&str]) -> (DataType, Vec<String>) {
    schema.run(&format!("drop table if exists edge; create table edge (n int, v {type_name})")).await;
    for (n, value) in values.iter().enumerate() {
        schema.run(&format!("insert into edge values ({n}, $edge${value}$edge$)")).await;
    }
    schema.run("insert into edge values (1000, null)").await;
    let batch = schema
        .dataset("edge")
        .await
        .order_by("n", airbyte_sql_read::Order::Ascending)
        .unwrap()
        .head(2_000)
        .await
        .unwrap_or_else(|error| panic!("{type_name}: {error}"));
    let mut texts = shown(&batch, "v");
    assert_eq!(texts.pop().as_deref(), Some("NULL"), "{type_name}");
    (batch.schema().field_with_name("v").unwrap().data_type().clone(), texts)
}

/// Types whose text is the server's own, to the letter.
#[tokio::test]
async fn texts_are_the_servers_own() {
    let schema = Schema::new("texts_own").await;
    schema.run("create type mood as enum ('sad', 'very \"happy\"')").await;
    let zeros = format!("1{}", "0".repeat(1_000));
    let full = format!("{}.{}", "9".repeat(200), "9".repeat(200));
    let cases: &[(&str, &[&str])] = &[
        ("text", &["", "NULL", "null", "\\N", "a\tb\nc", "žluťoučký 🐎", "'; drop table x; --"]),
        ("varchar(3)", &["", "abc"]),
        ("bpchar", &["a", ""]),
        ("name", &["n"]),
        (
            "numeric",
            &[
                "0",
                "-0.00",
                "NaN",
                "Infinity",
                "-Infinity",
                "1e-16383",
                "0.1",
                "10000",
                "1000000000000000000000000000000.5",
                "-12345678901234567890.098765432109876543210",
                "1.0",
                "1.000000000",
                "0.00001",
                &zeros,
                &full,
            ],
        ),
        ("numeric(50, 3)", &["12345678901234567890123456789012345678901234567.125", "NaN"]),
        ("numeric(4, -2)", &["123400"]),
        ("timetz", &["00:00:00+00", "24:00:00-15:59", "12:34:56.789+05:30", "01:02:03-00:00:01"]),
        ("uuid", &["00000000-0000-0000-0000-000000000000", "0123abcd-ffff-4a4b-8899-deadbeef0001"]),
        ("json", &["{\"a\" : 1,  \"a\":2}", "null", "\"x\"", "12345678901234567890.1"]),
        ("jsonb", &["{\"a\": 2}", "null", "\"x\"", "12345678901234567890.1"]),
        ("mood", &["sad", "very \"happy\""]),
        // Types that the reader does not know come as text.
        ("inet", &["10.0.0.0/8"]),
        ("point", &["(1,2)"]),
        ("int4range", &["[1,5)"]),
        ("xml", &["<a/>"]),
        ("bit(3)", &["101"]),
        ("money", &["$1.50"]),
        ("mood[]", &["{sad}"]),
    ];
    for (type_name, values) in cases {
        let (data_type, texts) = read(&schema, type_name, values).await;
        assert_eq!(data_type, DataType::Utf8, "{type_name}");
        let rows = schema
            .client
            .query("select v::text from edge where v is not null order by n", &[])
            .await
            .unwrap();
        let expected: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(texts, expected, "{type_name}");
    }
}

/// Types with an Arrow type of their own.
#[tokio::test]
async fn values_keep_their_type_and_all_their_digits() {
    let schema = Schema::new("values_keep").await;
    let widest = "9".repeat(38);
    let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let cases: &[(&str, DataType, &[&str], &[&str])] = &[
        ("bool", DataType::Boolean, &["t", "f"], &["true", "false"]),
        ("int2", DataType::Int16, &["-32768", "32767"], &["-32768", "32767"]),
        ("int4", DataType::Int32, &["-2147483648"], &["-2147483648"]),
        ("int8", DataType::Int64, &["-9223372036854775808"], &["-9223372036854775808"]),
        (
            "float8",
            DataType::Float64,
            &["0.1", "NaN", "Infinity", "-1e308"],
            &["0.1", "NaN", "inf", "-1e308"],
        ),
        ("float4", DataType::Float32, &["0.1"], &["0.1"]),
        (
            "numeric(38, 9)",
            DataType::Decimal128(38, 9),
            &["-0.000000001", "12345678901234567890123456789.987654321"],
            &["-0.000000001", "12345678901234567890123456789.987654321"],
        ),
        ("numeric(38)", DataType::Decimal128(38, 0), &[&widest], &[&widest]),
        ("numeric(5, 5)", DataType::Decimal128(5, 5), &["0.00010", "-0.99999"], &["0.00010", "-0.99999"]),
        ("bytea", DataType::Binary, &["", "\\x00ff"], &["", "00ff"]),
        (
            "time",
            DataType::Time64(TimeUnit::Microsecond),
            &["00:00:00", "23:59:59.999999"],
            &["00:00:00", "23:59:59.999999"],
        ),
        ("timestamp", micros(None), &["2026-03-29 02:30:00.000001"], &["2026-03-29T02:30:00.000001"]),
        ("timestamptz", micros(Some("UTC")), &["2026-03-29 02:30:00+02"], &["2026-03-29T00:30:00Z"]),
        (
            "interval",
            DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano),
            &["1 year -2 days 00:00:00.000001"],
            &["12 mons -2 days 0.000001000 secs"],
        ),
    ];
    for (type_name, data_type, values, expected) in cases {
        let (read_type, texts) = read(&schema, type_name, values).await;
        assert_eq!(&read_type, data_type, "{type_name}");
        assert_eq!(&texts, expected, "{type_name}");
    }
    let (list, texts) = read(&schema, "int4[]", &["{1,NULL,3}", "{}", "[5:6]={7,8}"]).await;
    assert!(matches!(list, DataType::List(_)), "{list}");
    assert_eq!(texts, ["[1, NULL, 3]", "[]", "[7, 8]"]);
    let (_, texts) = read(&schema, "text[]", &["{\"\",NULL,\"a,b\"}"]).await;
    assert_eq!(texts, ["[, NULL, a,b]"]);
}

/// Days and instants far away, as numbers: the server's own difference to 1970.
#[tokio::test]
async fn times_far_away_are_exact() {
    let schema = Schema::new("times_far").await;
    let days = ["4713-01-01 BC", "0001-01-01", "0001-12-31 BC", "9999-12-31", "5874897-12-31"];
    schema.run("create table edge (n int, d date, t timestamptz)").await;
    for (n, day) in days.iter().enumerate() {
        // Instants end earlier than days.
        let instant = if n == 4 { "294246-12-31 23:59:59.999999+00" } else { day };
        schema.run(&format!("insert into edge values ({n}, '{day}', '{instant}')")).await;
    }
    let dataset = schema.dataset("edge").await.order_by("n", airbyte_sql_read::Order::Ascending).unwrap();
    let batch = dataset.head(10).await.unwrap();
    let rows = schema
        .client
        .query(
            "select d - date '1970-01-01', (extract(epoch from t) * 1000000)::int8 from edge order by n",
            &[],
        )
        .await
        .unwrap();
    let expected: Vec<(i32, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let days = batch["d"].as_primitive::<Date32Type>().values();
    let instants = batch["t"].as_primitive::<TimestampMicrosecondType>().values();
    let read: Vec<(i32, i64)> = days.iter().copied().zip(instants.iter().copied()).collect();
    assert_eq!(read, expected);
}

/// What Arrow's types do not hold is an error that names the column, and text is the way around it.
#[tokio::test]
async fn values_that_arrow_cannot_hold_are_refused_and_come_as_text() {
    let schema = Schema::new("values_refused").await;
    for (type_name, value) in [
        ("date", "infinity"),
        ("timestamptz", "-infinity"),
        ("timestamp", "infinity"),
        // Counted from 1970 in microseconds, time ends 30 years earlier than counted from 2000.
        ("timestamptz", "294276-12-31 23:59:59.999999+00"),
        ("time", "24:00:00"),
        ("numeric(5, 2)", "NaN"),
        ("int4[]", "{{1,2},{3,4}}"),
        ("interval", "2560000000 hours"),
    ] {
        let case = format!("{type_name} {value}");
        schema.run(&format!("drop table if exists edge; create table edge (v {type_name})")).await;
        schema.run(&format!("insert into edge values ('{value}')")).await;
        let dataset = schema.dataset("edge").await;
        let error = dataset.head(1).await.expect_err(&case);
        assert_eq!(error.kind(), ErrorKind::Value, "{case}: {error}");
        assert!(error.to_string().contains("`v`"), "{error}");
        let texts = shown(&dataset.text_columns(["v"]).unwrap().head(1).await.unwrap(), "v");
        // A session of the reader prints intervals in ISO form, whatever the server's default.
        let query = "set intervalstyle = iso_8601; set timezone = 'UTC'";
        schema.run(query).await;
        let row = schema.client.query_one("select v::text from edge", &[]).await.unwrap();
        assert_eq!(texts, [row.get::<_, String>(0)], "{case}");
    }
}
