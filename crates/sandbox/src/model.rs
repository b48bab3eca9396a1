//! The objects that the sandbox keeps, as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::sources::Stream;

macro_rules! record {
    ($type:ty, $kind:literal, $self:ident => $id:expr) => {
        impl Record for $type {
            const KIND: &'static str = $kind;
            fn id(&$self) -> String {
                $id
            }
        }
    };
}

mod admin;

pub(crate) use admin::{
    Application, Billing, ClockAhead, Consent, CustomDefinition, Dataplane, Grantee, Group, GroupMember,
    Organization, Permission, Region, Scope, Tag, User,
};

/// Something the store keeps under an id.
pub(crate) trait Record:
    Clone + Send + Sync + Serialize + for<'de> Deserialize<'de> + 'static
{
    /// The name of its kind in the store.
    const KIND: &'static str;
    /// Its id, unique within the kind.
    fn id(&self) -> String;
}

/// A workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Workspace {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub deleted: bool,
    /// `None`: the default region.
    #[serde(default)]
    pub region_id: Option<Uuid>,
    /// The notifications that were set, by kind; the others are as by default.
    #[serde(default)]
    pub notifications: Value,
}

/// Which side of a connection a connector is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Source,
    Destination,
}

impl Side {
    /// `source` or `destination`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// A configured source or destination. The configuration holds its secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Actor {
    pub id: Uuid,
    pub side: Side,
    pub workspace_id: Uuid,
    pub definition_id: Uuid,
    pub name: String,
    /// `None` once it is deleted.
    pub configuration: Option<Value>,
    pub created_at: i64,
    /// Whether its configuration waits to be completed; only Cloud knows such.
    #[serde(default)]
    pub is_draft: bool,
}

/// A connection between a source and a destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Connection {
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub source_id: Uuid,
    pub destination_id: Uuid,
    pub name: String,
    pub status: String,
    pub schedule: Schedule,
    pub streams: Vec<ConfiguredStream>,
    pub namespace_definition: String,
    pub namespace_format: Option<String>,
    pub prefix: Option<String>,
    pub non_breaking_schema_updates: String,
    pub tags: Vec<Uuid>,
    pub created_at: i64,
    /// Set for good by a deletion: a connection that is made active again still runs no more.
    #[serde(default)]
    pub is_deleted: bool,
    /// The catalog of the source that the streams were chosen from.
    #[serde(default)]
    pub catalog_id: Option<Uuid>,
    /// Whether its source has lost a field that a stream cannot do without.
    #[serde(default)]
    pub is_broken: bool,
}

/// What a source offered when it was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SourceCatalog {
    pub id: Uuid,
    pub source_id: Uuid,
    pub streams: Vec<Stream>,
}

/// When a connection runs by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Schedule {
    Manual,
    Cron {
        /// Without the zone.
        expression: String,
        #[serde(default = "utc")]
        zone: String,
    },
    /// Every so many units; only the Config API makes such schedules.
    Basic {
        units: i64,
        /// `minutes`, `hours`, `days`, `weeks` or `months`.
        unit: String,
    },
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A selected stream of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfiguredStream {
    pub name: String,
    pub namespace: Option<String>,
    pub sync_mode: String,
    pub cursor_field: Vec<String>,
    pub primary_key: Vec<Vec<String>>,
    /// `None`: all fields.
    pub selected_fields: Option<Vec<String>>,
    #[serde(default)]
    pub mappers: Vec<Value>,
}

impl ConfiguredStream {
    /// The stream with all of its fields, and the cursor and the key that its source defines.
    pub(crate) fn of(stream: &Stream, sync_mode: &str) -> Self {
        Self {
            name: stream.name.clone(),
            namespace: stream.namespace.clone(),
            sync_mode: sync_mode.to_owned(),
            cursor_field: stream.cursor.clone(),
            primary_key: stream.primary_key.clone(),
            selected_fields: None,
            mappers: Vec::new(),
        }
    }

