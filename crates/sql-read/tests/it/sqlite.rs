//! SQLite files, as the connector writes them and as others do.

use std::path::PathBuf;

use airbyte_sql_read::{Dataset, ErrorKind, Filter, InexactNumbers, Order, StreamSpec};
use arrow_schema::DataType;
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{destination, shown};

struct File {
    path: PathBuf,
    connection: Connection,
    _folder: TempDir,
}

impl File {
    fn new(statements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(statements).unwrap();
        Self { path, connection, _folder: folder }
    }

    /// The connector's raw table with these records.
    fn raw(records: &[&str]) -> Self {
        let file = Self::new(
            "create table _airbyte_raw_users (_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text)",
        );
        for (n, record) in records.iter().enumerate() {
            let row = (format!("id-{n}"), "2026-01-01T00:00:00Z", record);
            file.connection.execute("insert into _airbyte_raw_users values (?, ?, ?)", row).unwrap();
        }
        file
    }

    async fn dataset(&self, stream: &StreamSpec) -> Dataset {
        let configuration = json!({"destination_path": self.path});
        destination("sqlite", &configuration).connect().await.unwrap().dataset(stream).await.unwrap()
    }
}

fn users() -> StreamSpec {
    StreamSpec::new("users").json_schema(json!({"type": "object", "properties": {
        "id": {"type": ["null", "integer"]},
        "name": {"type": "string"},
        "score": {"type": "number"},
        "at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
        "extra": {"type": "object"}
    }}))
}

#[tokio::test]
async fn records_become_typed_columns_when_the_schema_is_known() {
    let file = File::raw(&[
        r#"{"id": 9007199254740993, "name": "", "score": 0.1, "at": "2026-01-01T02:00:00+02:00", "extra": {"b": 1.10, "a": []}}"#,
        r#"{"id": null, "score": 3}"#,
    ]);
    let batch = file
        .dataset(&users())
        .await
        .order_by("_airbyte_ab_id", Order::Ascending)
        .unwrap()
        .head(9)
        .await
        .unwrap();
    assert_eq!(shown(&batch, "id"), ["9007199254740993", "NULL"]);
    assert_eq!(shown(&batch, "name"), ["", "NULL"]);
    assert_eq!(shown(&batch, "score"), ["0.1", "3.0"]);
    assert_eq!(shown(&batch, "at"), ["2026-01-01T00:00:00Z", "NULL"]);
    assert_eq!(shown(&batch, "_airbyte_ab_id"), ["id-0", "id-1"]);
    let extra: serde_json::Value = serde_json::from_str(&shown(&batch, "extra")[0]).unwrap();
    assert_eq!(extra, json!({"b": 1.10, "a": []}));
}

