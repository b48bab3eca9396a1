//! Publishing custom source connectors.

use std::fmt;
use std::future::IntoFuture;

use futures::future::BoxFuture;
use http::Method;
use serde_json::{Value, json};

use crate::call::Operation;
use crate::created;
use crate::custom_source::{CustomSourceDefinition, CustomSourceInfo, CustomSourceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::request::Api;
use crate::start::START_TIMEOUT;
use crate::workspace::Workspace;

/// Publishes a custom connector; made by [`Workspace::publish_custom_source`] and
/// [`Workspace::publish_docker_source`], run by `.await`.
///
/// Names need not be unique on the server. Here a name that is taken by one of the same kind is refused, unless
/// [`allow_same_name`](Self::allow_same_name) is said. If the answer is lost, the new definition is looked for by
/// its name.
#[derive(Clone)]
#[must_use = "nothing is published until it is awaited"]
pub struct PublishCustomSource {
    workspace: Workspace,
    kind: CustomSourceKind,
    name: String,
    body: Value,
    manifest: Option<Manifest>,
    unique: bool,
    check_manifest: bool,
    testing_values: Option<Value>,
}

impl PublishCustomSource {
    /// Publishes it even if another one has the name.
    pub fn allow_same_name(mut self) -> Self {
        self.unique = false;
        self
    }

    /// Leaves it to the server to look at the manifest.
    pub fn without_check(mut self) -> Self {
        self.check_manifest = false;
        self
    }

    /// The configuration that the connector builder shall test with; of YAML connectors.
    pub fn testing_values(mut self, values: Value) -> Self {
        self.testing_values = Some(values);
        self
    }

    /// Refuses what can be seen to be wrong without publishing anything; `.await` of the request does the
    /// same before it publishes.
    ///
    /// Errors: [`InvalidInput`](ErrorKind::InvalidInput) for a name, manifest or testing values that make no
    /// sense, [`Conflict`](ErrorKind::Conflict) if the name is taken and has to be unique.
    pub async fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the name of a connector is empty"));
        }
        if self.check_manifest
            && let Some(manifest) = &self.manifest
        {
            manifest.check()?;
        }
        if self.testing_values.is_some() && self.kind == CustomSourceKind::Docker {
            return Err(Error::new(ErrorKind::InvalidInput, "only YAML connectors have testing values"));
        }
        if self.unique
            && let Some(taken) = self.same_name().await?.first()
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "the workspace has a custom connector named `{}` already: {}",
                    self.name, taken.definition_id
                ),
            )
            .with_hint("update that one, choose another name, or allow the same name"));
        }
        Ok(())
    }

    async fn run(self) -> Result<CustomSourceDefinition> {
        self.check().await?;
        let definition = match self.send().await {
            Ok(info) => self.workspace.custom_source_definition(info.definition_id, self.kind),
            Err(error) if error.is_ambiguous() => self.find(error).await?,
            Err(error) => return Err(error),
        };
        if let Some(values) = self.testing_values {
            definition.set_testing_values(values).await.map_err(|error| {
                error.about(&format!(
                    "the connector was published as {}, without its testing values",
                    definition.id()
                ))
            })?;
        }
        Ok(definition)
    }

    async fn send(&self) -> Result<CustomSourceInfo> {
        let id = self.kind.pick("createDeclarativeSourceDefinition", "createSourceDefinition");
        let path = self.kind.path(self.workspace.id());
        let operation = Operation::once(id).timeout(START_TIMEOUT);
        let call =
            self.workspace.client().exchange(operation, (Api::Public, Method::POST, &path), Some(&self.body));
        CustomSourceInfo::read(self.kind, &call.await?)
    }

    async fn same_name(&self) -> Result<Vec<CustomSourceInfo>> {
        let mut all = self.workspace.custom_source_definitions(self.kind).await?;
        all.retain(|definition| definition.name == self.name);
        Ok(all)
    }

    /// The definition whose creation was not answered.
    async fn find(&self, error: Error) -> Result<CustomSourceDefinition> {
        let what = format!("the connector `{}`", self.name);
        if !self.unique {
            return Err(error.perhaps_created(&what));
        }
        let found = created::find(self.workspace.client(), &what, error, || self.same_name()).await?;
        Ok(self.workspace.custom_source_definition(found.definition_id, self.kind))
    }
}

impl fmt::Debug for PublishCustomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the testing values: they are a configuration with its secrets.
        f.debug_struct("PublishCustomSource")
            .field("workspace", &self.workspace.id())
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for PublishCustomSource {
    type Output = Result<CustomSourceDefinition>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Workspace {
    /// Publishes a YAML connector (operation `createDeclarativeSourceDefinition`); `.await` it.
    pub fn publish_custom_source(
        &self,
        name: impl Into<String>,
        manifest: impl Into<Manifest>,
    ) -> PublishCustomSource {
        let (name, manifest) = (name.into(), manifest.into());
        let body = json!({ "name": name, "manifest": manifest });
        self.publish(CustomSourceKind::Yaml, name, body, Some(manifest))
    }

    /// Publishes a Docker connector (operation `createSourceDefinition`); `.await` it. The server pulls the image
    /// within the request. Airbyte Cloud does not take any.
    pub fn publish_docker_source(
        &self,
        name: impl Into<String>,
        repository: impl Into<String>,
        tag: impl Into<String>,
    ) -> PublishCustomSource {
        let name = name.into();
        let body =
            json!({ "name": name, "dockerRepository": repository.into(), "dockerImageTag": tag.into() });
        self.publish(CustomSourceKind::Docker, name, body, None)
    }

    fn publish(
        &self,
        kind: CustomSourceKind,
        name: String,
        body: Value,
        manifest: Option<Manifest>,
    ) -> PublishCustomSource {
        let workspace = self.clone();
        PublishCustomSource {
            workspace,
            kind,
            name,
            body,
            manifest,
            unique: true,
            check_manifest: true,
            testing_values: None,
        }
    }
}
