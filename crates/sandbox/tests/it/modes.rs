//! What a sync does to the rows that are there: changes and deletions, raw tables, other columns.

use std::collections::BTreeSet;

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use crate::postgres::Server;
use crate::support::{Api, FAST, sqlite_texts};

/// A faker source of ten users, of which two go and three change before each further sync.
fn captured() -> Value {
    json!({"sourceType": "faker", "count": 10, "seed": 5, "cdc": {"deletes": 2, "updates": 3}})
}

impl Api {
    async fn whole_state(&self, connection: &str) -> Value {
        self.config("/state/get", &json!({"connectionId": connection})).await.expect(200)
    }
}

impl Server {
    /// The server's configuration with something on top.
    fn configured(&self, change: &Value) -> Value {
        let mut configuration = self.configuration();
        for (name, value) in change.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        configuration
    }

    async fn integers(&self, query: &str) -> Vec<i64> {
        let rows = self.client.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn ids(&self, condition: &str) -> Vec<i64> {
        self.integers(&format!("select id from {}.users where {condition} order by id", self.schema)).await
    }
}

#[tokio::test]
async fn changes_are_appended_one_by_one_and_the_state_is_shared() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).time_scale(FAST)).await;
    let source = api.source(captured()).await;
    let streams = api.get(&format!("/streams?sourceId={source}")).await.expect(200);
    assert_eq!(streams[0]["defaultCursorField"], json!(["_ab_cdc_lsn"]));
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "/local/d.db"})).await;
    let streams = json!([
        {"name": "users", "syncMode": "incremental_append"}, {"name": "products", "syncMode": "incremental_append"},
    ]);
    let connection = api.connect(&source, &destination, streams).await;
    assert_eq!(api.sync(&connection).await["rowsSynced"], 110);
    let state = api.whole_state(&connection).await;
    assert_eq!(state["stateType"], "global");
    assert_eq!(state["globalState"]["shared_state"], json!({"round": 0}));
    let names: BTreeSet<&str> = state["globalState"]["streamStates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["streamDescriptor"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["products", "users"]));

    // Two go and three change, of each stream.
    assert_eq!(api.sync(&connection).await["rowsSynced"], 10);
    assert_eq!(api.whole_state(&connection).await["globalState"]["shared_state"], json!({"round": 1}));
    let file = folder.path().join("local/d.db");
    let rows: Vec<Value> = sqlite_texts(&file, "select _airbyte_data from _airbyte_raw_users order by rowid")
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(rows.len(), 15);
    let gone: Vec<_> = rows.iter().filter(|row| row["_ab_cdc_deleted_at"].is_string()).collect();
    assert_eq!(gone.iter().map(|row| &row["id"]).collect::<Vec<_>>(), [1, 2]);
    assert!(gone[0]["email"].is_null(), "the log tells the key alone");
    let positions: Vec<f64> = rows.iter().map(|row| row["_ab_cdc_lsn"].as_f64().unwrap()).collect();
    assert!(positions.is_sorted(), "{positions:?}");

    // A stream whose state is gone is read whole again; the others go on.
    let reset = json!({"connectionId": connection, "streams": [{"streamName": "users"}]});
    let job = api.config("/connections/reset/stream", &reset).await.expect(200);
    api.finished(job["job"]["id"].as_i64().unwrap()).await;
    assert_eq!(api.sync(&connection).await["rowsSynced"], 6 + 5);
}

#[tokio::test]
async fn deletions_reach_the_rows_or_leave_a_mark() {
    for (mode, left, marked) in [
        ("Hard delete", vec![5, 6, 7, 8, 9, 10], vec![]),
        ("Soft delete", (1..=10).collect(), vec![1, 2, 3, 4]),
    ] {
        let Some(server) = Server::new().await else { return };
        let source = server.api.source(captured()).await;
        let destination =
            server.api.destination(server.configured(&json!({"cdc_deletion_mode": mode}))).await;
        let streams = json!([{"name": "users", "syncMode": "incremental_deduped_history"}]);
        let connection = server.api.connect(&source, &destination, streams).await;
        for rows in [10, 5, 5] {
            assert_eq!(server.api.sync(&connection).await["rowsSynced"], rows, "{mode}");
        }
        assert_eq!(server.ids("true").await, left, "{mode}");
        assert_eq!(server.ids("_ab_cdc_deleted_at is not null").await, marked, "{mode}");
        let changed = server.ids("_ab_cdc_deleted_at is null and _ab_cdc_lsn >= 1000000000").await;
        assert_eq!(changed, [5, 6, 7], "{mode}");
        let columns = server.columns("users").await;
        assert!(columns.contains(&("_ab_cdc_lsn".into(), "numeric".into(), true)), "{columns:?}");
        assert_eq!(server.tables().await, ["users"]);
    }
}

