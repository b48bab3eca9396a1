//! The typed tables of the PostgreSQL connector, in a real server.

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};
use url::Url;

use crate::support::{Api, FAST, id};

/// A schema of its own in the test server, and a sandbox.
pub(crate) struct Server {
    pub(crate) api: Api,
    pub(crate) client: Client,
    url: Url,
    pub(crate) schema: String,
}

/// The server that `cargo xtask test` starts; `None` only where it is skipped on purpose.
fn server_url() -> Option<Url> {
    if std::env::var_os("AIRBYTE_TEST_SKIP_POSTGRES").is_some_and(|skip| skip == "1") {
        return None;
    }
    let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").expect(
        "AIRBYTE_TEST_POSTGRES_URL is not set: run `cargo xtask test`, or set AIRBYTE_TEST_SKIP_POSTGRES=1",
    );
    Some(url.parse().expect("the address of the test server"))
}

impl Server {
    pub(crate) async fn new() -> Option<Self> {
        let url = server_url()?;
        let (client, connection) =
            tokio_postgres::connect(url.as_str(), NoTls).await.expect("the test server");
        tokio::spawn(connection);
        let schema = format!("s{}", uuid::Uuid::new_v4().simple());
        let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
        Some(Self { api, client, url, schema })
    }

    pub(crate) fn configuration(&self) -> Value {
        json!({
            "destinationType": "postgres", "host": self.url.host_str().unwrap(), "port": self.url.port().unwrap_or(5432),
            "database": self.url.path().trim_start_matches('/'), "schema": self.schema, "username": self.url.username(),
            "password": self.url.password().unwrap_or_default(),
        })
    }

