//! Streams of a connection: how they are told apart, and how they are synced.

use std::fmt;

use airbyte_api_raw::public::types;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::open_enum::open_enum;
use crate::redact::without_secrets;
use crate::secret_mask;

open_enum! {
    /// How a stream is read and written.
    SyncMode {
        /// Everything, replacing what is there.
        FullRefreshOverwrite = "full_refresh_overwrite",
        /// Everything, replacing what is there, one row per key.
        FullRefreshOverwriteDeduped = "full_refresh_overwrite_deduped",
        /// Everything, added to what is there.
        FullRefreshAppend = "full_refresh_append",
        /// Everything, updating rows by key.
        FullRefreshUpdate = "full_refresh_update",
        /// Everything, marking rows that are gone.
        FullRefreshSoftDelete = "full_refresh_soft_delete",
        /// What is new, added to what is there.
        IncrementalAppend = "incremental_append",
        /// What is new, one row per key.
        IncrementalDedupedHistory = "incremental_deduped_history",
        /// What is new, updating rows by key.
        IncrementalUpdate = "incremental_update",
        /// What is new, marking rows that are gone.
        IncrementalSoftDelete = "incremental_soft_delete",
    }
}

/// What tells a stream from others: its name, and its namespace where it has one.
///
/// A text alone is a name: it stands for the stream of that name, whatever its namespace, as long as only one
/// stream has that name.
///
/// ```
/// use airbyte_cloud::StreamId;
///
/// assert_eq!(StreamId::from("users").to_string(), "users");
/// assert_eq!(StreamId::new("users").in_namespace("shop").to_string(), "shop.users");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StreamId {
    /// The namespace in the source, such as a schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name; unique only together with the namespace.
    pub name: String,
}

impl StreamId {
    /// The stream of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { namespace: None, name: name.into() }
    }

    /// The stream of this name and namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into()).filter(|namespace| !namespace.is_empty());
        self
    }

    /// The same stream, named in a JSON object. Absent, null and empty namespaces are the same.
    pub(crate) fn read(stream: &Value, name: &str, namespace: &str) -> Option<Self> {
        let text = |member: &str| stream.get(member).and_then(Value::as_str);
        let id = Self::new(text(name)?);
        Some(match text(namespace) {
            Some(namespace) => id.in_namespace(namespace),
            None => id,
        })
    }

    /// The place of the stream that this stands for; `None` if it is not there.
    pub(crate) fn find<'a>(&self, streams: impl IntoIterator<Item = &'a Self>) -> Result<Option<usize>> {
        let streams: Vec<_> = streams.into_iter().collect();
        if let Some(place) = streams.iter().position(|stream| *stream == self) {
            return Ok(Some(place));
        }
        if self.namespace.is_some() {
            return Ok(None);
        }
        let mut named = streams.iter().enumerate().filter(|(_, stream)| stream.name == self.name);
        match (named.next(), named.next()) {
            (Some((place, _)), None) => Ok(Some(place)),
            (None, _) => Ok(None),
            (Some(_), Some(_)) => {
                let all = streams.iter().filter(|stream| stream.name == self.name);
                let all = all.map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("several streams have the name `{}`: {all}", self.name),
                )
                .with_hint("give the namespace, too"))
            }
        }
    }
}

