//! Kinds of defects that upstream documents have had, each as a change to any document, at any place.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::regen::document::{METHODS, Object};

/// A kind of defect.
pub struct Defect {
    /// The rule that has to notice it.
    pub rule: &'static str,
    /// What it is, for messages.
    pub name: &'static str,
    /// Puts it into a document, at a place of the generator's choosing.
    pub inject: fn(&mut Value, &mut StdRng),
}

macro_rules! defects {
    ($($rule:literal, $name:literal, $inject:expr;)*) => {
        &[$(Defect { rule: $rule, name: $name, inject: $inject }),*]
    };
}

/// All of them.
pub const DEFECTS: &[Defect] = defects! {
    "well-formed", "parts of another kind", |document, rng| {
        parameters(operation(document, rng)).push(json!({ "in": "query", "schema": 7 }));
        operation(document, rng)["responses"]["299"] = json!("zyx");
        property(document, rng, json!("string"));
        property(document, rng, json!({ "type": "object", "properties": null, "required": "zyx", "nullable": "zyx" }));
        document["components"]["schemas"]["ZyxNone"] = json!(null);
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxNone" }));
    };
    "inline-shared-parts", "a reference to a parameter that is not there", |document, rng| {
        parameters(operation(document, rng)).push(json!({ "$ref": "#/components/parameters/Gone" }));
    };
    "inline-shared-parts", "a reference to a shared parameter", |document, rng| {
        document["components"]["parameters"]["Page"] =
            json!({ "name": "pageToken", "in": "query", "schema": { "type": "string" } });
        parameters(operation(document, rng)).push(json!({ "$ref": "#/components/parameters/Page" }));
    };
    "inline-shared-parts", "a reference to a response that is not there", |document, rng| {
        operation(document, rng)["responses"]["403"] = json!({ "$ref": "#/components/responses/Gone" });
    };
    "inline-shared-parts", "the only response is not there", |document, rng| {
        operation(document, rng)["responses"] = json!({ "200": { "$ref": "#/components/responses/Gone" } });
    };
    "inline-shared-parts", "a reference to a shared body", |document, rng| {
        document["components"]["requestBodies"]["Shared"] =
            json!({ "content": { "application/json": { "schema": { "type": "object" } } } });
        operation(document, rng)["requestBody"] = json!({ "$ref": "#/components/requestBodies/Shared" });
    };
    "document-keys", "version 3.1 with webhooks", |document, _| {
        document["openapi"] = json!("3.1.1");
        document["jsonSchemaDialect"] = json!("https://json-schema.org/draft/2020-12/schema");
        document["webhooks"] = json!({ "done": { "post": { "responses": {} } } });
    };
    "operation-keys", "callbacks, servers and extensions", |document, rng| {
        let operation = operation(document, rng);
        operation["callbacks"] = json!({ "done": { "{$request.body#/url}": { "post": { "responses": {} } } } });
        operation["servers"] = json!([{ "url": "/elsewhere" }]);
        operation["x-internal"] = json!({ "list": [1, 2] });
    };
    "operation-keys", "a path with a summary", |document, rng| {
        path_item(document, rng)["summary"] = json!("zyx");
    };
    "part-keys", "a form with an encoding", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "content": { "application/x-www-form-urlencoded": {
            "schema": { "type": "object", "properties": { "a": { "type": "string" } } },
            "encoding": { "a": { "style": "form" } }
        } } });
    };
    "part-keys", "a parameter of another style", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "filterBy", "in": "query", "style": "deepObject", "explode": true,
            "schema": { "type": "object", "properties": { "a": { "type": "string" } } }
        }));
    };
    "part-keys", "a response with headers, links and examples", |document, rng| {
        operation(document, rng)["responses"]["2XX"] = json!({
            "description": "zyx", "headers": { "X-A": { "schema": { "type": "string" } } }, "links": { "a": {} },
            "content": { "application/json": { "schema": { "type": "object" }, "examples": { "a": { "value": 1 } } } }
        });
    };
    "schema-prose", "examples as a list", |document, rng| {
        let schema = schema(document, rng);
        schema["examples"] = json!(["zyx"]);
        schema["x-speakeasy-entity"] = json!("Zyx");
    };
    "operation-id", "no operation id", |document, rng| {
        if let Some(operation) = operation(document, rng).as_object_mut() {
            operation.remove("operationId");
        }
    };
    "operation-id", "an operation id twice", |document, rng| {
        let id = operation(document, rng)["operationId"].clone();
        let mut copy = json!({ "operationId": id, "responses": { "204": { "description": "" } } });
        copy["description"] = json!("zyx");
        document["paths"]["/copied/path"] = json!({ "get": copy });
    };
    "operation-id", "an operation id that differs in case only", |document, rng| {
        let id = operation(document, rng)["operationId"].as_str().unwrap_or("zyx").to_lowercase();
        document["paths"]["/copied/path"] =
            json!({ "get": { "operationId": id, "responses": { "204": { "description": "" } } } });
    };
    "one-success", "two successes of different types", |document, rng| {
        let responses = &mut operation(document, rng)["responses"];
        responses["201"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        responses["200"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "object" } } } });
        responses["202"] = json!({ "description": "" });
    };
    "one-success", "errors with bodies", |document, rng| {
        let responses = &mut operation(document, rng)["responses"];
        responses["404"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        responses["422"] = json!({ "description": "", "content": { "application/problem+json": { "schema": { "type": "object" } } } });
        responses["default"] = json!({ "description": "", "content": { "application/json": { "schema": {} } } });
    };
    "one-success", "a redirection and nothing else", |document, rng| {
        operation(document, rng)["responses"] = json!({ "302": { "description": "" } });
    };
    "one-success", "no responses at all", |document, rng| {
        operation(document, rng)["responses"] = json!({});
    };
    "one-success", "nothing but a default response", |document, rng| {
        operation(document, rng)["responses"] =
            json!({ "default": { "description": "", "content": { "application/json": { "schema": { "type": "object" } } } } });
    };
    "one-success", "an answer without content", |document, rng| {
        operation(document, rng)["responses"] = json!({ "204": { "description": "" } });
    };
    "one-response-type", "an answer in several types", |document, rng| {
        operation(document, rng)["responses"] = json!({ "200": { "description": "", "content": {
            "text/csv": { "schema": { "type": "string" } },
            "application/vnd.airbyte.v2+json": { "schema": { "type": "object" } },
            "application/xml": {}
        } } });
    };
    "one-response-type", "an answer as plain text", |document, rng| {
        operation(document, rng)["responses"] =
            json!({ "200": { "description": "", "content": { "text/plain": { "schema": { "type": "string" } } } } });
    };
    "one-response-type", "JSON without a schema", |document, rng| {
        operation(document, rng)["responses"] = json!({ "200": { "description": "", "content": { "application/json": {} } } });
    };
    "one-request-type", "a body in several types", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "required": true, "content": {
            "application/x-www-form-urlencoded": { "schema": { "type": "object" } },
            "application/json": { "schema": { "type": "object", "properties": { "payload": { "type": "string" } } } }
        } });
    };
    "one-request-type", "a body of JSON without a schema", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "content": { "application/json": {} } });
    };
    "one-request-type", "a body of several parts", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "content": { "multipart/form-data": { "schema": {
            "type": "object", "properties": { "file": { "type": "string", "format": "binary" } }
        } } } });
    };
    "one-request-type", "a body of XML text", |document, rng| {
        operation(document, rng)["requestBody"] =
            json!({ "content": { "text/xml": { "schema": { "type": "object" } } } });
    };
    "parameters-of-operation", "parameters of the path", |document, rng| {
        let item = path_item(document, rng);
        item["parameters"] = json!([
            { "name": "shared", "in": "query", "schema": { "type": "boolean" } },
            { "name": "shared", "in": "query", "schema": { "type": "string" } }
        ]);
    };
    "path-parameters", "an undeclared parameter in the path", |document, _| {
        document["paths"]["/things/{thingId}/parts/{partId}"] = json!({ "get": {
            "operationId": "zyxGetPart",
            "parameters": [{ "name": "partId", "in": "path", "schema": { "type": "integer" } }],
            "responses": { "200": { "description": "" } }
        } });
    };
    "path-parameters", "a declared parameter that the path does not have", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "nowhereId", "in": "path", "required": true, "schema": { "type": "string" }
        }));
    };
    "supported-parameters", "a cookie", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "session", "in": "cookie", "schema": { "type": "string" }
        }));
    };
    "supported-parameters", "a header that the client sets itself", |document, rng| {
        let parameters = parameters(operation(document, rng));
        parameters.push(json!({ "name": "Authorization", "in": "header", "schema": { "type": "string" } }));
        parameters.push(json!({ "name": "X-Airbyte-Source", "in": "header", "schema": { "type": "string" } }));
    };
    "parameter-schema", "a parameter with content", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "filterJson", "in": "query", "content": { "application/json": { "schema": { "type": "object" } } }
        }));
    };
    "parameter-schema", "a parameter of no type", |document, rng| {
        parameters(operation(document, rng)).push(json!({ "name": "anything", "in": "query", "schema": {} }));
    };
    "boolean-schema", "schemas that are true or false", |document, rng| {
        let schema = object_schema(document, rng);
        schema["properties"]["zyxAny"] = json!(true);
        schema["properties"]["zyxNone"] = json!(false);
        schema["properties"]["zyxList"] = json!({ "type": "array", "items": true });
    };
    "type-list", "a type or null", |document, rng| {
        property(document, rng, json!({ "type": ["string", "null"] }));
    };
    "type-list", "one of several types", |document, rng| {
        property(document, rng, json!({ "type": ["string", "integer", "null"] }));
    };
    "constant", "a constant", |document, rng| {
        property(document, rng, json!({ "const": "fixed" }));
        property(document, rng, json!({ "type": "integer", "const": 3 }));
    };
    "stated-type", "properties without a type", |document, rng| {
        property(document, rng, json!({ "properties": { "a": { "items": { "type": "string" } } } }));
    };
    "lone-reference", "a reference with company", |document, rng| {
        let name = schema_name(document, rng);
        property(document, rng, json!({ "$ref": format!("#/components/schemas/{name}"), "description": "zyx", "default": 1 }));
    };
    "deep-reference", "a reference to a property", |document, rng| {
        object_schema(document, rng)["properties"]["zyxTarget"] = json!({ "type": "integer" });
        let name = name_with(document, "zyxTarget");
        property(document, rng, json!({ "$ref": format!("#/components/schemas/{name}/properties/zyxTarget") }));
    };
    "dangling-reference", "a reference to a schema that is not there", |document, rng| {
        property(document, rng, json!({ "$ref": "#/components/schemas/Gone" }));
    };
    "dangling-reference", "a reference into another file", |document, rng| {
        property(document, rng, json!({ "$ref": "common.yaml#/components/schemas/Id" }));
    };
    "dangling-reference", "a schema that refers to itself", |document, rng| {
        document["components"]["schemas"]["ZyxCircle"] = json!({ "$ref": "#/components/schemas/ZyxRound" });
        document["components"]["schemas"]["ZyxRound"] = json!({ "$ref": "#/components/schemas/ZyxCircle" });
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxRound" }));
    };
    "union-with-null", "something or null", |document, rng| {
        let name = schema_name(document, rng);
        property(document, rng, json!({ "anyOf": [{ "$ref": format!("#/components/schemas/{name}") }, { "type": "null" }] }));
        property(document, rng, json!({ "oneOf": [{ "type": "null" }, { "type": "array", "items": { "type": "string" } }] }));
    };
    "merged-parts", "a required name that a neighbour has", |document, rng| {
        let name = schema_name(document, rng);
        property(document, rng, json!({
            "allOf": [
                { "$ref": format!("#/components/schemas/{name}") },
                { "type": "object", "required": ["zyxGone", "zyxOwn"], "properties": { "zyxOwn": { "type": "string" } } }
            ],
            "required": ["zyxNever"]
        }));
    };
    "named-composition", "a composed property that contains the object it is in", |document, rng| {
        let schema = object_schema(document, rng);
        schema["properties"]["zyxMark"] = json!({ "type": "integer" });
        let name = name_with(document, "zyxMark");
        let own = json!({ "$ref": format!("#/components/schemas/{name}") });
        let other = json!({ "type": "object", "properties": { "zyxOther": { "type": "string" } } });
        let properties = &mut document["components"]["schemas"][&name]["properties"];
        properties["zyxParts"] = json!({ "allOf": [own, other] });
        properties["zyxUnion"] = json!({ "type": "array", "items": { "oneOf": [own, other] } });
    };
    "merged-parts", "a schema that is part of itself", |document, rng| {
        document["components"]["schemas"]["ZyxPart"] = json!({
            "allOf": [{ "$ref": "#/components/schemas/ZyxPart" }, { "properties": { "a": { "type": "string" } } }]
        });
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxPart" }));
    };
    "merged-union", "variants told apart by a discriminator", |document, rng| {
        let schemas = &mut document["components"]["schemas"];
        schemas["ZyxCat"] = json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": ["cat"] }, "lives": { "type": "integer" } } });
        schemas["ZyxDog"] = json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": ["dog"] }, "lives": { "type": "string" } } });
        property(document, rng, json!({
            "oneOf": [{ "$ref": "#/components/schemas/ZyxCat" }, { "$ref": "#/components/schemas/ZyxDog" }],
            "discriminator": { "propertyName": "kind", "mapping": { "cat": "#/components/schemas/ZyxCat" } }
        }));
    };
    "merged-union", "a union that contains itself", |document, rng| {
        document["components"]["schemas"]["ZyxTree"] = json!({
            "oneOf": [
                { "type": "object", "properties": { "leaf": { "type": "string" } } },
                { "type": "object", "properties": { "branches": { "type": "array", "items": { "$ref": "#/components/schemas/ZyxTree" } } } },
                { "$ref": "#/components/schemas/ZyxTree" }
            ]
        });
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxTree" }));
    };
    "merged-union", "an object or a text", |document, rng| {
        property(document, rng, json!({ "anyOf": [{ "type": "object" }, { "type": "string" }, { "type": "integer" }] }));
    };
    "enum-of-texts", "an enum of numbers, or with null, or of no type", |document, rng| {
        property(document, rng, json!({ "type": "integer", "enum": [1, 2] }));
        property(document, rng, json!({ "type": "string", "nullable": true, "enum": ["a", "b", "a", null] }));
        property(document, rng, json!({ "enum": ["a", "b"] }));
        property(document, rng, json!({ "enum": [true, "b", 3] }));
        property(document, rng, json!({ "type": "string", "enum": [] }));
    };
    "enum-names", "an enum of signs", |document, rng| {
        property(document, rng, json!({ "type": "string", "enum": ["a-b", "a_b", "A B", ">", "<", ""] }));
    };
    "no-constraints", "limits", |document, rng| {
        property(document, rng, json!({ "type": "integer", "minimum": 1, "exclusiveMinimum": 0, "maximum": 100 }));
        property(document, rng, json!({ "type": "string", "pattern": "^(?!x)(?<=y)", "minLength": 1 }));
        property(document, rng, json!({ "type": "array", "uniqueItems": true, "maxItems": 2, "minItems": 2, "items": { "type": "number" } }));
    };
    "no-defaults", "a default of another type", |document, rng| {
        property(document, rng, json!({ "type": "string", "default": null }));
        property(document, rng, json!({ "type": "integer", "default": "ten" }));
        property(document, rng, json!({ "type": "string", "enum": ["a", "b"], "default": "c" }));
    };
    "known-formats", "a format that is not one of its type", |document, rng| {
        property(document, rng, json!({ "type": "array", "format": "set", "items": { "type": "string", "format": "UUID" } }));
        property(document, rng, json!({ "type": "string", "format": "byte" }));
        property(document, rng, json!({ "type": "string", "format": "ipv4" }));
        property(document, rng, json!({ "type": "integer", "format": "uint8" }));
        property(document, rng, json!({ "type": "object", "format": "map" }));
        property(document, rng, json!({ "type": "string", "format": 7 }));
    };
    "times-are-text", "a time in a body", |document, rng| {
        property(document, rng, json!({ "type": "string", "format": "date-time" }));
    };
    "open-objects", "an object that is closed, or open in part", |document, rng| {
        property(document, rng, json!({ "type": "object", "additionalProperties": false, "properties": { "a": { "type": "string" } } }));
        property(document, rng, json!({ "type": "object", "additionalProperties": { "type": "integer" }, "properties": { "a": { "type": "string" } } }));
    };
    "array-items", "an array of anything", |document, rng| {
        property(document, rng, json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }] }));
    };
    "required-properties", "required and not there", |document, rng| {
        object_schema(document, rng)["required"] = json!(["zyx-gone", "zyx-gone"]);
    };
    "required-properties", "required and null", |document, rng| {
        document["components"]["schemas"]["ZyxNullable"] = json!({ "type": "object", "nullable": true, "properties": {} });
        let schema = object_schema(document, rng);
        schema["properties"]["zyxInner"] = json!({ "$ref": "#/components/schemas/ZyxNullable" });
        schema["properties"]["zyxText"] = json!({ "type": "string", "nullable": true });
        schema["required"] = json!(["zyxInner", "zyxText"]);
    };
    "null-is-absent", "an optional array", |document, rng| {
        property(document, rng, json!({ "type": "array", "items": { "type": "string", "nullable": true } }));
        property(document, rng, json!({ "type": "object", "additionalProperties": { "type": "string", "enum": ["a", "b"], "nullable": true } }));
    };
    "keywords-of-type", "keywords of 3.1", |document, rng| {
        property(document, rng, json!({
            "type": "object", "patternProperties": { "^x": { "type": "string" } }, "propertyNames": { "pattern": "x" },
            "unevaluatedProperties": false, "dependentRequired": { "a": ["b"] }, "if": { "required": ["a"] },
            "then": { "required": ["b"] }, "not": { "type": "string" }, "$defs": { "A": { "type": "string" } }
        }));
        property(document, rng, json!({ "type": "null" }));
        property(document, rng, json!({ "type": "string", "contentMediaType": "application/json", "items": {} }));
        property(document, rng, json!({ "type": "file" }));
    };
    "distinct-properties", "properties that are the same in Rust", |document, rng| {
        let schema = object_schema(document, rng);
        for name in ["zyxName", "zyx_name", "zyx-name", "$zyx", "type", "self", "123", "", "@"] {
            schema["properties"][name] = json!({ "type": "string" });
        }
    };
    "distinct-schemas", "schemas that are the same in Rust", |document, rng| {
        let name = schema_name(document, rng);
        let copy = name.chars().map(|c| c.to_ascii_lowercase()).collect::<String>() + "_";
        document["components"]["schemas"][&copy] = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        document["components"]["schemas"]["Zyx.Dotted-Name"] = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        property(document, rng, json!({ "$ref": format!("#/components/schemas/{copy}") }));
        property(document, rng, json!({ "$ref": "#/components/schemas/Zyx.Dotted-Name" }));
    };
    "prune-schemas", "a schema that nobody uses", |document, _| {
        document["components"]["schemas"]["ZyxUnused"] = json!({ "type": "object", "oneOf": [{ "type": "string" }] });
    };
};

