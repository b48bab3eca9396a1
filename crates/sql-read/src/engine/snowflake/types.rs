//! Which Arrow type a Snowflake type becomes.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, TimeUnit};

use super::answer::RowType;
use crate::types::json_field;

/// What a column holds, as the service describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number of so many digits, so many of them behind the point.
    Fixed {
        precision: u8,
        scale: i8,
    },
    Real,
    Text,
    /// `VARIANT`, `OBJECT` and `ARRAY`, as JSON.
    Json,
    Boolean,
    Date,
    /// Digits behind the second.
    Time {
        scale: u8,
    },
    Timestamp {
        scale: u8,
        zone: Zone,
    },
    Binary,
    /// A type that this reader does not know.
    Unknown,
}

/// What a timestamp says about zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Nothing: a date and a time.
    None,
    /// An instant.
    Instant,
    /// An instant and the distance of its place from UTC.
    Offset,
}

impl Kind {
    pub(super) fn of(column: &RowType) -> Self {
        let scale = column.scale.unwrap_or(9).clamp(0, 9).unsigned_abs();
        match column.type_name.to_ascii_lowercase().as_str() {
            "fixed" => {
                let precision = column.precision.filter(|precision| (1..=38).contains(precision));
                Self::Fixed { precision: precision.unwrap_or(38), scale: column.scale.unwrap_or(0) }
            }
            "real" => Self::Real,
            "text" => Self::Text,
            // Geographies come as GeoJSON, because the session asks for it.
            "variant" | "object" | "array" | "map" | "geography" | "geometry" => Self::Json,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time { scale },
            "timestamp_ntz" => Self::Timestamp { scale, zone: Zone::None },
            "timestamp_ltz" => Self::Timestamp { scale, zone: Zone::Instant },
            "timestamp_tz" => Self::Timestamp { scale, zone: Zone::Offset },
            "binary" => Self::Binary,
            _ => Self::Unknown,
        }
    }

    /// What it becomes; text for what this reader does not know.
    pub(super) fn data_type(self) -> DataType {
        match self {
            // As the columns of `integer` fields are NUMBER(38, 0), no integer of Arrow's holds them.
            Self::Fixed { precision, scale: 0 } if precision <= 18 => DataType::Int64,
            Self::Fixed { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Real => DataType::Float64,
            Self::Text | Self::Json | Self::Unknown => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Time { scale } if scale > 6 => DataType::Time64(TimeUnit::Nanosecond),
            Self::Time { .. } => DataType::Time64(TimeUnit::Microsecond),
            // Nanoseconds would end in 2262. Finer values than microseconds are refused, never cut.
            Self::Timestamp { zone: Zone::None, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp { .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Binary => DataType::Binary,
        }
    }

    /// Whether columns of it are asked for as text.
    pub(super) fn is_read_as_text(self) -> bool {
        self == Self::Unknown
    }
}

/// The Arrow field of a column.
pub(super) fn field(column: &RowType) -> FieldRef {
    let kind = Kind::of(column);
    let field = match kind {
        Kind::Json => json_field(&column.name, column.nullable),
        _ => Field::new(&column.name, kind.data_type(), column.nullable),
    };
    let mut metadata = field.metadata().clone();
    metadata.insert("snowflake:type".to_owned(), declared(column));
    Arc::new(field.with_metadata(metadata))
}

/// The type as it would be declared.
fn declared(column: &RowType) -> String {
    let scale = column.scale.unwrap_or(0);
    match (column.type_name.to_ascii_lowercase().as_str(), column.length) {
        ("fixed", _) => format!("NUMBER({}, {scale})", column.precision.unwrap_or(38)),
        ("real", _) => "FLOAT".to_owned(),
        ("text", Some(length)) => format!("VARCHAR({length})"),
        ("text", None) => "VARCHAR".to_owned(),
        (name @ ("time" | "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz"), _) => {
            format!("{}({scale})", name.to_ascii_uppercase())
        }
        (name, _) => name.to_ascii_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(type_name: &str, precision: Option<u8>, scale: Option<i8>) -> RowType {
        RowType {
            name: "C".to_owned(),
            type_name: type_name.to_owned(),
            precision,
            scale,
            length: None,
            nullable: true,
        }
    }

    #[test]
    fn types_go_by_what_holds_all_of_their_values() {
        let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (type_name, precision, scale, expected) in [
            ("fixed", Some(38), Some(0), DataType::Decimal128(38, 0)),
            ("fixed", Some(18), Some(0), DataType::Int64),
            ("FIXED", Some(9), Some(2), DataType::Decimal128(9, 2)),
            ("fixed", None, None, DataType::Decimal128(38, 0)),
            ("real", None, None, DataType::Float64),
            ("time", None, Some(9), DataType::Time64(TimeUnit::Nanosecond)),
            ("time", None, Some(3), DataType::Time64(TimeUnit::Microsecond)),
            ("timestamp_ntz", None, Some(9), DataType::Timestamp(TimeUnit::Microsecond, None)),
            ("timestamp_ltz", None, Some(9), utc()),
            ("timestamp_tz", None, Some(9), utc()),
            ("object", None, None, DataType::Utf8),
            ("vector", None, None, DataType::Utf8),
        ] {
            assert_eq!(field(&column(type_name, precision, scale)).data_type(), &expected, "{type_name}");
        }
        let json = field(&column("variant", None, None));
        assert_eq!(json.metadata()["ARROW:extension:name"], "arrow.json");
        assert_eq!(field(&column("fixed", Some(38), Some(9))).metadata()["snowflake:type"], "NUMBER(38, 9)");
    }

    /// The protocol's words for the types of the public table.
    #[test]
    fn the_table_of_types_is_what_columns_become() {
        for known in crate::types::database_types(crate::DestinationKind::Snowflake) {
            let (name, parameters) = known.name.split_once('(').unwrap_or((known.name, ""));
            let numbers: Vec<i8> = parameters
                .trim_end_matches(')')
                .split(", ")
                .filter_map(|number| number.parse().ok())
                .collect();
            let described = match (name, numbers.as_slice()) {
                ("NUMBER", [precision, scale]) => {
                    column("fixed", Some(precision.unsigned_abs()), Some(*scale))
                }
                ("FLOAT", _) => column("real", None, None),
                ("VARCHAR", _) => column("text", None, None),
                (other, scale) => column(&other.to_lowercase(), None, scale.first().copied()),
            };
            let field = field(&described);
            assert_eq!(field.data_type(), &known.arrow, "{}", known.name);
            assert_eq!(field.metadata()["snowflake:type"], known.name);
            assert_eq!(field.extension_type_name() == Some("arrow.json"), known.is_json, "{}", known.name);
        }
    }
}
