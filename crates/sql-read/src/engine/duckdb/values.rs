//! Values that DuckDB hands on as a number that means something else.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};

use crate::error::{Error, ErrorKind, Result};

/// Refuses dates and times at infinity: Arrow has none, and the number that stands for them would pass for a day.
pub(super) fn check(batch: &RecordBatch) -> Result<()> {
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        let is_infinite = match field.data_type() {
            DataType::Date32 => holds::<Date32Type>(column, &[i32::MAX, -i32::MAX]),
            DataType::Timestamp(unit, _) => {
                let infinities = [i64::MAX, -i64::MAX];
                match unit {
                    TimeUnit::Second => holds::<TimestampSecondType>(column, &infinities),
                    TimeUnit::Millisecond => holds::<TimestampMillisecondType>(column, &infinities),
                    TimeUnit::Microsecond => holds::<TimestampMicrosecondType>(column, &infinities),
                    TimeUnit::Nanosecond => holds::<TimestampNanosecondType>(column, &infinities),
                }
            }
            _ => false,
        };
        if is_infinite {
            return Err(Error::new(
                ErrorKind::Value,
                format!("a value of the column `{}` is at infinity, which no day of Arrow is", field.name()),
            )
            .with_hint("read the column as text (`Dataset::text_columns`)"));
        }
    }
    Ok(())
}

fn holds<T: ArrowPrimitiveType>(column: &dyn Array, values: &[T::Native]) -> bool {
    let column = column.as_primitive::<T>();
    column.values().iter().enumerate().any(|(row, value)| values.contains(value) && column.is_valid(row))
}
