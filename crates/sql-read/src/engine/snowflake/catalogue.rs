//! What the service says is there, without a running warehouse where that can be.

use std::sync::Arc;

use futures::future::try_join_all;

use super::answer::RowType;
use super::batches::ResultSet;
use super::dialect::{SnowflakeDialect, text};
use super::session::Session;
use super::statement::{Mode, Stopped, run};
use super::types::{Kind, field};
use crate::dataset::DATA_COLUMN;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::{Column, Dialect, quoted};

/// As many as `SHOW` shows at most.
const SHOWN: usize = 10_000;

/// Tables, views and their like in schemas of these names, without regard to case.
pub(super) async fn tables(session: &Arc<Session>, schemas: &[String]) -> Result<Vec<TableName>> {
    match shown(session, schemas).await {
        Ok(Some(tables)) => Ok(tables),
        Ok(None) => listed(session, schemas).await,
        Err(Stopped::Refused { code, message }) => {
            tracing::debug!(code, message, "tables cannot be shown, and are selected");
            listed(session, schemas).await
        }
        Err(stopped) => Err(stopped.into()),
    }
}

/// By `SHOW`, which needs no warehouse; `None` if there are more than it shows.
async fn shown(session: &Arc<Session>, schemas: &[String]) -> Result<Option<Vec<TableName>>, Stopped> {
    let database = quoted(session.database());
    let present = names(session, &format!("show terse schemas in database {database}")).await?;
    if present.len() >= SHOWN {
        return Ok(None);
    }
    let wanted = present
        .into_iter()
        .filter(|schema| schemas.iter().any(|wanted| wanted.to_lowercase() == schema.to_lowercase()));
    let shown = wanted.map(async |schema| {
        let sql = format!("show terse objects in schema {database}.{}", quoted(&schema));
        match names(session, &sql).await {
            // Dropped since the schemas were shown.
            Err(stopped) if stopped.is_missing() => Ok((schema, Vec::new())),
            found => found.map(|found| (schema, found)),
        }
    });
    let mut tables = Vec::new();
    for (schema, found) in try_join_all(shown).await? {
        if found.len() >= SHOWN {
            return Ok(None);
        }
        tables.extend(found.into_iter().map(|table| TableName { schema: schema.clone(), table }));
    }
    Ok(Some(tables))
}

/// The column `name` of what a statement shows.
async fn names(session: &Arc<Session>, sql: &str) -> Result<Vec<String>, Stopped> {
    let result = ResultSet::new(session, run(session, sql, Mode::Run).await?);
    let name = result.columns().iter().position(|column| column.name.eq_ignore_ascii_case("name"));
    let name =
        name.ok_or_else(|| Error::new(ErrorKind::Unsupported, "Snowflake shows things without names"))?;
    let rows = result.texts().await?;
    Ok(rows.into_iter().filter_map(|mut row| row.get_mut(name).and_then(Option::take)).collect())
}

/// By a query, for which a warehouse has to run.
async fn listed(session: &Arc<Session>, schemas: &[String]) -> Result<Vec<TableName>> {
    let wanted: Result<Vec<String>> = schemas.iter().map(|schema| text(&schema.to_lowercase())).collect();
    let wanted = wanted?;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select table_schema, table_name from {}.information_schema.tables where lower(table_schema) in ({}) order by 1, 2",
        quoted(session.database()),
        wanted.join(", ")
    );
    let rows = ResultSet::new(session, run(session, &sql, Mode::Run).await?).texts().await?;
    let table = |row: Vec<Option<String>>| match <[Option<String>; 2]>::try_from(row) {
        Ok([Some(schema), Some(table)]) => Some(TableName { schema, table }),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(table).collect())
}

/// The columns of a table: the service describes what a query would give, and does not run it.
pub(super) async fn columns(session: &Arc<Session>, table: &TableName) -> Result<Vec<Column>> {
    let dialect = SnowflakeDialect { database: session.database(), data_column: DATA_COLUMN };
    let sql = format!("select * from {}", dialect.table(table));
    match run(session, &sql, Mode::Describe).await {
        Ok(answer) => Ok(answer.rowtype.iter().map(column).collect()),
        Err(stopped) if stopped.is_missing() => {
            Err(Error::new(ErrorKind::StreamNotFound, format!("the table `{}` has gone", table.table))
                .with_hint("a sync may be replacing it; try again"))
        }
        Err(stopped) => Err(stopped.into()),
    }
}

fn column(described: &RowType) -> Column {
    let as_text = Kind::of(described).is_read_as_text();
    Column { name: described.name.clone(), field: field(described), type_id: 0, as_text }
}
