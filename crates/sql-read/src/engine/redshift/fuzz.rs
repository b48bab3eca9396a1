//! Texts that a server may send for values of each type.

use arrow_schema::{DataType, TimeUnit};
use proptest::prelude::*;

use super::text::ColumnBuilder;
use crate::mutated::{corpus, mutated_text};

proptest! {
    #[test]
    fn texts(text in mutated_text(corpus("text")), precision in 1..=38_u8, scale in 0..=38_i8) {
        for data_type in [
            DataType::Boolean,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt32,
            DataType::Float32,
            DataType::Float64,
            DataType::Decimal128(precision, scale.min(precision.cast_signed())),
            DataType::Utf8,
            DataType::Date32,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ] {
            let mut builder = ColumnBuilder::new(&data_type);
            let taken = builder.append(Some(&text)).is_ok();
            if taken {
                let array = builder.finish();
                prop_assert_eq!((array.len(), array.null_count()), (1, 0));
                prop_assert_eq!(array.data_type(), &data_type);
            }
        }
    }
}
