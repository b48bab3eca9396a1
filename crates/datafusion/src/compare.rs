//! Where a database compares as Arrow does.
//!
//! Arrow compares texts by their bytes, and floating point numbers in the total order of IEEE 754: NaN equals itself and is
//! larger than all other numbers, with a sign smaller, and -0 is smaller than 0. Databases do neither in all cases, so
//! each comparison here is one that is known to keep every row which Arrow's keeps, and marked as exact only if it keeps
//! no other.

use airbyte_sql_read::{Comparison, DestinationKind, Filter, Literal};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::scalar::ScalarValue;

use crate::columns::Column;
use crate::filters::Pushed;

/// How far a database's own reading of decimal digits may be off, in steps between neighbouring numbers.
const STEPS: usize = 8;

/// The comparison of a column with a value, as a filter for the warehouse; `None` if it does not compare as Arrow does.
pub(crate) fn compare(
    kind: DestinationKind,
    column: &Column,
    comparison: Comparison,
    value: &ScalarValue,
) -> Option<Pushed> {
    // A member of a JSON record is compared by the database as whatever it holds.
    let declared = column.declared()?;
    match kind {
        DestinationKind::Postgres => postgres(column, declared, comparison, value),
        DestinationKind::Sqlite => sqlite(column, comparison, value),
        DestinationKind::BigQuery
        | DestinationKind::DuckDb
        | DestinationKind::MotherDuck
        | DestinationKind::Redshift
        | DestinationKind::Snowflake => elsewhere(column, comparison, value),
        _ => None,
    }
}

/// Whether the column is NULL in the database where it is in Arrow.
pub(crate) fn tells_null(kind: DestinationKind, column: &Column) -> bool {
    let Some(declared) = column.declared() else { return false };
    // A row of NULLs is NULL to PostgreSQL, and a text such as `(,)` to Arrow.
    kind != DestinationKind::Postgres
        || column.data_type() != &DataType::Utf8
        || is_text(declared)
        || matches!(without_size(declared), "uuid" | "json" | "jsonb" | "numeric")
}

fn filter(column: &Column, comparison: Comparison, value: Literal) -> Filter {
    Filter::Compare { column: column.stored.clone(), comparison, value }
}

fn postgres(column: &Column, declared: &str, comparison: Comparison, value: &ScalarValue) -> Option<Pushed> {
    let exactly = |value| Some(Pushed::exactly(filter(column, comparison, value)));
    match column.data_type() {
        DataType::Boolean | DataType::Int16 | DataType::Int32 | DataType::Int64 => exactly(plain(value)?),
        DataType::Date32 => exactly(date(value)?),
        // Read by the server as what the column is, so that no time zone comes in.
        DataType::Timestamp(TimeUnit::Microsecond, None) => match value {
            ScalarValue::TimestampMicrosecond(Some(micros), None) => exactly(Literal::Text(
                instant(*micros)?.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            )),
            _ => None,
        },
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => exactly(zoned(value)?),
        DataType::Time64(TimeUnit::Microsecond) => match value {
            ScalarValue::Time64Microsecond(Some(micros @ 0..86_400_000_000)) => {
                let time = chrono::NaiveTime::MIN.overflowing_add_signed(TimeDelta::microseconds(*micros)).0;
                exactly(Literal::Text(time.format("%H:%M:%S%.6f").to_string()))
            }
            _ => None,
        },
        DataType::Decimal128(..) => match value {
            ScalarValue::Decimal128(Some(digits), _, scale @ 0..) => {
                exactly(Literal::Text(decimal(*digits, scale.unsigned_abs())))
            }
            _ => None,
        },
        DataType::Float32 | DataType::Float64 => postgres_float(column, comparison, float(value)?),
        DataType::Utf8 if declared == "uuid" => exactly(Literal::Text(uuid(text(value)?)?.to_owned())),
        // Equal bytes are equal in every collation, but others may be as well: trailing spaces, letters of another case.
        // Collations have orders of their own.
        DataType::Utf8 if is_text(declared) && comparison == Comparison::Equal => {
            Some(Pushed::at_least(filter(column, comparison, Literal::Text(text(value)?.to_owned()))))
        }
        _ => None,
    }
}

