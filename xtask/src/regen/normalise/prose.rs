//! Rules that leave structure only: a document states facts, and its sentences are its authors'.

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, each_operation, each_schema_object, object};

pub const RULES: [Rule; 4] = [
    Rule {
        name: "document-keys",
        what: "sets the version to 3.0.3, replaces the title, and drops all but paths and schemas",
        why: "the generator takes 3.0 only; servers, security, tags, contacts and licences are not used",
        apply: document_keys,
    },
    Rule {
        name: "operation-keys",
        what: "drops summaries, descriptions, tags, callbacks, servers, security and extensions of operations",
        why: "they are prose, or change nothing in the bindings",
        apply: operation_keys,
    },
    Rule {
        name: "part-keys",
        what: "drops descriptions, examples, styles, links and headers of parameters, bodies and responses",
        why: "they are prose, or the generator panics on them (`encoding`)",
        apply: part_keys,
    },
    Rule {
        name: "schema-prose",
        what: "drops titles, descriptions, examples, comments and extensions of schemas",
        why: "they are prose; our descriptions come from the overlays",
        apply: schema_prose,
    },
];

/// What `info` holds before the overlays: the format asks for a title.
const TITLE: &str = "Airbyte";

fn document_keys(document: &mut Value) -> usize {
    let version = document["info"]["version"].as_str().unwrap_or("0").to_owned();
    let info = json!({ "title": TITLE, "version": version });
    let mut count = 0;
    if document["openapi"] != "3.0.3" {
        document["openapi"] = json!("3.0.3");
        count += 1;
    }
    if document["info"] != info {
        document["info"] = info;
        count += 1;
    }
    count + keep(document, &["openapi", "info", "paths", "components"])
}

fn operation_keys(document: &mut Value) -> usize {
    let mut count = 0;
    for item in object(document, "paths").into_iter().flat_map(Object::values_mut) {
        let Some(item) = item.as_object_mut() else { continue };
        let before = item.len();
        item.retain(|key, _| crate::regen::document::METHODS.contains(&key.as_str()) || key == "parameters");
        count += before - item.len();
    }
    count
        + each_operation(document, |operation| {
            keep_of(operation.body, &["operationId", "parameters", "requestBody", "responses"])
        })
}

fn part_keys(document: &mut Value) -> usize {
    let mut count = 0;
    for item in object(document, "paths").into_iter().flat_map(Object::values_mut) {
        count += item.get_mut("parameters").map_or(0, parameter_keys);
    }
    count
        + each_operation(document, |operation| {
            let mut count = operation.body.get_mut("parameters").map_or(0, parameter_keys);
            if let Some(body) = operation.body.get_mut("requestBody") {
                count += keep(body, &["required", "content"]) + media_keys(body);
            }
            let responses = operation.body.get_mut("responses").and_then(Value::as_object_mut);
            for response in responses.into_iter().flat_map(Object::values_mut) {
                // The format asks for a description.
                if response["description"] != "" {
                    response["description"] = json!("");
                    count += 1;
                }
                count += keep(response, &["description", "content"]) + media_keys(response);
            }
            count
        })
}

fn parameter_keys(parameters: &mut Value) -> usize {
    let parameters = parameters.as_array_mut().into_iter().flatten();
    parameters.map(|one| keep(one, &["name", "in", "required", "schema", "content"])).sum()
}

fn media_keys(holder: &mut Value) -> usize {
    let types = object(holder, "content").into_iter().flat_map(Object::values_mut);
    types.map(|media| keep(media, &["schema"])).sum()
}

fn schema_prose(document: &mut Value) -> usize {
    const PROSE: [&str; 9] = [
        "title",
        "description",
        "summary",
        "example",
        "examples",
        "externalDocs",
        "$comment",
        "xml",
        "deprecated",
    ];
    each_schema_object(document, |schema| {
        let before = schema.len();
        schema.retain(|key, _| !PROSE.contains(&key.as_str()) && !key.starts_with("x-"));
        before - schema.len()
    })
}

fn keep(value: &mut Value, keys: &[&str]) -> usize {
    value.as_object_mut().map_or(0, |members| keep_of(members, keys))
}

fn keep_of(members: &mut Object, keys: &[&str]) -> usize {
    let before = members.len();
    members.retain(|key, _| keys.contains(&key.as_str()));
    before - members.len()
}
