//! Definitions of custom source connectors: written in YAML, or packed as Docker images.

use std::future::IntoFuture;

use futures::future::BoxFuture;
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Operation;
use crate::client::Client;
use crate::create::CreateSource;
use crate::delete::{delete_at, marked};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{DefinitionId, WorkspaceId};
use crate::manifest::Manifest;
use crate::request::Api;
use crate::start::START_TIMEOUT;
use crate::workspace::Workspace;

/// How a custom connector is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CustomSourceKind {
    /// Of a [`Manifest`], by the connector builder.
    Yaml,
    /// As a Docker image. Self-managed installations only can make and change such.
    Docker,
}

impl CustomSourceKind {
    /// The one of two texts that belongs to it.
    pub(crate) fn pick(self, yaml: &'static str, docker: &'static str) -> &'static str {
        match self {
            Self::Yaml => yaml,
            Self::Docker => docker,
        }
    }

    /// The path of all in a workspace.
    pub(crate) fn path(self, workspace: WorkspaceId) -> String {
        format!("/workspaces/{workspace}/definitions/{}", self.pick("declarative_sources", "sources"))
    }
}

/// What the server says about a definition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomSourceInfo {
    /// Its id.
    pub definition_id: DefinitionId,
    /// How the connector is made.
    pub kind: CustomSourceKind,
    /// Its name; not unique.
    pub name: String,
    /// The manifest of a YAML connector.
    pub manifest: Option<Manifest>,
    /// The version of a YAML connector's manifest, counted from 1.
    pub version: Option<i64>,
    /// The image of a Docker connector, without its tag.
    pub docker_repository: Option<String>,
    /// The tag of its image.
    pub docker_image_tag: Option<String>,
    /// Where it is documented.
    pub documentation_url: Option<String>,
}

impl CustomSourceInfo {
    pub(crate) fn read(kind: CustomSourceKind, answer: &Value) -> Result<Self> {
        let text = |member: &str| {
            let text = answer.get(member).and_then(Value::as_str);
            // The server has the word null for a text that it does not know.
            text.filter(|text| !text.is_empty() && *text != "null").map(str::to_owned)
        };
        let id = text("id").and_then(|id| id.parse().ok());
        let definition_id = id.ok_or_else(|| {
            Error::new(ErrorKind::UnexpectedResponse, "a definition in the answer has no id")
                .with_ambiguous(true)
        })?;
        Ok(Self {
            definition_id,
            kind,
            name: text("name").unwrap_or_default(),
            manifest: answer.get("manifest").filter(|it| !it.is_null()).cloned().map(Manifest::from),
            version: answer.get("version").and_then(Value::as_i64),
            docker_repository: text("dockerRepository"),
            docker_image_tag: text("dockerImageTag"),
            documentation_url: text("documentationUrl"),
        })
    }
}

/// The project of the web application's connector builder that a YAML connector belongs to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BuilderProject {
    /// Its id.
    pub project_id: String,
    /// The workspace it belongs to, which may be another one than the definition's.
    pub workspace_id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Whether it has changes that are not published.
    pub has_draft: bool,
    /// The manifest with those changes; `None` if there are none.
    pub draft: Option<Manifest>,
    /// The version that is in use.
    pub active_version: Option<i64>,
    /// The configuration that the builder tests with, secrets masked.
    pub testing_values: Option<Value>,
}

/// The definition of a custom source connector, by its id.
#[derive(Clone, Debug)]
pub struct CustomSourceDefinition {
    workspace: Workspace,
    id: DefinitionId,
    kind: CustomSourceKind,
}

impl CustomSourceDefinition {
    /// Its id.
    pub fn id(&self) -> DefinitionId {
        self.id
    }

    /// How the connector is made.
    pub fn kind(&self) -> CustomSourceKind {
        self.kind
    }