impl From<&str> for StreamId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for StreamId {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<&StreamInfo> for StreamId {
    fn from(stream: &StreamInfo) -> Self {
        stream.id()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A stream that a connection syncs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its name; unique only together with the namespace.
    pub name: String,
    /// Its namespace in the source.
    pub namespace: Option<String>,
    /// How it is read and written; absent for combinations the public API has no word for.
    pub sync_mode: Option<SyncMode>,
    /// The path of the field that tells what is new. Empty if there is none.
    pub cursor_field: Vec<String>,
    /// The paths of the key's fields. Empty if there is none.
    pub primary_key: Vec<Vec<String>>,
    /// The fields that are synced, by their paths; all of them if this is empty.
    pub selected_fields: Vec<Vec<String>>,
    /// The name of the object in destinations that are not tables.
    pub destination_object_name: Option<String>,
}

impl StreamInfo {
    /// What tells it from other streams.
    pub fn id(&self) -> StreamId {
        StreamId { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

impl From<types::StreamConfiguration> for StreamInfo {
    fn from(stream: types::StreamConfiguration) -> Self {
        let selected = stream.selected_fields.map(|fields| fields.0).unwrap_or_default();
        Self {
            name: stream.name,
            namespace: stream.namespace,
            sync_mode: stream.sync_mode.map(|mode| SyncMode::from(mode.as_str())),
            cursor_field: stream.cursor_field.unwrap_or_default(),
            primary_key: stream.primary_key.unwrap_or_default(),
            selected_fields: selected.into_iter().filter_map(|field| field.field_path).collect(),
            destination_object_name: stream.destination_object_name,
        }
    }
}

/// How a stream shall be synced: for [`create_connection`](crate::Workspace::create_connection) and
/// [`ConnectionEdit::stream`](crate::ConnectionEdit::stream).
///
/// What is not said keeps its present value; for a stream that was not selected before, the server decides,
/// except that it takes `full_refresh_overwrite` as the sync mode.
///
/// ```
/// use airbyte_cloud::{StreamSelection, SyncMode};
///
/// let orders = StreamSelection::new("orders")
///     .sync_mode(SyncMode::IncrementalDedupedHistory)
///     .cursor_field(["updated_at"])
///     .primary_key([["id"]]);
/// # let _ = orders;
/// ```
#[derive(Clone, PartialEq)]
#[must_use]
pub struct StreamSelection {
    pub(crate) id: StreamId,
    /// Members of the API's stream object. Null stands for one that is taken away.
    members: Map<String, Value>,
}

impl StreamSelection {
    /// The stream that is meant.
    pub fn new(stream: impl Into<StreamId>) -> Self {
        Self { id: stream.into(), members: Map::new() }
    }

    /// The stream.
    pub fn id(&self) -> &StreamId {
        &self.id
    }

    fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.to_owned(), value);
        self
    }

    /// How it is read and written.
    #[allow(clippy::needless_pass_by_value, reason = "builders take what they are given")]
    pub fn sync_mode(self, mode: SyncMode) -> Self {
        self.with("syncMode", json!(mode))
    }

    /// The path of the field that tells what is new, for incremental modes. Sources that define it themselves
    /// refuse any other.
    pub fn cursor_field<S: Into<String>>(self, path: impl IntoIterator<Item = S>) -> Self {
        let path: Vec<String> = path.into_iter().map(Into::into).collect();
        self.with("cursorField", json!(path))
    }

    /// The paths of the key's fields, for modes that keep one row per key.
    pub fn primary_key<P, S>(self, paths: impl IntoIterator<Item = P>) -> Self
    where
        P: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let paths: Vec<Vec<String>> =
            paths.into_iter().map(|path| path.into_iter().map(Into::into).collect()).collect();
        self.with("primaryKey", json!(paths))
    }

    /// Only these top-level fields; the key and the cursor have to be among them.
    pub fn fields<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        let fields: Vec<Value> =
            names.into_iter().map(|name| json!({ "fieldPath": [name.into()] })).collect();
        self.with("selectedFields", json!(fields))
    }

    /// All fields, also those that the source gets later.
    pub fn all_fields(self) -> Self {
        self.with("selectedFields", Value::Null)
    }

    /// What changes the rows on their way, in the API's form (`type` and `mapperConfiguration`).
    pub fn mappers(self, mappers: Vec<Value>) -> Self {
        self.with("mappers", Value::Array(mappers))
    }

    /// Whether files are moved, too, for sources that have some.
    pub fn include_files(self, include: bool) -> Self {
        self.with("includeFiles", json!(include))
    }

    /// The name of the object in destinations that are not tables.
    pub fn destination_object_name(self, name: impl Into<String>) -> Self {
        self.with("destinationObjectName", Value::String(name.into()))
    }

