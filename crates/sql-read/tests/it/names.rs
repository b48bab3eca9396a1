//! Names that the connector is known to give, one line each in `postgres_names.jsonl`.

use airbyte_sql_read::{DestinationKind, NameSettings, NamespaceDefinition, StreamSpec, candidates};
use serde_json::Value;

#[test]
fn the_table_that_the_connector_makes_is_among_the_candidates() {
    let text = include_str!("postgres_names.jsonl");
    let mut missed = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| case[name].as_str().map(str::to_owned);
        let mut stream = StreamSpec::new(text("stream").unwrap()).namespace_definition(
            match text("namespace_definition").as_deref() {
                Some("source") => NamespaceDefinition::Source,
                Some("custom_format") => NamespaceDefinition::CustomFormat,
                _ => NamespaceDefinition::Destination,
            },
        );
        if let Some(namespace) = text("source_namespace") {
            stream = stream.namespace(namespace);
        }
        if let Some(format) = text("namespace_format") {
            stream = stream.namespace_format(format);
        }
        if let Some(prefix) = text("prefix") {
            stream = stream.prefix(prefix);
        }
        let settings = NameSettings {
            default_schema: text("config_default_schema"),
            raw_only: case["raw_only"] == true,
            ..NameSettings::default()
        };
        let found = candidates(DestinationKind::Postgres, &settings, &stream);
        let place = (text("schema").unwrap(), text("table").unwrap());
        if !found.iter().any(|one| (&one.schema, &one.table) == (&place.0, &place.1)) {
            missed.push(format!("{line}: {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}
