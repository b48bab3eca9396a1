//! Changing a connection: read, change, show, send.
//!
//! What the server shows cannot be sent back as it is. It refuses an empty list of selected fields, takes a
//! stream without a sync mode for `full_refresh_overwrite`, ignores an empty list of streams, and would store the
//! mask that it shows in place of a mapper's key. So an edit starts from what is there, changes what was asked
//! for, and sends only members that differ.

use std::future::IntoFuture;

use airbyte_api_raw::public::types;
use futures::future::BoxFuture;
use http::Method;
use serde_json::{Map, Value, json};

use crate::call::Operation;
use crate::clear::not_synced;
use crate::connection::{Connection, ConnectionInfo, ConnectionStatus, NamespaceDefinition, SchemaUpdates};
use crate::create_connection;
use crate::diff::Diff;
use crate::edit_diff::difference;
use crate::error::{Error, ErrorKind, Result};
use crate::request::Api;
use crate::schedule::Schedule;
use crate::secret_mask;
use crate::stream::{StreamId, StreamSelection};
use crate::tag::TagInfo;

#[derive(Clone, Debug)]
enum Change {
    /// A member of the connection.
    Member(&'static str, Value),
    /// A stream to be added or changed.
    Stream(StreamSelection),
    /// A stream to be left out.
    Without(StreamId),
    /// The streams to be left.
    Only(Vec<StreamSelection>),
}

/// Changes a connection; made by [`Connection::edit`].
///
/// `.await` reads the connection, applies the changes and sends what differs (operation `patchConnection`);
/// if nothing does, nothing is sent. [`preview`](Self::preview) stops before sending and shows the difference.
/// Streams that are not mentioned keep all of their settings. A job that runs goes on with the old settings.
///
/// ```no_run
/// # async fn example(connection: airbyte_cloud::Connection) -> airbyte_cloud::Result<()> {
/// use airbyte_cloud::{Schedule, StreamSelection, SyncMode};
///
/// let change = connection
///     .edit()
///     .name("shop to warehouse")
///     .schedule(Schedule::cron("0 0 6 * * ?")?)
///     .stream(StreamSelection::new("orders").sync_mode(SyncMode::IncrementalAppend))
///     .without_stream("carts")
///     .preview()
///     .await?;
/// println!("{}", change.diff());
/// change.send().await?;
/// # Ok(())
/// # }
/// ```
///
/// Errors: [`InvalidInput`](ErrorKind::InvalidInput) for what the server would refuse or misunderstand,
/// [`ConnectionNotActive`](ErrorKind::ConnectionNotActive) for a locked connection.
#[derive(Clone, Debug)]
#[must_use = "nothing is changed until it is awaited"]
pub struct ConnectionEdit {
    connection: Connection,
    changes: Vec<Change>,
}

impl ConnectionEdit {
    fn with(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// A new name.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(Change::Member("name", Value::String(name.into())))
    }

    /// Lets it run, or not. A job that runs goes on either way.
    pub fn enabled(self, enabled: bool) -> Self {
        let status = if enabled { ConnectionStatus::Active } else { ConnectionStatus::Inactive };
        self.with(Change::Member("status", json!(status)))
    }

    /// When it runs by itself.
    #[allow(clippy::needless_pass_by_value, reason = "builders take what they are given")]
    pub fn schedule(self, schedule: Schedule) -> Self {
        self.with(Change::Member("schedule", schedule.to_json()))
    }

    /// What is put before the names of the destination's tables; the empty text for nothing. Tables that are
    /// there keep their names.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.with(Change::Member("prefix", Value::String(prefix.into())))
    }

    /// Takes the names of the destination's schemas from the streams' namespaces.
    pub fn source_namespaces(self) -> Self {
        self.with(Change::Member("namespaceDefinition", json!(NamespaceDefinition::Source)))
    }

    /// Takes the name of the destination's schema from its configuration.
    pub fn destination_namespace(self) -> Self {
        self.with(Change::Member("namespaceDefinition", json!(NamespaceDefinition::Destination)))
    }

    /// Makes the names of the destination's schemas from a pattern, in which `${SOURCE_NAMESPACE}` stands for
    /// the stream's namespace.
    pub fn namespace_format(self, pattern: impl Into<String>) -> Self {
        self.with(Change::Member("namespaceDefinition", json!(NamespaceDefinition::CustomFormat)))
            .with(Change::Member("namespaceFormat", Value::String(pattern.into())))
    }

    /// What happens when the source's schema changes in a way that breaks nothing.
    #[allow(clippy::needless_pass_by_value, reason = "builders take what they are given")]
    pub fn schema_updates(self, behavior: SchemaUpdates) -> Self {
        self.with(Change::Member("nonBreakingSchemaUpdatesBehavior", json!(behavior)))
    }

    /// Its tags, in place of those it has. They belong to the same workspace.
    pub fn tags(self, tags: impl IntoIterator<Item = TagInfo>) -> Self {
        self.with(Change::Member("tags", TagInfo::as_api(tags)))
    }

