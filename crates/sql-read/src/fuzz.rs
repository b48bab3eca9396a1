//! What is given to the reader as text or JSON: descriptions of destinations, statements.

use proptest::prelude::*;

use crate::destination::Destination;
use crate::destination_kind::DestinationKind;
use crate::mutated::{corpus, mutated, mutated_text};
use crate::statement::reading;

proptest! {
    #[test]
    fn destinations(body in mutated(corpus("destination"))) {
        let Ok(json) = serde_json::from_slice(&body) else { return Ok(()) };
        match Destination::from_json(&json) {
            Ok(destination) => {
                let shown = format!("{destination:?}");
                prop_assert!(!shown.contains("hidden"), "{shown}");
            }
            Err(error) => prop_assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}"),
        }
    }

    /// Whatever is let through is one statement, and a part of what was given.
    #[test]
    fn statements(sql in mutated_text(corpus("statement"))) {
        use DestinationKind::{BigQuery, DuckDb, MySql, Postgres, Redshift, Snowflake, Sqlite};
        for kind in [BigQuery, DuckDb, MySql, Postgres, Redshift, Snowflake, Sqlite] {
            if let Ok(statement) = reading(kind, &sql) {
                prop_assert!(sql.contains(statement.trim_end()), "{kind:?}: {statement:?} of {sql:?}");
            }
        }
    }
}
