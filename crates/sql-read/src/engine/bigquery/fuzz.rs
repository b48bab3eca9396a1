//! What the service, or somebody in its place, may send for rows.

use google_cloud_bigquery::model::{ArrowRecordBatch, ReadRowsResponse};

use super::session::{decode, decoder};
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

decoder!(arrow_schema, bytes);
fn arrow_schema(schema: &[u8]) {
    for message in corpus("arrow_rows") {
        let _ = rows(schema, &message, 3);
    }
}

decoder!(arrow_rows, bytes);
/// What is taken has as many rows as the service said.
fn arrow_rows(message: &[u8]) {
    let schema = &corpus("arrow_schema")[0];
    for count in [3, 0, 1, -1, i64::MAX] {
        if let Some(rows) = rows(schema, message, count) {
            assert_eq!(i64::try_from(rows), Ok(count));
        }
    }
}

#[test]
fn the_corpus_is_what_the_service_sends() {
    let (schema, rows_of) = (&corpus("arrow_schema")[0], corpus("arrow_rows"));
    let counted: Vec<_> =
        [0, 3].iter().flat_map(|count| rows_of.iter().map(|message| rows(schema, message, *count))).collect();
    assert_eq!(counted, [Some(0), None, None, Some(3)]);
}
