//! Rows as the REST interface gives them: JSON that holds every value as text.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, SchemaRef};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::StreamExt;
use google_cloud_bigquery_v2::model::{GetQueryResultsResponse, JobReference};
use serde_json::{Map, Value};

use super::connect::Clients;
use super::intervals;
use super::query;
use super::session::Shape;
use super::types::fit;
use crate::engine::RecordBatchStream;
use crate::error::{Error, ErrorKind, Result};

/// The rows of a finished query, page by page. `given` are its columns as they come.
pub(super) fn rows(
    clients: Clients,
    job: JobReference,
    first_page: GetQueryResultsResponse,
    given: SchemaRef,
    shape: Shape,
) -> RecordBatchStream {
    let pages = futures::stream::unfold(Some(Ok(first_page)), move |page| {
        let (clients, job) = (clients.clone(), job.clone());
        async move {
            let page: Result<GetQueryResultsResponse> = page?;
            let next = match &page {
                Ok(page) if !page.page_token.is_empty() => {
                    Some(query::page(&clients, &job, &page.page_token, None).await)
                }
                _ => None,
            };
            Some((page, next))
        }
    });
    pages
        .flat_map(move |page| {
            let batches = page.and_then(|page| decode(&page.rows, &given)).map(|batch| {
                let starts = (0..batch.num_rows()).step_by(shape.batch_rows);
                let part = |from| {
                    let rows = shape.batch_rows.min(batch.num_rows() - from);
                    fit(&batch.slice(from, rows), &shape.schema)
                };
                starts.map(part).collect::<Vec<_>>()
            });
            futures::stream::iter(batches.unwrap_or_else(|error| vec![Err(error)]))
        })
        .boxed()
}

/// One page's rows.
pub(super) fn decode(rows: &[Map<String, Value>], schema: &SchemaRef) -> Result<RecordBatch> {
    let cells: Vec<&[Value]> = rows.iter().map(|row| cells(row.get("f"))).collect::<Result<_>>()?;
    // Read by their place, as names of a query's result may be there twice.
    let fields: Fields = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| Field::new(index.to_string(), carried(field.data_type()), true))
        .collect();
    let plain = Arc::new(Schema::new(fields));
    let objects: Result<Vec<Value>> = cells
        .iter()
        .map(|cells| {
            if cells.len() != schema.fields().len() {
                return Err(unreadable("a row", "has another number of cells than there are columns"));
            }
            let object: Result<Map<String, Value>> = schema
                .fields()
                .iter()
                .zip(cells.iter())
                .enumerate()
                .map(|(index, (field, cell))| {
                    let value = value(cell, field.data_type()).map_err(|problem| {
                        unreadable(&format!("a value of the column `{}`", field.name()), problem)
                    })?;
                    Ok((index.to_string(), value))
                })
                .collect();
            object.map(Value::Object)
        })
        .collect();
    let objects = objects?;
    let mut decoder =
        ReaderBuilder::new(plain.clone()).with_batch_size(objects.len().max(1)).build_decoder()?;
    decoder.serialize(&objects)?;
    let batch = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(plain));
    let columns: Result<Vec<ArrayRef>> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| intervals::restore(column, field.data_type()))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(objects.len()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns?, &options)?)
}

fn unreadable(what: &str, problem: &str) -> Error {
    Error::new(ErrorKind::Value, format!("{what} of BigQuery's answer {problem}"))
}

/// The cells of a row or a struct: `{"f": [{"v": ...}, ...]}`.
fn cells(list: Option<&Value>) -> Result<&[Value]> {
    list.and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| unreadable("a row", "has no list of cells"))
}

