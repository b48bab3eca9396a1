//! Values that DuckDB hands on as a number that means something else.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::error::{Error, ErrorKind, Result};

const INFINITE: &str = "is at infinity, which no day of Arrow is";
const END_OF_DAY: &str = "is 24:00:00, which Arrow does not know";
const TOO_LONG: &str = "has 39 digits, which no decimal of Arrow has";
const DAY_MICROS: i64 = 86_400_000_000;
/// The first number of 39 digits.
const DIGITS_39: i128 = 10_i128.pow(38);

/// Refuses dates and times at infinity, wherever they stand in a value: Arrow has none, and the number that stands for
/// them would pass for a day. The time 24:00:00 is as little one of Arrow's.
pub(super) fn check(batch: &RecordBatch) -> Result<()> {
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        if let Some(problem) = problem(column, None) {
            return Err(Error::new(
                ErrorKind::Value,
                format!("a value of the column `{}` {problem}", field.name()),
            )
            .with_hint("read the column as text (`Dataset::text_columns`, or a cast in a query)"));
        }
    }
    Ok(())
}

/// What is wrong with a value. Those that do not count are of a parent that is null, or of none.
fn problem(array: &dyn Array, counts: Option<&NullBuffer>) -> Option<&'static str> {
    if !can_be_wrong(array.data_type()) {
        return None;
    }
    let counts = NullBuffer::union(counts, array.nulls());
    let counts = counts.as_ref();
    match array.data_type() {
        DataType::Date32 => holds::<Date32Type>(array, counts, &[i32::MAX, -i32::MAX]).then_some(INFINITE),
        DataType::Timestamp(unit, _) => {
            let infinities = [i64::MAX, -i64::MAX];
            let is_infinite = match unit {
                TimeUnit::Second => holds::<TimestampSecondType>(array, counts, &infinities),
                TimeUnit::Millisecond => holds::<TimestampMillisecondType>(array, counts, &infinities),
                TimeUnit::Microsecond => holds::<TimestampMicrosecondType>(array, counts, &infinities),
                TimeUnit::Nanosecond => holds::<TimestampNanosecondType>(array, counts, &infinities),
            };
            is_infinite.then_some(INFINITE)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            holds::<Time64MicrosecondType>(array, counts, &[DAY_MICROS]).then_some(END_OF_DAY)
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            holds::<Time64NanosecondType>(array, counts, &[DAY_MICROS * 1_000]).then_some(END_OF_DAY)
        }
        DataType::Decimal128(..) => {
            let all = array.as_primitive::<Decimal128Type>().values().iter().enumerate();
            let mut long = all.filter(|(_, value)| value.unsigned_abs() >= DIGITS_39.unsigned_abs());
            long.any(|(row, _)| counts.is_none_or(|counts| counts.is_valid(row))).then_some(TOO_LONG)
        }
        DataType::Struct(_) => array.as_struct().columns().iter().find_map(|child| problem(child, counts)),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            in_lists(list.values(), between(list.value_offsets()), counts)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            in_lists(list.values(), between(list.value_offsets()), counts)
        }
        DataType::Map(..) => {
            let map = array.as_map();
            in_lists(map.entries(), between(map.value_offsets()), counts)
        }
        DataType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            let size = list.value_length().as_usize();
            in_lists(list.values(), (0..list.len()).map(|row| row * size..(row + 1) * size), counts)
        }
        // A setting of DuckDB has lists come like this.
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            in_lists(list.values(), sized(list.value_offsets(), list.value_sizes()), counts)
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            in_lists(list.values(), sized(list.value_offsets(), list.value_sizes()), counts)
        }
        _ => None,
    }
}

