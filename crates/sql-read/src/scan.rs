//! What an engine is asked to read, and how that becomes SQL.

use std::fmt::Write as _;

use arrow_schema::{DataType, FieldRef};
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::{Comparison, Filter, Literal, Order};
use crate::locate::TableName;

/// A column as the database stores it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Column {
    pub name: String,
    /// What it becomes in Arrow.
    pub field: FieldRef,
    /// The database's own id of its type; 0 where it has none.
    pub type_id: u32,
    /// Read as the database's own text, whatever its type.
    pub as_text: bool,
}

/// What a name in a filter or an order stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Expression {
    /// A column, with what its values become in Arrow unless they are read as text.
    Column { name: String, data_type: DataType },
    /// A member of the JSON in `_airbyte_data`, and whether the stream's schema calls it a time.
    Json { name: String, is_time: bool },
}

/// One read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Scan {
    pub table: TableName,
    pub columns: Vec<Column>,
    /// What is made of the rows of each group, in place of the rows themselves: how each of the columns comes about.
    #[serde(default)]
    pub summary: Option<Summary>,
    /// The column that numbers the refreshes, where somebody wants to know them.
    pub generation: Option<String>,
    /// What the names in filter and order stand for.
    pub names: Vec<(String, Expression)>,
    /// Of the rows with the same key, the newest alone; what the filter leaves out is left out after that.
    pub latest: Option<Latest>,
    pub filter: Option<Filter>,
    pub order: Vec<(String, Order)>,
    pub limit: Option<u64>,
    pub batch_rows: usize,
}

/// Rows by groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The columns whose values make a group; of none, all rows are one.
    pub by: Vec<GroupKey>,
    /// One for each column that comes.
    pub values: Vec<SummaryValue>,
}

/// A column that rows are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupKey {
    pub column: String,
    /// Texts are told apart by their bytes, whatever the column's collation takes for equal.
    pub by_bytes: bool,
}

/// A value of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SummaryValue {
    Key(GroupKey),
    Rows,
    NotNull(String),
    /// With the column's type where the value would come without its precision.
    Least(String, Option<String>),
    Most(String, Option<String>),
    /// With the type that holds it.
    Sum(String, String),
}

/// How to tell which row of a key is the newest. All are names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub key: Vec<String>,
    /// What is larger in newer rows; the next one counts where the first are alike.
    pub newest: Vec<String>,
}

impl GroupKey {
    fn sql(&self, dialect: &dyn Dialect) -> String {
        let column = dialect.quoted(&self.column);
        if self.by_bytes { dialect.by_bytes(column) } else { column }
    }
}

impl SummaryValue {
    fn sql(&self, dialect: &dyn Dialect) -> String {
        let of = |function: &str, column: &str| format!("{function}({})", dialect.quoted(column));
        let cast = |value: String, type_name: &Option<String>| match type_name {
            Some(type_name) => format!("cast({value} as {type_name})"),
            None => value,
        };
        match self {
            Self::Key(key) => key.sql(dialect),
            Self::Rows => "count(*)".to_owned(),
            Self::NotNull(column) => of("count", column),
            Self::Least(column, type_name) => cast(of("min", column), type_name),
            Self::Most(column, type_name) => cast(of("max", column), type_name),
            Self::Sum(column, type_name) => format!("cast({} as {type_name})", of("sum", column)),
        }
    }
}

/// What the newest rows are called in a query.
const LATEST: &str = "latest_rows";

/// What differs between databases in the text of a query.
pub(crate) trait Dialect {
    /// A name, so that it can be anything.
    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }
    /// A table, with its schema where the database has them.
    fn table(&self, table: &TableName) -> String {
        if table.schema.is_empty() {
            self.quoted(&table.table)
        } else {
            format!("{}.{}", self.quoted(&table.schema), self.quoted(&table.table))
        }
    }
    /// What stands before a column's name, where the name alone could mean something else.
    fn qualifier(&self, table: &TableName) -> String {
        self.table(table)
    }
    fn literal(&self, literal: &Literal) -> Result<String>;
    /// A value that this column is compared with, where the column's type matters.
    fn literal_for(&self, _column: &str, _data_type: &DataType, literal: &Literal) -> Result<String> {
        self.literal(literal)
    }
    /// A member of the JSON in `_airbyte_data`, to be compared with this value, or to be ordered by.
    fn json_member(&self, name: &str, compared_with: Option<&Literal>) -> Result<String>;
    /// What to order by, first things first, so that a member of the JSON decides.
    fn json_order(&self, name: &str) -> Result<Vec<String>> {
        Ok(vec![self.json_member(name, None)?])
    }
    /// A member of the JSON as an instant, to be ordered by; NULL where it is none, which is no reason to fail.
    fn json_instant(&self, name: &str) -> Result<String> {
        self.json_member(name, Some(&Literal::Timestamp(DateTime::UNIX_EPOCH)))
    }
    fn as_text(&self, column: &str) -> String;
    /// What is selected of a column, so that nothing of its values is lost on the way.
    fn read(&self, column: &Column) -> String {
        if column.as_text { self.as_text(&column.name) } else { self.quoted(&column.name) }
    }
    /// Whether instants are compared to the nanosecond with a column of this type, or with a member of the JSON; else to
    /// the microsecond.
    fn has_nanoseconds(&self, _column: Option<&DataType>) -> bool {
        false
    }
    /// A text that is compared by its bytes.
    fn by_bytes(&self, sql: String) -> String {
        sql
    }
    /// The smallest or largest number of a refresh, in a type that the engine reads.
    fn number(&self, sql: String) -> String {
        sql
    }
}

