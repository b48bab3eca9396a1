//! Which rows of a stream: conditions and orders as people write them.

use airbyte_sql_read::{Comparison, Dataset, Filter, Literal, Order};
use arrow_schema::DataType;
use chrono::{DateTime, NaiveDate};
use clap::Args;

use crate::error::Failure;

/// Which rows, and in which order; the database does the work.
#[derive(Args, Debug, Default)]
pub(crate) struct RowArgs {
    /// Only rows that meet this, such as `age >= 18`, `name = Ann` or `email is null`; of several, those that meet all
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Without rows that are deleted in their source
    #[arg(long)]
    without_deleted: bool,
    /// Of the rows with the same key the newest only, by the stream's own key
    #[arg(long)]
    latest: bool,
    /// Ordered by this column; `COLUMN:desc` from the largest to the smallest
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    order_by: Vec<String>,
}

impl RowArgs {
    pub(crate) fn apply(&self, mut dataset: Dataset) -> Result<Dataset, Failure> {
        for condition in &self.conditions {
            let (column, comparison) = read(condition)?;
            dataset = dataset.clone().filter(filter(&dataset, column, comparison, condition)?)?;
        }
        if self.without_deleted {
            dataset = dataset.without_deleted_rows();
        }
        if self.latest {
            dataset = dataset.deduplicated()?;
        }
        for column in &self.order_by {
            let (column, order) = match column.rsplit_once(':') {
                Some((column, "desc")) => (column, Order::Descending),
                Some((column, "asc")) => (column, Order::Ascending),
                _ => (column.as_str(), Order::Ascending),
            };
            dataset = dataset.order_by(column, order)?;
        }
        Ok(dataset)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Condition<'a> {
    Null,
    NotNull,
    Compare(Comparison, &'a str),
}

/// A condition's column and what is said of it.
fn read(text: &str) -> Result<(&str, Condition<'_>), Failure> {
    // Longer ones first: `<=` begins with `<`.
    const OPERATORS: [(&str, Comparison); 7] = [
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("!=", Comparison::NotEqual),
        ("<>", Comparison::NotEqual),
        ("=", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    for (words, condition) in [(" is not null", Condition::NotNull), (" is null", Condition::Null)] {
        if let Some(column) = lower.strip_suffix(words) {
            return Ok((trimmed[..column.len()].trim(), condition));
        }
    }
    // The operator that comes first; what follows is the value, whatever is in it.
    let first = OPERATORS
        .iter()
        .filter_map(|(sign, comparison)| Some((trimmed.find(sign)?, *sign, *comparison)))
        .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
    match first {
        Some((at, sign, comparison)) if at > 0 => {
            let value = trimmed[at + sign.len()..].trim();
            let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            Ok((trimmed[..at].trim(), Condition::Compare(comparison, quoted.unwrap_or(value))))
        }
        _ => Err(Failure::usage(format!("the condition `{text}` is not understood"))
            .with_hint("write COLUMN OPERATOR VALUE with =, !=, <, <=, >, >=, or COLUMN is [not] null")),
    }
}

fn filter(dataset: &Dataset, column: &str, condition: Condition<'_>, text: &str) -> Result<Filter, Failure> {
    let (comparison, value) = match condition {
        Condition::Null => return Ok(Filter::is_null(column)),
        Condition::NotNull => return Ok(Filter::is_not_null(column)),
        Condition::Compare(comparison, value) => (comparison, value),
    };
    // Of the table's column, whether it is read or not. One that is not there is the reader's to refuse: it lists those
    // that are.
    let data_type = dataset.column_type(column).unwrap_or(DataType::Utf8);
    let literal = literal(&data_type, value).ok_or_else(|| {
        let failure = Failure::usage(format!(
            "the condition `{text}`: `{value}` is no value of a column of type {data_type}"
        ));
        match form(&data_type) {
            Some(form) => failure.with_hint(format!("write it as {form}")),
            None => failure,
        }
    })?;
    Ok(match comparison {
        Comparison::Equal => Filter::equal(column, literal),
        Comparison::NotEqual => Filter::not_equal(column, literal),
        Comparison::Less => Filter::less(column, literal),
        Comparison::LessOrEqual => Filter::at_most(column, literal),
        Comparison::Greater => Filter::greater(column, literal),
        _ => Filter::at_least(column, literal),
    })
}

/// A text as a value of a type; `None` if it is none.
fn literal(data_type: &DataType, text: &str) -> Option<Literal> {
    Some(match data_type {
        DataType::Boolean => Literal::Boolean(text.parse().ok()?),
        DataType::Date32 | DataType::Date64 => Literal::Date(text.parse::<NaiveDate>().ok()?),
        DataType::Timestamp(_, Some(_)) => {
            Literal::Timestamp(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
        }
        data_type if data_type.is_integer() => Literal::Integer(text.parse().ok()?),
        data_type if data_type.is_floating() => Literal::Float(text.parse().ok()?),
        // The database takes the text for what its column holds.
        _ => Literal::Text(text.to_owned()),
    })
}

/// How a value of a type is written.
fn form(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Boolean => "true or false",
        DataType::Date32 | DataType::Date64 => "2026-01-31",
        DataType::Timestamp(_, Some(_)) => "2026-01-31T00:00:00Z",
        data_type if data_type.is_integer() => "a whole number",
        data_type if data_type.is_floating() => "a number",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        for (text, column, condition) in [
            ("age >= 18", "age", Condition::Compare(Comparison::GreaterOrEqual, "18")),
            ("a<b", "a", Condition::Compare(Comparison::Less, "b")),
            ("name=a >= b", "name", Condition::Compare(Comparison::Equal, "a >= b")),
            ("name != ''", "name", Condition::Compare(Comparison::NotEqual, "")),
            ("my column IS NOT NULL", "my column", Condition::NotNull),
            ("x is null", "x", Condition::Null),
        ] {
            assert_eq!(read(text).unwrap(), (column, condition), "{text}");
        }
        for text in ["", "age", "= 5", "is null"] {
            assert_eq!(read(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }

    #[test]
    fn values_have_the_type_of_their_column() {
        let zoned = DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(literal(&DataType::Int64, "18"), Some(Literal::Integer(18)));
        assert_eq!(literal(&DataType::Int64, "18.5"), None);
        assert_eq!(literal(&DataType::Decimal128(38, 9), "1.10"), Some(Literal::Text("1.10".to_owned())));
        assert!(matches!(literal(&zoned, "2026-01-02T03:04:05Z"), Some(Literal::Timestamp(_))));
        assert_eq!(literal(&zoned, "yesterday"), None);
    }
}
