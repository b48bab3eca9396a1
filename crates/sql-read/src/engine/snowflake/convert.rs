//! From the forms in which the service sends values to Arrow's types.
//!
//! The service chooses the narrowest form that holds the values of a batch, so one column may change its form from
//! batch to batch: a number comes as an integer of 8 to 64 bits or as a decimal, without its scale; an instant as one
//! integer or as seconds, nanoseconds and a zone.

use std::sync::Arc;

use arrow_array::builder::PrimitiveBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Int64Type, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, Int64Array, StructArray};
use arrow_schema::{DataType, TimeUnit};

use super::types::{Kind, Zone};

/// Why a value cannot be given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// In words, for the end of a sentence about a value of a column.
    Value(&'static str),
    /// The form is not one that this kind of column comes in.
    Form(DataType),
}

const TOO_FINE: Misfit = Misfit::Value("is finer than microseconds");
const TOO_LARGE: Misfit = Misfit::Value("is beyond what its Arrow type can hold");

/// The values of a column in the type of [`Kind::data_type`].
pub(super) fn convert(array: &ArrayRef, kind: Kind) -> Result<ArrayRef, Misfit> {
    match (kind, array.data_type()) {
        // What holds nothing but NULL may come without a type.
        (_, DataType::Null) => Ok(arrow_array::new_null_array(&kind.data_type(), array.len())),
        (Kind::Fixed { scale, .. }, _) => fixed(array, &kind.data_type(), scale),
        (Kind::Time { scale }, _) => match kind.data_type() {
            DataType::Time64(TimeUnit::Nanosecond) => {
                scaled::<Time64NanosecondType>(&integers(array)?, scale, 9)
            }
            _ => scaled::<Time64MicrosecondType>(&integers(array)?, scale, 6),
        },
        (Kind::Timestamp { scale, zone }, DataType::Struct(_)) => timestamps(array.as_struct(), scale, zone),
        (Kind::Timestamp { scale, zone }, _) => {
            Ok(zoned(&scaled::<TimestampMicrosecondType>(&integers(array)?, scale, 6)?, zone))
        }
        (_, other) => {
            let wanted = kind.data_type();
            let fits = *other == wanted
                || matches!(
                    (other, &wanted),
                    (DataType::LargeUtf8 | DataType::Utf8View, DataType::Utf8)
                        | (
                            DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_),
                            DataType::Binary
                        )
                        | (DataType::Float32, DataType::Float64)
                );
            if fits { cast(array, &wanted) } else { Err(Misfit::Form(other.clone())) }
        }
    }
}

/// Only for casts that lose nothing.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Misfit> {
    arrow_cast::cast(array, to).map_err(|_| Misfit::Form(array.data_type().clone()))
}

fn integers(array: &ArrayRef) -> Result<Int64Array, Misfit> {
    match array.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        }
        other => Err(Misfit::Form(other.clone())),
    }
}

/// Numbers: integers are counted in units of the last digit.
fn fixed(array: &ArrayRef, to: &DataType, scale: i8) -> Result<ArrayRef, Misfit> {
    let form = || Misfit::Form(array.data_type().clone());
    match (array.data_type(), to) {
        (DataType::Decimal128(_, sent), DataType::Decimal128(precision, _)) if *sent == scale => {
            let decimals = array.as_primitive::<Decimal128Type>().clone();
            Ok(Arc::new(decimals.with_precision_and_scale(*precision, scale).map_err(|_| form())?))
        }
        (DataType::Decimal128(_, 0), DataType::Int64) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            let integers =
                decimals.try_unary::<_, Int64Type, _>(|value| i64::try_from(value).map_err(|_| TOO_LARGE));
            Ok(Arc::new(integers?))
        }
        (_, DataType::Int64) => Ok(Arc::new(integers(array)?)),
        (_, DataType::Decimal128(precision, _)) => {
            let decimals = integers(array)?.unary::<_, Decimal128Type>(i128::from);
            Ok(Arc::new(decimals.with_precision_and_scale(*precision, scale).map_err(|_| form())?))
        }
        _ => Err(form()),
    }
}

