//! What a server, or somebody in its place, may send, and what a configuration may hold: no panic, no endless loop, no
//! row that was not there.

use std::sync::Arc;

use arrow_schema::Schema;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::catalogue;
use super::copy::Decoder;
use super::numeric::Numeric;
use super::types::oid;
use crate::decoder::{corpus, decoder};

/// Types with a decoder of their own.
const TYPES: [u32; 20] = [
    oid::BOOL,
    oid::INT2,
    oid::INT4,
    oid::INT8,
    oid::FLOAT4,
    oid::FLOAT8,
    oid::NUMERIC,
    oid::TEXT,
    oid::BYTEA,
    oid::DATE,
    oid::TIME,
    oid::TIMETZ,
    oid::TIMESTAMP,
    oid::TIMESTAMPTZ,
    oid::INTERVAL,
    oid::UUID,
    oid::JSON,
    oid::JSONB,
    1_009, // text[]
    1_231, // numeric[]
];

/// A field as it is on the wire: a length that is mostly right, and bytes.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        20 => Just(None),
        1 => prop_oneof![Just(-1), Just(-2), Just(i32::MIN), Just(i32::MAX), 0..40_i32].prop_map(Some),
    ];
    let size = prop_oneof![Just(0), Just(1), Just(2), Just(4), Just(8), Just(12), Just(16), 0..60_usize];
    let bytes =
        size.prop_flat_map(|size| vec(prop_oneof![2 => any::<u8>(), 1 => Just(0), 1 => Just(0xff)], size));
    (length, bytes).prop_map(|(length, bytes)| {
        let right = i32::try_from(bytes.len()).unwrap();
        [&length.unwrap_or(right).to_be_bytes()[..], &bytes].concat()
    })
}

/// A COPY of rows of two columns.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    (vec((field(), field()), 0..8), any::<bool>()).prop_map(|(rows, is_whole)| {
        let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for (first, second) in rows {
            bytes.extend([0, 2]);
            bytes.extend(first);
            bytes.extend(second);
        }
        if is_whole {
            bytes.extend([0xff, 0xff]);
        }
        bytes
    })
}

/// Feeds pieces, and gives the rows that came out if it was whole.
fn decode(types: &[u32], modifier: i32, bytes: &[u8], piece: usize) -> Option<usize> {
    let columns: Vec<_> =
        types.iter().map(|id| catalogue::column("c", *id, modifier, false, true, None)).collect();
    let schema = Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>());
    let mut decoder = Decoder::new(columns, Arc::new(schema), 3);
    let mut rows = 0;
    for piece in bytes.chunks(piece) {
        let mut piece = Bytes::copy_from_slice(piece);
        for turn in 0.. {
            assert!(turn < 1_000, "it goes on for ever");
            let used = decoder.push(&piece).ok()?;
            if !decoder.is_full() {
                break;
            }
            rows += decoder.take_batch().ok()?.map_or(0, |batch| batch.num_rows());
            piece = piece.slice(used..);
        }
    }
    rows += decoder.take_batch().ok()?.map_or(0, |batch| batch.num_rows());
    decoder.check_whole().ok()?;
    Some(rows)
}

proptest! {
    #[test]
    fn a_copy_of_anything(
        (first, second) in (proptest::sample::select(&TYPES[..]), proptest::sample::select(&TYPES[..])),
        modifier in prop_oneof![Just(-1), any::<i32>()],
        bytes in stream(),
        piece in 1..40_usize,
    ) {
        // Wherever it is cut, the same comes out.
        let pieces = decode(&[first, second], modifier, &bytes, piece);
        prop_assert_eq!(pieces, decode(&[first, second], modifier, &bytes, usize::MAX));
        prop_assert!(pieces.unwrap_or_default() < 8);
    }
}

decoder!(copy, bytes);
/// What a PostgreSQL has sent: a column of each type.
fn copy(bytes: &[u8]) -> bool {
    let whole = decode(&TYPES, -1, bytes, usize::MAX);
    for piece in [1, 3, 100] {
        assert_eq!(decode(&TYPES, -1, bytes, piece), whole);
    }
    // A row of nothing takes two bytes for their number, and four for each.
    assert!(whole.unwrap_or_default() <= bytes.len() / (2 + 4 * TYPES.len()));
    whole.is_some()
}

decoder!(numeric, bytes);
fn numeric(bytes: &[u8]) -> bool {
    let Some(numeric) = Numeric::parse(bytes) else { return false };
    for scale in 0..38 {
        let _ = numeric.to_decimal(scale);
    }
    let mut text = String::new();
    numeric.write(&mut text);
    assert!(text.len() < 400_000, "{} digits", text.len());
    true
}

decoder!(parameters, text);
/// Those of an address.
fn parameters(text: &str) -> bool {
    super::parameters::parse(text).is_ok()
}

#[test]
fn the_corpus_is_what_a_server_sends() {
    let rows: Vec<_> = corpus("copy").iter().map(|bytes| decode(&TYPES, -1, bytes, 100)).collect();
    // By their names: none, dates that are infinite, which Arrow cannot hold, and rows.
    assert_eq!(rows, [Some(0), None, Some(2)]);
}
