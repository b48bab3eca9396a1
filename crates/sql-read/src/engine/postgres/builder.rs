//! Fields of binary COPY, appended to Arrow builders.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, ListBuilder,
    StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt32Builder,
};
use arrow_buffer::IntervalMonthDayNano;
use arrow_schema::DataType;

use super::array;
use super::numeric::Numeric;
use super::types::{element, oid};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// Collects the values of one column.
pub(super) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt32(UInt32Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, i8),
    Text(StringBuilder, TextForm),
    Binary(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<ListBuilder<ColumnBuilder>>, u32),
}

/// How a value becomes text.
#[derive(Clone, Copy)]
pub(super) enum TextForm {
    Plain,
    /// Text behind a version byte.
    Jsonb,
    Uuid,
    Numeric,
    TimeWithZone,
}

impl ColumnBuilder {
    pub(super) fn new(type_id: u32, data_type: &DataType, as_text: bool, rows: usize) -> Self {
        let text = |form| Self::Text(StringBuilder::with_capacity(rows, rows * 24), form);
        if as_text {
            return text(TextForm::Plain);
        }
        match (type_id, data_type) {
            (oid::BOOL, _) => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            (oid::INT2, _) => Self::Int16(Int16Builder::with_capacity(rows)),
            (oid::INT4, _) => Self::Int32(Int32Builder::with_capacity(rows)),
            (oid::INT8, _) => Self::Int64(Int64Builder::with_capacity(rows)),
            (oid::OID, _) => Self::UInt32(UInt32Builder::with_capacity(rows)),
            (oid::FLOAT4, _) => Self::Float32(Float32Builder::with_capacity(rows)),
            (oid::FLOAT8, _) => Self::Float64(Float64Builder::with_capacity(rows)),
            (oid::NUMERIC, DataType::Decimal128(_, scale)) => {
                let builder = Decimal128Builder::with_capacity(rows).with_data_type(data_type.clone());
                Self::Decimal(builder, *scale)
            }
            (oid::NUMERIC, _) => text(TextForm::Numeric),
            (oid::JSONB, _) => text(TextForm::Jsonb),
            (oid::UUID, _) => text(TextForm::Uuid),
            (oid::TIMETZ, _) => text(TextForm::TimeWithZone),
            (oid::BYTEA, _) => Self::Binary(BinaryBuilder::with_capacity(rows, rows * 16)),
            (oid::DATE, _) => Self::Date(Date32Builder::with_capacity(rows)),
            (oid::TIME, _) => Self::Time(Time64MicrosecondBuilder::with_capacity(rows)),
            (oid::TIMESTAMP | oid::TIMESTAMPTZ, _) => Self::Timestamp(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type.clone()),
            ),
            (oid::INTERVAL, _) => Self::Interval(IntervalMonthDayNanoBuilder::with_capacity(rows)),
            (_, DataType::List(field)) => {
                let element = element(type_id).unwrap_or(oid::TEXT);
                let values = Self::new(element, field.data_type(), false, rows);
                Self::List(Box::new(ListBuilder::new(values).with_field(field.clone())), element)
            }
            _ => text(TextForm::Plain),
        }
    }

    /// Appends a field, `None` for NULL, and returns about how many bytes it takes here. The problem completes "a value
    /// of the column x ...".
    pub(super) fn append(&mut self, field: Option<&[u8]>) -> Result<usize, Problem> {
        let Some(bytes) = field else {
            self.append_null();
            return Ok(8);
        };
        match self {
            Self::Boolean(builder) => builder.append_value(fixed::<1>(bytes)?[0] != 0),
            Self::Int16(builder) => builder.append_value(i16::from_be_bytes(fixed(bytes)?)),
            Self::Int32(builder) => builder.append_value(i32::from_be_bytes(fixed(bytes)?)),
            Self::Int64(builder) => builder.append_value(i64::from_be_bytes(fixed(bytes)?)),
            Self::UInt32(builder) => builder.append_value(u32::from_be_bytes(fixed(bytes)?)),
            Self::Float32(builder) => builder.append_value(f32::from_be_bytes(fixed(bytes)?)),
            Self::Float64(builder) => builder.append_value(f64::from_be_bytes(fixed(bytes)?)),
            Self::Decimal(builder, scale) => {
                let numeric = Numeric::parse(bytes).ok_or(Problem::MALFORMED)?;
                builder.append_value(
                    numeric.to_decimal(*scale).ok_or(Problem("is NaN or infinite, and decimals are not"))?,
                );
            }
            Self::Text(builder, form) => return append_text(builder, *form, bytes),
            Self::Binary(builder) => {
                builder.append_value(bytes);
                return Ok(bytes.len() + 8);
            }
            Self::Date(builder) => {
                let days = i32::from_be_bytes(fixed(bytes)?);
                if days == i32::MAX || days == i32::MIN {
                    return Err(Problem("is an infinite date, which Arrow does not know"));
                }
                builder.append_value(days.checked_add(EPOCH_DAYS).ok_or(Problem::OUT_OF_RANGE)?);
            }
            Self::Time(builder) => match i64::from_be_bytes(fixed(bytes)?) {
                micros @ 0..DAY_MICROS => builder.append_value(micros),
                DAY_MICROS => return Err(Problem("is 24:00:00, which Arrow does not know")),
                _ => return Err(Problem::OUT_OF_RANGE),
            },
            Self::Timestamp(builder) => {
                let micros = i64::from_be_bytes(fixed(bytes)?);
                if micros == i64::MAX || micros == i64::MIN {
                    return Err(Problem("is an infinite time, which Arrow does not know"));
                }
                builder.append_value(micros.checked_add(EPOCH_MICROS).ok_or(Problem::OUT_OF_RANGE)?);
            }
            Self::Interval(builder) => {
                let bytes: [u8; 16] = fixed(bytes)?;
                let part =
                    |range: std::ops::Range<usize>| bytes[range].try_into().map_err(|_| Problem::MALFORMED);
                let micros = i64::from_be_bytes(bytes[..8].try_into().map_err(|_| Problem::MALFORMED)?);
                let nanos = micros.checked_mul(1_000).ok_or(Problem::OUT_OF_RANGE)?;
                let (days, months) = (i32::from_be_bytes(part(8..12)?), i32::from_be_bytes(part(12..16)?));
                builder.append_value(IntervalMonthDayNano::new(months, days, nanos));
            }
            Self::List(builder, element) => return array::append(builder, *element, bytes),
        }
        Ok(16)
    }

    fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::UInt32(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Text(builder, _) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Interval(builder) => builder.append_null(),
            Self::List(builder, _) => builder.append_null(),
        }
    }

    fn inner(&mut self) -> &mut dyn ArrayBuilder {
        match self {
            Self::Boolean(builder) => builder,
            Self::Int16(builder) => builder,
            Self::Int32(builder) => builder,
            Self::Int64(builder) => builder,
            Self::UInt32(builder) => builder,
            Self::Float32(builder) => builder,
            Self::Float64(builder) => builder,
            Self::Decimal(builder, _) => builder,
            Self::Text(builder, _) => builder,
            Self::Binary(builder) => builder,
            Self::Date(builder) => builder,
            Self::Time(builder) => builder,
            Self::Timestamp(builder) => builder,
            Self::Interval(builder) => builder,
            Self::List(builder, _) => builder.as_mut(),
        }
    }
}