/// Any path.
fn path_item<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let paths = document["paths"].as_object_mut().unwrap();
    let at = rng.random_range(0..paths.len());
    paths.values_mut().nth(at).unwrap()
}

/// Any operation.
pub fn operation<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let item = path_item(document, rng).as_object_mut().unwrap();
    let methods: Vec<&str> = METHODS.into_iter().filter(|method| item.contains_key(*method)).collect();
    let method = methods.choose(rng).unwrap();
    item.get_mut(*method).unwrap()
}

fn parameters(operation: &mut Value) -> &mut Vec<Value> {
    let operation = operation.as_object_mut().unwrap();
    operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut().unwrap()
}

fn schemas(document: &mut Value) -> &mut Object {
    document["components"]["schemas"].as_object_mut().unwrap()
}

/// The name of any schema.
fn schema_name(document: &mut Value, rng: &mut StdRng) -> String {
    let names: Vec<&String> = schemas(document).keys().collect();
    (*names.choose(rng).unwrap()).clone()
}

/// Any schema.
fn schema<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let name = schema_name(document, rng);
    &mut document["components"]["schemas"][name]
}

/// Any object with properties.
fn object_schema<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let names: Vec<String> = schemas(document)
        .iter()
        .filter(|(_, schema)| schema["properties"].as_object().is_some_and(|all| !all.is_empty()))
        .map(|(name, _)| name.clone())
        .collect();
    &mut document["components"]["schemas"][names.choose(rng).unwrap()]
}

/// Gives any object one more property.
fn property(document: &mut Value, rng: &mut StdRng, schema: Value) {
    let name = format!("zyx{}", rng.random_range(0..1_000_000));
    object_schema(document, rng)["properties"][name] = schema;
}

fn name_with(document: &mut Value, property: &str) -> String {
    let mut found =
        schemas(document).iter().filter(|(_, schema)| schema["properties"].get(property).is_some());
    found.next().unwrap().0.clone()
}
