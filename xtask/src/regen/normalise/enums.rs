//! Rules about `enum`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, each_schema_object};

pub const RULES: [Rule; 2] = [
    Rule {
        name: "enum-of-texts",
        what: "keeps an enum of distinct texts, with null as `nullable`; an enum of anything else is its type alone",
        why: "an enum of numbers is closed in the generated code, and one without a type is any JSON",
        apply: enum_of_texts,
    },
    Rule {
        name: "enum-names",
        what: "turns an enum whose values would not be distinct names in Rust into text",
        why: "the generator fails on it",
        apply: enum_names,
    },
];

fn enum_of_texts(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let Some(stated) = schema.get("enum").cloned() else { return 0 };
        let values = stated.as_array().cloned().unwrap_or_default();
        let mut texts: Vec<&str> = Vec::new();
        for text in values.iter().filter_map(Value::as_str) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let nulls = values.contains(&Value::Null);
        let only_texts = values.iter().all(|value| value.is_string() || value.is_null());
        let fits_type = schema.get("type").is_none_or(|name| name == "string");
        let mut changed = false;
        if nulls && schema.insert("nullable".to_owned(), json!(true)) != Some(json!(true)) {
            changed = true;
        }
        if only_texts && fits_type && !texts.is_empty() {
            changed |=
                stated != json!(texts) || !schema.contains_key("type") || schema.contains_key("format");
            schema.insert("enum".to_owned(), json!(texts));
            schema.insert("type".to_owned(), json!("string"));
            schema.remove("format");
        } else {
            changed = true;
            schema.remove("enum");
            if !schema.contains_key("type")
                && let Some(common) = common_type(&values)
            {
                schema.insert("type".to_owned(), json!(common));
            }
        }
        usize::from(changed)
    })
}

fn common_type(values: &[Value]) -> Option<&'static str> {
    let named = |value: &Value| match value {
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some("integer"),
        Value::Number(_) => Some("number"),
        Value::String(_) => Some("string"),
        _ => None,
    };
    let first = named(values.first()?)?;
    values.iter().all(|value| named(value) == Some(first)).then_some(first)
}

fn enum_names(document: &mut Value) -> usize {
    each_schema_object(document, |schema: &mut Object| {
        let Some(values) = schema.get("enum").and_then(Value::as_array) else { return 0 };
        let names: BTreeSet<String> = values
            .iter()
            .filter_map(Value::as_str)
            .map(|text| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase())
            .collect();
        if names.len() == values.len() && !names.contains("") {
            return 0;
        }
        schema.remove("enum");
        1
    })
}
