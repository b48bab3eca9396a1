//! SQL in the destination.

use crate::support::{Sandbox, text};

#[test]
fn statements_that_read_are_run_and_others_refused() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let destination = sandbox.destination_file();
    let tables = sandbox.json(&["dataset", "list", &connection]);
    let users = tables.as_array().unwrap().iter().find(|one| one["stream"] == "users").unwrap();
    let sql = &format!("select count(*) as n from \"{}\"", text(users, "table"));
    let expected = serde_json::json!([{ "n": 1_000 }]);
    assert_eq!(sandbox.json(&["dataset", "query", &connection, sql]), expected);
    assert_eq!(sandbox.json(&["dataset", "query", "--destination", &destination, sql]), expected);
    let shown = sandbox.run(&["dataset", "query", &connection, sql]).exits(0).stdout;
    assert!(shown.contains("1000"), "{shown}");
    let refused = sandbox
        .script(&["dataset", "query", &connection, &sql.replace("select count(*) as n", "delete")])
        .exits(2)
        .error();
    assert_eq!(refused["kind"], "invalid_input");
    assert_eq!(sandbox.json(&["dataset", "query", &connection, sql]), expected);
    sandbox.script(&["dataset", "query", sql]).exits(2);
    sandbox.script(&["dataset", "query", &connection, "select * from nowhere"]).exits(1);
}

#[test]
fn ten_thousand_rows_are_printed_and_written_whole() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let sql =
        "with recursive n(x) as (select 1 union all select x + 1 from n where x < 10000) select x from n";
    assert_eq!(sandbox.json(&["dataset", "query", &connection, sql]).as_array().unwrap().len(), 10_000);
    assert_eq!(sandbox.json(&["dataset", "query", &connection, sql, "-n", "7"]).as_array().unwrap().len(), 7);
    let lines = sandbox.run(&["dataset", "query", &connection, sql, "--output", "jsonl"]).exits(0).stdout;
    assert_eq!(lines.lines().count(), 10_000);
    let table = sandbox.run(&["dataset", "query", &connection, sql]).exits(0).stdout;
    assert_eq!(table.lines().count(), 10_001);
    let written = sandbox.json(&["dataset", "query", &connection, sql, "-o", "n.csv"]);
    assert_eq!((&written["rows"], written.get("stream")), (&serde_json::json!(10_000), None));
    let csv =
        sandbox.run(&["dataset", "query", &connection, sql, "-o", "-", "--format", "csv"]).exits(0).stdout;
    assert_eq!(csv, std::fs::read_to_string(sandbox.folder().join("n.csv")).unwrap());
}

/// The rows have no end, so whoever collected them first would never print one.
#[test]
fn rows_are_printed_as_they_come() {
    use std::io::{BufRead, BufReader};
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let endless =
        "with recursive n(x) as (select 1 union all select x + 1 from n) select x, x * 2 as y from n";
    for (form, fields, lines) in [
        ("jsonl", "", ["{\"x\":1,\"y\":2}", "{\"x\":2,\"y\":4}", "{\"x\":3,\"y\":6}"]),
        ("jsonl", "y", ["{\"y\":2}", "{\"y\":4}", "{\"y\":6}"]),
        ("json", "", ["[", "  {", "    \"x\": 1,"]),
    ] {
        let mut command = sandbox.command(&["dataset", "query", &connection, endless, "--output", form]);
        if !fields.is_empty() {
            command.args(["--fields", fields]);
        }
        let mut process = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        for line in lines {
            assert_eq!(stdout.next().unwrap().unwrap(), line);
        }
        // A reader that has seen enough ends the command, and that is no failure.
        drop(stdout);
        let ended = process.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.stderr, b"");
    }
    let few = ["dataset", "query", &connection, endless, "--limit", "3", "--fields", "y"];
    assert_eq!(sandbox.json(&few), serde_json::json!([{ "y": 2 }, { "y": 4 }, { "y": 6 }]));
    let none = ["dataset", "query", &connection, "select 1 as x where 1 = 0"];
    assert_eq!(sandbox.json(&none), serde_json::json!([]));
    assert_eq!(sandbox.run(&[none.as_slice(), &["--output", "jsonl"]].concat()).exits(0).stdout, "");
}
