//! What has to be done so that a workspace is as a file says.

use airbyte_cloud::{DefinitionId, Tag};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::apply;
use super::connection_changes::connection_changes;
use super::diff::{self, Difference};
use super::model::{Code, Connection, Connector, Workspace};
use super::secrets::MASK;
use crate::error::Failure;
use crate::references::{refers, resolve, unescape};

/// One object that comes, changes or goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// create, update or delete.
    pub(crate) action: &'static str,
    /// tag, source, destination or connection.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Difference>,
    /// The configuration to send, of sources and destinations.
    #[serde(skip)]
    pub(crate) configuration: Option<Value>,
}

impl Step {
    fn new(action: &'static str, kind: &'static str, name: &str) -> Self {
        Self { action, kind, name: name.to_owned(), changes: Vec::new(), configuration: None }
    }
}

/// What may be done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    /// Delete what the file does not have.
    pub(crate) prune: bool,
    /// Send secrets that are there already, too: whether they differ cannot be seen.
    pub(crate) update_secrets: bool,
}

/// The steps from what is there to what the file says, in the order in which they can be done.
pub(crate) fn plan(file: &Code, there: &Workspace, allowed: Allowed) -> Result<Vec<Step>, Failure> {
    check(file, there)?;
    let mut steps = Vec::new();
    for (name, color) in &file.tags {
        Tag::check(name, color).map_err(|error| Failure::from(error).of(&format!("tag `{name}`")))?;
        match there.code.tags.get(name) {
            Some(present) if present.eq_ignore_ascii_case(color) => {}
            None => steps.push(Step::new("create", "tag", name)),
            Some(present) => {
                let change =
                    Difference::new(vec!["color".to_owned()], Some(&json!(present)), Some(&json!(color)));
                steps.push(Step { changes: vec![change], ..Step::new("update", "tag", name) });
            }
        }
    }
    for (name, connector) in &file.sources {
        let present = there.sources.get(name).map(|(_, shown)| shown);
        steps.extend(connector_step(
            "source",
            name,
            connector,
            present,
            there.code.sources.get(name),
            allowed,
        )?);
    }
    for (name, connector) in &file.destinations {
        let present = there.destinations.get(name).map(|(_, shown)| shown);
        let code = there.code.destinations.get(name);
        steps.extend(connector_step("destination", name, connector, present, code, allowed)?);
    }
    for (name, connection) in &file.connections {
        match there.code.connections.get(name) {
            None => {
                apply::check(name, connection, None, true)?;
                steps.push(Step::new("create", "connection", name));
            }
            Some(present) => {
                let changes = connection_changes(name, present, connection, allowed)?;
                if !changes.is_empty() {
                    let streams = changes.iter().any(Difference::is_of_stream);
                    apply::check(name, connection, Some(present), streams)?;
                    steps.push(Step { changes, ..Step::new("update", "connection", name) });
                }
            }
        }
    }
    if allowed.prune {
        let gone = |kind: &'static str, present: Vec<&String>, kept: &dyn Fn(&str) -> bool| -> Vec<Step> {
            present
                .into_iter()
                .filter(|name| !kept(name))
                .map(|name| Step::new("delete", kind, name))
                .collect()
        };
        let there = &there.code;
        steps.extend(gone("connection", there.connections.keys().collect(), &|it| {
            file.connections.contains_key(it)
        }));
        // What a connection of the file uses stays, named or not: a connection goes with its source.
        let is_used = |used: fn(&Connection) -> &String, it: &str| {
            file.connections.values().any(|connection| used(connection) == it)
        };
        steps.extend(gone("source", there.sources.keys().collect(), &|it| {
            file.sources.contains_key(it) || is_used(|connection| &connection.source, it)
        }));
        steps.extend(gone("destination", there.destinations.keys().collect(), &|it| {
            file.destinations.contains_key(it) || is_used(|connection| &connection.destination, it)
        }));
    }
    Ok(steps)
}

