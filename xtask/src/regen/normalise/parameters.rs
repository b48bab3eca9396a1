//! Rules about parameters.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, each_operation, object, resolve};

pub const RULES: [Rule; 4] = [
    Rule {
        name: "parameters-of-operation",
        what: "moves the parameters of a path to its operations, and keeps one of each name",
        why: "a parameter that is stated twice would be an argument twice; the operation's own comes first",
        apply: parameters_of_operation,
    },
    Rule {
        name: "path-parameters",
        what: "declares the parameters that a path's braces name, as required, and drops others",
        why: "the generator panics on a path parameter that is not required, or that is not there",
        apply: path_parameters,
    },
    Rule {
        name: "supported-parameters",
        what: "drops cookie parameters and those that only a proxy or the HTTP client sets",
        why: "the generator refuses cookies; `Accept`, `Authorization` and `Content-Type` are not the caller's",
        apply: supported_parameters,
    },
    Rule {
        name: "parameter-schema",
        what: "makes a parameter that is not a single value, a list of some or a map of texts a text or such a map",
        why: "the generator ends in a panic on an object, on no schema and on `content`",
        apply: parameter_schema,
    },
];

fn parameters_of_operation(document: &mut Value) -> usize {
    let mut count = 0;
    for item in object(document, "paths").into_iter().flat_map(Object::values_mut) {
        let Some(shared) = item.as_object_mut().and_then(|item| item.remove("parameters")) else { continue };
        count += 1;
        for operation in item.as_object_mut().into_iter().flat_map(Object::values_mut) {
            let Some(operation) = operation.as_object_mut() else { continue };
            let own = operation.entry("parameters").or_insert_with(|| json!([]));
            if let (Some(own), Some(shared)) = (own.as_array_mut(), shared.as_array()) {
                own.extend(shared.iter().cloned());
            }
        }
    }
    count
        + each_operation(document, |operation| {
            let Some(parameters) = operation.body.get_mut("parameters").and_then(Value::as_array_mut) else {
                return usize::from(operation.body.remove("parameters").is_some());
            };
            let before = parameters.len();
            let mut seen = BTreeSet::new();
            parameters.retain(|one| seen.insert(argument(one["name"].as_str().unwrap_or_default())));
            let dropped = before - parameters.len();
            if parameters.is_empty() {
                operation.body.remove("parameters");
                return dropped + 1;
            }
            dropped
        })
}

/// Parameter names that differ in case or punctuation are one argument in Rust.
fn argument(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn path_parameters(document: &mut Value) -> usize {
    each_operation(document, |operation| {
        let names: Vec<&str> = operation
            .path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
            .collect();
        let mut parameters =
            operation.body.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let stated = parameters.clone();
        parameters.retain(|one| one["in"] != "path" || names.iter().any(|name| one["name"] == *name));
        for name in names {
            // The braces name it, so it is in the path, whatever the parameter says of itself.
            match parameters.iter_mut().find(|one| one["name"] == name) {
                Some(one) => {
                    one["in"] = json!("path");
                    one["required"] = json!(true);
                }
                None => parameters.push(json!({
                    "name": name, "in": "path", "required": true, "schema": { "type": "string" }
                })),
            }
        }
        if parameters == stated {
            return 0;
        }
        operation.body.insert("parameters".to_owned(), json!(parameters));
        1
    })
}

fn supported_parameters(document: &mut Value) -> usize {
    const NOT_THE_CALLERS: [&str; 3] = ["accept", "authorization", "content-type"];
    each_operation(document, |operation| {
        let Some(parameters) = operation.body.get_mut("parameters").and_then(Value::as_array_mut) else {
            return 0;
        };
        let before = parameters.len();
        parameters.retain(|one| match one["in"].as_str() {
            Some("path" | "query") => true,
            Some("header") => {
                let name = one["name"].as_str().unwrap_or_default().to_lowercase();
                !NOT_THE_CALLERS.contains(&name.as_str())
            }
            _ => false,
        });
        before - parameters.len()
    })
}

fn parameter_schema(document: &mut Value) -> usize {
    let whole = document.clone();
    each_operation(document, |operation| {
        let parameters = operation.body.get_mut("parameters").and_then(Value::as_array_mut);
        let mut count = 0;
        for one in parameters.into_iter().flatten() {
            let in_query = one["in"] == "query";
            let Some(members) = one.as_object_mut() else { continue };
            let mut changed = members.remove("content").is_some();
            let schema = members.entry("schema").or_insert_with(|| json!({}));
            let resolved = resolve(&whole, schema).unwrap_or(&Value::Null);
            if !is_scalar(resolved) && !(in_query && (is_list(resolved, &whole) || is_map(resolved))) {
                let is_object = resolved["type"] == "object" && in_query;
                *schema = if is_object {
                    json!({ "type": "object", "additionalProperties": { "type": "string" } })
                } else {
                    json!({ "type": "string" })
                };
                changed = true;
            }
            count += usize::from(changed);
        }
        count
    })
}

fn is_scalar(schema: &Value) -> bool {
    ["string", "integer", "number", "boolean"].iter().any(|scalar| schema["type"] == *scalar)
        // These are a type or an enum in the making, which later rules and the next round complete.
        || schema["type"].is_array()
        || ["const", "enum", "allOf"].iter().any(|key| schema.get(*key).is_some())
}

fn is_list(schema: &Value, document: &Value) -> bool {
    schema["type"] == "array" && resolve(document, &schema["items"]).is_some_and(is_scalar)
}

fn is_map(schema: &Value) -> bool {
    schema["type"] == "object"
        && schema.get("properties").is_none()
        && schema.get("additionalProperties").is_some_and(is_scalar)
}
