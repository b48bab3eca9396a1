//! Texts that a server may send for values of each type.

use arrow_schema::{DataType, TimeUnit};

use super::text::ColumnBuilder;
use crate::decoder::decoder;

/// Precisions of decimals, with their scales.
const DECIMALS: [(u8, i8); 6] = [(1, 0), (1, 1), (10, 2), (18, 18), (38, 0), (38, 38)];

decoder!(text, text);
/// Of one type at least, if it is taken.
fn text(text: &str) -> bool {
    let mut any = false;
    let types = [
        DataType::Boolean,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt32,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::Date32,
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    ];
    let decimals = DECIMALS.map(|(precision, scale)| DataType::Decimal128(precision, scale));
    for data_type in types.into_iter().chain(decimals) {
        let mut builder = ColumnBuilder::new(&data_type);
        let taken = builder.append(Some(text)).is_ok();
        if taken {
            let array = builder.finish();
            assert_eq!((array.len(), array.null_count()), (1, 0));
            assert_eq!(array.data_type(), &data_type);
        }
        any |= taken;
    }
    any
}
