//! What each rule about schemas makes of the defect it is for.

use serde_json::{Value, json};

use super::rules::{apply, field, rewrites, schema};

#[test]
fn other_spellings_are_read() {
    schema(
        "boolean-schema",
        json!({ "properties": { "a": true }, "items": false }),
        &json!({ "properties": { "a": {} }, "items": {} }),
    );
    schema("boolean-schema", json!(true), &json!({}));
    schema(
        "type-list",
        json!({ "type": ["null", "integer"] }),
        &json!({ "type": "integer", "nullable": true }),
    );
    schema("type-list", json!({ "type": ["string", "integer"] }), &json!({}));
    schema("constant", field(json!({ "const": "a" })), &field(json!({ "enum": ["a"] })));
    schema("stated-type", json!({ "properties": {} }), &json!({ "properties": {}, "type": "object" }));
    schema("stated-type", field(json!({ "items": {} })), &field(json!({ "items": {}, "type": "array" })));
}

#[test]
fn references_lead_to_schemas() {
    let name = "#/components/schemas/Name";
    schema(
        "lone-reference",
        field(json!({ "$ref": name, "description": "d" })),
        &field(json!({ "$ref": name })),
    );
    schema(
        "deep-reference",
        field(json!({ "$ref": "#/components/schemas/Lid/properties/size" })),
        &field(json!({ "type": "integer" })),
    );
    schema("dangling-reference", field(json!({ "$ref": "#/components/schemas/Gone" })), &field(json!({})));
    schema("dangling-reference", json!({ "$ref": "#/components/schemas/Box" }), &json!({}));
}

#[test]
fn unions_with_null_are_optional_values() {
    let lid = json!({ "$ref": "#/components/schemas/Lid" });
    schema(
        "union-with-null",
        json!({ "anyOf": [lid, { "type": "null" }] }),
        &json!({ "nullable": true, "allOf": [lid] }),
    );
    schema("union-with-null", json!({ "oneOf": [lid] }), &json!({ "allOf": [lid] }));
    schema(
        "merged-parts",
        json!({ "nullable": true, "allOf": [lid] }),
        &json!({ "$ref": "#/components/schemas/Lid", "nullable": true }),
    );
}

#[test]
fn compositions_inside_get_a_name() {
    let union = json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] });
    let document = json!({ "paths": {}, "components": { "schemas": {
        "Box": { "type": "object", "properties": { "in-side": { "type": "array", "items": union } } },
        "BoxInSideItem": {}
    } } });
    let after = json!({
        "Box": { "type": "object", "properties": { "in-side": { "type": "array", "items": { "$ref": "#/components/schemas/BoxInSideItem2" } } } },
        "BoxInSideItem": {},
        "BoxInSideItem2": union
    });
    rewrites("named-composition", "/components/schemas", document, &after);
}

#[test]
fn parts_become_one_object() {
    schema(
        "merged-parts",
        json!({
            "allOf": [{ "$ref": "#/components/schemas/Lid" }, { "required": ["b"], "properties": { "b": { "type": "string" } } }],
            "required": ["size"]
        }),
        &json!({
            "type": "object", "required": ["size", "b"],
            "properties": { "size": { "type": "integer" }, "b": { "type": "string" } }
        }),
    );
}

