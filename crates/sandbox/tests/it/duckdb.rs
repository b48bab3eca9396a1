//! Syncs into a DuckDB file, read back with DuckDB itself.

use std::path::{Path, PathBuf};

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Connection, Database, Driver, Statement};
use adbc_driver_manager::ManagedDriver;
use airbyte_sandbox::{Sandbox, SandboxBuilder, Seed};
use arrow_array::{Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use crate::support::{Api, FAST, id, sqlite_texts};

/// DuckDB's library; `None` where it could not be had, and that was said.
fn library() -> Option<PathBuf> {
    if std::env::var_os("AIRBYTE_TEST_SKIP_DUCKDB").is_some() {
        return None;
    }
    let library = std::env::var_os("AIRBYTE_LIBDUCKDB");
    Some(library.expect("AIRBYTE_LIBDUCKDB is not set: run the tests with `cargo xtask test`").into())
}

/// The rows of one text column.
fn texts(file: &Path, query: &str) -> Vec<String> {
    let driver = ManagedDriver::load_dynamic_from_filename(
        library().unwrap(),
        Some(b"duckdb_adbc_init"),
        AdbcVersion::V110,
    );
    let options = [("path", file.to_str().unwrap()), ("access_mode", "READ_ONLY")];
    let options = options.map(|(name, value)| (OptionDatabase::from(name), OptionValue::from(value)));
    let database = driver.unwrap().new_database_with_opts(options).unwrap();
    let mut connection = database.new_connection().unwrap();
    let mut statement = connection.new_statement().unwrap();
    statement.set_sql_query(query).unwrap();
    let batches: Vec<RecordBatch> = statement.execute().unwrap().map(Result::unwrap).collect();
    let column = |batch: &RecordBatch| -> Vec<String> {
        let texts = batch.column(0).as_any().downcast_ref::<StringArray>().expect("a column of texts");
        texts.iter().map(|text| text.unwrap_or("NULL").to_owned()).collect()
    };
    batches.iter().flat_map(column).collect()
}

fn builder(folder: &Path) -> Option<SandboxBuilder> {
    let builder = Sandbox::builder().seed(Seed::Empty).data_dir(folder).time_scale(FAST);
    Some(builder.libduckdb(library()?))
}

#[tokio::test]
async fn the_demo_has_a_destination_that_is_ready_to_sync() {
    let folder = tempfile::tempdir().unwrap();
    let Some(builder) = builder(folder.path()) else { return };
    let api = Api::of(builder.seed(Seed::Demo).duckdb(true)).await;
    let list = api.get("/connections").await.expect(200);
    let connections = list["data"].as_array().unwrap();
    let connection =
        |name: &str| id(connections.iter().find(|one| one["name"] == name).unwrap(), "connectionId");
    let job = api.sync(&connection("Faker to DuckDB")).await;
    api.sync(&connection("Faker to SQLite")).await;
    let (duckdb, sqlite) = (folder.path().join("local/demo.duckdb"), folder.path().join("local/demo.sqlite"));
    let mut rows = 0;
    for stream in ["users", "products", "purchases"] {
        let query = |key: &str| format!("select _airbyte_data from _airbyte_raw_{stream} order by {key}");
        let there = texts(&duckdb, &query("rowid"));
        assert_eq!(there, sqlite_texts(&sqlite, &query("rowid")), "{stream}");
        rows += there.len();
    }
    assert_eq!(job["rowsSynced"], rows);
    let columns = texts(
        &duckdb,
        "select column_name || ' ' || data_type from duckdb_columns() where table_name = '_airbyte_raw_users' order by column_index",
    );
    assert_eq!(columns, ["_airbyte_ab_id VARCHAR", "_airbyte_emitted_at TIMESTAMP", "_airbyte_data JSON"]);
}

#[tokio::test]
async fn overwrite_replaces_append_adds_and_a_reset_empties() {
    let folder = tempfile::tempdir().unwrap();
    let Some(builder) = builder(folder.path()) else { return };
    let api = Api::of(builder).await;
    let source = api.source(json!({"sourceType": "faker", "count": 20, "seed": 4})).await;
    let configuration =
        json!({"destinationType": "duckdb", "destination_path": "/local/deep/d.duckdb", "schema": "raw"});
    let destination = api.destination(configuration).await;
    let streams = json!([
        {"name": "users", "syncMode": "full_refresh_overwrite"},
        {"name": "products", "syncMode": "full_refresh_append"},
    ]);
    let body = json!({
        "sourceId": source, "destinationId": destination, "prefix": "a \"b\"; ", "configurations": {"streams": streams},
    });
    let connection = id(&api.post("/connections", &body).await.expect(200), "connectionId");
    let path = folder.path().join("local/deep/d.duckdb");
    let rows = |stream: &str| {
        texts(
            &path,
            &format!("select _airbyte_data from raw.\"_airbyte_raw_a \"\"b\"\"; {stream}\" order by rowid"),
        )
    };
    api.sync(&connection).await;
    let first = rows("users");
    api.sync(&connection).await;
    assert_eq!(rows("users"), first, "the same rows in the same order");
    assert_eq!((first.len(), rows("products").len()), (20, 200));
    let user: Value = serde_json::from_str(&first[0]).unwrap();
    assert_eq!(user["id"], 1);
    let reset = api.post("/jobs", &json!({"connectionId": connection, "jobType": "reset"})).await.expect(200);
    assert_eq!(api.finished(reset["jobId"].as_i64().unwrap()).await["status"], "succeeded");
    assert_eq!((rows("users").len(), rows("products").len()), (0, 0));
}

#[tokio::test]
async fn two_syncs_into_one_file_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(builder) = builder(folder.path()) else { return };
    let api = Api::of(builder).await;
    let destination =
        api.destination(json!({"destinationType": "duckdb", "destination_path": "/local/d.duckdb"})).await;
    let mut jobs = Vec::new();
    for n in 0..4 {
        let source = api.source(json!({"sourceType": "faker", "count": 3_000, "seed": n})).await;
        let body = json!({
            "sourceId": source, "destinationId": destination, "prefix": format!("p{n}_"),
            "configurations": {"streams": [{"name": "users", "syncMode": "full_refresh_overwrite"}]},
        });
        let connection = id(&api.post("/connections", &body).await.expect(200), "connectionId");
        let job =
            api.post("/jobs", &json!({"connectionId": connection, "jobType": "sync"})).await.expect(200);
        jobs.push(job["jobId"].as_i64().unwrap());
    }
    for job in jobs {
        assert_eq!(api.finished(job).await["status"], "succeeded");
    }
    for n in 0..4 {
        let count = format!("select count(*)::varchar from _airbyte_raw_p{n}_users");
        assert_eq!(texts(&folder.path().join("local/d.duckdb"), &count), ["3000"]);
    }
}

