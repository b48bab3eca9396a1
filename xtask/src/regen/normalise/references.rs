//! Rules about `$ref`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{
    METHODS, Object, each_schema, each_schema_object, object, pointed_at, reference, resolve, schema_name,
    schema_names,
};

pub const INLINING: [Rule; 1] = [Rule {
    name: "inline-shared-parts",
    what: "puts shared parameters, bodies and responses where they are used; one that does not exist is left out",
    why: "the generator panics on a response or parameter that is not there, and every other rule would have to follow references",
    apply: inline_shared_parts,
}];

pub const REPAIRS: [Rule; 3] = [
    Rule {
        name: "lone-reference",
        what: "drops what stands beside a `$ref`, except `nullable`",
        why: "OpenAPI 3.1 allows it, 3.0 ignores it",
        apply: lone_reference,
    },
    Rule {
        name: "deep-reference",
        what: "replaces a reference to a part of a schema by that part",
        why: "the generator knows references to whole schemas only",
        apply: deep_reference,
    },
    Rule {
        name: "dangling-reference",
        what: "replaces a reference to a schema that does not exist, or to itself, by any JSON",
        why: "the generator panics on it",
        apply: dangling_reference,
    },
];

pub const PRUNING: [Rule; 1] = [Rule {
    name: "prune-schemas",
    what: "drops schemas that no operation reaches",
    why: "each would be compiled by every user, and most of the Config API is not selected",
    apply: prune_schemas,
}];

fn inline_shared_parts(document: &mut Value) -> usize {
    let whole = document.clone();
    let mut count = 0;
    for item in object(document, "paths").into_iter().flat_map(Object::values_mut) {
        count += inline(item, &whole);
        for (key, value) in item.as_object_mut().into_iter().flatten() {
            if key == "parameters" {
                count += inline_parameters(value, &whole);
            } else if METHODS.contains(&key.as_str()) {
                count += inline_parts_of_operation(value, &whole);
            }
        }
    }
    if let Some(components) = object(document, "components") {
        let before = components.len();
        components.retain(|kind, _| kind == "schemas");
        count += before - components.len();
    }
    count
}

fn inline_parts_of_operation(operation: &mut Value, whole: &Value) -> usize {
    let mut count = 0;
    for (key, value) in operation.as_object_mut().into_iter().flatten() {
        count += match key.as_str() {
            "parameters" => inline_parameters(value, whole),
            "requestBody" => inline(value, whole),
            "responses" => {
                let responses = value.as_object_mut().into_iter().flat_map(Object::values_mut);
                responses.map(|response| inline(response, whole)).sum()
            }
            _ => 0,
        };
    }
    count
}

/// A parameter that does not exist has no name either, so nothing can be left in its place.
fn inline_parameters(parameters: &mut Value, whole: &Value) -> usize {
    let Some(parameters) = parameters.as_array_mut() else { return 0 };
    let count = parameters.iter_mut().map(|parameter| inline(parameter, whole)).sum();
    parameters.retain(|parameter| parameter.get("name").is_some());
    count
}

fn inline(part: &mut Value, whole: &Value) -> usize {
    if reference(part).is_none() {
        return 0;
    }
    *part = resolve(whole, part).cloned().unwrap_or_else(|| json!({}));
    1
}

fn lone_reference(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let before = schema.len();
        if schema.get("$ref").is_some_and(Value::is_string) {
            schema.retain(|key, _| key == "$ref" || key == "nullable");
        }
        before - schema.len()
    })
}

fn deep_reference(document: &mut Value) -> usize {
    let whole = document.clone();
    each_schema(document, &mut |schema| match reference(schema) {
        Some(target) if schema_name(target).is_none() && pointed_at(&whole, target).is_some() => {
            *schema = pointed_at(&whole, target).cloned().unwrap_or_default();
            1
        }
        _ => 0,
    })
}

fn dangling_reference(document: &mut Value) -> usize {
    let whole = document.clone();
    each_schema(document, &mut |schema| {
        let dangling = reference(schema).is_some() && resolve(&whole, schema).is_none();
        if dangling {
            *schema = json!({});
        }
        usize::from(dangling)
    })
}

pub fn prune_schemas(document: &mut Value) -> usize {
    let mut reached = BTreeSet::new();
    let mut found = references_in(&document["paths"]);
    while let Some(name) = found.pop() {
        if reached.insert(name.clone()) {
            found.extend(references_in(&document["components"]["schemas"][&name]));
        }
    }
    let unreached: Vec<String> = schema_names(document).difference(&reached).cloned().collect();
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.retain(|name, _| reached.contains(name));
    }
    unreached.len()
}

/// The names of all schemas that are referred to anywhere in `value`.
fn references_in(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).and_then(schema_name).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references_in)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references_in).collect(),
        _ => Vec::new(),
    }
}
