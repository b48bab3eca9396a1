//! Tables without a state that another process could read again.

use std::path::Path;
use std::sync::Arc;

use airbyte_ballista::remote;
use airbyte_datafusion::AirbyteCatalog;
use airbyte_sql_read::Destination;
use datafusion::error::Result;
use datafusion::prelude::SessionConfig;
use rusqlite::Connection;
use serde_json::json;

/// Plans a query of a file with this journal; nothing of it is sent to the cluster, which there is not.
async fn planned(journal: &str, query: &str, unchanging: bool) -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    let writer = Connection::open(&path).unwrap();
    let table = "create table users (id integer primary key, name text); insert into users values (1, 'Ada')";
    writer.execute_batch(&format!("pragma journal_mode = {journal}; {table}")).unwrap();
    let catalog = catalog(&path).await;
    let catalog = if unchanging { catalog.unchanging() } else { catalog };
    let schema = catalog.home("");
    let config = SessionConfig::new()
        .with_default_catalog_and_schema("airbyte", schema)
        .with_create_default_catalog_and_schema(false);
    let context = remote("df://127.0.0.1:9", config)?;
    context.register_catalog("airbyte", Arc::new(catalog));
    context.sql(query).await?.create_physical_plan().await.map(drop)
}

async fn catalog(path: &Path) -> AirbyteCatalog {
    let destination =
        json!({"destinationType": "sqlite", "configuration": {"destination_path": path.to_str().unwrap()}});
    let warehouse = Destination::from_json(&destination).unwrap().connect().await.unwrap();
    AirbyteCatalog::of_destination(&warehouse, &[]).await.unwrap().known_as("lite")
}

/// The executor that is lost may have been read from already, and the table is another by then.
#[tokio::test]
async fn what_could_become_two_states_is_refused_before_anything_is_sent() {
    for query in ["select name from users", "select name, count(*) from users group by name"] {
        let error = planned("wal", query, false).await.unwrap_err().to_string();
        assert!(error.contains("users has no state that can be read again"), "{query}: {error}");
        planned("wal", query, true).await.unwrap();
        planned("delete", query, false).await.unwrap();
    }
    // The plan has the number.
    planned("wal", "select count(*) from users", false).await.unwrap();
}
