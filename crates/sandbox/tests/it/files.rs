//! The file source: every character survives, and files that are not what they claim fail with a reason.

use std::path::Path;
use std::sync::Arc;

use airbyte_sandbox::{Sandbox, Seed};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use serde_json::{Value, json};

use crate::support::{Api, FAST, sqlite_texts};

struct Files {
    api: Api,
    folder: tempfile::TempDir,
}

impl Files {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("files");
        std::fs::create_dir(&root).unwrap();
        let builder = Sandbox::builder().seed(Seed::Empty).time_scale(FAST);
        let api = Api::of(builder.files_root(root).data_dir(folder.path().join("data"))).await;
        Self { api, folder }
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join("files").join(name), content).unwrap();
    }

    fn write_parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(self.folder.path().join("files").join(name)).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    async fn connection(&self, url: &str, format: &str, options: &str, database: &str) -> String {
        let configuration = json!({
            "sourceType": "file", "dataset_name": "data", "format": format, "url": url, "reader_options": options,
            "provider": {"storage": "local"},
        });
        let source = self.api.source(configuration).await;
        let destination =
            json!({"destinationType": "sqlite", "destination_path": format!("/local/{database}")});
        let destination = self.api.destination(destination).await;
        let body = json!({"sourceId": source, "destinationId": destination});
        crate::support::id(&self.api.post("/connections", &body).await.expect(200), "connectionId")
    }

    fn database(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("data/local").join(name)
    }

    async fn records(&self, url: &str, format: &str, options: &str) -> Vec<Value> {
        let database = format!("{url}.db");
        let connection = self.connection(url, format, options, &database).await;
        self.api.sync(&connection).await;
        let rows = sqlite_texts(
            &self.database(&database),
            "select _airbyte_data from _airbyte_raw_data order by rowid",
        );
        rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
    }
}

#[tokio::test]
async fn every_cell_of_a_csv_file_survives() {
    let files = Files::new().await;
    files.write(
        "cells.csv",
        "code,price,count,flag,free\n007,1.10,1,true,\" 1\"\n+1,2.5,-2,false,\"a \"\"quoted\"\", text\nof two lines\"\nNaN,,,,ü\n"
            .as_bytes(),
    );
    assert_eq!(
        files.records("cells.csv", "csv", "").await,
        [
            json!({"code": "007", "price": "1.10", "count": 1, "flag": true, "free": " 1"}),
            json!({"code": "+1", "price": "2.5", "count": -2, "flag": false, "free": "a \"quoted\", text\nof two lines"}),
            json!({"code": "NaN", "price": "", "count": null, "flag": null, "free": "ü"}),
        ]
    );
}

#[tokio::test]
async fn reader_options_name_the_separator() {
    let files = Files::new().await;
    files.write("semicolons.csv", b"a;b\n1;x,y\n");
    let records = files.records("semicolons.csv", "csv", r#"{"sep": ";"}"#).await;
    assert_eq!(records, [json!({"a": 1, "b": "x,y"})]);
}

#[tokio::test]
async fn json_lines_are_read_under_both_names() {
    let files = Files::new().await;
    files.write("lines.jsonl", b"{\"a\": 1, \"b\": {\"c\": [1.0, null]}}\n{\"a\": 2}\n");
    for format in ["jsonl", "json"] {
        let records = files.records("lines.jsonl", format, "").await;
        assert!(records.len() >= 2);
        let last_two = &records[records.len() - 2..];
        assert_eq!(
            last_two,
            [json!({"a": 1, "b": {"c": [1.0, null]}}), json!({"a": 2, "b": null})],
            "{format}"
        );
    }
}

#[tokio::test]
async fn parquet_is_read() {
    let files = Files::new().await;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("name", Arc::new(StringArray::from(vec![Some("x"), Some("y")]))),
    ];
    files.write_parquet("data.parquet", columns);
    let records = files.records("data.parquet", "parquet", "").await;
    assert_eq!(records, [json!({"id": 1, "name": "x"}), json!({"id": null, "name": "y"})]);
}

#[tokio::test]
async fn a_time_of_parquet_that_no_calendar_has_fails_the_job_and_names_its_column() {
    let files = Files::new().await;
    let columns: Vec<(&str, ArrayRef)> =
        vec![("at", Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MAX])))];
    files.write_parquet("data.parquet", columns);
    let connection = files.connection("data.parquet", "parquet", "", "d.db").await;
    let failures = files.api.failing_sync(&connection).await;
    assert_eq!(
        (&failures[0]["failureOrigin"], &failures[0]["failureType"]),
        (&json!("source"), &json!("config_error"))
    );
    let told = failures[0]["externalMessage"].as_str().unwrap();
    assert!(told.contains("data.parquet") && told.contains("`at`"), "{told}");
}

