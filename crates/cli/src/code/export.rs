//! From a workspace to a file.

use std::collections::{BTreeMap, BTreeSet};

use airbyte_cloud::{ApiRequest, Client, ConnectionId};
use serde_json::{Map, Value};

use super::model::{Code, Connection, Connector, Stream, VERSION, Workspace};
use super::secrets::{self, MASK};
use super::variables::{of_mappers, tell_apart, variable};
use crate::commands::api::all_pages;
use crate::error::{Failure, Kind, exit};
use crate::references::escape;

/// Reads a workspace whole.
pub(crate) async fn read_workspace(workspace: &airbyte_cloud::Workspace) -> Result<Workspace, Failure> {
    let client: &Client = workspace.client();
    // The server's own JSON: mappers and newer members are not part of the typed objects.
    let connections = ApiRequest::get("/connections").query("workspaceIds", workspace.id().to_string());
    let (tags, sources, destinations, connections) = futures::try_join!(
        async { workspace.tags().await.map_err(Failure::from) },
        async { workspace.sources().await.map_err(Failure::from) },
        async { workspace.destinations().await.map_err(Failure::from) },
        all_pages(client, connections),
    )?;
    let mut found = Workspace { code: Code { version: VERSION, ..Code::default() }, ..Workspace::default() };
    found.code.tags = tags.iter().map(|tag| (tag.name.clone(), tag.color.clone())).collect();
    found.tags = tags;
    let (mut source_names, mut destination_names) = (BTreeMap::new(), BTreeMap::new());
    for one in sources {
        let definition = one.definition_id.map(|id| id.to_string());
        let code = connector(&one.name, "sourceType", &one.source_type, definition, &one.configuration);
        unique("source", &one.name, found.code.sources.insert(one.name.clone(), code).as_ref())?;
        source_names.insert(one.source_id.to_string(), one.name.clone());
        found.sources.insert(one.name, (one.source_id, one.configuration));
    }
    for one in destinations {
        let definition = one.definition_id.map(|id| id.to_string());
        let code =
            connector(&one.name, "destinationType", &one.destination_type, definition, &one.configuration);
        unique("destination", &one.name, found.code.destinations.insert(one.name.clone(), code).as_ref())?;
        destination_names.insert(one.destination_id.to_string(), one.name.clone());
        found.destinations.insert(one.name, (one.destination_id, one.configuration));
    }
    for one in connections.as_array().into_iter().flatten() {
        let text = |member: &str| one.get(member).and_then(Value::as_str).unwrap_or_default();
        if text("status") == "deprecated" {
            continue;
        }
        let name = text("name").to_owned();
        let id: ConnectionId = text("connectionId").parse()?;
        let named = |names: &BTreeMap<String, String>, member: &str| {
            names.get(text(member)).cloned().unwrap_or_else(|| text(member).to_owned())
        };
        let (source, destination) =
            (named(&source_names, "sourceId"), named(&destination_names, "destinationId"));
        let code = connection(one, source, destination);
        unique("connection", &name, found.code.connections.insert(name.clone(), code).as_ref())?;
        found.connections.insert(name, id);
    }
    tell_apart(&mut found);
    Ok(found)
}

/// The file of a workspace, or of some of its connections with what belongs to them.
pub(crate) fn export(workspace: &Workspace, connections: &[String]) -> Code {
    let mut code = workspace.code.clone();
    if connections.is_empty() {
        return code;
    }
    code.connections.retain(|name, _| connections.contains(name));
    let kept: Vec<&Connection> = code.connections.values().collect();
    let names = |of: fn(&Connection) -> &String| -> BTreeSet<String> {
        kept.iter().map(|it| of(it).clone()).collect()
    };
    let (sources, destinations) = (names(|it| &it.source), names(|it| &it.destination));
    let tags: BTreeSet<String> = kept.iter().flat_map(|it| it.tags.iter().cloned()).collect();
    code.sources.retain(|name, _| sources.contains(name));
    code.destinations.retain(|name, _| destinations.contains(name));
    code.tags.retain(|name, _| tags.contains(name));
    code
}

fn unique<T>(noun: &str, name: &str, other: Option<&T>) -> Result<(), Failure> {
    match other {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            Kind::Library("conflict", exit::CONFLICT),
            format!(
                "several {noun}s of the workspace have the name `{name}`, and names are the keys of the file"
            ),
        )
        .with_hint(format!("rename one of them: `airbyte {noun} rename ID NAME`"))),
    }
}

fn connector(name: &str, member: &str, kind: &str, definition: Option<String>, shown: &Value) -> Connector {
    let mut configuration = shown.as_object().cloned().unwrap_or_default();
    configuration.remove(member);
    let kind = Some(kind.to_owned()).filter(|kind| !kind.is_empty());
    Connector {
        // Those without a name have a definition only.
        definition: if kind.is_none() { definition } else { None },
        kind,
        configuration: referring(&variable(name), configuration),
    }
}

