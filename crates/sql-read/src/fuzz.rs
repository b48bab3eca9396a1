//! What is given to the reader as text or JSON: descriptions of destinations, statements.

use crate::decoder::decoder;
use crate::destination::Destination;
use crate::destination_kind::DestinationKind;
use crate::statement::reading;

decoder!(destination, bytes);
fn destination(body: &[u8]) {
    let Ok(json) = serde_json::from_slice(body) else { return };
    match Destination::from_json(&json) {
        Ok(destination) => {
            let shown = format!("{destination:?}");
            assert!(!shown.contains("hidden"), "{shown}");
        }
        Err(error) => assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}"),
    }
}

decoder!(statement, text);
/// Whatever is let through is one statement, and a part of what was given.
fn statement(sql: &str) {
    use DestinationKind::{BigQuery, DuckDb, MySql, Postgres, Redshift, Snowflake, Sqlite};
    for kind in [BigQuery, DuckDb, MySql, Postgres, Redshift, Snowflake, Sqlite] {
        if let Ok(statement) = reading(kind, sql) {
            assert!(sql.contains(statement.trim_end()), "{kind:?}: {statement:?} of {sql:?}");
        }
    }
}