    /// No name of its own for the object: the destination names it after the stream, as if none had ever been
    /// set.
    pub fn without_destination_object_name(self) -> Self {
        self.with("destinationObjectName", Value::Null)
    }

    /// Refuses what the server would refuse, or take without effect.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse =
            |what: &str| Err(Error::new(ErrorKind::InvalidInput, format!("stream {}: {what}", self.id)));
        if self.id.name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "a stream without a name was selected"));
        }
        if self.members.get("selectedFields").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            return refuse("no field is selected");
        }
        let empty = |path: &Value| path.as_array().is_none_or(Vec::is_empty);
        if self
            .members
            .get("primaryKey")
            .and_then(Value::as_array)
            .is_some_and(|paths| paths.iter().any(empty))
        {
            return refuse("a path of the primary key is empty");
        }
        if self.members.get("mappers").is_some_and(secret_mask::is_in) {
            return refuse("a mapper has the server's mask in place of a secret");
        }
        Ok(())
    }

    /// Puts what is said here into a stream of the API.
    pub(crate) fn apply(&self, stream: &mut Map<String, Value>) {
        for (member, value) in &self.members {
            if value.is_null() {
                stream.shift_remove(member);
            } else {
                stream.insert(member.clone(), value.clone());
            }
        }
    }

    /// A stream of the API that says just this.
    pub(crate) fn to_json(&self) -> Value {
        let mut stream = Map::new();
        stream.insert("name".to_owned(), json!(self.id.name));
        if let Some(namespace) = &self.id.namespace {
            stream.insert("namespace".to_owned(), json!(namespace));
        }
        self.apply(&mut stream);
        Value::Object(stream)
    }
}

impl fmt::Debug for StreamSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Mappers have keys.
        write!(f, "StreamSelection({}, {})", self.id, without_secrets(&self.to_json()))
    }
}

impl From<&str> for StreamSelection {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<StreamId> for StreamSelection {
    fn from(stream: StreamId) -> Self {
        Self::new(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_finds_the_only_stream_of_that_name() {
        let streams = [
            StreamId::new("users").in_namespace("a"),
            StreamId::new("users").in_namespace("b"),
            StreamId::new("orders").in_namespace("a"),
        ];
        assert_eq!(StreamId::from("orders").find(&streams).unwrap(), Some(2));
        assert_eq!(StreamId::new("users").in_namespace("b").find(&streams).unwrap(), Some(1));
        assert_eq!(StreamId::new("orders").in_namespace("b").find(&streams).unwrap(), None);
        let error = StreamId::from("users").find(&streams).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("a.users, b.users"), "{error}");
    }

    #[test]
    fn an_exact_stream_without_a_namespace_wins() {
        let streams = [StreamId::new("users").in_namespace("a"), StreamId::new("users")];
        assert_eq!(StreamId::from("users").find(&streams).unwrap(), Some(1));
    }

    #[test]
    fn an_empty_namespace_is_none() {
        assert_eq!(StreamId::new("users").in_namespace(""), StreamId::new("users"));
    }

    #[test]
    fn a_name_that_is_taken_away_is_not_sent() {
        let named = StreamSelection::new("users").destination_object_name("User");
        assert_eq!(named.to_json(), json!({ "name": "users", "destinationObjectName": "User" }));
        assert_eq!(named.without_destination_object_name().to_json(), json!({ "name": "users" }));
    }

    #[test]
    fn selections_without_a_sense_are_refused() {
        let none: [&str; 0] = [];
        for selection in [
            StreamSelection::new(""),
            StreamSelection::new("users").fields(none),
            StreamSelection::new("users").primary_key([none]),
            StreamSelection::new("users")
                .mappers(vec![json!({ "mapperConfiguration": { "key": "**********" } })]),
        ] {
            assert_eq!(selection.check().unwrap_err().kind(), ErrorKind::InvalidInput, "{selection:?}");
        }
    }
}