#[tokio::test]
async fn a_check_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST);
    let api = Api::of(builder.libduckdb("/nowhere/libduckdb.so")).await;
    let check = async |configuration: Value| {
        let destination = api.destination(configuration).await;
        api.config("/destinations/check_connection", &json!({"destinationId": destination})).await.expect(200)
    };
    let missing = check(json!({"destinationType": "duckdb", "destination_path": "/local/d"})).await;
    assert_eq!(missing["status"], "failed");
    assert!(missing["message"].as_str().unwrap().contains("/nowhere/libduckdb.so"), "{missing}");
    let cloud =
        check(json!({"destinationType": "duckdb", "destination_path": "md:d", "motherduck_api_key": "k"}))
            .await;
    assert!(cloud["message"].as_str().unwrap().contains("MotherDuck"), "{cloud}");
    let schema = check(json!({"destinationType": "duckdb", "destination_path": "d", "schema": "a\"b"})).await;
    assert!(schema["message"].as_str().unwrap().contains("letters"), "{schema}");
}

#[tokio::test]
async fn a_file_that_is_no_database_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let Some(builder) = builder(folder.path()) else { return };
    let api = Api::of(builder).await;
    std::fs::write(folder.path().join("local/d.duckdb"), "no database ".repeat(1000)).unwrap();
    let destination =
        api.destination(json!({"destinationType": "duckdb", "destination_path": "/local/d.duckdb"})).await;
    let check = api
        .config("/destinations/check_connection", &json!({"destinationId": destination}))
        .await
        .expect(200);
    assert_eq!(check["status"], "failed");
    assert!(check["message"].as_str().unwrap().contains("not a valid DuckDB"), "{check}");
}

#[tokio::test]
async fn a_file_that_vanishes_in_mid_sync_fails_the_attempt_and_the_next_one_moves_all() {
    let folder = tempfile::tempdir().unwrap();
    let Some(builder) = builder(folder.path()) else { return };
    let api = Api::of(builder).await;
    let source = api.source(json!({"sourceType": "faker", "count": 60_000})).await;
    let destination =
        api.destination(json!({"destinationType": "duckdb", "destination_path": "d.duckdb"})).await;
    let streams = json!([{"name": "users", "syncMode": "full_refresh_overwrite"}]);
    let connection = api.connect(&source, &destination, streams).await;
    let file = folder.path().join("local/d.duckdb");
    api.sync_whose_file_vanishes(&connection, &file, &file.with_extension("duckdb.wal")).await;
    assert_eq!(texts(&file, "select count(*)::varchar from _airbyte_raw_users"), ["60000"]);
}
