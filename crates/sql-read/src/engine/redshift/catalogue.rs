//! What the cluster says is there, asked in words that its old catalogue knows.

use std::sync::Arc;

use arrow_schema::{DataType, Field};
use tokio_postgres::SimpleQueryMessage;

use super::text_literal;
use crate::engine::postgres::session::Session;
use crate::engine::postgres::types;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::Column;

/// Tables and views in schemas of these names, without regard to case.
pub(super) async fn tables(session: &Session, schemas: &[String]) -> Result<Vec<TableName>> {
    if schemas.is_empty() {
        return Ok(Vec::new());
    }
    let schemas: Result<Vec<String>> =
        schemas.iter().map(|schema| text_literal(&schema.to_lowercase())).collect();
    let rows = texts(
        session,
        &format!(
            "select n.nspname::varchar, c.relname::varchar from pg_catalog.pg_class c
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             where lower(n.nspname::varchar) in ({}) and c.relkind in ('r', 'v')
             order by 1, 2",
            schemas?.join(", ")
        ),
    )
    .await?;
    rows.into_iter()
        .map(|row| match <[String; 2]>::try_from(row) {
            Ok([schema, table]) => Ok(TableName { schema, table }),
            Err(_) => Err(strange()),
        })
        .collect()
}

/// The columns of a table.
pub(super) async fn columns(session: &Session, table: &TableName) -> Result<Vec<Column>> {
    let rows = texts(
        session,
        &format!(
            "select a.attname::varchar, a.atttypid::bigint, a.atttypmod,
                    pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull
             from pg_catalog.pg_attribute a
             join pg_catalog.pg_class c on c.oid = a.attrelid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             where n.nspname = {} and c.relname = {} and a.attnum > 0 and not a.attisdropped
             order by a.attnum",
            text_literal(&table.schema)?,
            text_literal(&table.table)?
        ),
    )
    .await?;
    if rows.is_empty() {
        return Err(Error::new(ErrorKind::StreamNotFound, format!("the table `{}` has gone", table.table))
            .with_hint("a sync may be replacing it; try again"));
    }
    rows.into_iter()
        .map(|row| {
            let [name, type_id, modifier, declared, not_null] =
                <[String; 5]>::try_from(row).map_err(|_| strange())?;
            let type_id = type_id.parse().map_err(|_| strange())?;
            let modifier = modifier.parse().map_err(|_| strange())?;
            Ok(column(&name, type_id, modifier, not_null != "t", Some(declared)))
        })
        .collect()
}

/// A column of this type as it is read. What has no better type in Arrow comes as the server's text: SUPER as JSON.
pub(super) fn column(
    name: &str,
    type_id: u32,
    modifier: i32,
    nullable: bool,
    declared: Option<String>,
) -> Column {
    let (data_type, as_text) = match types::data_type(type_id, modifier) {
        // Their texts are not read back into anything else. A SUPER value is JSON, and so a text.
        None | Some(DataType::List(_) | DataType::Binary | DataType::Interval(_)) => {
            (DataType::Utf8, declared.as_deref() != Some("super"))
        }
        Some(data_type) => (data_type, false),
    };
    let mut field = Field::new(name, data_type, nullable);
    if let Some(declared) = declared {
        field = field.with_metadata([("redshift:type".to_owned(), declared)].into());
    }
    Column { name: name.to_owned(), field: Arc::new(field), type_id, as_text }
}

/// The rows of a short answer, without its NULLs.
pub(super) async fn texts(session: &Session, sql: &str) -> Result<Vec<Vec<String>>> {
    let messages = session.simple_query(sql).await?;
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .map(|row| {
            (0..row.len())
                .filter_map(|index| row.try_get(index).transpose())
                .map(|text| text.map(str::to_owned).map_err(|error| session.error(error)))
                .collect()
        })
        .collect()
}

fn strange() -> Error {
    Error::new(ErrorKind::Query, "the catalogue of Redshift answers in a form that is not known here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DestinationKind;
    use crate::types::{database_types, marked};

    /// The number that a cluster has for SUPER, which no PostgreSQL knows.
    const SUPER: u32 = 4000;

    #[test]
    fn a_super_value_is_json() {
        let column = column("more", SUPER, -1, true, Some("super".to_owned()));
        let field = marked(DestinationKind::Redshift, &column.field);
        let known = database_types(DestinationKind::Redshift);
        let known = known.iter().find(|known| known.name == "super").unwrap();
        assert_eq!((field.data_type(), field.extension_type_name()), (&known.arrow, Some("arrow.json")));
    }
}
