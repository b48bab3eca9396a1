//! What the service, or somebody in its place, may answer.

use arrow_array::Array;

use super::answer::{Answer, Envelope, Renewed, Running, SignedIn};
use super::batches;
use super::text_rows;
use super::types::Zone::{Instant, None as NoZone, Offset};
use super::types::{Kind, field};
use crate::decoder::{corpus, decoder};

decoder!(snowflake, bytes);
fn snowflake(body: &[u8]) {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else { return };
    let _ = envelope.code();
    let Some(data) = envelope.data else { return };
    let _ = serde_json::from_str::<SignedIn>(data.get());
    let _ = serde_json::from_str::<Renewed>(data.get());
    let _ = serde_json::from_str::<Running>(data.get());
    if let Ok(answer) = serde_json::from_str::<Answer>(data.get()) {
        for (index, column) in answer.rowtype.iter().enumerate() {
            let (kind, field) = (Kind::of(column), field(column));
            if let Ok(array) = text_rows::column(&answer.rowset, index, kind) {
                assert_eq!(array.data_type(), field.data_type());
                assert_eq!(array.len(), answer.rowset.len());
            }
        }
    }
}

decoder!(arrow, bytes);
/// Each part has six rows, two or none, and damage makes no more of them than the bytes can hold.
fn arrow(part: &[u8]) {
    for is_json in [false, true] {
        for skip in 0..4 {
            if let Some(rows) = batches::rows_of_part(part.to_vec(), is_json, skip) {
                assert!(rows <= part.len() + 64, "{rows} rows");
            }
        }
    }
}

/// Precisions of numbers, with their scales.
const NUMBERS: [(u8, i8); 6] = [(1, 0), (1, 1), (10, 2), (18, 18), (38, 0), (38, 37)];

decoder!(text, text);
/// Each line is a value.
fn text(text: &str) {
    let rows: Vec<text_rows::TextRow> = text.lines().map(|value| vec![Some(value.to_owned())]).collect();
    let numbers = NUMBERS.map(|(precision, scale)| Kind::Fixed { precision, scale });
    let times = [0, 3, 6, 9].into_iter().flat_map(|scale| {
        let zoned = [NoZone, Instant, Offset].map(|zone| Kind::Timestamp { scale, zone });
        [Kind::Time { scale }].into_iter().chain(zoned)
    });
    let others = [Kind::Real, Kind::Text, Kind::Boolean, Kind::Date, Kind::Binary];
    for kind in numbers.into_iter().chain(times).chain(others) {
        if let Ok(array) = text_rows::column(&rows, 0, kind) {
            assert_eq!(array.data_type(), &kind.data_type());
            assert_eq!(array.len(), rows.len());
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
