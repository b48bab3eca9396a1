//! One stream of a PostgreSQL destination, beside what else reads it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

use super::program;
use super::run::{Contender, Measured, growth_of_memory, in_turn};
use crate::postgres::Cluster;
use crate::step::{self, workspace_root};

/// Rows of the tables that are read: of the first, time counts; beside it the second tells whether memory grows.
const SIZES: [u64; 2] = [1_000_000, 5_000_000];

/// A table in the shape of the PostgreSQL destination: its four columns, then seven of a stream.
const TABLE: &str = "\
    create table public.users_:rows as
    select gen_random_uuid()::varchar as _airbyte_raw_id,
           timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second' as _airbyte_extracted_at,
           '{\"sync_id\": 1, \"changes\": []}'::jsonb as _airbyte_meta,
           1::bigint as _airbyte_generation_id,
           n::bigint as id,
           ('user ' || n)::varchar as name,
           ('user' || n || '@example.com')::varchar as email,
           (n * 1.000000001)::numeric(38, 9) as balance,
           n % 2 = 0 as active,
           timestamptz '2020-01-01 00:00:00+00' + n * interval '7 minutes' as created_at,
           jsonb_build_object('street', n || ' Main Street', 'city', 'Springfield') as address
    from generate_series(1, :rows) as n";

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let mut text = include_str!("postgres_read.md").to_owned();
    let cluster = Cluster::start()?;
    for rows in SIZES {
        eprintln!("making a table of {rows} rows");
        fill(&cluster, rows)?;
    }
    let url = url::Url::parse(&cluster.url())?;
    let destination = destination(&url, folder.path())?;
    let mut measured = Vec::new();
    for rows in SIZES {
        let peers = if rows == SIZES[0] { peers(&url, rows)? } else { Vec::new() };
        let table = in_turn(
            contenders(&cluster, &destination, folder.path(), rows).into_iter().chain(peers).collect(),
        )?;
        write!(text, "\n### {rows} rows x 11 columns\n\n")?;
        text += &rates(&table, rows)?;
        measured.push(table);
    }
    text += &growth_of_memory(&measured[0], &measured[1], SIZES);
    drop(cluster);
    Ok(text)
}

/// Writes down where the tables are, for the examples.
pub fn destination(url: &url::Url, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("destination.json");
    let configuration = json!({
        "destinationType": "postgres",
        "configuration": {
            "host": "127.0.0.1", "port": url.port(), "database": "postgres", "schema": "public",
            "username": "postgres", "password": url.password(), "ssl_mode": {"mode": "disable"}
        }
    });
    std::fs::write(&file, configuration.to_string())?;
    Ok(file)
}

fn contenders(cluster: &Cluster, destination: &Path, folder: &Path, rows: u64) -> Vec<Contender> {
    let table = format!("users_{rows}");
    let mut psql = cluster.psql();
    psql.args(["-c", &format!("copy (select * from public.{table}) to stdout (format binary)")]);
    let to_file = |file: &str| {
        let mut command = Command::new(program("pg_to_arrow"));
        command.arg(destination).arg(&table).arg(folder.join(file));
        command
    };
    let in_parts = |file: Option<&str>| {
        let mut command = Command::new(program("read_parallel"));
        command.arg(destination).arg(&table).arg("2").args(file.map(|file| folder.join(file)));
        command
    };
    let all = Some(format!("{rows} rows"));
    vec![
        Contender::new("`psql`, binary COPY to /dev/null", psql, None),
        Contender::new("one session, to an Arrow file", to_file("one.arrow"), all.clone()),
        Contender::new("one session, to Parquet (zstd)", to_file("one.parquet"), all.clone()),
        Contender::new("2 parts, to an Arrow file", in_parts(Some("parts.arrow")), all.clone()),
        Contender::new("2 parts, thrown away", in_parts(None), all),
    ]
}

/// Other readers.
fn peers(url: &url::Url, rows: u64) -> Result<Vec<Contender>> {
    let password = url.password().context("the address has a password")?;
    let port = url.port().context("the address has a port")?.to_string();
    let table = format!("users_{rows}");
    let connectorx = std::path::absolute(crate::python::environment("connectorx")?)?;
    let pyairbyte = std::path::absolute(crate::python::environment("pyairbyte")?)?;
    let mut peers = Vec::new();
    for partitions in ["1", "4"] {
        let mut command = script(&connectorx, "with_connectorx.py")?;
        let address = url.as_str().replace("postgres://", "postgresql://");
        command.args([&address, &format!("public.{table}"), partitions]);
        peers.push(Contender::peer(
            format!("connectorx 0.4.6, {partitions} partitions"),
            command,
            Some(rows.to_string()),
        ));
    }
    for (how, name) in [("rows", "iterating"), ("arrow", "`to_arrow`")] {
        let mut command = script(&pyairbyte, "with_pyairbyte_postgres.py")?;
        command.args(["127.0.0.1", &port, "postgres", password, "postgres", "public", &table, how]);
        peers.push(Contender::peer(format!("PyAirbyte 0.71.3, {name}"), command, Some(rows.to_string())));
    }
    Ok(peers)
}

/// A program in Python.
pub fn script(python: &Path, name: &str) -> Result<Command> {
    let mut command = Command::new(python);
    command.arg(std::path::absolute(workspace_root().join("xtask/bench").join(name))?);
    Ok(command)
}

/// A table whose first row is what the others are compared with.
pub fn rates(measured: &[Measured], rows: u64) -> Result<String> {
    let first = &measured[0];
    let mut text = String::from(
        "| program | seconds, min / median / max | processor seconds | rows a second | peak memory, MB | time beside the first |\n\
         |---|---|---|---|---|---|\n",
    );
    for one in measured {
        let [least, median, most] = one.seconds();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = rows as f64 / median;
        writeln!(
            text,
            "| {} | {least:.2} / {median:.2} / {most:.2} | {:.2} | {rate:.0} | {:.0} | {:.2} |",
            one.name,
            one.cpu_seconds(),
            one.peak_megabytes(),
            median / first.seconds()[1]
        )?;
    }
    Ok(text)
}

/// Makes a table of as many rows: `users_ROWS`.
pub fn fill(cluster: &Cluster, rows: u64) -> Result<()> {
    let mut psql = cluster.psql();
    let table = TABLE.replace(":rows", &rows.to_string());
    let vacuum = format!("vacuum analyze public.users_{rows}");
    psql.args(["-c", &table, "-c", &vacuum, "-c", "checkpoint"]);
    step::run(psql.stdout(Stdio::null()))
}
