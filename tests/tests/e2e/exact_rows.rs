//! A file of awkward cells goes through a sync and comes back cell by cell, from each database.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use airbyte_tests::{Sandbox, postgres_url};
use serde_json::{Value, json};

use crate::rows;

/// Cells that a careless reader changes: leading zeroes, signs, trailing zeroes, blanks, quotes, line ends,
/// things that look like numbers, dates, booleans or NULL, and text outside ASCII.
const AWKWARD: &[&str] = &[
    "007",
    "1.10",
    "+1",
    " 1",
    "1 ",
    "-0",
    "1e3",
    "0x10",
    "NaN",
    "inf",
    "null",
    "NULL",
    "true",
    "TRUE",
    "2024-02-30",
    "2024-01-01",
    "12:00",
    "a,b",
    "say \"hi\"",
    "two\nlines",
    "tab\there",
    "héllo",
    "日本",
    "🦀",
    "\\N",
    "'",
    "--",
    "99999999999999999999999999999999999999",
    "0.1234567890123456789012345678901234567890",
    "=1+1",
    "{\"a\":1}",
    "[1]",
];

#[test]
fn every_cell_of_a_csv_file_survives_the_embedded_database() {
    let sandbox = Sandbox::start(&["--seed", "demo"]).unwrap();
    let destination = destination(&sandbox, "Embedded SQLite");
    round_trip(&sandbox, &destination, "_sqlite", &[]);
}

#[test]
fn every_cell_of_a_csv_file_survives_postgresql() {
    let url = postgres_url();
    let sandbox = Sandbox::start(&["--seed", "demo", "--postgres", &url]).unwrap();
    let destination = destination(&sandbox, "PostgreSQL");
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap().to_owned();
    round_trip(&sandbox, &destination, "_server", &[("AIRBYTE_SECRET_POSTGRES_PASSWORD", password)]);
}

#[test]
fn every_cell_of_a_csv_file_survives_raw_tables() {
    let url = postgres_url();
    let sandbox = Sandbox::start(&["--seed", "demo", "--postgres", &url]).unwrap();
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap().to_owned();
    let path = format!("destinations/{}", destination(&sandbox, "PostgreSQL"));
    let typed = sandbox.json(&["api", "GET", &path]);
    let mut configuration = typed["configuration"].clone();
    configuration["destinationType"] = json!("postgres");
    configuration["password"] = json!(password);
    configuration["disable_type_dedupe"] = json!(true);
    let raw = sandbox.create(
        "destinations",
        &json!({"name": "Raw", "workspaceId": sandbox.ready("workspace_id"), "configuration": configuration}),
    );
    let destination = raw["destinationId"].as_str().unwrap();
    round_trip(&sandbox, destination, "_raw", &[("AIRBYTE_SECRET_POSTGRES_PASSWORD", password)]);
}

pub(crate) fn destination(sandbox: &Sandbox, name: &str) -> String {
    let destinations = sandbox.json(&["destination", "list"]);
    let found = destinations.as_array().unwrap().iter().find(|destination| destination["name"] == name);
    found.unwrap_or_else(|| panic!("{destinations}"))["destination_id"].as_str().unwrap().to_owned()
}

pub(crate) fn round_trip(sandbox: &Sandbox, destination: &str, suffix: &str, environment: &[(&str, String)]) {
    let stream = format!("cells{suffix}");
    let mut csv = String::from("number,text,whole,amount,Mixed Case\n");
    let mut expected = BTreeMap::new();
    for (number, text) in (0_i64..2_000).zip(AWKWARD.iter().cycle()) {
        let whole = (number - 1_000) * 9_007_199_254_740_993;
        let quoted = text.replace('"', "\"\"");
        writeln!(csv, "{number},\"{quoted}\",{whole},{number}.50,\"{quoted}\"").unwrap();
        expected.insert(
            number.to_string(),
            [(*text).to_owned(), whole.to_string(), format!("{number}.50"), (*text).to_owned()],
        );
    }
    std::fs::write(sandbox.folder().join("cells.csv"), csv).unwrap();

    let workspace = sandbox.ready("workspace_id");
    let source = sandbox.create(
        "sources",
        &json!({
            "name": "Cells",
            "workspaceId": workspace,
            "configuration": {
                "sourceType": "file", "dataset_name": stream, "format": "csv", "url": "cells.csv",
                "provider": {"storage": "local"}
            }
        }),
    );
    let connection = sandbox.create(
        "connections",
        &json!({
            "name": "Cells", "sourceId": source["sourceId"], "destinationId": destination,
            "configurations": {"streams": [{"name": stream, "syncMode": "full_refresh_overwrite"}]}
        }),
    );
    let connection = connection["connectionId"].as_str().unwrap();
    let synced = sandbox.json(&["connection", "sync", connection, "--wait"]);
    assert_eq!(synced["records_synced"], json!(expected.len()));

    let file = sandbox.folder().join("cells.parquet");
    let exported = sandbox
        .command(&[
            "dataset",
            "export",
            connection,
            &stream,
            "--output",
            "json",
            "-o",
            &file.to_string_lossy(),
        ])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let exported: Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert_eq!(exported["rows"], json!(expected.len()));

    let rows = rows::parquet(&file);
    assert_eq!(rows.len(), expected.len());
    // PostgreSQL's connector writes `Mixed Case` as `Mixed_Case`; the embedded one keeps the JSON's own key.
    let mixed = rows[0].keys().find(|name| name.starts_with("Mixed")).unwrap().clone();
    for row in &rows {
        let number = row["number"].clone().unwrap();
        let cells = ["text", "whole", "amount", &mixed]
            .map(|name| row[name].clone().unwrap_or_else(|| "NULL!".into()));
        assert_eq!(&cells, &expected[&number], "row {number}");
    }
}
