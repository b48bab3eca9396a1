//! What the service, or somebody in its place, may answer.

use arrow_array::Array;

use super::answer::{Answer, Envelope, Renewed, Running, SignedIn};
use super::batches;
use super::text_rows;
use super::types::Zone::{Instant, None as NoZone, Offset};
use super::types::{Kind, field};
use crate::decoder::{corpus, decoder};

decoder!(snowflake, bytes);
/// An answer is taken with all its columns.
fn snowflake(body: &[u8]) -> bool {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else { return false };
    let _ = envelope.code();
    let Some(data) = envelope.data else { return false };
    let _ = serde_json::from_str::<SignedIn>(data.get());
    let _ = serde_json::from_str::<Renewed>(data.get());
    let running = serde_json::from_str::<Running>(data.get()).is_ok();
    let Ok(answer) = serde_json::from_str::<Answer>(data.get()) else { return running };
    let mut taken = true;
    for (index, column) in answer.rowtype.iter().enumerate() {
        let (kind, field) = (Kind::of(column), field(column));
        match text_rows::column(&answer.rowset, index, kind) {
            Ok(array) => {
                assert_eq!(array.data_type(), field.data_type());
                assert_eq!(array.len(), answer.rowset.len());
            }
            Err(_) => taken = false,
        }
    }
    taken
}

decoder!(arrow, bytes);
/// Each part has six rows, two or none, and damage makes no more of them than the bytes can hold.
fn arrow(part: &[u8]) -> bool {
    let mut taken = false;
    for is_json in [false, true] {
        for skip in 0..4 {
            if let Some(rows) = batches::rows_of_part(part.to_vec(), is_json, skip) {
                assert!(rows <= part.len() + 64, "{rows} rows");
                taken = true;
            }
        }
    }
    taken
}

/// Precisions of numbers, with their scales.
const NUMBERS: [(u8, i8); 6] = [(1, 0), (1, 1), (10, 2), (18, 18), (38, 0), (38, 37)];

decoder!(text, text);
/// Each line is a value, and so is the whole; before them comes none. They are taken if they are values of one type.
fn text(text: &str) -> bool {
    let values = [None].into_iter().chain(text.lines().map(Some)).chain([Some(text)]);
    let rows: Vec<text_rows::TextRow> = values.map(|value| vec![value.map(str::to_owned)]).collect();
    let numbers = NUMBERS.map(|(precision, scale)| Kind::Fixed { precision, scale });
    let times = (0..=9).flat_map(|scale| {
        let zoned = [NoZone, Instant, Offset].map(|zone| Kind::Timestamp { scale, zone });
        [Kind::Time { scale }].into_iter().chain(zoned)
    });
    let others = [Kind::Real, Kind::Text, Kind::Boolean, Kind::Date, Kind::Binary];
    let mut taken = false;
    for kind in numbers.into_iter().chain(times).chain(others) {
        if let Ok(array) = text_rows::column(&rows, 0, kind) {
            assert_eq!(array.data_type(), &kind.data_type());
            assert_eq!((array.len(), array.null_count()), (rows.len(), 1));
            taken = true;
        }
    }
    taken
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
