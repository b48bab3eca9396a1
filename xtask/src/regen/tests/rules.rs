//! What each rule about documents and operations makes of the defect it is for, in documents of our own.

use serde_json::{Value, json};

use crate::regen::normalise;

/// Applies one rule, and says whether it found something to do.
pub fn apply(rule: &str, document: &mut Value) -> bool {
    let rules = normalise::rules();
    let rule = rules.iter().find(|one| one.name == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    (rule.apply)(document) > 0
}

/// The rule turns a document with `before` at `place` into one with `after` there, and leaves that alone.
pub fn rewrites(rule: &str, place: &str, mut document: Value, after: &Value) {
    assert!(apply(rule, &mut document), "{rule} found nothing to do");
    assert_eq!(document.pointer(place).unwrap_or(&Value::Null), after, "{rule}:\n{document:#}");
    let once = document.clone();
    assert!(!apply(rule, &mut document), "{rule} finds something to do again:\n{document:#}");
    assert_eq!(document, once, "{rule} changes its own result");
}

/// The same for one schema, beside two others that may be referred to.
#[track_caller]
pub fn schema(rule: &str, before: Value, after: &Value) {
    let document = json!({ "paths": {}, "components": { "schemas": {
        "Box": before,
        "Name": { "type": "string" },
        "Lid": { "type": "object", "required": ["size"], "properties": { "size": { "type": "integer" } } },
        "Maybe": { "type": "object", "nullable": true }
    } } });
    rewrites(rule, "/components/schemas/Box", document, after);
}

/// The same for one operation, `GET /boxes/{boxId}`.
#[track_caller]
pub fn operation(rule: &str, before: Value, after: &Value) {
    let document = json!({ "paths": { "/boxes/{boxId}": { "get": before } } });
    rewrites(rule, "/paths/~1boxes~1{boxId}/get", document, after);
}

pub fn field(schema: Value) -> Value {
    json!({ "type": "object", "properties": { "field": schema } })
}

#[test]
fn shared_parts_are_put_in_place() {
    let document = json!({
        "paths": { "/a": { "parameters": [{ "$ref": "#/components/parameters/P" }], "post": {
            "requestBody": { "$ref": "#/components/requestBodies/B" },
            "responses": { "200": { "$ref": "#/components/responses/R" }, "403": { "$ref": "#/components/responses/Gone" } },
            "parameters": [{ "$ref": "#/components/parameters/Gone" }]
        } } },
        "components": {
            "parameters": { "P": { "name": "p", "in": "query" } },
            "requestBodies": { "B": { "content": {} } },
            "responses": { "R": { "$ref": "#/components/responses/S" }, "S": { "description": "s" } }
        }
    });
    let after = json!({
        "paths": { "/a": { "parameters": [{ "name": "p", "in": "query" }], "post": {
            "requestBody": { "content": {} }, "responses": { "200": { "description": "s" }, "403": {} }, "parameters": []
        } } },
        "components": {}
    });
    rewrites("inline-shared-parts", "", document, &after);
}

#[test]
fn the_document_keeps_version_paths_and_schemas() {
    let document = json!({
        "openapi": "3.1.0", "info": { "title": "T", "version": "7", "license": {} }, "servers": [], "tags": [],
        "security": [], "webhooks": {}, "x-a": 1, "paths": {}, "components": {}
    });
    let after = json!({ "openapi": "3.0.3", "info": { "title": "Airbyte", "version": "7" }, "paths": {}, "components": {} });
    rewrites("document-keys", "", document, &after);
}

#[test]
fn prose_goes_wherever_it_is() {
    operation(
        "operation-keys",
        json!({ "operationId": "a", "summary": "s", "description": "d", "tags": ["t"], "x-a": {}, "responses": {} }),
        &json!({ "operationId": "a", "responses": {} }),
    );
    operation(
        "part-keys",
        json!({
            "parameters": [{ "name": "p", "in": "query", "description": "d", "example": 1, "schema": {} }],
            "responses": { "200": { "description": "d", "headers": {}, "content": { "a/b": { "schema": {}, "examples": {} } } } }
        }),
        &json!({
            "parameters": [{ "name": "p", "in": "query", "schema": {} }],
            "responses": { "200": { "description": "", "content": { "a/b": { "schema": {} } } } }
        }),
    );
    // Properties may bear the names of keywords.
    schema(
        "schema-prose",
        json!({ "title": "t", "properties": { "title": { "example": "e" }, "description": { "x-a": 1 } } }),
        &json!({ "properties": { "title": {}, "description": {} } }),
    );
}

#[test]
fn operations_get_ids_of_their_own() {
    operation("operation-id", json!({}), &json!({ "operationId": "getBoxesBoxId" }));
    let document = json!({ "paths": { "/a": {
        "get": { "operationId": "getBox" }, "put": { "operationId": "get_box" }, "post": { "operationId": "getBox" }
    } } });
    let after = json!({
        "get": { "operationId": "getBox" }, "put": { "operationId": "get_box2" }, "post": { "operationId": "getBox3" }
    });
    rewrites("operation-id", "/paths/~1a", document, &after);
}

#[test]
fn successes_become_one() {
    let body = json!({ "application/json": { "schema": { "type": "string" } } });
    operation(
        "one-success",
        json!({ "responses": { "202": { "description": "" }, "201": { "description": "", "content": body }, "400": {} } }),
        &json!({ "responses": { "2XX": { "description": "", "content": body } } }),
    );
    operation(
        "one-success",
        json!({ "responses": { "302": {} } }),
        &json!({ "responses": { "2XX": { "description": "" } } }),
    );
    operation(
        "one-success",
        json!({ "responses": { "404": {}, "default": { "content": body } } }),
        &json!({ "responses": { "2XX": { "content": body } } }),
    );
}

#[test]
fn bodies_have_one_type() {
    let answer =
        |content: Value| json!({ "responses": { "2XX": { "description": "", "content": content } } });
    operation(
        "one-response-type",
        answer(
            json!({ "text/csv": {}, "application/hal+json; charset=utf-8": { "schema": { "type": "object" } } }),
        ),
        &answer(json!({ "application/json": { "schema": { "type": "object" } } })),
    );
    operation(
        "one-response-type",
        answer(json!({ "application/json": {} })),
        &answer(json!({ "application/json": { "schema": {} } })),
    );
    operation(
        "one-response-type",
        answer(json!({ "text/plain": { "schema": { "type": "string" } } })),
        &answer(
            json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } }),
        ),
    );
    operation(
        "one-response-type",
        answer(json!({})),
        &json!({ "responses": { "2XX": { "description": "" } } }),
    );
    let request = |content: Value| json!({ "requestBody": { "content": content } });
    operation(
        "one-request-type",
        request(
            json!({ "application/x-www-form-urlencoded": { "schema": {} }, "application/json": { "schema": { "type": "object" } } }),
        ),
        &request(json!({ "application/json": { "schema": { "type": "object" } } })),
    );
    operation(
        "one-request-type",
        request(json!({ "text/xml": { "schema": { "type": "object" } } })),
        &request(json!({ "text/plain": { "schema": { "type": "string" } } })),
    );
    operation(
        "one-request-type",
        request(json!({ "multipart/form-data": { "schema": { "type": "object" } } })),
        &request(
            json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } }),
        ),
    );
    operation("one-request-type", request(json!({})), &json!({}));
}