#[tokio::test]
async fn records_stay_json_when_it_is_not() {
    let file = File::raw(&[r#"{"id":1, "b":  2}"#]);
    let batch = file.dataset(&StreamSpec::new("users")).await.head(9).await.unwrap();
    assert_eq!(shown(&batch, "_airbyte_data"), [r#"{"id":1, "b":  2}"#]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_names_its_record_and_field() {
    for record in [
        r#"{"id": "seven"}"#,
        r#"{"id": 1.5}"#,
        r#"{"id": 9223372036854775808}"#,
        r#"{"name": 5}"#,
        r#"{"score": 0.12345678901234567890123}"#,
        r#"{"score": 9007199254740993}"#,
        r#"{"score": 1e-400}"#,
        r#"{"at": "yesterday"}"#,
        r#"{"at": "2026-01-01T00:00:00.123456789Z"}"#,
    ] {
        let file = File::raw(&["{}", record]);
        let error = file.dataset(&users()).await.head(9).await.expect_err(record);
        assert_eq!(error.kind(), ErrorKind::Value, "{record}: {error}");
        assert!(error.to_string().contains("id-1"), "{record}: {error}");
    }
}

#[tokio::test]
async fn numbers_beyond_a_double_are_rounded_on_request() {
    let file = File::raw(&[r#"{"score": 0.12345678901234567890123}"#]);
    let dataset = file.dataset(&users()).await.inexact_numbers(InexactNumbers::Round);
    assert_eq!(shown(&dataset.head(9).await.unwrap(), "score"), ["0.12345678901234568"]);
}

#[tokio::test]
async fn fields_of_the_record_filter_and_order() {
    let file = File::raw(&[r#"{"id": 10, "name": "b"}"#, r#"{"id": 9, "name": "a'"}"#, r#"{"id": null}"#]);
    let all = file.dataset(&users()).await;
    let found = all.clone().filter(Filter::equal("name", "a'")).unwrap();
    assert_eq!(found.count().await.unwrap(), 1);
    assert_eq!(shown(&found.head(9).await.unwrap(), "id"), ["9"]);
    let ordered =
        all.clone().filter(Filter::is_not_null("id")).unwrap().order_by("id", Order::Ascending).unwrap();
    assert_eq!(shown(&ordered.head(9).await.unwrap(), "id"), ["9", "10"]);
    let error = all.filter(Filter::equal("nothing", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.hint().unwrap().contains("score"), "{:?}", error.hint());
}

#[tokio::test]
async fn instants_are_compared_as_they_are_read() {
    let file = File::raw(&[
        r#"{"id": 0, "at": "2026-01-01T00:00:00.123456Z"}"#,
        r#"{"id": 1, "at": "2026-01-01T02:00:00.123457+0200"}"#,
        r#"{"id": 2, "at": "2026-01-01 01:00:00.123458+01"}"#,
        r#"{"id": 3, "at": "+10000-01-01T00:00:00Z"}"#,
        r#"{"id": 4}"#,
    ]);
    let dataset = file.dataset(&users()).await;
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let at = instant("2026-01-01T00:00:00.123457Z");
    // Between the second and the third.
    let between = instant("2026-01-01T00:00:00.123457500Z");
    for (filter, ids) in [
        (Filter::less("at", at), &["0"][..]),
        (Filter::at_most("at", at), &["0", "1"]),
        (Filter::equal("at", at), &["1"]),
        (Filter::not_equal("at", at), &["0", "2"]),
        (Filter::greater("at", at), &["2"]),
        (Filter::at_least("at", at), &["1", "2"]),
        (Filter::less("at", between), &["0", "1"]),
        (Filter::at_most("at", between), &["0", "1"]),
        (Filter::equal("at", between), &[]),
        (Filter::not_equal("at", between), &["0", "1", "2"]),
        (Filter::greater("at", between), &["2"]),
        (Filter::at_least("at", between), &["2"]),
    ] {
        // Without the year that Arrow has and the reader does not know.
        let filter = filter.and(Filter::not_equal("id", 3));
        let chosen = dataset.clone().filter(filter.clone()).unwrap();
        let chosen = chosen.order_by("id", Order::Ascending).unwrap().head(9).await.unwrap();
        assert_eq!(shown(&chosen, "id"), ids, "{filter:?}");
    }
    // What is kept beside the record is a text, and no instant.
    let stored = Filter::at_least("_airbyte_emitted_at", at);
    let outcome = match dataset.filter(stored) {
        Ok(chosen) => chosen.head(9).await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn plain_tables_go_by_their_declared_types() {
    let file = File::new(
        "create table users (n integer, r real, t varchar(9), b blob, d decimal);
         insert into users values (9223372036854775807, 2, '', x'00ff', '1.10'), (null, null, null, null, null)",
    );
    let batch = file.dataset(&StreamSpec::new("users")).await.head(9).await.unwrap();
    let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Binary, DataType::Utf8]);
    assert_eq!(shown(&batch, "n"), ["9223372036854775807", "NULL"]);
    assert_eq!(shown(&batch, "r"), ["2.0", "NULL"]);
    assert_eq!(shown(&batch, "t"), ["", "NULL"]);
    assert_eq!(shown(&batch, "b"), ["00ff", "NULL"]);
}

#[tokio::test]
async fn a_cell_of_another_type_is_refused_and_comes_as_text() {
    let file = File::new("create table users (n integer); insert into users values (1), ('many')");
    let dataset = file.dataset(&StreamSpec::new("users")).await;
    let error = dataset.head(9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.to_string().contains("`n`"), "{error}");
    assert_eq!(shown(&dataset.text_columns(["n"]).unwrap().head(9).await.unwrap(), "n"), ["1", "many"]);
}

#[tokio::test]
async fn a_missing_file_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    assert!(!warehouse.locate(&StreamSpec::new("users")).await.unwrap().exists);
    let error = warehouse.dataset(&StreamSpec::new("users")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.hint().unwrap().contains("AIRBYTE_LOCAL_ROOT"), "{error:?}");
    assert!(!path.exists());
    std::fs::write(&path, "this is no database, however long its text may be made to look like one").unwrap();
    let error = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}
