//! The difference between two states of an object, for people to read.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::redact::without_secrets;

/// One thing that differs.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldChange {
    /// Where: member names from the outside to the inside. A stream is one step, by its name.
    pub path: Vec<String>,
    /// What is there now; `None` if nothing is.
    pub before: Option<Value>,
    /// What will be there; `None` if it is taken away.
    pub after: Option<Value>,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.join(".");
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {path}: {after}"),
            (Some(before), None) => write!(f, "- {path}: {before}"),
            (Some(before), Some(after)) => write!(f, "~ {path}: {before} -> {after}"),
            (None, None) => write!(f, "  {path}"),
        }
    }
}

impl fmt::Debug for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What differs between two states of an object: one line each, `+` for what is added, `-` for what is taken
/// away, `~` for what changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Diff(Vec<FieldChange>);

impl Diff {
    /// Compares two JSON values member by member. Lists are compared as a whole, except of streams.
    pub(crate) fn between(before: &Value, after: &Value) -> Self {
        let mut changes = Vec::new();
        compare(&mut Vec::new(), Some(before), Some(after), &mut changes);
        Self(changes)
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What differs.
    pub fn changes(&self) -> &[FieldChange] {
        &self.0
    }

    /// On one line, for an error message.
    pub(crate) fn in_one_line(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, change) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            change.fmt(f)?;
        }
        Ok(())
    }
}

fn compare(path: &mut Vec<String>, before: Option<&Value>, after: Option<&Value>, to: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for name in names(before, after) {
                path.push(name.clone());
                compare(path, before.get(name), after.get(name), to);
                path.pop();
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            to.push(FieldChange {
                path: path.clone(),
                before: before.map(without_secrets),
                after: after.map(without_secrets),
            });
        }
    }
}

/// All names of both, in the order of the first, then of the second.
fn names<'a>(before: &'a Map<String, Value>, after: &'a Map<String, Value>) -> Vec<&'a String> {
    before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_member_that_differs_is_one_line() {
        let before = json!({ "name": "a", "prefix": "x_", "streams": { "users": { "syncMode": "full" } } });
        let after = json!({ "name": "a", "streams": { "users": { "syncMode": "inc" }, "orders": {} } });
        let diff = Diff::between(&before, &after);
        assert_eq!(
            diff.to_string(),
            "- prefix: \"x_\"\n~ streams.users.syncMode: \"full\" -> \"inc\"\n+ streams.orders: {}"
        );
        assert!(Diff::between(&after, &after).is_empty());
    }

    #[test]
    fn keys_of_mappers_are_not_shown() {
        let mapper =
            json!({ "type": "encryption", "mapperConfiguration": { "key": "hunter2", "fieldName": "a" } });
        let diff = Diff::between(&json!({ "mappers": [] }), &json!({ "mappers": [mapper] }));
        assert!(!diff.to_string().contains("hunter2"), "{diff}");
        assert!(!serde_json::to_string(&diff).unwrap().contains("hunter2"));
    }
}
