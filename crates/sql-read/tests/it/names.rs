//! Names that connectors are known to give, one line each in `names/`, and what holds for all names.

use std::{borrow::Cow, collections::HashSet};

use airbyte_sql_read::{
    DestinationKind, Layout, NameSettings, NamespaceDefinition, StreamSpec, candidates, catalog_candidates,
};
use proptest::prelude::*;

#[path = "../../examples/vectors/vector.rs"]
mod vector;

const KNOWN: [&str; 11] = [
    include_str!("names/bigquery.jsonl"),
    include_str!("names/clickhouse.jsonl"),
    include_str!("names/databricks.jsonl"),
    include_str!("names/duckdb.jsonl"),
    include_str!("names/motherduck.jsonl"),
    include_str!("names/mssql.jsonl"),
    include_str!("names/mysql.jsonl"),
    include_str!("names/postgres.jsonl"),
    include_str!("names/redshift.jsonl"),
    include_str!("names/snowflake.jsonl"),
    include_str!("names/sqlite.jsonl"),
];

#[test]
fn the_table_that_the_connector_makes_is_among_the_candidates() {
    let mut missed = Vec::new();
    for text in KNOWN {
        let vectors = vector::read(text).unwrap();
        for (vector, outcome) in vectors.iter().zip(vector::outcomes(&vectors).unwrap()) {
            if !outcome.is_right(vector) {
                missed.push(format!("{vector} at {:?} of {:?}", outcome.place, outcome.candidates));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn every_connector_has_names_here() {
    let known: HashSet<_> =
        KNOWN.iter().flat_map(|text| vector::read(text).unwrap()).map(|vector| vector.connector).collect();
    for kind in DestinationKind::ALL {
        assert!(known.contains(kind.name()), "{}", kind.name());
    }
}

fn kinds() -> impl Strategy<Value = DestinationKind> {
    proptest::sample::select(&DestinationKind::ALL[..])
}

/// Names as sources have them: mostly words, sometimes anything at all.
fn names() -> impl Strategy<Value = String> {
    let close =
        proptest::sample::select(&["users", "Users", "my table", "my-table", "my_table", "é", "e"][..]);
    prop_oneof![close.prop_map(str::to_owned), "[a-zA-Z0-9_ .-]{1,80}", any::<String>()]
}

fn stream(name: &str, namespace: &str) -> StreamSpec {
    StreamSpec::new(name).namespace(namespace).namespace_definition(NamespaceDefinition::Source)
}

/// A name that was cut ends in the last eight characters of its hash: with the sign, if it has few digits.
fn without_sign(name: &str) -> Cow<'_, str> {
    match name.rsplit_once("_-") {
        Some((start, digits)) if digits.len() <= 7 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{start}_{digits}").into()
        }
        _ => name.into(),
    }
}

#[test]
fn a_hash_of_few_digits_keeps_its_sign() {
    let name = "- _4 _u L0-NMB0 ic-H9Fi_-XZ18-6_cf7-79KT_-jo_s_4 -vx_wa_-RPd1 3M X__ VMULF0x_";
    let places = candidates(DestinationKind::Postgres, &NameSettings::default(), &stream(name, "public"));
    assert!(
        places.iter().any(|place| place.table.ends_with("_-1555562") && place.table.len() == 63),
        "{places:?}"
    );
}

proptest! {
    #[test]
    fn names_fit_where_the_connector_cuts_them(kind in kinds(), name in names(), namespace in names()) {
        let longest = match kind {
            DestinationKind::Postgres => 63,
            DestinationKind::MySql => 44,
            _ => usize::MAX,
        };
        for candidate in candidates(kind, &NameSettings::default(), &stream(&name, &namespace)) {
            prop_assert!(!candidate.table.is_empty());
            prop_assert!(candidate.table.len() <= longest, "{candidate:?}");
        }
    }

    #[test]
    fn names_are_of_the_characters_that_the_connector_leaves(name in names(), namespace in names()) {
        use DestinationKind::{BigQuery, ClickHouse, Databricks, MySql, Postgres, Redshift};
        for kind in [BigQuery, ClickHouse, Databricks, MySql, Postgres, Redshift] {
            for candidate in candidates(kind, &NameSettings::default(), &stream(&name, &namespace)) {
                let plain = |text: &str| without_sign(text).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                prop_assert!(plain(&candidate.schema) && plain(&candidate.table), "{kind:?} {candidate:?}");
            }
        }
    }

    /// Else one stream's rows would be taken for another's.
    #[test]
    fn no_stream_is_looked_for_where_an_earlier_one_is(
        kind in kinds(),
        names in proptest::collection::hash_set(names(), 2..6),
    ) {
        let settings = NameSettings::default();
        let streams: Vec<_> = names.iter().map(|name| stream(name, "public")).collect();
        let alone: Vec<_> = streams.iter().map(|stream| candidates(kind, &settings, stream)).collect();
        for (index, places) in catalog_candidates(kind, &settings, &streams).iter().enumerate() {
            for earlier in alone[..index].iter().filter_map(|places| places.first()) {
                // These connectors let streams share a table.
                let shared = matches!(kind, DestinationKind::MotherDuck);
                prop_assert!(shared || places.first() != Some(earlier), "{names:?}: {places:?}");
            }
        }
    }

    #[test]
    fn the_only_stream_of_a_connection_has_the_names_of_the_stream_alone(kind in kinds(), name in names()) {
        let alone = stream(&name, "public");
        let settings = NameSettings::default();
        prop_assert_eq!(&catalog_candidates(kind, &settings, std::slice::from_ref(&alone))[0], &candidates(kind, &settings, &alone));
    }

    #[test]
    fn the_choice_between_raw_and_typed_changes_the_order_alone(kind in kinds(), name in names()) {
        let stream = stream(&name, "public");
        let places = |raw_only| {
            let settings = NameSettings { raw_only, ..NameSettings::default() };
            candidates(kind, &settings, &stream)
        };
        let (both, raw): (Vec<_>, Vec<_>) = (places(false), places(true));
        prop_assert_eq!(both.iter().collect::<HashSet<_>>(), raw.iter().collect::<HashSet<_>>());
        let typed = raw.iter().position(|place| place.layout == Layout::Typed).unwrap_or(raw.len());
        prop_assert!(raw[typed..].iter().all(|place| place.layout == Layout::Typed));
    }
}
