//! Sources.

use std::fmt;

use airbyte_api_raw::public::types;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

use crate::actor::{self, Side};
use crate::call::Operation;
use crate::check::CheckResult;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{DefinitionId, SourceId, WorkspaceId};
use crate::list::{List, Listed, WorkspaceFilter, page_of_workspace};
use crate::timestamp::from_epoch_seconds;

/// A list of sources (operation `listSources`).
pub type ListSources = List<SourceInfo>;

/// What the server says about a source.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceInfo {
    /// Its id.
    pub source_id: SourceId,
    /// Its name; not unique.
    pub name: String,
    /// The connector's short name, such as `postgres`; empty for connectors the server has no name for, custom
    /// ones among them; [`definition_id`](Self::definition_id) tells those apart.
    pub source_type: String,
    /// The connector; older servers do not tell.
    pub definition_id: Option<DefinitionId>,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// The connector's configuration as the server shows it: secrets are masked as `**********`.
    /// Null once it is deleted.
    pub configuration: Value,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

impl From<types::SourceResponse> for SourceInfo {
    fn from(response: types::SourceResponse) -> Self {
        Self {
            source_id: response.source_id.into(),
            name: response.name,
            source_type: response.source_type,
            definition_id: response.definition_id.map(DefinitionId::from),
            workspace_id: response.workspace_id.into(),
            configuration: response
                .configuration
                .map_or(Value::Null, |configuration| Value::Object(configuration.0)),
            created_at: response.created_at.and_then(from_epoch_seconds),
        }
    }
}

impl fmt::Debug for SourceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the configuration: what a connector does not mark as secret can be confidential all the same.
        f.debug_struct("SourceInfo")
            .field("source_id", &self.source_id)
            .field("name", &self.name)
            .field("source_type", &self.source_type)
            .field("workspace_id", &self.workspace_id)
            .finish_non_exhaustive()
    }
}

/// A source, by its id.
#[derive(Clone, Debug)]
pub struct Source {
    client: Client,
    id: SourceId,
}

impl Source {
    pub(crate) fn new(client: Client, id: SourceId) -> Self {
        Self { client, id }
    }

    /// Its id.
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getSource`).
    pub async fn info(&self) -> Result<SourceInfo> {
        let id = self.id;
        let operation = Operation::read("getSource").of("source", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_source().source_id(id).send().await
        });
        call.await.map(SourceInfo::from)
    }

    /// Gives it another name (operation `patchSource`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<SourceInfo> {
        let name = name.into();
        if name.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the name of a source is empty"));
        }
        self.patch(json!({ "name": name })).await
    }

    /// Merges this into its configuration (operation `patchSource`): members that are given are set, the others
    /// stay, and none can be removed; [`replace_configuration`](Self::replace_configuration) can.
    ///
    /// A configuration with the server's mask in place of a secret is refused: the mask would become the
    /// secret.
    pub async fn update_configuration(&self, configuration: impl Serialize) -> Result<SourceInfo> {
        let configuration = Value::Object(actor::members(configuration)?);
        actor::refuse_mask(&configuration, "leave secrets out that shall stay as they are")?;
        self.patch(json!({ "configuration": configuration })).await
    }

    /// Replaces its configuration (operation `putSource`). Where the server's mask `**********` stands in place of a
    /// secret, the secret stays as it is.
    pub async fn replace_configuration(&self, configuration: impl Serialize) -> Result<SourceInfo> {
        let configuration = Value::Object(actor::members(configuration)?);
        let name = self.info().await?.name;
        let body = json!({ "name": name, "configuration": configuration });
        let response: types::SourceResponse = actor::put(&self.client, (Side::Source, self.id), body).await?;
        Ok(response.into())
    }

    async fn patch(&self, body: Value) -> Result<SourceInfo> {
        let response: types::SourceResponse =
            actor::patch(&self.client, (Side::Source, self.id), body).await?;
        Ok(response.into())
    }

    /// Lets the connector try its configuration (Config API operation `checkConnectionToSource`). A check that
    /// fails is a result, not an error; [`CheckResult::into_result`] makes it one.
    pub async fn check(&self) -> Result<CheckResult> {
        actor::check(&self.client, Side::Source, self.id).await
    }

    /// Its address in the web application; `None` where the application's address is not known. Asks the
    /// server for the workspace.
    pub async fn url(&self) -> Result<Option<String>> {
        let workspace = self.info().await?.workspace_id;
        Ok(self.client.links().connector(workspace, "source", self.id))
    }
}

impl Listed for SourceInfo {
    type Filter = WorkspaceFilter;

    fn key(&self) -> u128 {
        self.source_id.as_uuid().as_u128()
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn fetch(
        client: Client,
        filter: Self::Filter,
        offset: i32,
        limit: i32,
    ) -> BoxFuture<'static, Result<Vec<Self>>> {
        Box::pin(page_of_workspace!(client, filter, offset, limit, "listSources", list_sources))
    }

    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        filter.verify(client)
    }
}
