//! Kinds of defects that upstream documents have had, each as a change to any document, at any place.

use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::places::{
    name_with, object_schema, operation, parameters, path_item, property, schema, schema_name,
};

/// A kind of defect.
pub struct Defect {
    /// The rule that has to notice it.
    pub rule: &'static str,
    /// What it is, for messages.
    pub name: &'static str,
    /// Puts it into a document, at a place of the generator's choosing.
    pub inject: fn(&mut Value, &mut StdRng),
}

impl Defect {
    const fn new(rule: &'static str, name: &'static str, inject: fn(&mut Value, &mut StdRng)) -> Self {
        Self { rule, name, inject }
    }
}

/// All of them.
pub const DEFECTS: &[Defect] = &[
    Defect::new("well-formed", "parts of another kind", |document, rng| {
        parameters(operation(document, rng)).push(json!({ "in": "query", "schema": 7 }));
        operation(document, rng)["responses"]["299"] = json!("zyx");
        property(document, rng, json!("string"));
        property(
            document,
            rng,
            json!({ "type": "object", "properties": null, "required": "zyx", "nullable": "zyx" }),
        );
        document["components"]["schemas"]["ZyxNone"] = json!(null);
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxNone" }));
    }),
    Defect::new("inline-shared-parts", "a reference to a parameter that is not there", |document, rng| {
        parameters(operation(document, rng)).push(json!({ "$ref": "#/components/parameters/Gone" }));
    }),
    Defect::new("inline-shared-parts", "a reference to a shared parameter", |document, rng| {
        document["components"]["parameters"]["Page"] =
            json!({ "name": "pageToken", "in": "query", "schema": { "type": "string" } });
        parameters(operation(document, rng)).push(json!({ "$ref": "#/components/parameters/Page" }));
    }),
    Defect::new("inline-shared-parts", "a reference to a response that is not there", |document, rng| {
        operation(document, rng)["responses"]["403"] = json!({ "$ref": "#/components/responses/Gone" });
    }),
    Defect::new("inline-shared-parts", "the only response is not there", |document, rng| {
        operation(document, rng)["responses"] = json!({ "200": { "$ref": "#/components/responses/Gone" } });
    }),
    Defect::new("inline-shared-parts", "a reference to a shared body", |document, rng| {
        document["components"]["requestBodies"]["Shared"] =
            json!({ "content": { "application/json": { "schema": { "type": "object" } } } });
        operation(document, rng)["requestBody"] = json!({ "$ref": "#/components/requestBodies/Shared" });
    }),
    Defect::new("document-keys", "version 3.1 with webhooks", |document, _| {
        document["openapi"] = json!("3.1.1");
        document["jsonSchemaDialect"] = json!("https://json-schema.org/draft/2020-12/schema");
        document["webhooks"] = json!({ "done": { "post": { "responses": {} } } });
    }),
    Defect::new("operation-keys", "callbacks, servers and extensions", |document, rng| {
        let operation = operation(document, rng);
        operation["callbacks"] =
            json!({ "done": { "{$request.body#/url}": { "post": { "responses": {} } } } });
        operation["servers"] = json!([{ "url": "/elsewhere" }]);
        operation["x-internal"] = json!({ "list": [1, 2] });
    }),
    Defect::new("operation-keys", "a path with a summary", |document, rng| {
        path_item(document, rng)["summary"] = json!("zyx");
    }),
    Defect::new("part-keys", "a form with an encoding", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "content": { "application/x-www-form-urlencoded": {
            "schema": { "type": "object", "properties": { "a": { "type": "string" } } },
            "encoding": { "a": { "style": "form" } }
        } } });
    }),
    Defect::new("part-keys", "a parameter of another style", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "filterBy", "in": "query", "style": "deepObject", "explode": true,
            "schema": { "type": "object", "properties": { "a": { "type": "string" } } }
        }));
    }),
    Defect::new("part-keys", "a response with headers, links and examples", |document, rng| {
        operation(document, rng)["responses"]["2XX"] = json!({
            "description": "zyx", "headers": { "X-A": { "schema": { "type": "string" } } }, "links": { "a": {} },
            "content": { "application/json": { "schema": { "type": "object" }, "examples": { "a": { "value": 1 } } } }
        });
    }),
    Defect::new("schema-prose", "examples as a list", |document, rng| {
        let schema = schema(document, rng);
        schema["examples"] = json!(["zyx"]);
        schema["x-speakeasy-entity"] = json!("Zyx");
    }),
    Defect::new("operation-id", "no operation id", |document, rng| {
        if let Some(operation) = operation(document, rng).as_object_mut() {
            operation.remove("operationId");
        }
    }),
    Defect::new("operation-id", "an operation id twice", |document, rng| {
        let id = operation(document, rng)["operationId"].clone();
        let mut copy = json!({ "operationId": id, "responses": { "204": { "description": "" } } });
        copy["description"] = json!("zyx");
        document["paths"]["/copied/path"] = json!({ "get": copy });
    }),
    Defect::new("operation-id", "an operation id that differs in case only", |document, rng| {
        let id = operation(document, rng)["operationId"].as_str().unwrap_or("zyx").to_lowercase();
        document["paths"]["/copied/path"] =
            json!({ "get": { "operationId": id, "responses": { "204": { "description": "" } } } });
    }),
    Defect::new("one-success", "two successes of different types", |document, rng| {
        let responses = &mut operation(document, rng)["responses"];
        responses["201"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        responses["200"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "object" } } } });
        responses["202"] = json!({ "description": "" });
    }),
    Defect::new("one-success", "errors with bodies", |document, rng| {
        let responses = &mut operation(document, rng)["responses"];
        responses["404"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        responses["422"] = json!({ "description": "", "content": { "application/problem+json": { "schema": { "type": "object" } } } });
        responses["default"] =
            json!({ "description": "", "content": { "application/json": { "schema": {} } } });
    }),
    Defect::new("one-success", "a redirection and nothing else", |document, rng| {
        operation(document, rng)["responses"] = json!({ "302": { "description": "" } });
    }),
    Defect::new("one-success", "no responses at all", |document, rng| {
        operation(document, rng)["responses"] = json!({});
    }),
    Defect::new("one-success", "nothing but a default response", |document, rng| {
        operation(document, rng)["responses"] = json!({ "default": { "description": "", "content": { "application/json": { "schema": { "type": "object" } } } } });
    }),
    Defect::new("one-success", "an answer without content", |document, rng| {
        operation(document, rng)["responses"] = json!({ "204": { "description": "" } });
    }),
    Defect::new("one-response-type", "an answer in several types", |document, rng| {
        operation(document, rng)["responses"] = json!({ "200": { "description": "", "content": {
            "text/csv": { "schema": { "type": "string" } },
            "application/vnd.airbyte.v2+json": { "schema": { "type": "object" } },
            "application/xml": {}
        } } });
    }),
    Defect::new("one-response-type", "an answer as plain text", |document, rng| {
        operation(document, rng)["responses"] = json!({ "200": { "description": "", "content": { "text/plain": { "schema": { "type": "string" } } } } });
    }),
    Defect::new("one-response-type", "JSON without a schema", |document, rng| {
        operation(document, rng)["responses"] =
            json!({ "200": { "description": "", "content": { "application/json": {} } } });
    }),
    Defect::new("one-request-type", "a body in several types", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "required": true, "content": {
            "application/x-www-form-urlencoded": { "schema": { "type": "object" } },
            "application/json": { "schema": { "type": "object", "properties": { "payload": { "type": "string" } } } }
        } });
    }),
    Defect::new("one-request-type", "a body of JSON without a schema", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "content": { "application/json": {} } });
    }),
    Defect::new("one-request-type", "a body of several parts", |document, rng| {
        operation(document, rng)["requestBody"] = json!({ "content": { "multipart/form-data": { "schema": {
            "type": "object", "properties": { "file": { "type": "string", "format": "binary" } }
        } } } });
    }),
    Defect::new("one-request-type", "a body of XML text", |document, rng| {
        operation(document, rng)["requestBody"] =
            json!({ "content": { "text/xml": { "schema": { "type": "object" } } } });
    }),
    Defect::new("parameters-of-operation", "parameters of the path", |document, rng| {
        let item = path_item(document, rng);
        item["parameters"] = json!([
            { "name": "shared", "in": "query", "schema": { "type": "boolean" } },
            { "name": "shared", "in": "query", "schema": { "type": "string" } }
        ]);
    }),
    Defect::new("path-parameters", "an undeclared parameter in the path", |document, _| {
        document["paths"]["/things/{thingId}/parts/{partId}"] = json!({ "get": {
            "operationId": "zyxGetPart",
            "parameters": [{ "name": "partId", "in": "path", "schema": { "type": "integer" } }],
            "responses": { "200": { "description": "" } }
        } });
    }),
    Defect::new("path-parameters", "a declared parameter that the path does not have", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "nowhereId", "in": "path", "required": true, "schema": { "type": "string" }
        }));
    }),
    Defect::new("supported-parameters", "a cookie", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "session", "in": "cookie", "schema": { "type": "string" }
        }));
    }),
    Defect::new("supported-parameters", "a header that the client sets itself", |document, rng| {
        let parameters = parameters(operation(document, rng));
        parameters.push(json!({ "name": "Authorization", "in": "header", "schema": { "type": "string" } }));
        parameters
            .push(json!({ "name": "X-Airbyte-Source", "in": "header", "schema": { "type": "string" } }));
    }),
    Defect::new("parameter-schema", "a parameter with content", |document, rng| {
        parameters(operation(document, rng)).push(json!({
            "name": "filterJson", "in": "query", "content": { "application/json": { "schema": { "type": "object" } } }
        }));
    }),
    Defect::new("parameter-schema", "a parameter of no type", |document, rng| {
        parameters(operation(document, rng)).push(json!({ "name": "anything", "in": "query", "schema": {} }));
    }),
    Defect::new("boolean-schema", "schemas that are true or false", |document, rng| {
        let schema = object_schema(document, rng);
        schema["properties"]["zyxAny"] = json!(true);
        schema["properties"]["zyxNone"] = json!(false);
        schema["properties"]["zyxList"] = json!({ "type": "array", "items": true });
    }),
    Defect::new("type-list", "a type or null", |document, rng| {
        property(document, rng, json!({ "type": ["string", "null"] }));
    }),
    Defect::new("type-list", "one of several types", |document, rng| {
        property(document, rng, json!({ "type": ["string", "integer", "null"] }));
    }),
    Defect::new("constant", "a constant", |document, rng| {
        property(document, rng, json!({ "const": "fixed" }));
        property(document, rng, json!({ "type": "integer", "const": 3 }));
    }),
    Defect::new("stated-type", "properties without a type", |document, rng| {
        property(document, rng, json!({ "properties": { "a": { "items": { "type": "string" } } } }));
    }),
    Defect::new("lone-reference", "a reference with company", |document, rng| {
        let name = schema_name(document, rng);
        property(
            document,
            rng,
            json!({ "$ref": format!("#/components/schemas/{name}"), "description": "zyx", "type": "object" }),
        );
    }),
    Defect::new("deep-reference", "a reference to a property", |document, rng| {
        object_schema(document, rng)["properties"]["zyxTarget"] = json!({ "type": "integer" });
        let name = name_with(document, "zyxTarget");
        property(
            document,
            rng,
            json!({ "$ref": format!("#/components/schemas/{name}/properties/zyxTarget") }),
        );
    }),
    Defect::new("dangling-reference", "a reference to a schema that is not there", |document, rng| {
        property(document, rng, json!({ "$ref": "#/components/schemas/Gone" }));
    }),
    Defect::new("dangling-reference", "a reference into another file", |document, rng| {
        property(document, rng, json!({ "$ref": "common.yaml#/components/schemas/Id" }));
    }),
    Defect::new("dangling-reference", "a schema that refers to itself", |document, rng| {
        document["components"]["schemas"]["ZyxCircle"] = json!({ "$ref": "#/components/schemas/ZyxRound" });
        document["components"]["schemas"]["ZyxRound"] = json!({ "$ref": "#/components/schemas/ZyxCircle" });
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxRound" }));
    }),
    Defect::new("union-with-null", "something or null", |document, rng| {
        let name = schema_name(document, rng);
        property(
            document,
            rng,
            json!({ "anyOf": [{ "$ref": format!("#/components/schemas/{name}") }, { "type": "null" }] }),
        );
        property(
            document,
            rng,
            json!({ "oneOf": [{ "type": "null" }, { "type": "array", "items": { "type": "string" } }] }),
        );
    }),
    Defect::new("merged-parts", "a required name that a neighbour has", |document, rng| {
        let name = schema_name(document, rng);
        property(
            document,
            rng,
            json!({
                "allOf": [
                    { "$ref": format!("#/components/schemas/{name}") },
                    { "type": "object", "required": ["zyxGone", "zyxOwn"], "properties": { "zyxOwn": { "type": "string" } } }
                ],
                "required": ["zyxNever"]
            }),
        );
    }),
    Defect::new("empty-part", "a reference with prose and a default beside it", |document, rng| {
        let name = schema_name(document, rng);
        let part = json!({ "$ref": format!("#/components/schemas/{name}") });
        property(document, rng, json!({ "allOf": [part, { "description": "zyx" }], "default": "zyx" }));
    }),
    Defect::new("merged-parts", "schemas that are part of each other", |document, rng| {
        for name in ["ZyxA", "ZyxB", "ZyxC"] {
            document["components"]["schemas"][name] = json!({ "allOf": [
                { "$ref": "#/components/schemas/ZyxA" }, { "$ref": "#/components/schemas/ZyxB" },
                { "$ref": "#/components/schemas/ZyxC" }, { "properties": { (name): { "type": "string" } } }
            ] });
        }
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxA" }));
    }),
    Defect::new(
        "named-composition",
        "a composed property that contains the object it is in",
        |document, rng| {
            let schema = object_schema(document, rng);
            schema["properties"]["zyxMark"] = json!({ "type": "integer" });
            let name = name_with(document, "zyxMark");
            let own = json!({ "$ref": format!("#/components/schemas/{name}") });
            let other = json!({ "type": "object", "properties": { "zyxOther": { "type": "string" } } });
            let properties = &mut document["components"]["schemas"][&name]["properties"];
            properties["zyxParts"] = json!({ "allOf": [own, other] });
            properties["zyxUnion"] = json!({ "type": "array", "items": { "oneOf": [own, other] } });
        },
    ),
    Defect::new("merged-parts", "a schema that is part of itself", |document, rng| {
        document["components"]["schemas"]["ZyxPart"] = json!({
            "allOf": [{ "$ref": "#/components/schemas/ZyxPart" }, { "properties": { "a": { "type": "string" } } }]
        });
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxPart" }));
    }),
    Defect::new("merged-union", "variants told apart by a discriminator", |document, rng| {
        let schemas = &mut document["components"]["schemas"];
        schemas["ZyxCat"] = json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": ["cat"] }, "lives": { "type": "integer" } } });
        schemas["ZyxDog"] = json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": ["dog"] }, "lives": { "type": "string" } } });
        property(
            document,
            rng,
            json!({
                "oneOf": [{ "$ref": "#/components/schemas/ZyxCat" }, { "$ref": "#/components/schemas/ZyxDog" }],
                "discriminator": { "propertyName": "kind", "mapping": { "cat": "#/components/schemas/ZyxCat" } }
            }),
        );
    }),
    Defect::new("merged-union", "a union that contains itself", |document, rng| {
        document["components"]["schemas"]["ZyxTree"] = json!({
            "oneOf": [
                { "type": "object", "properties": { "leaf": { "type": "string" } } },
                { "type": "object", "properties": { "branches": { "type": "array", "items": { "$ref": "#/components/schemas/ZyxTree" } } } },
                { "$ref": "#/components/schemas/ZyxTree" }
            ]
        });
        property(document, rng, json!({ "$ref": "#/components/schemas/ZyxTree" }));
    }),
    Defect::new("merged-union", "an object or a text", |document, rng| {
        property(
            document,
            rng,
            json!({ "anyOf": [{ "type": "object" }, { "type": "string" }, { "type": "integer" }] }),
        );
    }),
    Defect::new("enum-of-texts", "an enum of numbers, or with null, or of no type", |document, rng| {
        property(document, rng, json!({ "type": "integer", "enum": [1, 2] }));
        property(document, rng, json!({ "type": "string", "nullable": true, "enum": ["a", "b", "a", null] }));
        property(document, rng, json!({ "enum": ["a", "b"] }));
        property(document, rng, json!({ "enum": [true, "b", 3] }));
        property(document, rng, json!({ "type": "string", "enum": [] }));
    }),
    Defect::new("enum-names", "an enum of signs", |document, rng| {
        property(document, rng, json!({ "type": "string", "enum": ["a-b", "a_b", "A B", ">", "<", ""] }));
    }),
    Defect::new("no-constraints", "limits", |document, rng| {
        property(
            document,
            rng,
            json!({ "type": "integer", "minimum": 1, "exclusiveMinimum": 0, "maximum": 100 }),
        );
        property(document, rng, json!({ "type": "string", "pattern": "^(?!x)(?<=y)", "minLength": 1 }));
        property(
            document,
            rng,
            json!({ "type": "array", "uniqueItems": true, "maxItems": 2, "minItems": 2, "items": { "type": "number" } }),
        );
    }),
    Defect::new("no-defaults", "a default of another type", |document, rng| {
        property(document, rng, json!({ "type": "string", "default": null }));
        property(document, rng, json!({ "type": "integer", "default": "ten" }));
        property(document, rng, json!({ "type": "string", "enum": ["a", "b"], "default": "c" }));
    }),
    Defect::new("known-formats", "a format that is not one of its type", |document, rng| {
        property(
            document,
            rng,
            json!({ "type": "array", "format": "set", "items": { "type": "string", "format": "UUID" } }),
        );
        property(document, rng, json!({ "type": "string", "format": "byte" }));
        property(document, rng, json!({ "type": "string", "format": "ipv4" }));
        property(document, rng, json!({ "type": "integer", "format": "uint8" }));
        property(document, rng, json!({ "type": "object", "format": "map" }));
        property(document, rng, json!({ "type": "string", "format": 7 }));
    }),
    Defect::new("times-are-text", "a time in a body", |document, rng| {
        property(document, rng, json!({ "type": "string", "format": "date-time" }));
    }),
    Defect::new("open-objects", "an object that is closed, or open in part", |document, rng| {
        property(
            document,
            rng,
            json!({ "type": "object", "additionalProperties": false, "properties": { "a": { "type": "string" } } }),
        );
        property(
            document,
            rng,
            json!({ "type": "object", "additionalProperties": { "type": "integer" }, "properties": { "a": { "type": "string" } } }),
        );
    }),
    Defect::new("array-items", "an array of anything", |document, rng| {
        property(
            document,
            rng,
            json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }] }),
        );
    }),
    Defect::new("required-properties", "required and not there", |document, rng| {
        object_schema(document, rng)["required"] = json!(["zyx-gone", "zyx-gone"]);
    }),
    Defect::new("required-properties", "required and null", |document, rng| {
        document["components"]["schemas"]["ZyxNullable"] =
            json!({ "type": "object", "nullable": true, "properties": {} });
        let schema = object_schema(document, rng);
        schema["properties"]["zyxInner"] = json!({ "$ref": "#/components/schemas/ZyxNullable" });
        schema["properties"]["zyxText"] = json!({ "type": "string", "nullable": true });
        schema["required"] = json!(["zyxInner", "zyxText"]);
    }),
    Defect::new("null-is-absent", "an optional array", |document, rng| {
        property(document, rng, json!({ "type": "array", "items": { "type": "string", "nullable": true } }));
        property(
            document,
            rng,
            json!({ "type": "object", "additionalProperties": { "type": "string", "enum": ["a", "b"], "nullable": true } }),
        );
    }),
    Defect::new("keywords-of-type", "keywords of 3.1", |document, rng| {
        property(
            document,
            rng,
            json!({
                "type": "object", "patternProperties": { "^x": { "type": "string" } }, "propertyNames": { "pattern": "x" },
                "unevaluatedProperties": false, "dependentRequired": { "a": ["b"] }, "if": { "required": ["a"] },
                "then": { "required": ["b"] }, "not": { "type": "string" }, "$defs": { "A": { "type": "string" } }
            }),
        );
        property(document, rng, json!({ "type": "null" }));
        property(
            document,
            rng,
            json!({ "type": "string", "contentMediaType": "application/json", "items": {} }),
        );
        property(document, rng, json!({ "type": "file" }));
    }),
    Defect::new("distinct-properties", "properties that are the same in Rust", |document, rng| {
        let schema = object_schema(document, rng);
        for name in ["zyxName", "zyx_name", "zyx-name", "$zyx", "type", "self", "123", "", "@"] {
            schema["properties"][name] = json!({ "type": "string" });
        }
    }),
    Defect::new("distinct-schemas", "schemas that are the same in Rust", |document, rng| {
        let name = schema_name(document, rng);
        let copy = name.chars().map(|c| c.to_ascii_lowercase()).collect::<String>() + "_";
        document["components"]["schemas"][&copy] =
            json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        document["components"]["schemas"]["Zyx.Dotted-Name"] =
            json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        property(document, rng, json!({ "$ref": format!("#/components/schemas/{copy}") }));
        property(document, rng, json!({ "$ref": "#/components/schemas/Zyx.Dotted-Name" }));
    }),
    Defect::new("prune-schemas", "a schema that nobody uses", |document, _| {
        document["components"]["schemas"]["ZyxUnused"] =
            json!({ "type": "object", "oneOf": [{ "type": "string" }] });
    }),
];
