//! Answers against the API documents, as upstream publishes them where they are at hand.
//!
//! The sandbox is built from what is known of the server, not from these documents; so a slip on one side shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use airbyte_sandbox::{Sandbox, Seed};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::server_statuses::success;
use crate::support::{Answer, Api, FAST, answer, id};

/// An API document with the operations that have been called.
pub(crate) struct Document {
    root: Value,
    called: BTreeMap<String, u32>,
}

impl Document {
    /// The upstream document where its folder is known, else the normalised one of this repository.
    pub(crate) fn open(upstream: &str, own: &str) -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = std::env::var_os("AIRBYTE_OPENAPI_DIR").map_or_else(
            || workspace.join("../shared/openapi"),
            |folder| workspace.join(PathBuf::from(folder)),
        );
        let upstream = folder.join(upstream);
        let file = if upstream.exists() { upstream } else { workspace.join("openapi").join(own) };
        let text = std::fs::read_to_string(&file).expect("an API document");
        // Which one it was belongs to the result; the test runner shows it with --nocapture and on failure.
        #[allow(clippy::print_stderr)]
        {
            eprintln!("validating against {}", file.display());
        }
        // JSON is YAML.
        let mut root = serde_yaml_ng::from_str(&text).expect("a document");
        forget_impossible_requirements(&mut root);
        Self { root, called: BTreeMap::new() }
    }

    /// Every operation: id, method, path.
    pub(crate) fn operations(&self) -> Vec<(String, Method, String)> {
        let mut operations = Vec::new();
        for (path, item) in self.root["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("a path") {
                let Some(id) = operation["operationId"].as_str() else { continue };
                let method = method.to_uppercase().parse().expect("a method");
                operations.push((id.to_owned(), method, path.clone()));
            }
        }
        operations
    }

    /// The method of an operation, whose path must fit the one that is called.
    pub(crate) fn method(&self, operation: &str, path: &str) -> Method {
        let (_, method, template) = self
            .operations()
            .into_iter()
            .find(|(id, ..)| id == operation)
            .unwrap_or_else(|| panic!("the document has no operation {operation}"));
        let path = path.split('?').next().unwrap_or_default();
        // The normalised document of the Config API has paths below its root, upstream's begin with the version.
        let below_root = |path: &str| -> Vec<String> {
            path.strip_prefix("/v1").unwrap_or(path).split('/').map(str::to_owned).collect()
        };
        let (wanted, called) = (below_root(&template), below_root(path));
        let fits = wanted.len() == called.len()
            && wanted.iter().zip(&called).all(|(w, c)| w.starts_with('{') || w == c);
        assert!(fits, "{operation} is at {template}, not at {path}");
        method
    }

    /// Checks a successful answer against the schema of its operation and status.
    pub(crate) fn check(&mut self, operation: &str, answer: &Answer) {
        let status = answer.status.as_u16();
        assert!(answer.status.is_success(), "{operation}: {status} {}", answer.text);
        *self.called.entry(operation.to_owned()).or_default() += 1;
        let responses = &self.operation(operation)["responses"];
        // The document has 200 where the server says 201.
        let status = if operation == "createGroup" { 200 } else { status };
        // The normalised document has one answer for all successes.
        let response = responses.get(status.to_string()).or_else(|| responses.get("2XX"));
        let response = response.unwrap_or_else(|| panic!("{operation}: the document has no answer {status}"));
        let response = self.resolved(response);
        let schema = &response["content"]["application/json"]["schema"];
        // The upstream document names a schema that it does not have; the normalised one has it.
        let is_dangling = schema["$ref"]
            .as_str()
            .is_some_and(|reference| self.root.pointer(reference.trim_start_matches('#')).is_none());
        if schema.is_null() || is_dangling {
            return;
        }
        self.check_body(operation, schema, &answer.json());
    }

    /// Checks a body against a schema of the document.
    fn check_body(&self, operation: &str, schema: &Value, body: &Value) {
        let schema = json!({"allOf": [schema], "components": self.root["components"]});
        let validator =
            jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{operation}: {error}"));
        let errors: Vec<_> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{operation}: {errors:#?}\nin {body:#}");
    }

    /// What the document says about an operation.
    pub(crate) fn operation(&self, id: &str) -> &Value {
        let paths = self.root["paths"].as_object().expect("paths");
        let mut described =
            paths.values().flat_map(|item| item.as_object().into_iter().flat_map(Map::values));
        described.find(|candidate| candidate["operationId"] == id).expect("the operation")
    }

    pub(crate) fn resolved<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(reference) => {
                self.root.pointer(reference.trim_start_matches('#')).expect("what a reference points to")
            }
            None => node,
        }
    }
}