/// Why a value cannot be taken; it completes "a value of the column x ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem(pub &'static str);

impl Problem {
    pub(super) const MALFORMED: Self = Self("does not have the form of its type");
    pub(super) const OUT_OF_RANGE: Self = Self("is out of the range of its Arrow type");
}

pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Problem> {
    bytes.try_into().map_err(|_| Problem::MALFORMED)
}

fn append_text(builder: &mut StringBuilder, form: TextForm, bytes: &[u8]) -> Result<usize, Problem> {
    fn plain(bytes: &[u8]) -> Result<&str, Problem> {
        std::str::from_utf8(bytes).map_err(|_| Problem("is not UTF-8"))
    }
    let mut append = |text: &str| {
        builder.append_value(text);
        text.len() + 8
    };
    Ok(match form {
        TextForm::Plain => append(plain(bytes)?),
        TextForm::Jsonb => match bytes.split_first() {
            Some((1, json)) => append(plain(json)?),
            _ => return Err(Problem::MALFORMED),
        },
        TextForm::Uuid => {
            let mut text = [b'-'; 36];
            let mut place = 0;
            for (index, byte) in fixed::<16>(bytes)?.into_iter().enumerate() {
                if matches!(index, 4 | 6 | 8 | 10) {
                    place += 1;
                }
                text[place] = HEX[usize::from(byte >> 4)];
                text[place + 1] = HEX[usize::from(byte & 15)];
                place += 2;
            }
            append(plain(&text)?)
        }
        // A few bytes may stand for a hundred thousand digits.
        TextForm::Numeric => {
            let mut text = String::with_capacity(bytes.len() * 2);
            Numeric::parse(bytes).ok_or(Problem::MALFORMED)?.write(&mut text);
            append(&text)
        }
        TextForm::TimeWithZone => append(&time_with_zone(fixed(bytes)?)),
    })
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A time with its zone, as the server prints it.
fn time_with_zone(bytes: [u8; 12]) -> String {
    let (time, zone) = bytes.split_at(8);
    let micros = time.iter().fold(0_i64, |micros, byte| micros << 8 | i64::from(*byte));
    let west = zone.iter().fold(0_i32, |seconds, byte| seconds << 8 | i32::from(*byte));
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    let offset = west.unsigned_abs();
    text.push(if west > 0 { '-' } else { '+' });
    let _ = write!(text, "{:02}", offset / 3_600);
    if !offset.is_multiple_of(3_600) {
        let _ = write!(text, ":{:02}", offset / 60 % 60);
    }
    if !offset.is_multiple_of(60) {
        let _ = write!(text, ":{:02}", offset % 60);
    }
    text
}

impl ArrayBuilder for ColumnBuilder {
    fn len(&self) -> usize {
        match self {
            Self::Boolean(builder) => builder.len(),
            Self::Int16(builder) => builder.len(),
            Self::Int32(builder) => builder.len(),
            Self::Int64(builder) => builder.len(),
            Self::UInt32(builder) => builder.len(),
            Self::Float32(builder) => builder.len(),
            Self::Float64(builder) => builder.len(),
            Self::Decimal(builder, _) => builder.len(),
            Self::Text(builder, _) => builder.len(),
            Self::Binary(builder) => builder.len(),
            Self::Date(builder) => builder.len(),
            Self::Time(builder) => builder.len(),
            Self::Timestamp(builder) => builder.len(),
            Self::Interval(builder) => builder.len(),
            Self::List(builder, _) => builder.len(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        self.inner().finish()
    }

    fn finish_cloned(&self) -> ArrayRef {
        // Asked for by nobody here; an empty array would be wrong, so the values are copied.
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish_cloned()),
            Self::Int16(builder) => Arc::new(builder.finish_cloned()),
            Self::Int32(builder) => Arc::new(builder.finish_cloned()),
            Self::Int64(builder) => Arc::new(builder.finish_cloned()),
            Self::UInt32(builder) => Arc::new(builder.finish_cloned()),
            Self::Float32(builder) => Arc::new(builder.finish_cloned()),
            Self::Float64(builder) => Arc::new(builder.finish_cloned()),
            Self::Decimal(builder, _) => Arc::new(builder.finish_cloned()),
            Self::Text(builder, _) => Arc::new(builder.finish_cloned()),
            Self::Binary(builder) => Arc::new(builder.finish_cloned()),
            Self::Date(builder) => Arc::new(builder.finish_cloned()),
            Self::Time(builder) => Arc::new(builder.finish_cloned()),
            Self::Timestamp(builder) => Arc::new(builder.finish_cloned()),
            Self::Interval(builder) => Arc::new(builder.finish_cloned()),
            Self::List(builder, _) => Arc::new(builder.finish_cloned()),
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }

    fn into_box_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::types;
    use super::*;

    #[test]
    fn times_with_zones_are_printed_as_the_server_does() {
        let bytes = |micros: i64, west: i32| {
            let mut bytes = [0; 12];
            bytes[..8].copy_from_slice(&micros.to_be_bytes());
            bytes[8..].copy_from_slice(&west.to_be_bytes());
            bytes
        };
        assert_eq!(time_with_zone(bytes(3_661_500_000, -7_200)), "01:01:01.5+02");
        assert_eq!(time_with_zone(bytes(0, 19_800)), "00:00:00-05:30");
        assert_eq!(time_with_zone(bytes(86_400_000_000, 0)), "24:00:00+00");
    }

    #[test]
    fn a_field_of_the_wrong_length_is_a_problem_and_no_panic() {
        for type_id in [
            oid::BOOL,
            oid::INT2,
            oid::INT4,
            oid::INT8,
            oid::FLOAT4,
            oid::FLOAT8,
            oid::NUMERIC,
            oid::UUID,
            oid::DATE,
            oid::TIME,
            oid::TIMESTAMP,
            oid::TIMESTAMPTZ,
            oid::INTERVAL,
            oid::TIMETZ,
            oid::JSONB,
            1007,
        ] {
            let data_type = types::data_type(type_id, -1).unwrap();
            for length in [0, 3, 5, 17] {
                let mut builder = ColumnBuilder::new(type_id, &data_type, false, 1);
                assert!(builder.append(Some(&vec![0xff; length])).is_err(), "{type_id} {length}");
                let mut builder = ColumnBuilder::new(type_id, &data_type, false, 1);
                builder.append(None).unwrap();
                assert_eq!(builder.finish().null_count(), 1);
            }
        }
    }
}
