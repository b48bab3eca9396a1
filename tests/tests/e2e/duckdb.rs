//! The whole loop with DuckDB, in place of SQLite.

use airbyte_tests::Sandbox;

use crate::exact_rows::{destination, round_trip};
use crate::rows;

/// A sandbox with a DuckDB destination; `None` where DuckDB's library could not be had, and that was said.
fn sandbox() -> Option<Sandbox> {
    if std::env::var_os("AIRBYTE_TEST_SKIP_DUCKDB").is_some() {
        return None;
    }
    Some(Sandbox::start(&["--seed", "demo", "--duckdb"]).unwrap())
}

#[test]
fn every_cell_of_a_csv_file_survives_duckdb() {
    let Some(sandbox) = sandbox() else { return };
    round_trip(&sandbox, &destination(&sandbox, "Embedded DuckDB"), "_duckdb", &[]);
}

#[test]
fn the_same_rows_come_out_of_duckdb_as_out_of_sqlite() {
    let Some(sandbox) = sandbox() else { return };
    let exported = ["Faker to SQLite", "Faker to DuckDB"].map(|name| {
        let connection = sandbox.connection(name);
        sandbox.json(&["connection", "sync", &connection, "--wait"]);
        ["users", "products", "purchases"].map(|stream| {
            let file = sandbox.folder().join(format!("{connection}-{stream}.parquet"));
            sandbox.json(&["dataset", "export", &connection, stream, "-o", &file.to_string_lossy()]);
            let mut rows = rows::parquet(&file);
            // Ids and times are each sync's own.
            for row in &mut rows {
                row.retain(|name, _| !name.starts_with("_airbyte_"));
            }
            rows.sort_by_key(|row| row["id"].as_ref().and_then(|id| id.parse::<u64>().ok()));
            rows
        })
    });
    assert!(exported[0].iter().map(Vec::len).sum::<usize>() > 1_000);
    assert_eq!(exported[0], exported[1]);
}
