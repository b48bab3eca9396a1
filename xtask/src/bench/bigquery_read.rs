//! One stream of a BigQuery destination read to its end, beside Google's client alone, both from an emulator.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::json;

use super::program;
use super::run::{Contender, in_turn};
use crate::parts::bigquery::Emulator;

/// Rows of the tables that are read.
const ROWS: [u64; 2] = [2_000_000, 6_000_000];

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let emulator = Emulator::start()?;
    let folder = tempfile::tempdir()?;
    let destination = folder.path().join("destination.json");
    let configuration = json!({
        "destinationType": "bigquery",
        "configuration": {
            "project_id": "test", "dataset_id": "bench",
            "endpoint": format!("http://{}", emulator.rest()),
            "storage_endpoint": format!("http://{}", emulator.storage())
        }
    });
    std::fs::write(&destination, configuration.to_string())?;
    let mut text = String::from(
        "\n## BigQuery: an emulator's table of 6 columns, up to 4 streams\n\n\
         Both are bounded by the emulator, which is one process on the same machine.\n\n\
         | rows | reader | seconds, min / median / max | rows a second | peak memory, MB |\n\
         |---|---|---|---|---|\n",
    );
    post(&emulator, "datasets", &json!({"datasetReference": {"projectId": "test", "datasetId": "bench"}}))?;
    for rows in ROWS {
        let table = format!("rows_{rows}");
        eprintln!("making a table of {rows} rows");
        fill(&emulator, &table, rows)?;
        let reader = |name: &str, way: &str| {
            let mut command = Command::new(program("bigquery_read"));
            command.arg(way).arg(&destination).arg(&table);
            Contender::new(name, command, Some(format!("{rows} rows")))
        };
        let readers =
            vec![reader("`google-cloud-bigquery` alone", "google"), reader("`Dataset::batches`", "ours")];
        for one in in_turn(readers)? {
            let [least, median, most] = one.seconds();
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = rows as f64 / median;
            let (name, memory) = (&one.name, one.peak_megabytes());
            writeln!(
                text,
                "| {rows} | {name} | {least:.2} / {median:.2} / {most:.2} | {rate:.0} | {memory:.0} |"
            )?;
        }
    }
    Ok(text)
}

fn fill(emulator: &Emulator, table: &str, rows: u64) -> Result<()> {
    let query = format!(
        "create table bench.{table} as
         select n as id, concat('user ', cast(n as string)) as name,
                timestamp_micros(1700000000000000 + n) as created_at, n / 3 as score, mod(n, 2) = 0 as active,
                concat('{{\"city\": \"', cast(mod(n, 1000) as string), '\"}}') as address
         from unnest(generate_array(1, {rows})) as n"
    );
    post(emulator, "queries", &json!({"query": query, "useLegacySql": false}))
}

fn post(emulator: &Emulator, path: &str, body: &serde_json::Value) -> Result<()> {
    let url = format!("http://{}/bigquery/v2/projects/test/{path}", emulator.rest());
    let mut answer = ureq::post(&url).header("content-type", "application/json").send(body.to_string())?;
    let answer: serde_json::Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
    ensure!(answer["errors"].is_null(), "the emulator refused: {}", answer["errors"]);
    Ok(())
}
