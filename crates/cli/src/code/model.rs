//! What the file holds.

use std::collections::BTreeMap;

use airbyte_cloud::{ConnectionId, DestinationId, SourceId, StreamId, TagInfo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The form that this version reads and writes.
pub(crate) const VERSION: u32 = 1;

/// How a stream is synced if nothing is said.
pub(crate) const DEFAULT_MODE: &str = "full_refresh_overwrite";

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    pub(crate) version: u32,
    /// Tags by their names, with their colours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sources: BTreeMap<String, Connector>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) destinations: BTreeMap<String, Connector>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) connections: BTreeMap<String, Connection>,
}

impl Code {
    /// Reads the file; what is wrong with it is said without the values that it holds, which may be secrets.
    pub(crate) fn parse(yaml: &str) -> Result<Self, String> {
        // Of a name that is there twice only the last would count; this refuses it.
        let unique = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(yaml);
        unique.and_then(|_| serde_yaml_ng::from_str(yaml)).map_err(|error| {
            let said = error.to_string();
            let quoting = ["invalid type: ", "invalid value: "].iter().find_map(|sign| said.split_once(sign));
            match quoting.and_then(|(place, rest)| Some((place, rest.rsplit_once(", expected ")?.1))) {
                Some((place, wanted)) => format!("{place}it should be {wanted}"),
                None => said,
            }
        })
    }
}

/// A source or destination: its connector, by its short name or its definition, and the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connector {
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) definition: Option<String>,
    #[serde(default)]
    pub(crate) configuration: Map<String, Value>,
}

/// A connection between a source and a destination, by their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connection {
    pub(crate) source: String,
    pub(crate) destination: String,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(crate) enabled: bool,
    #[serde(default = "manual", skip_serializing_if = "is_manual")]
    pub(crate) schedule: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) prefix: String,
    /// `destination`, `source`, or a pattern.
    #[serde(default = "destination", skip_serializing_if = "is_destination")]
    pub(crate) namespace: String,
    #[serde(default = "ignore", skip_serializing_if = "is_ignore")]
    pub(crate) schema_updates: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    pub(crate) streams: Vec<Stream>,
}

/// How a stream is synced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stream {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(default = "mode", skip_serializing_if = "is_mode")]
    pub(crate) sync_mode: String,
    /// The source's own where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) cursor_field: Vec<String>,
    /// The source's own where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) primary_key: Vec<Vec<String>>,
    /// All of them where they are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mappers: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) include_files: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destination_object_name: Option<String>,
}

impl Stream {
    pub(crate) fn id(&self) -> StreamId {
        StreamId::new(&self.name).in_namespace(self.namespace.clone().unwrap_or_default())
    }
}

/// What a workspace holds now: the file that would be written, the objects' ids, and the configurations as the server
/// shows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) code: Code,
    pub(crate) tags: Vec<TagInfo>,
    pub(crate) sources: BTreeMap<String, (SourceId, Value)>,
    pub(crate) destinations: BTreeMap<String, (DestinationId, Value)>,
    pub(crate) connections: BTreeMap<String, ConnectionId>,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over by reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

fn manual() -> String {
    "manual".to_owned()
}

fn is_manual(value: &str) -> bool {
    value == "manual"
}

fn destination() -> String {
    "destination".to_owned()
}

fn is_destination(value: &str) -> bool {
    value == "destination"
}

fn ignore() -> String {
    "ignore".to_owned()
}

fn is_ignore(value: &str) -> bool {
    value == "ignore"
}

fn mode() -> String {
    DEFAULT_MODE.to_owned()
}

fn is_mode(value: &str) -> bool {
    value == DEFAULT_MODE
}
