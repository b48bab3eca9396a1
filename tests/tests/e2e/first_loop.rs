//! Start a sandbox, sync, read the rows back.

use std::collections::BTreeSet;

use airbyte_tests::{Sandbox, postgres_url};
use serde_json::{Value, json};

use crate::rows;

#[test]
fn a_sync_into_the_embedded_database_can_be_read_back() {
    let sandbox = Sandbox::start(&["--seed", "demo"]).unwrap();
    let connection = sandbox.connection("Faker to SQLite");

    let synced = sandbox.json(&["connection", "sync", &connection, "--wait"]);
    assert_eq!(synced["status"], "succeeded");
    assert_eq!(synced["job_type"], "sync");
    assert_eq!(synced["attached"], false);
    let job = sandbox.json(&["job", "get", &synced["job_id"].to_string()]);
    assert_eq!(job["records_synced"], synced["records_synced"]);

    let datasets = sandbox.json(&["dataset", "list", &connection]);
    let streams: BTreeSet<_> =
        datasets.as_array().unwrap().iter().map(|dataset| dataset["stream"].as_str().unwrap()).collect();
    assert_eq!(streams, BTreeSet::from(["products", "purchases", "users"]));
    assert!(datasets.as_array().unwrap().iter().all(|dataset| dataset["exists"] == true), "{datasets}");

    let mut read = 0;
    for stream in streams {
        let file = sandbox.folder().join(format!("{stream}.parquet"));
        let exported =
            sandbox.json(&["dataset", "export", &connection, stream, "-o", &file.to_string_lossy()]);
        let rows = rows::parquet(&file);
        assert_eq!(exported["rows"], rows.len());
        assert_eq!(exported["bytes"], std::fs::metadata(&file).unwrap().len());
        let ids: BTreeSet<_> = rows.iter().map(|row| row["id"].clone().unwrap()).collect();
        assert_eq!(ids.len(), rows.len(), "an id occurs twice in {stream}");
        read += rows.len();
    }
    assert_eq!(synced["records_synced"], read, "as many rows are read as the job says it moved");
}

#[test]
fn both_databases_hold_the_same_rows_after_a_sync_of_the_same_source() {
    let url = postgres_url();
    let sandbox = Sandbox::start(&["--seed", "demo", "--postgres", &url]).unwrap();
    let into = |name: &str, secret: &[(&str, &str)]| {
        let connection = sandbox.connection(name);
        assert_eq!(sandbox.json(&["connection", "sync", &connection, "--wait"])["status"], "succeeded");
        ["users", "products", "purchases"].map(|stream| {
            let file = sandbox.folder().join(format!("{name}-{stream}.jsonl"));
            let exported = sandbox
                .command(&["dataset", "export", &connection, stream, "-o", &file.to_string_lossy()])
                .envs(secret.iter().copied())
                .output()
                .unwrap();
            assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
            let mut rows = rows::json_lines(&file);
            rows.sort_by_key(|row| row["id"].as_i64());
            rows.into_iter().map(comparable).collect::<Vec<_>>()
        })
    };
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap();
    let embedded = into("Faker to SQLite", &[]);
    let server = into("Faker to PostgreSQL", &[("AIRBYTE_SECRET_POSTGRES_PASSWORD", password)]);
    for (embedded, server) in embedded.iter().zip(&server) {
        assert!(!embedded.is_empty());
        assert_eq!(embedded, server);
    }
}

/// A row whose values do not depend on how a database spells them: numbers as numbers, JSON as JSON, instants
/// without trailing zeroes in the fraction.
fn comparable(row: serde_json::Map<String, Value>) -> Value {
    let plain = |value: Value| match value {
        Value::Null => Value::Null,
        Value::Number(number) => json!(number.as_f64().unwrap().to_string()),
        Value::String(text) if text.starts_with(['{', '[']) => serde_json::from_str(&text).unwrap(),
        Value::String(text) => match text.parse::<f64>() {
            Ok(number) => json!(number.to_string()),
            Err(_) => json!(text),
        },
        other => other,
    };
    row.into_iter().map(|(name, value)| (name, plain(value))).collect()
}
