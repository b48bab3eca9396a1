//! What a workspace wants to be told of. Nothing is ever sent.

use serde_json::{Value, json};

use super::Refusal;

const KINDS: [&str; 6] = [
    "failure",
    "success",
    "connectionUpdate",
    "connectionUpdateActionRequired",
    "syncDisabled",
    "syncDisabledWarning",
];

/// The settings of all kinds, with the defaults of those that were never set: mails for everything but success.
pub(super) fn shown(stored: &Value) -> Value {
    let one = |kind: &str| {
        let by_default = json!({"email": {"enabled": kind != "success"}, "webhook": {"enabled": false}});
        stored.get(kind).cloned().unwrap_or(by_default)
    };
    KINDS.iter().map(|kind| ((*kind).to_owned(), one(kind))).collect()
}

/// The settings after a request: of each kind only what is given changes, so a webhook that is turned off keeps its
/// address.
pub(super) fn merged(stored: &Value, sent: &Value) -> Result<Value, Refusal> {
    let mut all = shown(stored);
    if !sent.is_object() && !sent.is_null() {
        return Err(Refusal::Framework("`notifications` is no object".to_owned()));
    }
    for path in KINDS.iter().flat_map(|kind| ["", "/email", "/webhook"].map(|part| format!("/{kind}{part}")))
    {
        if sent.pointer(&path).is_some_and(|part| !part.is_object() && !part.is_null()) {
            return Err(Refusal::Framework(format!("`notifications{path}` is no object")));
        }
    }
    for kind in KINDS {
        for (channel, member) in [("email", "enabled"), ("webhook", "enabled"), ("webhook", "url")] {
            let Some(value) = sent.pointer(&format!("/{kind}/{channel}/{member}")) else { continue };
            let fits = if member == "enabled" { value.is_boolean() } else { value.is_string() };
            if fits {
                all[kind][channel][member] = value.clone();
            } else if !value.is_null() {
                return Err(Refusal::Framework(format!("`{kind}.{channel}.{member}` cannot be {value}")));
            }
        }
    }
    Ok(all)
}