#[test]
fn parameters_are_the_operations_own() {
    let document = json!({ "paths": { "/a": {
        "parameters": [{ "name": "p", "in": "query" }, { "name": "Q", "in": "query" }],
        "get": { "parameters": [{ "name": "q", "in": "query" }] }, "put": {}
    } } });
    let after = json!({
        "get": { "parameters": [{ "name": "q", "in": "query" }, { "name": "p", "in": "query" }] },
        "put": { "parameters": [{ "name": "p", "in": "query" }, { "name": "Q", "in": "query" }] }
    });
    rewrites("parameters-of-operation", "/paths/~1a", document, &after);
}

#[test]
fn parameters_of_the_path_are_declared() {
    operation(
        "path-parameters",
        json!({ "parameters": [{ "name": "other", "in": "path" }, { "name": "q", "in": "query" }] }),
        &json!({ "parameters": [
            { "name": "q", "in": "query" }, { "name": "boxId", "in": "path", "required": true, "schema": { "type": "string" } }
        ] }),
    );
    operation(
        "path-parameters",
        json!({ "parameters": [{ "name": "boxId", "in": "path", "schema": { "type": "integer" } }] }),
        &json!({ "parameters": [{ "name": "boxId", "in": "path", "required": true, "schema": { "type": "integer" } }] }),
    );
}

#[test]
fn parameters_are_of_kinds_that_can_be_sent() {
    let of = |parameter: Value| json!({ "parameters": [parameter] });
    operation(
        "supported-parameters",
        of(json!({ "name": "c", "in": "cookie" })),
        &json!({ "parameters": [] }),
    );
    operation(
        "supported-parameters",
        of(json!({ "name": "ACCEPT", "in": "header" })),
        &json!({ "parameters": [] }),
    );
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let cases = [
        ("query", json!({ "type": "object", "properties": {} }), map),
        ("path", json!({ "type": "object" }), json!({ "type": "string" })),
        ("header", json!({ "type": "array", "items": { "type": "string" } }), json!({ "type": "string" })),
        ("query", json!({ "type": "array", "items": { "type": "object" } }), json!({ "type": "string" })),
        ("query", json!({}), json!({ "type": "string" })),
    ];
    for (place, before, after) in cases {
        operation(
            "parameter-schema",
            of(json!({ "name": "p", "in": place, "schema": before })),
            &of(json!({ "name": "p", "in": place, "schema": after })),
        );
    }
    let fine = of(
        json!({ "name": "p", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } }),
    );
    assert!(!apply("parameter-schema", &mut json!({ "paths": { "/a": { "get": fine } } })));
}

#[test]
fn parts_of_the_wrong_kind_are_left_out() {
    operation(
        "well-formed",
        json!({ "operationId": 7, "parameters": [7, { "in": "query" }, { "name": "a", "in": "query" }], "requestBody": [], "responses": {
            "200": "fine", "201": { "content": { "application/json": 7 } }
        } }),
        &json!({ "parameters": [{ "name": "a", "in": "query" }], "responses": { "201": { "content": { "application/json": {} } } } }),
    );
    schema(
        "well-formed",
        json!({ "type": 7, "required": [1], "properties": { "a": null, "type": { "enum": "x" } }, "allOf": [] }),
        &json!({ "properties": { "a": {}, "type": {} } }),
    );
    schema("well-formed", json!("string"), &json!({}));
}
