//! `cargo xtask bench`: measures the release build beside its peers, in turn, and rewrites BENCHMARKS.md.

mod bigquery_read;
mod clients;
mod command;
mod duckdb_read;
mod growth;
mod load;
mod moving;
mod postgres_read;
mod run;
mod scale;
mod snowflake_read;
mod sqlite_read;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

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
    /// Questions put to DataFusion, to a cluster and to the database itself
    Scale,
    /// Reading a SQLite file
    #[value(name = "sqlite")]
    SQLite,
    /// Reading a Snowflake destination
    Snowflake,
    /// Reading a BigQuery destination
    #[value(name = "bigquery")]
    BigQuery,
}

/// The parts in the order of the page.
const PAGE: [Part; 10] = [
    Part::Clients,
    Part::Command,
    Part::Postgres,
    Part::SQLite,
    Part::DuckDb,
    Part::Snowflake,
    Part::BigQuery,
    Part::Scale,
    Part::Growth,
    Part::Load,
];

/// Measures everything and rewrites BENCHMARKS.md, unless something of it fails; or measures one part and prints it.
/// With `resume` what a run that was interrupted or has failed had measured by then is not measured again.
pub fn bench(part: Option<Part>, resume: bool) -> Result<()> {
    build(part)?;
    // What is started here has to be ended here, so Ctrl-C ends the command that runs, and then this.
    step::outlive_interrupts()?;
    let Some(part) = part else { return everything(resume) };
    let measured = measure(part);
    step::not_interrupted()?;
    print!("{}", measured?);
    Ok(())
}

fn everything(resume: bool) -> Result<()> {
    let folder = target().join("bench");
    if !resume {
        std::fs::remove_dir_all(&folder).ok();
    }
    std::fs::create_dir_all(&folder)?;
    let mut page = format!("{}\n{}", include_str!("head.md").trim_end(), machine()?);
    let mut failed = Vec::new();
    for part in PAGE {
        let begun = Instant::now();
        let kept = folder.join(format!("{part:?}.md"));
        let measured = std::fs::read_to_string(&kept).or_else(|_| measure(part));
        ensure!(!step::interrupted(), "interrupted; `--resume` goes on from here");
        match measured {
            Ok(section) => {
                std::fs::write(&kept, &section)?;
                page += &section;
            }
            Err(error) => failed.push(format!("{part:?}: {error:#}")),
        }
        eprintln!("-- {part:?} took {} s", begun.elapsed().as_secs());
    }
    ensure!(
        failed.is_empty(),
        "BENCHMARKS.md stays as it was, for not all was measured (`--resume` measures the rest): {}",
        failed.join("; ")
    );
    std::fs::write(workspace_root().join("BENCHMARKS.md"), page)?;
    std::fs::remove_dir_all(&folder)?;
    eprintln!("BENCHMARKS.md is rewritten");
    Ok(())
}

/// The section of the page.
fn measure(part: Part) -> Result<String> {
    match part {
        Part::Clients => clients::measure(),
        Part::Command => command::measure(),
        Part::DuckDb => duckdb_read::measure(),
        Part::Growth => growth::measure(),
        Part::Load => load::measure(),
        Part::Postgres => postgres_read::measure(),
        Part::Scale => scale::measure(),
        Part::SQLite => sqlite_read::measure(),
        Part::Snowflake => snowflake_read::measure(),
        Part::BigQuery => bigquery_read::measure(),
    }
}

/// Builds what is measured: the command as it is handed out, and programs on the libraries as their users build theirs.
fn build(part: Option<Part>) -> Result<()> {
    let reads =
        matches!(part, Some(Part::BigQuery | Part::DuckDb | Part::Postgres | Part::Snowflake | Part::SQLite));
    let scales = matches!(part, Some(Part::Scale));
    if !reads && !scales {
        step::run(&mut cargo(&["build", "--release", "--locked", "--package", "airbyte-cli"]))?;
    }
    if part.is_none() || scales {
        let mut cluster =
            cargo(&["build", "--profile", "library", "--locked", "--package", "airbyte-ballista"]);
        for program in scale::PROGRAMS {
            cluster.args(["--bin", program]);
        }
        step::run(cluster.args(["--example", "tpch"]))?;
    }
    if scales {
        return Ok(());
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
        crate::postgres::version()?,
        first_line("python3", "--version")?,
        first_line("rustc", "--version")?,
    ))
}
