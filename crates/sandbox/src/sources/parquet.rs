//! Parquet files.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{BATCH, Cell, Emit, Field, FieldType, Row, SourceError};

/// The file's columns.
pub(crate) fn fields(path: &Path) -> Result<Vec<Field>, SourceError> {
    columns(path, &open(path)?)
}

fn columns(path: &Path, reader: &ParquetRecordBatchReader) -> Result<Vec<Field>, SourceError> {
    arrow_array::RecordBatchReader::schema(reader)
        .fields()
        .iter()
        .map(|field| Ok(Field::new(field.name(), kind(path, field.name(), field.data_type())?)))
        .collect()
}

pub(crate) fn read(path: &Path, fields: &[Field], emit: Emit<'_>) -> Result<(), SourceError> {
    let reader = open(path)?;
    // Values are told apart by the places of their columns alone.
    if columns(path, &reader)? != fields {
        return Err(SourceError::changed(path));
    }
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(path, &error))?;
        let mut rows: Vec<Row> = vec![Vec::with_capacity(fields.len()); batch.num_rows()];
        for (field, column) in fields.iter().zip(batch.columns()) {
            fill(&mut rows, field.kind, column)
                .map_err(|error| unreadable(path, &format!("column `{}`: {error}", field.name)))?;
        }
        if emit(rows).is_break() {
            break;
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<ParquetRecordBatchReader, SourceError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(BATCH).build())
        .map_err(|error| unreadable(path, &error))
}

fn kind(path: &Path, name: &str, data_type: &DataType) -> Result<FieldType, SourceError> {
    Ok(match data_type {
        DataType::Boolean => FieldType::Boolean,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => FieldType::Integer,
        DataType::UInt64
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Float32
        | DataType::Float64 => FieldType::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => FieldType::Text,
        DataType::Date32 => FieldType::Date,
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond, zone) => {
            match zone {
                Some(_) => FieldType::TimestampWithZone,
                None => FieldType::Timestamp,
            }
        }
        other => {
            return Err(SourceError::new(format!(
                "{}: the sandbox does not read columns of type {other}, such as `{name}`",
                path.display()
            )));
        }
    })
}

fn fill(rows: &mut [Row], kind: FieldType, column: &ArrayRef) -> Result<(), arrow_schema::ArrowError> {
    if kind == FieldType::Integer {
        let wide = arrow_cast::cast(column, &DataType::Int64)?;
        for (row, value) in rows.iter_mut().zip(wide.as_primitive::<Int64Type>()) {
            row.push(value.map_or(Cell::Null, Cell::Integer));
        }
        return Ok(());
    }
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(column, &options)?;
    for (index, row) in rows.iter_mut().enumerate() {
        row.push(if column.is_null(index) {
            Cell::Null
        } else {
            // `to_string` would make a text of the error.
            let value = text.value(index).try_to_string()?;
            match kind {
                FieldType::Boolean => Cell::Boolean(value == "true"),
                // JSON has no NaN and no infinities: they become null, as the real connector does.
                FieldType::Number if value.parse::<f64>().is_ok_and(|number| !number.is_finite()) => {
                    Cell::Null
                }
                FieldType::Number => Cell::Number(value),
                _ => Cell::Text(value),
            }
        });
    }
    Ok(())
}

fn unreadable(path: &Path, error: &impl std::fmt::Display) -> SourceError {
    SourceError::new(format!("{} cannot be read as Parquet: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray};

    use super::*;

    #[test]
    fn a_file_that_was_replaced_by_one_with_other_columns_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |columns: Vec<(&str, ArrayRef)>| {
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let file = File::create(file.path()).unwrap();
            let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        };
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        write(vec![("a", numbers.clone()), ("b", texts.clone())]);
        let known = fields(file.path()).unwrap();
        for other in [
            vec![("b", texts.clone()), ("a", numbers.clone())],
            vec![("a", numbers.clone())],
            vec![("a", texts.clone()), ("b", texts.clone())],
        ] {
            write(other);
            let error = read(file.path(), &known, &mut |rows| panic!("{rows:?}")).unwrap_err().0;
            assert!(error.contains("other columns"), "{error}");
        }
    }
}
