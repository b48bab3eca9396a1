//! The SQL of the database behind a driver, as far as reads need it.

use arrow_schema::DataType;
use chrono::SecondsFormat;

use crate::destination_kind::DestinationKind;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Literal;
use crate::locate::TableName;
use crate::scan::{CountSql, Dialect, Scan, quoted};

/// What the database speaks: its kind tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdbcDialect {
    kind: DestinationKind,
}

impl AdbcDialect {
    pub(super) fn of(kind: DestinationKind) -> Self {
        Self { kind }
    }

    /// Whether what Airbyte calls a schema is a catalog to the driver.
    pub(super) fn schemas_are_catalogs(self) -> bool {
        matches!(self.kind, DestinationKind::MySql | DestinationKind::ClickHouse)
    }

    /// Whether a driver looks at the first rows to tell the types, as there are none.
    pub(super) fn types_come_from_rows(self) -> bool {
        self.kind == DestinationKind::Sqlite
    }

    pub(super) fn select(self, scan: &Scan) -> Result<String> {
        let Some(limit) = self.top(scan) else { return Ok(scan.select(&self)? + self.ending()) };
        let all = Scan { limit: None, ..scan.clone() }.select(&self)?;
        Ok(all.replacen("select ", &format!("select top ({limit}) "), 1))
    }

    pub(super) fn count(self, scan: &Scan) -> Result<String> {
        let Some(limit) = self.top(scan) else { return Ok(scan.count(&self)? + self.ending()) };
        let CountSql { totals, row, from } = scan.count_sql(&self)?;
        Ok(format!("select {totals} from (select top ({limit}) {row} {from}) as limited"))
    }

    /// What stands behind a statement.
    fn ending(self) -> &'static str {
        match self.kind {
            // Rows that a later one replaces are there until they are merged away. `final` behind the table's name says the
            // same, and is refused by tables whose rows nothing replaces.
            DestinationKind::ClickHouse => " settings final = 1",
            _ => "",
        }
    }

    /// The limit, where it stands in front.
    fn top(self, scan: &Scan) -> Option<u64> {
        scan.limit.filter(|limit| self.kind == DestinationKind::MsSql && i64::try_from(*limit).is_ok())
    }

    pub(super) fn text(self, text: &str) -> Result<String> {
        use DestinationKind::{BigQuery, ClickHouse, Databricks, MySql};
        if text.contains('\0') {
            return Err(Error::invalid("a text in a filter holds a NUL character"));
        }
        // A backslash that is taken for an escape would let a text end early.
        Ok(match self.kind {
            BigQuery | Databricks => {
                let escaped =
                    text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r");
                format!("'{escaped}'")
            }
            ClickHouse | MySql => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            DestinationKind::MsSql => format!("N'{}'", text.replace('\'', "''")),
            _ => format!("'{}'", text.replace('\'', "''")),
        })
    }
}

impl Dialect for AdbcDialect {
    fn quoted(&self, name: &str) -> String {
        use DestinationKind::{BigQuery, ClickHouse, Databricks, MySql};
        match self.kind {
            BigQuery | ClickHouse => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
            Databricks | MySql => format!("`{}`", name.replace('`', "``")),
            _ => quoted(name),
        }
    }

    fn table(&self, table: &TableName) -> String {
        let name = self.quoted(&table.table);
        if table.schema.is_empty() { name } else { format!("{}.{name}", self.quoted(&table.schema)) }
    }

    fn literal(&self, literal: &Literal) -> Result<String> {
        use DestinationKind::{ClickHouse, MsSql, MySql, Snowflake, Sqlite};
        Ok(match literal {
            Literal::Boolean(value) if matches!(self.kind, MsSql | Sqlite) => i32::from(*value).to_string(),
            Literal::Boolean(value) => value.to_string(),
            Literal::Integer(value) => value.to_string(),
            Literal::Float(value) if value.is_finite() => format!("{value:e}"),
            Literal::Float(_) => {
                return Err(Error::invalid("NaN and infinities cannot be compared with through a driver"));
            }
            Literal::Text(value) => self.text(value)?,
            Literal::Date(value) => {
                let day = self.text(&value.to_string())?;
                if self.kind == Sqlite { day } else { format!("cast({day} as date)") }
            }
            Literal::Timestamp(value) => {
                let instant = self.text(&value.to_rfc3339_opts(SecondsFormat::Micros, true))?;
                match self.kind {
                    ClickHouse => format!("parseDateTime64BestEffort({instant}, 6, 'UTC')"),
                    MsSql => format!("cast({instant} as datetimeoffset)"),
                    // Sessions are in the zone of their server; the driver's options may set it.
                    MySql => {
                        format!("timestamp{}", self.text(&value.format("%Y-%m-%d %H:%M:%S%.6f").to_string())?)
                    }
                    Snowflake => format!("cast({instant} as timestamp_tz)"),
                    Sqlite => instant,
                    DestinationKind::BigQuery | DestinationKind::Databricks => {
                        format!("cast({instant} as timestamp)")
                    }
                    _ => format!("cast({instant} as timestamp with time zone)"),
                }
            }
        })
    }