/// Refuses a file that can be seen to be wrong.
fn check(file: &Code, there: &Workspace) -> Result<(), Failure> {
    if file.version != super::model::VERSION {
        return Err(Failure::usage(format!(
            "the file has version {}, and this is for version 1",
            file.version
        )));
    }
    for (name, connection) in &file.connections {
        let known = |what: &str, name_of: &str, in_file: bool, is_there: bool| {
            if in_file || is_there {
                return Ok(());
            }
            Err(Failure::usage(format!("connection `{name}`: there is no {what} named `{name_of}`"))
                .with_hint("it has to be in the file or in the workspace"))
        };
        let (source, destination) = (&connection.source, &connection.destination);
        known("source", source, file.sources.contains_key(source), there.sources.contains_key(source))?;
        known(
            "destination",
            destination,
            file.destinations.contains_key(destination),
            there.destinations.contains_key(destination),
        )?;
        for tag in &connection.tags {
            known("tag", tag, file.tags.contains_key(tag), there.code.tags.contains_key(tag))?;
        }
        if connection.streams.is_empty() {
            return Err(Failure::usage(format!("connection `{name}` has no streams")));
        }
    }
    Ok(())
}

fn connector_step(
    kind: &'static str,
    name: &str,
    wanted: &Connector,
    present: Option<&Value>,
    present_code: Option<&Connector>,
    allowed: Allowed,
) -> Result<Option<Step>, Failure> {
    let wanted_configuration = Value::Object(wanted.configuration.clone());
    let (Some(present), Some(present_code)) = (present, present_code) else {
        if wanted.kind.is_none() && wanted.definition.is_none() {
            return Err(Failure::usage(format!("{kind} `{name}` names neither `type` nor `definition`")));
        }
        if let Some(definition) = &wanted.definition {
            definition.parse::<DefinitionId>()?;
        }
        let step = Step::new("create", kind, name);
        return Ok(Some(Step { configuration: Some(resolve(&wanted_configuration)?), ..step }));
    };
    let other = wanted.kind.is_some() && wanted.kind != present_code.kind;
    if other || (wanted.definition.is_some() && wanted.definition != present_code.definition) {
        return Err(Failure::usage(format!("{kind} `{name}` is there with another connector"))
            .with_hint("a connector cannot be changed: choose another name, or delete it first"));
    }
    let mut changes = Vec::new();
    let target =
        merged(&["configuration".to_owned()], present, &wanted_configuration, allowed, &mut changes)?;
    let step = Step { changes, configuration: Some(target), ..Step::new("update", kind, name) };
    Ok((!step.changes.is_empty()).then_some(step))
}

/// What is there with what is wanted put in, and what that changes. Where the server shows a mask, a secret stays.
fn merged(
    path: &[String],
    present: &Value,
    wanted: &Value,
    allowed: Allowed,
    changes: &mut Vec<Difference>,
) -> Result<Value, Failure> {
    match (present, wanted) {
        (Value::Object(present), Value::Object(wanted)) => {
            let mut target: Map<String, Value> = present.clone();
            for (name, value) in wanted {
                let path = diff::joined(path, name);
                let value = match present.get(name).filter(|it| !it.is_null()) {
                    Some(before) => merged(&path, before, value, allowed, changes)?,
                    None if value.is_null() => continue,
                    None => {
                        changes.push(Difference::new(path, None, Some(value)));
                        resolve(value)?
                    }
                };
                target.insert(name.clone(), value);
            }
            Ok(Value::Object(target))
        }
        (Value::Array(present), Value::Array(wanted)) if present.len() == wanted.len() => {
            let pairs = present.iter().zip(wanted).enumerate();
            pairs
                .map(|(at, (present, wanted))| {
                    let path = diff::joined(path, &at.to_string());
                    let mut found = Vec::new();
                    let mut target = merged(&path, present, wanted, allowed, &mut found)?;
                    // Items have no names: one that differs may be another one, and the secret of this place not its own.
                    if !found.is_empty() && has_mask(&target) {
                        found.clear();
                        let allowed = Allowed { update_secrets: true, ..allowed };
                        target = merged(&path, present, wanted, allowed, &mut found)?;
                    }
                    changes.append(&mut found);
                    Ok(target)
                })
                .collect()
        }
        (Value::String(mask), Value::String(_)) if mask == MASK && !allowed.update_secrets => {
            Ok(present.clone())
        }
        (present, wanted) => {
            let value = match wanted {
                // Without a reference there is nothing to look up.
                Value::String(text) if !refers(text) => Value::from(unescape(text)),
                other => resolve(other)?,
            };
            if value != *present {
                changes.push(Difference::new(path.to_vec(), Some(present), Some(wanted)));
            }
            Ok(value)
        }
    }
}

