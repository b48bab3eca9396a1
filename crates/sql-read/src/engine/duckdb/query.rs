//! Statements of the user's own, with what no Arrow type holds as text, as it is read from tables.

use std::sync::{Arc, Mutex, PoisonError};

use adbc_core::{Connection, Statement};
use arrow_array::cast::AsArray;
use arrow_cast::cast;
use arrow_schema::DataType;

use super::catalogue::is_read_as_text;
use super::dialect::DuckDbDialect;
use super::values;
use crate::engine::Rows;
use crate::engine::adbc::{self, Open, Request, Session};
use crate::error::Result;
use crate::scan::{Dialect, quoted};

/// A column that a statement gives, in DuckDB's words.
struct Described {
    name: String,
    declared: String,
}

impl Described {
    /// Whether it is read as text. Sums of whole numbers are not, though they can have a digit more than Arrow's decimals:
    /// those that have it are refused.
    fn is_text(&self) -> bool {
        self.declared != "HUGEINT" && is_read_as_text(&self.declared)
    }
}

/// Runs a statement that gives rows.
pub(super) async fn run(open: Open, sql: &str, batch_rows: usize) -> Result<Rows> {
    let sql = sql.to_owned();
    let (session, sql) = adbc::with_session(&open, move |session| {
        let sql = exact(session, &sql)?.unwrap_or(sql);
        let spill = session.spill.take();
        let (connection, hidden) = (session.connection.clone(), session.hidden.clone());
        Ok((Session { connection, hidden, spill }, sql))
    })
    .await?;
    // The session that knows the columns reads them: nobody can write a file in between, and it is opened once.
    let kept = Mutex::new(Some(session));
    let open: Open = Arc::new(move || {
        let session = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        match session {
            Some(session) => Ok(session),
            None => open(),
        }
    });
    adbc::read(open, Request { sql, schema: None, batch_rows, check: values::check }).await
}

/// The statement that gives as text what is not exact otherwise; `None` where all is, and the statement runs as it is.
///
/// Its own order stays. DuckDB sorts where the statement says so, in a subquery as well, and neither a cast nor what
/// collects the result mixes sorted rows, even if `preserve_insertion_order` is off.
fn exact(session: &mut Session, sql: &str) -> Result<Option<String>> {
    // Behind the statement there may be a comment or a semicolon, and it goes between parentheses.
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let Some(mut columns) = described(session, sql)? else { return Ok(None) };
    if !columns.iter().any(Described::is_text) {
        return Ok(None);
    }
    if let Some(names) = names(session, sql).filter(|names| names.len() == columns.len()) {
        for (column, name) in columns.iter_mut().zip(names) {
            column.name = name;
        }
    }
    // Two columns may have one name.
    let numbered: Vec<String> = (1..=columns.len()).map(|number| format!("c{number}")).collect();
    let chosen = numbered.iter().zip(&columns).map(|(numbered, column)| {
        let value = if column.is_text() { DuckDbDialect.as_text(numbered) } else { numbered.clone() };
        format!("{value} as {}", quoted(&column.name))
    });
    let chosen = chosen.collect::<Vec<_>>().join(", ");
    Ok(Some(format!("select {chosen} from (\n{sql}\n) as found ({})", numbered.join(", "))))
}

/// The columns of a statement, described as it is: one that does not end where the text does is refused here, before it
/// goes between parentheses. `None` if it is nothing that can be described.
fn described(session: &mut Session, sql: &str) -> Result<Option<Vec<Described>>> {
    let answer = match session.rows(&format!("describe {sql}\n")) {
        Ok(answer) => answer,
        // Only selects can be. What else there is, the statement says when it runs, and what is wrong with it.
        Err(error) if error.to_string().starts_with("Parser Error") => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut columns = Vec::new();
    for batch in answer {
        let (Some(names), Some(types)) =
            (batch.column_by_name("column_name"), batch.column_by_name("column_type"))
        else {
            // Of several statements, these are rows of the last one.
            return Ok(None);
        };
        // A setting of DuckDB has texts come in other forms.
        let (names, types) = (cast(names, &DataType::Utf8)?, cast(types, &DataType::Utf8)?);
        let rows = names.as_string::<i32>().iter().zip(types.as_string::<i32>());
        columns.extend(rows.map(|(name, declared)| Described {
            name: name.unwrap_or_default().to_owned(),
            declared: declared.unwrap_or_default().to_owned(),
        }));
    }
    Ok(Some(columns))
}

/// The names that the statement itself gives, where the library tells. DuckDB 2 describes a column that is renamed in
/// the case of its letters alone by its old name.
fn names(session: &mut Session, sql: &str) -> Option<Vec<String>> {
    let mut statement = session.connection.new_statement().ok()?;
    statement.set_sql_query(sql).ok()?;
    let schema = statement.execute_schema().ok()?;
    Some(schema.fields().iter().map(|field| field.name().clone()).collect())
}
