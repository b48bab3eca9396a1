//! The names that connectors give to schemas and tables: candidates in the order in which to look for them.
//!
//! The version of the connector that wrote is not known, so the layouts of its versions are tried in turn, newest
//! first. No database is needed for this; [`locate`](crate::locate) compares the candidates with what is there.

mod bigquery;
mod clickhouse;
mod databricks;
mod duckdb;
mod motherduck;
mod mssql;
mod mysql;
mod postgres;
mod redshift;
mod sanitise;
mod settings;
mod snowflake;
mod sqlite;

pub(crate) use sanitise::{is_temporary, loosely};
pub use settings::{NameSettings, SchemaOverride};

use std::collections::HashSet;
#[cfg(feature = "cloud")]
use std::sync::Arc;

use sanitise::collision_suffix;

use crate::destination_kind::DestinationKind;
#[cfg(feature = "cloud")]
use crate::locate::TableName;
#[cfg(feature = "cloud")]
use crate::stream_spec::Claims;
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

/// What a connector is handed of a stream, and what its configuration adds.
struct Naming<'a> {
    settings: &'a NameSettings,
    /// The namespace, or the connector's own where it is handed none.
    namespace: &'a str,
    /// The name, with the connection's prefix.
    name: &'a str,
}

impl Naming<'_> {
    fn raw_schema(&self) -> &str {
        self.settings.raw_schema.as_deref().unwrap_or("airbyte_internal")
    }
}

