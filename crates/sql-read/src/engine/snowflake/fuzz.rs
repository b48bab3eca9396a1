//! What the service, or somebody in its place, may answer.

use arrow_array::Array;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::answer::{Answer, Envelope, Renewed, Running, SignedIn};
use super::batches;
use super::text_rows;
use super::types::{Kind, field};
use crate::mutated::{corpus, mutated, mutated_text};

proptest! {
    #[test]
    fn answers(body in mutated(corpus("snowflake"))) {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(&body) else { return Ok(()) };
        let _ = envelope.code();
        let Some(data) = envelope.data else { return Ok(()) };
        let _ = serde_json::from_str::<SignedIn>(data.get());
        let _ = serde_json::from_str::<Renewed>(data.get());
        let _ = serde_json::from_str::<Running>(data.get());
        if let Ok(answer) = serde_json::from_str::<Answer>(data.get()) {
            for (index, column) in answer.rowtype.iter().enumerate() {
                let (kind, field) = (Kind::of(column), field(column));
                if let Ok(array) = text_rows::column(&answer.rowset, index, kind) {
                    prop_assert_eq!(array.data_type(), field.data_type());
                    prop_assert_eq!(array.len(), answer.rowset.len());
                }
            }
        }
    }

    #[test]
    fn parts_of_a_result(part in mutated(corpus("arrow")), is_json: bool, skip in 0..4_u64) {
        // Each part has six rows, two or none, and damage makes no more of them than the bytes can hold.
        if let Some(rows) = batches::rows_of_part(part.clone(), is_json, skip) {
            prop_assert!(rows <= part.len() + 64, "{rows} rows");
        }
    }

    #[test]
    fn values(
        texts in vec(option::of(mutated_text(corpus("text"))), 1..4),
        precision in 1..=38_u8,
        scale in 0..=37_i8,
        digits in 0..=9_u8,
    ) {
        use super::types::Zone::{Instant, None as NoZone, Offset};
        let rows: Vec<text_rows::TextRow> = texts.into_iter().map(|text| vec![text]).collect();
        let kinds = [
            Kind::Fixed { precision, scale: scale.min(precision.cast_signed()) },
            Kind::Real,
            Kind::Text,
            Kind::Boolean,
            Kind::Date,
            Kind::Binary,
            Kind::Time { scale: digits },
            Kind::Timestamp { scale: digits, zone: NoZone },
            Kind::Timestamp { scale: digits, zone: Instant },
            Kind::Timestamp { scale: digits, zone: Offset },
        ];
        for kind in kinds {
            if let Ok(array) = text_rows::column(&rows, 0, kind) {
                prop_assert_eq!(array.data_type(), &kind.data_type());
            }
        }
    }
}

#[test]
fn the_corpus_is_what_the_service_sends() {
    let rows: Vec<_> = corpus("arrow")
        .into_iter()
        .map(|part| batches::rows_of_part(part.clone(), part.starts_with(b"["), 0))
        .collect();
    // By their names: none, JSON, without the mark of its end, plain, packed.
    assert_eq!(rows, [Some(0), Some(2), Some(6), Some(6), Some(6)]);
}
