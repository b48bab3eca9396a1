//! What a driver tells of tables and columns.

use std::sync::Arc;

use adbc_core::options::{ObjectDepth, OptionConnection};
use adbc_core::{Connection, Optionable, error};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema};

use super::dialect::AdbcDialect;
use super::session::Session;
use crate::error::{Error, Result};
use crate::locate::TableName;
use crate::scan::{Column, Dialect};

/// The tables and views of these schemas, in the catalog that the session is in.
pub(super) fn tables(
    session: &mut Session,
    schemas: &[String],
    dialect: AdbcDialect,
) -> Result<Vec<TableName>> {
    let catalog = session.connection.get_option_string(OptionConnection::CurrentCatalog).ok();
    let catalog = catalog.as_deref().filter(|name| !name.is_empty() && !dialect.schemas_are_catalogs());
    // One schema is asked for alone; for several the driver knows no form, and all are read.
    let only = match schemas {
        [only] if !only.is_empty() && !dialect.schemas_are_catalogs() => Some(only.as_str()),
        _ => None,
    };
    let told = session.connection.get_objects(ObjectDepth::Tables, catalog, only, None, None, None);
    let batches = match told {
        Err(error) if error.status == error::Status::NotImplemented => {
            return from_information_schema(session, schemas, dialect);
        }
        told => {
            let told = told.map_err(|error| session.failed(&error))?;
            told.collect::<Result<Vec<_>, _>>().map_err(|error| session.broke(&error))?
        }
    };
    let mut found = Vec::new();
    for batch in &batches {
        collect(batch, dialect, &mut found)?;
    }
    found.retain(|name| schemas.iter().any(|schema| schema.eq_ignore_ascii_case(&name.schema)));
    Ok(found)
}

/// `catalog { schemas { tables } }`, as the interface defines it.
fn collect(batch: &RecordBatch, dialect: AdbcDialect, found: &mut Vec<TableName>) -> Result<()> {
    let of_batch = StructArray::from(batch.clone());
    for catalog in 0..of_batch.len() {
        let catalog_name = text(&of_batch, "catalog_name", catalog)?;
        let Some(schemas) = members(&of_batch, "catalog_db_schemas", catalog)? else { continue };
        for schema in 0..schemas.len() {
            let schema_name = text(&schemas, "db_schema_name", schema)?;
            let Some(tables) = members(&schemas, "db_schema_tables", schema)? else { continue };
            for table in 0..tables.len() {
                let schema = if dialect.schemas_are_catalogs() { &catalog_name } else { &schema_name };
                found.push(TableName { schema: schema.clone(), table: text(&tables, "table_name", table)? });
            }
        }
    }
    Ok(())
}

fn unexpected(what: &str) -> Error {
    Error::new(
        crate::ErrorKind::Query,
        format!("the driver lists its tables in a form that is not ADBC's: {what}"),
    )
}

/// The text of a row, empty for NULL.
fn text(rows: &StructArray, name: &str, row: usize) -> Result<String> {
    let column = rows.column_by_name(name).ok_or_else(|| unexpected(name))?;
    let column = cast(&column.slice(row, 1), &DataType::Utf8).map_err(|_| unexpected(name))?;
    let column = column.as_string::<i32>();
    Ok(if column.is_null(0) { String::new() } else { column.value(0).to_owned() })
}

/// The structures in the list of a row.
fn members(rows: &StructArray, name: &str, row: usize) -> Result<Option<StructArray>> {
    let column = rows.column_by_name(name).ok_or_else(|| unexpected(name))?;
    let lists = column.as_list_opt::<i32>().ok_or_else(|| unexpected(name))?;
    if lists.is_null(row) {
        return Ok(None);
    }
    let members = lists.value(row);
    Ok(Some(members.as_struct_opt().ok_or_else(|| unexpected(name))?.clone()))
}

fn from_information_schema(
    session: &mut Session,
    schemas: &[String],
    dialect: AdbcDialect,
) -> Result<Vec<TableName>> {
    let names: Vec<_> = schemas.iter().map(|name| dialect.text(name)).collect::<Result<_>>()?;
    let sql = format!(
        "select table_schema, table_name from information_schema.tables where table_schema in ({})",
        names.join(", ")
    );
    tracing::debug!(?dialect, "the driver lists no tables; asking the database");
    let mut found = Vec::new();
    for batch in session.rows(&sql)? {
        let text = |column: usize| cast(batch.column(column), &DataType::Utf8);
        let (schemas, tables) = (text(0)?, text(1)?);
        let (schemas, tables) = (schemas.as_string::<i32>(), tables.as_string::<i32>());
        found.extend((0..batch.num_rows()).map(|row| TableName {
            schema: schemas.value(row).to_owned(),
            table: tables.value(row).to_owned(),
        }));
    }
    Ok(found)
}

/// The columns of a table, as a read of it gives them.
pub(super) fn columns(session: &mut Session, table: &TableName, dialect: AdbcDialect) -> Result<Vec<Column>> {
    let schema: Schema = if dialect.types_come_from_rows() {
        // A read of no rows would tell nothing.
        let schema = Some(table.schema.as_str()).filter(|schema| !schema.is_empty());
        let told = session.connection.get_table_schema(None, schema, &table.table);
        told.map_err(|error| session.failed(&error))?
    } else {
        let sql = format!("select * from {} where 1 = 0", dialect.table(table));
        session.query(&sql)?.rows.schema().as_ref().clone()
    };
    Ok(schema.fields().iter().map(|field| column(field)).collect())
}

fn column(field: &Field) -> Column {
    let name = field.name().clone();
    // Bytes of a type that only the driver knows say nothing; the database's text does.
    let is_opaque = field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.opaque");
    let as_text = match field.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => is_opaque,
        // NULLs alone have come so far: whatever comes later is told as text.
        DataType::Null => true,
        _ => false,
    };
    let field = if as_text { field.clone().with_data_type(DataType::Utf8) } else { field.clone() };
    // Drivers are not to be trusted with NOT NULL: several tell it of columns that hold NULLs.
    Column { name, field: Arc::new(field.with_nullable(true)), type_id: 0, as_text }
}