    /// Selects a stream, or changes how a selected one is synced.
    pub fn stream(self, stream: impl Into<StreamSelection>) -> Self {
        self.with(Change::Stream(stream.into()))
    }

    /// Leaves a stream out. Its table and its state stay.
    pub fn without_stream(self, stream: impl Into<StreamId>) -> Self {
        self.with(Change::Without(stream.into()))
    }

    /// Selects exactly these streams. Those that were selected before keep what is not said of them.
    pub fn streams<S: Into<StreamSelection>>(self, streams: impl IntoIterator<Item = S>) -> Self {
        self.with(Change::Only(streams.into_iter().map(Into::into).collect()))
    }

    /// Reads the connection and applies the changes, without sending them.
    pub async fn preview(self) -> Result<ConnectionChange> {
        self.check()?;
        let before = read(&self.connection).await?;
        if before.get("status").and_then(Value::as_str) == Some("deprecated") {
            let message = format!("connection {} was deleted", self.connection.id());
            // The server would take it, and list a connection again that can never run.
            return Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("the server still shows it, but it cannot run any more; create a new one"));
        }
        let mut after = before.clone();
        for change in &self.changes {
            match change {
                Change::Member(name, value) => {
                    after.insert((*name).to_owned(), value.clone());
                }
                Change::Stream(selection) => edit_streams(&mut after, |streams| put(streams, selection))?,
                Change::Without(stream) => edit_streams(&mut after, |streams| take_away(streams, stream))?,
                Change::Only(selections) => {
                    edit_streams(&mut after, |streams| keep_only(streams, selections))?;
                }
            }
        }
        let diff = difference(&before, &after);
        if before.get("configurations") != after.get("configurations") {
            check_streams(&after)?;
        }
        Ok(ConnectionChange { connection: self.connection, before, after, diff })
    }

    /// Refuses what can be seen to be wrong without the server.
    fn check(&self) -> Result<()> {
        for change in &self.changes {
            match change {
                Change::Member("name", Value::String(name)) if name.trim().is_empty() => {
                    return Err(Error::new(ErrorKind::InvalidInput, "the name of a connection is empty"));
                }
                Change::Stream(selection) => selection.check()?,
                Change::Only(selections) => {
                    if selections.is_empty() {
                        return Err(no_streams());
                    }
                    selections.iter().try_for_each(StreamSelection::check)?;
                }
                Change::Member(..) | Change::Without(_) => {}
            }
        }
        Ok(())
    }

    async fn send(self) -> Result<ConnectionInfo> {
        self.preview().await?.send_unchecked().await
    }
}

impl IntoFuture for ConnectionEdit {
    type Output = Result<ConnectionInfo>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A change that was prepared and not sent yet; made by [`ConnectionEdit::preview`].
#[derive(Clone)]
#[must_use = "nothing is changed until it is sent"]
pub struct ConnectionChange {
    connection: Connection,
    before: Map<String, Value>,
    after: Map<String, Value>,
    diff: Diff,
}

impl ConnectionChange {
    /// What will differ.
    pub fn diff(&self) -> &Diff {
        &self.diff
    }

    /// Sends the change, unless the connection is not any more what it was at the preview: then it fails with
    /// [`Conflict`](ErrorKind::Conflict), and the message says what has changed in between.
    pub async fn send(self) -> Result<ConnectionInfo> {
        let now = read(&self.connection).await?;
        let meanwhile = difference(&self.before, &now);
        if !meanwhile.is_empty() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "connection {} has changed in between: {}",
                    self.connection.id(),
                    meanwhile.in_one_line()
                ),
            )
            .with_hint("make the preview again and look at it"));
        }
        self.send_unchecked().await
    }

    async fn send_unchecked(self) -> Result<ConnectionInfo> {
        let mut patch = Map::new();
        for change in self.diff.changes() {
            let member = match change.path.first().map(String::as_str) {
                Some("streams") => "configurations",
                Some(member) => member,
                None => continue,
            };
            if let Some(value) = self.after.get(member) {
                patch.insert(member.to_owned(), value.clone());
            }
        }
        if patch.is_empty() {
            return info(self.before);
        }
        let path = format!("/connections/{}", self.connection.id());
        let mut operation = Operation::change("patchConnection");
        if patch.contains_key("configurations") {
            // The server reads the source's schema for it, as for a new connection.
            operation = operation.timeout(create_connection::TIMEOUT);
        }
        let answer: Map<String, Value> = self
            .connection
            .client()
            .exchange(operation, (Api::Public, Method::PATCH, &path), Some(&patch))
            .await
            .map_err(|error| error.about(&format!("connection {}", self.connection.id())))?;
        info(answer)
    }
}

impl std::fmt::Debug for ConnectionChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionChange")
            .field("connection", &self.connection.id())
            .field("diff", &self.diff)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Changes it; `.await` the result, or look at its [preview](ConnectionEdit::preview) first.
    pub fn edit(&self) -> ConnectionEdit {
        ConnectionEdit { connection: self.clone(), changes: Vec::new() }
    }

    /// Gives it another name (operation `patchConnection`).
    pub async fn rename(&self, name: impl Into<String>) -> Result<ConnectionInfo> {
        self.edit().name(name).await
    }

    /// Lets it run; nothing is sent if it already may.
    pub async fn enable(&self) -> Result<ConnectionInfo> {
        self.edit().enabled(true).await
    }

    /// Keeps it from running; nothing is sent if it already must not. A job that runs goes on.
    pub async fn disable(&self) -> Result<ConnectionInfo> {
        self.edit().enabled(false).await
    }
}

