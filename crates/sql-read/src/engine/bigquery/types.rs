//! Which Arrow type a BigQuery type becomes.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, SchemaRef, TimeUnit};
use google_cloud_bigquery_v2::model::TableFieldSchema;

use crate::error::{Error, ErrorKind, Result};
use crate::scan::Column;
use crate::types::json_field;

/// Metadata of a field: its type in BigQuery's words.
pub(super) const TYPE_KEY: &str = "bigquery:type";

/// A column of a table. One of a type that this reader does not know comes as BigQuery's own text.
pub(super) fn column(described: &TableFieldSchema) -> Column {
    let (field, known) = field(described);
    Column { name: described.name.clone(), field: Arc::new(field), type_id: 0, as_text: !known }
}

/// The field, and whether its type is known all the way down.
pub(super) fn field(described: &TableFieldSchema) -> (Field, bool) {
    let known = data_type(described);
    let data_type = known.clone().unwrap_or(DataType::Utf8);
    let nullable = described.mode != "REQUIRED";
    let field = if described.r#type == "JSON" && described.mode != "REPEATED" {
        json_field(&described.name, nullable)
    } else {
        Field::new(&described.name, data_type, nullable)
    };
    let mut metadata = field.metadata().clone();
    metadata.insert(TYPE_KEY.to_owned(), declared(described));
    (field.with_metadata(metadata), known.is_some())
}

