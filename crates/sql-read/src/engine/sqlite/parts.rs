//! A table cut into ranges of row ids.
//!
//! SQLite has no snapshot that several connections could share. Where the file has a rollback journal, the plan keeps a
//! read open: as long as it lives, no writer can commit, so all parts see one state, in whatever process they are read.
//! Where it has a write-ahead log, writers go on: then each part sees its own state, and of rows that were added since
//! the plan none is read. A table that was made anew is refused either way.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read;
use crate::engine::{Parts, RecordBatchStream};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::{Scan, quoted};

/// One part.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    /// Counts the changes of tables in the file.
    schema_version: i64,
    /// The name that the row id goes by, and the first and last one of the part; `None` is the whole table.
    range: Option<(String, i64, i64)>,
}

/// Makes the parts.
pub(super) fn plan(connection: Connection, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
    connection.execute_batch("begin")?;
    // The first statement that reads takes the state.
    let schema_version: i64 = connection.query_row("pragma schema_version", [], |row| row.get(0))?;
    let journal: String = connection.query_row("pragma journal_mode", [], |row| row.get(0))?;
    // One part is the whole table, in the state that it has when it is read: ends would leave out what is added before.
    let divisible = scan.is_divisible() && wanted.get() > 1;
    let edges = if divisible { edges(&connection, scan)? } else { None };
    let ranges: Vec<Option<(String, i64, i64)>> = match edges {
        None => vec![None],
        Some((name, first, last)) => {
            let count =
                i128::try_from(wanted.get()).unwrap_or(1).min(i128::from(last) - i128::from(first) + 1);
            let edge = |number: i128| {
                let place = i128::from(first) + (i128::from(last) - i128::from(first) + 1) * number / count;
                i64::try_from(place).map_err(|_| Error::invalid("the table has row ids beyond 64 bits"))
            };
            (0..count)
                .map(|number| {
                    let last = if number + 1 == count { last } else { edge(number + 1)? - 1 };
                    Ok(Some((name.clone(), edge(number)?, last)))
                })
                .collect::<Result<_>>()?
        }
    };
    let parts: Vec<Value> = ranges
        .into_iter()
        .map(|range| {
            serde_json::to_value(Part { schema_version, range })
                .map_err(|error| Error::invalid(error.to_string()))
        })
        .collect::<Result<_>>()?;
    let holds = !journal.eq_ignore_ascii_case("wal");
    let one_snapshot = holds || parts.len() == 1;
    // A view may ask what time it is.
    let repeatable = holds && !is_view(&connection, &scan.table.table)?;
    let hold = holds.then(|| Box::new(Mutex::new(connection)) as _);
    Ok(Parts { parts, one_snapshot, repeatable, hold })
}

fn is_view(connection: &Connection, name: &str) -> Result<bool> {
    let of_that_name =
        "select count(*) from pragma_table_list where schema = 'main' and name = ?1 and type = 'view'";
    Ok(connection.query_row(of_that_name, [name], |row| row.get::<_, i64>(0))? > 0)
}

/// What the row id of the table goes by, with the first and the last one. `None` for what has none: views, tables
/// `without rowid`, tables without rows.
fn edges(connection: &Connection, scan: &Scan) -> Result<Option<(String, i64, i64)>> {
    let mut columns = connection.prepare("select lower(name) from pragma_table_xinfo(?1)")?;
    let taken: Vec<String> =
        columns.query_map([&scan.table.table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let is_table = connection
        .query_row(
            "select type from pragma_table_list where schema = 'main' and name = ?1 and not wr",
            [&scan.table.table],
            |row| row.get::<_, String>(0),
        )
        .is_ok_and(|kind| kind == "table");
    let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken.iter().any(|taken| taken == name));
    let (true, Some(name)) = (is_table, free) else { return Ok(None) };
    let table = quoted(&scan.table.table);
    // Two questions, since one for both would read the whole table.
    let edges = format!("select (select min({name}) from {table}), (select max({name}) from {table})");
    let (first, last): (Option<i64>, Option<i64>) =
        connection.query_row(&edges, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last).map(|(first, last)| (name.to_owned(), first, last)))
}

/// Reads a part.
pub(super) fn read_part(path: PathBuf, scan: &Scan, part: &Value) -> Result<RecordBatchStream> {
    let part: Part = serde_json::from_value(part.clone())
        .map_err(|error| Error::invalid(format!("this is no part of a SQLite table: {error}")))?;
    let conditions = match &part.range {
        None => Vec::new(),
        Some((name, first, last)) => {
            if !["rowid", "_rowid_", "oid"].contains(&name.as_str()) {
                return Err(Error::invalid("this is no part of a SQLite table"));
            }
            vec![format!("{name} between {first} and {last}")]
        }
    };
    let version = part.schema_version;
    read::table_if(path, scan, &conditions, move |connection| {
        let now: i64 = connection.query_row("pragma schema_version", [], |row| row.get(0))?;
        if now == version {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Query, "the tables of the file have changed since the parts were made")
            .with_hint("plan again"))
    })
}
