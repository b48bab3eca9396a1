//! What is given to the reader as text or JSON: descriptions of destinations, statements, records.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::Schema;
use serde_json::{Value, json};

use crate::decoder::decoder;
use crate::destination::Destination;
use crate::destination_kind::DestinationKind;
use crate::json_columns::{InexactNumbers, JsonColumns};
use crate::meta_columns::DATA_COLUMN;
use crate::statement::reading;

/// What stands for secrets in the corpus, and the members that hold it.
const SECRET: &str = "hidden";
const SECRETS: [&str; 2] = ["password", "private_key_password"];

decoder!(destination, bytes);
fn destination(body: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice(body) else { return false };
    let told = match Destination::from_json(&json) {
        Ok(destination) => Ok(format!("{destination:?}")),
        Err(error) => Err(format!("{error} {error:?}")),
    };
    // Names and words are told, and damage can make one of a secret.
    if !is_told(&json) {
        let (Ok(told) | Err(told)) = &told;
        assert!(!told.contains(SECRET), "{told}");
    }
    told.is_ok()
}

/// Whether the secret is anywhere but where secrets are.
fn is_told(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains(SECRET),
        Value::Array(items) => items.iter().any(is_told),
        Value::Object(members) => members.iter().any(|(name, value)| {
            let is_kept = value.is_string() && SECRETS.contains(&name.as_str());
            name.contains(SECRET) || !is_kept && is_told(value)
        }),
        _ => false,
    }
}

decoder!(statement, text);
/// Whatever is let through is one statement, and a part of what was given.
fn statement(sql: &str) -> bool {
    use DestinationKind::{BigQuery, DuckDb, MySql, Postgres, Redshift, Snowflake, Sqlite};
    let mut taken = false;
    for kind in [BigQuery, DuckDb, MySql, Postgres, Redshift, Snowflake, Sqlite] {
        if let Ok(statement) = reading(kind, sql) {
            assert!(sql.contains(statement.trim_end()), "{kind:?}: {statement:?} of {sql:?}");
            taken = true;
        }
    }
    taken
}

decoder!(record, text);
/// A record of a stream with a field of each type, which has all of them if it is taken.
fn record(text: &str) -> bool {
    let types = json!({"properties": {
        "flag": {"type": "boolean"},
        "count": {"type": "integer"},
        "amount": {"type": "number"},
        "name": {"type": "string"},
        "day": {"type": "string", "format": "date"},
        "seen": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"},
        "at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
        "rest": {"type": "object"},
    }});
    let mut columns = JsonColumns::new(&types).unwrap();
    let names: Vec<String> = columns.names().map(str::to_owned).collect();
    let fields: Vec<_> = names.iter().filter_map(|name| columns.field(name)).collect();
    let kinds: BTreeSet<String> = fields.iter().map(|field| field.data_type().to_string()).collect();
    assert!(kinds.len() > 5, "{kinds:?}");
    let schema = Arc::new(Schema::new(fields));
    let data: ArrayRef = Arc::new(StringArray::from(vec![Some(text), None]));
    let stored = RecordBatch::try_from_iter([(DATA_COLUMN, data)]).unwrap();
    let mut taken = Vec::new();
    for inexact in [InexactNumbers::Error, InexactNumbers::Round] {
        columns.inexact_numbers = inexact;
        let read = columns.expand(&stored, &schema);
        if let Ok(batch) = &read {
            assert_eq!((batch.num_rows(), batch.num_columns()), (2, names.len()));
        }
        taken.push(read.is_ok());
    }
    // What is exact is not refused for being rounded.
    assert!(!taken[0] || taken[1]);
    taken[0]
}
