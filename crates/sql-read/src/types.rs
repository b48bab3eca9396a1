//! What the types of databases and of Airbyte become. `docs/types.md` is made of this table, and the tests compare it
//! with what the databases give.

use arrow_schema::extension::{EXTENSION_TYPE_NAME_KEY, Json};
use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};

use crate::destination_kind::DestinationKind;

/// What to do with columns that fit no type of Arrow: of types that this reader does not know, and of those that Arrow has
/// no exact form for, such as numbers without a bound to their digits, times of day with a zone, and in SQLite columns
/// that may hold anything. Texts and JSON are what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownTypes {
    /// They are read as the database's own text.
    #[default]
    Text,
    /// The dataset is refused.
    Error,
    /// They are left out.
    Drop,
}

/// A type of a database.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DatabaseType {
    /// As it is declared, with an example of its parameters where it has some.
    pub name: &'static str,
    /// What a column of it becomes.
    pub arrow: DataType,
    /// Whether the text is JSON, and marked as such (the extension type `arrow.json`).
    pub is_json: bool,
}

/// A type of Airbyte's protocol.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AirbyteType {
    /// Its name in the protocol.
    pub name: &'static str,
    /// The column that the newest version of the connector makes for it.
    pub column: &'static str,
    /// What it becomes.
    pub arrow: DataType,
}

/// A column of JSON text, marked as such (`arrow.json`), so that those who know the mark see more than text.
pub(crate) fn json_field(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable).with_extension_type(Json::default())
}

/// The type of a column in the words of its database.
pub(crate) fn declared(field: &Field) -> Option<&str> {
    field.metadata().iter().find(|(key, _)| key.ends_with(":type")).map(|(_, declared)| declared.as_str())
}

/// Whether a column is text because Arrow has no form of its type, though the database is not asked for a text.
pub(crate) fn stands_in(kind: DestinationKind, field: &Field) -> bool {
    let Some(declared) = declared(field) else { return false };
    match kind {
        DestinationKind::Postgres | DestinationKind::Redshift => {
            let is_text = match field.data_type() {
                DataType::List(element) => element.data_type() == &DataType::Utf8,
                other => other == &DataType::Utf8,
            };
            let element = declared.trim_end_matches("[]");
            let is_time = element.starts_with("time") && element.ends_with("with time zone");
            is_text && (is_time || element == "numeric" || element.starts_with("numeric("))
        }
        DestinationKind::Sqlite => {
            let declared = declared.to_ascii_uppercase();
            let is_declared = ["CHAR", "CLOB", "TEXT"].iter().any(|word| declared.contains(word));
            field.data_type() == &DataType::Utf8 && !is_declared
        }
        _ => false,
    }
}

/// The field, marked if its text is JSON.
pub(crate) fn marked(kind: DestinationKind, field: &Field) -> Field {
    let marked = field.metadata().contains_key(EXTENSION_TYPE_NAME_KEY);
    let is_json = declared(field).is_some_and(|declared| {
        database_types(kind).iter().any(|known| known.is_json && known.name.eq_ignore_ascii_case(declared))
    });
    if marked || !is_json || field.data_type() != &DataType::Utf8 {
        return field.clone();
    }
    field.clone().with_extension_type(Json::default())
}