/// Counts of one power of ten as counts of another.
fn scaled<T: ArrowPrimitiveType<Native = i64>>(
    counts: &Int64Array,
    from: u8,
    to: u8,
) -> Result<ArrayRef, Misfit> {
    let counts = counts.try_unary::<_, T, _>(|count| rescale(count.into(), from, to))?;
    Ok(Arc::new(counts))
}

/// A count of one power of ten as a count of another, exactly or not at all.
pub(super) fn rescale(count: i128, from: u8, to: u8) -> Result<i64, Misfit> {
    let power = 10_i128.pow(u32::from(from.abs_diff(to)));
    let count = if to >= from {
        count.checked_mul(power).ok_or(TOO_LARGE)?
    } else if count % power == 0 {
        count / power
    } else {
        return Err(TOO_FINE);
    };
    i64::try_from(count).map_err(|_| TOO_LARGE)
}

/// Instants in parts: `epoch` and `fraction` are seconds and nanoseconds; without `fraction`, `epoch` is counted as
/// finely as the column. Where the place's distance from UTC is sent with them, the instant is all that Arrow's type
/// keeps.
fn timestamps(parts: &StructArray, scale: u8, zone: Zone) -> Result<ArrayRef, Misfit> {
    let form = || Misfit::Form(parts.data_type().clone());
    let part = |name: &str| parts.column_by_name(name).map(integers).transpose();
    let epoch = part("epoch")?.ok_or_else(form)?;
    let fraction = part("fraction")?;
    let mut builder = PrimitiveBuilder::<TimestampMicrosecondType>::with_capacity(parts.len());
    for row in 0..parts.len() {
        if parts.is_null(row) || epoch.is_null(row) {
            builder.append_null();
            continue;
        }
        let epoch = epoch.value(row);
        builder.append_value(match &fraction {
            // Both are in 64 bits, and a wider division would be felt.
            Some(fraction) if fraction.value(row) % 1_000 == 0 => epoch
                .checked_mul(1_000_000)
                .and_then(|micros| micros.checked_add(fraction.value(row) / 1_000))
                .ok_or(TOO_LARGE)?,
            Some(_) => return Err(TOO_FINE),
            None => rescale(epoch.into(), scale, 6)?,
        });
    }
    Ok(zoned(&(Arc::new(builder.finish()) as ArrayRef), zone))
}