#[tokio::test]
async fn a_file_that_goes_bad_fails_the_job_and_leaves_the_destination_as_it_was() {
    let files = Files::new().await;
    files.write("data.csv", b"a,b\n1,x\n");
    let connection = files.connection("data.csv", "csv", "", "kept.db").await;
    files.api.sync(&connection).await;
    for (content, told) in [
        (&b"a,b\n1,x\n2\n"[..], "line 3"),
        (b"a,b\n1,x\n2,\xff\n", "line 3"),
        (b"a,a\n1,2\n", "line 1"),
        (b"a,\n1,2\n", "line 1"),
        (b"<!doctype html><html></html>\n", "HTML"),
        (b"PK\x03\x04\0\0\0\0,b\n\0,1\n", "data.csv"),
        (b"", "data.csv"),
    ] {
        files.write("data.csv", content);
        let failures = files.api.failing_sync(&connection).await;
        assert_eq!(failures[0]["failureType"], "config_error", "{failures:?}");
        assert_eq!(failures[0]["failureOrigin"], "source");
        let said = format!("{}{}", failures[0]["externalMessage"], failures[0]["internalMessage"]);
        assert!(said.contains("data.csv") && said.contains(told), "{told}: {said}");
        let rows = sqlite_texts(&files.database("kept.db"), "select _airbyte_data from _airbyte_raw_data");
        assert_eq!(rows.len(), 1, "the rows of the last good sync are whole");
    }
}

#[tokio::test]
async fn nothing_outside_of_the_root_is_read() {
    let files = Files::new().await;
    let outside = files.folder.path().join("secret.csv");
    std::fs::write(&outside, "password\nhunter2\n").unwrap();
    std::os::unix::fs::symlink(&outside, files.folder.path().join("files/link.csv")).unwrap();
    for url in [Path::new("../secret.csv"), Path::new("link.csv"), &outside] {
        let configuration = json!({
            "sourceType": "file", "dataset_name": "data", "format": "csv", "url": url, "provider": {"storage": "local"},
        });
        let source = files.api.source(configuration).await;
        let checked =
            files.api.config("/sources/check_connection", &json!({"sourceId": source})).await.expect(200);
        assert_eq!(checked["status"], "failed", "{url:?}");
        assert!(!checked.to_string().contains("hunter2"));
        let streams = files.api.get(&format!("/streams?sourceId={source}")).await;
        assert!(!streams.status.is_success() && !streams.text.contains("\"password\""), "{streams:?}");
    }
}

#[tokio::test]
async fn the_sandboxs_own_files_are_not_read_though_they_are_below_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let builder = Sandbox::builder().seed(Seed::Empty).time_scale(FAST);
    let api = Api::of(builder.files_root(folder.path()).data_dir(&data)).await;
    for place in ["", "local/", "files/"] {
        std::fs::write(data.join(format!("{place}rows.jsonl")), "{\"a\": 1}\n").unwrap();
    }
    for (url, status) in [
        ("data/rows.jsonl", "failed"),
        ("data/application.json", "failed"),
        ("data/airbyte.db", "failed"),
        ("data/local/rows.jsonl", "succeeded"),
        ("data/files/rows.jsonl", "succeeded"),
    ] {
        let configuration = json!({
            "sourceType": "file", "dataset_name": "data", "format": "jsonl", "url": url, "provider": {"storage": "local"},
        });
        let source = api.source(configuration).await;
        let checked = api.config("/sources/check_connection", &json!({"sourceId": source})).await.expect(200);
        assert_eq!(checked["status"], status, "{url}: {checked}");
        assert!(!checked.to_string().contains(&api.sandbox.ready().client_secret), "{url}");
    }
}

#[tokio::test]
async fn a_connector_that_does_not_run_here_says_so() {
    let files = Files::new().await;
    let source = files.api.source(json!({"sourceType": "faker", "count": 1})).await;
    let body = json!({"destinationType": "snowflake", "host": "h", "role": "r", "warehouse": "w", "database": "d",
        "schema": "s", "username": "u", "credentials": {"auth_type": "Username and Password", "password": "hunter2"}});
    let destination = files.api.destination(body).await;
    let connection = files.api.connect(&source, &destination, json!([{"name": "users"}])).await;
    let failures = files.api.failing_sync(&connection).await;
    let said = failures[0].to_string();
    assert!(said.contains("snowflake") && said.contains("sandbox") && !said.contains("hunter2"), "{said}");
}