/// A statement that counts, in pieces.
pub(crate) struct CountSql {
    /// What it gives: the number of rows, and the first and last refresh where they are wanted.
    pub totals: String,
    /// What of a row is needed for that.
    pub row: String,
    /// Where the rows are.
    pub from: String,
}

/// A name as most databases quote it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL. NUL cannot be in one, and no database would find it.
pub(crate) fn quoted_text(text: &str) -> Result<String> {
    if text.contains('\0') {
        return Err(Error::invalid("a text in a filter holds a NUL character"));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

impl TableName {
    /// As SQL.
    pub(crate) fn sql(&self) -> String {
        if self.schema.is_empty() {
            quoted(&self.table)
        } else {
            format!("{}.{}", quoted(&self.schema), quoted(&self.table))
        }
    }
}

impl Scan {
    /// The query that reads the columns.
    pub(crate) fn select(&self, dialect: &dyn Dialect) -> Result<String> {
        self.select_where(dialect, &[])
    }

    /// The query that reads the columns of the rows that also fit these conditions.
    pub(crate) fn select_where(&self, dialect: &dyn Dialect, more: &[String]) -> Result<String> {
        let columns: Vec<_> = match &self.summary {
            Some(summary) => summary.values.iter().map(|value| value.sql(dialect)).collect(),
            None => self.columns.iter().map(|column| dialect.read(column)).collect(),
        };
        let mut sql = format!("select {} from {}", columns.join(", "), self.source(dialect)?);
        let mut conditions = self.conditions(dialect)?;
        for condition in more {
            conditions.push_str(if conditions.is_empty() { " where " } else { " and " });
            conditions.push_str(condition);
        }
        sql.push_str(&conditions);
        if let Some(Summary { by, .. }) = &self.summary
            && !by.is_empty()
        {
            let keys: Vec<String> = by.iter().map(|key| key.sql(dialect)).collect();
            let _ = write!(sql, " group by {}", keys.join(", "));
        }
        // Bare names would mean the columns of the result, which may be texts of the ones that are meant.
        let qualifier = match self.latest {
            None => dialect.qualifier(&self.table),
            Some(_) => dialect.quoted(LATEST),
        };
        let mut separator = " order by";
        for (name, order) in &self.order {
            let direction = match order {
                Order::Ascending => "asc",
                Order::Descending => "desc",
            };
            for key in self.keys(name, Some(&qualifier), dialect)? {
                let _ = write!(sql, "{separator} {key} {direction}");
                separator = ",";
            }
        }
        if let Some(limit) = self.sql_limit() {
            let _ = write!(sql, " limit {limit}");
        }
        tracing::trace!(%sql, "selecting rows");
        Ok(sql)
    }

    /// The query that counts the rows.
    pub(crate) fn count(&self, dialect: &dyn Dialect) -> Result<String> {
        let CountSql { totals, row, from } = self.count_sql(dialect)?;
        let sql = match self.sql_limit() {
            None => format!("select {totals} {from}"),
            Some(limit) => format!("select {totals} from (select {row} {from} limit {limit}) as limited"),
        };
        tracing::trace!(%sql, "counting rows");
        Ok(sql)
    }

    /// Its pieces.
    pub(crate) fn count_sql(&self, dialect: &dyn Dialect) -> Result<CountSql> {
        let from = format!("from {}{}", self.source(dialect)?, self.conditions(dialect)?);
        Ok(match &self.generation {
            None => CountSql { totals: "count(*)".into(), row: "1 as one".into(), from },
            Some(name) => {
                let row = dialect.quoted(name);
                let end = |which: &str| dialect.number(format!("{which}({row})"));
                CountSql { totals: format!("count(*), {}, {}", end("min"), end("max")), row, from }
            }
        })
    }

    /// Whether each row can be told to be in or out without looking at the others.
    pub(crate) fn is_divisible(&self) -> bool {
        self.order.is_empty() && self.limit.is_none() && self.latest.is_none() && self.summary.is_none()
    }

    /// The table, or its rows that are the newest of their key.
    fn source(&self, dialect: &dyn Dialect) -> Result<String> {
        let table = dialect.table(&self.table);
        let Some(latest) = &self.latest else { return Ok(table) };
        let mut key = Vec::new();
        for name in &latest.key {
            key.extend(self.keys(name, None, dialect)?);
        }
        let mut newest = Vec::new();
        for name in &latest.newest {
            for part in self.keys(name, None, dialect)? {
                // Databases differ in where they put NULL.
                newest.push(format!("case when {part} is null then 1 else 0 end, {part} desc"));
            }
        }
        let (key, newest) = (key.join(", "), newest.join(", "));
        let place = dialect.quoted("airbyte_place");
        Ok(format!(
            "(select * from (select *, row_number() over (partition by {key} order by {newest}) as {place} from {table}) \
             as {numbered} where {place} = 1) as {latest}",
            numbered = dialect.quoted("numbered"),
            latest = dialect.quoted(LATEST),
        ))
    }

    /// What rows are ordered by for this name.
    fn keys(&self, name: &str, qualifier: Option<&str>, dialect: &dyn Dialect) -> Result<Vec<String>> {
        match (self.meaning(name)?, qualifier) {
            (Expression::Column { name, .. }, None) => Ok(vec![dialect.quoted(name)]),
            (Expression::Column { name, .. }, Some(of)) => Ok(vec![format!("{of}.{}", dialect.quoted(name))]),
            (Expression::Json { name, is_time: false }, _) => dialect.json_order(name),
            // As filters compare them: by their texts, fractions and distances from UTC would be in the wrong order.
            (Expression::Json { name, is_time: true }, _) => {
                let mut keys = vec![dialect.json_instant(name)?];
                keys.extend(dialect.json_order(name)?);
                Ok(keys)
            }
        }
    }

    /// The limit, unless it is beyond what a database can count to and so is none.
    fn sql_limit(&self) -> Option<u64> {
        self.limit.filter(|limit| i64::try_from(*limit).is_ok())
    }

    fn conditions(&self, dialect: &dyn Dialect) -> Result<String> {
        Ok(self.restriction(dialect)?.map_or_else(String::new, |condition| format!(" where ({condition})")))
    }

    /// The filter as SQL.
    pub(crate) fn restriction(&self, dialect: &dyn Dialect) -> Result<Option<String>> {
        self.filter.as_ref().map(|filter| self.condition(filter, dialect)).transpose()
    }

    fn condition(&self, filter: &Filter, dialect: &dyn Dialect) -> Result<String> {
        let several = |parts: &[Filter], word: &str, of_none: &str| -> Result<String> {
            if parts.is_empty() {
                return Ok(of_none.to_owned());
            }
            let parts: Result<Vec<_>> = parts.iter().map(|part| self.condition(part, dialect)).collect();
            Ok(format!("({})", parts?.join(word)))
        };
        Ok(match filter {
            Filter::Compare { column, comparison, value } => {
                let compared = self.expression(column, Some(value), dialect)?;
                let meaning = self.meaning(column)?;
                let data_type = match meaning {
                    Expression::Column { data_type, .. } => Some(data_type),
                    Expression::Json { .. } => None,
                };
                let has_nanoseconds = dialect.has_nanoseconds(data_type);
                let fine = if has_nanoseconds { None } else { value.finer_than_microseconds() };
                let value = match (fine, comparison) {
                    (None, _) => value,
                    // Nothing is equal to it. NULL is still neither one nor the other.
                    (Some(_), Comparison::Equal) => return Ok(format!("{compared} <> {compared}")),
                    (Some(_), Comparison::NotEqual) => return Ok(format!("{compared} = {compared}")),
                    (Some((_, after)), Comparison::Less | Comparison::GreaterOrEqual) => {
                        &Literal::Timestamp(after)
                    }
                    (Some((before, _)), Comparison::LessOrEqual | Comparison::Greater) => {
                        &Literal::Timestamp(before)
                    }
                };
                let value = match meaning {
                    Expression::Column { name, data_type } => dialect.literal_for(name, data_type, value)?,
                    Expression::Json { .. } => dialect.literal(value)?,
                };
                format!("{compared} {} {value}", comparison.sql())
            }
            Filter::IsNull(column) => format!("{} is null", self.expression(column, None, dialect)?),
            Filter::IsNotNull(column) => format!("{} is not null", self.expression(column, None, dialect)?),
            Filter::All(parts) => several(parts, " and ", "1 = 1")?,
            Filter::Any(parts) => several(parts, " or ", "1 = 0")?,
            Filter::Not(other) => format!("not ({})", self.condition(other, dialect)?),
        })
    }

    fn expression(
        &self,
        name: &str,
        compared_with: Option<&Literal>,
        dialect: &dyn Dialect,
    ) -> Result<String> {
        match self.meaning(name)? {
            Expression::Column { name, .. } => Ok(dialect.quoted(name)),
            Expression::Json { name, .. } => dialect.json_member(name, compared_with),
        }
    }

    /// What a name in the filter or the order stands for.
    pub(crate) fn meaning(&self, name: &str) -> Result<&Expression> {
        let known = self.names.iter().find(|(known, _)| known == name).map(|(_, meaning)| meaning);
        known.ok_or_else(|| Error::invalid(format!("there is no column `{name}`")))
    }
}