/// The zone is UTC where there is one.
pub(super) fn zoned(instants: &ArrayRef, zone: Zone) -> ArrayRef {
    match zone {
        Zone::None => instants.clone(),
        _ => Arc::new(instants.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("UTC")),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Decimal128Array, Int8Array, Int32Array, NullArray, StringArray};
    use arrow_buffer::NullBuffer;
    use arrow_schema::{Field, Fields};

    use super::*;

    const NTZ: Kind = Kind::Timestamp { scale: 9, zone: Zone::None };

    fn instants(
        parts: &[(&str, ArrayRef)],
        nulls: Option<Vec<bool>>,
        kind: Kind,
    ) -> Result<Vec<Option<i64>>, Misfit> {
        let fields: Fields =
            parts.iter().map(|(name, part)| Field::new(*name, part.data_type().clone(), true)).collect();
        let arrays = parts.iter().map(|(_, part)| part.clone()).collect();
        let array: ArrayRef = Arc::new(StructArray::new(fields, arrays, nulls.map(NullBuffer::from)));
        let converted = convert(&array, kind)?;
        assert_eq!(converted.data_type(), &kind.data_type());
        Ok(converted.as_primitive::<TimestampMicrosecondType>().iter().collect())
    }

    #[test]
    fn numbers_are_the_same_in_every_form() {
        let forms: [ArrayRef; 3] = [
            Arc::new(Int8Array::from(vec![Some(-105), None])),
            Arc::new(Int64Array::from(vec![Some(-105), None])),
            Arc::new(Decimal128Array::from(vec![Some(-105), None]).with_precision_and_scale(38, 2).unwrap()),
        ];
        let expected = Decimal128Array::from(vec![Some(-105), None]).with_precision_and_scale(5, 2).unwrap();
        for form in &forms {
            let converted = convert(form, Kind::Fixed { precision: 5, scale: 2 }).unwrap();
            assert_eq!(converted.as_primitive::<Decimal128Type>(), &expected);
        }
        let widest = 10_i128.pow(38) - 1;
        let wide: ArrayRef =
            Arc::new(Decimal128Array::from(vec![widest]).with_precision_and_scale(38, 0).unwrap());
        let converted = convert(&wide, Kind::Fixed { precision: 38, scale: 0 }).unwrap();
        assert_eq!(converted.as_primitive::<Decimal128Type>().value(0), widest);
        assert_eq!(convert(&wide, Kind::Fixed { precision: 18, scale: 0 }).unwrap_err(), TOO_LARGE);
        // Another scale than the described one would be another number.
        let other: ArrayRef =
            Arc::new(Decimal128Array::from(vec![1]).with_precision_and_scale(38, 3).unwrap());
        assert!(matches!(convert(&other, Kind::Fixed { precision: 5, scale: 2 }), Err(Misfit::Form(_))));
    }

    #[test]
    fn instants_are_the_same_in_every_form() {
        let seconds = || Arc::new(Int64Array::from(vec![-1, 253_402_300_799])) as ArrayRef;
        let nanos = || Arc::new(Int32Array::from(vec![500_000_000, 999_999_000])) as ArrayRef;
        let zones = || Arc::new(Int32Array::from(vec![1440, 1500])) as ArrayRef;
        let expected = vec![Some(-500_000), Some(253_402_300_799_999_999)];
        assert_eq!(instants(&[("epoch", seconds()), ("fraction", nanos())], None, NTZ).unwrap(), expected);
        let offset = |scale| Kind::Timestamp { scale, zone: Zone::Offset };
        let parts = [("epoch", seconds()), ("fraction", nanos()), ("timezone", zones())];
        assert_eq!(instants(&parts, None, offset(9)).unwrap(), expected);
        let millis = Arc::new(Int64Array::from(vec![-500, 1])) as ArrayRef;
        let parts = [("epoch", millis.clone()), ("timezone", zones())];
        assert_eq!(instants(&parts, None, offset(3)).unwrap(), [Some(-500_000), Some(1000)]);
        let kind = Kind::Timestamp { scale: 3, zone: Zone::Instant };
        let converted = convert(&millis, kind).unwrap();
        assert_eq!(converted.data_type(), &kind.data_type());
        assert_eq!(converted.as_primitive::<TimestampMicrosecondType>().values(), &[-500_000, 1000]);
    }

    #[test]
    fn nulls_stay_nulls() {
        let seconds = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef;
        let nanos = Arc::new(Int32Array::from(vec![Some(0), None, Some(0)])) as ArrayRef;
        let read = instants(&[("epoch", seconds), ("fraction", nanos)], Some(vec![true, true, false]), NTZ);
        assert_eq!(read.unwrap(), [Some(1_000_000), None, None]);
        let untyped: ArrayRef = Arc::new(NullArray::new(2));
        assert_eq!(convert(&untyped, Kind::Date).unwrap().null_count(), 2);
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let one = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
        let nanos = Arc::new(Int32Array::from(vec![1])) as ArrayRef;
        assert_eq!(instants(&[("epoch", one(0)), ("fraction", nanos)], None, NTZ).unwrap_err(), TOO_FINE);
        assert_eq!(
            convert(&one(i64::MAX), Kind::Timestamp { scale: 0, zone: Zone::None }).unwrap_err(),
            TOO_LARGE
        );
        let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        assert_eq!(convert(&text, Kind::Real).unwrap_err(), Misfit::Form(DataType::Utf8));
        // A time of day in every fineness.
        let noon = convert(&one(43_200_000), Kind::Time { scale: 3 }).unwrap();
        assert_eq!(noon.as_primitive::<Time64MicrosecondType>().value(0), 43_200_000_000);
        let late = convert(&one(86_399_999_999_999), Kind::Time { scale: 9 }).unwrap();
        assert_eq!(late.as_primitive::<Time64NanosecondType>().value(0), 86_399_999_999_999);
    }
}
