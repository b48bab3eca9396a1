//! The names that connectors give to schemas and tables: candidates in the order in which to look for them.
//!
//! The version of the connector that wrote is not known, so the layouts of its versions are tried in turn, newest
//! first. No database is needed for this; [`locate`](crate::locate) compares the candidates with what is there.

mod postgres;
mod sanitise;
mod sqlite;

pub(crate) use sanitise::is_temporary;

use crate::destination_kind::DestinationKind;
use crate::stream_spec::StreamSpec;

/// How the connector lays a stream's records out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// A column a field.
    Typed,
    /// The record as JSON in `_airbyte_data`, with `_airbyte_raw_id` and `_airbyte_extracted_at`.
    Raw,
    /// The record as JSON in `_airbyte_data`, with `_airbyte_ab_id` and `_airbyte_emitted_at`, as old versions write.
    RawV1,
}

/// Where a stream's table may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Candidate {
    /// The schema; empty in databases without schemas.
    pub schema: String,
    /// The table.
    pub table: String,
    /// What the table looks like if it is there.
    pub layout: Layout,
}

impl Candidate {
    pub(crate) fn new(schema: impl Into<String>, table: impl Into<String>, layout: Layout) -> Self {
        Self { schema: schema.into(), table: table.into(), layout }
    }
}

/// What a destination's configuration says about names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSettings {
    /// The schema for streams without a namespace (`schema`).
    pub default_schema: Option<String>,
    /// The schema for raw tables (`raw_data_schema`).
    pub raw_schema: Option<String>,
    /// Whether only raw tables are written (`disable_type_dedupe`).
    pub raw_only: bool,
}

/// The places where a stream's table may be, in the order in which to look.
pub fn candidates(kind: DestinationKind, settings: &NameSettings, stream: &StreamSpec) -> Vec<Candidate> {
    let mut found = match kind {
        DestinationKind::Postgres => postgres::candidates(settings, stream),
        DestinationKind::Sqlite => sqlite::candidates(stream),
        _ => Vec::new(),
    };
    let mut seen = std::collections::HashSet::new();
    found.retain(|candidate| seen.insert((candidate.schema.clone(), candidate.table.clone())));
    found
}
