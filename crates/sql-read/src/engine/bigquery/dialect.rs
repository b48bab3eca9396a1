//! BigQuery's SQL.

use std::collections::HashMap;

use arrow_schema::DataType;
use chrono::SecondsFormat;

use super::types::TYPE_KEY;
use crate::dataset::DATA_COLUMN;
use crate::error::{Error, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{Column, Dialect};

/// A name as BigQuery quotes it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", escaped(name, '`'))
}

/// A text as BigQuery quotes it. NUL cannot be in one.
fn quoted_text(text: &str) -> Result<String> {
    if text.contains('\0') {
        return Err(Error::invalid("a text in a filter holds a NUL character"));
    }
    Ok(format!("'{}'", escaped(text, '\'')))
}

fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            other => {
                if other == quote {
                    escaped.push('\\');
                }
                escaped.push(other);
            }
        }
    }
    escaped
}

/// BigQuery's SQL for one table: values are compared with its columns in the columns' own types.
pub(super) struct BigQueryDialect {
    project: String,
    types: HashMap<String, String>,
}

impl BigQueryDialect {
    pub(super) fn new(project: &str, columns: &[Column]) -> Self {
        let of = |column: &Column| column.field.metadata().get(TYPE_KEY).cloned().unwrap_or_default();
        let types = columns.iter().map(|column| (column.name.clone(), of(column))).collect();
        Self { project: project.to_owned(), types }
    }

    fn type_of(&self, column: &str) -> &str {
        self.types.get(column).map_or("", String::as_str)
    }
}

impl Dialect for BigQueryDialect {
    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }

    fn table(&self, table: &TableName) -> String {
        format!("{}.{}.{}", quoted(&self.project), quoted(&table.schema), quoted(&table.table))
    }

    fn qualifier(&self, table: &TableName) -> String {
        quoted(&table.table)
    }

    fn literal(&self, literal: &Literal) -> Result<String> {
        Ok(match literal {
            Literal::Boolean(value) => value.to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) if value.is_finite() => format!("{value:e}"),
            Literal::Float(value) => format!("cast('{value}' as float64)"),
            Literal::Text(value) => quoted_text(value)?,
            Literal::Date(value) => format!("date '{value}'"),
            Literal::Timestamp(value) => {
                format!("timestamp '{}'", value.to_rfc3339_opts(SecondsFormat::Micros, true))
            }
        })
    }

    fn literal_for(&self, column: &str, _: &DataType, literal: &Literal) -> Result<String> {
        // Unlike other databases, BigQuery refuses to compare values of two types.
        let wanted = self.type_of(column);
        Ok(match (literal, wanted) {
            (
                Literal::Text(text),
                "BOOL" | "INT64" | "FLOAT64" | "NUMERIC" | "BIGNUMERIC" | "BYTES" | "DATE" | "TIME"
                | "DATETIME" | "TIMESTAMP",
            ) => format!("cast({} as {})", quoted_text(text)?, wanted.to_ascii_lowercase()),
            (Literal::Date(day), "DATETIME") => format!("datetime '{day} 00:00:00'"),
            (Literal::Date(day), "TIMESTAMP") => format!("timestamp '{day} 00:00:00Z'"),
            (Literal::Timestamp(instant), "DATETIME") => {
                format!("datetime '{}'", instant.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f"))
            }
            _ => self.literal(literal)?,
        })
    }

    fn json_member(&self, name: &str, compared_with: Option<&Literal>) -> Result<String> {
        let path = json_path(name)?;
        let data = quoted(DATA_COLUMN);
        let value = format!("json_value({data}, {path})");
        Ok(match compared_with {
            Some(Literal::Boolean(_)) => format!("safe_cast({value} as bool)"),
            Some(Literal::Integer(_)) => format!("safe_cast({value} as bignumeric)"),
            Some(Literal::Float(_)) => format!("safe_cast({value} as float64)"),
            Some(Literal::Date(_)) => format!("safe_cast({value} as date)"),
            Some(Literal::Timestamp(_)) => format!("safe_cast({value} as timestamp)"),
            Some(Literal::Text(_)) => value,
            // Objects and arrays have no value, and are not NULL all the same; JSON's own null is.
            None => format!("nullif(json_query({data}, {path}), 'null')"),
        })
    }

    fn json_order(&self, name: &str) -> Result<Vec<String>> {
        let (path, data) = (json_path(name)?, quoted(DATA_COLUMN));
        // Numbers by their value, and everything else by its text.
        Ok(vec![format!("safe_cast(json_value({data}, {path}) as float64)"), self.json_member(name, None)?])
    }

    fn as_text(&self, column: &str) -> String {
        let name = quoted(column);
        let declared = self.type_of(column);
        let text = match declared {
            "STRING" => return name,
            "BYTES" => format!("to_base64({name})"),
            "GEOGRAPHY" => format!("st_astext({name})"),
            nested if nested == "JSON" || nested.starts_with("ARRAY<") || nested.starts_with("STRUCT<") => {
                format!("to_json_string({name})")
            }
            _ => format!("cast({name} as string)"),
        };
        format!("{text} as {name}")
    }
}