    /// The workspace it is used in.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    fn client(&self) -> &Client {
        self.workspace.client()
    }

    fn path(&self) -> String {
        format!("{}/{}", self.kind.path(self.workspace.id()), self.id)
    }

    /// What the server says about it (operations `getDeclarativeSourceDefinition`, `getSourceDefinition`).
    pub async fn info(&self) -> Result<CustomSourceInfo> {
        let id = self.kind.pick("getDeclarativeSourceDefinition", "getSourceDefinition");
        let operation = Operation::read(id).of("definition", self.id);
        let path = self.path();
        let answer: Value =
            self.client().exchange(operation, (Api::Public, Method::GET, &path), None::<&()>).await?;
        CustomSourceInfo::read(self.kind, &answer)
    }

    /// Publishes a new version of a YAML connector (operation `updateDeclarativeSourceDefinition`), which is
    /// in use at once. A draft in the builder is dropped. Publishing the same twice makes two versions, so the
    /// request is sent once only; if its answer is lost, [`info`](Self::info) tells the version.
    pub async fn update(&self, manifest: impl Into<Manifest>) -> Result<CustomSourceInfo> {
        let manifest = manifest.into();
        self.expect(CustomSourceKind::Yaml, "has no manifest")?;
        manifest.check()?;
        let path = self.path();
        let operation = Operation::once("updateDeclarativeSourceDefinition");
        let body = json!({ "manifest": manifest });
        let answer: Value =
            self.client().exchange(operation, (Api::Public, Method::PUT, &path), Some(&body)).await?;
        CustomSourceInfo::read(self.kind, &answer)
    }

    /// Changes name and image tag of a Docker connector (operation `updateSourceDefinition`). The server pulls
    /// the image within the request.
    pub async fn update_image(
        &self,
        name: impl Into<String>,
        tag: impl Into<String>,
    ) -> Result<CustomSourceInfo> {
        self.expect(CustomSourceKind::Docker, "has no image")?;
        let body = json!({ "name": name.into(), "dockerImageTag": tag.into() });
        let (path, operation) =
            (self.path(), Operation::change("updateSourceDefinition").timeout(START_TIMEOUT));
        let answer: Value =
            self.client().exchange(operation, (Api::Public, Method::PUT, &path), Some(&body)).await?;
        CustomSourceInfo::read(self.kind, &answer)
    }

    /// Deletes it for good (operations `deleteDeclarativeSourceDefinition`, `deleteSourceDefinition`);
    /// `.await` it. All sources that use it, and their connections, go with it.
    pub fn delete(&self) -> DeleteCustomSource {
        DeleteCustomSource { definition: self.clone(), safe_mode: true }
    }

    /// Creates a source of this connector in the workspace; `.await` it.
    pub fn create_source(&self, name: impl Into<String>, configuration: impl Serialize) -> CreateSource {
        self.workspace.create_source(name, configuration).definition(self.id)
    }

    /// Its builder project (Config API operations `getConnectorBuilderProjectIdForDefinitionId`,
    /// `getConnectorBuilderProject`); `None` if it has none: Docker connectors, and YAML ones from elsewhere.
    pub async fn builder_project(&self) -> Result<Option<BuilderProject>> {
        let Some((project, workspace)) = self.project_id().await? else { return Ok(None) };
        let body = json!({ "workspaceId": workspace, "builderProjectId": project });
        let operation = Operation::read("getConnectorBuilderProject").of("builder project", &project);
        let what = (Api::Config, Method::POST, "/connector_builder_projects/get_with_manifest");
        let answer: Value = self.client().exchange(operation, what, Some(&body)).await?;
        let details = answer.get("builderProject").unwrap_or(&Value::Null);
        let manifest = answer.get("declarativeManifest").unwrap_or(&Value::Null);
        let is_draft = manifest.get("isDraft") == Some(&Value::Bool(true));
        Ok(Some(BuilderProject {
            project_id: project,
            workspace_id: workspace,
            name: details.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            has_draft: details.get("hasDraft").and_then(Value::as_bool).unwrap_or(false),
            draft: manifest.get("manifest").filter(|_| is_draft).cloned().map(Manifest::from),
            active_version: details.get("activeDeclarativeManifestVersion").and_then(Value::as_i64),
            testing_values: answer.get("testingValues").filter(|it| !it.is_null()).cloned(),
        }))
    }

    /// Replaces the configuration that the builder tests with (Config API operation
    /// `updateConnectorBuilderProjectTestingValues`), and returns it with its secrets masked. What is secret in it
    /// the manifest's specification says.
    pub async fn set_testing_values(&self, values: impl Serialize) -> Result<Value> {
        let values = crate::actor::members(values)?;
        let Some((project, workspace)) = self.project_id().await? else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("definition {} has no builder project", self.id),
            )
            .with_hint("only connectors made with the connector builder have testing values"));
        };
        let manifest = self.info().await?.manifest;
        let spec = manifest.as_ref().and_then(|manifest| manifest.as_json().get("spec"));
        let member = |name: &str| spec.and_then(|spec| spec.get(name)).cloned();
        let mut specification = json!({
            "connectionSpecification": member("connection_specification").unwrap_or_else(|| json!({})),
        });
        for (name, value) in
            [("documentationUrl", member("documentation_url")), ("advancedAuth", member("advanced_auth"))]
        {
            if let Some(value) = value {
                specification[name] = value;
            }
        }
        let body = json!({
            "workspaceId": workspace, "builderProjectId": project,
            "spec": specification, "testingValues": values,
        });
        let operation = Operation::change("updateConnectorBuilderProjectTestingValues")
            .sends(Some(json!({ "secret": values })));
        let what = (Api::Config, Method::POST, "/connector_builder_projects/update_testing_values");
        self.client().exchange(operation, what, Some(&body)).await
    }

    /// Its address in the web application: its builder project, or the list of sources in the settings. `None`
    /// where the application's address is not known.
    pub async fn url(&self) -> Result<Option<String>> {
        let links = self.client().links();
        match self.project_id().await? {
            Some((project, workspace)) => Ok(links.builder_project(workspace, &project)),
            None => Ok(links.source_settings(self.workspace.id())),
        }
    }

    /// The builder project's id, and the workspace that it belongs to.
    async fn project_id(&self) -> Result<Option<(String, WorkspaceId)>> {
        if self.kind == CustomSourceKind::Docker {
            return Ok(None);
        }
        self.client().path().config_root()?;
        let body = json!({ "actorDefinitionId": self.id, "workspaceId": self.workspace.id() });
        let operation =
            Operation::read("getConnectorBuilderProjectIdForDefinitionId").of("definition", self.id);
        let what = (Api::Config, Method::POST, "/connector_builder_projects/get_for_definition_id");
        let answer: Value = self.client().exchange(operation, what, Some(&body)).await?;
        let text = |member: &str| answer.get(member).and_then(Value::as_str);
        let Some(project) = text("builderProjectId") else { return Ok(None) };
        let workspace = text("workspaceId").and_then(|id| id.parse().ok()).unwrap_or(self.workspace.id());
        Ok(Some((project.to_owned(), workspace)))
    }

    fn expect(&self, kind: CustomSourceKind, what: &str) -> Result<()> {
        if self.kind == kind {
            return Ok(());
        }
        let message = format!(
            "definition {} is one of a {} connector, which {what}",
            self.id,
            self.kind.pick("YAML", "Docker")
        );
        Err(Error::new(ErrorKind::InvalidInput, message))
    }
}

