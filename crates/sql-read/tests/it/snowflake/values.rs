//! Values of every type, in every form in which results come.

use arrow_schema::{DataType, TimeUnit};

use super::double::Behaviour;
use super::{Lake, all, in_parts};
use crate::edge_values::{self, assert_same};
use crate::support::shown;

#[tokio::test]
async fn every_type_has_its_arrow_type_and_keeps_its_value() {
    let Some(lake) = Lake::new("types", in_parts()).await else { return };
    // The emulator keeps NUMBER(38, 0) in 64 bits.
    lake.write(
        r#"create table "PUBLIC"."TYPES" ("N" number(37, 0), "I" number(9, 0), "D" number(38, 9), "F" float, "S" varchar,
           "B" boolean, "DAY" date, "T" time, "NTZ" timestamp_ntz, "TZ" timestamp_tz, "V" variant, "X" binary)"#,
    )
    .await;
    lake.write(
        r#"insert into "PUBLIC"."TYPES" select '9999999999999999999999999999999999999', -7, -0.000000001, 0.1, '', true,
           '0001-01-01', '23:59:59.999999', '9999-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999'::timestamp_tz,
           parse_json('{"b": 1.5, "a": [null]}'), to_binary('00ff', 'HEX')
           union all select null, null, null, null, null, null, null, null, null, null, null, null"#,
    )
    .await;
    let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let expected = [
        ("N", DataType::Decimal128(37, 0), "9999999999999999999999999999999999999"),
        ("I", DataType::Int64, "-7"),
        ("D", DataType::Decimal128(38, 9), "-0.000000001"),
        ("F", DataType::Float64, "0.1"),
        ("S", DataType::Utf8, ""),
        ("B", DataType::Boolean, "true"),
        ("DAY", DataType::Date32, "0001-01-01"),
        ("T", DataType::Time64(TimeUnit::Nanosecond), "23:59:59.999999"),
        ("NTZ", micros(None), "9999-12-31T23:59:59.999999"),
        ("TZ", micros(Some("UTC")), "1969-12-31T23:59:59.999999Z"),
        ("V", DataType::Utf8, r#"{"b":1.5,"a":[null]}"#),
        ("X", DataType::Binary, "00ff"),
    ];
    for behaviour in forms() {
        lake.double.behave(|now| *now = behaviour);
        let dataset = lake.dataset("types").await;
        assert_eq!(
            dataset.schema().field_with_name("V").unwrap().metadata()["ARROW:extension:name"],
            "arrow.json"
        );
        let read = all(&dataset).await;
        assert_eq!(read.num_rows(), 2);
        for (column, data_type, value) in &expected {
            assert_eq!(read.schema().field_with_name(column).unwrap().data_type(), data_type, "{column}");
            let mut values = shown(&read, column);
            values.sort();
            let mut wanted = vec![(*value).to_owned(), "NULL".to_owned()];
            wanted.sort();
            assert_eq!(values, wanted, "{column}");
        }
        let texts = all(&dataset.text_columns(["N", "D"]).unwrap().columns(["D", "N"]).unwrap()).await;
        assert!(shown(&texts, "D").contains(&"-0.000000001".to_owned()));
    }
}

/// Inline, in parts, and as JSON.
fn forms() -> [Behaviour; 4] {
    [
        Behaviour::default(),
        Behaviour { part_rows: 300, ..Behaviour::default() },
        Behaviour { json: true, ..Behaviour::default() },
        Behaviour { json: true, part_rows: 1, inline_rows: 1, ..Behaviour::default() },
    ]
}

#[tokio::test]
async fn the_edges_of_every_type_are_the_same_in_every_form() {
    let Some(lake) = Lake::new("edges", in_parts()).await else { return };
    lake.write(
        r#"create table "PUBLIC"."EDGES" ("id" number(38, 0), "boolean" boolean, "integer" number(38, 0),
           "number" number(38, 9), "float" float, "string" varchar, "date" date, "time_without_timezone" time,
           "timestamp_without_timezone" timestamp_ntz, "timestamp_with_timezone" timestamp_tz, "json" variant)"#,
    )
    .await;
    let written = edge_values::table();
    let names: Vec<String> = written.schema().fields().iter().map(|field| field.name().clone()).collect();
    let rows: Vec<String> = (0..edge_values::ROWS)
        .map(|row| {
            let cells = names.iter().map(|name| match edge_values::text(&written, name, row) {
                Some(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
                None => "null".to_owned(),
            });
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        })
        .collect();
    for rows in rows.chunks(200) {
        lake.write(&format!(
            r#"insert into "PUBLIC"."EDGES" select column1, column2, column3, column4, column5, column6, column7, column8,
               column9, column10, parse_json(column11) from values {}"#,
            rows.join(", ")
        ))
        .await;
    }
    for behaviour in forms().into_iter().take(3) {
        lake.double.behave(|now| *now = behaviour);
        assert_same(&all(&lake.dataset("edges").await).await, &[]);
    }
}

#[tokio::test]
async fn the_table_of_types_is_what_the_emulator_gives() {
    let Some(lake) = Lake::new("types_table", in_parts()).await else { return };
    let columns = crate::types::columns(airbyte_sql_read::DestinationKind::Snowflake).to_uppercase();
    lake.write(&format!(r#"create table "PUBLIC"."EVERY" ({columns})"#)).await;
    let dataset = lake.dataset("every").await;
    crate::types::check(airbyte_sql_read::DestinationKind::Snowflake, &dataset);
}
