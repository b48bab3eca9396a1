//! Records kept as JSON, read as typed columns.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, FieldRef, SchemaRef, TimeUnit};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::json_values::{boolean, date, integer, number, text, timestamp, timestamp_with_zone};
use crate::meta_columns::DATA_COLUMN;
use crate::types::json_field;

/// The id of the record, which an error names.
pub(crate) const ID_COLUMNS: [&str; 2] = ["_airbyte_ab_id", "_airbyte_raw_id"];

/// What to do with a number that a double cannot hold with all its digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InexactNumbers {
    /// The read fails and names the record.
    #[default]
    Error,
    /// The number is rounded to the nearest double.
    Round,
}

/// What a field of the stream becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Boolean,
    Integer,
    Number,
    Text,
    Date,
    Timestamp,
    TimestampWithZone,
    /// JSON text: objects, arrays, and fields of several types.
    Json,
    /// The text of a string, the JSON of anything else.
    AnyText,
}

/// The typed columns of a stream whose records are JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JsonColumns {
    fields: Vec<(FieldRef, Kind)>,
    pub inexact_numbers: InexactNumbers,
}

impl JsonColumns {
    /// From the stream's JSON schema; `None` if it lists no properties.
    pub(crate) fn new(schema: &Value) -> Option<Self> {
        let properties = schema.get("properties")?.as_object()?;
        let fields: Vec<_> = properties
            .iter()
            .map(|(name, schema)| {
                let kind = kind(schema);
                (Arc::new(kind.field(name)), kind)
            })
            .collect();
        (!fields.is_empty()).then_some(Self { fields, inexact_numbers: InexactNumbers::default() })
    }

    /// Reads a field as text, whatever its type.
    pub(crate) fn read_as_text(&mut self, name: &str) {
        for (field, kind) in self.fields.iter_mut().filter(|(field, _)| field.name() == name) {
            *kind = Kind::AnyText;
            *field = Arc::new(kind.field(name));
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(field, _)| field.name().as_str())
    }

    /// Whether a field is a date with a time of day.
    pub(crate) fn is_time(&self, name: &str) -> bool {
        let times = [Kind::Timestamp, Kind::TimestampWithZone];
        self.fields.iter().any(|(field, kind)| field.name() == name && times.contains(kind))
    }

    pub(crate) fn field(&self, name: &str) -> Option<FieldRef> {
        self.fields.iter().find(|(field, _)| field.name() == name).map(|(field, _)| field.clone())
    }

    /// The batch in the form of `schema`: stored columns as they are, the others out of the JSON.
    pub(crate) fn expand(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let wanted: Vec<_> = schema
            .fields()
            .iter()
            .filter(|field| batch.column_by_name(field.name()).is_none())
            .filter_map(|field| self.fields.iter().find(|(known, _)| known.name() == field.name()))
            .collect();
        let mut builders: Vec<Builder> =
            wanted.iter().map(|(_, kind)| Builder::new(*kind, batch.num_rows())).collect();
        let data = text_column(batch, DATA_COLUMN)
            .ok_or_else(|| value_error(format!("the column `{DATA_COLUMN}` is not text")))?;
        let ids = ID_COLUMNS.iter().find_map(|name| text_column(batch, name));
        let record = |row: usize| {
            let id = ids.as_ref().filter(|ids| !ids.is_null(row)).map(|ids| ids.value(row).to_owned());
            id.unwrap_or_else(|| format!("number {row}"))
        };
        let places: HashMap<&str, usize> =
            wanted.iter().enumerate().map(|(place, (field, _))| (field.name().as_str(), place)).collect();
        let mut found: Vec<Option<&RawValue>> = vec![None; wanted.len()];
        for row in 0..batch.num_rows() {
            found.fill(None);
            if !data.is_null(row) {
                let mut json = serde_json::Deserializer::from_str(data.value(row));
                let picked = Pick { places: &places, found: &mut found }.deserialize(&mut json);
                picked.and_then(|()| json.end()).map_err(|error| {
                    value_error(format!("the record {} is not a JSON object: {error}", record(row)))
                })?;
            }
            for (((field, kind), builder), member) in wanted.iter().zip(&mut builders).zip(&found) {
                let member = member.map(RawValue::get).filter(|json| *json != "null");
                builder.append(member, self.inexact_numbers).map_err(|problem| {
                    value_error(format!(
                        "the field `{}` of the record {} {problem}, and its type is {}",
                        field.name(),
                        record(row),
                        kind.word()
                    ))
                    .with_hint("read the column `_airbyte_data` to see the record as it is")
                })?;
            }
        }
        let mut expanded: HashMap<&str, ArrayRef> = wanted
            .iter()
            .zip(builders)
            .map(|((field, _), builder)| (field.name().as_str(), builder.finish()))
            .collect();
        let columns = schema
            .fields()
            .iter()
            .filter_map(|field| {
                batch.column_by_name(field.name()).cloned().or_else(|| expanded.remove(field.name().as_str()))
            })
            .collect();
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    }
}

