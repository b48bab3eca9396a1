//! A batch as a driver gives it, in the form that was planned.

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, SchemaRef};

use crate::error::{Error, ErrorKind, Result};

/// The batch with these columns. A column of another type is widened where nothing can be lost by it; else the table
/// is not the one that was planned with.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != schema.fields().len() {
        return Err(changed("the database gives another number of columns than was planned with"));
    }
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        let column = widened(column, field.data_type()).ok_or_else(|| {
            changed(format!(
                "the column `{}` was {} and now comes as {}",
                field.name(),
                field.data_type(),
                column.data_type()
            ))
        })?;
        if column.null_count() > 0 && !field.is_nullable() {
            return Err(changed(format!("the column `{}` held no NULL and now does", field.name())));
        }
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn changed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Query, message).with_hint("the table has changed; open the dataset again")
}

fn widened(column: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    use DataType::{Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Utf8, Utf8View};
    let has = column.data_type();
    if has == wanted {
        return Some(column.clone());
    }
    match (has, wanted) {
        (Null, _) => return Some(new_null_array(wanted, column.len())),
        (_, wanted) if column.null_count() == column.len() => {
            return Some(new_null_array(wanted, column.len()));
        }
        (LargeUtf8 | Utf8View | Int8 | Int16 | Int32 | Int64 | Float64, Utf8)
        | (Int8 | Int16 | Int32, Int64)
        | (Int8 | Int16, Int32)
        | (Int8 | Int16 | Int32 | Float32, Float64) => {}
        // Drivers that tell a column's type by its first rows take whole numbers for integers.
        (Int64, Float64) => {
            let there = cast_with_options(column, &Float64, &CastOptions::default()).ok()?;
            let back = cast_with_options(&there, &Int64, &CastOptions::default()).ok()?;
            return (back.to_data() == column.to_data()).then_some(there);
        }
        _ => return None,
    }
    cast_with_options(column, wanted, &CastOptions { safe: false, ..CastOptions::default() }).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int32Array, Int64Array, StringArray};
    use arrow_schema::{Field, Schema};

    use super::*;

    fn conformed(column: ArrayRef, wanted: DataType) -> Result<ArrayRef> {
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("a", wanted, true)]));
        Ok(conform(&batch, &schema)?.column(0).clone())
    }

    #[test]
    fn types_are_widened_where_nothing_is_lost() {
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let text = conformed(integers.clone(), DataType::Utf8).unwrap();
        assert_eq!(text.as_ref(), &StringArray::from(vec![Some("7"), None]) as &dyn Array);
        let double = conformed(integers, DataType::Float64).unwrap();
        assert_eq!(double.as_ref(), &Float64Array::from(vec![Some(7.0), None]) as &dyn Array);
        let small: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        assert!(conformed(small, DataType::Int64).is_ok());
        let nothing: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
        assert_eq!(conformed(nothing, DataType::Date32).unwrap().null_count(), 1);
    }

    #[test]
    fn what_would_lose_digits_or_cannot_be_is_refused() {
        let large: ArrayRef = Arc::new(Int64Array::from(vec![9_007_199_254_740_993]));
        let error = conformed(large, DataType::Float64).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Query);
        assert!(error.to_string().contains("`a`"), "{error}");
        let text: ArrayRef = Arc::new(StringArray::from(vec!["7"]));
        assert!(conformed(text, DataType::Int64).is_err());
        let double: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        assert!(conformed(double, DataType::Int64).is_err());
    }
}
