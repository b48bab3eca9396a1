//! Regions: where an organization's data is processed.

use airbyte_api_raw::ResponseValue;
use airbyte_api_raw::public::types;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, RegionId};
use crate::organization::Organization;
use crate::timestamp::parse_timestamp;
use crate::web_links;

/// What the server says about a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RegionInfo {
    /// Its id.
    pub region_id: RegionId,
    /// Its name.
    pub name: String,
    /// The organization it belongs to. Regions open to all belong to the default organization.
    pub organization_id: OrganizationId,
    /// Whether it takes work.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<types::RegionResponse> for RegionInfo {
    fn from(response: types::RegionResponse) -> Self {
        Self {
            region_id: response.region_id.into(),
            name: response.name,
            organization_id: response.organization_id.into(),
            enabled: response.enabled,
            created_at: parse_timestamp(&response.created_at),
            updated_at: parse_timestamp(&response.updated_at),
        }
    }
}

/// Reads a list that the document wraps into an object, and the server does not.
pub(crate) async fn bare_list<T: DeserializeOwned + Send>(
    client: &Client,
    operation: Operation,
    path: &str,
    query: &[(&str, impl Serialize + Sync)],
) -> Result<Vec<T>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer<T> {
        Bare(Option<Vec<T>>),
        Wrapped {
            // Has to be there, but may be null.
            #[serde(deserialize_with = "Option::deserialize")]
            data: Option<Vec<T>>,
        },
    }

    let url = &format!("{}{path}", web_links::display(&client.path().public_root));
    let call = client.path().run(operation, |attempt| async move {
        let response = attempt.send(attempt.http().get(url).query(query)).await?;
        ResponseValue::<Answer<T>>::from_response(response).await
    });
    let (Answer::Bare(list) | Answer::Wrapped { data: list }) = call.await?;
    Ok(list.unwrap_or_default())
}

/// A region, by its id; made by [`Client::region`]. Regions of one's own belong to Airbyte Cloud's and
/// Enterprise's features: elsewhere their operations are [`Forbidden`](crate::ErrorKind::Forbidden).
#[derive(Clone, Debug)]
pub struct Region {
    client: Client,
    id: RegionId,
}

impl Region {
    /// Its id.
    pub fn id(&self) -> RegionId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getRegion`).
    pub async fn info(&self) -> Result<RegionInfo> {
        let id = self.id;
        let operation = Operation::read("getRegion").on("region", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_region().region_id(id).send().await
        });
        call.await.map(RegionInfo::from)
    }

    /// Gives it another name (operation `updateRegion`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<RegionInfo> {
        self.update(types::RegionPatchRequest { name: Some(name.into()), enabled: None }).await
    }

    /// Lets it take work, or not (operation `updateRegion`).
    pub async fn set_enabled(&self, enabled: bool) -> Result<RegionInfo> {
        self.update(types::RegionPatchRequest { name: None, enabled: Some(enabled) }).await
    }

    async fn update(&self, change: types::RegionPatchRequest) -> Result<RegionInfo> {
        let (id, change) = (self.id, &change);
        let operation = Operation::change("updateRegion").on("region", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().update_region().region_id(id).body(change.clone()).send().await
        });
        call.await.map(RegionInfo::from)
    }

    /// Deletes it with its data planes (operation `deleteRegion`).
    pub async fn delete(&self) -> Result<()> {
        let id = self.id;
        let operation = Operation::change("deleteRegion").on("region", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().delete_region().region_id(id).send().await
        });
        call.await.map(drop).or_else(Error::gone_on_repeat)
    }
}

impl Client {
    /// A region by its id. No request is made, so it may not exist.
    pub fn region(&self, id: RegionId) -> Region {
        Region { client: self.clone(), id }
    }
}

impl Organization {
    /// Its regions and those open to all (operation `listRegions`).
    pub async fn regions(&self) -> Result<Vec<RegionInfo>> {
        let id = self.id();
        let operation = Operation::read("listRegions").on("organization", id);
        let query = &[("organizationId", id)];
        let regions: Vec<types::RegionResponse> =
            bare_list(self.client(), operation, "/regions", query).await?;
        Ok(regions.into_iter().map(RegionInfo::from).collect())
    }

    /// Makes a region that takes work (operation `createRegion`).
    pub async fn create_region(&self, name: impl Into<String>) -> Result<RegionInfo> {
        let body = &types::RegionCreateRequest {
            name: name.into(),
            organization_id: self.id().into(),
            enabled: Some(true),
        };
        let operation = Operation::once("createRegion").on("organization", self.id());
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.public().create_region().body(body.clone()).send().await
        });
        call.await
            .map(RegionInfo::from)
            .map_err(|error| error.perhaps_created(&format!("region `{}`", body.name)))
    }
}
