//! Rules about operations: their ids, what they take and what they answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Rule;
use crate::regen::document::{Object, Operation, each_operation};

pub const RULES: [Rule; 4] = [
    Rule {
        name: "operation-id",
        what: "gives an id to an operation that has none, and a second one to an operation whose id is taken",
        why: "the id becomes the method's name, so there has to be one, and only one",
        apply: operation_id,
    },
    Rule {
        name: "one-success",
        what: "merges all successful responses into one `2XX`, and drops the others",
        why: "the generator asserts that there is one, takes other success codes for errors, and loses the body of an error that it decodes",
        apply: one_success,
    },
    Rule {
        name: "one-response-type",
        what: "keeps one media type of a response: JSON if there is any, else the bytes as they come",
        why: "the generator looks for `application/json` alone, and needs a schema there",
        apply: one_response_type,
    },
    Rule {
        name: "one-request-type",
        what: "keeps one media type of a request: JSON, else a form, else text, else bytes",
        why: "the generator panics on two, and on one without a schema",
        apply: one_request_type,
    },
];

fn operation_id(document: &mut Value) -> usize {
    let mut taken = BTreeSet::new();
    each_operation(document, |operation| {
        let stated = operation.body.get("operationId").and_then(Value::as_str).map(str::to_owned);
        let wanted = match &stated {
            Some(id) if id.chars().any(char::is_alphanumeric) => id.clone(),
            _ => id_from_path(&operation),
        };
        let mut id = wanted.clone();
        let mut number = 2;
        // Two ids that differ in case or punctuation would still be one method name.
        while !taken.insert(method_name(&id)) {
            id = format!("{wanted}{number}");
            number += 1;
        }
        let changed = stated.as_ref() != Some(&id);
        if changed {
            operation.body.insert("operationId".to_owned(), json!(id));
        }
        usize::from(changed)
    })
}

/// `getWorkspacesWorkspaceId` for `GET /workspaces/{workspaceId}`.
fn id_from_path(operation: &Operation<'_>) -> String {
    let words = operation.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capitalised = words.map(|word| word[..1].to_uppercase() + &word[1..]);
    std::iter::once(operation.method.to_owned()).chain(capitalised).collect()
}

fn method_name(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn one_success(document: &mut Value) -> usize {
    each_operation(document, |operation| {
        let responses = operation.body.get("responses").and_then(Value::as_object);
        let chosen = responses.map_or_else(empty_response, success);
        let wanted = json!({ "2XX": chosen });
        let changed = operation.body.get("responses") != Some(&wanted);
        if changed {
            operation.body.insert("responses".to_owned(), wanted);
        }
        usize::from(changed)
    })
}

/// The successful response that says most: one with content before one without, then the lowest status.
fn success(responses: &Object) -> Value {
    let mut successes: Vec<(&String, &Value)> =
        responses.iter().filter(|(status, _)| status.starts_with('2')).collect();
    if successes.is_empty() {
        successes.extend(responses.iter().filter(|(status, _)| *status == "default"));
    }
    successes.sort_by_key(|(status, response)| {
        (content(response).is_none_or(Object::is_empty), (*status).clone())
    });
    successes.first().map_or_else(empty_response, |(_, response)| (*response).clone())
}

fn empty_response() -> Value {
    json!({ "description": "" })
}

fn content(holder: &Value) -> Option<&Object> {
    holder.get("content")?.as_object()
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    essence == "application/json" || essence.ends_with("+json") || essence == "*/*" || essence == "text/json"
}

/// The schema of the JSON content, any JSON where it states none.
fn json_schema(content: &Object) -> Option<Value> {
    let exact = content.get("application/json");
    let (_, media) = exact.map(|media| ("", media)).or_else(|| {
        content
            .iter()
            .find(|(media_type, _)| is_json(media_type))
            .map(|(media_type, media)| (media_type.as_str(), media))
    })?;
    Some(media.get("schema").filter(|schema| schema.is_object()).cloned().unwrap_or_else(|| json!({})))
}

fn one_response_type(document: &mut Value) -> usize {
    each_operation(document, |operation| {
        let responses = operation.body.get_mut("responses").and_then(Value::as_object_mut);
        responses.into_iter().flat_map(Object::values_mut).map(one_type_of_response).sum()
    })
}

fn one_type_of_response(response: &mut Value) -> usize {
    let Some(content) = content(response) else { return 0 };
    let wanted = match json_schema(content) {
        Some(schema) => json!({ "application/json": { "schema": schema } }),
        None if content.is_empty() => json!(null),
        None => json!({ "application/octet-stream": { "schema": bytes() } }),
    };
    set_content(response, wanted)
}

fn one_request_type(document: &mut Value) -> usize {
    const FORM: &str = "application/x-www-form-urlencoded";
    each_operation(document, |operation| {
        let Some(body) = operation.body.get_mut("requestBody") else { return 0 };
        let none = Object::new();
        let content = content(body).unwrap_or(&none);
        let form =
            content.get(FORM).and_then(|media| media.get("schema")).filter(|schema| schema.is_object());
        let wanted = if let Some(schema) = json_schema(content) {
            json!({ "application/json": { "schema": schema } })
        } else if let Some(schema) = form {
            json!({ FORM: { "schema": schema } })
        } else if content.keys().any(|media_type| media_type.starts_with("text/")) {
            json!({ "text/plain": { "schema": { "type": "string" } } })
        } else if content.is_empty() {
            operation.body.remove("requestBody");
            return 1;
        } else {
            json!({ "application/octet-stream": { "schema": bytes() } })
        };
        set_content(body, wanted)
    })
}

fn bytes() -> Value {
    json!({ "type": "string", "format": "binary" })
}

fn set_content(holder: &mut Value, wanted: Value) -> usize {
    if holder.get("content") == Some(&wanted) {
        return 0;
    }
    if let Some(holder) = holder.as_object_mut() {
        holder.remove("content");
        if !wanted.is_null() {
            holder.insert("content".to_owned(), wanted);
        }
    }
    1
}
