//! Destinations.

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
use crate::ids::{DefinitionId, DestinationId, WorkspaceId};
use crate::list::{List, Listed, WorkspaceFilter, page_of_workspace};
use crate::timestamp::from_epoch_seconds;

/// A list of destinations (operation `listDestinations`).
pub type ListDestinations = List<DestinationInfo>;

/// What the server says about a destination.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DestinationInfo {
    /// Its id.
    pub destination_id: DestinationId,
    /// Its name; not unique.
    pub name: String,
    /// The connector's short name, such as `postgres`; empty for connectors the server has no name for, custom
    /// ones among them; [`definition_id`](Self::definition_id) tells those apart.
    pub destination_type: String,
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

impl From<types::DestinationResponse> for DestinationInfo {
    fn from(response: types::DestinationResponse) -> Self {
        Self {
            destination_id: response.destination_id.into(),
            name: response.name,
            destination_type: response.destination_type,
            definition_id: response.definition_id.map(DefinitionId::from),
            workspace_id: response.workspace_id.into(),
            configuration: response
                .configuration
                .map_or(Value::Null, |configuration| Value::Object(configuration.0)),
            created_at: response.created_at.and_then(from_epoch_seconds),
        }
    }
}

impl fmt::Debug for DestinationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the configuration: what a connector does not mark as secret can be confidential all the same.
        f.debug_struct("DestinationInfo")
            .field("destination_id", &self.destination_id)
            .field("name", &self.name)
            .field("destination_type", &self.destination_type)
            .field("workspace_id", &self.workspace_id)
            .finish_non_exhaustive()
    }
}

/// A destination, by its id.
#[derive(Clone, Debug)]
pub struct Destination {
    client: Client,
    id: DestinationId,
}

impl Destination {
    pub(crate) fn new(client: Client, id: DestinationId) -> Self {
        Self { client, id }
    }

    /// Its id.
    pub fn id(&self) -> DestinationId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getDestination`).
    pub async fn info(&self) -> Result<DestinationInfo> {
        let id = self.id;
        let operation = Operation::read("getDestination").of("destination", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_destination().destination_id(id).send().await
        });
        call.await.map(DestinationInfo::from)
    }

    /// Gives it another name (operation `patchDestination`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<DestinationInfo> {
        let name = name.into();
        if name.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the name of a destination is empty"));
        }
        self.patch(json!({ "name": name })).await
    }

    /// Merges this into its configuration (operation `patchDestination`): members that are given are set, the others
    /// stay, and none can be removed; [`replace_configuration`](Self::replace_configuration) can.
    ///
    /// A configuration with the server's mask in place of a secret is refused: the mask would become the
    /// secret.
    pub async fn update_configuration(&self, configuration: impl Serialize) -> Result<DestinationInfo> {
        let configuration = Value::Object(actor::members(configuration)?);
        actor::refuse_mask(&configuration, "leave secrets out that shall stay as they are")?;
        self.patch(json!({ "configuration": configuration })).await
    }

    /// Replaces its configuration (operation `putDestination`). Where the server's mask `**********` stands in place of a
    /// secret, the secret stays as it is.
    pub async fn replace_configuration(&self, configuration: impl Serialize) -> Result<DestinationInfo> {
        let configuration = Value::Object(actor::members(configuration)?);
        let name = self.info().await?.name;
        let body = json!({ "name": name, "configuration": configuration });
        let response: types::DestinationResponse =
            actor::put(&self.client, (Side::Destination, self.id), body).await?;
        Ok(response.into())
    }

    async fn patch(&self, body: Value) -> Result<DestinationInfo> {
        let response: types::DestinationResponse =
            actor::patch(&self.client, (Side::Destination, self.id), body).await?;
        Ok(response.into())
    }

    /// Lets the connector try its configuration (Config API operation `checkConnectionToDestination`). A check that
    /// fails is a result, not an error; [`CheckResult::into_result`] makes it one.
    pub async fn check(&self) -> Result<CheckResult> {
        actor::check(&self.client, Side::Destination, self.id).await
    }

    /// Its address in the web application; `None` where the application's address is not known. Asks the
    /// server for the workspace.
    pub async fn url(&self) -> Result<Option<String>> {
        let workspace = self.info().await?.workspace_id;
        Ok(self.client.links().connector(workspace, "destination", self.id))
    }
}

impl Listed for DestinationInfo {
    type Filter = WorkspaceFilter;

    fn key(&self) -> u128 {
        self.destination_id.as_uuid().as_u128()
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
        Box::pin(page_of_workspace!(client, filter, offset, limit, "listDestinations", list_destinations))
    }

    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>> {
        filter.verify(client)
    }
}
