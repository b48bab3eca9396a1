//! The rule about parts that are not even of the kind the format asks for.

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{METHODS, Object, each_schema, object};

pub const RULES: [Rule; 1] = [Rule {
    name: "well-formed",
    what: "leaves out parts of the wrong kind, a parameter without a name or a text in place of a schema, say",
    why: "the format leaves no meaning to them, and the other rules could not rely on anything",
    apply: well_formed,
}];

fn well_formed(document: &mut Value) -> usize {
    let mut count = 0;
    if let Some(components) = object(document, "components") {
        count += retain(components, |_, parts| parts.is_object());
    }
    if let Some(paths) = object(document, "paths") {
        count += retain(paths, |_, item| item.is_object());
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            count += retain(item, |key, value| !METHODS.contains(&key) || value.is_object());
            count += parameters(item);
            for (_, operation) in item.iter_mut().filter(|(key, _)| METHODS.contains(&key.as_str())) {
                count += operation.as_object_mut().map_or(0, parts_of_operation);
            }
        }
    }
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        for schema in schemas.values_mut().filter(|schema| !is_schema(schema)) {
            *schema = json!({});
            count += 1;
        }
    }
    count + each_schema(document, &mut |schema| schema.as_object_mut().map_or(0, keywords))
}

fn parts_of_operation(operation: &mut Object) -> usize {
    let mut count = parameters(operation);
    count += retain(operation, |key, value| match key {
        "requestBody" | "responses" => value.is_object(),
        "operationId" => value.is_string(),
        _ => true,
    });
    if let Some(body) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
        count += media_types(body);
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        count += retain(responses, |_, response| response.is_object());
        count += responses.values_mut().filter_map(Value::as_object_mut).map(media_types).sum::<usize>();
    }
    count
}

fn parameters(holder: &mut Object) -> usize {
    let mut count = retain(holder, |key, value| key != "parameters" || value.is_array());
    if let Some(parameters) = holder.get_mut("parameters").and_then(Value::as_array_mut) {
        let before = parameters.len();
        parameters
            .retain(|one| one["$ref"].is_string() || (one["name"].is_string() && one["in"].is_string()));
        count += before - parameters.len();
        for one in parameters.iter_mut().filter_map(Value::as_object_mut) {
            count += retain(one, |key, value| match key {
                "schema" => is_schema(value),
                "required" => value.is_boolean(),
                _ => true,
            });
        }
    }
    count
}

fn media_types(holder: &mut Object) -> usize {
    let mut count = retain(holder, |key, value| match key {
        "content" => value.is_object(),
        "required" => value.is_boolean(),
        _ => true,
    });
    for media in
        holder.get_mut("content").and_then(Value::as_object_mut).into_iter().flat_map(Object::values_mut)
    {
        match media {
            Value::Object(media) => count += retain(media, |key, value| key != "schema" || is_schema(value)),
            other => {
                *other = json!({});
                count += 1;
            }
        }
    }
    count
}

fn keywords(schema: &mut Object) -> usize {
    let mut count = retain(schema, |key, value| match key {
        "type" => value.is_string() || value.is_array(),
        "$ref" => value.is_string(),
        "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
        "enum" => value.is_array(),
        "properties" => value.is_object(),
        "items" | "additionalProperties" => is_schema(value),
        "allOf" | "oneOf" | "anyOf" => value.as_array().is_some_and(|parts| !parts.is_empty()),
        "nullable" => value.is_boolean(),
        _ => true,
    });
    for key in ["properties", "allOf", "oneOf", "anyOf"] {
        let parts: Vec<&mut Value> = match schema.get_mut(key) {
            Some(Value::Object(parts)) => parts.values_mut().collect(),
            Some(Value::Array(parts)) => parts.iter_mut().collect(),
            _ => continue,
        };
        for part in parts.into_iter().filter(|part| !is_schema(part)) {
            *part = json!({});
            count += 1;
        }
    }
    count
}

fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}

fn retain(members: &mut Object, keep: impl Fn(&str, &Value) -> bool) -> usize {
    let before = members.len();
    members.retain(|key, value| keep(key, value));
    before - members.len()
}
