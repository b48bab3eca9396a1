//! Snowflake's SQL.

use arrow_schema::DataType;
use chrono::SecondsFormat;

use crate::error::{Error, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{Dialect, quoted};

/// Names are told in full, whatever database the session is in.
pub(super) struct SnowflakeDialect<'a> {
    pub database: &'a str,
    /// The column that holds records as JSON, whose case depends on the version of the connector.
    pub data_column: &'a str,
}

impl Dialect for SnowflakeDialect<'_> {
    fn table(&self, table: &TableName) -> String {
        format!("{}.{}.{}", quoted(self.database), quoted(&table.schema), quoted(&table.table))
    }

    fn literal(&self, literal: &Literal) -> Result<String> {
        Ok(match literal {
            Literal::Boolean(value) => value.to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) if value.is_nan() => "'NaN'::double".to_owned(),
            Literal::Float(value) if value.is_infinite() => {
                format!("'{}inf'::double", if *value < 0.0 { "-" } else { "" })
            }
            Literal::Float(value) => format!("{value:e}::double"),
            Literal::Text(value) => text(value)?,
            // However the session reads dates.
            Literal::Date(value) => format!("to_date({}, 'YYYY-MM-DD')", text(&value.to_string())?),
            Literal::Timestamp(value) => {
                format!("{}::timestamp_tz", text(&value.to_rfc3339_opts(SecondsFormat::Nanos, true))?)
            }
        })
    }

    fn json_member(&self, name: &str, compared_with: Option<&Literal>) -> Result<String> {
        let member = format!("{}[{}]", quoted(self.data_column), text(name)?);
        Ok(match compared_with {
            Some(Literal::Text(_)) => format!("{member}::varchar"),
            Some(Literal::Boolean(_)) => format!("{member}::boolean"),
            Some(Literal::Date(_)) => format!("{member}::date"),
            Some(Literal::Timestamp(_)) => format!("{member}::timestamp_tz"),
            // Numbers keep the type that the JSON gives them: none of the declared ones holds all. A JSON null counts
            // as NULL, as it does where the member is a column.
            Some(Literal::Integer(_) | Literal::Float(_)) | None => format!("strip_null_value({member})"),
        })
    }

    fn json_instant(&self, name: &str) -> Result<String> {
        // A cast of the member itself would fail at the first text that is none.
        Ok(format!(
            "try_cast({} as timestamp_tz)",
            self.json_member(name, Some(&Literal::Text(String::new())))?
        ))
    }

    fn has_nanoseconds(&self, _: Option<&DataType>) -> bool {
        true
    }

    fn as_text(&self, column: &str) -> String {
        format!("{}::varchar", quoted(column))
    }
}

/// A text as SQL. Backslashes escape in Snowflake's texts, and NUL cannot be in one.
pub(super) fn text(value: &str) -> Result<String> {
    if value.contains('\0') {
        return Err(Error::invalid("a text in a filter holds a NUL character"));
    }
    Ok(format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Order;
    use crate::scan::{Expression, Scan};

    const DIALECT: SnowflakeDialect<'_> =
        SnowflakeDialect { database: "LA\"KE", data_column: "_AIRBYTE_DATA" };

    #[test]
    fn names_are_told_in_full_and_quoted() {
        let table = TableName { schema: "public".into(), table: "a\"; drop table b".into() };
        assert_eq!(DIALECT.table(&table), r#""LA""KE"."public"."a""; drop table b""#);
    }

    #[test]
    fn records_are_ordered_by_the_instants_of_their_times_and_those_that_have_none_do_not_fail() {
        let scan = Scan {
            table: TableName { schema: "s".into(), table: "t".into() },
            columns: Vec::new(),
            summary: None,
            generation: None,
            names: vec![("at".into(), Expression::Json { name: "at".into(), is_time: true })],
            latest: None,
            filter: None,
            order: vec![("at".into(), Order::Descending)],
            limit: None,
            batch_rows: 1,
        };
        let sql = scan.select(&DIALECT).unwrap();
        let order = "order by try_cast(\"_AIRBYTE_DATA\"['at']::varchar as timestamp_tz) desc, \
                     strip_null_value(\"_AIRBYTE_DATA\"['at']) desc";
        assert!(sql.ends_with(order), "{sql}");
    }

    #[test]
    fn no_text_ends_its_quotes() {
        assert_eq!(DIALECT.literal(&Literal::Text(r"\' or 1=1 --".into())).unwrap(), r"'\\'' or 1=1 --'");
        assert!(DIALECT.literal(&Literal::Text("\0".into())).is_err());
        assert_eq!(DIALECT.literal(&Literal::Float(f64::NEG_INFINITY)).unwrap(), "'-inf'::double");
        assert_eq!(DIALECT.literal(&Literal::Float(0.1)).unwrap(), "1e-1::double");
        let day = Literal::Date("2024-03-02".parse().unwrap());
        assert_eq!(DIALECT.literal(&day).unwrap(), "to_date('2024-03-02', 'YYYY-MM-DD')");
    }
}
