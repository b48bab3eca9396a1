//! A build that runs no statements itself says how to have one that does.

use crate::support::Sandbox;

#[test]
fn several_catalogs_need_another_build() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    for arguments in [
        vec!["dataset", "query", "--catalog", "shop=Faker to SQLite", "select 1"],
        vec!["dataset", "query", &connection, "select 1", "--engine", "local"],
    ] {
        let error = sandbox.script(&arguments).exits(2).error();
        assert!(error["hint"].as_str().unwrap().contains("--features datafusion"), "{error}");
    }
}