/// The types of a database, those that have a form of their own in Arrow. All others come as the database's own text;
/// of databases that are read through a driver the driver says.
pub fn database_types(kind: DestinationKind) -> Vec<DatabaseType> {
    let plain = |name, arrow| DatabaseType { name, arrow, is_json: false };
    let json = |name| DatabaseType { name, arrow: DataType::Utf8, is_json: true };
    let micros = || DataType::Timestamp(TimeUnit::Microsecond, None);
    let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let time = || DataType::Time64(TimeUnit::Microsecond);
    let interval = || DataType::Interval(IntervalUnit::MonthDayNano);
    match kind {
        DestinationKind::Postgres => vec![
            plain("boolean", DataType::Boolean),
            plain("smallint", DataType::Int16),
            plain("integer", DataType::Int32),
            plain("bigint", DataType::Int64),
            plain("oid", DataType::UInt32),
            plain("real", DataType::Float32),
            plain("double precision", DataType::Float64),
            plain("numeric(38,9)", DataType::Decimal128(38, 9)),
            plain("numeric", DataType::Utf8),
            plain("text", DataType::Utf8),
            plain("character varying", DataType::Utf8),
            plain("uuid", DataType::Utf8),
            json("json"),
            json("jsonb"),
            plain("bytea", DataType::Binary),
            plain("date", DataType::Date32),
            plain("time without time zone", time()),
            plain("time with time zone", DataType::Utf8),
            plain("timestamp without time zone", micros()),
            plain("timestamp with time zone", utc()),
            plain("interval", interval()),
            plain("bigint[]", DataType::new_list(DataType::Int64, true)),
        ],
        DestinationKind::Redshift => vec![
            plain("boolean", DataType::Boolean),
            plain("smallint", DataType::Int16),
            plain("integer", DataType::Int32),
            plain("bigint", DataType::Int64),
            plain("real", DataType::Float32),
            plain("double precision", DataType::Float64),
            plain("numeric(38,9)", DataType::Decimal128(38, 9)),
            plain("character varying", DataType::Utf8),
            json("super"),
            plain("date", DataType::Date32),
            plain("time without time zone", time()),
            plain("time with time zone", DataType::Utf8),
            plain("timestamp without time zone", micros()),
            plain("timestamp with time zone", utc()),
        ],
        DestinationKind::Sqlite => vec![
            plain("INTEGER", DataType::Int64),
            plain("REAL", DataType::Float64),
            plain("TEXT", DataType::Utf8),
            plain("BLOB", DataType::Binary),
        ],
        DestinationKind::DuckDb | DestinationKind::MotherDuck => vec![
            plain("BOOLEAN", DataType::Boolean),
            plain("TINYINT", DataType::Int8),
            plain("SMALLINT", DataType::Int16),
            plain("INTEGER", DataType::Int32),
            plain("BIGINT", DataType::Int64),
            plain("UBIGINT", DataType::UInt64),
            plain("HUGEINT", DataType::Utf8),
            plain("FLOAT", DataType::Float32),
            plain("DOUBLE", DataType::Float64),
            plain("DECIMAL(38,9)", DataType::Decimal128(38, 9)),
            plain("VARCHAR", DataType::Utf8),
            plain("UUID", DataType::Utf8),
            json("JSON"),
            plain("BLOB", DataType::Binary),
            plain("DATE", DataType::Date32),
            plain("TIME", time()),
            plain("TIMESTAMP", micros()),
            plain("TIMESTAMP WITH TIME ZONE", utc()),
            plain("INTERVAL", DataType::Utf8),
        ],
        DestinationKind::Snowflake => vec![
            plain("BOOLEAN", DataType::Boolean),
            plain("NUMBER(18, 0)", DataType::Int64),
            plain("NUMBER(38, 0)", DataType::Decimal128(38, 0)),
            plain("NUMBER(38, 9)", DataType::Decimal128(38, 9)),
            plain("FLOAT", DataType::Float64),
            plain("VARCHAR", DataType::Utf8),
            json("VARIANT"),
            json("OBJECT"),
            json("ARRAY"),
            plain("BINARY", DataType::Binary),
            plain("DATE", DataType::Date32),
            plain("TIME(6)", time()),
            plain("TIME(9)", DataType::Time64(TimeUnit::Nanosecond)),
            plain("TIMESTAMP_NTZ(9)", micros()),
            plain("TIMESTAMP_LTZ(9)", utc()),
            plain("TIMESTAMP_TZ(9)", utc()),
        ],
        DestinationKind::BigQuery => vec![
            plain("BOOL", DataType::Boolean),
            plain("INT64", DataType::Int64),
            plain("FLOAT64", DataType::Float64),
            plain("NUMERIC", DataType::Decimal128(38, 9)),
            plain("BIGNUMERIC", DataType::Decimal256(76, 38)),
            plain("STRING", DataType::Utf8),
            json("JSON"),
            plain("GEOGRAPHY", DataType::Utf8),
            plain("BYTES", DataType::Binary),
            plain("DATE", DataType::Date32),
            plain("TIME", time()),
            plain("DATETIME", micros()),
            plain("TIMESTAMP", utc()),
            plain("INTERVAL", interval()),
            plain("ARRAY<INT64>", DataType::new_list(DataType::Int64, true)),
        ],
        DestinationKind::ClickHouse
        | DestinationKind::Databricks
        | DestinationKind::MsSql
        | DestinationKind::MySql => Vec::new(),
    }
}

/// Airbyte's types and their columns in this kind of destination, as the newest version of the connector makes them.
/// Empty where no engine of this crate reads them.
///
/// In raw tables records are JSON; expanded with the stream's schema, whole numbers are `Int64`, other numbers
/// `Float64` (those that a double cannot hold are refused, or come as text or rounded where that is asked for), dates
/// and timestamps as here, times and objects text.
pub fn airbyte_types(kind: DestinationKind) -> Vec<AirbyteType> {
    const NAMES: [&str; 12] = [
        "string",
        "boolean",
        "integer",
        "number",
        "date",
        "time_without_timezone",
        "time_with_timezone",
        "timestamp_without_timezone",
        "timestamp_with_timezone",
        "object",
        "array",
        "union",
    ];
    let columns: [&'static str; 12] = match kind {
        DestinationKind::Postgres => [
            "character varying",
            "boolean",
            "bigint",
            "numeric",
            "date",
            "time without time zone",
            "time with time zone",
            "timestamp without time zone",
            "timestamp with time zone",
            "jsonb",
            "jsonb",
            "jsonb",
        ],
        DestinationKind::Redshift => [
            "character varying",
            "boolean",
            "bigint",
            "numeric(38,9)",
            "date",
            "time without time zone",
            "time with time zone",
            "timestamp without time zone",
            "timestamp with time zone",
            "super",
            "super",
            "character varying",
        ],
        DestinationKind::Snowflake => [
            "VARCHAR",
            "BOOLEAN",
            "NUMBER(38, 0)",
            "FLOAT",
            "DATE",
            "TIME(9)",
            "VARCHAR",
            "TIMESTAMP_NTZ(9)",
            "TIMESTAMP_TZ(9)",
            "OBJECT",
            "ARRAY",
            "VARIANT",
        ],
        DestinationKind::BigQuery => [
            "STRING",
            "BOOL",
            "INT64",
            "NUMERIC",
            "DATE",
            "TIME",
            "STRING",
            "DATETIME",
            "TIMESTAMP",
            "JSON",
            "JSON",
            "JSON",
        ],
        DestinationKind::MotherDuck => [
            "VARCHAR",
            "BOOLEAN",
            "BIGINT",
            "DECIMAL(38,9)",
            "DATE",
            "TIME",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMP",
            "JSON",
            "JSON",
            "VARCHAR",
        ],
        _ => return Vec::new(),
    };
    let known = database_types(kind);
    let arrow =
        |column: &str| known.iter().find(|known| known.name == column).map(|known| known.arrow.clone());
    NAMES
        .into_iter()
        .zip(columns)
        .filter_map(|(name, column)| Some(AirbyteType { name, column, arrow: arrow(column)? }))
        .collect()
}