    /// The cursor: the source's own where it defines one.
    pub(crate) fn cursor_in<'a>(&'a self, stream: &'a Stream) -> &'a [String] {
        if stream.cursor.is_empty() { &self.cursor_field } else { &stream.cursor }
    }

    /// The key: the source's own where it defines one.
    pub(crate) fn key_in<'a>(&'a self, stream: &'a Stream) -> &'a [Vec<String>] {
        if stream.primary_key.is_empty() { &self.primary_key } else { &stream.primary_key }
    }

    /// Whether this is the configuration of that stream.
    pub(crate) fn is_of(&self, stream: &Stream) -> bool {
        self.name == stream.name && self.namespace == stream.namespace
    }

    /// Whether rows written under the one configuration are what the other one would have written.
    pub(crate) fn has_same_data_as(&self, other: &Self) -> bool {
        self.sync_mode == other.sync_mode
            && self.cursor_field == other.cursor_field
            && self.primary_key == other.primary_key
            && self.selected_fields == other.selected_fields
    }

    pub(crate) fn is_full_refresh(&self) -> bool {
        self.sync_mode.starts_with("full_refresh")
    }
}

/// What is remembered of a stream between jobs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StreamState {
    pub connection_id: Uuid,
    pub name: String,
    pub namespace: Option<String>,
    /// 0 until the first full refresh.
    pub generation: i64,
    pub state: Option<Value>,
}

/// The state of a connection as a whole: what its streams share, or a state of the form that knows no streams.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConnectionState {
    pub connection_id: Uuid,
    pub kind: StateKind,
    pub blob: Option<Value>,
}

/// The forms of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateKind {
    Stream,
    Global,
    Legacy,
}

impl StateKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Global => "global",
            Self::Legacy => "legacy",
        }
    }
}

/// A job of a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub id: i64,
    pub connection_id: Uuid,
    pub workspace_id: Uuid,
    pub kind: JobKind,
    pub status: JobStatus,
    pub created_at: i64,
    /// Moves only when the status changes.
    pub updated_at: i64,
    /// The streams as they were when the job was made.
    pub streams: Vec<ConfiguredStream>,
    /// The streams that a refresh reads from the start again.
    #[serde(default)]
    pub refreshes: Vec<Refresh>,
    /// Whether an attempt has come so far as to begin anew what the job begins anew once.
    #[serde(default)]
    pub bumped: bool,
    pub attempts: Vec<Attempt>,
}

impl Job {
    /// The wish to read this stream from the start again, if it is one that this job fulfils.
    pub(crate) fn refresh_of(&self, stream: &ConfiguredStream) -> Option<&Refresh> {
        self.refreshes.iter().find(|one| one.name == stream.name && one.namespace == stream.namespace)
    }
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobKind {
    Sync,
    Reset,
    Refresh,
}

impl JobKind {
    pub(crate) const ALL: [Self; 3] = [Self::Sync, Self::Reset, Self::Refresh];
    /// Those that move rows.
    pub(crate) const MOVING: [Self; 2] = [Self::Sync, Self::Refresh];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Reset => "reset",
            Self::Refresh => "refresh",
        }
    }
}

/// The wish that a stream be read from the start again; it waits for the connection's next job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh {
    pub connection_id: Uuid,
    pub name: String,
    pub namespace: Option<String>,
    /// Whether the rows of earlier generations go.
    pub truncates: bool,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobStatus {
    Pending,
    Queued,
    Running,
    Incomplete,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobStatus {
    pub(crate) const ALL: [Self; 7] = [
        Self::Pending,
        Self::Queued,
        Self::Running,
        Self::Incomplete,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Incomplete => "incomplete",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Those that a job never leaves.
    pub(crate) const FINAL: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Cancelled];
    /// Those that it does.
    pub(crate) const ACTIVE: [Self; 4] = [Self::Pending, Self::Queued, Self::Running, Self::Incomplete];

    pub(crate) fn is_final(self) -> bool {
        Self::FINAL.contains(&self)
    }
}

/// One try of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub number: usize,
    /// `running`, `succeeded` or `failed`.
    pub status: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub ended_at: Option<i64>,
    pub stats: Vec<StreamStats>,
    pub failure: Option<Failure>,
    pub log: Vec<LogEvent>,
    /// What has become of the streams that were begun.
    #[serde(default)]
    pub streams: Vec<StreamStatus>,
}