/// Whether there can be such values in a column of this type: all others need not be gone through.
fn can_be_wrong(data_type: &DataType) -> bool {
    match data_type {
        DataType::Date32 | DataType::Timestamp(..) | DataType::Time64(_) | DataType::Decimal128(38, 0) => {
            true
        }
        DataType::Struct(fields) => fields.iter().any(|field| can_be_wrong(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => can_be_wrong(field.data_type()),
        _ => false,
    }
}

fn holds<T: ArrowPrimitiveType>(
    array: &dyn Array,
    counts: Option<&NullBuffer>,
    values: &[T::Native],
) -> bool {
    let all = array.as_primitive::<T>().values().iter().enumerate();
    let mut found = all.filter(|(_, value)| values.contains(*value));
    found.any(|(row, _)| counts.is_none_or(|counts| counts.is_valid(row)))
}

/// The same of the elements of lists. A list that is null may have some, and there may be some of no list: a slice has
/// all elements of what it was cut from.
fn in_lists(
    elements: &dyn Array,
    lists: impl Iterator<Item = Range<usize>>,
    counts: Option<&NullBuffer>,
) -> Option<&'static str> {
    let mut count = vec![false; elements.len()];
    for (row, list) in lists.enumerate() {
        if counts.is_none_or(|counts| counts.is_valid(row)) {
            count[list].fill(true);
        }
    }
    problem(elements, Some(&NullBuffer::from(count)))
}

fn between<O: ArrowNativeType>(offsets: &[O]) -> impl Iterator<Item = Range<usize>> {
    offsets.windows(2).map(|pair| pair[0].as_usize()..pair[1].as_usize())
}

fn sized<O: ArrowNativeType>(offsets: &[O], sizes: &[O]) -> impl Iterator<Item = Range<usize>> {
    offsets.iter().zip(sizes).map(|(from, size)| from.as_usize()..from.as_usize() + size.as_usize())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, Date32Array, FixedSizeListArray, LargeListArray, ListArray, ListViewArray, MapArray,
        StringArray, StructArray, Time64MicrosecondArray,
    };
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::{Field, FieldRef};

    use super::*;

    fn is_refused(column: ArrayRef) -> bool {
        check(&RecordBatch::try_from_iter([("a", column)]).unwrap()).is_err()
    }

    /// The second one is at infinity.
    fn days() -> ArrayRef {
        Arc::new(Date32Array::from(vec![0, i32::MAX, 0]))
    }

    fn field() -> FieldRef {
        Arc::new(Field::new("item", DataType::Date32, true))
    }

    fn map(nulls: Option<NullBuffer>) -> ArrayRef {
        let keys: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
        let fields =
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Date32, true)];
        let entries = StructArray::new(fields.into(), vec![keys, days()], None);
        let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
        Arc::new(MapArray::new(field, OffsetBuffer::from_lengths([1, 1, 1]), entries, nulls, false))
    }

    #[test]
    fn infinities_are_found_inside_of_values_that_are_there() {
        let forms: [fn(Option<NullBuffer>) -> ArrayRef; 6] = [
            |nulls| Arc::new(ListArray::new(field(), OffsetBuffer::from_lengths([1, 1, 1]), days(), nulls)),
            |nulls| {
                Arc::new(LargeListArray::new(field(), OffsetBuffer::from_lengths([1, 1, 1]), days(), nulls))
            },
            |nulls| {
                let (offsets, sizes) = (vec![0, 1, 2].into(), vec![1, 1, 1].into());
                Arc::new(ListViewArray::new(field(), offsets, sizes, days(), nulls))
            },
            |nulls| Arc::new(FixedSizeListArray::new(field(), 1, days(), nulls)),
            |nulls| Arc::new(StructArray::new(vec![field()].into(), vec![days()], nulls)),
            map,
        ];
        for form in forms {
            let whole = form(None);
            assert!(is_refused(whole.clone()), "{whole:?}");
            assert!(is_refused(whole.slice(1, 2)), "{whole:?}");
            assert!(!is_refused(whole.slice(2, 1)), "{whole:?}");
            assert!(!is_refused(form(Some(vec![true, false, true].into()))), "{whole:?}");
        }
    }

    #[test]
    fn a_day_ends_before_24_hours() {
        let refused = |micros: i64| is_refused(Arc::new(Time64MicrosecondArray::from(vec![0, micros])));
        assert!(refused(DAY_MICROS));
        assert!(!refused(DAY_MICROS - 1));
    }
}