fn json_path(name: &str) -> Result<String> {
    if name.contains(['"', '\\', '\0']) {
        return Err(Error::invalid(format!("the field `{name}` cannot be filtered or ordered by")));
    }
    quoted_text(&format!("$.\"{name}\""))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Field;

    use super::*;

    fn dialect(types: &[(&str, &str)]) -> BigQueryDialect {
        let columns: Vec<Column> = types
            .iter()
            .map(|(name, of)| {
                let field = Field::new(*name, DataType::Utf8, true);
                let field = field.with_metadata([(TYPE_KEY.to_owned(), (*of).to_owned())].into());
                Column { name: (*name).to_owned(), field: Arc::new(field), type_id: 0, as_text: false }
            })
            .collect();
        BigQueryDialect::new("my-project", &columns)
    }

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        assert_eq!(quoted("a`b\\"), "`a\\`b\\\\`");
        assert_eq!(quoted_text("it's\na \\").unwrap(), "'it\\'s\\na \\\\'");
        assert!(quoted_text("\0").is_err());
    }

    #[test]
    fn values_are_compared_in_the_types_of_the_columns() {
        let dialect = dialect(&[("n", "NUMERIC"), ("s", "STRING"), ("t", "TIMESTAMP"), ("d", "DATETIME")]);
        let day = Literal::Date(chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap());
        let literal =
            |column: &str, literal: &Literal| dialect.literal_for(column, &DataType::Utf8, literal).unwrap();
        assert_eq!(literal("n", &"1.50".into()), "cast('1.50' as numeric)");
        assert_eq!(literal("s", &"1.50".into()), "'1.50'");
        assert_eq!(literal("t", &day), "timestamp '2024-02-29 00:00:00Z'");
        assert_eq!(literal("d", &day), "datetime '2024-02-29 00:00:00'");
        assert_eq!(literal("unknown", &day), "date '2024-02-29'");
        assert_eq!(literal("n", &f64::INFINITY.into()), "cast('inf' as float64)");
    }

    #[test]
    fn members_of_records_are_instants_without_failing() {
        let sql = dialect(&[]).json_instant("at").unwrap();
        assert_eq!(sql, "safe_cast(json_value(`_airbyte_data`, '$.\"at\"') as timestamp)");
    }

    #[test]
    fn texts_of_columns_keep_their_names() {
        let dialect = dialect(&[("b", "BYTES"), ("a", "ARRAY<INT64>"), ("s", "STRING"), ("i", "INT64")]);
        assert_eq!(dialect.as_text("b"), "to_base64(`b`) as `b`");
        assert_eq!(dialect.as_text("a"), "to_json_string(`a`) as `a`");
        assert_eq!(dialect.as_text("s"), "`s`");
        assert_eq!(dialect.as_text("i"), "cast(`i` as string) as `i`");
    }
}
