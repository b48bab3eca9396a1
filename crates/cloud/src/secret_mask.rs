//! What the server shows in place of a secret.

use serde_json::Value;

/// Ten asterisks. Sent back in a PATCH, they would be stored as the secret itself.
pub(crate) const MASK: &str = "**********";

/// Whether a mask is anywhere in it.
pub(crate) fn is_in(value: &Value) -> bool {
    first(value).is_some()
}

/// The path of the first mask in it, as `credentials.password`.
pub(crate) fn first(value: &Value) -> Option<String> {
    fn search(value: &Value, path: &mut Vec<String>) -> bool {
        let mut below = |name: String, value: &Value| {
            path.push(name);
            search(value, path) || {
                path.pop();
                false
            }
        };
        match value {
            Value::String(text) => text == MASK,
            Value::Array(items) => items.iter().enumerate().any(|(n, item)| below(n.to_string(), item)),
            Value::Object(members) => members.iter().any(|(name, item)| below(name.clone(), item)),
            _ => false,
        }
    }
    let mut path = Vec::new();
    search(value, &mut path).then(|| path.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mask_is_found_at_any_depth_by_its_path() {
        assert_eq!(first(&json!({ "a": [{ "b": "x" }, { "b": MASK }] })), Some("a.1.b".to_owned()));
        assert_eq!(first(&json!({ "a": "******" })), None);
    }
}
