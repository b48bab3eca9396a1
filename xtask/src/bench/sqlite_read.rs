//! One table of a SQLite file, read and thrown away.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::postgres_read::{contender, rates, script};
use super::program;
use super::run::in_turn;
use crate::step;

/// Rows of the table.
const ROWS: u64 = 1_000_000;

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let rows = ROWS;
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let python = std::path::absolute(crate::python::environment("adbc-reading")?)?;
    let file: PathBuf = folder.join("users.db");
    step::run(script(&python, "with_adbc_sqlite.py")?.arg(&file).args(["make", &rows.to_string()]))?;
    let destination = folder.join("sqlite.json");
    let configuration = json!({"destinationType": "sqlite", "configuration": {"destination_path": file}});
    std::fs::write(&destination, configuration.to_string())?;
    let mut ours = Command::new(program("read_parallel"));
    ours.arg(&destination).args(["users", "1"]);
    let mut parts = Command::new(program("read_parallel"));
    parts.arg(&destination).args(["users", "2"]);
    let mut theirs = script(&python, "with_adbc_sqlite.py")?;
    theirs.arg(&file).arg("read");
    let measured = in_turn(vec![
        contender("adbc-driver-sqlite 1.13.0", theirs, Some(rows.to_string())),
        contender("one part", ours, Some(format!("{rows} rows"))),
        contender("2 parts", parts, Some(format!("{rows} rows"))),
    ])?;
    Ok(format!("\n## SQLite: {rows} rows x 11 columns, thrown away\n\n{}", rates(&measured, rows)?))
}
