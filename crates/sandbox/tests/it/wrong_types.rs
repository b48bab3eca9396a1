//! Every operation, given what it cannot mean: it refuses with a body that says so, and goes on.

use std::collections::HashSet;

use airbyte_sandbox::{Sandbox, Seed};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::conformance::Document;
use crate::support::{Answer, Api, FAST, answer, id};

/// So many wrong values are tried for each member and each parameter.
const TRIED: usize = 4;
const SEED: u64 = 11;

/// Values that fit hardly anywhere.
fn wrong_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("'; drop table objects; --"),
        json!("ü\u{202e}\u{1f980}".repeat(2_000)),
        json!([]),
        json!([null, [[]], {"": {}}]),
        json!({}),
        json!({"a": [{"b": null}], "$ref": "#"}),
    ]
}

/// What makes a request that is right, so that one wrong member is seen.
struct Known {
    ids: Map<String, Value>,
}

impl Known {
    async fn of(api: &Api) -> Self {
        let connection = api.small_connection().await;
        let job = api.sync(&connection).await["jobId"].clone();
        let shown = api.get(&format!("/connections/{connection}")).await.expect(200);
        let tag = json!({"workspaceId": api.workspace(), "name": "a tag", "color": "FF0000"});
        let tag = id(&api.post("/tags", &tag).await.expect(200), "tagId");
        let ready = api.sandbox.ready();
        let ids = json!({
            "connectionId": connection, "jobId": job, "id": job, "sourceId": shown["sourceId"],
            "destinationId": shown["destinationId"], "workspaceId": ready.workspace_id, "workspaceIds": [ready.workspace_id],
            "organizationId": ready.organization_id, "tagId": tag, "userId": uuid::Uuid::nil(),
            "definitionType": "source", "configuration": {"sourceType": "faker"}, "pagination": {"pageSize": 5, "rowOffset": 0},
        });
        Self { ids: ids.as_object().unwrap().clone() }
    }

    /// A value that a schema allows, more or less.
    fn value(&self, document: &Document, name: &str, schema: &Value, depth: usize) -> Value {
        if let Some(known) = self.ids.get(name) {
            return known.clone();
        }
        let schema = document.resolved(schema);
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        match schema["type"].as_str() {
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") if depth > 0 => json!([self.value(document, "", &schema["items"], depth - 1)]),
            Some("string") if schema["format"] == "uuid" => json!(uuid::Uuid::nil()),
            Some("string") => json!("text"),
            _ if depth > 0 => self.object(document, schema, depth - 1),
            _ => json!({}),
        }
    }

    fn object(&self, document: &Document, schema: &Value, depth: usize) -> Value {
        let members = schema["properties"].as_object().into_iter().flatten();
        let of =
            |(name, schema): (&String, &Value)| (name.clone(), self.value(document, name, schema, depth));
        Value::Object(members.map(of).collect())
    }

    /// The path with ids in it.
    fn path(&self, template: &str) -> String {
        let parts = template.split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            match name.map(|name| self.ids.get(name)) {
                Some(Some(Value::String(text))) => text.clone(),
                Some(Some(Value::Number(number))) => number.to_string(),
                Some(_) => uuid::Uuid::nil().to_string(),
                None => part.to_owned(),
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// A refusal is one of the server's own, and nothing in the sandbox broke.
#[track_caller]
fn check(what: &str, answer: &Answer) {
    let status = answer.status.as_u16();
    assert!(!answer.text.contains("The sandbox has a fault"), "{what}: a handler panicked");
    if answer.status.is_client_error() && !answer.text.is_empty() {
        let body = answer.json();
        let known = ["type", "errorId", "_embedded", "message"];
        assert!(known.iter().any(|name| !body[name].is_null()), "{what}: {status} {body}");
    }
    assert!(status < 500 || status == 501 || !answer.json().is_null(), "{what}: {status} {}", answer.text);
}

async fn sweep(document: Document, is_public: bool) {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let known = Known::of(&api).await;
    let mut dice = StdRng::seed_from_u64(SEED);
    let wrong = wrong_values();
    let (mut asked, mut refused) = (0, HashSet::new());
    for (operation, method, template) in document.operations() {
        // What everything else belongs to has to stay, and so has the way in.
        if method == Method::DELETE || operation.to_lowercase().contains("delete") {
            continue;
        }
        let described = document.operation(&operation);
        let path = known.path(&template);
        let ready = api.sandbox.ready();
        let url =
            format!("{}{path}", if is_public { &ready.public_api_root } else { &ready.config_api_root });
        for parameter in described["parameters"].as_array().into_iter().flatten() {
            let parameter = document.resolved(parameter);
            let Some(name) = parameter["name"].as_str().filter(|_| parameter["in"] == "query") else {
                continue;
            };
            for value in wrong.choose_multiple(&mut dice, TRIED) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let request = api.authorised(method.clone(), &url).query(&[(name, &value)]);
                let answer = answer(request).await;
                check(&format!("{operation} with {name}={value:.40}"), &answer);
                asked += 1;
            }
        }
        let body = document.resolved(&described["requestBody"]);
        let schema = document.resolved(&body["content"]["application/json"]["schema"]);
        let right = known.object(&document, schema, 2);
        for body in [json!(null), json!([]), json!("text"), json!(7)] {
            if method != Method::GET {
                let answer = answer(api.authorised(method.clone(), &url).json(&body)).await;
                check(&format!("{operation} with {body}"), &answer);
            }
        }
        for name in right.as_object().unwrap().keys() {
            for value in wrong.choose_multiple(&mut dice, TRIED) {
                let mut body = right.clone();
                body[name] = value.clone();
                let answer = answer(api.authorised(method.clone(), &url).json(&body)).await;
                check(&format!("{operation} with `{name}` as {:.60}", value.to_string()), &answer);
                asked += 1;
                if answer.status.is_client_error() {
                    refused.insert(operation.clone());
                }
            }
        }
    }
    assert!(asked > 300, "{asked} requests");
    assert!(refused.len() > 15, "refused by {refused:?}");
    // All is as it was.
    let connection = id(&Value::Object(known.ids), "connectionId");
    api.get(&format!("/connections/{connection}")).await.expect(200);
    api.small_connection().await;
}

#[tokio::test]
async fn every_public_operation_survives_wrong_types() {
    sweep(Document::open("none", "public.json"), true).await;
}

#[tokio::test]
async fn every_config_operation_survives_wrong_types() {
    sweep(Document::open("none", "config.json"), false).await;
}
