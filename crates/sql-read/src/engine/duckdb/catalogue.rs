//! Tables and columns.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;

use super::dialect::DuckDbDialect;
use crate::engine::adbc::Session;
use crate::error::Result;
use crate::locate::TableName;
use crate::scan::{Column, Dialect, quoted_text};
use crate::types::json_field;

/// Types whose values no Arrow type that DuckDB gives holds exactly, wherever they stand in a type: integers of 39
/// digits, times with a zone, intervals of more than 292 years, unions, bits.
const AS_TEXT: [&str; 9] =
    ["HUGEINT", "BIGNUM", "VARINT", "TIME WITH TIME ZONE", "TIMETZ", "INTERVAL", "UNION", "BIT", "ENUM"];

pub(super) fn tables(session: &mut Session, schemas: &[String]) -> Result<Vec<TableName>> {
    let names =
        schemas.iter().map(|schema| quoted_text(&schema.to_lowercase())).collect::<Result<Vec<_>>>()?;
    let found = session.rows(&format!(
        "select schema_name, table_name from duckdb_tables() where database_name = current_database() \
             and lower(schema_name) in ({names}) \
         union all \
         select schema_name, view_name from duckdb_views() where database_name = current_database() \
             and not internal and lower(schema_name) in ({names})",
        names = names.join(", ")
    ))?;
    let names = |batch: &RecordBatch| -> Vec<_> {
        let (schemas, tables) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let rows = schemas.iter().zip(tables);
        rows.map(|(schema, table)| TableName {
            schema: schema.unwrap_or_default().to_owned(),
            table: table.unwrap_or_default().to_owned(),
        })
        .collect()
    };
    Ok(found.iter().flat_map(names).collect())
}

/// The columns as a read gives them: DuckDB itself tells their Arrow types.
pub(super) fn columns(session: &mut Session, table: &TableName) -> Result<Vec<Column>> {
    let declared = session.rows(&format!(
        "select column_name, data_type from duckdb_columns() where database_name = current_database() \
             and schema_name = {} and table_name = {} order by column_index",
        quoted_text(&table.schema)?,
        quoted_text(&table.table)?
    ))?;
    let types: Vec<(String, String)> = declared
        .iter()
        .flat_map(|batch| {
            let (names, types) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let rows = names.iter().zip(types);
            rows.map(|(name, of_type)| {
                (name.unwrap_or_default().to_owned(), of_type.unwrap_or_default().to_owned())
            })
            .collect::<Vec<_>>()
        })
        .collect();
    let schema =
        session.query(&format!("select * from {} limit 0", DuckDbDialect.table(table)))?.rows.schema();
    let columns = schema.fields().iter().map(|field| {
        let name = field.name().clone();
        let declared = types.iter().find(|(known, _)| *known == name).map(|(_, declared)| declared.as_str());
        let as_text = declared.is_some_and(is_read_as_text);
        let field = if declared == Some("JSON") { json_field(&name, true) } else { field.as_ref().clone() };
        let mut metadata = field.metadata().clone();
        metadata.extend(declared.map(|declared| ("duckdb:type".to_owned(), declared.to_owned())));
        let field = field.with_metadata(metadata);
        let field = if as_text { field.with_data_type(DataType::Utf8) } else { field };
        Column { name, field: Arc::new(field), type_id: 0, as_text }
    });
    Ok(columns.collect())
}

/// Whether a word of the type is one of those that are read as text.
pub(super) fn is_read_as_text(declared: &str) -> bool {
    AS_TEXT.iter().any(|wanted| {
        declared.match_indices(wanted).any(|(at, _)| {
            // `UHUGEINT` counts as well; `BIT` is not in `BITE`.
            let after = declared[at + wanted.len()..].chars().next();
            let before = declared[..at].chars().next_back();
            !after.is_some_and(|next| next.is_alphanumeric() || next == '_')
                && !before.is_some_and(|last| (last.is_alphanumeric() && last != 'U') || last == '_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_without_an_exact_form_are_found_wherever_they_stand() {
        for declared in [
            "HUGEINT",
            "UHUGEINT",
            "HUGEINT[]",
            "STRUCT(a HUGEINT, b INTEGER)",
            "TIME WITH TIME ZONE",
            "ENUM('a', 'b')",
            "BIT",
        ] {
            assert!(is_read_as_text(declared), "{declared}");
        }
        for declared in [
            "BIGINT",
            "TIMESTAMP WITH TIME ZONE",
            "VARCHAR",
            "DECIMAL(38,9)",
            "STRUCT(bits INTEGER)",
            "UBIGINT",
            "JSON",
        ] {
            assert!(!is_read_as_text(declared), "{declared}");
        }
    }
}
