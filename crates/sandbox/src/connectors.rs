//! The registry of connectors: names, definition ids, and which configuration fields are secret.

use std::sync::LazyLock;

use serde_json::Value;
use uuid::Uuid;

use crate::model::Side;
use crate::specification;

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
        if self.is_described() {
            for path in &self.secrets {
                if let Some(secret) = at_mut(&mut shown, path) {
                    *secret = Value::from(MASK);
                }
            }
        } else {
            mask_by_names(&mut shown);
        }
        shown
    }

    /// Puts the stored secrets in the place of masks, as the server does when a configuration is replaced.
    pub(crate) fn unmask(&self, configuration: &mut Value, stored: &Value) {
        if self.is_described() {
            for path in &self.secrets {
                if let (Some(sent), Some(kept)) = (at_mut(configuration, path), at(stored, path)) {
                    keep(sent, kept);
                }
            }
        } else {
            unmask_by_names(configuration, stored);
        }
    }

    /// Whether it is known where its secrets are, if only that there are none.
    pub(crate) fn is_described(&self) -> bool {
        !self.secrets.is_empty() || specification::is_own(self)
    }
}

/// Parts of the names of members that hold secrets, without `_` and `-`: what there is to go by where a connector's
/// specification is not known.
const SECRET_PARTS: [&str; 18] = [
    "accesskey",
    "accountkey",
    "apikey",
    "clientkey",
    "connectionstring",
    "credential",
    "hmackey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "serviceaccount",
    "sharedaccesssignature",
    "sharedkey",
    "sshkey",
    "token",
    "webhook",
];
/// Whole names: what mappers hash and encrypt with.
const SECRET_NAMES: [&str; 2] = ["key", "salt"];

fn is_secret_name(name: &str) -> bool {
    let plain = name.to_lowercase().replace(['_', '-'], "");
    SECRET_NAMES.contains(&plain.as_str()) || SECRET_PARTS.iter().any(|part| plain.contains(part))
}

/// Masks what is secret by its name.
pub(crate) fn mask_by_names(configuration: &mut Value) {
    each_named(configuration, &Value::Null, &mut |secret, _| *secret = Value::from(MASK));
}

/// Puts the stored values in the place of the masks of what is secret by its name.
pub(crate) fn unmask_by_names(configuration: &mut Value, stored: &Value) {
    each_named(configuration, stored, &mut keep);
}

/// Puts the stored value in the place of a mask.
fn keep(sent: &mut Value, stored: &Value) {
    if *sent == MASK && !stored.is_null() {
        *sent = stored.clone();
    }
}

/// Visits each text, number or list whose name says that it is secret, with what `other` holds in its place.
fn each_named(value: &mut Value, other: &Value, visit: &mut dyn FnMut(&mut Value, &Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_secret_name(name) && !member.is_object() && !member.is_null() {
                    visit(member, &other[name.as_str()]);
                } else {
                    each_named(member, &other[name.as_str()], visit);
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                each_named(item, &other[place], visit);
            }
        }
        _ => {}
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
    fn what_big_query_and_mappers_call_their_secrets_is_masked() {
        let bigquery = by_slug(Side::Source, "bigquery").unwrap();
        let stored = json!({
            "project_id": "p", "credentials_json": "{}",
            "loading_method": {"credential": {"hmac_key_access_id": "i", "hmac_key_secret": "s"}},
            "mappers": [{"mapperConfiguration": {"targetField": "email", "key": "k"}}], "primary_key": "id",
        });
        assert_eq!(
            bigquery.masked(&stored),
            json!({
                "project_id": "p", "credentials_json": MASK,
                "loading_method": {"credential": {"hmac_key_access_id": MASK, "hmac_key_secret": MASK}},
                "mappers": [{"mapperConfiguration": {"targetField": "email", "key": MASK}}], "primary_key": "id",
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

    #[test]
    fn secrets_of_a_connector_that_is_not_described_go_by_their_names() {
        let postgres = by_slug(Side::Source, "postgres").unwrap();
        let stored = json!({
            "host": "h", "password": "p", "credentials": {"api_key": "k", "auth_type": "key"},
            "tunnels": [{"ssh_key": "s", "port": 22}],
        });
        let shown = json!({
            "host": "h", "password": MASK, "credentials": {"api_key": MASK, "auth_type": "key"},
            "tunnels": [{"ssh_key": MASK, "port": 22}],
        });
        assert_eq!(postgres.masked(&stored), shown);
        let mut sent = shown;
        sent["password"] = json!("new");
        postgres.unmask(&mut sent, &stored);
        assert_eq!(sent["password"], "new");
        assert_eq!(sent.pointer("/credentials/api_key").unwrap(), "k");
        assert_eq!(sent.pointer("/tunnels/0/ssh_key").unwrap(), "s");
        // That the faker has none is known.
        let faker = by_slug(Side::Source, "faker").unwrap();
        assert_eq!(faker.masked(&json!({"token": "t"})), json!({"token": "t"}));
    }
}
