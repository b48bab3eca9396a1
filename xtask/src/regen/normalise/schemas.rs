//! Rules about single schemas.

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, each_operation, each_schema, each_schema_object, reference, resolve};

/// Rules that leave what matters to a type, in the spelling of OpenAPI 3.0.
pub const READING: [Rule; 7] = [
    Rule {
        name: "no-constraints",
        what: "drops limits, lengths, patterns and whatever else restricts values",
        why: "the server checks what it is sent; a type that refuses values would make an answer undecodable, or `limit` a `NonZero`",
        apply: no_constraints,
    },
    Rule {
        name: "no-defaults",
        what: "drops default values",
        why: "the generator would send them, so that changing one field sets others, and would refuse null",
        apply: no_defaults,
    },
    Rule {
        name: "open-objects",
        what: "drops `additionalProperties: false`; where further properties are allowed beside known ones, they are any JSON",
        why: "with it one new field of the server would make every answer undecodable",
        apply: open_objects,
    },
    Rule {
        name: "boolean-schema",
        what: "writes the schemas `true` and `false` as any JSON",
        why: "OpenAPI 3.0 has objects only",
        apply: boolean_schema,
    },
    Rule {
        name: "type-list",
        what: "reads the 3.1 form `type: [string, \"null\"]` as a type and `nullable`; several types are any JSON",
        why: "OpenAPI 3.0 has one type",
        apply: type_list,
    },
    Rule {
        name: "constant",
        what: "reads `const` as an enum of one value",
        why: "OpenAPI 3.0 has no `const`",
        apply: constant,
    },
    Rule {
        name: "stated-type",
        what: "states the type `object` or `array` where only `properties` or `items` say so",
        why: "the generator takes a schema without a type for any JSON",
        apply: stated_type,
    },
];

/// Rules that decide which Rust type a field gets.
pub const TYPING: [Rule; 6] = [
    Rule {
        name: "known-formats",
        what: "writes `UUID` as `uuid`, keeps the width of numbers, and drops other formats",
        why: "both spellings occur, and a format on an array makes the generator panic",
        apply: known_formats,
    },
    Rule {
        name: "times-are-text",
        what: "leaves times in bodies as text",
        why: "the server leaves out zero seconds (`2026-01-01T10:00Z`), which no RFC 3339 reader takes",
        apply: times_are_text,
    },
    Rule {
        name: "array-items",
        what: "gives an array without `items` any JSON",
        why: "OpenAPI 3.0 asks for them",
        apply: array_items,
    },
    Rule {
        name: "required-properties",
        what: "drops names from `required` that are no properties, or whose value may be null",
        why: "the generator makes a field of any JSON for the one and refuses null for the other",
        apply: required_properties,
    },
    Rule {
        name: "null-is-absent",
        what: "drops `nullable`, except on optional arrays and maps and on what is inside of them",
        why: "an optional field takes null anyway, and a named type that may be null is a wrapper around an option",
        apply: null_is_absent,
    },
    Rule {
        name: "keywords-of-type",
        what: "keeps the keywords that belong to the schema's type",
        why: "what is left over (`items` of a text, `not`, 3.1's own keywords) only confuses the generator",
        apply: keywords_of_type,
    },
];

fn no_constraints(document: &mut Value) -> usize {
    const CONSTRAINTS: [&str; 14] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "readOnly",
    ];
    drop_keys(document, &CONSTRAINTS)
}

fn no_defaults(document: &mut Value) -> usize {
    drop_keys(document, &["default"])
}

fn drop_keys(document: &mut Value, keys: &[&str]) -> usize {
    each_schema_object(document, |schema| {
        let before = schema.len();
        schema.retain(|key, _| !keys.contains(&key.as_str()));
        before - schema.len()
    })
}

fn open_objects(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let has_properties =
            schema.get("properties").and_then(Value::as_object).is_some_and(|all| !all.is_empty());
        let wanted = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(json!({})),
            Some(typed) if has_properties && *typed != json!({}) => Some(json!({})),
            _ => return 0,
        };
        match wanted {
            Some(any) => schema.insert("additionalProperties".to_owned(), any),
            None => schema.remove("additionalProperties"),
        };
        1
    })
}

fn boolean_schema(document: &mut Value) -> usize {
    // `additionalProperties` has lost its booleans before.
    each_schema(document, &mut |schema| {
        let boolean = schema.is_boolean();
        if boolean {
            *schema = json!({});
        }
        usize::from(boolean)
    })
}

fn type_list(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let Some(types) = schema.get("type").and_then(Value::as_array).cloned() else { return 0 };
        let named: Vec<&Value> = types.iter().filter(|one| *one != "null").collect();
        match named.as_slice() {
            [one] => schema.insert("type".to_owned(), (*one).clone()),
            _ => schema.remove("type"),
        };
        if types.len() > named.len() {
            schema.insert("nullable".to_owned(), json!(true));
        }
        1
    })
}

fn constant(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let Some(value) = schema.remove("const") else { return 0 };
        schema.entry("enum").or_insert_with(|| json!([value]));
        1
    })
}

fn stated_type(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        if ["type", "$ref", "allOf", "oneOf", "anyOf"].iter().any(|key| schema.contains_key(*key)) {
            return 0;
        }
        let implied = if schema.contains_key("properties")
            || schema.get("additionalProperties").is_some_and(Value::is_object)
        {
            "object"
        } else if schema.contains_key("items") {
            "array"
        } else {
            return 0;
        };
        schema.insert("type".to_owned(), json!(implied));
        1
    })
}