/// PostgreSQL has one NaN, which is the largest number whatever its sign, and one zero.
fn postgres_float(column: &Column, comparison: Comparison, value: f64) -> Option<Pushed> {
    if value.is_nan() {
        return None;
    }
    let is = |comparison, value| filter(column, comparison, Literal::Float(value));
    let (zero, exact) = (value == 0.0, value != 0.0);
    Some(match comparison {
        Comparison::Equal => Pushed { filter: is(comparison, value), exact },
        Comparison::NotEqual if !zero => Pushed::exactly(is(comparison, value)),
        Comparison::Greater if zero => Pushed::at_least(is(Comparison::GreaterOrEqual, value)),
        Comparison::Greater | Comparison::GreaterOrEqual => Pushed::at_least(is(comparison, value)),
        Comparison::Less | Comparison::LessOrEqual => {
            let comparison = if zero { Comparison::LessOrEqual } else { comparison };
            // A NaN with a sign is the smallest to Arrow.
            Pushed::at_least(is(comparison, value).or(is(Comparison::Equal, f64::NAN)))
        }
        _ => return None,
    })
}

/// SQLite: a column of a declared type that is read as a number holds numbers. Texts can have any collation, and in a view
/// anything can be among them.
fn sqlite(column: &Column, comparison: Comparison, value: &ScalarValue) -> Option<Pushed> {
    match column.data_type() {
        DataType::Int64 => match plain(value)? {
            value @ Literal::Integer(_) => Some(Pushed::exactly(filter(column, comparison, value))),
            _ => None,
        },
        DataType::Float64 => sqlite_float(column, comparison, float(value)?),
        _ => None,
    }
}

/// It has no NaN, one zero, and reads digits to the last place or two.
fn sqlite_float(column: &Column, comparison: Comparison, value: f64) -> Option<Pushed> {
    let (low, high) = (0..STEPS).fold((value, value), |(low, high), _| (low.next_down(), high.next_up()));
    if !low.is_finite() || !high.is_finite() {
        return None;
    }
    let from = || filter(column, Comparison::GreaterOrEqual, Literal::Float(low));
    let to = || filter(column, Comparison::LessOrEqual, Literal::Float(high));
    match comparison {
        Comparison::Equal => Some(Pushed::at_least(from().and(to()))),
        Comparison::Greater | Comparison::GreaterOrEqual => Some(Pushed::at_least(from())),
        Comparison::Less | Comparison::LessOrEqual => Some(Pushed::at_least(to())),
        _ => None,
    }
}

/// What any database compares alike; DataFusion looks at the rows again.
fn elsewhere(column: &Column, comparison: Comparison, value: &ScalarValue) -> Option<Pushed> {
    let value = match column.data_type() {
        DataType::Boolean | DataType::Int16 | DataType::Int32 | DataType::Int64 => plain(value)?,
        DataType::Date32 => date(value)?,
        _ => return None,
    };
    Some(Pushed::at_least(filter(column, comparison, value)))
}

/// Types of PostgreSQL whose values are compared with a text as texts.
fn is_text(declared: &str) -> bool {
    matches!(without_size(declared), "text" | "character" | "character varying")
}

/// The name of a type of PostgreSQL without its length or precision: `numeric(8,2)`.
fn without_size(declared: &str) -> &str {
    match declared.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((name, size))
            if size.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'-')) =>
        {
            name
        }
        _ => declared,
    }
}

fn plain(value: &ScalarValue) -> Option<Literal> {
    Some(match value {
        ScalarValue::Boolean(Some(value)) => Literal::Boolean(*value),
        ScalarValue::Int8(Some(value)) => Literal::Integer((*value).into()),
        ScalarValue::Int16(Some(value)) => Literal::Integer((*value).into()),
        ScalarValue::Int32(Some(value)) => Literal::Integer((*value).into()),
        ScalarValue::Int64(Some(value)) => Literal::Integer(*value),
        _ => return None,
    })
}

fn float(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float32(Some(value)) => Some((*value).into()),
        ScalarValue::Float64(Some(value)) => Some(*value),
        _ => None,
    }
}

/// No database finds a NUL in a text, or takes it in a statement.
fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => (!text.contains('\0')).then_some(text),
        _ => None,
    }
}

/// A uuid as PostgreSQL writes it. Those have the order of their texts.
fn uuid(text: &str) -> Option<&str> {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    (text.len() == 36 && text.bytes().enumerate().all(fits)).then_some(text)
}

fn date(value: &ScalarValue) -> Option<Literal> {
    let ScalarValue::Date32(Some(days)) = value else { return None };
    let date = NaiveDate::default().checked_add_signed(TimeDelta::try_days((*days).into())?)?;
    (1..=9999).contains(&date.year()).then_some(Literal::Date(date))
}

fn zoned(value: &ScalarValue) -> Option<Literal> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => {
            Some(Literal::Timestamp(instant(*micros)?))
        }
        _ => None,
    }
}

/// An instant of years that are written with four digits everywhere.
fn instant(micros: i64) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp_micros(micros).filter(|instant| (1..=9999).contains(&instant.year()))
}

/// A number by its digits, of which so many are behind the point.
fn decimal(digits: i128, scale: u8) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", digits.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
