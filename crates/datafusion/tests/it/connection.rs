//! A connection as a catalog: what a local Airbyte has synced.

use std::collections::HashMap;
use std::sync::Arc;

use airbyte_cloud::{Client, SecretString};
use airbyte_datafusion::AirbyteCatalog;
use airbyte_sandbox::{Sandbox, Seed};
use airbyte_sql_read::ConnectionExt;

use crate::support::{Schema, lines, session};

#[tokio::test]
async fn what_a_connection_has_synced_is_a_catalog() {
    let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").unwrap();
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap();
    // What an earlier run has left behind is not this one's.
    let schema = Schema::new("connection").await;
    schema
        .run("drop table if exists public.users, public.products, public.purchases; drop schema if exists airbyte_internal cascade")
        .await;
    let sandbox = Sandbox::builder().seed(Seed::Demo).postgres(&url).time_scale(0.05).start().await.unwrap();
    let ready = sandbox.ready();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .workspace_id(ready.workspace_id.parse().unwrap())
        .build()
        .unwrap();
    let connections =
        client.default_workspace().unwrap().connections().name("Faker to PostgreSQL").await.unwrap();
    let connection = client.connection(connections[0].connection_id);
    let synced = connection.sync().await.unwrap().wait().await.unwrap();
    let secrets = HashMap::from([("password".to_owned(), SecretString::from(password))]);

    let datasets = connection.datasets(&secrets).await.unwrap();
    let context = session();
    context.register_catalog("airbyte", Arc::new(AirbyteCatalog::of_connection(&datasets).await.unwrap()));
    let mut rows = 0;
    for table in ["users", "products", "purchases"] {
        rows += lines(&context, &format!("select count(*) from airbyte.public.{table}")).await[0]
            .parse::<i64>()
            .unwrap();
    }
    assert_eq!(Some(rows), synced.records_synced);
    // Every purchase is one of a user.
    let query = "select count(*) from airbyte.public.purchases p
        left join airbyte.public.users u on p.user_id = u.id where u.id is null";
    assert_eq!(lines(&context, query).await, ["0"]);
    sandbox.shutdown().await;
}
