//! What the server says is there.

use std::sync::Arc;

use arrow_schema::Field;

use super::connect::Session;
use super::{query_error, types};
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::Column;

/// Tables, views and their like in schemas of these names, without regard to case.
pub(super) async fn tables(session: &Session, schemas: &[String]) -> Result<Vec<TableName>> {
    let schemas: Vec<String> = schemas.iter().map(|schema| schema.to_lowercase()).collect();
    let rows = session
        .query(
            "select n.nspname::text, c.relname::text from pg_catalog.pg_class c
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             where lower(n.nspname) = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
             order by 1, 2",
            &[&schemas],
        )
        .await
        .map_err(query_error)?;
    Ok(rows.iter().map(|row| TableName { schema: row.get(0), table: row.get(1) }).collect())
}

/// The columns of a table. Domains count as the type below them, and enums as text.
pub(super) async fn columns(session: &Session, table: &TableName) -> Result<Vec<Column>> {
    let rows = session
        .query(
            "select a.attname::text,
                    case when t.typtype = 'd' then t.typbasetype else a.atttypid end,
                    case when t.typtype = 'd' then t.typtypmod else a.atttypmod end,
                    t.typtype = 'e', pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull
             from pg_catalog.pg_attribute a
             join pg_catalog.pg_class c on c.oid = a.attrelid
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             join pg_catalog.pg_type t on t.oid = a.atttypid
             where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
             order by a.attnum",
            &[&table.schema, &table.table],
        )
        .await
        .map_err(query_error)?;
    if rows.is_empty() {
        return Err(Error::new(ErrorKind::StreamNotFound, format!("the table `{}` has gone", table.table))
            .with_hint("a sync may be replacing it; try again"));
    }
    let column = |row: &tokio_postgres::Row| {
        let name: String = row.get(0);
        let (type_id, modifier, is_enum): (u32, i32, bool) = (row.get(1), row.get(2), row.get(3));
        let declared: String = row.get(4);
        let data_type =
            if is_enum { Some(arrow_schema::DataType::Utf8) } else { types::data_type(type_id, modifier) };
        // A type that this reader does not know comes as the server's own text: nothing of it is lost.
        let as_text = data_type.is_none();
        let field =
            Field::new(&name, data_type.unwrap_or(arrow_schema::DataType::Utf8), !row.get::<_, bool>(5));
        let field = Arc::new(field.with_metadata([("postgres:type".to_owned(), declared)].into()));
        Column { name, field, type_id, as_text }
    };
    Ok(rows.iter().map(column).collect())
}
