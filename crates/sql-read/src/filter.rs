//! Conditions on rows, evaluated by the database.

use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A condition on the rows of a dataset.
///
/// ```
/// use airbyte_sql_read::Filter;
///
/// let adults = Filter::at_least("age", 18).and(Filter::is_not_null("email"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Filter {
    /// A column compared with a value. Rows whose column is NULL do not fit.
    Compare {
        /// The column's name.
        column: String,
        /// How it is compared.
        comparison: Comparison,
        /// With what.
        value: Literal,
    },
    /// The column is NULL.
    IsNull(String),
    /// The column is not NULL.
    IsNotNull(String),
    /// All of them; of none, every row.
    All(Vec<Filter>),
    /// Any of them; of none, no row.
    Any(Vec<Filter>),
    /// Not the other one.
    Not(Box<Filter>),
}

/// How a column is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A value in a filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Literal {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(#[serde(with = "as_bits")] f64),
    /// A text; the database takes it for a uuid, a numeric and the like where the column is one.
    Text(String),
    /// A day.
    Date(NaiveDate),
    /// An instant.
    Timestamp(DateTime<Utc>),
}

impl Literal {
    /// The microseconds before and after an instant that lies between them.
    pub(crate) fn finer_than_microseconds(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let Self::Timestamp(instant) = self else { return None };
        let before = instant.duration_trunc(TimeDelta::microseconds(1)).ok()?;
        let after = before.checked_add_signed(TimeDelta::microseconds(1))?;
        (before != *instant).then_some((before, after))
    }
}

macro_rules! literal_from {
    ($($type:ty => $value:ident => $literal:expr),* $(,)?) => {$(
        impl From<$type> for Literal {
            fn from($value: $type) -> Self {
                $literal
            }
        }
    )*};
}
literal_from!(
    bool => value => Self::Boolean(value),
    i32 => value => Self::Integer(i64::from(value)),
    i64 => value => Self::Integer(value),
    f64 => value => Self::Float(value),
    &str => value => Self::Text(value.to_owned()),
    String => value => Self::Text(value),
    NaiveDate => value => Self::Date(value),
    DateTime<Utc> => value => Self::Timestamp(value),
);

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident => $comparison:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(column: impl Into<String>, value: impl Into<Literal>) -> Self {
            Self::Compare { column: column.into(), comparison: Comparison::$comparison, value: value.into() }
        }
    )*};
}

impl Filter {
    comparisons!(
        /// The column equals the value.
        equal => Equal,
        /// The column is something else than the value, and not NULL.
        not_equal => NotEqual,
        /// The column is less than the value.
        less => Less,
        /// The column is the value or less.
        at_most => LessOrEqual,
        /// The column is more than the value.
        greater => Greater,
        /// The column is the value or more.
        at_least => GreaterOrEqual,
    );

    /// The column is NULL.
    pub fn is_null(column: impl Into<String>) -> Self {
        Self::IsNull(column.into())
    }

    /// The column is not NULL.
    pub fn is_not_null(column: impl Into<String>) -> Self {
        Self::IsNotNull(column.into())
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut any) => {
                any.push(other);
                Self::Any(any)
            }
            one => Self::Any(vec![one, other]),
        }
    }

    /// The names of its columns.
    pub(crate) fn columns(&self) -> Vec<&str> {
        match self {
            Self::Compare { column, .. } | Self::IsNull(column) | Self::IsNotNull(column) => vec![column],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::columns).collect(),
            Self::Not(other) => other.columns(),
        }
    }
}

/// JSON has no infinity and no NaN.
mod as_bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// Whether the smallest or the largest values come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_read_by_others_however_many_there_are() {
        let one_of = |filter: Filter, n: i64| filter.or(Filter::equal("id", n));
        let filter = (1..1_000).fold(Filter::equal("id", 0), one_of);
        let text = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter);
        let Filter::Any(parts) = filter else { panic!("{filter:?}") };
        assert_eq!(parts.len(), 1_000);
    }
}
