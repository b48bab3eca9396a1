//! Applications: the pairs of client id and secret that programs sign in with.

use std::fmt;

use airbyte_api_raw::public::types;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::timestamp::from_epoch_seconds;

/// What the server says about an application.
///
/// The secret is in no `Debug` output and is left out when this is serialized.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ApplicationInfo {
    /// Its id. In the Community edition it is another one each time.
    pub application_id: ApplicationId,
    /// Its name.
    pub name: String,
    /// What it signs in as: for [`ClientBuilder::client_credentials`](crate::ClientBuilder::client_credentials).
    pub client_id: String,
    /// What it signs in with. The server shows it each time.
    #[serde(skip)]
    pub client_secret: SecretString,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

impl From<types::ApplicationRead> for ApplicationInfo {
    fn from(response: types::ApplicationRead) -> Self {
        Self {
            application_id: ApplicationId(response.id),
            name: response.name,
            client_id: response.client_id,
            client_secret: response.client_secret.into(),
            created_at: from_epoch_seconds(response.created_at),
        }
    }
}

/// Identifies an application. A text, because identity providers choose it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ApplicationId(String);

impl ApplicationId {
    /// Wraps an id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ApplicationId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Client {
    /// The applications of the user of these credentials, each with its secret (operation
    /// `listApplications`).
    pub async fn applications(&self) -> Result<Vec<ApplicationInfo>> {
        let call = self.path().run(Operation::read("listApplications"), |attempt| async move {
            attempt.public().list_applications().send().await
        });
        Ok(call.await?.applications.into_iter().map(ApplicationInfo::from).collect())
    }

    /// One of the applications of the user of these credentials (operation `getApplication`). The Community
    /// edition never finds one, as its ids change with each call.
    pub async fn application(&self, id: impl Into<ApplicationId>) -> Result<ApplicationInfo> {
        let id = &checked(id.into())?;
        let operation = Operation::read("getApplication").of("application", id);
        let call = self.path().run(operation, |attempt| async move {
            attempt.public().get_application().application_id(id.as_str()).send().await
        });
        call.await.map(ApplicationInfo::from)
    }

    /// Makes an application for the user of these credentials (operation `createApplication`). Names are
    /// unique, and a user has two applications at most. The Community edition cannot make one.
    pub async fn create_application(&self, name: impl Into<String>) -> Result<ApplicationInfo> {
        let body = &types::ApplicationCreate { name: name.into() };
        let call = self.path().run(Operation::once("createApplication"), |attempt| async move {
            attempt.public().create_application().body(body.clone()).send().await
        });
        call.await
            .map(ApplicationInfo::from)
            .map_err(|error| error.perhaps_created(&format!("application `{}`", body.name)))
    }

    /// Deletes an application (operation `deleteApplication`). Tokens that it has got stay valid until they
    /// end.
    pub async fn delete_application(&self, id: impl Into<ApplicationId>) -> Result<()> {
        let id = &checked(id.into())?;
        let operation = Operation::change("deleteApplication").on("application", id);
        let call = self.path().run(operation, |attempt| async move {
            attempt.public().delete_application().application_id(id.as_str()).send().await
        });
        call.await.map(drop).or_else(Error::gone_on_repeat)
    }
}

/// An empty id would address the list.
fn checked(id: ApplicationId) -> Result<ApplicationId> {
    if id.0.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the id of an application is empty"));
    }
    Ok(id)
}
