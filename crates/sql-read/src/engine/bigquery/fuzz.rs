//! What the service, or somebody in its place, may send for rows.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use google_cloud_bigquery::model::{ArrowRecordBatch, ReadRowsResponse};

use serde_json::{Map, Value};

use super::session::{decode, decoder};
use super::{intervals, results};
use crate::decoder::{corpus, decoder};

/// What is said to be rows of this schema; `None` if it is refused.
fn rows(schema: &[u8], message: &[u8], count: i64) -> Option<usize> {
    let rows = ArrowRecordBatch::new().set_serialized_record_batch(message.to_vec());
    let response = ReadRowsResponse::new().set_arrow_record_batch(rows).set_row_count(count);
    let batch = decode(&mut decoder(schema).ok()?, &response).ok()?;
    // Whatever was taken can be looked at.
    let _ = format!("{batch:?}");
    Some(batch.num_rows())
}

/// How many rows the service may say that there are.
const COUNTS: [i64; 5] = [3, 0, 1, -1, i64::MAX];

/// Whether rows of this schema are taken, which are as many then as the service said.
fn are_taken(schema: &[u8], message: &[u8]) -> bool {
    let mut taken = false;
    for count in COUNTS {
        if let Some(rows) = rows(schema, message, count) {
            assert_eq!(i64::try_from(rows), Ok(count));
            taken = true;
        }
    }
    taken
}

decoder!(session_schema, bytes);
fn session_schema(schema: &[u8]) -> bool {
    corpus("session_rows")
        .iter()
        .map(|message| are_taken(schema, message))
        .fold(false, |any, taken| any | taken)
}

decoder!(session_rows, bytes);
fn session_rows(message: &[u8]) -> bool {
    are_taken(&corpus("session_schema")[0], message)
}

decoder!(session_both, bytes);
/// A schema and rows, behind each other.
fn session_both(both: &[u8]) -> bool {
    let (schema, message) = both.split_at(corpus("session_schema")[0].len().min(both.len()));
    are_taken(schema, message)
}

decoder!(interval, text);
fn interval(text: &str) -> bool {
    intervals::parse(text).is_some()
}

decoder!(bigquery, bytes);
/// A page of rows as JSON: with a column of each type, it has all rows that came.
fn bigquery(page: &[u8]) -> bool {
    let Ok(page) = serde_json::from_slice::<Vec<Map<String, Value>>>(page) else { return false };
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let days = Fields::from(vec![
        Field::new("start", DataType::Date32, true),
        Field::new("end", DataType::Date32, true),
    ]);
    let pair = Fields::from(vec![
        Field::new("number", DataType::Int64, true),
        Field::new("length", interval.clone(), true),
    ]);
    let types = [
        DataType::Boolean,
        DataType::Int64,
        DataType::Float64,
        DataType::Decimal128(38, 9),
        DataType::Utf8,
        DataType::Binary,
        DataType::Date32,
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        instant,
        interval,
        DataType::Struct(days),
        DataType::Struct(pair),
        DataType::List(Arc::new(Field::new("item", DataType::Int64, true))),
    ];
    let fields = types.into_iter().enumerate();
    let fields: Vec<_> = fields.map(|(place, kind)| Field::new(format!("c{place}"), kind, true)).collect();
    let Ok(batch) = results::decode(&page, &Arc::new(Schema::new(fields))) else { return false };
    assert_eq!(batch.num_rows(), page.len());
    true
}

#[test]
fn the_corpus_is_what_the_service_sends() {
    let (schema, rows_of) = (&corpus("session_schema")[0], corpus("session_rows"));
    let counted: Vec<_> =
        [0, 3].iter().flat_map(|count| rows_of.iter().map(|message| rows(schema, message, *count))).collect();
    assert_eq!(counted, [Some(0), None, None, Some(3)]);
}
