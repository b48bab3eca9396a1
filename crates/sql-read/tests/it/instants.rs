//! Times in records, of which a text says more than one thing first, and columns that keep more of them than others.

use airbyte_sql_read::{Dataset, Filter, Order, StreamSpec};
#[cfg(feature = "duckdb")]
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use serde_json::json;

#[cfg(feature = "duckdb")]
use crate::duckdb;
use crate::support::{Schema, destination, shown};

/// By their texts the old ones would be the newest.
const RECORDS: [&str; 9] = [
    r#"{"id": 1, "name": "old", "at": "2024-11-03T01:30:00-04:00"}"#,
    r#"{"id": 1, "name": "new", "at": "2024-11-03T01:10:00-05:00"}"#,
    r#"{"id": 2, "name": "new", "at": "2024-11-03T00:00:00.5Z"}"#,
    r#"{"id": 2, "name": "old", "at": "2024-11-03T00:00:00Z"}"#,
    r#"{"id": 2, "name": "older", "at": "2024-02-29 23:59:59+0000"}"#,
    r#"{"id": 2, "name": "none", "at": "2024-02-30T00:00:00Z"}"#,
    r#"{"id": 2, "name": "none", "at": "some day"}"#,
    r#"{"id": 2, "name": "none", "at": 20241231}"#,
    r#"{"id": 2, "name": "none"}"#,
];

/// A statement that puts the records into their table.
fn insert() -> String {
    let rows = RECORDS.iter().enumerate();
    let rows: Vec<_> =
        rows.map(|(n, record)| format!("('id-{n}', '2026-01-01 00:00:00', '{record}')")).collect();
    format!("insert into _airbyte_raw_users values {}", rows.join(", "))
}

fn users() -> StreamSpec {
    StreamSpec::new("users").primary_key(["id"]).cursor("at").json_schema(json!({"properties": {
        "id": {"type": "integer"}, "name": {"type": "string"}, "at": {"type": "string", "format": "date-time"}
    }}))
}

async fn check(users: Dataset) {
    let users = users.columns(["id", "name"]).unwrap();
    // However the column itself is read.
    for users in [users.clone(), users.clone().text_columns(["at"]).unwrap()] {
        let newest = users.deduplicated().unwrap().order_by("id", Order::Ascending).unwrap();
        assert_eq!(shown(&newest.head(9).await.unwrap(), "name"), ["new", "new"]);
    }
    let times = users.filter(Filter::not_equal("name", "none")).unwrap();
    let first = times.order_by("at", Order::Ascending).unwrap().limit(4);
    let first = first.head(9).await.unwrap();
    assert_eq!(shown(&first, "name"), ["older", "old", "new", "old"]);
    assert_eq!(shown(&first, "id"), ["2", "2", "2", "1"]);
}

#[tokio::test]
async fn newest_and_first_records_of_sqlite_are_told_by_the_instants_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "create table _airbyte_raw_users (_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text)",
        )
        .unwrap();
    connection.execute_batch(&insert()).unwrap();
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    check(warehouse.dataset(&users()).await.unwrap()).await;
}

#[tokio::test]
async fn newest_and_first_records_of_postgresql_are_told_by_the_instants_of_their_times() {
    let schema = Schema::new("record_instants").await;
    schema
        .run(
            "create table _airbyte_raw_users (_airbyte_ab_id varchar, _airbyte_emitted_at timestamptz, _airbyte_data jsonb)",
        )
        .await;
    schema.run(&insert()).await;
    check(schema.destination().connect().await.unwrap().dataset(&users()).await.unwrap()).await;
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn newest_and_first_records_of_duckdb_are_told_by_the_instants_of_their_times() {
    let file = duckdb::File::new(&format!(
        "create table _airbyte_raw_users (_airbyte_ab_id text primary key, _airbyte_emitted_at datetime, _airbyte_data json);
         {}",
        insert()
    ));
    let Some(file) = file else { return };
    check(file.dataset(&users()).await).await;
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn nanoseconds_of_duckdb_s_columns_count_in_filters() {
    let file = duckdb::File::new(
        "create table users (n bigint, moment timestamp_ns);
         insert into users values (0, '2024-01-01 00:00:00'), (1, '2024-01-01 00:00:00.000000001'),
                                  (2, '2024-01-01 00:00:00.000001'), (3, null)",
    );
    let Some(file) = file else { return };
    let dataset = file.dataset(&StreamSpec::new("users")).await;
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let (start, fine) = (instant("2024-01-01T00:00:00Z"), instant("2024-01-01T00:00:00.000000001Z"));
    for dataset in [dataset.clone(), dataset.text_columns(["moment"]).unwrap()] {
        for (filter, expected) in [
            (Filter::greater("moment", start), &["1", "2"][..]),
            (Filter::at_most("moment", start), &["0"]),
            (Filter::equal("moment", fine), &["1"]),
            (Filter::not_equal("moment", fine), &["0", "2"]),
            (Filter::less("moment", instant("2024-01-01T00:00:00.000000002Z")), &["0", "1"]),
            (Filter::at_least("moment", fine), &["1", "2"]),
            // Beyond what such a column can hold, and where it ends.
            (Filter::less("moment", instant("9999-12-31T00:00:00Z")), &["0", "1", "2"]),
            (Filter::greater("moment", instant("1600-01-01T00:00:00.000000001Z")), &["0", "1", "2"]),
            (Filter::less("moment", instant("2262-04-11T23:47:16.854775807Z")), &["0", "1", "2"]),
            (Filter::greater("moment", instant("1677-09-21T00:12:43.145224193Z")), &["0", "1", "2"]),
        ] {
            let chosen = dataset.clone().filter(filter.clone()).unwrap();
            let chosen = chosen.order_by("n", Order::Ascending).unwrap().head(9).await;
            let chosen = chosen.unwrap_or_else(|error| panic!("{filter:?}: {error}"));
            assert_eq!(shown(&chosen, "n"), expected, "{filter:?}");
        }
    }
}
