//! What goes wrong outside: users without rights, names that are taken for SQL, tables that are not what they should be.

use airbyte_sql_read::{Destination, ErrorKind, Filter, Order, StreamSpec};
use serde_json::{Value, json};

use crate::support::{Schema, destination, shown};

async fn refused(destination: Destination) -> airbyte_sql_read::Error {
    match destination.connect().await {
        Err(error) => error,
        Ok(warehouse) => warehouse.dataset(&StreamSpec::new("users")).await.unwrap_err(),
    }
}

#[tokio::test]
async fn a_database_or_a_schema_that_is_not_there_is_named() {
    let schema = Schema::new("bad_names").await;
    let with = |field: &str, value: Value| {
        let mut configuration = schema.configuration();
        configuration[field] = value;
        destination("postgres", &configuration)
    };
    let error = refused(with("database", json!("no_such_database"))).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("no_such_database"), "{error}");
    let error = refused(with("schema", json!("no_such_schema"))).await;
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.to_string().contains("no_such_schema.users"), "{error}");
    let error = refused(with("host", json!("127.0.0.1:1"))).await;
    assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::InvalidInput), "{error:?}");
    let error = refused(with("port", json!(1))).await;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
}

#[tokio::test]
async fn a_table_that_the_user_may_not_read_is_an_error_with_the_server_s_word() {
    let schema = Schema::new("bad_rights").await;
    schema
        .run(
            "create table users (id int); drop role if exists bad_rights_reader;
             create role bad_rights_reader login password 'pw'; grant usage on schema bad_rights to bad_rights_reader",
        )
        .await;
    let mut configuration = schema.configuration();
    configuration["username"] = json!("bad_rights_reader");
    configuration["password"] = json!("pw");
    let warehouse = destination("postgres", &configuration).connect().await.unwrap();
    let error = match warehouse.dataset(&StreamSpec::new("users")).await {
        Err(error) => error,
        Ok(dataset) => dataset.head(1).await.unwrap_err(),
    };
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(error.to_string().contains("permission denied"), "{error}");
    let error = warehouse.query("select * from bad_rights.users").unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    schema.run("revoke usage on schema bad_rights from bad_rights_reader; drop role bad_rights_reader").await;
}

#[tokio::test]
async fn names_are_never_taken_for_sql() {
    let schema = Schema::new("bad_quotes").await;
    let column = "a\"; drop table x; --";
    let quoted = column.replace('"', "\"\"");
    schema
        .run(&format!(
            "create table x (id int); create table \"t_x\" (id int, \"{quoted}\" text);
             insert into t_x values (1, 'it''s; --'), (2, null)"
        ))
        .await;
    let dataset = schema.dataset("t x").await.columns([column]).unwrap();
    let dataset = dataset.order_by("id", Order::Ascending).unwrap();
    assert_eq!(shown(&dataset.head(5).await.unwrap(), column), ["it's; --", "NULL"]);
    let filtered = dataset.filter(Filter::equal(column, "it's; --")).unwrap();
    assert_eq!(filtered.count().await.unwrap(), 1);
    let none = filtered.filter(Filter::equal(column, "' or 1 = 1 --")).unwrap();
    assert_eq!(none.count().await.unwrap(), 0);
    assert_eq!(schema.dataset("x").await.count().await.unwrap(), 0);
}

#[tokio::test]
async fn tables_that_differ_in_case_alone_are_told_apart_or_refused() {
    let schema = Schema::new("bad_case").await;
    schema
        .run("create table \"Users\" (id int); create table users (id int); insert into users values (1)")
        .await;
    assert_eq!(schema.dataset("Users").await.count().await.unwrap(), 0);
    assert_eq!(schema.dataset("users").await.count().await.unwrap(), 1);
    schema.run("create table \"Orders\" (id int); create table \"ORDERS\" (id int)").await;
    let warehouse = schema.destination().connect().await.unwrap();
    let error = warehouse.dataset(&StreamSpec::new("orderS")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.hint().unwrap().contains("ORDERS"), "{error:?}");
}

#[tokio::test]
async fn tables_without_rows_or_columns_of_airbyte_s_are_read_and_unknown_columns_refused() {
    let schema = Schema::new("bad_tables").await;
    schema.run("create table plain (id int)").await;
    let plain = schema.dataset("plain").await;
    let empty = plain.head(5).await.unwrap();
    assert_eq!((empty.num_rows(), empty.num_columns()), (0, 1));
    assert_eq!(plain.generations().await.unwrap(), None);
    for error in [
        plain.clone().filter(Filter::equal("nope", 1)).unwrap_err(),
        plain.clone().order_by("nope", Order::Ascending).unwrap_err(),
        plain.clone().columns(Vec::<String>::new()).unwrap_err(),
        plain.clone().columns(["nope"]).unwrap_err(),
        plain.text_columns(["nope"]).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

#[tokio::test]
async fn what_writes_is_refused_before_it_is_sent_and_by_the_session_as_well() {
    let schema = Schema::new("bad_writes").await;
    schema.run("create table t (id int); create function sneaky() returns int language sql as 'insert into bad_writes.t values (1) returning id'").await;
    let warehouse = schema.destination().connect().await.unwrap();
    for sql in [
        "delete from bad_writes.t",
        "select 1; select 2",
        "with x as (insert into bad_writes.t values (1) returning 1) select * from x",
    ] {
        assert_eq!(warehouse.query(sql).unwrap_err().kind(), ErrorKind::InvalidInput, "{sql}");
    }
    let error = warehouse.query("select bad_writes.sneaky()").unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(schema.dataset("t").await.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_that_is_no_database_and_text_that_is_no_utf_8_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not.db");
    std::fs::write(&path, "this is no database, and long enough to be looked at as one".repeat(50)).unwrap();
    let error = refused(destination("sqlite", &json!({"destination_path": path}))).await;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");

    let path = folder.path().join("bytes.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("create table t (a text); insert into t values (cast(x'ff41' as text))")
        .unwrap();
    let destination = destination("sqlite", &json!({"destination_path": path}));
    let dataset = destination.connect().await.unwrap().dataset(&StreamSpec::new("t")).await.unwrap();
    let error = dataset.head(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.to_string().contains("`a`") && error.to_string().contains("UTF-8"), "{error}");
}