fn known_formats(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let Some(format) = schema.get("format").cloned() else { return 0 };
        let text = format.as_str().unwrap_or_default().to_lowercase();
        let of_type = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let known = match (of_type, text.as_str()) {
            ("string", "uuid" | "date-time" | "binary")
            | ("integer", "int32" | "int64")
            | ("number", "float" | "double") => Some(text),
            ("string", "guid") => Some("uuid".to_owned()),
            ("string", "datetime" | "date_time") => Some("date-time".to_owned()),
            _ => None,
        };
        match known {
            Some(known) if format == known => return 0,
            Some(known) => schema.insert("format".to_owned(), json!(known)),
            None => schema.remove("format"),
        };
        1
    })
}

fn times_are_text(document: &mut Value) -> usize {
    // Parameters are ours to write, so they keep their type; they are set aside while the rest is changed.
    let mut parameters = Vec::new();
    each_operation(document, |operation| {
        parameters.push(operation.body.remove("parameters"));
        0
    });
    let count = each_schema_object(document, |schema| {
        let time = schema.get("format").is_some_and(|format| format == "date-time");
        if time {
            schema.remove("format");
        }
        usize::from(time)
    });
    let mut parameters = parameters.into_iter();
    each_operation(document, |operation| {
        if let Some(Some(parameters)) = parameters.next() {
            operation.body.insert("parameters".to_owned(), parameters);
        }
        0
    });
    count
}

fn array_items(document: &mut Value) -> usize {
    each_schema_object(document, |schema| {
        let is_array = schema.get("type").is_some_and(|name| name == "array");
        if !is_array || schema.get("items").is_some_and(Value::is_object) {
            return 0;
        }
        schema.insert("items".to_owned(), json!({}));
        1
    })
}

fn required_properties(document: &mut Value) -> usize {
    let whole = document.clone();
    each_schema_object(document, |schema| {
        let Some(required) = schema.get("required").cloned() else { return 0 };
        let is_object = schema.get("type").is_some_and(|name| name == "object");
        let properties = schema.get("properties").and_then(Value::as_object);
        let names = required.as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut kept: Vec<&str> = Vec::new();
        for name in names {
            let property = properties.and_then(|all| all.get(name));
            if property.is_some_and(|property| !may_be_null(&whole, property)) && !kept.contains(&name) {
                kept.push(name);
            }
        }
        let wanted = json!(kept);
        // Inside of an `allOf` the properties may be a neighbour's; merging comes first.
        if required == wanted && !kept.is_empty() || (!is_object && schema.contains_key("allOf")) {
            return 0;
        }
        if kept.is_empty() {
            schema.remove("required");
        } else {
            schema.insert("required".to_owned(), wanted);
        }
        1
    })
}

fn may_be_null(document: &Value, schema: &Value) -> bool {
    let mut schema = schema;
    for _ in 0..32 {
        if schema.get("nullable") == Some(&json!(true)) {
            return true;
        }
        match reference(schema).and_then(|target| crate::regen::document::pointed_at(document, target)) {
            Some(next) => schema = next,
            None => return false,
        }
    }
    false
}

fn null_is_absent(document: &mut Value) -> usize {
    each_schema_object(document, nullability_of_properties) + nullability_of_names(document)
}

/// A property is an option if it is not required. For arrays and maps that holds only if they are also
/// `nullable`: else an absent one is an empty one, and an empty one is not sent.
fn nullability_of_properties(schema: &mut Object) -> usize {
    let required = schema.get("required").cloned().unwrap_or_default();
    let mut count = 0;
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
    {
        let optional = !required.as_array().is_some_and(|names| names.iter().any(|one| one == name));
        let Some(property) = property.as_object_mut() else { continue };
        let wanted = optional && is_collection(property);
        let stated = property.get("nullable") == Some(&json!(true));
        if wanted && !stated {
            property.insert("nullable".to_owned(), json!(true));
            count += 1;
        } else if !wanted && property.remove("nullable").is_some() {
            count += 1;
        }
    }
    count
}

fn is_collection(schema: &Object) -> bool {
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => true,
        Some("object") => schema.get("properties").and_then(Value::as_object).is_none_or(Object::is_empty),
        _ => false,
    }
}

fn nullability_of_names(document: &mut Value) -> usize {
    // Uses of the name have lost their `required` before, so nothing depends on this any more.
    let named = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    named
        .into_iter()
        .flat_map(Object::values_mut)
        .filter_map(|schema| schema.as_object_mut()?.remove("nullable"))
        .count()
}

fn keywords_of_type(document: &mut Value) -> usize {
    let whole = document.clone();
    each_schema_object(document, |schema| {
        let of_type = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let own: &[&str] = match of_type {
            "object" => &["properties", "required", "additionalProperties"],
            "array" => &["items"],
            "string" => &["enum", "format"],
            "integer" | "number" => &["format"],
            "boolean" => &[],
            _ if schema.get("$ref").is_some_and(|_| resolve(&whole, &json!(schema)).is_some()) => &["$ref"],
            _ => &["allOf", "oneOf", "anyOf"],
        };
        let known_type = ["object", "array", "string", "integer", "number", "boolean"].contains(&of_type);
        let before = schema.len();
        schema.retain(|key, _| {
            own.contains(&key.as_str()) || (known_type && (key == "type" || key == "nullable"))
        });
        before - schema.len()
    })
}
