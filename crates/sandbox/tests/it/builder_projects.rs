//! Projects of the connector builder, and the definitions that are published of them.

use airbyte_sandbox::Seed;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::config_conformance::checked;
use crate::conformance::Document;
use crate::support::{Api, id};

const PROJECTS: &str = "/connector_builder_projects";
const MANIFESTS: &str = "/declarative_source_definitions";

fn manifest(name: &str) -> Value {
    json!({
        "type": "DeclarativeSource", "version": "6.0.0", "streams": [{"name": name}],
        "spec": {"connection_specification": specification()},
    })
}

fn specification() -> Value {
    json!({
        "type": "object", "required": ["api_key"],
        "properties": {"api_key": {"type": "string", "airbyte_secret": true}, "start": {"type": "string"}},
    })
}

fn version(number: i64, name: &str) -> Value {
    json!({
        "version": number, "description": name, "manifest": manifest(name),
        "spec": {"connectionSpecification": specification()},
    })
}

/// A sandbox with a project of which nothing has been published.
struct Builder {
    api: Api,
    document: Document,
    project: Value,
}

impl Builder {
    async fn new() -> Self {
        let api = Api::start(Seed::Empty).await;
        let document = Document::open("airbyte-config.yaml", "config.json");
        let mut builder = Self { api, document, project: Value::Null };
        let body = json!({"builderProject": {"name": "Weather", "draftManifest": manifest("draft")}});
        let created =
            builder.call("createConnectorBuilderProject", &format!("{PROJECTS}/create"), body).await;
        builder.project = json!({"builderProjectId": created["builderProjectId"]});
        builder
    }

    /// The members of both, and the workspace.
    fn body(&self, one: &Value, other: &Value) -> Value {
        let mut body = json!({"workspaceId": self.api.workspace()});
        for members in [one, other] {
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        }
        body
    }

    /// Calls an operation, whose answer must fit the document.
    async fn call(&mut self, operation: &str, path: &str, body: Value) -> Value {
        let body = self.body(&json!({}), &body);
        checked(&self.api, &mut self.document, operation, path, &body).await
    }

    async fn read(&mut self, version: Option<i64>) -> Value {
        let body = match version {
            Some(version) => self.body(&self.project, &json!({"version": version})),
            None => self.project.clone(),
        };
        self.call("getConnectorBuilderProject", &format!("{PROJECTS}/get_with_manifest"), body).await
    }

    /// Publishes the project and returns the definition.
    async fn publish(&mut self) -> Value {
        let publish = json!({"name": "Weather source", "initialDeclarativeManifest": version(1, "first")});
        let publish = self.body(&self.project, &publish);
        let path = format!("{PROJECTS}/publish");
        let published = self.call("publishConnectorBuilderProject", &path, publish.clone()).await;
        self.api.config(&path, &publish).await.expect(409);
        json!({"sourceDefinitionId": published["sourceDefinitionId"]})
    }

    /// The definition, as the public API shows it.
    async fn public(&self, definition: &Value) -> Value {
        let (workspace, definition) = (self.api.workspace(), id(definition, "sourceDefinitionId"));
        let path = format!("/workspaces/{workspace}/definitions/declarative_sources/{definition}");
        self.api.get(&path).await.expect(200)
    }
}

#[tokio::test]
async fn a_draft_is_read_until_it_is_published() {
    let mut builder = Builder::new().await;
    let drafted = builder.read(None).await;
    assert_eq!(drafted["declarativeManifest"], json!({"manifest": manifest("draft"), "isDraft": true}));
    assert_eq!((&drafted["builderProject"]["hasDraft"], drafted.get("testingValues")), (&json!(true), None));
    let definition = builder.publish().await;
    let read = builder.read(None).await;
    assert_eq!(read["declarativeManifest"]["version"], 1);
    assert_eq!(read["builderProject"]["activeDeclarativeManifestVersion"], 1);
    assert_eq!(read["builderProject"]["hasDraft"], false);
    let public = builder.public(&definition).await;
    assert_eq!((&public["name"], &public["manifest"]), (&json!("Weather source"), &manifest("first")));
    let specified = builder.body(&definition, &json!({}));
    let specified = builder.api.config("/source_definition_specifications/get", &specified).await.expect(200);
    assert_eq!(specified["connectionSpecification"], specification());

    let update = json!({"builderProject": {"name": "Renamed", "draftManifest": manifest("next")}});
    let update = builder.body(&builder.project, &update);
    builder.call("updateConnectorBuilderProject", &format!("{PROJECTS}/update"), update).await;
    assert_eq!(builder.read(None).await["declarativeManifest"]["manifest"], manifest("next"));
    let path = format!("{PROJECTS}/list");
    let listed = builder.call("listConnectorBuilderProjects", &path, json!({})).await;
    let project = &listed["projects"][0];
    assert_eq!((&project["name"], &project["hasDraft"]), (&json!("Renamed"), &json!(true)));
}