/// Whether a secret that is there would stay.
fn has_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(has_mask),
        Value::Object(members) => members.values().any(has_mask),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(yaml: &str) -> Code {
        serde_yaml_ng::from_str(yaml).unwrap()
    }

    const FILE: &str = "
version: 1
sources:
  Shop:
    type: postgres
    configuration: {host: a, password: '${SHOP_PASSWORD}', ports: [1, 2]}
destinations:
  Warehouse: {type: dev-null, configuration: {}}
connections:
  Shop to warehouse:
    source: Shop
    destination: Warehouse
    streams: [{name: users}, {name: orders, sync_mode: incremental_append}]
";

    fn there(file: &Code) -> Workspace {
        let id = || "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59";
        let shown = json!({ "host": "a", "password": MASK, "ports": [1, 2], "default": true });
        Workspace {
            code: file.clone(),
            sources: [("Shop".to_owned(), (id().parse().unwrap(), shown))].into(),
            destinations: [("Warehouse".to_owned(), (id().parse().unwrap(), json!({})))].into(),
            connections: [("Shop to warehouse".to_owned(), id().parse().unwrap())].into(),
            ..Workspace::default()
        }
    }

    fn lines(steps: &[Step]) -> Vec<String> {
        let line = |step: &Step| {
            let changes: Vec<String> = step.changes.iter().map(ToString::to_string).collect();
            format!("{} {} {}: {}", step.action, step.kind, step.name, changes.join("; "))
        };
        steps.iter().map(line).collect()
    }

    #[test]
    fn what_is_as_the_file_says_needs_no_step_in_whatever_order() {
        let file = code(FILE);
        assert_eq!(plan(&file, &there(&file), Allowed::default()).unwrap(), []);
        let mut turned = file.clone();
        turned.connections.get_mut("Shop to warehouse").unwrap().streams.reverse();
        assert_eq!(plan(&turned, &there(&file), Allowed::default()).unwrap(), []);
    }

    #[test]
    fn changes_are_told_by_their_places_and_secrets_stay_unless_asked_for() {
        let before = code(FILE);
        let file = code(
            &FILE
                .replace("host: a", "host: b, user: u")
                .replace("- name: x", "")
                .replace("{name: users}, ", "{name: carts}, "),
        );
        let steps = plan(&file, &there(&before), Allowed::default()).unwrap();
        assert_eq!(
            lines(&steps),
            [
                "update source Shop: ~ configuration.host: \"a\" -> \"b\"; + configuration.user: \"u\"",
                "update connection Shop to warehouse: - streams.users: {\"sync_mode\":\"full_refresh_overwrite\"}; \
                 + streams.carts: {\"sync_mode\":\"full_refresh_overwrite\"}",
            ]
        );
        assert_eq!(
            steps[0].configuration.as_ref().unwrap(),
            &json!({ "host": "b", "password": MASK, "ports": [1, 2], "default": true, "user": "u" })
        );
        // Sent anew, the secret has to be known.
        let secrets = Allowed { update_secrets: true, ..Allowed::default() };
        assert!(plan(&file, &there(&before), secrets).unwrap_err().message.contains("SHOP_PASSWORD"));
    }

    #[test]
    fn secrets_of_mappers_stay_unless_they_are_sent_anew_and_are_never_shown() {
        let mapper = |key: &str, field: &str| {
            let configuration = format!("{{algorithm: AES, targetField: {field}, key: '{key}'}}");
            let mapper = format!("{{type: encryption, mapperConfiguration: {configuration}}}");
            code(&FILE.replace("{name: users}", &format!("{{name: users, mappers: [{mapper}]}}")))
        };
        let before = there(&mapper("${USERS_MAPPER_0_MAPPERCONFIGURATION_KEY}", "email"));
        let secrets = Allowed { update_secrets: true, ..Allowed::default() };
        let kept = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&kept, "hunter2").unwrap();
        let referred = format!("${{file:{}}}", kept.path().display());
        for key in [referred.as_str(), "hunter2"] {
            let file = mapper(key, "email");
            assert_eq!(plan(&file, &before, Allowed::default()).unwrap(), []);
            let sent = plan(&Code { sources: [].into(), ..file }, &before, secrets).unwrap();
            // The other stream has no mappers, so there is nothing of it to send anew.
            assert_eq!(sent[0].changes.len(), 1, "{:?}", sent[0].changes);
            assert_eq!(sent[0].changes[0].path, ["streams", "users", "mappers"]);
            let other = plan(&mapper(key, "name"), &before, Allowed::default()).unwrap();
            for steps in [sent, other] {
                let shown = lines(&steps).join("\n");
                assert_eq!(steps.len(), 1, "{shown}");
                assert!(shown.contains(MASK) || shown.contains("${"), "{shown}");
                assert!(!shown.contains("hunter2"), "{shown}");
            }
        }
        // Of streams that differ all is sent, so what is referred to has to be there.
        let unknown = plan(&mapper("${NOT_SET_ANYWHERE}", "name"), &before, Allowed::default()).unwrap_err();
        assert!(unknown.message.contains("NOT_SET_ANYWHERE"), "{unknown:?}");
    }

    #[test]
    fn nothing_goes_unless_that_is_asked_for() {
        let before = code(FILE);
        let empty = code("version: 1\n");
        assert_eq!(plan(&empty, &there(&before), Allowed::default()).unwrap(), []);
        let pruned = plan(&empty, &there(&before), Allowed { prune: true, ..Allowed::default() }).unwrap();
        let order: Vec<&str> = pruned.iter().map(|step| step.kind).collect();
        assert_eq!(order, ["connection", "source", "destination"]);
    }

    #[test]
    fn what_a_connection_of_the_file_uses_stays_though_the_file_does_not_name_it() {
        let before = code(FILE);
        let file = Code { sources: [].into(), destinations: [].into(), ..before.clone() };
        let pruned = plan(&file, &there(&before), Allowed { prune: true, ..Allowed::default() }).unwrap();
        assert_eq!(pruned, []);
    }

    #[test]
    fn an_item_of_a_list_takes_no_other_items_secret() {
        let accounts =
            |first: &str, second: &str| {
                let account = |name: &str| format!("{{name: {name}, key: '${{KEY_OF_{name}}}'}}");
                code(&FILE.replace(
                    "ports: [1, 2]",
                    &format!("accounts: [{}, {}]", account(first), account(second)),
                ))
            };
        let before = accounts("A", "B");
        let shown = json!({
            "host": "a", "password": MASK,
            "accounts": [{ "name": "A", "key": MASK }, { "name": "B", "key": MASK }],
        });
        let mut there = there(&before);
        there.sources.get_mut("Shop").unwrap().1 = shown;
        assert_eq!(plan(&before, &there, Allowed::default()).unwrap(), []);
        let error = plan(&accounts("B", "A"), &there, Allowed::default()).unwrap_err();
        assert!(error.message.contains("KEY_OF_B"), "{error:?}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let before = code(FILE);
        for (from, to, word) in [
            ("type: postgres", "type: mysql", "another connector"),
            ("source: Shop", "source: Shp", "no source named `Shp`"),
            ("version: 1", "version: 2", "version 2"),
            ("[{name: users}, {name: orders, sync_mode: incremental_append}]", "[]", "no streams"),
        ] {
            let failure =
                plan(&code(&FILE.replace(from, to)), &there(&before), Allowed::default()).unwrap_err();
            assert!(failure.message.contains(word), "{failure:?}");
        }
        assert!(Code::parse("version: 1\nsorces: {}\n").is_err());
    }
}
