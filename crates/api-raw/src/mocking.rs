//! What the typed mocks need beside the generated code.

use httpmock::When;
use serde::Serialize;
use serde_json::Value;

/// Expects a query parameter as the client writes it: a list as one pair for each item, a map as its own pairs.
pub(crate) fn query_param(when: When, name: &str, value: impl Serialize) -> When {
    match serde_json::to_value(&value) {
        Ok(Value::Array(items)) => items.iter().fold(when, |when, item| when.query_param(name, text(item))),
        Ok(Value::Object(pairs)) => {
            pairs.iter().fold(when, |when, (name, value)| when.query_param(name.as_str(), text(value)))
        }
        Ok(value) => when.query_param(name, text(&value)),
        // What cannot be written is never sent either.
        Err(_) => when.query_param_missing(name),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