    /// A connection of a faker source with these streams.
    async fn connection(&self, count: i64, streams: Value) -> String {
        let source = self.api.source(json!({"sourceType": "faker", "count": count, "seed": 3})).await;
        let destination = self.api.destination(self.configuration()).await;
        self.api.connect(&source, &destination, streams).await
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("select count(*) from {}.\"{table}\"", self.schema);
        self.client.query_one(&query, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn tables(&self) -> Vec<String> {
        let query =
            "select table_name::text from information_schema.tables where table_schema = $1 order by 1";
        self.client.query(query, &[&self.schema]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub(crate) async fn columns(&self, table: &str) -> Vec<(String, String, bool)> {
        let query =
            "select column_name::text, data_type::text, is_nullable = 'YES' from information_schema.columns
                     where table_schema = $1 and table_name = $2 order by ordinal_position";
        let rows = self.client.query(query, &[&self.schema, &table]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }
}

#[tokio::test]
async fn columns_are_typed_and_meta_columns_come_first() {
    let Some(server) = Server::new().await else { return };
    let connection = server.connection(25, json!([{"name": "users"}, {"name": "products"}])).await;
    let job = server.api.sync(&connection).await;
    let columns = server.columns("users").await;
    let expect = |name: &str, kind: &str, nullable: bool| (name.to_owned(), kind.to_owned(), nullable);
    assert_eq!(
        columns[..4],
        [
            expect("_airbyte_raw_id", "character varying", false),
            expect("_airbyte_extracted_at", "timestamp with time zone", false),
            expect("_airbyte_meta", "jsonb", false),
            expect("_airbyte_generation_id", "bigint", false),
        ]
    );
    for wanted in [
        ("id", "bigint"),
        ("created_at", "timestamp with time zone"),
        ("name", "character varying"),
        ("address", "jsonb"),
    ] {
        assert!(columns.contains(&expect(wanted.0, wanted.1, true)), "{wanted:?} in {columns:?}");
    }
    assert!(server.columns("products").await.contains(&expect("price", "numeric", true)));
    let query =
        format!("select distinct _airbyte_generation_id, _airbyte_meta::text from {}.users", server.schema);
    let rows = server.client.query(&query, &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, i64>(0), 1, "the first generation");
    let meta: Value = serde_json::from_str(rows[0].get(1)).unwrap();
    assert_eq!(meta, json!({"sync_id": job["jobId"], "changes": []}));
    assert_eq!(server.count("users").await, 25);
}

#[tokio::test]
async fn a_refresh_keeps_or_removes_the_rows_of_earlier_generations() {
    let Some(server) = Server::new().await else { return };
    let connection = server.connection(5, json!([{"name": "users", "syncMode": "incremental_append"}])).await;
    server.api.sync(&connection).await;
    for (mode, rows) in [("Merge", [(0, 5), (1, 5)].as_slice()), ("Truncate", &[(2, 5)])] {
        let body = json!({"connectionId": connection, "refreshMode": mode});
        let started = server.api.config("/connections/refresh", &body).await.expect(200);
        let job = server.api.finished(started["job"]["id"].as_i64().unwrap()).await;
        assert_eq!((&job["status"], &job["rowsSynced"]), (&json!("succeeded"), &json!(5)), "{mode}");
        let query = format!(
            "select _airbyte_generation_id, count(*) from {}.users group by 1 order by 1",
            server.schema
        );
        let found = server.client.query(&query, &[]).await.unwrap();
        let found: Vec<(i64, i64)> = found.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found, rows, "{mode}");
    }
}

#[tokio::test]
async fn an_overwrite_swaps_in_a_new_generation() {
    let Some(server) = Server::new().await else { return };
    let connection =
        server.connection(10, json!([{"name": "users", "syncMode": "full_refresh_overwrite"}])).await;
    for generation in 1..=3_i64 {
        server.api.sync(&connection).await;
        let query = format!(
            "select min(_airbyte_generation_id), max(_airbyte_generation_id) from {}.users",
            server.schema
        );
        let row = server.client.query_one(&query, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (generation, generation));
        assert_eq!(server.count("users").await, 10);
        assert_eq!(server.tables().await, ["users"], "no temporary table is left");
    }
    let query =
        "select count(*) from pg_indexes where schemaname = $1 and indexname = 'idx_extracted_at_users'";
    let indexes: i64 = server.client.query_one(query, &[&server.schema]).await.unwrap().get(0);
    assert_eq!(indexes, 1);
}

#[tokio::test]
async fn append_adds_and_dedup_keeps_one_row_a_key() {
    let Some(server) = Server::new().await else { return };
    let streams = json!([
        {"name": "products", "syncMode": "full_refresh_append"},
        {"name": "users", "syncMode": "incremental_deduped_history"},
    ]);
    let connection = server.connection(30, streams).await;
    server.api.sync(&connection).await;
    server.api.sync(&connection).await;
    assert_eq!((server.count("products").await, server.count("users").await), (200, 30));

    // Changed rows arrive again: all of them, as the state is gone, and each replaces its older self.
    let reset = json!({"connectionId": connection, "jobType": "reset"});
    let before: Vec<String> = server.raw_ids().await;
    let reset = server.api.post("/jobs", &reset).await.expect(200);
    let reset = server.api.finished(reset["jobId"].as_i64().unwrap()).await;
    assert_eq!(reset["status"], "succeeded");
    assert_eq!((server.count("products").await, server.count("users").await), (0, 0));
    server.api.sync(&connection).await;
    assert_eq!(server.count("users").await, 30);
    assert!(server.raw_ids().await.iter().all(|id| !before.contains(id)), "the newer rows won");
    assert_eq!(server.tables().await, ["products", "users"]);
}

#[tokio::test]
async fn a_deduplicated_stream_has_a_name_as_long_as_its_schemas() {
    let Some(server) = Server::new().await else { return };
    let source = server.api.source(json!({"sourceType": "faker", "count": 4})).await;
    let destination = server.api.destination(server.configuration()).await;
    let body = json!({
        "sourceId": source, "destinationId": destination, "prefix": "sixteen_and_more_",
        "configurations": {"streams": [{"name": "users", "syncMode": "incremental_deduped_history"}]},
    });
    let connection = id(&server.api.post("/connections", &body).await.expect(200), "connectionId");
    for rows in [4, 0] {
        assert_eq!(server.api.sync(&connection).await["rowsSynced"], rows);
        assert_eq!(server.tables().await, ["sixteen_and_more_users"]);
        assert_eq!(server.count("sixteen_and_more_users").await, 4);
    }
}

impl Server {
    async fn raw_ids(&self) -> Vec<String> {
        let query = format!("select _airbyte_raw_id from {}.users", self.schema);
        self.client.query(&query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn namespaces_and_prefixes_decide_schema_and_table() {
    let Some(server) = Server::new().await else { return };
    let source = server.api.source(json!({"sourceType": "faker", "count": 2})).await;
    let destination = server.api.destination(server.configuration()).await;
    let other = format!("{}_other", server.schema);
    let body = json!({
        "sourceId": source, "destinationId": destination, "prefix": "My ", "namespaceDefinition": "custom_format",
        "namespaceFormat": other, "configurations": {"streams": [{"name": "users"}]},
    });
    let connection = id(&server.api.post("/connections", &body).await.expect(200), "connectionId");
    server.api.sync(&connection).await;
    let query = format!("select count(*) from {other}.\"My_users\"");
    assert_eq!(server.client.query_one(&query, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn awkward_texts_arrive_as_they_are() {
    let Some(server) = Server::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let texts = ["\\N", "tab\there", "line\nbreak", "back\\slash", "quote\"s", "ünï", "", "\\.", "\r"];
    let lines: Vec<String> = texts.iter().map(|text| json!({"t": text, "n": 1.10}).to_string()).collect();
    std::fs::write(folder.path().join("data.jsonl"), lines.join("\n")).unwrap();
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST).files_root(folder.path())).await;
    let configuration = json!({
        "sourceType": "file", "dataset_name": "texts", "format": "jsonl", "url": "data.jsonl",
        "provider": {"storage": "local"},
    });
    let source = api.source(configuration).await;
    let destination = api.destination(server.configuration()).await;
    let connection = api.connect(&source, &destination, json!([{"name": "texts"}])).await;
    api.sync(&connection).await;
    let query = format!("select t from {}.texts", server.schema);
    let mut arrived: Vec<String> =
        server.client.query(&query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let mut expected = texts.map(str::to_owned).to_vec();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_fails_the_check_and_the_job() {
    let Some(server) = Server::new().await else { return };
    let mut configuration = server.configuration();
    configuration["database"] = json!("no_such_database");
    let source = server.api.source(json!({"sourceType": "faker", "count": 2})).await;
    let destination = server.api.destination(configuration).await;
    let connection = server.api.connect(&source, &destination, json!([{"name": "users"}])).await;
    let failures = server.api.failing_sync(&connection).await;
    assert_eq!(failures[0]["failureType"], "config_error");
    assert!(failures[0].to_string().contains("no_such_database"), "{failures:?}");
}

#[tokio::test]
async fn the_demo_has_the_server_where_one_is_given() {
    let Some(server) = Server::new().await else { return };
    let api =
        Api::of(Sandbox::builder().seed(Seed::Demo).time_scale(FAST).postgres(server.url.as_str())).await;
    let list = api.get("/connections").await.expect(200);
    let connection =
        list["data"].as_array().unwrap().iter().find(|item| item["name"] == "Faker to PostgreSQL").unwrap();
    assert_eq!(connection["status"], "active");
    let destination =
        api.get(&format!("/destinations/{}", id(connection, "destinationId"))).await.expect(200);
    assert_eq!(destination["name"], "PostgreSQL");
    assert_eq!(destination["destinationType"], "postgres");
}

#[tokio::test]
async fn only_a_put_takes_a_mask_for_the_stored_secret() {
    let Some(server) = Server::new().await else { return };
    let api = &server.api;
    let destination = api.destination(server.configuration()).await;
    let (path, key) = (format!("/destinations/{destination}"), json!({"destinationId": destination}));
    let check =
        async || api.config("/destinations/check_connection", &key).await.expect(200)["status"].clone();
    assert_eq!(check().await, "succeeded");
    let mut masked = server.configuration();
    masked["password"] = json!("**********");
    api.put(&path, &json!({"name": "Masked", "configuration": masked})).await.expect(200);
    assert_eq!(check().await, "succeeded");
    // The trap: here the asterisks become the password.
    api.patch(&path, &json!({"configuration": {"password": "**********"}})).await.expect(200);
    assert_eq!(check().await, "failed");
}
