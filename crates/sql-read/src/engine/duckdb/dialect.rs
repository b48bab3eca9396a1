//! DuckDB's SQL.

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, SecondsFormat};

use crate::dataset::DATA_COLUMN;
use crate::error::{Error, Result};
use crate::filter::Literal;
use crate::scan::{Dialect, quoted, quoted_text};

/// The first time of which DuckDB reads nanoseconds: the beginning of 22 September 1677.
const FIRST_NANOS: i64 = -106_751 * 86_400 * 1_000_000_000;

pub(super) struct DuckDbDialect;

impl Dialect for DuckDbDialect {
    fn literal(&self, literal: &Literal) -> Result<String> {
        Ok(match literal {
            Literal::Boolean(value) => value.to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) => format!("'{value:e}'::double"),
            // Without a type of its own it is taken for what the column is.
            Literal::Text(value) => quoted_text(value)?,
            Literal::Date(value) => format!("date {}", quoted_text(&value.to_string())?),
            Literal::Timestamp(value) => {
                format!("timestamptz {}", quoted_text(&value.to_rfc3339_opts(SecondsFormat::Micros, true))?)
            }
        })
    }

    fn literal_for(&self, _: &str, data_type: &DataType, literal: &Literal) -> Result<String> {
        let (Literal::Timestamp(instant), true) = (literal, self.has_nanoseconds(Some(data_type))) else {
            return self.literal(literal);
        };
        // A time with nanoseconds is compared with its like alone, and of those there is none before or after some days.
        let time = match instant.timestamp_nanos_opt() {
            Some(nanos) if (FIRST_NANOS..i64::MAX).contains(&nanos) => {
                instant.format("%Y-%m-%d %H:%M:%S%.9f").to_string()
            }
            _ if *instant < DateTime::UNIX_EPOCH => "-infinity".to_owned(),
            _ => "infinity".to_owned(),
        };
        Ok(format!("timestamp_ns '{time}'"))
    }

    fn has_nanoseconds(&self, column: Option<&DataType>) -> bool {
        matches!(column, Some(DataType::Timestamp(TimeUnit::Nanosecond, None)))
    }

    fn json_member(&self, name: &str, compared_with: Option<&Literal>) -> Result<String> {
        if name.contains(['"', '\0']) {
            return Err(Error::invalid(format!("the field `{name}` cannot be filtered or ordered by")));
        }
        let (data, path) = (quoted(DATA_COLUMN), quoted_text(&format!("$.\"{name}\""))?);
        let text = format!("json_extract_string({data}, {path})");
        // What is no number, say, is not equal to any.
        let of_type = |name: &str| format!("try_cast({text} as {name})");
        Ok(match compared_with {
            None => {
                // Numbers by their size, before texts by their letters; NULL where there is neither.
                let is_number = format!("json_type({data}, {path}) in ('BIGINT', 'UBIGINT', 'DOUBLE')");
                let number = format!("case when {is_number} then {} end", of_type("double"));
                format!("case when {text} is not null then row({number}, {text}) end")
            }
            Some(Literal::Text(_)) => text,
            Some(Literal::Boolean(_)) => of_type("boolean"),
            // A double tells large integers from each other no more.
            Some(Literal::Integer(value)) if value.unsigned_abs() >= 1 << 53 => of_type("decimal(38, 9)"),
            Some(Literal::Integer(_) | Literal::Float(_)) => of_type("double"),
            Some(Literal::Date(_)) => of_type("date"),
            Some(Literal::Timestamp(_)) => of_type("timestamptz"),
        })
    }

    fn as_text(&self, column: &str) -> String {
        format!("cast({} as varchar)", quoted(column))
    }
}
