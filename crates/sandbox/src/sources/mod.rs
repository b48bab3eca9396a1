//! Where rows come from.

pub(crate) mod capture;
pub(crate) mod csv;
mod faker;
mod file;
mod infer;
pub(crate) mod json_lines;
mod parquet;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::connectors::Connector;

/// How many rows travel together.
pub(crate) const BATCH: usize = 1_000;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number as its JSON text, with every digit that the source had.
    Number(String),
    Text(String),
    /// An object, an array or a mixed value, as JSON text.
    Json(String),
}

/// The values of a row, in the order of its stream's fields.
pub(crate) type Row = Vec<Cell>;

/// What a field holds, in Airbyte's own types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldType {
    Text,
    Boolean,
    Integer,
    Number,
    Date,
    Timestamp,
    TimestampWithZone,
    /// Objects, arrays, and fields whose values are of several types.
    Json,
}

impl FieldType {
    /// The JSON schema that a source declares for it.
    pub(crate) fn json_schema(self) -> Value {
        match self {
            Self::Text => json!({"type": ["null", "string"]}),
            Self::Boolean => json!({"type": ["null", "boolean"]}),
            Self::Integer => json!({"type": ["null", "integer"]}),
            Self::Number => json!({"type": ["null", "number"]}),
            Self::Date => json!({"type": ["null", "string"], "format": "date"}),
            Self::Timestamp => json!({
                "type": ["null", "string"], "format": "date-time", "airbyte_type": "timestamp_without_timezone"
            }),
            Self::TimestampWithZone => json!({
                "type": ["null", "string"], "format": "date-time", "airbyte_type": "timestamp_with_timezone"
            }),
            Self::Json => json!({"type": ["null", "object", "array", "string", "number", "boolean"]}),
        }
    }
}

/// A field of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field {
    pub name: String,
    pub kind: FieldType,
    pub schema: Value,
}

impl Field {
    pub(crate) fn new(name: impl Into<String>, kind: FieldType) -> Self {
        Self { name: name.into(), kind, schema: kind.json_schema() }
    }
}

/// A stream that a source offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub name: String,
    pub namespace: Option<String>,
    pub fields: Vec<Field>,
    /// The cursor that the source defines, empty if it defines none.
    pub cursor: Vec<String>,
    pub primary_key: Vec<Vec<String>>,
    pub incremental: bool,
}

impl Stream {
    /// A stream of which nothing but the name is known.
    pub(crate) fn unknown(name: &str, namespace: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            namespace,
            fields: Vec::new(),
            cursor: Vec::new(),
            primary_key: Vec::new(),
            incremental: false,
        }
    }

    /// Whether both have the same name and namespace.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.namespace == other.namespace
    }

    /// The stream's JSON schema, as a catalog holds it.
    pub(crate) fn json_schema(&self) -> Value {
        let properties: serde_json::Map<_, _> =
            self.fields.iter().map(|field| (field.name.clone(), field.schema.clone())).collect();
        json!({"type": "object", "properties": properties})
    }
}

/// Why a source cannot be read: a fault of its configuration or of its data.
#[derive(Debug)]
pub(crate) struct SourceError(pub String);

impl SourceError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A file whose columns are no longer those that were found when it was looked at.
    fn changed(path: &Path) -> Self {
        Self(format!("{} has other columns than a moment ago: it was replaced meanwhile", path.display()))
    }
}

/// Where the reading of a stream begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Begin {
    /// With its first row.
    Start,
    /// Behind the rows with this cursor.
    After(String),
    /// With its first row, of a source that tells changes: the rows as they are after so many rounds of changes.
    Snapshot(i64),
    /// The changes of this round, and nothing else.
    Changes(i64),
}

/// Where a batch of rows goes; a break ends the reading.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(Vec<Row>) -> ControlFlow<()>;

/// A source that can be read here.
#[derive(Debug)]
pub(crate) enum Source {
    Faker(faker::Faker),
    File(file::FileSource),
}

impl Source {
    /// The source with this configuration. Connectors that do not run here are an error that says so.
    pub(crate) fn open(
        connector: Option<&Connector>,
        configuration: &Value,
        files_roots: &[PathBuf],
        data_folder: &Path,
    ) -> Result<Self, SourceError> {
        match connector.map(|connector| connector.slug) {
            Some("faker") => Ok(Self::Faker(faker::Faker::new(configuration)?)),
            Some("file") => Ok(Self::File(file::FileSource::new(configuration, files_roots, data_folder)?)),
            other => Err(SourceError::new(format!(
                "the sandbox does not run the source connector `{}`; it runs `faker` and `file`",
                other.unwrap_or("custom")
            ))),
        }
    }

    /// The streams it offers. A file is read through once for this, so that its types hold for every row.
    pub(crate) fn discover(&self) -> Result<Vec<Stream>, SourceError> {
        match self {
            Self::Faker(faker) => Ok(faker.streams()),
            Self::File(file) => Ok(vec![file.stream()?]),
        }
    }

    /// Whether it tells changes, deletions among them, in place of rows with a newer cursor.
    pub(crate) fn captures_changes(&self) -> bool {
        matches!(self, Self::Faker(faker) if faker.captures_changes())
    }

    /// How many records a reading will give, where the connector tells beforehand.
    pub(crate) fn estimated_records(&self, stream: &Stream, begin: &Begin) -> Option<i64> {
        match self {
            Self::Faker(faker) => faker.estimated_records(&stream.name, begin),
            Self::File(_) => None,
        }
    }

    /// Reads a stream.
    pub(crate) fn read(&self, stream: &Stream, begin: &Begin, emit: Emit<'_>) -> Result<(), SourceError> {
        match self {
            Self::Faker(faker) => {
                faker.read(&stream.name, begin, emit);
                Ok(())
            }
            Self::File(file) => file.read(stream, emit),
        }
    }
}
