//! What a source has to offer: its streams, their fields and how they can be synced.

use std::future::IntoFuture;
use std::time::Duration;

use airbyte_api_raw::public::types;
use futures::future::BoxFuture;
use serde::Serialize;

use crate::SyncMode;
use crate::call::Operation;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{DestinationId, SourceId};
use crate::retry::RetryPolicy;
use crate::source::Source;

/// The server runs the connector within the request, unless it remembers its last answer.
const DISCOVER_TIMEOUT: Duration = Duration::from_mins(5);

/// A stream that a source offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamProperties {
    /// Its name; unique only together with the namespace.
    pub name: String,
    /// Its namespace in the source.
    pub namespace: Option<String>,
    /// How it can be synced into the destination that was asked about. `None` without one.
    /// [`FullRefreshOverwriteDeduped`](SyncMode::FullRefreshOverwriteDeduped) is never listed, though it may
    /// work.
    pub sync_modes: Option<Vec<SyncMode>>,
    /// The path of the field that tells what is new, unless chosen otherwise. Empty if there is none.
    pub default_cursor_field: Vec<String>,
    /// Whether the source alone knows what is new, so that no cursor can be chosen.
    pub source_defined_cursor: bool,
    /// The paths of the key's fields, if the source defines the key. Empty if not.
    pub source_defined_primary_key: Vec<Vec<String>>,
    /// The paths of its fields, each after its parent. What is within arrays is not listed.
    pub fields: Vec<Vec<String>>,
}

impl From<types::StreamProperties> for StreamProperties {
    fn from(stream: types::StreamProperties) -> Self {
        Self {
            name: stream.stream_name.unwrap_or_default(),
            namespace: stream.streamnamespace,
            sync_modes: stream
                .sync_modes
                .map(|modes| modes.iter().map(|mode| SyncMode::from(mode.as_str())).collect()),
            default_cursor_field: stream.default_cursor_field.unwrap_or_default(),
            source_defined_cursor: stream.source_defined_cursor_field.unwrap_or(false),
            source_defined_primary_key: stream.source_defined_primary_key.unwrap_or_default(),
            fields: stream.property_fields.unwrap_or_default(),
        }
    }
}

/// Lists the streams that a source offers; made by [`Source::streams`], run by `.await`.
#[derive(Clone, Debug)]
#[must_use = "nothing is listed until it is awaited"]
pub struct ListStreams {
    client: Client,
    source: SourceId,
    destination: Option<DestinationId>,
    ignore_cache: bool,
    timeout: Duration,
}

impl ListStreams {
    /// Asks the source itself, not the server's memory of its last answer. Tables that are new in the source
    /// do not show up otherwise.
    pub fn ignore_cache(mut self, ignore: bool) -> Self {
        self.ignore_cache = ignore;
        self
    }

    /// How long to wait for the source, five minutes unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn list(self) -> Result<Vec<StreamProperties>> {
        let Self { client, source, destination, ignore_cache, timeout } = self;
        // A slow source is not asked twice as often, and no longer than the caller wants to wait.
        let operation = Operation::read("getStreamProperties")
            .of("source", source)
            .timeout(timeout)
            .deadline(client.clock().now().checked_add(timeout))
            .policy(RetryPolicy::default().attempts(3).time_limit(timeout));
        let call = client.path().run(operation, |attempt| async move {
            let api = attempt.public();
            let mut list = api.get_stream_properties().source_id(source).ignore_cache(ignore_cache);
            if let Some(destination) = destination {
                list = list.destination_id(destination);
            }
            list.send().await
        });
        Ok(call.await?.0.into_iter().map(StreamProperties::from).collect())
    }
}

impl IntoFuture for ListStreams {
    type Output = Result<Vec<StreamProperties>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.list())
    }
}

impl Source {
    /// The streams it offers (operation `getStreamProperties`); `.await` the list. With a destination it also
    /// says how each stream can be synced into it.
    ///
    /// The server runs the connector for this, unless it remembers its last answer, so it can take minutes. A
    /// source that cannot be reached is an error of the server that says why.
    pub fn streams(&self, destination: Option<DestinationId>) -> ListStreams {
        ListStreams {
            client: self.client().clone(),
            source: self.id(),
            destination,
            ignore_cache: false,
            timeout: DISCOVER_TIMEOUT,
        }
    }
}
