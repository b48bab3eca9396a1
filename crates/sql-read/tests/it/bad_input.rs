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
async fn text_that_is_not_of_its_database_s_encoding_is_an_error_that_says_so() {
    let schema = Schema::new("bad_encoding").await;
    schema.run("drop database if exists bad_encoding").await;
    schema.run("create database bad_encoding encoding 'SQL_ASCII' locale 'C' template template0").await;
    let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").unwrap();
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (client, connection) = config.dbname("bad_encoding").connect(tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let made = r"create table texts (n int, a text); insert into texts values (1, 'é'), (2, E'\xffA')";
    client.batch_execute(made).await.unwrap();
    let changes = json!({"database": "bad_encoding", "schema": "public"});
    for kind in ["postgres", "redshift"] {
        let warehouse = destination(kind, &schema.configuration_with(&changes)).connect().await.unwrap();
        let texts = warehouse.dataset(&StreamSpec::new("texts")).await.unwrap();
        let first = texts.clone().filter(Filter::equal("n", 1)).unwrap().head(1).await.unwrap();
        assert_eq!(shown(&first, "a"), ["é"], "{kind}");
        let error = texts.head(5).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value, "{kind}: {error:?}");
        assert!(error.to_string().contains("0xff"), "{kind}: {error}");
        assert!(error.hint().unwrap().contains("convert_to"), "{kind}: {error:?}");
        assert_eq!(texts.columns(["n"]).unwrap().head(5).await.unwrap().num_rows(), 2);
        let bytes = warehouse.query("select convert_to(a, 'SQL_ASCII') as a from texts where n = 2").unwrap();
        let bytes = shown(&bytes.collect().await.unwrap(), "a");
        assert!(bytes[0].ends_with("ff41"), "{kind}: {bytes:?}");
    }
    drop(client);
    connection.await.unwrap().unwrap();
    schema.run("drop database bad_encoding with (force)").await;
}

#[tokio::test]
async fn a_cell_of_a_file_that_no_memory_should_have_to_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "create table huge (n integer, v blob); insert into huge values (1, 'y'), (2, zeroblob(300000000)), (3, 'y')",
        )
        .unwrap();
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    let huge = warehouse.dataset(&StreamSpec::new("huge")).await.unwrap();
    for error in [
        huge.text_columns(["v"]).unwrap().head(5).await.unwrap_err(),
        warehouse.query("select v from huge").unwrap().collect().await.unwrap_err(),
        warehouse
            .query("select printf('%300000000d', n) as v from huge")
            .unwrap()
            .collect()
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Value, "{error:?}");
        assert!(error.to_string().contains("256 MB"), "{error}");
        assert!(error.hint().unwrap().contains("leave out the column"), "{error:?}");
    }
    let huge = warehouse.dataset(&StreamSpec::new("huge")).await.unwrap();
    assert_eq!(huge.columns(["n"]).unwrap().head(5).await.unwrap().num_rows(), 3);
    let lengths = warehouse.query("select length(v) as length from huge order by n").unwrap();
    assert_eq!(shown(&lengths.collect().await.unwrap(), "length"), ["1", "300000000", "1"]);
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn a_cell_beyond_what_duckdb_may_keep_in_memory_is_refused() {
    let made = "create table huge as select n, case when n = 2 then repeat('x', 60000000) else 'y' end as v
                from (values (1), (2), (3)) as t (n)";
    let Some(file) = crate::duckdb::File::new(made) else { return };
    let huge = file.dataset(&StreamSpec::new("huge")).await;
    let error = huge.head(5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
    assert!(error.to_string().contains("Out of Memory"), "{error}");
    assert!(error.hint().unwrap().contains("memory_limit"), "{error:?}");
    assert_eq!(huge.columns(["n"]).unwrap().head(5).await.unwrap().num_rows(), 3);
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