#[tokio::test]
async fn a_project_is_found_by_its_definition_under_either_name() {
    let mut builder = Builder::new().await;
    let definition = builder.publish().await;
    for name in ["get_for_definition_id", "get_by_definition_id"] {
        let path = format!("{PROJECTS}/{name}");
        let body = builder.body(&json!({"actorDefinitionId": definition["sourceDefinitionId"]}), &json!({}));
        let expected = builder.body(&builder.project, &json!({}));
        assert_eq!(builder.api.config(&path, &body).await.expect(200), expected);
        let unknown = builder.body(&json!({"actorDefinitionId": Uuid::from_u128(1)}), &json!({}));
        assert_eq!(builder.api.config(&path, &unknown).await.expect(200), json!({}));
    }
}

#[tokio::test]
async fn a_version_is_in_use_once_it_is_told_so() {
    let mut builder = Builder::new().await;
    let definition = builder.publish().await;
    let second = json!({"setAsActiveManifest": false, "declarativeManifest": version(2, "second")});
    let second = builder.body(&definition, &second);
    let path = format!("{MANIFESTS}/create_manifest");
    builder.call("createDeclarativeSourceDefinitionManifest", &path, second.clone()).await;
    builder.api.config(&path, &second).await.expect(409);
    for (active, activate) in [(1, 2), (2, 9)] {
        let path = format!("{MANIFESTS}/list_manifests");
        let listed = builder.call("listDeclarativeManifests", &path, definition.clone()).await;
        let listed = listed["manifestVersions"].as_array().unwrap();
        let versions: Vec<_> =
            listed.iter().map(|one| (one["version"].as_i64().unwrap(), one["isActive"] == true)).collect();
        assert_eq!(versions, [(1, active == 1), (2, active == 2)]);
        let path = format!("{MANIFESTS}/update_active_manifest");
        let body = builder.body(&definition, &json!({"version": activate}));
        if activate == 2 {
            builder.call("updateDeclarativeManifestVersion", &path, body).await;
        } else {
            builder.api.config(&path, &body).await.expect(404);
        }
    }
    assert_eq!(builder.public(&definition).await["manifest"], manifest("second"));
    assert_eq!(builder.read(Some(1)).await["declarativeManifest"]["manifest"], manifest("first"));
}

#[tokio::test]
async fn what_was_published_outlives_its_project() {
    let mut builder = Builder::new().await;
    let definition = builder.publish().await;
    let project = builder.project.clone();
    builder.call("deleteConnectorBuilderProject", &format!("{PROJECTS}/delete"), project).await;
    let key = builder.body(&builder.project, &json!({}));
    builder.api.config(&format!("{PROJECTS}/get_with_manifest"), &key).await.expect(404);
    assert_eq!(builder.public(&definition).await["manifest"], manifest("first"));
}

#[tokio::test]
async fn testing_values_are_replaced_and_their_secrets_masked() {
    let mut builder = Builder::new().await;
    let path = format!("{PROJECTS}/update_testing_values");
    let operation = "updateConnectorBuilderProjectTestingValues";
    let with = |values: Value| json!({"spec": {"connectionSpecification": specification()}, "testingValues": values});
    let body = builder.body(&builder.project, &with(json!({"api_key": "hunter2", "start": "2020"})));
    let shown = builder.call(operation, &path, body).await;
    assert_eq!(shown, json!({"api_key": "**********", "start": "2020"}));
    let body = builder.body(&builder.project, &with(json!({"api_key": "**********"})));
    builder.call(operation, &path, body).await;
    assert_eq!(builder.read(None).await["testingValues"], json!({"api_key": "**********"}));
}

#[tokio::test]
async fn manifests_belong_to_their_own_kind_of_definition_and_workspace() {
    let builder = Builder::new().await;
    for (definition, status) in
        [(json!("dfd88b22-b603-4c3d-aad7-3701784586b1"), 400), (json!(Uuid::from_u128(1)), 404)]
    {
        let body = builder.body(&json!({"sourceDefinitionId": definition}), &json!({}));
        let refused = builder.api.config(&format!("{MANIFESTS}/list_manifests"), &body).await.expect(status);
        assert!(refused["message"].is_string(), "{refused}");
    }
    let other = builder.api.post("/workspaces", &json!({"name": "Other"})).await.expect(200);
    let key = builder.body(&builder.project, &json!({"workspaceId": other["workspaceId"]}));
    for verb in ["get_with_manifest", "delete"] {
        builder.api.config(&format!("{PROJECTS}/{verb}"), &key).await.expect(404);
    }
}
