//! How cost grows: the same task with ten, a hundred and a thousand times as much to do.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;

use super::postgres_read::{destination, fill};
use super::run::{Contender, Measured, in_turn};
use super::{command, program};
use crate::postgres::Cluster;
use crate::sandbox::Sandbox;
use crate::step;

const ROWS: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const CONNECTIONS: [u64; 4] = [10, 100, 1_000, 10_000];
const JOBS: [u64; 4] = [1, 10, 100, 1_000];

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    Ok(include_str!("growth.md").to_owned() + &rows()? + &connections()? + &jobs()?)
}

fn rows() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start()?;
    let destination = destination(&url::Url::parse(&cluster.url())?, folder.path())?;
    let mut readers = Vec::new();
    for rows in ROWS {
        eprintln!("making a table of {rows} rows");
        fill(&cluster, rows)?;
        let mut reader = Command::new(program("read_parallel"));
        reader.arg(&destination).arg(format!("users_{rows}")).arg("1");
        readers.push(Contender::new("", reader, Some(format!("{rows} rows"))));
    }
    table("Rows: read from PostgreSQL and thrown away", &ROWS, &in_turn(readers)?)
}

fn connections() -> Result<String> {
    let mut sandboxes = Vec::new();
    let mut clients = Vec::new();
    for count in CONNECTIONS {
        let sandbox = Sandbox::start(&command(), &[])?;
        step::run(sandbox.command(&program("bench")).args(["prepare", &count.to_string()]))?;
        let mut client = sandbox.command(&program("bench"));
        client.arg("list");
        clients.push(Contender::new("", client, Some(count.to_string())));
        sandboxes.push(sandbox);
    }
    table("Connections: listed", &CONNECTIONS, &in_turn(clients)?)
}

fn jobs() -> Result<String> {
    let sandbox = Sandbox::start(&command(), &[])?;
    let most = JOBS[JOBS.len() - 1].to_string();
    step::run(sandbox.command(&program("bench")).args(["prepare", &most]))?;
    let clients = JOBS.map(|count| {
        let mut client = sandbox.command(&program("bench"));
        client.args(["watch", &count.to_string()]);
        Contender::new("", client, Some(count.to_string()))
    });
    table("Jobs: started, and awaited by one watcher", &JOBS, &in_turn(clients.into())?)
}

fn table(title: &str, sizes: &[u64], measured: &[Measured]) -> Result<String> {
    let mut text = format!(
        "\n### {title}\n\n\
         | how many | seconds, min / median / max | processor, s | a second | peak memory, MB |\n\
         |---|---|---|---|---|\n"
    );
    for (size, one) in sizes.iter().zip(measured) {
        let [least, median, most] = one.seconds();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = *size as f64 / median;
        writeln!(
            text,
            "| {size} | {least:.3} / {median:.3} / {most:.3} | {:.3} | {rate:.0} | {:.1} |",
            one.cpu_seconds(),
            one.peak_megabytes(),
        )?;
    }
    Ok(text)
}
