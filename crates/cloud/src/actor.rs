//! What sources and destinations have in common: the API treats them alike under two names.

use std::fmt;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::call::Operation;
use crate::check::CheckResult;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::request::Api;
use crate::secret_mask;
use crate::start::START_TIMEOUT;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Destination,
}

impl Side {
    /// As a word in a sentence, and in paths.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }

    /// The one of two texts that belongs to it.
    pub(crate) fn pick(self, source: &'static str, destination: &'static str) -> &'static str {
        match self {
            Self::Source => source,
            Self::Destination => destination,
        }
    }

    fn path(self, id: impl fmt::Display) -> String {
        format!("/{}s/{id}", self.word())
    }
}

/// Changes members of it; the configuration is merged (operations `patchSource`, `patchDestination`).
pub(crate) async fn patch<T: DeserializeOwned>(
    client: &Client,
    (side, id): (Side, impl fmt::Display + Copy),
    body: Value,
) -> Result<T> {
    let operation = Operation::change(side.pick("patchSource", "patchDestination"));
    let path = side.path(id);
    let call = client.exchange(operation, (Api::Public, Method::PATCH, &path), Some(&body));
    call.await.map_err(|error| about(error, side, id))
}

/// Replaces name and configuration (operations `putSource`, `putDestination`).
pub(crate) async fn put<T: DeserializeOwned>(
    client: &Client,
    (side, id): (Side, impl fmt::Display + Copy),
    body: Value,
) -> Result<T> {
    let operation = Operation::change(side.pick("putSource", "putDestination"));
    let path = side.path(id);
    let call = client.exchange(operation, (Api::Public, Method::PUT, &path), Some(&body));
    call.await.map_err(|error| about(error, side, id))
}

/// A refused change names its object; unlike a refused read, it says that the object is there.
fn about(error: Error, side: Side, id: impl fmt::Display) -> Error {
    error.about(&format!("{} {id}", side.word()))
}

/// Lets the connector try its configuration (Config API operations `checkConnectionToSource`,
/// `checkConnectionToDestination`).
pub(crate) async fn check(client: &Client, side: Side, id: impl fmt::Display) -> Result<CheckResult> {
    client.path().config_root()?;
    let id = id.to_string();
    let body = match side {
        Side::Source => json!({ "sourceId": id }),
        Side::Destination => json!({ "destinationId": id }),
    };
    // A connector is started for it, which takes its time, and more than a reader's role.
    let operation = Operation::read(side.pick("checkConnectionToSource", "checkConnectionToDestination"))
        .on(side.word(), &id)
        .timeout(START_TIMEOUT);
    let path = format!("/{}s/check_connection", side.word());
    let answer: Value = client.exchange(operation, (Api::Config, Method::POST, &path), Some(&body)).await?;
    Ok(CheckResult::from(&answer))
}

/// Refuses a configuration to be merged that would store a mask as the secret itself.
pub(crate) fn refuse_mask(configuration: &Value, hint: &'static str) -> Result<()> {
    match secret_mask::first(configuration) {
        None => Ok(()),
        Some(path) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the configuration has the server's mask in place of a secret at `{path}`"),
        )
        .with_hint(hint)),
    }
}

/// A configuration is a JSON object.
pub(crate) fn members(configuration: impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(configuration) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Error::new(ErrorKind::InvalidInput, "the configuration is not a JSON object")),
        Err(error) => Err(Error::new(ErrorKind::InvalidInput, "the configuration cannot be written as JSON")
            .with_source(error)),
    }
}
