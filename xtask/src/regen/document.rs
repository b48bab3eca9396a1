//! Walking an OpenAPI document that is held as plain JSON.
//!
//! The normaliser works on JSON rather than on a typed document because what it has to repair is exactly
//! what a typed document refuses to hold.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A JSON object.
pub type Object = Map<String, Value>;

/// The methods an OpenAPI path may have, in the order in which they are shown.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];

/// `value[key]` as an object, if it is one.
pub fn object<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Object> {
    value.get_mut(key)?.as_object_mut()
}

/// One operation, with its place in the document.
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub body: &'a mut Object,
}

impl Operation<'_> {
    /// The operation's id; its method and path where it has none.
    pub fn name(&self) -> String {
        match self.body.get("operationId").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => format!("{} {}", self.method.to_uppercase(), self.path),
        }
    }
}

/// Calls `visit` for every operation, in document order; the result is the sum of what `visit` returns.
pub fn each_operation(document: &mut Value, mut visit: impl FnMut(Operation<'_>) -> usize) -> usize {
    let mut sum = 0;
    for (path, item) in object(document, "paths").into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if METHODS.contains(&method.as_str())
                && let Some(body) = operation.as_object_mut()
            {
                sum += visit(Operation { path, method, body });
            }
        }
    }
    sum
}

/// Calls `visit` for every schema of the document, the innermost first; the result is the sum of what `visit`
/// returns. A schema that is `true` or `false` is shown as it is.
pub fn each_schema(document: &mut Value, visit: &mut impl FnMut(&mut Value) -> usize) -> usize {
    let mut sum = 0;
    if let Some(components) = object(document, "components") {
        for (kind, parts) in components {
            for part in parts.as_object_mut().into_iter().flat_map(Map::values_mut) {
                sum += if kind == "schemas" { in_schema(part, visit) } else { in_holder(part, visit) };
            }
        }
    }
    for item in object(document, "paths").into_iter().flat_map(Map::values_mut) {
        sum += in_holder(item, visit);
        for operation in METHODS {
            if let Some(operation) = item.get_mut(operation) {
                sum += in_holder(operation, visit);
            }
        }
    }
    sum
}

/// The schemas of something that holds some: an operation, a parameter, a body, a response, a media type.
fn in_holder(holder: &mut Value, visit: &mut impl FnMut(&mut Value) -> usize) -> usize {
    let mut sum = 0;
    for (key, value) in holder.as_object_mut().into_iter().flatten() {
        sum += match key.as_str() {
            "schema" => in_schema(value, visit),
            "requestBody" => in_holder(value, visit),
            "responses" | "content" | "headers" => value
                .as_object_mut()
                .into_iter()
                .flat_map(Map::values_mut)
                .map(|part| in_holder(part, visit))
                .sum(),
            "parameters" => {
                value.as_array_mut().into_iter().flatten().map(|part| in_holder(part, visit)).sum()
            }
            _ => 0,
        };
    }
    sum
}

/// The keywords whose value is one schema, a list of schemas, a map of schemas.
const ONE: [&str; 12] = [
    "items",
    "additionalProperties",
    "not",
    "contains",
    "propertyNames",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "additionalItems",
];
const LIST: [&str; 4] = ["allOf", "oneOf", "anyOf", "prefixItems"];
const MAP: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

fn in_schema(schema: &mut Value, visit: &mut impl FnMut(&mut Value) -> usize) -> usize {
    let mut sum = 0;
    for (key, value) in schema.as_object_mut().into_iter().flatten() {
        let key = key.as_str();
        if ONE.contains(&key) && (value.is_object() || value.is_boolean()) {
            sum += in_schema(value, visit);
        } else if LIST.contains(&key) || ONE.contains(&key) {
            sum +=
                value.as_array_mut().into_iter().flatten().map(|part| in_schema(part, visit)).sum::<usize>();
        } else if MAP.contains(&key) {
            let parts = value.as_object_mut().into_iter().flat_map(Map::values_mut);
            sum += parts.map(|part| in_schema(part, visit)).sum::<usize>();
        }
    }
    sum + visit(schema)
}

/// Calls `visit` for every schema that is written as an object.
pub fn each_schema_object(document: &mut Value, mut visit: impl FnMut(&mut Object) -> usize) -> usize {
    each_schema(document, &mut |schema| schema.as_object_mut().map_or(0, &mut visit))
}

/// The schema component that `reference` names: `JobRead` for `#/components/schemas/JobRead`.
pub fn schema_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/").filter(|name| !name.contains('/'))
}

/// The reference of a schema that is one.
pub fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()
}

/// The names of all schema components.
pub fn schema_names(document: &Value) -> BTreeSet<String> {
    document["components"]["schemas"].as_object().into_iter().flat_map(Map::keys).cloned().collect()
}

/// The schema itself where `schema` is a reference to one, however many steps away.
pub fn resolve<'a>(document: &'a Value, mut schema: &'a Value) -> Option<&'a Value> {
    // A circle of references has no schema at its end.
    for _ in 0..32 {
        match reference(schema) {
            None => return Some(schema),
            Some(target) => schema = pointed_at(document, target)?,
        }
    }
    None
}

/// What a reference inside the document, such as `#/components/parameters/Limit`, points at.
pub fn pointed_at<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}
