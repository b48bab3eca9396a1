//! Rules about `allOf`, `oneOf` and `anyOf`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, each_schema, each_schema_object, reference, resolve};

pub const RULES: [Rule; 5] = [
    Rule {
        name: "union-with-null",
        what: "reads a union with null as `nullable`, and a union of one as that one",
        why: "it is how OpenAPI 3.1 writes an optional value",
        apply: union_with_null,
    },
    Rule {
        name: "empty-part",
        what: "drops parts of an `allOf` that say nothing",
        why: "a lone reference is left, which keeps the name of its type",
        apply: empty_part,
    },
    Rule {
        name: "named-composition",
        what: "gives a composed schema inside of a named one a name of its own",
        why: "one that contains the schema it is in could not be merged in place without end",
        apply: named_composition,
    },
    Rule {
        name: "merged-parts",
        what: "merges the parts of an `allOf` into one object",
        why: "names in `required` may be another part's properties, and one struct is simpler than nested ones",
        apply: merged_parts,
    },
    Rule {
        name: "merged-union",
        what: "makes a union of objects one object with the properties of all, which keeps what it does not know; of many objects, an object of anything; any other union is any JSON",
        why: "the generator ignores the discriminator and takes the first variant that fits, which loses data; an unknown variant would be undecodable; a recursive union ends in a panic",
        apply: merged_union,
    },
];

const UNIONS: [&str; 2] = ["oneOf", "anyOf"];
/// A union of more objects is a catalogue (of all connectors' configurations, say) rather than a type.
const MANY: usize = 16;

fn union_with_null(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let mut count = 0;
        for key in UNIONS {
            let Some(variants) = schema.get_mut(key).and_then(Value::as_array_mut) else { continue };
            let before = variants.len();
            variants.retain(|variant| !is_null(variant));
            let nulls = before - variants.len();
            let single = (variants.len() == 1).then(|| variants[0].clone());
            let empty = variants.is_empty();
            if nulls > 0 {
                schema.insert("nullable".to_owned(), json!(true));
                count += 1;
            }
            if empty {
                schema.remove(key);
                count += 1;
            }
            // Beside other keywords a union of one is a part like any other.
            if let Some(single) = single {
                schema.remove(key);
                let parts = schema.entry("allOf").or_insert_with(|| json!([]));
                parts.as_array_mut().into_iter().for_each(|parts| parts.push(single.clone()));
                count += 1;
            }
        }
        count
    })
}

fn is_null(variant: &Value) -> bool {
    // The rules before this one have turned `type: "null"` into nothing at all.
    variant == &json!({ "enum": [null] }) || variant == &json!({ "type": "null" })
}

fn empty_part(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) else { return 0 };
        let before = parts.len();
        parts.retain(|part| *part != json!({}));
        let dropped = before - parts.len();
        if parts.is_empty() {
            schema.remove("allOf");
        }
        dropped
    })
}

fn named_composition(document: &mut Value) -> usize {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return 0;
    };
    let mut named = Vec::new();
    let mut taken: BTreeSet<String> = schemas.keys().cloned().collect();
    for (name, schema) in schemas.iter_mut() {
        name_inside(schema, name, &mut taken, &mut named);
    }
    let count = named.len();
    schemas.extend(named);
    count
}

/// Names the composed schemas inside of `schema`, which would be called `name`, but not `schema` itself.
fn name_inside(
    schema: &mut Value,
    name: &str,
    taken: &mut BTreeSet<String>,
    named: &mut Vec<(String, Value)>,
) {
    for (key, value) in schema.as_object_mut().into_iter().flatten() {
        match key.as_str() {
            "properties" => {
                for (property, value) in value.as_object_mut().into_iter().flatten() {
                    name_one(value, &format!("{name}{}", capitalised(property)), taken, named);
                }
            }
            "items" => name_one(value, &format!("{name}Item"), taken, named),
            "additionalProperties" => name_one(value, &format!("{name}Value"), taken, named),
            // The parts of a composition are merged together with it.
            "allOf" | "oneOf" | "anyOf" => {
                for part in value.as_array_mut().into_iter().flatten() {
                    name_inside(part, name, taken, named);
                }
            }
            _ => {}
        }
    }
}

fn name_one(schema: &mut Value, name: &str, taken: &mut BTreeSet<String>, named: &mut Vec<(String, Value)>) {
    let composed = schema.as_object().is_some_and(|members| {
        ["allOf", "oneOf", "anyOf"]
            .iter()
            .any(|key| members.get(*key).and_then(Value::as_array).is_some_and(|parts| parts.len() > 1))
    });
    if !composed {
        return name_inside(schema, name, taken, named);
    }
    let mut own = name.to_owned();
    let mut number = 2;
    while !taken.insert(own.clone()) {
        own = format!("{name}{number}");
        number += 1;
    }
    let mut reference = json!({ "$ref": format!("#/components/schemas/{own}") });
    if let Some(nullable) = schema.as_object_mut().and_then(|members| members.remove("nullable")) {
        reference["nullable"] = nullable;
    }
    named.push((own, std::mem::replace(schema, reference)));
}

