//! Rules about names that become names in Rust.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, each_schema_object, schema_name};

pub const RULES: [Rule; 2] = [
    Rule {
        name: "distinct-schemas",
        what: "gives a number to a schema whose name is another's but for case and punctuation",
        why: "both would be one type in Rust",
        apply: distinct_schemas,
    },
    Rule {
        name: "distinct-properties",
        what: "leaves a property that is another's name but for case and punctuation, or that has no letter, to the further properties",
        why: "both would be one field in Rust",
        apply: distinct_properties,
    },
];

/// What two names have in common if they are one in Rust.
pub fn rust_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn distinct_schemas(document: &mut Value) -> usize {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return 0;
    };
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut renamed = BTreeMap::new();
    for (name, schema) in std::mem::take(schemas) {
        let mut new = name.clone();
        let mut number = 2;
        while !taken.insert(rust_name(&new)) {
            new = format!("{name}{number}");
            number += 1;
        }
        if new != name {
            renamed.insert(name, new.clone());
        }
        schemas.insert(new, schema);
    }
    if !renamed.is_empty() {
        each_schema_object(document, |schema| {
            let target = schema.get("$ref").and_then(Value::as_str).and_then(schema_name);
            if let Some(new) = target.and_then(|name| renamed.get(name)) {
                schema.insert("$ref".to_owned(), json!(format!("#/components/schemas/{new}")));
            }
            0
        });
    }
    renamed.len()
}

fn distinct_properties(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return 0 };
        let before = properties.len();
        let mut taken = BTreeSet::new();
        properties.retain(|name, _| {
            let rust = rust_name(name);
            rust.starts_with(|first: char| first.is_ascii_alphabetic()) && taken.insert(rust)
        });
        let dropped = before - properties.len();
        if dropped > 0 {
            let kept: Object = properties.clone();
            schema.insert("additionalProperties".to_owned(), json!({}));
            if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|name| name.as_str().is_some_and(|name| kept.contains_key(name)));
            }
        }
        dropped
    })
}