/// The type in the words of BigQuery's SQL.
pub(super) fn declared(described: &TableFieldSchema) -> String {
    let element = match standard(&described.r#type) {
        "STRUCT" => {
            let fields: Vec<_> = described
                .fields
                .iter()
                .map(|field| format!("{} {}", super::dialect::quoted(&field.name), declared(field)))
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        "RANGE" => format!("RANGE<{}>", range_element(described)),
        plain => plain.to_owned(),
    };
    if described.mode == "REPEATED" { format!("ARRAY<{element}>") } else { element }
}

/// The API has older names for some types.
fn standard(name: &str) -> &str {
    match name {
        "INTEGER" => "INT64",
        "FLOAT" => "FLOAT64",
        "BOOLEAN" => "BOOL",
        "RECORD" => "STRUCT",
        other => other,
    }
}

fn range_element(described: &TableFieldSchema) -> &str {
    described.range_element_type.as_ref().map_or("", |element| element.r#type.as_str())
}

fn data_type(described: &TableFieldSchema) -> Option<DataType> {
    let element = match standard(&described.r#type) {
        "STRUCT" => {
            let fields: Option<Vec<FieldRef>> = described
                .fields
                .iter()
                .map(|field| Some(Arc::new(Field::new(&field.name, data_type(field)?, true))))
                .collect();
            DataType::Struct(fields?.into())
        }
        "RANGE" => {
            let bound = scalar(range_element(described))?;
            DataType::Struct(Fields::from(vec![
                Field::new("start", bound.clone(), true),
                Field::new("end", bound, true),
            ]))
        }
        name => scalar(name)?,
    };
    Some(if described.mode == "REPEATED" {
        DataType::List(Arc::new(Field::new_list_field(element, true)))
    } else {
        element
    })
}

fn scalar(name: &str) -> Option<DataType> {
    Some(match name {
        "BOOL" => DataType::Boolean,
        "INT64" => DataType::Int64,
        "FLOAT64" => DataType::Float64,
        // Declared precisions only narrow these, so that every value fits whatever a table declares.
        "NUMERIC" => DataType::Decimal128(38, 9),
        "BIGNUMERIC" => DataType::Decimal256(76, 38),
        "STRING" | "JSON" | "GEOGRAPHY" => DataType::Utf8,
        "BYTES" => DataType::Binary,
        "DATE" => DataType::Date32,
        "TIME" => DataType::Time64(TimeUnit::Microsecond),
        "DATETIME" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "INTERVAL" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

/// The columns of a batch as the read was planned: by name, in the order and with the types of `planned`.
pub(super) fn fit(batch: &RecordBatch, planned: &SchemaRef) -> Result<RecordBatch> {
    let columns: Result<Vec<ArrayRef>> = planned
        .fields()
        .iter()
        .map(|field| {
            let column = batch
                .column_by_name(field.name())
                .ok_or_else(|| changed(field, "is not among what BigQuery sent"))?;
            fit_column(column, field)
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(planned.clone(), columns?, &options)?)
}

fn fit_column(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(column.clone());
    }
    if !holds(field.data_type(), column.data_type()) {
        return Err(changed(field, &format!("came as {}", column.data_type())));
    }
    let exactly = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(column, field.data_type(), &exactly)?)
}

fn changed(field: &Field, what: &str) -> Error {
    Error::new(ErrorKind::Query, format!("the column `{}` has changed: it {what}", field.name()))
        .with_hint("open the dataset again")
}

/// Whether every value of a type fits into another: names of elements and declared precisions may differ.
fn holds(wide: &DataType, narrow: &DataType) -> bool {
    match (wide, narrow) {
        (DataType::List(wide), DataType::List(narrow) | DataType::LargeList(narrow)) => {
            holds(wide.data_type(), narrow.data_type())
        }
        (DataType::Struct(wide), DataType::Struct(narrow)) => {
            wide.len() == narrow.len()
                && wide.iter().zip(narrow).all(|(wide, narrow)| {
                    wide.name() == narrow.name() && holds(wide.data_type(), narrow.data_type())
                })
        }
        (
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale),
            DataType::Decimal128(of, at) | DataType::Decimal256(of, at),
        ) => {
            let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
            scale >= at && whole(*precision, *scale) >= whole(*of, *at)
        }
        // Emulators have narrower integers.
        (DataType::Int64, DataType::Int32)
        | (DataType::Utf8, DataType::LargeUtf8)
        | (DataType::Binary, DataType::LargeBinary) => true,
        (DataType::Timestamp(wide, Some(_)), DataType::Timestamp(narrow, Some(_))) => wide == narrow,
        (wide, narrow) => wide == narrow,
    }
}

#[cfg(test)]
mod tests {
    use google_cloud_bigquery_v2::model::table_field_schema::FieldElementType;

    use super::*;

    fn described(name: &str, of: &str, mode: &str) -> TableFieldSchema {
        TableFieldSchema::new().set_name(name).set_type(of).set_mode(mode)
    }

    #[test]
    fn nested_and_repeated_types_are_known_all_the_way_down() {
        let nested = described("n", "RECORD", "REPEATED")
            .set_fields([described("a", "INTEGER", "NULLABLE"), described("b", "BOOLEAN", "REPEATED")]);
        assert_eq!(declared(&nested), "ARRAY<STRUCT<`a` INT64, `b` ARRAY<BOOL>>>");
        let DataType::List(element) = data_type(&nested).unwrap() else { panic!("no list") };
        assert!(matches!(element.data_type(), DataType::Struct(fields) if fields.len() == 2));
        let range = described("r", "RANGE", "NULLABLE")
            .set_range_element_type(FieldElementType::new().set_type("DATE"));
        assert_eq!(declared(&range), "RANGE<DATE>");
        assert!(data_type(&range).is_some());
    }

    #[test]
    fn an_unknown_type_comes_as_text() {
        let column = column(&described("x", "TENSOR", "NULLABLE"));
        assert!(column.as_text);
        assert_eq!(column.field.data_type(), &DataType::Utf8);
        assert_eq!(column.field.metadata()[TYPE_KEY], "TENSOR");
    }

    #[test]
    fn a_declared_precision_fits_and_a_coarser_type_does_not() {
        assert!(holds(&DataType::Decimal128(38, 9), &DataType::Decimal128(10, 2)));
        assert!(!holds(&DataType::Decimal128(38, 9), &DataType::Decimal128(38, 2)));
        assert!(!holds(&DataType::Int64, &DataType::Float64));
        assert!(!holds(
            &DataType::Timestamp(TimeUnit::Microsecond, None),
            &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        ));
    }
}
