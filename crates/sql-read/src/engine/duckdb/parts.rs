//! A read in parts: ranges of row ids of one state of the file.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dialect::DuckDbDialect;
use super::place::Place;
use crate::engine::Parts;
use crate::engine::adbc::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::scan::{Dialect, Expression, Scan};

/// Rows of a row group: a range that begins and ends with one reads nothing twice.
const ROW_GROUP: i64 = 122_880;
/// What a filter calls the row id. No column can have this name: it holds a NUL.
const ROW_ID: &str = "\0rowid";

/// One part, as it is handed to another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// The row ids, the last one excluded; none for the whole table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<(i64, i64)>,
    /// The state of the file that the ids are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Part {
    pub(super) fn from_json(part: &Value) -> Result<Self> {
        Self::deserialize(part)
            .map_err(|error| Error::invalid(format!("this is no part of a DuckDB read: {error}")))
    }

    /// The scan, of the rows of this part alone.
    pub(super) fn of(&self, mut scan: Scan) -> Scan {
        let Some((from, to)) = self.rows else { return scan };
        let row_id = Expression::Column { name: "rowid".to_owned(), data_type: DataType::Int64 };
        scan.names.push((ROW_ID.to_owned(), row_id));
        let range = Filter::at_least(ROW_ID, from).and(Filter::less(ROW_ID, to));
        scan.filter = Some(match scan.filter.take() {
            None => range,
            Some(filter) => filter.and(range),
        });
        scan
    }
}

/// Cuts a read. The session keeps writers out while this is done.
pub(super) fn plan(session: &mut Session, place: &Place, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
    let state = place.file().map(state).transpose()?;
    let rows = if state.is_some() { rows(session, scan)? } else { None };
    let ranges = rows.filter(|_| scan.is_divisible()).map(|rows| ranges(rows, wanted));
    let parts = match ranges {
        None => vec![Part { rows: None, state }],
        Some(ranges) => {
            ranges.into_iter().map(|rows| Part { rows: Some(rows), state: state.clone() }).collect()
        }
    };
    let parts = parts.iter().map(serde_json::to_value).collect::<Result<_, _>>();
    let parts = parts.map_err(|error| Error::invalid(error.to_string()))?;
    // Each part checks that the file is still in the state that was planned with, so nothing is held. A service has no file,
    // and a view, which has no row ids, may ask what time it is.
    Ok(Parts { parts, one_snapshot: true, repeatable: rows.is_some(), hold: None })
}

/// How many row ids there are; `None` where there are none: in views, and behind a column of that name.
fn rows(session: &mut Session, scan: &Scan) -> Result<Option<i64>> {
    if scan.names.iter().any(|(name, _)| name.eq_ignore_ascii_case("rowid")) {
        return Ok(None);
    }
    match session.number(&format!("select max(rowid) from {}", DuckDbDialect.table(&scan.table))) {
        Ok(last) => Ok(Some(last.map_or(0, |last| last + 1))),
        Err(error) if error.to_string().contains("rowid") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ranges of whole row groups.
fn ranges(rows: i64, wanted: NonZeroUsize) -> Vec<(i64, i64)> {
    let wanted = i64::try_from(wanted.get()).unwrap_or(i64::MAX);
    let groups = ((rows + ROW_GROUP - 1) / ROW_GROUP).max(1);
    let parts = wanted.min(groups);
    let border = |part: i64| if part == parts { i64::MAX } else { groups * part / parts * ROW_GROUP };
    (0..parts).map(|part| (border(part), border(part + 1))).collect()
}

/// Says no if the file is not in the state that the part is of.
pub(super) fn unchanged(place: &Place, planned: Option<&str>) -> Result<()> {
    let now = place.file().map(state).transpose()?;
    if now.as_deref() == planned {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Query, "the DuckDB file has changed since the read was cut into parts")
        .with_hint("cut it anew: parts of two states would not be the table once"))
}

/// The size and time of the file and of its log: every commit changes one of them.
fn state(path: &Path) -> Result<String> {
    let mut log = path.as_os_str().to_owned();
    log.push(".wal");
    let of = |path: PathBuf| -> std::io::Result<String> {
        match std::fs::metadata(path) {
            Ok(found) => {
                let time = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                Ok(format!("{}@{}", found.len(), time.as_nanos()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok("-".to_owned()),
            Err(error) => Err(error),
        }
    };
    let told = || -> std::io::Result<String> { Ok(format!("{} {}", of(path.to_owned())?, of(log.into())?)) };
    told().map_err(|error| {
        Error::new(ErrorKind::Io, format!("{} cannot be looked at", path.display())).with_source(error)
    })
}
