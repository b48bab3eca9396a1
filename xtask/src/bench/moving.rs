//! A million rows, moved by one sync of the sandbox.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::json;

use super::command;
use super::run::{Contender, high_water_mark, in_turn};
use crate::postgres::Cluster;
use crate::sandbox::Sandbox;
use crate::step;

const ROWS: u64 = 1_000_000;

/// Measures and gives the table of the page. Each sync replaces the rows of the one before.
pub fn table() -> Result<String> {
    let cluster = Cluster::start()?;
    let url = url::Url::parse(&cluster.url())?;
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a folder whose path is text")?;
    let sandbox = Sandbox::start(&command(), &["--data-dir", data])?;
    make(&sandbox, &["source", "create", "Rows", "--type=faker", "-F", &format!("count={ROWS}")])?;
    let destinations = [
        ("nowhere", "dev-null", json!({"test_destination": {"test_destination_type": "SILENT"}})),
        ("SQLite", "sqlite", json!({"destination_path": "/local/moved.db"})),
        (
            "PostgreSQL",
            "postgres",
            json!({
                "host": "127.0.0.1", "port": url.port(), "database": "postgres", "schema": "public",
                "username": "postgres", "password": url.password(), "ssl_mode": {"mode": "disable"}
            }),
        ),
    ];
    let mut syncs = Vec::new();
    for (name, kind, configuration) in destinations {
        let file = folder.path().join("configuration.json");
        std::fs::write(&file, configuration.to_string())?;
        let file = file.to_str().context("a folder whose path is text")?;
        make(&sandbox, &["destination", "create", name, "--type", kind, "--config", file])?;
        let stream = "--stream=users=full_refresh_overwrite";
        let destination = format!("--destination={name}");
        make(&sandbox, &["connection", "create", name, "--source=Rows", &destination, stream])?;
        let mut sync = sandbox.command(&command());
        sync.args(["connection", "sync", name, "--wait", "--output=json", "--fields=records_synced"]);
        syncs.push(Contender::new(name, sync, Some(format!("\"records_synced\": {ROWS}\n}}"))));
    }
    let measured = in_turn(syncs)?;
    let mut text = format!(
        "\n### {ROWS} rows of the source `faker`, moved by one sync\n\n\
         | to | seconds, min / median / max | rows a second |\n|---|---|---|\n"
    );
    for one in measured {
        let [least, median, most] = one.seconds();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = ROWS as f64 / median;
        writeln!(text, "| {} | {least:.1} / {median:.1} / {most:.1} | {rate:.0} |", one.name)?;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", sandbox.id()))?;
    let peak_kilobytes = high_water_mark(&status).context("the kernel tells no peak of memory")?;
    writeln!(text, "\nPeak memory of the sandbox after all of them: {} MB.", peak_kilobytes / 1024)?;
    Ok(text)
}

fn make(sandbox: &Sandbox, arguments: &[&str]) -> Result<()> {
    let mut command = sandbox.command(&command());
    step::run(command.args(arguments).args(["--output=json", "--fields=name"]))
}
