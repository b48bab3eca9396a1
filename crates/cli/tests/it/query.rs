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