/// Picks the wanted members of an object, each as its JSON text, without building the others.
struct Pick<'a, 'de> {
    places: &'a HashMap<&'a str, usize>,
    found: &'a mut [Option<&'de RawValue>],
}

impl<'de> DeserializeSeed<'de> for Pick<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(place) = members.next_key_seed(Place(self.places))? {
            match place {
                Some(place) => self.found[place] = Some(members.next_value()?),
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The place of a member's name among the wanted ones. A name with escapes is not a slice of the text.
struct Place<'a>(&'a HashMap<&'a str, usize>);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.get(name).copied())
    }
}

/// A column of texts, whatever the case of its name and the form of its texts.
fn text_column(batch: &RecordBatch, name: &str) -> Option<StringArray> {
    let (place, _) = batch
        .schema_ref()
        .fields()
        .iter()
        .enumerate()
        .find(|(_, field)| field.name().eq_ignore_ascii_case(name))?;
    let column = batch.column(place);
    // Without a copy where it is of this form already.
    column.as_string_opt::<i32>().cloned().or_else(|| {
        let is_text = matches!(column.data_type(), DataType::LargeUtf8 | DataType::Utf8View);
        let text = arrow_cast::cast(column, &DataType::Utf8).ok().filter(|_| is_text)?;
        text.as_string_opt::<i32>().cloned()
    })
}

fn value_error(message: String) -> Error {
    Error::new(ErrorKind::Value, message)
}

fn kind(schema: &Value) -> Kind {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    match types.as_slice() {
        ["boolean"] => Kind::Boolean,
        ["integer"] => Kind::Integer,
        ["number"] if text("airbyte_type") == Some("integer") => Kind::Integer,
        ["number"] => Kind::Number,
        ["string"] => match (text("format"), text("airbyte_type")) {
            (Some("date"), _) => Kind::Date,
            (Some("date-time"), Some("timestamp_without_timezone")) => Kind::Timestamp,
            (Some("date-time"), _) => Kind::TimestampWithZone,
            _ => Kind::Text,
        },
        _ => Kind::Json,
    }
}

impl Kind {
    fn field(self, name: &str) -> Field {
        match self {
            Self::Json => json_field(name, true),
            _ => Field::new(name, self.data_type(), true),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Text | Self::AnyText | Self::Json => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampWithZone => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::Date => "date",
            Self::Timestamp => "timestamp without time zone",
            Self::TimestampWithZone => "timestamp with time zone",
            Self::Json => "any JSON",
            Self::AnyText => "any text",
        }
    }
}

enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Text(StringBuilder),
    Json(StringBuilder),
    AnyText(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampWithZone(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Kind::Integer => Self::Integer(Int64Builder::with_capacity(rows)),
            Kind::Number => Self::Number(Float64Builder::with_capacity(rows)),
            Kind::Text => Self::Text(StringBuilder::with_capacity(rows, rows * 16)),
            Kind::Json => Self::Json(StringBuilder::with_capacity(rows, rows * 32)),
            Kind::AnyText => Self::AnyText(StringBuilder::with_capacity(rows, rows * 16)),
            Kind::Date => Self::Date(Date32Builder::with_capacity(rows)),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows)),
            Kind::TimestampWithZone => {
                Self::TimestampWithZone(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"))
            }
        }
    }

    /// Appends a member's JSON text, `None` for null. The problem completes "the field x ...".
    fn append(&mut self, json: Option<&str>, inexact: InexactNumbers) -> Result<(), String> {
        match self {
            Self::Boolean(builder) => builder.append_option(json.map(boolean).transpose()?),
            Self::Integer(builder) => builder.append_option(json.map(integer).transpose()?),
            Self::Number(builder) => {
                builder.append_option(json.map(|json| number(json, inexact)).transpose()?);
            }
            Self::Text(builder) => match json {
                None => builder.append_null(),
                // Most texts have no escapes and are taken as they stand.
                Some(json) => match serde_json::from_str::<&str>(json) {
                    Ok(plain) => builder.append_value(plain),
                    Err(_) => builder.append_value(text(json)?),
                },
            },
            Self::Json(builder) => builder.append_option(json),
            Self::AnyText(builder) => match json {
                Some(json) if json.starts_with('"') => builder.append_value(text(json)?),
                other => builder.append_option(other),
            },
            Self::Date(builder) => builder.append_option(json.map(date).transpose()?),
            Self::Timestamp(builder) => builder.append_option(json.map(timestamp).transpose()?),
            Self::TimestampWithZone(builder) => {
                builder.append_option(json.map(timestamp_with_zone).transpose()?);
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) | Self::Json(mut builder) | Self::AnyText(mut builder) => {
                Arc::new(builder.finish())
            }
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) | Self::TimestampWithZone(mut builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Float64Type, Int64Type};
    use serde_json::json;

    use super::*;

    fn expand(records: &[&str], columns: &JsonColumns) -> Result<RecordBatch> {
        let data: ArrayRef = Arc::new(StringArray::from(records.to_vec()));
        let batch = RecordBatch::try_from_iter([(DATA_COLUMN, data)]).unwrap();
        let fields: Vec<_> = columns.names().map(|name| columns.field(name).unwrap()).collect();
        columns.expand(&batch, &Arc::new(arrow_schema::Schema::new(fields)))
    }

    fn columns() -> JsonColumns {
        JsonColumns::new(&json!({"properties": {
            "id": {"type": ["null", "integer"]},
            "price": {"type": "number"},
            "name": {"type": "string"},
            "at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
            "more": {"type": "object"},
        }}))
        .unwrap()
    }

    #[test]
    fn members_become_columns_and_absent_ones_null() {
        let batch = expand(
            &[
                r#"{"id": 9007199254740993, "price": 0.1, "name": "a\"b", "at": "2024-01-02T03:04:05+02:00", "more": {"x": 1.0}}"#,
                r#"{"name": null}"#,
            ],
            &columns(),
        )
        .unwrap();
        assert_eq!(batch["id"].as_primitive::<Int64Type>().value(0), 9_007_199_254_740_993);
        assert_eq!(batch["price"].as_primitive::<Float64Type>().value(0).to_string(), "0.1");
        assert_eq!(batch["name"].as_string::<i32>().value(0), "a\"b");
        assert_eq!(batch["more"].as_string::<i32>().value(0), r#"{"x": 1.0}"#);
        assert!(batch.columns().iter().all(|column| column.is_null(1)));
    }

    #[test]
    fn a_value_of_another_type_is_named_and_not_shown() {
        for record in [
            r#"{"id": "secret"}"#,
            r#"{"id": 1.5}"#,
            r#"{"price": "secret"}"#,
            r#"{"at": "secret"}"#,
            r#"{"name": 5}"#,
        ] {
            let error = expand(&[record], &columns()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Value);
            assert!(
                error.to_string().contains("the field `") && !error.to_string().contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn digits_that_a_double_drops_are_an_error_unless_rounding_is_asked_for() {
        let record = r#"{"price": 0.12345678901234567890123}"#;
        assert!(expand(&[record], &columns()).is_err());
        let rounding = JsonColumns { inexact_numbers: InexactNumbers::Round, ..columns() };
        assert!(expand(&[record], &rounding).is_ok());
        for exact in ["1.10", "100", "1e21", "0.1", "-0.0", "123456789012345680000", "9007199254740992"] {
            assert!(expand(&[&format!("{{\"price\": {exact}}}")], &columns()).is_ok(), "{exact}");
        }
    }
}
