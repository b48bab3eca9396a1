//! The table of types, compared with what databases give and with `docs/types.md`.

use std::fmt::Write;

use airbyte_sql_read::{
    Dataset, DestinationKind, ErrorKind, StreamSpec, UnknownTypes, airbyte_types, database_types,
};
use serde_json::json;

use crate::support::{Schema, destination};

/// A column of each type, named by its place.
fn columns(kind: DestinationKind) -> String {
    let types = database_types(kind);
    let columns = types.iter().enumerate().map(|(place, one)| format!("c{place} {}", one.name));
    columns.collect::<Vec<_>>().join(", ")
}

fn check(kind: DestinationKind, dataset: &Dataset) {
    let schema = dataset.schema();
    for (place, expected) in database_types(kind).iter().enumerate() {
        let field = schema.field_with_name(&format!("c{place}")).unwrap();
        assert_eq!(field.data_type(), &expected.arrow, "{}", expected.name);
        assert_eq!(field.extension_type_name() == Some("arrow.json"), expected.is_json, "{}", expected.name);
    }
}

#[tokio::test]
async fn postgres_gives_what_the_table_says() {
    let schema = Schema::new("types_table").await;
    schema.run(&format!("create table every ({})", columns(DestinationKind::Postgres))).await;
    schema.run("insert into every default values").await;
    let dataset = schema.dataset("every").await;
    check(DestinationKind::Postgres, &dataset);
    // The mark is on what is read as well.
    assert_eq!(dataset.head(1).await.unwrap().schema(), dataset.schema());
}

#[tokio::test]
async fn sqlite_gives_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("types.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(&format!("create table every ({})", columns(DestinationKind::Sqlite))).unwrap();
    let destination = destination("sqlite", &json!({"destination_path": path}));
    let dataset = destination.connect().await.unwrap().dataset(&StreamSpec::new("every")).await.unwrap();
    check(DestinationKind::Sqlite, &dataset);
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn duckdb_gives_what_the_table_says() {
    let columns = columns(DestinationKind::DuckDb);
    let Some(file) = crate::duckdb::File::new(&format!("create table every ({columns})")) else { return };
    check(DestinationKind::DuckDb, &file.dataset(&StreamSpec::new("every")).await);
}

#[tokio::test]
async fn columns_of_unknown_types_are_text_or_refused_or_left_out() {
    let schema = Schema::new("types_unknown").await;
    schema.run("create table odd (id int, place point, net inet); insert into odd values (1, '(1,2)', '10.0.0.0/8')").await;
    let dataset = schema.dataset("odd").await;
    let names = |dataset: &Dataset| -> Vec<String> {
        dataset.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    assert_eq!(names(&dataset.clone().unknown_types(UnknownTypes::Text).unwrap()), ["id", "place", "net"]);
    let left = dataset.clone().unknown_types(UnknownTypes::Drop).unwrap();
    assert_eq!(names(&left), ["id"]);
    assert_eq!(left.head(5).await.unwrap().num_columns(), 1);
    // What is asked for by name is read.
    assert_eq!(names(&left.columns(["net"]).unwrap()), ["net"]);
    let error = dataset.unknown_types(UnknownTypes::Error).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("`place` (point), `net` (inet)"), "{error}");
}

#[test]
fn the_page_is_this_table() {
    let mut page = include_str!("types.md").to_owned();
    for kind in DestinationKind::ALL {
        let types = database_types(kind);
        if types.is_empty() {
            continue;
        }
        write!(page, "\n## {}\n\n| {} | Arrow |\n|---|---|\n", kind.name(), kind.name()).unwrap();
        for one in types {
            let json = if one.is_json { ", marked `arrow.json`" } else { "" };
            writeln!(page, "| `{}` | `{}`{json} |", one.name, one.arrow).unwrap();
        }
        let types = airbyte_types(kind);
        if !types.is_empty() {
            write!(page, "\n| Airbyte | column | Arrow |\n|---|---|---|\n").unwrap();
        }
        for one in types {
            writeln!(page, "| {} | `{}` | `{}` |", one.name, one.column, one.arrow).unwrap();
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/types.md");
    if std::env::var_os("AIRBYTE_UPDATE_DOCS").is_some() {
        std::fs::write(file, &page).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == page,
        "{file} is out of date: run this test with AIRBYTE_UPDATE_DOCS=1 and look at the difference"
    );
}