/// `usersList` and `users-list` as `UsersList`.
fn capitalised(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn merged_parts(document: &mut Value) -> usize {
    let whole = document.clone();
    each_schema(document, &mut |schema| {
        if !schema["allOf"].is_array() {
            return 0;
        }
        *schema = merge_parts(schema, &whole, &mut Vec::new());
        1
    })
}

/// One schema that says what `schema` and all parts of its `allOf` say together. `inside` are the references
/// that lead here: a schema that is part of itself adds nothing to itself.
fn merge_parts(schema: &Value, document: &Value, inside: &mut Vec<String>) -> Value {
    let Some(schema) = schema.as_object() else { return json!({}) };
    let mut own = schema.clone();
    let Some(Value::Array(parts)) = own.remove("allOf") else { return json!(own) };
    let nullable = own.remove("nullable");
    // `type: object` beside the parts says nothing that they do not.
    let bare = own.keys().all(|key| key == "type");
    if bare && parts.len() == 1 {
        let mut part = parts[0].clone();
        if let (Some(nullable), Some(part)) = (nullable, part.as_object_mut()) {
            part.insert("nullable".to_owned(), nullable);
        }
        return part;
    }
    let mut merged = Object::new();
    for part in parts.iter().chain([&json!(own)]) {
        let name = reference(part).map(str::to_owned);
        if name.as_ref().is_some_and(|name| inside.contains(name)) {
            continue;
        }
        let Some(part) = resolve(document, part) else { continue };
        inside.extend(name.clone());
        merge_into(&mut merged, &merge_parts(part, document, inside));
        inside.truncate(inside.len() - usize::from(name.is_some()));
    }
    if let Some(nullable) = nullable {
        merged.insert("nullable".to_owned(), nullable);
    }
    json!(merged)
}

fn merge_into(merged: &mut Object, part: &Value) {
    for (key, value) in part.as_object().into_iter().flatten() {
        match (key.as_str(), merged.get_mut(key)) {
            ("properties", Some(Value::Object(properties))) => {
                properties.extend(
                    value.as_object().into_iter().flatten().map(|(name, one)| (name.clone(), one.clone())),
                );
            }
            ("required" | "oneOf" | "anyOf", Some(Value::Array(list))) => {
                for item in value.as_array().into_iter().flatten() {
                    if !list.contains(item) {
                        list.push(item.clone());
                    }
                }
            }
            _ => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
}

fn merged_union(document: &mut Value) -> usize {
    let whole = document.clone();
    each_schema(document, &mut |schema| {
        if !UNIONS.iter().any(|key| schema[key].is_array()) {
            return 0;
        }
        let nullable = schema.get("nullable").cloned();
        let mut seen = Vec::new();
        *schema = match variants_of(schema, &whole, &mut seen) {
            Some(variants) if variants.len() > MANY => json!({ "type": "object" }),
            Some(variants) => one_object(&variants),
            None => json!({}),
        };
        if let (Some(nullable), Some(members)) = (nullable, schema.as_object_mut()) {
            members.insert("nullable".to_owned(), nullable);
        }
        1
    })
}

/// The objects that a union is made of, unions inside of it included; `None` if one of them is no object.
fn variants_of(schema: &Value, document: &Value, seen: &mut Vec<Value>) -> Option<Vec<Object>> {
    let schema = resolve(document, schema)?;
    if seen.contains(schema) {
        return Some(Vec::new());
    }
    seen.push(schema.clone());
    let merged = merge_parts(schema, document, &mut Vec::new());
    let mut base = resolve(document, &merged)?.as_object()?.clone();
    base.remove("discriminator");
    let lists: Vec<Value> = UNIONS.iter().filter_map(|key| base.remove(*key)).collect();
    let says_object = base.get("type").is_none_or(|name| name == "object");
    if !says_object || base.contains_key("enum") || base.contains_key("items") {
        return None;
    }
    if lists.is_empty() {
        // Without a type or properties it is any JSON, or a mere restriction such as `required`.
        let restricts =
            base.contains_key("required") || base.contains_key("properties") || base.contains_key("type");
        return restricts.then(|| vec![base]);
    }
    let mut variants = Vec::new();
    for variant in lists.iter().flat_map(|list| list.as_array().into_iter().flatten()) {
        for variant in variants_of(variant, document, seen)? {
            let mut whole = base.clone();
            merge_into(&mut whole, &json!(variant));
            variants.push(whole);
        }
    }
    Some(variants)
}

/// The properties of all variants; required is what all of them require.
fn one_object(variants: &[Object]) -> Value {
    let mut properties = Object::new();
    for variant in variants {
        for (name, property) in variant.get("properties").and_then(Value::as_object).into_iter().flatten() {
            match properties.get_mut(name) {
                Some(same) if same == property => {}
                Some(other) => *other = either(other, property),
                None => {
                    properties.insert(name.clone(), property.clone());
                }
            }
        }
    }
    let requires = |variant: &Object, name: &str| {
        variant.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
    };
    let required: Vec<&String> =
        properties.keys().filter(|name| variants.iter().all(|variant| requires(variant, name))).collect();
    let mut object = json!({ "type": "object", "additionalProperties": {} });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    if !properties.is_empty() {
        object["properties"] = json!(properties);
    }
    object
}

/// Two enums of texts are one with the values of both; other pairs are any JSON.
fn either(one: &Value, other: &Value) -> Value {
    let (Some(values), Some(more)) = (one["enum"].as_array(), other["enum"].as_array()) else {
        return json!({});
    };
    if one["type"] != other["type"] {
        return json!({});
    }
    let mut values = values.clone();
    values.extend(
        more.iter().filter(|value| !one["enum"].as_array().is_some_and(|all| all.contains(value))).cloned(),
    );
    json!({ "type": one["type"], "enum": values })
}