impl Attempt {
    /// Notes of the streams that were under way why they are incomplete.
    pub(crate) fn end_streams(&mut self, cause: &str, now_millis: i64) {
        for stream in self.streams.iter_mut().filter(|stream| stream.state == "RUNNING") {
            "INCOMPLETE".clone_into(&mut stream.state);
            stream.cause = Some(cause.to_owned());
            stream.changed_at_millis = now_millis;
        }
    }
}

/// What has become of a stream in an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StreamStatus {
    pub id: Uuid,
    pub name: String,
    pub namespace: Option<String>,
    /// `RUNNING`, `COMPLETE` or `INCOMPLETE`.
    pub state: String,
    /// Why it is incomplete: `FAILED` or `CANCELED`.
    pub cause: Option<String>,
    pub changed_at_millis: i64,
}

/// What an attempt moved of one stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StreamStats {
    pub name: String,
    pub namespace: Option<String>,
    /// How many records the source said that there would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_records: Option<i64>,
    pub records_emitted: i64,
    pub bytes_emitted: i64,
    pub records_committed: i64,
    pub bytes_committed: i64,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// `source`, `destination` or `airbyte_platform`.
    pub origin: String,
    /// `config_error`, `system_error`, `transient_error` or `manual_cancellation`.
    pub kind: String,
    pub external_message: String,
    pub internal_message: String,
    pub timestamp_millis: i64,
}

/// One line of an attempt's log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LogEvent {
    pub timestamp_millis: i64,
    pub level: String,
    /// `source`, `destination`, `platform` or `replication-orchestrator`.
    pub source: String,
    pub message: String,
}

/// A project of the connector builder: behind every source definition that is described by a manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BuilderProject {
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    /// The source definition that it is published as, `None` before its first publishing.
    pub definition_id: Option<Uuid>,
    /// The name of that definition.
    pub definition_name: Option<String>,
    /// What was published, oldest first.
    pub manifests: Vec<PublishedManifest>,
    /// The version that syncs use.
    pub active_version: Option<i64>,
    /// The manifest that is being worked on.
    pub draft: Option<Value>,
    /// The configuration that the builder tests with; it holds secrets.
    pub testing_values: Option<Value>,
    /// The schema of that configuration, which says what in it is secret.
    #[serde(default)]
    pub testing_specification: Option<Value>,
    /// Whether the project is gone and only what was published of it is left.
    #[serde(default)]
    pub is_deleted: bool,
    pub updated_at: i64,
}

/// One published version of a builder project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishedManifest {
    pub version: i64,
    pub manifest: Value,
    pub description: String,
}

record!(Workspace, "workspace", self => self.id.to_string());
record!(Actor, "actor", self => self.id.to_string());
record!(Connection, "connection", self => self.id.to_string());
record!(BuilderProject, "builder_project", self => self.id.to_string());
record!(Job, "job", self => self.id.to_string());
record!(SourceCatalog, "source_catalog", self => self.id.to_string());
record!(ConnectionState, "connection_state", self => self.connection_id.to_string());
record!(Refresh, "refresh", self => stream_state_id(self.connection_id, self.namespace.as_deref(), &self.name));
record!(StreamState, "stream_state", self => stream_state_id(self.connection_id, self.namespace.as_deref(), &self.name));

/// The store's id of a stream's state.
pub(crate) fn stream_state_id(connection: Uuid, namespace: Option<&str>, name: &str) -> String {
    // JSON keeps apart what a plain separator would run together.
    serde_json::json!([connection, namespace, name]).to_string()
}