/// The documents require some members under names that they do not define (`json_schema` for `jsonSchema`): no
/// answer of the server has these.
fn forget_impossible_requirements(node: &mut Value) {
    if let (Some(Value::Object(properties)), true) =
        (node.get("properties").cloned(), node["required"].is_array())
        && let Some(required) = node["required"].as_array_mut()
    {
        required.retain(|name| name.as_str().is_none_or(|name| properties.contains_key(name)));
    }
    match node {
        Value::Object(members) => members.values_mut().for_each(forget_impossible_requirements),
        Value::Array(items) => items.iter_mut().for_each(forget_impossible_requirements),
        _ => {}
    }
}

/// A sandbox, and the document that its answers are held against.
pub(crate) struct Walk {
    pub(crate) api: Api,
    document: Document,
}

impl Walk {
    pub(crate) async fn call(&mut self, operation: &str, path: &str, body: Option<Value>) -> Value {
        let request = self.api.public(self.document.method(operation, path), path);
        let answer = answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await;
        if let Some(status) = success(operation) {
            assert_eq!(answer.status.as_u16(), status, "{operation}: {}", answer.text);
        }
        self.document.check(operation, &answer);
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// Calls an operation whose list is bare, where the document puts it into an object.
    pub(crate) async fn list(&mut self, operation: &str, path: &str, item: &str) {
        let listed = answer(self.api.public(self.document.method(operation, path), path)).await;
        let items = listed.expect(200);
        let items = items.as_array().expect("a bare list");
        assert!(!items.is_empty(), "{operation}: nothing to check");
        for item_shown in items {
            self.document.check_body(
                operation,
                &json!({"$ref": format!("#/components/schemas/{item}")}),
                item_shown,
            );
        }
        *self.document.called.entry(operation.to_owned()).or_default() += 1;
    }

    /// Calls an operation that the server has without a working.
    pub(crate) async fn unimplemented(&mut self, operation: &str, path: &str, body: &Value) {
        let method = self.document.method(operation, path);
        let answered = answer(self.api.public(method, path).json(body)).await;
        assert_eq!((answered.status.as_u16(), answered.text.as_str()), (501, ""), "{operation}");
        *self.document.called.entry(operation.to_owned()).or_default() += 1;
    }

    pub(crate) async fn get(&mut self, operation: &str, path: &str) -> Value {
        self.call(operation, path, None).await
    }
}

#[tokio::test]
async fn successful_answers_of_the_public_api_fit_its_document() {
    let api = Api::of(Sandbox::builder().seed(Seed::Demo).time_scale(FAST)).await;
    let mut walk = Walk { api, document: Document::open("airbyte-public.yaml", "public.json") };
    let ready = walk.api.sandbox.ready().clone();
    let workspace = ready.workspace_id.clone();

    walk.get("getHealthCheck", "/health").await;
    let credentials = json!({"client_id": ready.client_id, "client_secret": ready.client_secret});
    walk.call("createAccessToken", "/applications/token", Some(credentials)).await;
    walk.get("listOrganizationsForUser", "/organizations").await;

    walk.get("listWorkspaces", "/workspaces").await;
    let second = walk.call("createWorkspace", "/workspaces", Some(json!({"name": "Second"}))).await;
    let second = format!("/workspaces/{}", id(&second, "workspaceId"));
    walk.get("getWorkspace", &second).await;
    walk.call("updateWorkspace", &second, Some(json!({"name": "Renamed"}))).await;
    walk.get("deleteWorkspace", &second).await;

    let faker = json!({"sourceType": "faker", "count": 5});
    let source = json!({"name": "s", "workspaceId": workspace, "configuration": faker});
    let source = id(&walk.call("createSource", "/sources", Some(source)).await, "sourceId");
    let path = format!("/sources/{source}");
    walk.get("listSources", "/sources").await;
    walk.get("getSource", &path).await;
    walk.call("patchSource", &path, Some(json!({"name": "t"}))).await;
    walk.call("putSource", &path, Some(json!({"name": "u", "configuration": {"count": 6}}))).await;

    let sqlite = json!({"destinationType": "sqlite", "destination_path": "/local/conformance.db"});
    let destination = json!({"name": "d", "workspaceId": workspace, "configuration": sqlite});
    let destination =
        id(&walk.call("createDestination", "/destinations", Some(destination)).await, "destinationId");
    let path = format!("/destinations/{destination}");
    walk.get("listDestinations", "/destinations").await;
    walk.get("getDestination", &path).await;
    walk.call("patchDestination", &path, Some(json!({"name": "t"}))).await;
    let put = json!({"name": "u", "configuration": {"destination_path": "/local/conformance.db"}});
    walk.call("putDestination", &path, Some(put)).await;

    walk.get("getStreamProperties", &format!("/streams?sourceId={source}&destinationId={destination}")).await;
    let connection = json!({
        "sourceId": source, "destinationId": destination,
        "schedule": {"scheduleType": "cron", "cronExpression": "0 0 12 * * ?"},
        "configurations": {"streams": [{"name": "users", "syncMode": "incremental_append"}, {"name": "products"}]},
    });
    let connection =
        id(&walk.call("createConnection", "/connections", Some(connection)).await, "connectionId");
    let path = format!("/connections/{connection}");
    walk.get("listConnections", "/connections").await;
    walk.get("getConnection", &path).await;
    walk.call("patchConnection", &path, Some(json!({"prefix": "x_"}))).await;

    let start = json!({"connectionId": connection, "jobType": "sync"});
    let job = walk.call("createJob", "/jobs", Some(start.clone())).await["jobId"].as_i64().unwrap();
    walk.get("getJob", &format!("/jobs/{job}")).await;
    walk.api.finished(job).await;
    walk.get("getJob", &format!("/jobs/{job}")).await;
    walk.get("listJobs", "/jobs").await;
    walk.api.control(Method::POST, "faults").json(&json!({"fault": "slow-job=5m"})).send().await.unwrap();
    let job = walk.call("createJob", "/jobs", Some(start)).await["jobId"].as_i64().unwrap();
    walk.get("cancelJob", &format!("/jobs/{job}")).await;

    walk.get("deleteConnection", &path).await;
    walk.get("deleteSource", &format!("/sources/{source}")).await;
    walk.get("deleteDestination", &format!("/destinations/{destination}")).await;

    crate::conformance_admin::walk_through(&mut walk).await;
    every_other_operation_is_honestly_absent(&walk).await;
}

/// What is not there answers as an unknown path does, and is listed.
async fn every_other_operation_is_honestly_absent(walk: &Walk) {
    let deviations = include_str!("../../DEVIATIONS.md");
    for (operation, method, template) in walk.document.operations() {
        if walk.document.called.contains_key(&operation) {
            continue;
        }
        // `/api/public` itself redirects to the documentation; it is no operation on objects.
        if operation == "getDocumentation" {
            continue;
        }
        let path: Vec<_> = template
            .split('/')
            .map(|part| if part.starts_with('{') { "00000000-0000-0000-0000-000000000001" } else { part })
            .collect();
        let answered = answer(walk.api.public(method, &path.join("/")).json(&json!({}))).await;
        assert!(
            [403, 404].contains(&answered.status.as_u16()),
            "{operation} answers {} without being in the walk: {}",
            answered.status,
            answered.text
        );
        assert!(
            deviations.contains(&format!("`{operation}`")),
            "{operation} is missing and not listed in DEVIATIONS.md"
        );
    }
}
