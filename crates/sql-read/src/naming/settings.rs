//! What a destination's configuration says about names.

use serde_json::{Map, Value};

use crate::destination_kind::DestinationKind;
use crate::stream_spec::StreamSpec;

/// What a destination's configuration says about names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSettings {
    /// The schema for streams without a namespace: `schema`, or what the connector calls it (`dataset_id`, `database`).
    pub default_schema: Option<String>,
    /// The schema for raw tables (`raw_data_schema`, `raw_data_dataset`, `raw_schema_override`).
    pub raw_schema: Option<String>,
    /// Whether only raw tables are written (`disable_type_dedupe`).
    pub raw_only: bool,
    /// Streams that have a schema of their own, whatever their namespace (BigQuery's `stream_configurations`).
    pub schema_overrides: Vec<SchemaOverride>,
}

/// A schema for one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaOverride {
    /// The stream's name.
    pub stream: String,
    /// Its namespace; `None` is any.
    pub namespace: Option<String>,
    /// The schema that its table is in.
    pub schema: String,
}

impl NameSettings {
    /// From the configuration of a destination of this kind. Fields that say nothing about names are not looked at.
    pub fn from_configuration(kind: DestinationKind, configuration: &Map<String, Value>) -> Self {
        let text = |name: &str| {
            let text = configuration.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (default_schema, raw_schema) = match kind {
            DestinationKind::BigQuery => ("dataset_id", "raw_data_dataset"),
            DestinationKind::ClickHouse | DestinationKind::MySql => ("database", "raw_data_schema"),
            DestinationKind::Databricks => ("schema", "raw_schema_override"),
            _ => ("schema", "raw_data_schema"),
        };
        let default_schema = text(default_schema).filter(|_| kind != DestinationKind::Sqlite);
        Self {
            default_schema: match kind {
                // `project:dataset` is allowed.
                DestinationKind::BigQuery => default_schema
                    .map(|id| id.split_once(':').map_or(id.clone(), |(_, dataset)| dataset.to_owned())),
                _ => default_schema,
            },
            raw_schema: text(raw_schema),
            raw_only: configuration.get("disable_type_dedupe") == Some(&Value::Bool(true)),
            schema_overrides: match kind {
                DestinationKind::BigQuery => schema_overrides(configuration),
                _ => Vec::new(),
            },
        }
    }

    /// The schema that the configuration gives to this stream alone. The stream may go by the name that it has in its
    /// source, or by the one that the connector is handed.
    pub(super) fn schema_of(&self, stream: &StreamSpec) -> Option<String> {
        let names = [
            (stream.handed_name(), stream.handed_namespace()),
            (stream.name().to_owned(), stream.source_namespace().map(str::to_owned)),
        ];
        let own = self.schema_overrides.iter().find(|own| {
            names.iter().any(|(name, namespace)| {
                own.stream == *name && (own.namespace.is_none() || own.namespace == *namespace)
            })
        });
        own.map(|own| own.schema.clone())
    }
}

fn schema_overrides(configuration: &Map<String, Value>) -> Vec<SchemaOverride> {
    let entries = configuration.get("stream_configurations").and_then(Value::as_array);
    let schema = |entry: &Value| {
        let text = |name: &str| {
            entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Some(SchemaOverride {
            stream: text("stream_name")?,
            namespace: text("stream_namespace"),
            schema: text("destination_dataset")?,
        })
    };
    entries.into_iter().flatten().filter_map(schema).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::naming::candidates;
    use crate::stream_spec::NamespaceDefinition;

    fn settings(kind: DestinationKind, configuration: &Value) -> NameSettings {
        NameSettings::from_configuration(kind, configuration.as_object().unwrap())
    }

    #[test]
    fn every_connector_has_its_own_word_for_the_schema() {
        let all = json!({
            "schema": "s", "database": "d", "dataset_id": "p:ds", "raw_data_schema": "r", "raw_data_dataset": "rd",
            "raw_schema_override": "ro", "disable_type_dedupe": true
        });
        let of = |kind| {
            let settings = settings(kind, &all);
            (settings.default_schema.unwrap_or_default(), settings.raw_schema.unwrap_or_default())
        };
        let pair = |schema: &str, raw: &str| (schema.to_owned(), raw.to_owned());
        assert_eq!(of(DestinationKind::Postgres), pair("s", "r"));
        assert_eq!(of(DestinationKind::BigQuery), pair("ds", "rd"));
        assert_eq!(of(DestinationKind::MySql), pair("d", "r"));
        assert_eq!(of(DestinationKind::ClickHouse), pair("d", "r"));
        assert_eq!(of(DestinationKind::Databricks), pair("s", "ro"));
        assert_eq!(of(DestinationKind::Sqlite).0, "");
        assert!(settings(DestinationKind::Postgres, &all).raw_only);
        assert_eq!(settings(DestinationKind::Postgres, &json!({"schema": ""})), NameSettings::default());
    }

    #[test]
    fn a_stream_with_a_dataset_of_its_own_is_there_and_nowhere_else() {
        let settings = settings(
            DestinationKind::BigQuery,
            &json!({"dataset_id": "ds", "stream_configurations": [
                {"stream_name": "users", "stream_namespace": "eu", "destination_dataset": "_own"},
                {"stream_name": "raw_orders", "destination_dataset": "other"},
                {"stream_name": "events", "partitioning_field": "day"}
            ]}),
        );
        let first = |stream: &StreamSpec| {
            let found = candidates(DestinationKind::BigQuery, &settings, stream);
            let typed: Vec<_> =
                found.iter().filter(|place| place.layout == super::super::Layout::Typed).collect();
            assert!(typed.iter().all(|place| place.schema == typed[0].schema), "{typed:?}");
            (typed[0].schema.clone(), typed[0].table.clone())
        };
        let own = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
        let users = StreamSpec::new("users").namespace_definition(NamespaceDefinition::Source);
        assert_eq!(first(&users.clone().namespace("eu")), own("n_own", "users"));
        assert_eq!(first(&users.namespace("us")), own("us", "users"));
        assert_eq!(first(&StreamSpec::new("orders").prefix("raw_")), own("other", "raw_orders"));
        assert_eq!(first(&StreamSpec::new("events")), own("ds", "events"));
    }
}
