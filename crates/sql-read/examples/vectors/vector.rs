//! A name that a connector is known to give, and whether it is found.

use std::fmt;

use airbyte_sql_read::{
    Candidate, DestinationKind, NameSettings, NamespaceDefinition, StreamSpec, catalog_candidates,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A stream of a connection, and the table that the connector makes of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vector {
    pub(crate) connector: String,
    namespace_definition: Option<String>,
    namespace_format: Option<String>,
    source_namespace: Option<String>,
    prefix: Option<String>,
    stream: String,
    /// The schema of the configuration, whatever the connector calls the field.
    config_default_schema: Option<String>,
    /// More of the configuration.
    #[serde(default)]
    configuration: Map<String, Value>,
    /// `raw...` where only raw tables are written.
    mode: Option<String>,
    /// Vectors one after the other with the same group are one connection's streams, in the order of its catalog.
    group: Option<String>,
    schema: String,
    table: String,
    /// Whether this is to be looked for before anything else.
    #[serde(default)]
    first: bool,
}

/// Where the table is among the candidates, counted from 0, if it is.
pub(crate) struct Outcome {
    pub(crate) place: Option<usize>,
    pub(crate) candidates: Vec<Candidate>,
}

impl Outcome {
    /// Whether the table is found, and first if it is to be.
    pub(crate) fn is_right(&self, vector: &Vector) -> bool {
        self.place.is_some_and(|place| place == 0 || !vector.first)
    }
}

/// Vectors from an array, or from one object a line.
pub(crate) fn read(text: &str) -> serde_json::Result<Vec<Vector>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text);
    }
    text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
}

/// What becomes of each.
pub(crate) fn outcomes(vectors: &[Vector]) -> Result<Vec<Outcome>, String> {
    let together = |one: &Vector, next: &Vector| {
        one.group.is_some() && one.group == next.group && one.connector == next.connector
    };
    let mut outcomes = Vec::with_capacity(vectors.len());
    for group in vectors.chunk_by(together) {
        let first = &group[0];
        let kind = DestinationKind::named(&first.connector)
            .ok_or_else(|| format!("there is no connector `{}`", first.connector))?;
        let settings = NameSettings::from_configuration(kind, &first.configuration());
        let streams: Vec<_> = group.iter().map(Vector::stream).collect();
        let found = catalog_candidates(kind, &settings, &streams);
        outcomes.extend(group.iter().zip(found).map(|(vector, candidates)| {
            Outcome {
                place: candidates
                    .iter()
                    .position(|found| found.schema == vector.schema && found.table == vector.table),
                candidates,
            }
        }));
    }
    Ok(outcomes)
}

impl Vector {
    fn configuration(&self) -> Map<String, Value> {
        let mut configuration = self.configuration.clone();
        if let Some(schema) = &self.config_default_schema {
            for field in ["schema", "dataset_id", "database"] {
                configuration.entry(field).or_insert_with(|| Value::from(schema.as_str()));
            }
        }
        if self.mode.as_deref().is_some_and(|mode| mode.starts_with("raw")) {
            configuration.insert("disable_type_dedupe".to_owned(), Value::Bool(true));
        }
        configuration
    }

    fn stream(&self) -> StreamSpec {
        let definition = match self.namespace_definition.as_deref() {
            Some("destination") => NamespaceDefinition::Destination,
            Some("custom_format") => NamespaceDefinition::CustomFormat,
            // The platform takes everything else, nothing included, for the source's own.
            _ => NamespaceDefinition::Source,
        };
        let mut stream = StreamSpec::new(&self.stream).namespace_definition(definition);
        if let Some(namespace) = &self.source_namespace {
            stream = stream.namespace(namespace);
        }
        if let Some(format) = &self.namespace_format {
            stream = stream.namespace_format(format);
        }
        if let Some(prefix) = &self.prefix {
            stream = stream.prefix(prefix);
        }
        stream
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}.{}", self.connector, self.stream, self.schema, self.table)
    }
}
