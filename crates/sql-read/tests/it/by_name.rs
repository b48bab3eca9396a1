//! Tables by their own names, and what the database knows about them without a look at their rows.

use airbyte_sql_read::{ErrorKind, Refreshes, TableSize};
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{Schema, destination};

#[tokio::test]
async fn tables_are_listed_and_opened_by_their_names() {
    let schema = Schema::new("by_name").await;
    schema
        .run(
            "create table \"Odd name\" (id int); insert into \"Odd name\" values (1), (2);
             create table users (id int); create view grown as select * from users;
             create table users_airbyte_tmp (id int)",
        )
        .await;
    let warehouse = schema.destination().connect().await.unwrap();
    assert_eq!(warehouse.schema_name(), "by_name");
    assert_eq!(warehouse.tables(None).await.unwrap(), ["Odd name", "grown", "users"]);
    assert_eq!(warehouse.tables(Some("by_name")).await.unwrap().len(), 3);
    assert!(warehouse.tables(Some("nowhere")).await.unwrap().is_empty());

    let odd = warehouse.table(None, "Odd name").await.unwrap();
    assert_eq!(odd.count().await.unwrap(), 2);
    assert_eq!(odd.schema_name(), "by_name");
    assert_eq!(warehouse.table(Some("by_name"), "grown").await.unwrap().count().await.unwrap(), 0);
    let missing = warehouse.table(None, "odd name").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::StreamNotFound);
    assert!(missing.to_string().contains("by_name.odd name"), "{missing}");
}

#[tokio::test]
async fn a_file_has_tables_without_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("create table users (id int, age int)").unwrap();
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    assert_eq!(warehouse.schema_name(), "");
    assert_eq!(warehouse.tables(None).await.unwrap(), ["users"]);
    let users = warehouse.table(None, "users").await.unwrap();
    let renamed = users.columns(["age", "id"]).unwrap().rename("age", "years").unwrap();
    assert_eq!(renamed.column_names(), ["age", "id"]);
    assert_eq!(renamed.schema().field(0).name(), "years");
    assert!(!renamed.is_limited() && renamed.limit(1).is_limited());
}

#[tokio::test]
async fn postgres_estimates_how_large_a_table_is() {
    let schema = Schema::new("by_name_size").await;
    schema.run("create table users with (autovacuum_enabled = false) as select i as id from generate_series(1, 10000) as i").await;
    let users = schema.dataset("users").await;
    let before = users.table_size().await.unwrap();
    assert_eq!(before.rows, None, "nobody has analyzed it");
    assert!(before.bytes.unwrap() >= 10_000 * 28, "{before:?}");
    schema.run("analyze users").await;
    assert_eq!(users.table_size().await.unwrap().rows, Some(10_000));
    schema.run("create view of_users as select * from users").await;
    assert_eq!(schema.dataset("of_users").await.table_size().await.unwrap(), TableSize::default());
}

#[tokio::test]
async fn parts_can_tell_of_their_refreshes_together() {
    let schema = Schema::new("by_name_refreshes").await;
    schema
        .run(
            "create table users (id int, _airbyte_generation_id bigint);
             insert into users select i, case when i < 5000 then 1 else 2 end from generate_series(1, 10000) as i",
        )
        .await;
    let users = schema.dataset("users").await;
    let splits = users.splits(2).await.unwrap();
    assert_eq!(splits.splits().len(), 2);
    let warehouse = schema.destination().connect().await.unwrap();
    let (together, mut alone) = (Refreshes::default(), Vec::new());
    for split in splits.splits() {
        let batches = warehouse.read_split_of(split, &together).await.unwrap();
        batches.try_collect::<Vec<_>>().await.unwrap();
        let batches = warehouse.read_split(split).await.unwrap();
        let refreshes = batches.refreshes();
        batches.try_collect::<Vec<_>>().await.unwrap();
        alone.push(refreshes.generations());
    }
    assert_eq!(together.generations(), Some(1..=2));
    assert!(alone.iter().any(|generations| *generations != Some(1..=2)), "{alone:?}");
}
