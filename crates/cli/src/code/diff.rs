//! What differs between the file and the server, for people to read.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::secrets;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    /// Where: member names from the outside to the inside. A stream is one step, by its name.
    pub(crate) path: Vec<String>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.join(".");
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {path}: {after}"),
            (Some(before), None) => write!(f, "- {path}: {before}"),
            (Some(before), Some(after)) => write!(f, "~ {path}: {before} -> {after}"),
            (None, None) => f.write_str(&path),
        }
    }
}

impl Difference {
    /// With what is secret masked, by the names of members on the path and within the values. A stream on the path is named
    /// by its users, and the name says nothing.
    pub(crate) fn new(path: Vec<String>, before: Option<&Value>, after: Option<&Value>) -> Self {
        let mut change = Self { path, before: None, after: None };
        let secret =
            !change.is_of_stream() && change.path.iter().any(|name| airbyte_cloud::is_secret_name(name));
        let shown = |value: &Value| if secret { secrets::masked(value) } else { secrets::hidden(value) };
        (change.before, change.after) = (before.map(shown), after.map(shown));
        change
    }

    /// Whether a stream of a connection differs.
    pub(crate) fn is_of_stream(&self) -> bool {
        self.path.first().is_some_and(|name| name == "streams")
    }
}

/// Compares two values member by member; lists as a whole.
pub(crate) fn between(
    path: &[String],
    before: Option<&Value>,
    after: Option<&Value>,
    to: &mut Vec<Difference>,
) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            for name in names {
                between(&joined(path, name), before.get(name), after.get(name), to);
            }
        }
        (before, after) if before == after => {}
        (before, after) => to.push(Difference::new(path.to_vec(), before, after)),
    }
}

/// The path of a member.
pub(crate) fn joined(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_name_of_a_stream_hides_nothing_but_its_keys_are() {
        let stream = |mode: &str| json!({ "sync_mode": mode, "mappers": [{ "key": "hunter2" }] });
        let before = json!({ "streams": { "webhooks.tokens": stream("incremental_append") } });
        let after = json!({ "streams": { "webhooks.tokens": stream("full_refresh_overwrite"), "passwords": stream("x") } });
        let mut lines = Vec::new();
        between(&[], Some(&before), Some(&after), &mut lines);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "~ streams.webhooks.tokens.sync_mode: \"incremental_append\" -> \"full_refresh_overwrite\"",
                "+ streams.passwords: {\"sync_mode\":\"x\",\"mappers\":[{\"key\":\"**********\"}]}",
            ]
        );
    }

    #[test]
    fn differences_are_lines_and_secrets_are_masked() {
        let before = json!({ "port": 1, "password": "old", "host": "a", "gone": true, "mappers": [] });
        let after = json!({
            "port": 2, "password": "hunter2", "host": "a", "token": "${TOKEN}", "wal_passwd": "hunter2",
            "mappers": [{ "key": "hunter2", "publicKey": "p" }, { "key": "${KEY}" }],
        });
        let mut lines = Vec::new();
        between(&["configuration".to_owned()], Some(&before), Some(&after), &mut lines);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert!(!lines.concat().contains("hunter2"), "{lines:?}");
        assert_eq!(
            lines,
            [
                "~ configuration.port: 1 -> 2",
                "~ configuration.password: \"**********\" -> \"**********\"",
                "- configuration.gone: true",
                "~ configuration.mappers: [] -> \
                 [{\"key\":\"**********\",\"publicKey\":\"p\"},{\"key\":\"${KEY}\"}]",
                "+ configuration.token: \"${TOKEN}\"",
                "+ configuration.wal_passwd: \"**********\"",
            ]
        );
    }
}