#[tokio::test]
async fn an_overwrite_that_deduplicates_holds_what_is_left_alone() {
    let Some(server) = Server::new().await else { return };
    let source = server.api.source(captured()).await;
    let destination = server.api.destination(server.configuration()).await;
    let streams = json!([
        {"name": "users", "syncMode": "full_refresh_overwrite_deduped"},
        {"name": "products", "syncMode": "incremental_deduped_history"},
    ]);
    let connection = server.api.connect(&source, &destination, streams).await;
    for (round, left) in [(0, 10), (1, 8), (2, 6)] {
        server.api.sync(&connection).await;
        assert_eq!(server.ids("true").await.len(), left, "round {round}");
        let query = format!("select distinct _airbyte_generation_id from {}.users", server.schema);
        assert_eq!(server.integers(&query).await, [round + 1]);
    }
}

#[tokio::test]
async fn raw_tables_take_every_row_as_it_comes() {
    let Some(server) = Server::new().await else { return };
    let raw_schema = format!("{}_Raw", server.schema);
    let configuration =
        server.configured(&json!({"disable_type_dedupe": true, "raw_data_schema": raw_schema}));
    let source = server.api.source(captured()).await;
    let destination = server.api.destination(configuration).await;
    let streams = json!([
        {"name": "users", "syncMode": "incremental_deduped_history"}, {"name": "products"},
    ]);
    let connection = server.api.connect(&source, &destination, streams).await;
    server.api.sync(&connection).await;
    server.api.sync(&connection).await;
    let raw_schema = raw_schema.to_lowercase();
    let table = |stream: &str| format!("{raw_schema}.\"{}_raw__stream_{stream}\"", server.schema);
    let query = "select table_name::text from information_schema.tables where table_schema = $1 order by 1";
    let found = server.client.query(query, &[&raw_schema]).await.unwrap();
    let names: Vec<String> = found.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["products", "users"].map(|stream| format!("{}_raw__stream_{stream}", server.schema)));
    assert!(server.tables().await.is_empty(), "there are no other tables");

    let query =
        "select column_name::text from information_schema.columns where table_schema = $1 and table_name = $2
                 order by ordinal_position";
    let columns = server.client.query(query, &[&raw_schema, &names[1]]).await.unwrap();
    assert_eq!(
        columns.iter().map(|row| row.get(0)).collect::<Vec<String>>(),
        [
            "_airbyte_raw_id",
            "_airbyte_extracted_at",
            "_airbyte_meta",
            "_airbyte_generation_id",
            "_airbyte_loaded_at",
            "_airbyte_data"
        ]
    );
    let query = format!("select (_airbyte_data ->> 'id')::bigint from {} order by 1", table("users"));
    assert_eq!(server.integers(&query).await, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10]);
    let query = format!(
        "select count(*) from {} where _airbyte_data -> 'address' ->> 'city' is not null and _airbyte_loaded_at is null",
        table("users")
    );
    assert_eq!(server.integers(&query).await, [13], "two of fifteen are gone");
    // An overwrite swaps here, too.
    let query = format!("select distinct _airbyte_generation_id from {}", table("products"));
    assert_eq!(server.integers(&query).await, [2]);
}

#[tokio::test]
async fn a_table_follows_the_columns_of_its_stream() {
    let Some(server) = Server::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "id,n,gone\n1,10,x\n").unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST).files_root(folder.path())).await;
    let configuration = json!({
        "sourceType": "file", "dataset_name": "people", "format": "csv", "url": "people.csv",
        "provider": {"storage": "local"},
    });
    let source = api.source(configuration).await;
    let destination = api.destination(server.configuration()).await;
    let streams = json!([{"name": "people", "syncMode": "full_refresh_append"}]);
    let connection = api.connect(&source, &destination, streams).await;
    api.sync(&connection).await;
    std::fs::write(&file, "id,n,come\n2,ten,y\n").unwrap();
    api.sync(&connection).await;
    let columns = server.columns("people").await;
    let kinds: BTreeSet<(&str, &str)> =
        columns.iter().skip(4).map(|(name, kind, _)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([("come", "character varying"), ("id", "bigint"), ("n", "character varying")])
    );
    let query = format!("select n || coalesce(come, '-') from {}.people order by id", server.schema);
    let rows = server.client.query(&query, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>(), ["10-", "teny"]);
}

#[tokio::test]
async fn long_names_are_cut_and_columns_that_would_share_a_name_get_two() {
    let Some(server) = Server::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("d.csv"), "A B,a-b,1x\n1,2,3\n").unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST).files_root(folder.path())).await;
    let long = "n".repeat(80);
    let configuration = json!({
        "sourceType": "file", "dataset_name": long, "format": "csv", "url": "d.csv", "provider": {"storage": "local"},
    });
    let source = api.source(configuration).await;
    let destination = api.destination(server.configuration()).await;
    let connection = api.connect(&source, &destination, json!([{"name": long}])).await;
    api.sync(&connection).await;
    let tables = server.tables().await;
    assert!(
        tables.len() == 1 && tables[0].len() <= 63 && tables[0].starts_with(&"n".repeat(54)),
        "{tables:?}"
    );
    let columns: Vec<String> =
        server.columns(&tables[0]).await.into_iter().skip(4).map(|one| one.0).collect();
    assert_eq!(columns, ["A_B", "a_b_1", "_1x"]);
}
