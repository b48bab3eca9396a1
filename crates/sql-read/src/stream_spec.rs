//! Which stream of a connection is meant, and what the connection says about its name.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::locate::TableName;

/// Where a connection puts its streams (`namespaceDefinition` of the public API).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NamespaceDefinition {
    /// The destination's own schema.
    #[default]
    Destination,
    /// The namespace that the stream has in its source.
    Source,
    /// What [`StreamSpec::namespace_format`] says.
    CustomFormat,
}

/// One stream of a connection: all that its table's name depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamSpec {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) namespace_definition: NamespaceDefinition,
    pub(crate) namespace_format: Option<String>,
    pub(crate) json_schema: Option<Value>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) cursor: Option<String>,
    /// Whether each refresh replaces the rows of the one before; `None` where the sync mode is not known.
    pub(crate) overwrites: Option<bool>,
    /// Another stream of the connection comes first and has taken the plain name.
    pub(crate) name_is_taken: bool,
    /// The first places of all streams of the connection: another stream's is not this one's, even if there is nothing else.
    pub(crate) claimed: Claims,
}

/// Tables that streams of a connection come to first, shared by all of them.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Claims(pub(crate) Arc<HashSet<TableName>>);

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({})", self.0.len())
    }
}

impl StreamSpec {
    /// A stream by its name in the source.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The stream's namespace in its source.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The connection's prefix for tables.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Where the connection puts its streams. Default: the destination's own schema.
    #[must_use]
    pub fn namespace_definition(mut self, definition: NamespaceDefinition) -> Self {
        self.namespace_definition = definition;
        self
    }

    /// The connection's format for namespaces, with `${SOURCE_NAMESPACE}` where the source's own belongs.
    #[must_use]
    pub fn namespace_format(mut self, format: impl Into<String>) -> Self {
        self.namespace_format = Some(format.into());
        self
    }

    /// The stream's JSON schema: with it, records kept as JSON are read as typed columns.
    #[must_use]
    pub fn json_schema(mut self, schema: Value) -> Self {
        self.json_schema = Some(schema);
        self
    }

    /// The fields that tell its records apart: with them, [`Dataset::deduplicated`](crate::Dataset::deduplicated) knows
    /// which records are of the same thing.
    #[must_use]
    pub fn primary_key(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.primary_key = fields.into_iter().map(Into::into).collect();
        self
    }

    /// The field that grows with each change of a record.
    #[must_use]
    pub fn cursor(mut self, field: impl Into<String>) -> Self {
        self.cursor = Some(field.into());
        self
    }

    /// Whether each sync replaces the rows of the one before (full refresh, overwrite).
    #[must_use]
    pub fn overwrites(mut self, overwrites: bool) -> Self {
        self.overwrites = Some(overwrites);
        self
    }

    /// The stream's name in the source.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stream's namespace in its source.
    pub fn source_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The namespace that the platform hands to the connector: `None` is the destination's own.
    pub(crate) fn handed_namespace(&self) -> Option<String> {
        match self.namespace_definition {
            NamespaceDefinition::Destination => None,
            NamespaceDefinition::Source => self.namespace.clone(),
            NamespaceDefinition::CustomFormat => {
                let source = self.namespace.as_deref().filter(|namespace| !namespace.trim().is_empty());
                let filled = self
                    .namespace_format
                    .as_ref()?
                    .replace("${SOURCE_NAMESPACE}", source.unwrap_or_default());
                (!filled.trim().is_empty()).then_some(filled)
            }
        }
    }

    /// The name that the platform hands to the connector. A blank prefix counts as none.
    pub(crate) fn handed_name(&self) -> String {
        match &self.prefix {
            Some(prefix) if !prefix.trim().is_empty() => format!("{prefix}{}", self.name),
            _ => self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_rules_come_before_the_connectors() {
        let users = StreamSpec::new("users").namespace("public");
        assert_eq!(users.handed_namespace(), None);
        let source = users.clone().namespace_definition(NamespaceDefinition::Source);
        assert_eq!(source.handed_namespace().as_deref(), Some("public"));
        let custom = users.clone().namespace_definition(NamespaceDefinition::CustomFormat);
        assert_eq!(
            custom.clone().namespace_format("x_${SOURCE_NAMESPACE}").handed_namespace().as_deref(),
            Some("x_public")
        );
        assert_eq!(custom.clone().namespace_format("  ").handed_namespace(), None);
        assert_eq!(custom.handed_namespace(), None);
        assert_eq!(users.clone().prefix(" ").handed_name(), "users");
        assert_eq!(users.prefix("raw_").handed_name(), "raw_users");
    }
}
