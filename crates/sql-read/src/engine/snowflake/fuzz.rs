//! What the service, or somebody in its place, may answer.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::answer::{Answer, Envelope, Renewed, Running, SignedIn};
use super::batches;
use super::text_rows;
use super::types::{Kind, field};
use crate::mutated::{corpus, mutated, mutated_text};

/// Streams of Arrow as the service sends them, one of them compressed.
fn chunks() -> Vec<Vec<u8>> {
    let schema =
        Schema::new(vec![Field::new("ID", DataType::Int64, false), Field::new("NAME", DataType::Utf8, true)]);
    let columns: [arrow_array::ArrayRef; 2] = [
        Arc::new(Int64Array::from(vec![1, 2, 3])),
        Arc::new(StringArray::from(vec![Some("a"), None, Some("longer")])),
    ];
    let batch = RecordBatch::try_new(Arc::new(schema), columns.to_vec()).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    let plain = writer.into_inner().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&plain).unwrap();
    vec![plain, packed.finish().unwrap(), br#"["1","a"],["2",null]"#.to_vec()]
}

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
    fn parts_of_a_result(part in mutated(chunks()), is_json: bool, skip in 0..4_u64) {
        // Each part has six rows, or two, and damage makes no more of them than the bytes can hold.
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