#[test]
fn unions_of_objects_become_one_object() {
    let variant = |kind: &str, size: &str| {
        json!({ "type": "object", "required": ["kind", "size"], "properties": {
            "kind": { "type": "string", "enum": [kind] }, "size": { "type": size }
        } })
    };
    schema(
        "merged-union",
        json!({ "oneOf": [variant("a", "string"), variant("b", "integer"), { "$ref": "#/components/schemas/Lid" }], "discriminator": {} }),
        &json!({ "type": "object", "additionalProperties": {}, "required": ["size"], "properties": {
            "kind": { "type": "string", "enum": ["a", "b"] }, "size": {}
        } }),
    );
    let many: Vec<Value> = (0..40).map(|number| variant(&format!("kind{number}"), "string")).collect();
    schema("merged-union", json!({ "oneOf": many }), &json!({ "type": "object" }));
    // What restricts only adds nothing; what is no object cannot be merged.
    schema(
        "merged-union",
        json!({ "type": "object", "properties": { "a": {} }, "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }),
        &json!({ "type": "object", "additionalProperties": {}, "properties": { "a": {} } }),
    );
    schema(
        "merged-union",
        json!({ "oneOf": [{ "type": "object" }, { "$ref": "#/components/schemas/Name" }] }),
        &json!({}),
    );
}

#[test]
fn enums_are_of_distinct_texts() {
    schema(
        "enum-of-texts",
        json!({ "enum": ["a", "a", null] }),
        &json!({ "enum": ["a"], "nullable": true, "type": "string" }),
    );
    schema("enum-of-texts", json!({ "type": "integer", "enum": [1] }), &json!({ "type": "integer" }));
    schema("enum-of-texts", json!({ "enum": [1, "a"] }), &json!({}));
    schema("enum-of-texts", json!({ "enum": [1.5] }), &json!({ "type": "number" }));
    schema("enum-names", json!({ "type": "string", "enum": ["a b", "A_B"] }), &json!({ "type": "string" }));
    schema("enum-names", json!({ "type": "string", "enum": ["", "a"] }), &json!({ "type": "string" }));
}

#[test]
fn values_are_not_restricted() {
    schema(
        "no-constraints",
        json!({ "type": "integer", "minimum": 1, "exclusiveMaximum": 7 }),
        &json!({ "type": "integer" }),
    );
    schema(
        "no-defaults",
        field(json!({ "type": "string", "default": null })),
        &field(json!({ "type": "string" })),
    );
    schema(
        "known-formats",
        json!({ "type": "string", "format": "UUID" }),
        &json!({ "type": "string", "format": "uuid" }),
    );
    schema("known-formats", json!({ "type": "array", "format": "set" }), &json!({ "type": "array" }));
    schema(
        "open-objects",
        json!({ "type": "object", "additionalProperties": false }),
        &json!({ "type": "object" }),
    );
    schema(
        "open-objects",
        json!({ "type": "object", "additionalProperties": { "type": "string" }, "properties": { "a": {} } }),
        &json!({ "type": "object", "additionalProperties": {}, "properties": { "a": {} } }),
    );
    schema("array-items", json!({ "type": "array" }), &json!({ "type": "array", "items": {} }));
}

#[test]
fn times_are_text_in_bodies_and_times_in_parameters() {
    let time = json!({ "type": "string", "format": "date-time" });
    let before = json!({
        "parameters": [{ "name": "since", "in": "query", "schema": time }],
        "responses": { "2XX": { "content": { "application/json": { "schema": time } } } }
    });
    let after = json!({
        "parameters": [{ "name": "since", "in": "query", "schema": time }],
        "responses": { "2XX": { "content": { "application/json": { "schema": { "type": "string" } } } } }
    });
    let mut document = json!({ "paths": { "/a": { "get": before } } });
    assert!(apply("times-are-text", &mut document));
    assert_eq!(document["paths"]["/a"]["get"], after);
}

#[test]
fn required_is_what_is_there_and_not_null() {
    let object = |required: Value| {
        json!({ "type": "object", "required": required, "properties": {
            "a": {}, "b": { "nullable": true }, "c": { "$ref": "#/components/schemas/Maybe" }
        } })
    };
    schema("required-properties", object(json!(["a", "b", "c", "d", "a"])), &object(json!(["a"])));
}

#[test]
fn only_collections_are_nullable() {
    schema(
        "null-is-absent",
        json!({ "type": "object", "required": ["c"], "properties": {
            "a": { "type": "string", "nullable": true }, "b": { "type": "array", "items": { "type": "string", "nullable": true } },
            "c": { "type": "array" }
        } }),
        &json!({ "type": "object", "required": ["c"], "properties": {
            "a": { "type": "string" }, "b": { "type": "array", "items": { "type": "string", "nullable": true }, "nullable": true },
            "c": { "type": "array" }
        } }),
    );
}

#[test]
fn keywords_are_those_of_the_type() {
    schema(
        "keywords-of-type",
        json!({ "type": "string", "items": {}, "not": {} }),
        &json!({ "type": "string" }),
    );
    schema("keywords-of-type", json!({ "type": "null" }), &json!({}));
    schema(
        "keywords-of-type",
        json!({ "type": "object", "patternProperties": {} }),
        &json!({ "type": "object" }),
    );
}

#[test]
fn names_are_distinct_in_rust() {
    let document = json!({ "paths": {}, "components": { "schemas": {
        "BigBox": {}, "big_box": { "$ref": "#/components/schemas/big_box" }
    } } });
    let after = json!({ "BigBox": {}, "big_box2": { "$ref": "#/components/schemas/big_box2" } });
    rewrites("distinct-schemas", "/components/schemas", document, &after);
    schema(
        "distinct-properties",
        json!({ "type": "object", "required": ["a_b", "aB"], "properties": { "aB": {}, "a_b": {}, "@": {}, "1": {} } }),
        &json!({ "type": "object", "required": ["aB"], "properties": { "aB": {} }, "additionalProperties": {} }),
    );
}

#[test]
fn schemas_out_of_reach_go() {
    let answer = json!({ "schema": { "type": "array", "items": { "$ref": "#/components/schemas/A" } } });
    let document = json!({
        "paths": { "/a": { "get": { "responses": { "2XX": { "content": { "application/json": answer } } } } } },
        "components": { "schemas": { "A": { "$ref": "#/components/schemas/B" }, "B": {}, "C": { "$ref": "#/components/schemas/A" } } }
    });
    rewrites(
        "prune-schemas",
        "/components/schemas",
        document,
        &json!({ "A": { "$ref": "#/components/schemas/B" }, "B": {} }),
    );
}

#[test]
fn a_reference_with_company_keeps_the_name_of_its_type() {
    let name = json!({ "$ref": "#/components/schemas/Name" });
    schema("empty-part", json!({ "allOf": [name, {}] }), &json!({ "allOf": [name] }));
    let mut document = json!({
        "paths": { "/a": { "get": { "responses": { "200": { "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Box" }
        } } } } } } },
        "components": { "schemas": { "Name": { "type": "string", "enum": ["a"] }, "Box": field(json!({
            "allOf": [name, { "description": "d" }], "default": "a", "minLength": 1
        })) } }
    });
    crate::regen::normalise::normalise(&mut document).unwrap();
    assert_eq!(document["components"]["schemas"]["Box"], field(name));
}
