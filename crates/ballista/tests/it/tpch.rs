//! Questions in the manner of TPC-H have one answer, whoever is asked.

use std::sync::Arc;

use airbyte_datafusion::AirbyteCatalog;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::cluster::{Cluster, lines};
use crate::database::Database;

#[path = "../../tpch/mod.rs"]
mod set;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_questions_have_the_answers_of_the_database() {
    let database = Database::new("tpch", "").await;
    set::load(&database.client, 0.01).await.unwrap();

    let catalog = AirbyteCatalog::of_destination(&database.warehouse().await, &[]).await.unwrap();
    let config = SessionConfig::new()
        .with_target_partitions(4)
        .with_default_catalog_and_schema("airbyte", &database.schema)
        .with_create_default_catalog_and_schema(false);
    let here = SessionContext::new_with_config(config);
    here.register_catalog("airbyte", Arc::new(catalog));
    let cluster = Cluster::start(&database, 2);
    let there = cluster.session(&database).await;
    for (number, query) in set::QUERIES {
        let expected = database.lines(query).await;
        assert!(!expected.is_empty() || number == "18", "query {number} asks nothing");
        assert_eq!(lines(&here, query).await, expected, "query {number}, here");
        assert_eq!(lines(&there, query).await, expected, "query {number}, on the cluster");
    }
}
