//! Data planes: what does the work of a region.

use airbyte_api_raw::public::types;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::ids::{DataplaneId, RegionId};
use crate::region::{Region, bare_list};
use crate::timestamp::parse_timestamp;

/// What the server says about a data plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DataplaneInfo {
    /// Its id.
    pub dataplane_id: DataplaneId,
    /// Its name.
    pub name: String,
    /// The region it works for.
    pub region_id: RegionId,
    /// Whether it takes work.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<types::DataplaneResponse> for DataplaneInfo {
    fn from(response: types::DataplaneResponse) -> Self {
        Self {
            dataplane_id: response.dataplane_id.into(),
            name: response.name,
            region_id: response.region_id.into(),
            enabled: response.enabled,
            created_at: parse_timestamp(&response.created_at),
            updated_at: parse_timestamp(&response.updated_at),
        }
    }
}

/// A data plane that was just made, with what it signs in with.
///
/// The server does not show the secret again. It is in no `Debug` output and is left out when this is
/// serialized.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct NewDataplane {
    /// Its id.
    pub dataplane_id: DataplaneId,
    /// The region it works for.
    pub region_id: RegionId,
    /// What it signs in as.
    pub client_id: String,
    /// What it signs in with.
    #[serde(skip)]
    pub client_secret: SecretString,
}

/// A data plane, by its id; made by [`Client::dataplane`].
#[derive(Clone, Debug)]
pub struct Dataplane {
    client: Client,
    id: DataplaneId,
}

impl Dataplane {
    /// Its id.
    pub fn id(&self) -> DataplaneId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server says about it (operation `getDataplane`).
    pub async fn info(&self) -> Result<DataplaneInfo> {
        let id = self.id;
        let operation = Operation::read("getDataplane").on("data plane", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_dataplane().dataplane_id(id).send().await
        });
        call.await.map(DataplaneInfo::from)
    }

    /// Gives it another name (operation `updateDataplane`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<DataplaneInfo> {
        self.update(types::DataplanePatchRequest { name: Some(name.into()), enabled: None }).await
    }

    /// Lets it take work, or not (operation `updateDataplane`).
    pub async fn set_enabled(&self, enabled: bool) -> Result<DataplaneInfo> {
        self.update(types::DataplanePatchRequest { name: None, enabled: Some(enabled) }).await
    }

    async fn update(&self, change: types::DataplanePatchRequest) -> Result<DataplaneInfo> {
        let (id, change) = (self.id, &change);
        let operation = Operation::change("updateDataplane").on("data plane", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().update_dataplane().dataplane_id(id).body(change.clone()).send().await
        });
        call.await.map(DataplaneInfo::from)
    }

    /// Deletes it (operation `deleteDataplane`).
    pub async fn delete(&self) -> Result<()> {
        let id = self.id;
        let operation = Operation::change("deleteDataplane").on("data plane", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().delete_dataplane().dataplane_id(id).send().await
        });
        call.await.map(drop).or_else(Error::gone_on_repeat)
    }
}

impl Client {
    /// A data plane by its id. No request is made, so it may not exist.
    pub fn dataplane(&self, id: DataplaneId) -> Dataplane {
        Dataplane { client: self.clone(), id }
    }
}

impl Region {
    /// Its data planes (operation `listDataplanes`).
    pub async fn dataplanes(&self) -> Result<Vec<DataplaneInfo>> {
        let id = self.id();
        let operation = Operation::read("listDataplanes").on("region", id);
        let query = &[("regionIds", id)];
        let planes: Vec<types::DataplaneResponse> =
            bare_list(self.client(), operation, "/dataplanes", query).await?;
        Ok(planes.into_iter().map(DataplaneInfo::from).collect())
    }

    /// Makes a data plane that takes work (operation `createDataplane`). The answer has the only copy of its
    /// secret.
    pub async fn create_dataplane(&self, name: impl Into<String>) -> Result<NewDataplane> {
        let body = &types::DataplaneCreateRequest {
            name: name.into(),
            region_id: self.id().into(),
            enabled: Some(true),
        };
        let operation = Operation::once("createDataplane").on("region", self.id());
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.public().create_dataplane().body(body.clone()).send().await
        });
        let made =
            call.await.map_err(|error| error.perhaps_created(&format!("data plane `{}`", body.name)))?;
        Ok(NewDataplane {
            dataplane_id: made.dataplane_id.into(),
            region_id: made.region_id.into(),
            client_id: made.client_id,
            client_secret: made.client_secret.into(),
        })
    }
}