/// The type in which values are handed to the JSON decoder, which knows no intervals.
fn carried(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Utf8,
        DataType::List(element) => {
            DataType::List(Arc::new(element.as_ref().clone().with_data_type(carried(element.data_type()))))
        }
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .enumerate()
                .map(|(index, field)| Field::new(index.to_string(), carried(field.data_type()), true))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A cell in the form that the JSON decoder takes for this type. The problem completes "a value ...".
fn value(cell: &Value, data_type: &DataType) -> Result<Value, &'static str> {
    let held = cell.get("v").unwrap_or(&Value::Null);
    match (held, data_type) {
        (Value::Null, DataType::List(_)) => Ok(Value::Array(Vec::new())),
        (Value::Null, _) => Ok(Value::Null),
        (Value::Array(elements), DataType::List(element)) => {
            let elements: Result<Vec<_>, _> =
                elements.iter().map(|element_cell| value(element_cell, element.data_type())).collect();
            elements.map(Value::Array)
        }
        (Value::String(range), DataType::Struct(bounds)) if bounds.len() == 2 => bounds_of(range, bounds),
        (Value::Object(object), DataType::Struct(fields)) => {
            let cells = object.get("f").and_then(Value::as_array).ok_or("is a struct without cells")?;
            if cells.len() != fields.len() {
                return Err("is a struct with another number of fields");
            }
            let members: Result<Map<String, Value>, _> = cells
                .iter()
                .zip(fields)
                .enumerate()
                .map(|(index, (cell, field))| Ok((index.to_string(), value(cell, field.data_type())?)))
                .collect();
            members.map(Value::Object)
        }
        (Value::String(text), data_type) => scalar(text, data_type),
        // Emulators give some values as what they are.
        (plain @ (Value::Bool(_) | Value::Number(_)), data_type) => scalar(&plain.to_string(), data_type),
        _ => Err("has another form than its type"),
    }
}

/// The two ends of `[start, end)`.
fn bounds_of(range: &str, bounds: &Fields) -> Result<Value, &'static str> {
    let inner = range.strip_prefix('[').and_then(|rest| rest.strip_suffix(')')).ok_or("is no range")?;
    let (start, end) = inner.split_once(", ").ok_or("is no range")?;
    let bound = |text: &str, field: &Field| match text {
        "UNBOUNDED" | "NULL" => Ok(Value::Null),
        text => scalar(text, field.data_type()),
    };
    let (start, end) = (bound(start, &bounds[0])?, bound(end, &bounds[1])?);
    Ok(Value::Object([("0".to_owned(), start), ("1".to_owned(), end)].into_iter().collect()))
}

fn scalar(text: &str, data_type: &DataType) -> Result<Value, &'static str> {
    Ok(match data_type {
        DataType::Boolean => Value::Bool(text.parse().map_err(|_| "is neither true nor false")?),
        DataType::Int64 => Value::from(text.parse::<i64>().map_err(|_| "is no integer")?),
        // Of the floating-point numbers only the finite ones can be JSON numbers.
        DataType::Float64 => {
            let number = text.parse::<f64>().map_err(|_| "is no number")?;
            serde_json::Number::from_f64(number)
                .map_or_else(|| Value::from(number.to_string()), Value::Number)
        }
        DataType::Binary => {
            let bytes = BASE64.decode(text).map_err(|_| "is not in base 64")?;
            Value::from(hexadecimal(&bytes))
        }
        DataType::Timestamp(_, Some(_)) => {
            Value::from(text.parse::<i64>().map_err(|_| "is no number of microseconds")?)
        }
        _ => Value::from(text),
    })
}

