//! What is secret in configurations and mappers, by the names of members.

use airbyte_cloud::is_secret_name;
use serde_json::Value;

use crate::references::refers;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "**********";

/// A secret, as it is shown: a reference says where it is, and does not tell it.
pub(super) fn masked(value: &Value) -> Value {
    let reference = value.as_str().is_some_and(refers);
    if reference || value.is_null() { value.clone() } else { Value::from(MASK) }
}

/// A value with its secret members masked, however deep they are.
pub(super) fn hidden(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let shown = members.iter().map(|(name, value)| {
                (name.clone(), if is_secret_name(name) { masked(value) } else { hidden(value) })
            });
            Value::Object(shown.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(hidden).collect()),
        other => other.clone(),
    }
}

/// Whether a value refers to something outside of the file, as it does for each secret that the server has.
pub(super) fn has_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => refers(text),
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(members) => members.values().any(has_reference),
        _ => false,
    }
}
