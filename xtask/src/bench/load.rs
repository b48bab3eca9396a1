//! The sandbox under load: a thousand clients, thousands of connections, a hundred thousand jobs.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::run::high_water_mark;
use super::{command, moving, program};
use crate::sandbox::Sandbox;

const CONNECTIONS: usize = 10_000;
const JOBS: usize = 100_000;
const READS: usize = 50_000;
const WRITES: usize = 20_000;

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let mut text = include_str!("load.md").to_owned();
    let tasks = [
        ("prepare", CONNECTIONS),
        ("read", READS),
        ("write", WRITES),
        ("mixed", READS),
        ("jobs", JOBS),
        ("read", READS),
    ];
    text += &table("In memory", &[], &tasks)?;
    let folder = tempfile::tempdir()?;
    let folder = folder.path().to_str().context("a folder whose path is text")?;
    let title = "With a data folder, every change on the disk before it is acknowledged";
    text += &table(title, &["--data-dir", folder], &tasks)?;
    Ok(text + &moving::table()?)
}

fn table(title: &str, arguments: &[&str], tasks: &[(&str, usize)]) -> Result<String> {
    let sandbox = Sandbox::start(&command(), arguments)?;
    let mut text = format!(
        "\n### {title}\n\n\
         | task | seconds | a second | ms, median / 99th percentile / longest | peak memory so far, MB |\n\
         |---|---|---|---|---|\n"
    );
    for &(task, count) in tasks {
        let measured = run(&sandbox, task, count)?;
        let figure = |name: &str| measured[name].as_f64().unwrap_or_default();
        let what = match task {
            "prepare" => format!("make {count} connections"),
            "read" => format!("look {count} times"),
            "write" => format!("rename connections {count} times"),
            "mixed" => format!("look {count} times while 100 of the clients rename"),
            _ => format!("start {count} syncs of 10 rows and let them end"),
        };
        let status = std::fs::read_to_string(format!("/proc/{}/status", sandbox.id()))?;
        let peak_kilobytes = high_water_mark(&status).context("the kernel tells no peak of memory")?;
        let row = format!(
            "| {what} | {:.1} | {:.0} | {:.0} / {:.0} / {:.0} | {} |",
            figure("seconds"),
            figure("requests") / figure("seconds"),
            figure("median"),
            figure("late"),
            figure("last"),
            peak_kilobytes / 1024
        );
        eprintln!("{row}");
        writeln!(text, "{row}")?;
    }
    Ok(text)
}

/// What the load program found; an error if anything was refused or lost.
fn run(sandbox: &Sandbox, task: &str, count: usize) -> Result<Value> {
    let output = sandbox.command(&program("load")).args([task, &count.to_string()]).output()?;
    ensure!(output.status.success(), "load {task}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
