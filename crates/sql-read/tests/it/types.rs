//! The table of types, compared with what databases give and with `docs/types.md`.

use std::fmt::Write;

use airbyte_sql_read::{
    Dataset, DestinationKind, ErrorKind, StreamSpec, UnknownTypes, airbyte_types, database_types,
};
use serde_json::json;

use crate::support::{Schema, destination};

/// A column of each type, named by its place.
pub(crate) fn columns(kind: DestinationKind) -> String {
    let types = database_types(kind);
    let columns = types.iter().enumerate().map(|(place, one)| format!("c{place} {}", one.name));
    columns.collect::<Vec<_>>().join(", ")
}

/// What a type has been compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A database of this kind.
    Database,
    /// What speaks like it: an emulator, or for Redshift a PostgreSQL.
    Emulator,
    /// The vendor's documents alone.
    Documents,
}

fn known(kind: DestinationKind, name: &str) -> Known {
    use DestinationKind::{BigQuery, DuckDb, Postgres, Redshift, Snowflake, Sqlite};
    match (kind, name) {
        (Postgres | Sqlite | DuckDb, _) => Known::Database,
        // PostgreSQL has no such type; emulators show these as others.
        (Redshift, "super")
        | (Snowflake, "OBJECT" | "ARRAY" | "TIME(6)" | "TIMESTAMP_LTZ(9)")
        | (BigQuery, "BIGNUMERIC" | "GEOGRAPHY") => Known::Documents,
        (Redshift | Snowflake | BigQuery, _) => Known::Emulator,
        _ => Known::Documents,
    }
}

pub(crate) fn check(kind: DestinationKind, dataset: &Dataset) {
    let schema = dataset.schema();
    for (place, expected) in database_types(kind).iter().enumerate() {
        if known(kind, expected.name) == Known::Documents {
            continue;
        }
        let field = schema
            .fields()
            .iter()
            .find(|field| field.name().eq_ignore_ascii_case(&format!("c{place}")))
            .unwrap();
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
async fn redshift_s_reader_gives_what_the_table_says() {
    let schema = Schema::new("types_redshift").await;
    let columns = columns(DestinationKind::Redshift).replace(" super", " jsonb");
    schema.run(&format!("create table every ({columns}); insert into every default values")).await;
    let warehouse = destination("redshift", &schema.configuration()).connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("every")).await.unwrap();
    check(DestinationKind::Redshift, &dataset);
    assert_eq!(dataset.head(1).await.unwrap().schema(), dataset.schema());
}

#[cfg(feature = "bigquery")]
#[tokio::test]
async fn bigquery_gives_what_the_table_says() {
    use crate::bigquery_emulator::{Place, is_skipped};
    if is_skipped() {
        return;
    }
    let place = Place::new("types_table");
    let types = database_types(DestinationKind::BigQuery);
    let names: Vec<String> = (0..types.len()).map(|place| format!("c{place}")).collect();
    let fields = types.iter().map(|one| match one.name.strip_prefix("ARRAY<") {
        Some(element) => json!({"type": element.trim_end_matches('>'), "mode": "REPEATED"}),
        None => json!(one.name),
    });
    let columns = names.iter().map(String::as_str).zip(fields);
    let columns: Vec<_> = columns
        .zip(&types)
        .filter(|(_, one)| known(DestinationKind::BigQuery, one.name) != Known::Documents)
        .map(|(column, _)| column)
        .collect();
    place.table("every", &columns);
    place.insert("every", &[json!({"c0": true})]);
    let dataset = place.stream("every").await;
    check(DestinationKind::BigQuery, &dataset);
    assert_eq!(dataset.head(1).await.unwrap().schema(), dataset.schema());
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
        write!(page, "\n## {}\n\n| {} | Arrow | compared with |\n|---|---|---|\n", kind.name(), kind.name())
            .unwrap();
        for one in types {
            let json = if one.is_json { ", marked `arrow.json`" } else { "" };
            let with = match (known(kind, one.name), kind) {
                (Known::Database, _) => "a database",
                (Known::Emulator, DestinationKind::Redshift) => "PostgreSQL",
                (Known::Emulator, _) => "an emulator",
                (Known::Documents, DestinationKind::MotherDuck) => "DuckDB",
                (Known::Documents, _) => "documents alone",
            };
            writeln!(page, "| `{}` | `{}`{json} | {with} |", one.name, one.arrow).unwrap();
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

#[tokio::test]
async fn columns_without_an_exact_form_are_refused_or_left_out_like_unknown_ones() {
    let schema = Schema::new("types_inexact").await;
    schema
        .run(
            "create type mood as enum ('ok');
             create table odd (id int, free numeric, wide numeric(50, 2), fits numeric(38, 9), zoned timetz, list numeric[],
                               texts text[], name varchar(9), id_of uuid, more jsonb, mood mood)",
        )
        .await;
    let names = |dataset: &Dataset| -> Vec<String> {
        dataset.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    let fitting = ["id", "fits", "texts", "name", "id_of", "more", "mood"];
    let warehouse = schema.destination().connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("odd")).await.unwrap();
    assert_eq!(names(&dataset.clone().unknown_types(UnknownTypes::Text).unwrap()).len(), 11);
    assert_eq!(names(&dataset.clone().unknown_types(UnknownTypes::Drop).unwrap()), fitting);
    let error = dataset.unknown_types(UnknownTypes::Error).unwrap_err();
    let wanted =
        "`free` (numeric), `wide` (numeric(50,2)), `zoned` (time with time zone), `list` (numeric[])";
    assert!(error.to_string().contains(wanted), "{error}");

    // Without COPY there are no arrays either.
    let warehouse = destination("redshift", &schema.configuration()).connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("odd")).await.unwrap();
    let left = names(&dataset.unknown_types(UnknownTypes::Drop).unwrap());
    assert_eq!(left, ["id", "fits", "name", "id_of", "more"]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("create table odd (id integer, name text, free decimal(9, 2), of_day date)")
        .unwrap();
    let sqlite = destination("sqlite", &json!({"destination_path": path}));
    let dataset = sqlite.connect().await.unwrap().dataset(&StreamSpec::new("odd")).await.unwrap();
    assert_eq!(names(&dataset.clone().unknown_types(UnknownTypes::Drop).unwrap()), ["id", "name"]);
    assert_eq!(dataset.unknown_types(UnknownTypes::Error).unwrap_err().kind(), ErrorKind::InvalidInput);
}
