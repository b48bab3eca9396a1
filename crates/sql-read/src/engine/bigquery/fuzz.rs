//! What the service, or somebody in its place, may send for rows.

use google_cloud_bigquery::model::{ArrowRecordBatch, ReadRowsResponse};
use proptest::prelude::*;

use super::session::{decode, decoder};
use crate::mutated::{corpus, mutated};

/// What is said to be rows of this schema; `None` if it is refused.
fn rows(schema: &[u8], message: &[u8], count: i64) -> Option<usize> {
    let rows = ArrowRecordBatch::new().set_serialized_record_batch(message.to_vec());
    let response = ReadRowsResponse::new().set_arrow_record_batch(rows).set_row_count(count);
    let batch = decode(&mut decoder(schema).ok()?, &response).ok()?;
    // Whatever was taken can be looked at.
    let _ = format!("{batch:?}");
    Some(batch.num_rows())
}

proptest! {
    #[test]
    fn messages(
        schema in prop_oneof![3 => Just(corpus("arrow_message/schema")[0].clone()), 1 => mutated(corpus("arrow_message/schema"))],
        message in mutated(corpus("arrow_message/rows")),
        count in prop_oneof![4 => Just(3), 1 => any::<i64>()],
    ) {
        if let Some(rows) = rows(&schema, &message, count) {
            prop_assert_eq!(i64::try_from(rows), Ok(count));
        }
    }
}

#[test]
fn the_corpus_is_what_the_service_sends() {
    let (schema, rows_of) = (&corpus("arrow_message/schema")[0], corpus("arrow_message/rows"));
    let counted: Vec<_> =
        [0, 3].iter().flat_map(|count| rows_of.iter().map(|message| rows(schema, message, *count))).collect();
    assert_eq!(counted, [Some(0), None, None, Some(3)]);
}
