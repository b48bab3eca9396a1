//! What PostgreSQL makes of the rows of a group as Arrow would.

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};

use super::types::oid;
use crate::engine::Summaries;
use crate::scan::{Column, GroupKey};
use crate::types::declared;

/// Digits that Arrow's decimals can have.
const DIGITS: u8 = 38;
/// Digits that a sum has more than what is added up.
const MORE_DIGITS: u8 = 10;

#[derive(Debug)]
pub(super) struct PostgresSummaries;

impl Summaries for PostgresSummaries {
    fn rows(&self) -> Column {
        column("rows", DataType::Int64, false, oid::INT8)
    }

    /// Floating point numbers are left out: PostgreSQL has one zero and one NaN, Arrow two and many. So are texts that are
    /// filled up with spaces, and what is a text to Arrow alone.
    fn key(&self, key: &Column) -> Option<GroupKey> {
        if key.as_text {
            return None;
        }
        let by_bytes = match key.field.data_type() {
            DataType::Utf8 => {
                let declared = declared(&key.field)?;
                let is_text = declared == "text" || declared.starts_with("character varying");
                if !is_text && declared != "uuid" {
                    return None;
                }
                is_text
            }
            DataType::Boolean => false,
            _ if self.is_ordered(key) => false,
            _ => return None,
        };
        Some(GroupKey { column: key.name.clone(), by_bytes })
    }

    fn is_ordered(&self, column: &Column) -> bool {
        !column.as_text
            && matches!(
                column.field.data_type(),
                DataType::Int16
                    | DataType::Int32
                    | DataType::Int64
                    | DataType::Date32
                    | DataType::Decimal128(_, 0..)
                    | DataType::Time64(TimeUnit::Microsecond)
                    | DataType::Timestamp(TimeUnit::Microsecond, _)
            )
    }

    fn precise(&self, column: &Column) -> Option<String> {
        match column.field.data_type() {
            DataType::Decimal128(precision, scale) => Some(format!("numeric({precision}, {scale})")),
            _ => None,
        }
    }

    fn sum(&self, summed: &Column) -> Option<(Column, String)> {
        if summed.as_text {
            return None;
        }
        match summed.field.data_type() {
            // What does not fit is an error of the server's, and nothing that has gone around.
            DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Some((column(&summed.name, DataType::Int64, true, oid::INT8), "bigint".to_owned()))
            }
            DataType::Decimal128(precision, scale @ 0..) => {
                let precision = precision.saturating_add(MORE_DIGITS).min(DIGITS);
                let of_sum = DataType::Decimal128(precision, *scale);
                Some((
                    column(&summed.name, of_sum, true, oid::NUMERIC),
                    format!("numeric({precision}, {scale})"),
                ))
            }
            _ => None,
        }
    }
}

fn column(name: &str, data_type: DataType, nullable: bool, type_id: u32) -> Column {
    let field = Arc::new(Field::new(name, data_type, nullable));
    Column { name: name.to_owned(), field, type_id, as_text: false }
}