    fn literal_for(&self, _: &str, data_type: &DataType, literal: &Literal) -> Result<String> {
        use DestinationKind::{BigQuery, ClickHouse, Databricks, MsSql, MySql, Snowflake, Sqlite};
        let (Literal::Timestamp(value), DataType::Timestamp(_, None)) = (literal, data_type) else {
            return self.literal(literal);
        };
        // Against an instant, a time without a zone would be taken for one in the zone of the session.
        let type_name = match self.kind {
            BigQuery => "datetime",
            Databricks | Snowflake => "timestamp_ntz",
            // What is written for them has no zone, or is compared as in UTC.
            ClickHouse | MsSql | MySql | Sqlite => return self.literal(literal),
            _ => "timestamp",
        };
        let time = self.text(&value.format("%Y-%m-%d %H:%M:%S%.6f").to_string())?;
        Ok(format!("cast({time} as {type_name})"))
    }

    fn json_member(&self, name: &str, _: Option<&Literal>) -> Result<String> {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the field `{name}` is inside of JSON, and no filter or order reaches it through a driver"
            ),
        )
        .with_hint(
            "ask by a query in the database's own SQL, whose functions for JSON know the column: `Warehouse::query`",
        ))
    }

    fn as_text(&self, column: &str) -> String {
        use DestinationKind::{BigQuery, ClickHouse, Databricks, MsSql, MySql, Sqlite};
        let column = self.quoted(column);
        match self.kind {
            ClickHouse => format!("toString({column})"),
            BigQuery | Databricks => format!("cast({column} as string)"),
            MsSql => format!("cast({column} as nvarchar(max))"),
            MySql => format!("cast({column} as char)"),
            Sqlite => format!("cast({column} as text)"),
            _ => format!("cast({column} as varchar)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;
    use crate::filter::{Filter, Order};
    use crate::scan::Expression;

    fn scan() -> Scan {
        Scan {
            table: TableName { schema: "s".into(), table: "t".into() },
            columns: Vec::new(),
            summary: None,
            generation: None,
            names: vec![("a".into(), Expression::Column { name: "a".into(), data_type: DataType::Utf8 })],
            latest: None,
            filter: Some(Filter::equal("a", "x\\' or 1 = 1 --")),
            order: Vec::new(),
            limit: Some(5),
            batch_rows: 1,
        }
    }

    #[test]
    fn no_text_gets_out_of_its_quotes() {
        let text = |kind| AdbcDialect::of(kind).text("x\\' or 1 = 1 --").unwrap();
        assert_eq!(text(DestinationKind::BigQuery), r"'x\\\' or 1 = 1 --'");
        assert_eq!(text(DestinationKind::MySql), r"'x\\'' or 1 = 1 --'");
        assert_eq!(text(DestinationKind::Postgres), r"'x\'' or 1 = 1 --'");
        assert!(AdbcDialect::of(DestinationKind::Postgres).text("\0").is_err());
    }

    #[test]
    fn a_limit_stands_where_the_database_wants_it() {
        let sql = |kind: DestinationKind| AdbcDialect::of(kind).count(&scan()).unwrap();
        assert_eq!(
            sql(DestinationKind::MsSql),
            "select count(*) from (select top (5) 1 as one from \"s\".\"t\" where (\"a\" = N'x\\'' or 1 = 1 --')) as limited"
        );
        assert!(
            sql(DestinationKind::Databricks).contains(" limit 5"),
            "{}",
            sql(DestinationKind::Databricks)
        );
    }

    #[test]
    fn times_without_a_zone_are_not_compared_in_that_of_the_session() {
        use DestinationKind::{BigQuery, Databricks, Postgres, Snowflake};
        let instant: chrono::DateTime<chrono::Utc> = "2024-03-02T01:02:03.000004Z".parse().unwrap();
        let sql = |kind, zone: Option<&str>| {
            let data_type = DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
            let names = vec![("a".into(), Expression::Column { name: "a".into(), data_type })];
            let scan = Scan { names, filter: Some(Filter::at_least("a", instant)), ..scan() };
            AdbcDialect::of(kind).select(&scan).unwrap()
        };
        for (kind, type_name) in [
            (Postgres, "timestamp"),
            (BigQuery, "datetime"),
            (Snowflake, "timestamp_ntz"),
            (Databricks, "timestamp_ntz"),
        ] {
            let wanted = format!(" >= cast('2024-03-02 01:02:03.000004' as {type_name})");
            assert!(sql(kind, None).contains(&wanted), "{}", sql(kind, None));
            assert!(
                sql(kind, Some("UTC")).contains("03.000004Z' as timestamp"),
                "{}",
                sql(kind, Some("UTC"))
            );
        }
    }

    /// Tables of streams that are not deduplicated are of an engine that knows no `final`.
    #[test]
    fn what_clickhouse_has_not_merged_yet_is_left_out_of_every_kind_of_table() {
        let dialect = AdbcDialect::of(DestinationKind::ClickHouse);
        let ordered = Scan { order: vec![("a".into(), Order::Ascending)], ..scan() };
        for sql in [dialect.select(&ordered).unwrap(), dialect.count(&scan()).unwrap()] {
            assert!(sql.contains("from `s`.`t` where"), "{sql}");
            assert!(sql.ends_with(" settings final = 1"), "{sql}");
        }
    }
}
