//! Statements over several connections and destinations, run by the command itself.

use serde_json::{Value, json};

use crate::support::{Sandbox, text};

/// A second database beside the demo's: what some users have paid.
fn crm(sandbox: &Sandbox) -> String {
    let database = sandbox.folder().join("crm.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute_batch(
            "create table contacts (user_id integer, owner text);
             insert into contacts values (1, 'Ada'), (3, 'Grace'), (2000, 'Alan')",
        )
        .unwrap();
    let file = sandbox.folder().join("crm.json");
    let destination =
        json!({ "destinationType": "sqlite", "configuration": { "destination_path": database } });
    std::fs::write(&file, destination.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The table of the demo's users, as its database has it.
fn users(sandbox: &Sandbox, connection: &str) -> Value {
    let tables = sandbox.json(&["dataset", "list", connection]);
    tables.as_array().unwrap().iter().find(|one| one["stream"] == "users").unwrap().clone()
}

#[test]
fn a_statement_joins_a_connection_and_a_destination() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let crm = format!("crm={}", crm(&sandbox));
    let table = users(&sandbox, &connection);
    let shop = format!("shop={connection}");
    let sql = format!(
        "select u.id, c.owner from shop.main.\"{}\" u join crm.main.contacts c on c.user_id = u.id order by u.id",
        text(&table, "table")
    );
    let query = ["dataset", "query", "--catalog", &shop, "--catalog", &crm, &sql];
    let expected = json!([{ "id": 1, "owner": "Ada" }, { "id": 3, "owner": "Grace" }]);
    assert_eq!(sandbox.json(&query), expected);
    // The connection by its name, tables of the first catalog without it.
    let short = sql.replace("shop.main.", "");
    assert_eq!(
        sandbox.json(&["dataset", "query", "--catalog", "shop=Faker to SQLite", "--catalog", &crm, &short]),
        expected
    );
    let shown = sandbox.run(&query).exits(0);
    assert!(shown.stdout.contains("Grace"), "{}", shown.stdout);
    assert!(shown.stderr.contains("run here, over shop, crm"), "{}", shown.stderr);
    let file = sandbox.folder().join("out.csv");
    let written = sandbox.json(&[query.as_slice(), &["-o", "out.csv"]].concat());
    assert_eq!(written["rows"], 2);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "id,owner\n1,Ada\n3,Grace\n");
}

#[test]
fn one_connection_is_asked_here_on_request() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let table = users(&sandbox, &connection);
    let sql = format!("select count(*) as n from \"{}\"", text(&table, "table"));
    for engine in ["warehouse", "local"] {
        let rows = sandbox.json(&["dataset", "query", &connection, &sql, "--engine", engine]);
        assert_eq!(rows, json!([{ "n": 1_000 }]), "{engine}");
    }
    let file = sandbox.destination_file();
    let rows = sandbox.json(&["dataset", "query", "--destination", &file, &sql, "--engine", "local"]);
    assert_eq!(rows, json!([{ "n": 1_000 }]));
    // The database keeps records as JSON; here their fields are columns.
    let few = format!("{sql} where id <= 10");
    assert_eq!(
        sandbox.json(&["dataset", "query", &connection, &few, "--engine", "local"]),
        json!([{ "n": 10 }])
    );
    // What there is can be asked, too.
    let tables = "select table_name from information_schema.tables where table_catalog = 'airbyte'
        and table_schema = 'main' order by 1";
    let names = sandbox.json(&["dataset", "query", &connection, tables, "--engine", "local"]);
    assert!(names.to_string().contains(text(&table, "table")), "{names}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let crm = crm(&sandbox);
    let catalog = format!("crm={crm}");
    for (arguments, code, word) in [
        (vec!["--catalog", &catalog, "select 1", "--engine", "warehouse"], 2, "--catalog"),
        (vec!["--catalog", &catalog, "--catalog", &catalog, "select 1"], 2, "two catalogs"),
        (vec!["--catalog", &catalog, &connection, "select 1"], 2, "no connection to name"),
        (vec!["--catalog", "crm", "select 1"], 2, "NAME="),
        (vec!["--catalog", "crm=missing.json", "select 1"], 1, "missing.json"),
        (vec!["--catalog", "shop=No such connection", "select 1"], 4, "No such connection"),
        (vec!["--catalog", &catalog, "select owner from contacts where"], 2, ""),
        (vec!["--catalog", &catalog, "select nothing from contacts"], 2, "nothing"),
        (vec!["--catalog", &catalog, "insert into contacts values (9, 'x')"], 2, ""),
        (vec!["--catalog", &catalog, "create table t as select 1"], 2, ""),
        (vec!["--catalog", &catalog, "copy contacts to 'out.csv'"], 2, ""),
        (vec!["--catalog", &catalog, "create external table t stored as csv location '/etc/passwd'"], 2, ""),
        (vec!["--catalog", &catalog, "set datafusion.execution.batch_size = 1"], 2, ""),
        (vec!["--catalog", &catalog, "select 1; select 2"], 2, ""),
    ] {
        let ended = sandbox.script(&[&["dataset", "query"], arguments.as_slice()].concat());
        let ended = ended.exits(code);
        let message = ended.error()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(word), "{arguments:?}: {message}");
    }
    assert!(!sandbox.folder().join("out.csv").exists());
    let rows =
        sandbox.json(&["dataset", "query", "--catalog", &catalog, "select count(*) as n from contacts"]);
    assert_eq!(rows, json!([{ "n": 3 }]));
}

/// A destination of this file, whose tables these statements make.
fn file(sandbox: &Sandbox, statements: &str) -> String {
    let database = sandbox.folder().join("other.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch(statements).unwrap();
    let file = sandbox.folder().join("other.json");
    let destination =
        json!({ "destinationType": "sqlite", "configuration": { "destination_path": database } });
    std::fs::write(&file, destination.to_string()).unwrap();
    format!("other={}", file.to_str().unwrap())
}

/// What the database does while the statement is planned takes time as well.
#[test]
fn a_statement_that_takes_too_long_is_given_up_wherever_it_is() {
    let sandbox = Sandbox::demo();
    let catalog = file(
        &sandbox,
        "create view endless as with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
    );
    for sql in
        ["select count(*) from endless", "select max(i) from endless", "select i from endless where i = 'x'"]
    {
        let error = sandbox
            .script(&["dataset", "query", "--catalog", &catalog, sql, "--timeout", "300ms"])
            .exits(5)
            .error();
        assert_eq!(text(&error, "kind"), "timeout", "{error}");
        assert!(text(&error, "message").contains("300ms"), "{error}");
    }
}

#[test]
fn rows_of_an_unfinished_refresh_are_told_also_where_they_are_only_counted() {
    let sandbox = Sandbox::demo();
    let catalog = file(
        &sandbox,
        "create table users (id integer, _airbyte_generation_id integer); insert into users values (1, 3), (2, 4)",
    );
    for sql in ["select id from users", "select count(*) from users"] {
        let told = sandbox.run(&["dataset", "query", "--catalog", &catalog, sql]).exits(0).stderr;
        assert!(told.contains("the refreshes 3 to 4"), "{sql}: {told}");
    }
}
