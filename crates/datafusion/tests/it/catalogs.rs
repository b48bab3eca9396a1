//! Destinations as catalogs.

use std::sync::Arc;

use airbyte_datafusion::AirbyteCatalog;
use airbyte_sql_read::StreamSpec;
use datafusion::catalog::CatalogProvider;

use crate::support::{File, Schema, destination, lines, session};

#[tokio::test]
async fn a_destination_is_a_catalog_of_its_tables() {
    let schema = Schema::new("catalog").await;
    schema
        .run(
            "create table users (id int, name text); insert into users values (1, 'Ada'), (2, 'Grace');
             create table \"Odd name\" (user_id int, price numeric(8, 2)); insert into \"Odd name\" values (2, 1.5);
             create view both_of as select * from users;
             create table users_airbyte_tmp (id int)",
        )
        .await;
    let warehouse = schema.warehouse().await;
    let catalog = AirbyteCatalog::of_destination(&warehouse, &[]).await.unwrap();
    assert_eq!(catalog.schema_names(), ["datafusion_catalog"]);
    let tables = catalog.schema("datafusion_catalog").unwrap();
    assert_eq!(tables.table_names(), ["Odd name", "both_of", "users"]);
    assert!(tables.table_exist("users") && !tables.table_exist("Users"));
    assert!(tables.table("nothing").await.unwrap().is_none());

    // Configured in another case than the database writes it.
    let mut shouted = schema.configuration();
    shouted["schema"] = "DATAFUSION_CATALOG".into();
    let shouted = destination("postgres", &shouted).connect().await.unwrap();
    let shouted = AirbyteCatalog::of_destination(&shouted, &[]).await.unwrap();
    assert_eq!(shouted.schema_names(), ["DATAFUSION_CATALOG"]);
    let context = session();
    context.register_catalog("airbyte", Arc::new(shouted));
    let query = "select name from airbyte.\"DATAFUSION_CATALOG\".users order by id";
    assert_eq!(lines(&context, query).await, ["Ada", "Grace"]);

    let file = File::new(
        "create table limits (user_id integer, most integer); insert into limits values (2, 10), (3, 7)",
    );
    let local = AirbyteCatalog::of_destination(&file.warehouse().await, &[]).await.unwrap();
    assert_eq!(local.schema_names(), ["main"]);

    let context = session();
    context.register_catalog("airbyte", Arc::new(catalog));
    context.register_catalog("local", Arc::new(local));
    let query = "select u.name, o.price, l.most from airbyte.datafusion_catalog.users u
        join airbyte.datafusion_catalog.\"Odd name\" o on o.user_id = u.id
        join local.main.limits l on l.user_id = u.id";
    assert_eq!(lines(&context, query).await, ["Grace|1.50|10"]);
    assert_eq!(lines(&context, "select count(*) from airbyte.datafusion_catalog.both_of").await, ["2"]);
    let missing = context.sql("select * from airbyte.datafusion_catalog.gone").await.unwrap_err();
    assert!(missing.to_string().contains("gone"), "{missing}");

    // One that has gone since is not there any more.
    schema.run("drop table \"Odd name\"").await;
    assert!(context.sql(query).await.is_err());
}

#[tokio::test]
async fn schemas_are_named_or_the_destinations_own() {
    let schema = Schema::new("schemas").await;
    let other = Schema::new("schemas_other").await;
    other.run("create table a (id int)").await;
    let warehouse = schema.warehouse().await;
    let catalog = AirbyteCatalog::of_destination(&warehouse, &[&schema.name, &other.name]).await.unwrap();
    assert_eq!(catalog.schema_names(), ["datafusion_schemas", "datafusion_schemas_other"]);
    assert!(catalog.schema(&schema.name).unwrap().table_names().is_empty());
    assert_eq!(catalog.schema(&other.name).unwrap().table_names(), ["a"]);
}

#[tokio::test]
async fn streams_are_tables_with_what_is_known_about_them() {
    let file = File::new(
        "create table _airbyte_raw_users (_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text);
         insert into _airbyte_raw_users values ('a', '2026-01-01', '{\"id\": 1, \"name\": \"Ada\"}'),
             ('b', '2026-01-01', '{\"id\": 2}')",
    );
    let schema = serde_json::json!({"properties": {"id": {"type": "integer"}, "name": {"type": "string"}}});
    let streams = [StreamSpec::new("users").json_schema(schema), StreamSpec::new("not synced yet")];
    let catalog = AirbyteCatalog::of_streams(&file.warehouse().await, streams).await.unwrap();
    let context = session();
    context.register_catalog("airbyte", Arc::new(catalog));
    let table = "airbyte.main._airbyte_raw_users";
    assert_eq!(
        lines(&context, &format!("select id, name from {table} where id >= 1 order by id")).await,
        ["1|Ada", "2|NULL"]
    );
    assert_eq!(
        lines(&context, &format!("select _airbyte_ab_id from {table} where name is null")).await,
        ["b"]
    );
    assert_eq!(lines(&context, &format!("select count(*) from {table} where name = 'Ada'")).await, ["1"]);
}
