//! Which Arrow type a PostgreSQL type becomes.

use std::sync::Arc;

use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};

/// Object ids of the base types, fixed since they were introduced.
pub(super) mod oid {
    pub(crate) const BOOL: u32 = 16;
    pub(crate) const BYTEA: u32 = 17;
    pub(crate) const CHAR: u32 = 18;
    pub(crate) const NAME: u32 = 19;
    pub(crate) const INT8: u32 = 20;
    pub(crate) const INT2: u32 = 21;
    pub(crate) const INT4: u32 = 23;
    pub(crate) const TEXT: u32 = 25;
    pub(crate) const OID: u32 = 26;
    pub(crate) const JSON: u32 = 114;
    pub(crate) const FLOAT4: u32 = 700;
    pub(crate) const FLOAT8: u32 = 701;
    pub(crate) const BPCHAR: u32 = 1042;
    pub(crate) const VARCHAR: u32 = 1043;
    pub(crate) const DATE: u32 = 1082;
    pub(crate) const TIME: u32 = 1083;
    pub(crate) const TIMESTAMP: u32 = 1114;
    pub(crate) const TIMESTAMPTZ: u32 = 1184;
    pub(crate) const INTERVAL: u32 = 1186;
    pub(crate) const TIMETZ: u32 = 1266;
    pub(crate) const NUMERIC: u32 = 1700;
    pub(crate) const UUID: u32 = 2950;
    pub(crate) const JSONB: u32 = 3802;
}

/// Array types by their element's type.
const ARRAYS: &[(u32, u32)] = &[
    (1000, oid::BOOL),
    (1001, oid::BYTEA),
    (1003, oid::NAME),
    (1005, oid::INT2),
    (1007, oid::INT4),
    (1009, oid::TEXT),
    (1014, oid::BPCHAR),
    (1015, oid::VARCHAR),
    (1016, oid::INT8),
    (1021, oid::FLOAT4),
    (1022, oid::FLOAT8),
    (1115, oid::TIMESTAMP),
    (1182, oid::DATE),
    (1183, oid::TIME),
    (1185, oid::TIMESTAMPTZ),
    (1231, oid::NUMERIC),
    (199, oid::JSON),
    (2951, oid::UUID),
    (3807, oid::JSONB),
];

/// The element's type of an array type.
pub(super) fn element(array: u32) -> Option<u32> {
    ARRAYS.iter().find(|(known, _)| *known == array).map(|(_, element)| *element)
}

/// The Arrow type, `None` for types that are read as the server's text.
pub(in crate::engine) fn data_type(type_id: u32, modifier: i32) -> Option<DataType> {
    Some(match type_id {
        oid::BOOL => DataType::Boolean,
        oid::INT2 => DataType::Int16,
        oid::INT4 => DataType::Int32,
        oid::INT8 => DataType::Int64,
        oid::OID => DataType::UInt32,
        oid::FLOAT4 => DataType::Float32,
        oid::FLOAT8 => DataType::Float64,
        oid::NUMERIC => numeric(modifier),
        oid::CHAR
        | oid::NAME
        | oid::TEXT
        | oid::BPCHAR
        | oid::VARCHAR
        | oid::JSON
        | oid::JSONB
        | oid::UUID
        | oid::TIMETZ => DataType::Utf8,
        oid::BYTEA => DataType::Binary,
        oid::DATE => DataType::Date32,
        oid::TIME => DataType::Time64(TimeUnit::Microsecond),
        oid::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        oid::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        oid::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        array => {
            let element = data_type(element(array)?, modifier)?;
            DataType::List(Arc::new(Field::new_list_field(element, true)))
        }
    })
}

/// A numeric with a declared precision is a decimal; without one its digits have no bound, and text keeps them all.
fn numeric(modifier: i32) -> DataType {
    if modifier < 4 {
        return DataType::Utf8;
    }
    let packed = modifier - 4;
    let precision = packed >> 16 & 0xffff;
    // The scale has 11 bits and a sign.
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if (0..=i32::from(precision)).contains(&i32::from(scale)) => {
            DataType::Decimal128(precision, scale)
        }
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_declared_precision_makes_a_decimal() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(numeric(modifier(38, 9)), DataType::Decimal128(38, 9));
        assert_eq!(numeric(modifier(5, 0)), DataType::Decimal128(5, 0));
        for text in [-1, modifier(39, 2), modifier(5, -2), modifier(3, 5)] {
            assert_eq!(numeric(text), DataType::Utf8);
        }
    }
}