/// Bytes as the JSON decoder takes them.
fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |of: u8| char::from(DIGITS[usize::from(of)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{
        Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    };
    use arrow_schema::TimeUnit;
    use serde_json::json;

    use super::*;

    fn page(rows: &Value) -> Vec<Map<String, Value>> {
        let rows = rows.as_array().unwrap();
        rows.iter()
            .map(|row| {
                let cells: Vec<Value> =
                    row.as_array().unwrap().iter().map(|cell| json!({ "v": cell })).collect();
                json!({ "f": cells }).as_object().unwrap().clone()
            })
            .collect()
    }

    fn schema(types: &[DataType]) -> SchemaRef {
        Arc::new(Schema::new(types.iter().map(|of| Field::new("same", of.clone(), true)).collect::<Vec<_>>()))
    }

    #[test]
    fn every_scalar_comes_exactly() {
        let micros = TimeUnit::Microsecond;
        let types = schema(&[
            DataType::Int64,
            DataType::Float64,
            DataType::Decimal128(38, 9),
            DataType::Decimal256(76, 38),
            DataType::Binary,
            DataType::Date32,
            DataType::Time64(micros),
            DataType::Timestamp(micros, None),
            DataType::Timestamp(micros, Some("UTC".into())),
        ]);
        let rows = page(&json!([
            [
                "-9223372036854775808",
                "-Infinity",
                "99999999999999999999999999999.999999999",
                "-0.00000000000000000000000000000000000001",
                "AP8=",
                "0001-01-01",
                "23:59:59.999999",
                "9999-12-31T23:59:59.999999",
                "-62135596800000000"
            ],
            [null, null, null, null, null, null, null, null, null],
            ["1", "NaN", "1.5", "2", "", "1970-01-01", "00:00:00", "1970-01-01T00:00:00", "1"]
        ]));
        let batch = decode(&rows, &types).unwrap();
        assert_eq!(batch.num_rows(), 3);
        assert!((0..9).all(|column| batch.column(column).is_null(1)));
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), i64::MIN);
        assert!(batch.column(1).as_primitive::<Float64Type>().value(0).is_infinite());
        assert!(batch.column(1).as_primitive::<Float64Type>().value(2).is_nan());
        assert_eq!(batch.column(2).as_primitive::<Decimal128Type>().value(0), 10_i128.pow(38) - 1);
        assert_eq!(
            batch.column(3).as_primitive::<Decimal256Type>().value_as_string(0),
            format!("-0.{}1", "0".repeat(37))
        );
        assert_eq!(batch.column(4).as_binary::<i32>().value(0), [0, 255]);
        assert_eq!(batch.column(5).as_primitive::<Date32Type>().value(0), -719_162);
        assert_eq!(batch.column(6).as_primitive::<Time64MicrosecondType>().value(0), 86_399_999_999);
        assert_eq!(
            batch.column(7).as_primitive::<TimestampMicrosecondType>().value(0),
            253_402_300_799_999_999
        );
        assert_eq!(
            batch.column(8).as_primitive::<TimestampMicrosecondType>().value(0),
            -62_135_596_800_000_000
        );
    }

    #[test]
    fn structs_arrays_and_ranges_come_whole() {
        let day = |name: &str| Field::new(name, DataType::Date32, true);
        let pair = DataType::Struct(Fields::from(vec![
            Field::new("a", DataType::Int64, true),
            Field::new("b", DataType::Utf8, true),
            Field::new("c", DataType::Boolean, true),
        ]));
        let types = schema(&[
            DataType::List(Arc::new(Field::new_list_field(pair, true))),
            DataType::Struct(Fields::from(vec![day("start"), day("end")])),
        ]);
        let rows = page(&json!([
            [[{"v": {"f": [{"v": "1"}, {"v": "x"}, {"v": "true"}]}}], "[2024-01-01, UNBOUNDED)"],
            [[], null]
        ]));
        let batch = decode(&rows, &types).unwrap();
        let list = batch.column(0).as_list::<i32>();
        assert_eq!((list.value_length(0), list.value_length(1)), (1, 0));
        assert_eq!(list.values().as_struct().column(1).as_string::<i32>().value(0), "x");
        let range = batch.column(1).as_struct();
        assert_eq!(range.column(0).as_primitive::<Date32Type>().value(0), 19_723);
        assert!(arrow_array::Array::is_null(range.column(1), 0));
    }

    #[test]
    fn what_is_not_of_its_type_is_an_error_that_names_the_column() {
        let rows = page(&json!([["many"]]));
        let error = decode(&rows, &schema(&[DataType::Int64])).unwrap_err();
        assert_eq!(error.to_string(), "a value of the column `same` of BigQuery's answer is no integer");
        assert!(decode(&page(&json!([["1", "2"]])), &schema(&[DataType::Int64])).is_err());
    }
}
