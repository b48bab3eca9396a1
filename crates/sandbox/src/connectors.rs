//! The registry of connectors: names, definition ids, and which configuration fields are secret.

use std::sync::LazyLock;

use serde_json::Value;
use uuid::Uuid;

use crate::model::Side;

/// How Airbyte shows a secret: exactly ten asterisks.
pub(crate) const MASK: &str = "**********";

/// One connector of the registry.
#[derive(Debug)]
pub(crate) struct Connector {
    pub side: Side,
    pub slug: &'static str,
    pub definition_id: Uuid,
    secrets: Vec<Vec<&'static str>>,
}

static CONNECTORS: LazyLock<Vec<Connector>> =
    LazyLock::new(|| include_str!("../data/connectors.tsv").lines().filter_map(parse).collect());

fn parse(line: &'static str) -> Option<Connector> {
    let mut columns = line.split('\t');
    let side = match columns.next()? {
        "source" => Side::Source,
        "destination" => Side::Destination,
        _ => return None,
    };
    let slug = columns.next()?;
    let definition_id = columns.next()?.parse().ok()?;
    let secrets = columns.next().unwrap_or_default();
    let secrets =
        secrets.split(',').filter(|path| !path.is_empty()).map(|path| path.split('.').collect()).collect();
    Some(Connector { side, slug, definition_id, secrets })
}

/// All connectors of one side.
pub(crate) fn of_side(side: Side) -> impl Iterator<Item = &'static Connector> {
    CONNECTORS.iter().filter(move |connector| connector.side == side)
}

/// The connector with this definition id.
pub(crate) fn by_definition(side: Side, id: Uuid) -> Option<&'static Connector> {
    CONNECTORS.iter().find(|connector| connector.side == side && connector.definition_id == id)
}

/// The connector that the public API calls by this name. Some have no name there, `dev-null` among them.
pub(crate) fn by_slug(side: Side, slug: &str) -> Option<&'static Connector> {
    CONNECTORS
        .iter()
        .find(|connector| connector.side == side && connector.slug == slug && connector.is_named())
}

impl Connector {
    /// Whether the server's own table of names has it.
    fn is_named(&self) -> bool {
        self.side == Side::Source || !matches!(self.slug, "dev-null" | "motherduck")
    }

    /// Whether the connector knows generations, and so refreshes. The table is of destinations that do.
    pub(crate) fn supports_refreshes(&self) -> bool {
        self.side == Side::Destination
            && matches!(
                self.slug,
                "bigquery"
                    | "clickhouse"
                    | "databricks"
                    | "dev-null"
                    | "mssql"
                    | "postgres"
                    | "redshift"
                    | "s3"
                    | "snowflake"
            )
    }

    /// The name that answers show: empty where the server has none.
    pub(crate) fn public_name(&self) -> &'static str {
        if self.is_named() { self.slug } else { "" }
    }

    /// Where its configuration holds secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &[&'static str]> {
        self.secrets.iter().map(Vec::as_slice)
    }

    /// The configuration with each secret that it holds replaced by the mask.
    pub(crate) fn masked(&self, configuration: &Value) -> Value {
        let mut shown = configuration.clone();
        for path in &self.secrets {
            if let Some(secret) = at_mut(&mut shown, path) {
                *secret = Value::from(MASK);
            }
        }
        shown
    }

    /// Puts the stored secrets in the place of masks, as the server does when a configuration is replaced.
    pub(crate) fn unmask(&self, configuration: &mut Value, stored: &Value) {
        for path in &self.secrets {
            if let (Some(sent), Some(kept)) = (at_mut(configuration, path), at(stored, path))
                && *sent == MASK
            {
                *sent = kept.clone();
            }
        }
    }
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn at_mut<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, name| value.get_mut(name))
}

/// Merges a partial configuration into the stored one, as the server does on PATCH: objects are merged, all else
/// is replaced, and whatever is not an object is ignored where the stored value is one.
pub(crate) fn merge(stored: &mut Value, sent: &Value) {
    let (Value::Object(stored), Value::Object(sent)) = (stored, sent) else { return };
    for (name, value) in sent {
        match stored.get_mut(name) {
            Some(old @ Value::Object(_)) => merge(old, value),
            _ => {
                stored.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_secrets_are_masked_only_where_they_are() {
        let postgres = by_slug(Side::Destination, "postgres").unwrap();
        let shown = postgres.masked(&json!({
            "host": "h", "password": "p", "tunnel_method": {"tunnel_method": "SSH_KEY_AUTH", "ssh_key": "k"}
        }));
        assert_eq!(
            shown,
            json!({
                "host": "h", "password": MASK, "tunnel_method": {"tunnel_method": "SSH_KEY_AUTH", "ssh_key": MASK}
            })
        );
    }

    #[test]
    fn a_patch_can_neither_remove_a_key_nor_replace_an_object_by_null() {
        let mut stored = json!({"a": 1, "nested": {"x": 1, "y": 2}, "list": [1]});
        merge(&mut stored, &json!({"a": null, "nested": {"y": 3}, "list": [2], "new": true}));
        assert_eq!(stored, json!({"a": null, "nested": {"x": 1, "y": 3}, "list": [2], "new": true}));
        merge(&mut stored, &json!({"nested": null}));
        assert_eq!(stored["nested"], json!({"x": 1, "y": 3}));
    }

    #[test]
    fn dev_null_exists_without_a_public_name() {
        assert!(by_slug(Side::Destination, "dev-null").is_none());
        let id = "a7bcc9d8-13b3-4e49-b80d-d020b90045e3".parse().unwrap();
        assert_eq!(by_definition(Side::Destination, id).unwrap().public_name(), "");
    }
}
