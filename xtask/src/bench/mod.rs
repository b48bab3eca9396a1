//! `cargo xtask bench`: measures the release build beside its peers, in turn, and rewrites BENCHMARKS.md.

mod bigquery_read;
mod clients;
mod command;
mod duckdb_read;
mod growth;
mod load;
mod postgres_read;
mod run;
mod snowflake_read;
mod sqlite_read;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step::{self, cargo, target, workspace_root};

/// The examples that are measured, or that answer them.
const PROGRAMS: [&str; 7] =
    ["bench", "bigquery_read", "drain", "load", "pg_to_arrow", "read_parallel", "snowflake_double"];
const READERS: &str = "airbyte-sql-read/bigquery,airbyte-sql-read/duckdb,airbyte-sql-read/snowflake";

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
    /// What ten, a hundred and a thousand times as much costs
    Growth,
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
    build(part)?;
    // What is started here has to be ended here, so Ctrl-C ends the command that runs, and then this.
    ctrlc::set_handler(|| {})?;
    match part {
        Some(Part::Clients) => print!("{}", clients::measure()?),
        Some(Part::Command) => print!("{}", command::measure()?),
        Some(Part::DuckDb) => print!("{}", duckdb_read::measure()?),
        Some(Part::Growth) => print!("{}", growth::measure()?),
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
                + &growth::measure()?
                + &load::measure()?;
            let page = format!("{}\n{}{sections}", include_str!("head.md").trim_end(), machine()?);
            std::fs::write(workspace_root().join("BENCHMARKS.md"), page)?;
            eprintln!("BENCHMARKS.md is rewritten");
        }
    }
    Ok(())
}

/// Builds what is measured: the command as it is handed out, and programs on the libraries as their users build theirs.
fn build(part: Option<Part>) -> Result<()> {
    let reads =
        matches!(part, Some(Part::BigQuery | Part::DuckDb | Part::Postgres | Part::Snowflake | Part::SQLite));
    if !reads {
        step::run(&mut cargo(&["build", "--release", "--locked", "--package", "airbyte-cli"]))?;
    }
    let mut programs = cargo(&["build", "--profile", "library", "--locked", "--features", READERS]);
    for package in ["airbyte-cloud", "airbyte-sandbox", "airbyte-sql-read"] {
        programs.args(["--package", package]);
    }
    for example in PROGRAMS {
        programs.args(["--example", example]);
    }
    step::run(&mut programs)
}

/// The command of the release build.
fn command() -> PathBuf {
    target().join("release/airbyte")
}

/// A program on the libraries.
fn program(name: &str) -> PathBuf {
    target().join("library/examples").join(name)
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
