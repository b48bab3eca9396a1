//! One table of a DuckDB file, read and thrown away, beside DuckDB's own package for Python.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::program;
use super::run::{Contender, in_turn};
use crate::step;
use crate::{parts, python};

/// Rows of the tables that are read: memory must not grow with them.
const ROWS: [u64; 2] = [1_000_000, 5_000_000];

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let library = parts::duckdb::library()?;
    let python = python::environment("duckdb")?;
    let folder = tempfile::tempdir()?;
    let mut text = include_str!("duckdb.md").to_owned();
    text += "| rows | reader | seconds, min / median / max | rows a second | peak memory, MB | time beside the peer |\n\
             |---|---|---|---|---|---|\n";
    for rows in ROWS {
        let file = folder.path().join(format!("{rows}.duckdb"));
        eprintln!("making a table of {rows} rows");
        step::run(script(&python, "make", &file).arg(rows.to_string()))?;
        let destination = folder.path().join(format!("{rows}.json"));
        let configuration =
            serde_json::json!({"destinationType": "duckdb", "configuration": {"destination_path": file}});
        std::fs::write(&destination, configuration.to_string())?;
        let mut ours = Command::new(program("drain"));
        ours.arg(&destination).arg("users").env("AIRBYTE_LIBDUCKDB", &library);
        let prints = Some(rows.to_string());
        let measured = in_turn(vec![
            Contender::peer(
                "`duckdb` for Python, `to_arrow_reader`",
                script(&python, "drain", &file),
                prints.clone(),
            ),
            Contender::new("`airbyte-sql-read`", ours, prints),
        ])?;
        let [_, base, _] = measured[0].seconds();
        for one in &measured {
            let [least, median, most] = one.seconds();
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = rows as f64 / median;
            writeln!(
                text,
                "| {rows} | {} | {least:.2} / {median:.2} / {most:.2} | {rate:.0} | {:.0} | {:.2} |",
                one.name,
                one.peak_megabytes(),
                median / base
            )?;
        }
    }
    Ok(text)
}

fn script(python: &Path, task: &str, file: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", include_str!("duckdb.py"), task]).arg(file);
    command
}