/// The rules of one connector.
struct Rules {
    /// Where streams without a namespace go if the configuration does not say.
    default_schema: &'static str,
    /// The places of a name, one a layout, newest first. Each call gives as many, in the same order; a name that a
    /// layout cannot hold is empty there.
    places: fn(&Naming<'_>) -> Vec<Candidate>,
    /// Whether streams keep their namespace. Those of the others are all in the schema of the configuration.
    namespaces: bool,
    /// Whether a stream whose table another has taken gets one of its own.
    tells_apart: bool,
}

fn rules(kind: DestinationKind) -> Rules {
    let (default_schema, places): (_, fn(&Naming<'_>) -> Vec<Candidate>) = match kind {
        DestinationKind::BigQuery => ("", bigquery::places),
        DestinationKind::ClickHouse => ("default", clickhouse::places),
        DestinationKind::Databricks => ("default", databricks::places),
        DestinationKind::DuckDb => ("main", duckdb::places),
        DestinationKind::MotherDuck => ("main", motherduck::places),
        DestinationKind::MsSql => ("public", mssql::places),
        DestinationKind::MySql => ("", mysql::places),
        DestinationKind::Postgres => ("public", postgres::places),
        DestinationKind::Redshift => ("public", redshift::places),
        DestinationKind::Snowflake => ("PUBLIC", snowflake::places),
        DestinationKind::Sqlite => ("", sqlite::places),
    };
    let embedded =
        matches!(kind, DestinationKind::DuckDb | DestinationKind::MotherDuck | DestinationKind::Sqlite);
    Rules { default_schema, places, namespaces: !embedded, tells_apart: !embedded }
}

/// Where streams without a namespace go if the configuration does not say; empty in databases without schemas.
pub(crate) fn default_schema(kind: DestinationKind) -> &'static str {
    rules(kind).default_schema
}

/// The places where a stream's table may be, in the order in which to look.
///
/// Of a stream alone it is not known whether another one of its connection has taken its table, so that the names
/// which it has in either case are among them. [`catalog_candidates`] knows more.
pub fn candidates(kind: DestinationKind, settings: &NameSettings, stream: &StreamSpec) -> Vec<Candidate> {
    let rules = rules(kind);
    let name = stream.handed_name();
    let chosen = settings.schema_of(stream);
    let namespace = chosen.or_else(|| stream.handed_namespace().filter(|_| rules.namespaces));
    let default = settings.default_schema.as_deref().unwrap_or(rules.default_schema);
    let namespace = namespace.unwrap_or_else(|| default.to_owned());

    let places = |name: &str| (rules.places)(&Naming { settings, namespace: &namespace, name });
    let plain = places(&name);
    let typed_schema = plain.iter().find(|place| place.layout == Layout::Typed).map(|place| &place.schema);
    let mut found = Vec::new();
    for (index, place) in plain.iter().enumerate() {
        if !stream.name_is_taken {
            found.push(place.clone());
        }
        if !rules.tells_apart {
            continue;
        }
        // Versions that write raw tables beside the final ones take the final one's schema.
        for schema in std::iter::once(&place.schema).chain(typed_schema) {
            let other_name = format!("{name}{}", collision_suffix(schema, &name));
            found.extend(places(&other_name).into_iter().nth(index));
        }
    }
    if settings.raw_only {
        found.sort_by_key(|place| place.layout == Layout::Typed);
    }
    let mut seen = HashSet::new();
    found.retain(|place| {
        let nameless = place.table.is_empty() || (place.schema.is_empty() && kind != DestinationKind::Sqlite);
        !nameless && seen.insert((place.schema.clone(), place.table.clone()))
    });
    found
}

/// The places of all streams of one connection, given in the order of its catalog: the first stream that claims a table
/// has it, a later one goes to another table where the connector tells them apart.
pub fn catalog_candidates(
    kind: DestinationKind,
    settings: &NameSettings,
    streams: &[StreamSpec],
) -> Vec<Vec<Candidate>> {
    let mut streams = streams.to_vec();
    mark_taken_names(kind, settings, &mut streams);
    streams.iter().map(|stream| candidates(kind, settings, stream)).collect()
}

/// Marks the streams whose plain name an earlier stream of the same connection has taken: the connector gives those
/// another one, and the plain one holds the other stream's rows.
pub(crate) fn mark_taken_names(kind: DestinationKind, settings: &NameSettings, streams: &mut [StreamSpec]) {
    if !rules(kind).tells_apart {
        return;
    }
    let mut taken = HashSet::new();
    let mut take = |stream: &StreamSpec| {
        let first = candidates(kind, settings, stream).into_iter().next();
        first.is_none_or(|first| taken.insert((first.schema, first.table)))
    };
    for stream in streams {
        stream.name_is_taken = false;
        if !take(stream) {
            stream.name_is_taken = true;
            take(stream);
        }
    }
}

/// The places that these streams come to first.
#[cfg(feature = "cloud")]
pub(crate) fn claims(kind: DestinationKind, settings: &NameSettings, streams: &[StreamSpec]) -> Claims {
    let first = |stream| candidates(kind, settings, stream).into_iter().next();
    let names = streams.iter().filter_map(first);
    let names = names.map(|Candidate { schema, table, .. }| TableName { schema, table });
    Claims(Arc::new(names.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(kind: DestinationKind, streams: &[StreamSpec]) -> Vec<Vec<String>> {
        catalog_candidates(kind, &NameSettings::default(), streams)
            .into_iter()
            .map(|places| places.into_iter().map(|place| place.table).collect())
            .collect()
    }

    #[test]
    fn a_stream_whose_name_is_taken_is_looked_for_under_its_other_names_alone() {
        let streams = [StreamSpec::new("my-table"), StreamSpec::new("my_table")];
        let tables = tables(DestinationKind::Postgres, &streams);
        assert_eq!(tables[0][0], "my_table");
        assert!(!tables[1].contains(&"my_table".to_owned()), "{tables:?}");
        assert!(tables[1][0].starts_with("my_table_") && tables[1][0].len() == 12, "{tables:?}");
    }

    #[test]
    fn connectors_that_let_streams_share_a_table_are_taken_at_their_word() {
        let streams = [StreamSpec::new("Users"), StreamSpec::new("users")];
        let tables = tables(DestinationKind::MotherDuck, &streams);
        assert_eq!(tables[0], tables[1]);
    }

    #[test]
    fn raw_tables_come_first_where_only_they_are_written() {
        let settings = NameSettings { raw_only: true, ..NameSettings::default() };
        for kind in [DestinationKind::Postgres, DestinationKind::Snowflake, DestinationKind::MySql] {
            let settings = NameSettings { default_schema: Some("d".into()), ..settings.clone() };
            let found = candidates(kind, &settings, &StreamSpec::new("users"));
            assert_eq!(found[0].layout, Layout::Raw, "{found:?}");
            assert!(found.iter().any(|place| place.layout == Layout::Typed));
        }
    }

    #[test]
    fn a_name_of_nothing_has_no_table() {
        for kind in DestinationKind::ALL {
            for candidate in candidates(kind, &NameSettings::default(), &StreamSpec::new("")) {
                assert!(!candidate.table.is_empty(), "{kind:?}");
            }
        }
    }
}
