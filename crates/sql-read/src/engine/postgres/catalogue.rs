//! What the server says is there.

use std::sync::Arc;

use arrow_schema::{DataType, Field};
use tokio_postgres::types::Type;

use super::session::Session;
use super::types;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::Column;
use crate::table_size::TableSize;

/// Tables, views and their like in schemas of these names, without regard to case.
pub(super) async fn tables(session: &Session, schemas: &[String]) -> Result<Vec<TableName>> {
    let schemas: Vec<String> = schemas.iter().map(|schema| schema.to_lowercase()).collect();
    let rows = session
        .query_typed(
            "select n.nspname::text, c.relname::text from pg_catalog.pg_class c
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             where lower(n.nspname) = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
             order by 1, 2",
            &[(&schemas, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(rows.iter().map(|row| TableName { schema: row.get(0), table: row.get(1) }).collect())
}

/// The columns of a table. Domains count as the type below them, and enums as text.
pub(super) async fn columns(session: &Session, table: &TableName) -> Result<Vec<Column>> {
    let rows = session
        .query_typed(
            "with recursive bases as (
                 select a.attnum, a.atttypid as type, a.atttypmod as modifier
                 from pg_catalog.pg_attribute a
                 join pg_catalog.pg_class c on c.oid = a.attrelid
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                 where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
                 union all
                 select b.attnum, t.typbasetype, t.typtypmod
                 from bases b join pg_catalog.pg_type t on t.oid = b.type
                 where t.typtype = 'd'
             )
             select a.attname::text, b.type, b.modifier, t.typtype = 'e',
                    pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull
             from bases b
             join pg_catalog.pg_type t on t.oid = b.type and t.typtype <> 'd'
             join pg_catalog.pg_namespace n on n.nspname = $1
             join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = $2
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = b.attnum
             order by a.attnum",
            &[(&table.schema, Type::TEXT), (&table.table, Type::TEXT)],
        )
        .await?;
    if rows.is_empty() {
        return Err(gone(table));
    }
    let column = |row: &tokio_postgres::Row| {
        let name: String = row.get(0);
        let (type_id, modifier, is_enum): (u32, i32, bool) = (row.get(1), row.get(2), row.get(3));
        let declared: String = row.get(4);
        column(&name, type_id, modifier, is_enum, !row.get::<_, bool>(5), Some(declared))
    };
    Ok(rows.iter().map(column).collect())
}

/// A column of this type as it is read. A type that this reader does not know comes as the server's own text: nothing
/// of it is lost.
pub(super) fn column(
    name: &str,
    type_id: u32,
    modifier: i32,
    is_enum: bool,
    nullable: bool,
    declared: Option<String>,
) -> Column {
    let data_type = if is_enum { Some(DataType::Utf8) } else { types::data_type(type_id, modifier) };
    let as_text = data_type.is_none();
    let mut field = Field::new(name, data_type.unwrap_or(DataType::Utf8), nullable);
    if let Some(declared) = declared {
        field = field.with_metadata([("postgres:type".to_owned(), declared)].into());
    }
    Column { name: name.to_owned(), field: Arc::new(field), type_id, as_text }
}

/// What the server has noted about a table. A table that was never analyzed has -1 rows, or none and no pages.
pub(super) async fn size(session: &Session, table: &TableName) -> Result<TableSize> {
    let rows = session
        .query_typed(
            "select case when c.reltuples > 0 then c.reltuples::float8::int8 end,
                    case when c.relkind in ('r', 'm') then pg_catalog.pg_relation_size(c.oid) end
             from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             where n.nspname = $1 and c.relname = $2",
            &[(&table.schema, Type::TEXT), (&table.table, Type::TEXT)],
        )
        .await?;
    let row = rows.first().ok_or_else(|| gone(table))?;
    let number =
        |place: usize| row.get::<_, Option<i64>>(place).and_then(|number| u64::try_from(number).ok());
    Ok(TableSize { rows: number(0), bytes: number(1) })
}

pub(super) fn gone(table: &TableName) -> Error {
    Error::new(ErrorKind::StreamNotFound, format!("the table `{}` has gone", table.table))
        .with_hint("a sync may be replacing it; try again")
}
