//! What differs between the file and the server, for people to read.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "**********";

/// Parts of the names of members whose values are not shown.
const SECRET: [&str; 10] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private_key",
    "privatekey",
    "api_key",
    "apikey",
    "access_key",
];

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {}: {after}", self.path),
            (Some(before), None) => write!(f, "- {}: {before}", self.path),
            (Some(before), Some(after)) => write!(f, "~ {}: {before} -> {after}", self.path),
            (None, None) => f.write_str(&self.path),
        }
    }
}

impl Difference {
    /// With the values masked, if the path leads to a secret.
    pub(crate) fn new(path: String, before: Option<&Value>, after: Option<&Value>) -> Self {
        let lower = path.to_lowercase();
        let secret = SECRET.iter().any(|word| lower.contains(word));
        let shown = |value: &Value| {
            let reference = value.as_str().is_some_and(crate::references::refers);
            if secret && !reference && !value.is_null() { Value::from(MASK) } else { value.clone() }
        };
        Self { path, before: before.map(shown), after: after.map(shown) }
    }
}

/// Compares two values member by member; lists as a whole.
pub(crate) fn between(path: &str, before: Option<&Value>, after: Option<&Value>, to: &mut Vec<Difference>) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            for name in names {
                between(&joined(path, name), before.get(name), after.get(name), to);
            }
        }
        (before, after) if before == after => {}
        (before, after) => to.push(Difference::new(path.to_owned(), before, after)),
    }
}

/// Members of lists may hold secrets, too, so values within are looked through.
pub(crate) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_lines_and_secrets_are_masked() {
        let before = json!({ "port": 1, "password": "old", "host": "a", "gone": true });
        let after = json!({ "port": 2, "password": "hunter2", "host": "a", "token": "${TOKEN}" });
        let mut lines = Vec::new();
        between("configuration", Some(&before), Some(&after), &mut lines);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "~ configuration.port: 1 -> 2",
                "~ configuration.password: \"**********\" -> \"**********\"",
                "- configuration.gone: true",
                "+ configuration.token: \"${TOKEN}\"",
            ]
        );
    }
}