/// The configuration with references in place of what the server masks.
fn referring(path: &str, members: Map<String, Value>) -> Map<String, Value> {
    let refer = |(name, value): (String, Value)| {
        let value = reference(&format!("{path}_{}", variable(&name)), value);
        (name, value)
    };
    members.into_iter().filter(|(_, value)| !value.is_null()).map(refer).collect()
}

fn reference(path: &str, value: Value) -> Value {
    match value {
        Value::String(text) if text == MASK => Value::from(format!("${{{path}}}")),
        Value::String(text) => Value::from(escape(&text)),
        Value::Object(members) => Value::Object(referring(path, members)),
        Value::Array(items) => {
            let numbered = items.into_iter().enumerate();
            numbered.map(|(number, item)| reference(&format!("{path}_{number}"), item)).collect()
        }
        other => other,
    }
}

fn connection(one: &Value, source: String, destination: String) -> Connection {
    let text = |member: &str| one.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let schedule = |member: &str| one.pointer(&format!("/schedule/{member}")).and_then(Value::as_str);
    let schedule = match (schedule("scheduleType"), schedule("cronExpression"), schedule("basicTiming")) {
        (_, Some(cron), _) => cron.trim_end_matches(" UTC").to_owned(),
        (_, None, Some(timing)) => timing.to_owned(),
        (kind, ..) => kind.unwrap_or("manual").to_owned(),
    };
    let namespace = match text("namespaceDefinition").as_str() {
        "custom_format" => text("namespaceFormat"),
        "" => "destination".to_owned(),
        other => other.to_owned(),
    };
    let updates = text("nonBreakingSchemaUpdatesBehavior");
    let list = |pointer: &str| one.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut tags: Vec<String> =
        list("/tags").iter().filter_map(|tag| tag.get("name")?.as_str().map(str::to_owned)).collect();
    tags.sort();
    let mut streams: Vec<Stream> = list("/configurations/streams").iter().map(stream).collect();
    streams.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Connection {
        source,
        destination,
        enabled: text("status") != "inactive",
        schedule,
        prefix: text("prefix"),
        namespace,
        schema_updates: if updates.is_empty() { "ignore".to_owned() } else { updates },
        tags,
        streams,
    }
}

fn stream(one: &Value) -> Stream {
    let text =
        |member: &str| one.get(member).and_then(Value::as_str).map(str::to_owned).filter(|it| !it.is_empty());
    let list = |member: &str| one.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let path = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let name = text("name").unwrap_or_default();
    let mappers = list("mappers").into_iter().enumerate().map(|(number, mapper)| {
        // Ids are the server's.
        let mut mapper = mapper;
        if let Value::Object(members) = &mut mapper {
            members.remove("id");
        }
        // Lists show the keys of mappers as they are.
        reference(&format!("{}_{number}", of_mappers(&name)), secrets::hidden(&mapper))
    });
    Stream {
        namespace: text("namespace"),
        sync_mode: text("syncMode").unwrap_or_else(|| super::model::DEFAULT_MODE.to_owned()),
        cursor_field: one.get("cursorField").map(path).unwrap_or_default(),
        primary_key: list("primaryKey").iter().map(path).collect(),
        fields: list("selectedFields")
            .iter()
            .filter_map(|field| field.get("fieldPath").map(path))
            .map(|path| path.join("."))
            .collect(),
        mappers: mappers.collect(),
        include_files: one.get("includeFiles").and_then(Value::as_bool).filter(|on| *on),
        destination_object_name: text("destinationObjectName"),
        name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_mappers_are_no_part_of_the_file() {
        let shown = json!({ "name": "users", "syncMode": "full_refresh_append", "mappers": [
            { "id": "x", "type": "encryption", "mapperConfiguration": { "algorithm": "AES", "key": "hunter2" } },
        ] });
        let configuration = json!({ "algorithm": "AES", "key": "${USERS_MAPPER_0_MAPPERCONFIGURATION_KEY}" });
        let expected = json!({ "type": "encryption", "mapperConfiguration": configuration });
        assert_eq!(stream(&shown).mappers, [expected]);
    }

    #[test]
    fn masks_become_references_by_their_place() {
        let shown = json!({
            "sourceType": "postgres", "password": MASK, "pattern": "${x}", "none": null,
            "tunnel": { "keys": [{ "key": MASK }] },
        });
        let code = connector("Shop (EU) ☕", "sourceType", "postgres", None, &shown);
        assert_eq!(
            json!(code),
            json!({ "type": "postgres", "configuration": {
                "password": "${SHOP_EU_PASSWORD}", "pattern": "$${x}",
                "tunnel": { "keys": [{ "key": "${SHOP_EU_TUNNEL_KEYS_0_KEY}" }] },
            } })
        );
        assert_eq!((variable("☕"), variable("2nd")), ("_".to_owned(), "_2ND".to_owned()));
    }
}
