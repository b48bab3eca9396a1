//! `cargo xtask bench`: measures the release build beside its peers, in turn, and rewrites BENCHMARKS.md.

mod bigquery_read;
mod clients;
mod command;
mod duckdb_read;
mod load;
mod postgres_read;
mod run;
mod snowflake_read;
mod sqlite_read;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step::{self, cargo, target, workspace_root};

/// A part of the measurements.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Part {
    /// The client beside those for Python
    Clients,
    /// Starting the command
    Command,
    /// Reading a DuckDB file
    #[value(name = "duckdb")]
    DuckDb,
    /// The sandbox under load
    Load,
    /// Reading a PostgreSQL destination
    Postgres,
    /// Reading a SQLite file
    #[value(name = "sqlite")]
    SQLite,
    /// Reading a Snowflake destination
    Snowflake,
    /// Reading a BigQuery destination
    #[value(name = "bigquery")]
    BigQuery,
}

/// Measures everything and rewrites BENCHMARKS.md, or measures one part and prints it.
pub fn bench(part: Option<Part>) -> Result<()> {
    // Those parts measure the library, and build it with what they need.
    if !matches!(part, Some(Part::BigQuery | Part::DuckDb | Part::Postgres | Part::Snowflake | Part::SQLite))
    {
        build()?;
    }
    // What is started here has to be ended here, so Ctrl-C ends the command that runs, and then this.
    ctrlc::set_handler(|| {})?;
    match part {
        Some(Part::Clients) => print!("{}", clients::measure()?),
        Some(Part::Command) => print!("{}", command::measure()?),
        Some(Part::DuckDb) => print!("{}", duckdb_read::measure()?),
        Some(Part::Load) => print!("{}", load::measure()?),
        Some(Part::Postgres) => print!("{}", postgres_read::measure()?),
        Some(Part::SQLite) => print!("{}", sqlite_read::measure()?),
        Some(Part::Snowflake) => print!("{}", snowflake_read::measure()?),
        Some(Part::BigQuery) => print!("{}", bigquery_read::measure()?),
        None => {
            let sections = clients::measure()?
                + &command::measure()?
                + &postgres_read::measure()?
                + &sqlite_read::measure()?
                + &duckdb_read::measure()?
                + &snowflake_read::measure()?
                + &bigquery_read::measure()?
                + &load::measure()?;
            let page = format!("{}\n{}{sections}", include_str!("head.md").trim_end(), machine()?);
            std::fs::write(workspace_root().join("BENCHMARKS.md"), page)?;
            eprintln!("BENCHMARKS.md is rewritten");
        }
    }
    Ok(())
}

fn build() -> Result<()> {
    step::run(&mut cargo(&["build", "--release", "--locked", "--package", "airbyte-cli"]))?;
    for (package, example) in [("airbyte-cloud", "bench"), ("airbyte-sandbox", "load")] {
        step::run(&mut cargo(&[
            "build",
            "--release",
            "--locked",
            "--package",
            package,
            "--example",
            example,
        ]))?;
    }
    Ok(())
}

/// A program of the release build.
fn release(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// What the figures were measured on.
fn machine() -> Result<String> {
    let first_line = |program: &str, argument: &str| -> Result<String> {
        let output = Command::new(program).arg(argument).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    };
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()))
        .unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "\nMeasured on {}: {processor}, {cores} cores; {}; {}; {}.\n",
        first_line("date", "+%Y-%m-%d")?,
        first_line("psql", "--version")?,
        first_line("python3", "--version")?,
        first_line("rustc", "--version")?,
    ))
}