/// Deletes the definition of a custom connector; made by [`CustomSourceDefinition::delete`].
///
/// Errors: [`Conflict`](ErrorKind::Conflict) if safe mode forbids it, for the definition or for a source or
/// connection that would go with it; then nothing has been deleted.
#[derive(Clone, Debug)]
#[must_use = "nothing is deleted until it is awaited"]
pub struct DeleteCustomSource {
    definition: CustomSourceDefinition,
    safe_mode: bool,
}

impl DeleteCustomSource {
    /// Whether only objects can be deleted that have `delete-me` in their names. Holds unless turned off.
    pub fn safe_mode(mut self, on: bool) -> Self {
        self.safe_mode = on;
        self
    }

    /// Checks what safe mode checks, and deletes nothing. Where safe mode is off there is nothing to check.
    ///
    /// Errors: [`Conflict`](ErrorKind::Conflict) if safe mode forbids the deletion, and those of reading what
    /// would go.
    pub async fn check(&self) -> Result<()> {
        let definition = &self.definition;
        if !self.safe_mode {
            return Ok(());
        }
        marked("definition", definition.id, &definition.info().await?.name)?;
        let id = definition.id;
        let used_by = move |source: &crate::SourceInfo| source.definition_id == Some(id);
        let sources = definition.workspace.sources().filter(used_by).await?;
        for source in &sources {
            marked("source", source.source_id, &source.name)
                .map_err(|error| error.about("a source would be deleted along with it"))?;
        }
        if !sources.is_empty() {
            for connection in definition.workspace.connections().await? {
                if sources.iter().any(|source| source.source_id == connection.source_id) {
                    marked("connection", connection.connection_id, &connection.name)
                        .map_err(|error| error.about("a connection would be deleted along with it"))?;
                }
            }
        }
        Ok(())
    }

    async fn run(self) -> Result<()> {
        self.check().await?;
        let definition = &self.definition;
        let kind = definition.kind;
        let id = kind.pick("deleteDeclarativeSourceDefinition", "deleteSourceDefinition");
        delete_at(definition.client(), id, &definition.path())
            .await
            .map_err(|error| error.about(&format!("definition {}", definition.id)))
    }
}

impl IntoFuture for DeleteCustomSource {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Workspace {
    /// The definition of a custom source connector by its id. No request is made, so it may not exist.
    pub fn custom_source_definition(
        &self,
        id: DefinitionId,
        kind: CustomSourceKind,
    ) -> CustomSourceDefinition {
        CustomSourceDefinition { workspace: self.clone(), id, kind }
    }

    /// The custom source connectors of a kind (operations `listDeclarativeSourceDefinitions`,
    /// `listSourceDefinitions`). Docker ones are listed together with those that come with Airbyte.
    pub async fn custom_source_definitions(&self, kind: CustomSourceKind) -> Result<Vec<CustomSourceInfo>> {
        let id = kind.pick("listDeclarativeSourceDefinitions", "listSourceDefinitions");
        let operation = Operation::read(id).of("workspace", self.id());
        let path = kind.path(self.id());
        let answer: Value =
            self.client().exchange(operation, (Api::Public, Method::GET, &path), None::<&()>).await?;
        let all = answer.get("data").and_then(Value::as_array);
        all.into_iter().flatten().map(|one| CustomSourceInfo::read(kind, one)).collect()
    }
}
