//! Rows that come as JSON, every value as text: what `SHOW` and the like give, and anything where the service does not
//! send Arrow.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType,
};
use arrow_schema::{DataType, TimeUnit};

use super::convert::{Misfit, rescale, zoned};
use super::types::{Kind, Zone};
use crate::engine::decimal_text;

/// A row as it comes.
pub(super) type TextRow = Vec<Option<String>>;

const NOT_READABLE: Misfit = Misfit::Value("is not written as values of its type are");

/// The values of a column in the type of [`Kind::data_type`].
pub(super) fn column(rows: &[TextRow], index: usize, kind: Kind) -> Result<ArrayRef, Misfit> {
    let values = rows.iter().map(|row| row.get(index).and_then(Option::as_deref));
    Ok(match kind {
        Kind::Text | Kind::Json | Kind::Unknown => {
            let mut builder = StringBuilder::new();
            values.for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        Kind::Boolean => {
            let mut builder = BooleanBuilder::new();
            for value in values {
                builder.append_option(value.map(boolean).transpose()?);
            }
            Arc::new(builder.finish())
        }
        Kind::Binary => {
            let mut builder = BinaryBuilder::new();
            for value in values {
                builder.append_option(value.map(|value| bytes(value).ok_or(NOT_READABLE)).transpose()?);
            }
            Arc::new(builder.finish())
        }
        Kind::Real => primitive::<Float64Type>(values, |value| value.parse().map_err(|_| NOT_READABLE))?,
        Kind::Date => primitive::<Date32Type>(values, |value| value.parse().map_err(|_| NOT_READABLE))?,
        Kind::Fixed { scale, .. } => match kind.data_type() {
            DataType::Decimal128(precision, _) => {
                let scale_unsigned = u8::try_from(scale).map_err(|_| NOT_READABLE)?;
                let decimals = builder::<Decimal128Type>(values, |value| decimal(value, scale_unsigned))?;
                let decimals = decimals.with_precision_and_scale(precision, scale);
                Arc::new(decimals.map_err(|_| NOT_READABLE)?)
            }
            _ => primitive::<Int64Type>(values, |value| value.parse().map_err(|_| NOT_READABLE))?,
        },
        Kind::Time { .. } => match kind.data_type() {
            DataType::Time64(TimeUnit::Nanosecond) => {
                primitive::<Time64NanosecondType>(values, |value| rescale(decimal(value, 9)?, 9, 9))?
            }
            _ => primitive::<Time64MicrosecondType>(values, |value| rescale(decimal(value, 9)?, 9, 6))?,
        },
        Kind::Timestamp { zone, .. } => {
            let instants = primitive::<TimestampMicrosecondType>(values, |value| {
                // With a zone: the seconds, a space, minutes from UTC.
                let seconds = match zone {
                    Zone::Offset => value.split(' ').next().unwrap_or_default(),
                    _ => value,
                };
                rescale(decimal(seconds, 9)?, 9, 6)
            })?;
            zoned(&instants, zone)
        }
    })
}

fn primitive<'a, T: ArrowPrimitiveType>(
    values: impl Iterator<Item = Option<&'a str>>,
    parse: impl Fn(&str) -> Result<T::Native, Misfit>,
) -> Result<ArrayRef, Misfit> {
    Ok(Arc::new(builder::<T>(values, parse)?))
}

fn builder<'a, T: ArrowPrimitiveType>(
    values: impl Iterator<Item = Option<&'a str>>,
    parse: impl Fn(&str) -> Result<T::Native, Misfit>,
) -> Result<arrow_array::PrimitiveArray<T>, Misfit> {
    let mut builder = PrimitiveBuilder::<T>::new();
    for value in values {
        builder.append_option(value.map(&parse).transpose()?);
    }
    Ok(builder.finish())
}

fn boolean(text: &str) -> Result<bool, Misfit> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(NOT_READABLE),
    }
}

/// Bytes as hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A number with a point as a count of units of the last digit.
fn decimal(text: &str, scale: u8) -> Result<i128, Misfit> {
    decimal_text::count(text, scale).map_err(Misfit::Value)
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;

    fn read(kind: Kind, texts: &[&str]) -> Result<ArrayRef, Misfit> {
        let mut rows: Vec<TextRow> = texts.iter().map(|text| vec![Some((*text).to_owned())]).collect();
        rows.push(vec![None]);
        let array = column(&rows, 0, kind)?;
        assert_eq!(array.data_type(), &kind.data_type());
        assert!(array.is_null(texts.len()) && array.null_count() == 1);
        Ok(array)
    }

    #[test]
    fn every_type_is_read_from_its_text() {
        let widest = "99999999999999999999999999999.999999999";
        let read_decimals = read(Kind::Fixed { precision: 38, scale: 9 }, &["-0.000000001", widest]).unwrap();
        assert_eq!(read_decimals.as_primitive::<Decimal128Type>().values()[..2], [-1, 10_i128.pow(38) - 1]);
        let integers = read(Kind::Fixed { precision: 18, scale: 0 }, &["-7"]).unwrap();
        assert_eq!(integers.as_primitive::<Int64Type>().value(0), -7);
        let reals = read(Kind::Real, &["1.5e300", "inf", "NaN"]).unwrap();
        let reals = reals.as_primitive::<Float64Type>();
        assert!(
            (reals.value(0) - 1.5e300).abs() < f64::EPSILON
                && reals.value(1).is_infinite()
                && reals.value(2).is_nan()
        );
        let booleans = read(Kind::Boolean, &["1", "false"]).unwrap();
        assert!(booleans.as_boolean().value(0) && !booleans.as_boolean().value(1));
        assert_eq!(read(Kind::Binary, &["00fF"]).unwrap().as_binary::<i32>().value(0), [0, 255]);
        assert_eq!(read(Kind::Date, &["-719162"]).unwrap().as_primitive::<Date32Type>().value(0), -719_162);
        let times = read(Kind::Time { scale: 9 }, &["86399.999999999"]).unwrap();
        assert_eq!(times.as_primitive::<Time64NanosecondType>().value(0), 86_399_999_999_999);
        let naive = read(Kind::Timestamp { scale: 9, zone: Zone::None }, &["-1.500000000"]).unwrap();
        assert_eq!(naive.as_primitive::<TimestampMicrosecondType>().value(0), -1_500_000);
        let zoned =
            read(Kind::Timestamp { scale: 9, zone: Zone::Offset }, &["253402300799.000001000 1500"]).unwrap();
        assert_eq!(zoned.as_primitive::<TimestampMicrosecondType>().value(0), 253_402_300_799_000_001);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (kind, text) in [
            (Kind::Fixed { precision: 38, scale: 2 }, "1.234"),
            (Kind::Fixed { precision: 38, scale: 2 }, "1e5"),
            (Kind::Fixed { precision: 18, scale: 0 }, "1.0"),
            (Kind::Timestamp { scale: 9, zone: Zone::None }, "0.000000001"),
            (Kind::Timestamp { scale: 9, zone: Zone::None }, "yesterday"),
            (Kind::Binary, "0"),
            (Kind::Binary, "+1"),
            (Kind::Boolean, "yes"),
        ] {
            assert!(read(kind, &[text]).is_err(), "{kind:?} {text}");
        }
    }
}
