//! SQLite's dynamically typed cells, as typed columns.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BinaryBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_schema::DataType;
use rusqlite::types::{Value, ValueRef};

/// The Arrow type of a column, by SQLite's own rules of affinity. Where those leave the type open, it is text.
pub(super) fn data_type(declared: &str) -> DataType {
    let declared = declared.to_ascii_uppercase();
    let says = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
    if says(&["INT"]) {
        DataType::Int64
    } else if says(&["CHAR", "CLOB", "TEXT"]) {
        DataType::Utf8
    } else if says(&["BLOB"]) {
        DataType::Binary
    } else if says(&["REAL", "FLOA", "DOUB"]) {
        DataType::Float64
    } else {
        DataType::Utf8
    }
}

/// The Arrow type that holds all of these cells, for a column of no declared type.
pub(super) fn common_type<'a>(cells: impl Iterator<Item = &'a Value>) -> DataType {
    let kinds = cells.filter_map(|cell| match cell {
        Value::Null => None,
        Value::Integer(_) => Some(DataType::Int64),
        Value::Real(_) => Some(DataType::Float64),
        Value::Text(_) => Some(DataType::Utf8),
        Value::Blob(_) => Some(DataType::Binary),
    });
    let common = kinds.reduce(|one, other| match (one, other) {
        (DataType::Int64 | DataType::Float64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            DataType::Float64
        }
        (one, other) if one == other => one,
        // Text holds numbers as well, and bytes hold text.
        (DataType::Binary, DataType::Utf8) | (DataType::Utf8, DataType::Binary) => DataType::Binary,
        _ => DataType::Utf8,
    });
    common.unwrap_or(DataType::Utf8)
}

/// Collects the cells of a column. A cell of another type is an error unless it fits without loss.
pub(super) enum ColumnBuilder {
    Integer(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Binary(BinaryBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a cell and returns its size. The problem completes "a value of the column x ...".
    pub(super) fn append(&mut self, cell: ValueRef<'_>) -> Result<usize, &'static str> {
        match (self, cell) {
            (Self::Integer(builder), ValueRef::Null) => builder.append_null(),
            (Self::Float(builder), ValueRef::Null) => builder.append_null(),
            (Self::Text(builder), ValueRef::Null) => builder.append_null(),
            (Self::Binary(builder), ValueRef::Null) => builder.append_null(),
            (Self::Integer(builder), ValueRef::Integer(value)) => builder.append_value(value),
            (Self::Float(builder), ValueRef::Real(value)) => builder.append_value(value),
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "checked to come back"
            )]
            (Self::Float(builder), ValueRef::Integer(value)) => {
                if (value as f64) as i64 != value {
                    return Err("is an integer that a double does not hold");
                }
                builder.append_value(value as f64);
            }
            (Self::Text(builder), ValueRef::Text(text)) => {
                builder.append_value(std::str::from_utf8(text).map_err(|_| "is text that is not UTF-8")?);
                return Ok(text.len() + 8);
            }
            (Self::Text(builder), ValueRef::Integer(value)) => builder.append_value(value.to_string()),
            (Self::Text(builder), ValueRef::Real(value)) => builder.append_value(value.to_string()),
            (Self::Text(_), ValueRef::Blob(_)) => return Err("is a blob, and the column holds text"),
            (Self::Binary(builder), ValueRef::Blob(bytes) | ValueRef::Text(bytes)) => {
                builder.append_value(bytes);
                return Ok(bytes.len() + 8);
            }
            (Self::Integer(_), _) => return Err("is not an integer, and the column is declared as one"),
            (Self::Float(_), _) => return Err("is not a number, and the column is declared as one"),
            (Self::Binary(_), _) => return Err("is a number, and the column is declared as a blob"),
        }
        Ok(8)
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Binary(mut builder) => Arc::new(builder.finish()),
        }
    }
}