/// The connection as the server shows it, every member untouched.
async fn read(connection: &Connection) -> Result<Map<String, Value>> {
    let path = format!("/connections/{}", connection.id());
    let operation = Operation::read("getConnection").of("connection", connection.id());
    connection.client().exchange(operation, (Api::Public, Method::GET, &path), None::<&()>).await
}

fn info(connection: Map<String, Value>) -> Result<ConnectionInfo> {
    let response: types::ConnectionResponse =
        serde_json::from_value(Value::Object(connection)).map_err(|error| {
            let message = format!("the server's description of the connection cannot be understood: {error}");
            Error::new(ErrorKind::UnexpectedResponse, message)
        })?;
    Ok(response.into())
}

pub(crate) fn stream_id(stream: &Value) -> Option<StreamId> {
    StreamId::read(stream, "name", "namespace")
}

/// The selected streams, without members that the server shows but does not take.
pub(crate) fn streams_of(connection: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let streams = connection.get("configurations").and_then(|it| it.get("streams")).and_then(Value::as_array);
    let streams = streams.into_iter().flatten().filter_map(Value::as_object).cloned();
    streams
        .map(|mut stream| {
            stream.retain(|name, value| {
                let no_selection = name == "selectedFields" && value.as_array().is_some_and(Vec::is_empty);
                !value.is_null() && !no_selection
            });
            stream
        })
        .collect()
}

type Streams = Vec<Map<String, Value>>;

fn edit_streams(
    connection: &mut Map<String, Value>,
    change: impl FnOnce(&mut Streams) -> Result<()>,
) -> Result<()> {
    let before = streams_of(connection);
    let mut after = before.clone();
    change(&mut after)?;
    // Left alone where nothing changes, so that nothing is sent.
    if after != before {
        let streams = after.into_iter().map(Value::Object).collect::<Vec<_>>();
        connection.insert("configurations".to_owned(), json!({ "streams": streams }));
    }
    Ok(())
}

fn ids(streams: &Streams) -> Vec<StreamId> {
    streams
        .iter()
        .map(|stream| stream_id(&Value::Object(stream.clone())).unwrap_or_else(|| StreamId::new("")))
        .collect()
}

fn put(streams: &mut Streams, selection: &StreamSelection) -> Result<()> {
    match selection.id.find(&ids(streams))? {
        Some(place) => selection.apply(&mut streams[place]),
        None => {
            if let Value::Object(stream) = selection.to_json() {
                streams.push(stream);
            }
        }
    }
    Ok(())
}

fn take_away(streams: &mut Streams, stream: &StreamId) -> Result<()> {
    let known = ids(streams);
    match stream.find(&known)? {
        Some(place) => {
            streams.remove(place);
            Ok(())
        }
        None => Err(not_synced(stream, &known)),
    }
}

fn keep_only(streams: &mut Streams, selections: &[StreamSelection]) -> Result<()> {
    let known = ids(streams);
    let mut kept = Streams::new();
    for selection in selections {
        match selection.id.find(&known)? {
            Some(place) => {
                let mut stream = streams[place].clone();
                selection.apply(&mut stream);
                kept.push(stream);
            }
            None => put(&mut kept, selection)?,
        }
    }
    // The server's order, so that the same selection is no change.
    kept.sort_by_key(|stream| {
        let id = stream_id(&Value::Object(stream.clone()));
        id.and_then(|id| known.iter().position(|one| *one == id)).unwrap_or(usize::MAX)
    });
    *streams = kept;
    Ok(())
}

fn no_streams() -> Error {
    Error::new(ErrorKind::InvalidInput, "no stream is left")
        .with_hint("the server cannot deselect all streams; disable the connection instead")
}

/// Refuses what would change a stream behind the caller's back.
fn check_streams(connection: &Map<String, Value>) -> Result<()> {
    let streams = streams_of(connection);
    if streams.is_empty() {
        return Err(no_streams());
    }
    for stream in streams {
        let stream = Value::Object(stream);
        let name = stream_id(&stream).map(|id| id.to_string()).unwrap_or_default();
        if let Some(path) = secret_mask::first(&stream) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("stream {name} has a secret in {path} that the server only shows as a mask"),
            )
            .with_hint(
                "streams are sent together, so the mask would be stored; give the stream's mappers anew",
            ));
        }
        let is_new = stream.get("cursorField").is_none() && stream.get("primaryKey").is_none();
        if stream.get("syncMode").is_none() && !is_new {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("stream {name} is synced in a way that the public API has no word for"),
            )
            .with_hint(
                "streams are sent together, and it would be overwritten from now on; give its sync mode",
            ));
        }
    }
    Ok(())
}
