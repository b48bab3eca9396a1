//! One table of a SQLite file, read and thrown away.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::postgres_read::{rates, script};
use super::program;
use super::run::{Contender, growth_of_memory, in_turn};
use crate::step;

/// Rows of the tables that are read: beside the first the second tells whether memory grows.
const SIZES: [u64; 2] = [1_000_000, 5_000_000];

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let python = std::path::absolute(crate::python::environment("adbc-reading")?)?;
    let mut text = "\n## SQLite: a table of 11 columns, thrown away\n\n\
                    What limits ours: two fifths of its processor time is SQLite's own, stepping through rows and handing out \
                    their columns (`perf`).\n"
        .to_owned();
    let mut measured = Vec::new();
    for rows in SIZES {
        let one = in_turn(contenders(&python, folder.path(), rows)?)?;
        write!(text, "\n### {rows} rows\n\n{}", rates(&one, rows)?)?;
        measured.push(one);
    }
    Ok(text + &growth_of_memory(&measured[0], &measured[1], SIZES))
}

fn contenders(python: &Path, folder: &Path, rows: u64) -> Result<Vec<Contender>> {
    let file = folder.join(format!("{rows}.db"));
    eprintln!("making a table of {rows} rows");
    step::run(script(python, "with_adbc_sqlite.py")?.arg(&file).args(["make", &rows.to_string()]))?;
    let destination = folder.join(format!("{rows}.json"));
    let configuration = json!({"destinationType": "sqlite", "configuration": {"destination_path": file}});
    std::fs::write(&destination, configuration.to_string())?;
    let ours = |parts: &str| {
        let mut command = Command::new(program("read_parallel"));
        command.arg(&destination).args(["users", parts]);
        command
    };
    let mut theirs = script(python, "with_adbc_sqlite.py")?;
    theirs.arg(&file).arg("read");
    Ok(vec![
        Contender::peer("adbc-driver-sqlite 1.13.0", theirs, Some(rows.to_string())),
        Contender::new("one part", ours("1"), Some(format!("{rows} rows"))),
        Contender::new("2 parts", ours("2"), Some(format!("{rows} rows"))),
    ])
}
