//! Which rows of a stream, in which order, through the command: the same of both databases.

use airbyte_tests::{Sandbox, postgres_url};
use serde_json::{Value, json};

/// Rows of the source; before the second sync the first `GONE` are deleted, and the `CHANGED` behind them change.
const ROWS: i64 = 50;
const GONE: i64 = 3;
const CHANGED: i64 = 5;

#[test]
fn rows_are_picked_ordered_and_counted_in_the_embedded_database() {
    let sandbox = Sandbox::start(&["--seed", "demo", "--time-scale", "0.05"]).unwrap();
    picked(&sandbox, "Embedded SQLite", &[]);
}

#[test]
fn rows_are_picked_ordered_and_counted_in_postgresql() {
    let url = postgres_url();
    let sandbox = Sandbox::start(&["--seed", "demo", "--time-scale", "0.05", "--postgres", &url]).unwrap();
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap().to_owned();
    picked(&sandbox, "PostgreSQL", &[("AIRBYTE_SECRET_POSTGRES_PASSWORD", password)]);
}

fn picked(sandbox: &Sandbox, destination: &str, environment: &[(&str, String)]) {
    let source = json!({
        "name": "Changing", "workspaceId": sandbox.ready("workspace_id"),
        "configuration": {
            "sourceType": "faker", "count": ROWS, "seed": 1, "cdc": { "deletes": GONE, "updates": CHANGED },
        },
    });
    sandbox.create("sources", &source);
    // The history of each row is kept: that is what the newest ones are picked from.
    sandbox.json(&[
        "connection",
        "create",
        "Changes",
        "--source=Changing",
        &format!("--destination={destination}"),
        "--stream=users=incremental_append",
        "--prefix=picked_",
    ]);
    for _ in 0..2 {
        assert_eq!(sandbox.json(&["connection", "sync", "Changes", "--wait"])["status"], "succeeded");
    }
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(&["dataset"]);
        command.args(arguments).args(["--output", "json"]);
        command.envs(environment.iter().map(|(name, value)| (name, value))).output().unwrap()
    };
    let read = |arguments: &[&str]| -> Value {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let count = |which: &[&str]| {
        let arguments: Vec<&str> =
            ["count", "Changes", "users"].into_iter().chain(which.iter().copied()).collect();
        read(&arguments)["rows"].as_i64().unwrap()
    };
    assert_eq!(count(&[]), ROWS + GONE + CHANGED);
    assert_eq!(count(&["--without-deleted"]), ROWS + CHANGED);
    assert_eq!(count(&["--latest"]), ROWS);
    assert_eq!(count(&["--latest", "--without-deleted"]), ROWS - GONE);
    // Conditions look at the newest rows, and meet.
    assert_eq!(count(&["--latest", "--where", "id <= 10"]), 10);
    assert_eq!(count(&["--latest", "--without-deleted", "--where", "id <= 10"]), 10 - GONE);
    assert_eq!(count(&["--where", "id > 10", "--where", "id <= 12"]), 2);
    assert_eq!(count(&["--where", "_ab_cdc_deleted_at is not null"]), GONE);
    assert_eq!(count(&["--where", "id = 1", "--where", "_ab_cdc_deleted_at is null"]), 1);

    let ids = |which: &[&str]| -> Vec<i64> {
        let head = ["head", "Changes", "users", "--columns", "id"];
        let arguments: Vec<&str> = head.into_iter().chain(which.iter().copied()).collect();
        let rows = read(&arguments);
        rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    let newest = ["--latest", "--without-deleted"];
    let with = |more: &[&'static str]| [newest.as_slice(), more].concat();
    assert_eq!(ids(&with(&["--order-by", "id", "-n", "3"])), [4, 5, 6]);
    assert_eq!(ids(&with(&["--order-by", "id:desc", "-n", "3"])), [50, 49, 48]);
    assert_eq!(ids(&with(&["--order-by", "id:desc", "--where", "id < 6"])), [5, 4]);
    // Of equal ones the second column decides: what changed comes before what did not.
    let both = ["--where", "id = 4", "--order-by", "id,_ab_cdc_lsn:desc", "--columns", "id,_ab_cdc_lsn"];
    let both = read(&[["head", "Changes", "users"].as_slice(), &both].concat());
    let positions: Vec<f64> = both
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["_ab_cdc_lsn"].to_string().trim_matches('"').parse().unwrap())
        .collect();
    assert!(positions.len() == 2 && positions[0] > positions[1], "{both}");

    let file = sandbox.folder().join("picked.csv");
    let exported = read(
        &[
            ["export", "Changes", "users", "--no-meta", "--order-by", "id", "-o", file.to_str().unwrap()]
                .as_slice(),
            &newest,
        ]
        .concat(),
    );
    assert_eq!(exported["rows"], ROWS - GONE);
    let csv = std::fs::read_to_string(&file).unwrap();
    assert_eq!(csv.lines().nth(1).unwrap().split(',').next().unwrap(), "4", "{csv}");

    let tables = read(&["list", "Changes"]);
    let place = |name: &str| tables[0][name].as_str().unwrap();
    let schema = if place("schema").is_empty() { String::new() } else { format!("\"{}\".", place("schema")) };
    let table = format!("{schema}\"{}\"", place("table"));
    let counted = read(&["query", "Changes", &format!("select count(*) as n from {table}")]);
    assert_eq!(counted, json!([{ "n": ROWS + GONE + CHANGED }]));
    let refused = run(&["query", "Changes", &format!("delete from {table}")]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(count(&[]), ROWS + GONE + CHANGED);
    let slip = run(&["count", "Changes", "users", "--where", "nothing = 1"]);
    assert_eq!(slip.status.code(), Some(2), "{}", String::from_utf8_lossy(&slip.stderr));
}
