//! Creating connections.

use std::future::IntoFuture;
use std::time::Duration;

use airbyte_api_raw::public::types;
use futures::future::BoxFuture;
use http::Method;
use serde_json::{Map, Value, json};

use crate::call::Operation;
use crate::connection::{Connection, ConnectionInfo, NamespaceDefinition, SchemaUpdates};
use crate::created;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{DestinationId, SourceId};
use crate::request::Api;
use crate::schedule::Schedule;
use crate::stream::StreamSelection;
use crate::tag::TagInfo;
use crate::workspace::Workspace;

/// The server reads the source's schema within the request, which takes minutes for a thousand tables.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(10);

/// Creates a connection; made by [`Workspace::create_connection`], run by `.await`.
///
/// A stream without a sync mode gets `full_refresh_overwrite`. The connection may run at once and has no schedule,
/// unless something else is said. Its name need not be unique on the server; here a name that is taken in the
/// workspace is refused, unless [`allow_same_name`](Self::allow_same_name) is said. If the answer is lost, the new
/// connection is looked for by its name.
#[derive(Clone, Debug)]
#[must_use = "nothing is created until it is awaited"]
pub struct CreateConnection {
    workspace: Workspace,
    name: String,
    streams: Vec<StreamSelection>,
    unique: bool,
    timeout: Duration,
    body: Map<String, Value>,
}

impl CreateConnection {
    fn with(mut self, member: &str, value: Value) -> Self {
        self.body.insert(member.to_owned(), value);
        self
    }

    /// A stream to sync; at least one has to be given.
    pub fn stream(mut self, stream: impl Into<StreamSelection>) -> Self {
        self.streams.push(stream.into());
        self
    }

    /// Streams to sync.
    pub fn streams<S: Into<StreamSelection>>(mut self, streams: impl IntoIterator<Item = S>) -> Self {
        self.streams.extend(streams.into_iter().map(Into::into));
        self
    }

    /// What is put before the names of the destination's tables.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.with("prefix", Value::String(prefix.into()))
    }

    /// When it runs by itself; never unless set.
    #[allow(clippy::needless_pass_by_value, reason = "builders take what they are given")]
    pub fn schedule(self, schedule: Schedule) -> Self {
        self.with("schedule", schedule.to_json())
    }

    /// Takes the names of the destination's schemas from the streams' namespaces. The default is the
    /// destination's own schema.
    pub fn source_namespaces(self) -> Self {
        self.with("namespaceDefinition", json!(NamespaceDefinition::Source))
    }

    /// Makes the names of the destination's schemas from a pattern, in which `${SOURCE_NAMESPACE}` stands for
    /// the stream's namespace.
    pub fn namespace_format(self, pattern: impl Into<String>) -> Self {
        self.with("namespaceDefinition", json!(NamespaceDefinition::CustomFormat))
            .with("namespaceFormat", Value::String(pattern.into()))
    }

    /// What happens when the source's schema changes in a way that breaks nothing; nothing unless set.
    #[allow(clippy::needless_pass_by_value, reason = "builders take what they are given")]
    pub fn schema_updates(self, behavior: SchemaUpdates) -> Self {
        self.with("nonBreakingSchemaUpdatesBehavior", json!(behavior))
    }

    /// Its tags. They belong to the same workspace.
    pub fn tags(self, tags: impl IntoIterator<Item = TagInfo>) -> Self {
        self.with("tags", TagInfo::as_api(tags))
    }

    /// Whether it may run from the beginning. It may unless turned off.
    pub fn enabled(self, enabled: bool) -> Self {
        self.with("status", json!(if enabled { "active" } else { "inactive" }))
    }

    /// Creates it even if another one of the workspace has the name.
    pub fn allow_same_name(mut self) -> Self {
        self.unique = false;
        self
    }

    /// The time limit of the request, ten minutes unless set: the server reads the source's schema within it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Refuses what can be seen to be wrong without creating anything; `.await` of the request does the same
    /// before it creates. Whether the source has the streams, only the server can tell.
    ///
    /// Errors: [`InvalidInput`](ErrorKind::InvalidInput) for a name or streams that make no sense,
    /// [`Conflict`](ErrorKind::Conflict) if the name is taken and has to be unique.
    pub async fn check(&self) -> Result<()> {
        self.check_input()?;
        if self.unique
            && let Some(taken) = self.same_name().await?.first()
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "the workspace has a connection named `{}` already: {}",
                    self.name, taken.connection_id
                ),
            )
            .with_hint("choose another name, or allow the same name"));
        }
        Ok(())
    }

    async fn create(self) -> Result<Connection> {
        self.check().await?;
        let error = match self.send().await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if !error.is_ambiguous() {
            return Err(error);
        }
        let what = format!("connection `{}`", self.name);
        if !self.unique {
            return Err(error.perhaps_created(&what));
        }
        let client = self.workspace.client();
        let found = created::find(client, &what, error, || self.same_name()).await?;
        Ok(client.connection(found.connection_id))
    }

    /// Refuses what can be seen to be wrong without the server.
    fn check_input(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the name of a connection is empty"));
        }
        if self.streams.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "no stream was given")
                .with_hint("the streams of a source are told by `Source::streams`"));
        }
        for (number, stream) in self.streams.iter().enumerate() {
            stream.check()?;
            if self.streams[..number].iter().any(|other| other.id == stream.id) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("stream {} is given twice", stream.id),
                ));
            }
        }
        Ok(())
    }

    async fn same_name(&self) -> Result<Vec<ConnectionInfo>> {
        self.workspace.connections().name(&self.name).await
    }

    /// Sends `POST /connections` (operation `createConnection`).
    async fn send(&self) -> Result<Connection> {
        let mut body = self.body.clone();
        body.insert("name".to_owned(), json!(self.name));
        let streams: Vec<Value> = self.streams.iter().map(StreamSelection::to_json).collect();
        body.insert("configurations".to_owned(), json!({ "streams": streams }));
        let client = self.workspace.client();
        let operation = Operation::once("createConnection").timeout(self.timeout);
        let call = client.exchange(operation, (Api::Public, Method::POST, "/connections"), Some(&body));
        let response: types::ConnectionResponse = call.await?;
        Ok(client.connection(response.connection_id.into()))
    }
}

impl IntoFuture for CreateConnection {
    type Output = Result<Connection>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl Workspace {
    /// Creates a connection between a source and a destination of this workspace (operation
    /// `createConnection`); `.await` it. See [`CreateConnection`].
    ///
    /// ```no_run
    /// # use airbyte_cloud::{Destination, Result, Source, StreamSelection, SyncMode, Workspace};
    /// # async fn example(workspace: Workspace, source: Source, destination: Destination) -> Result<()> {
    /// let connection = workspace
    ///     .create_connection("shop to warehouse", source.id(), destination.id())
    ///     .stream("users")
    ///     .stream(StreamSelection::new("purchases").sync_mode(SyncMode::IncrementalAppend))
    ///     .prefix("shop_")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_connection(
        &self,
        name: impl Into<String>,
        source: impl Into<SourceId>,
        destination: impl Into<DestinationId>,
    ) -> CreateConnection {
        let mut body = Map::new();
        body.insert("sourceId".to_owned(), json!(source.into()));
        body.insert("destinationId".to_owned(), json!(destination.into()));
        CreateConnection {
            workspace: self.clone(),
            name: name.into(),
            streams: Vec::new(),
            unique: true,
            timeout: TIMEOUT,
            body,
        }
    }
}
