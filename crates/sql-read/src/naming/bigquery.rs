//! The `bigquery` connector, versions 1 to 3. Names keep their case.

use super::sanitise::{alphanumeric_and_underscore, raw_table, raw_table_v1};
use super::{Candidate, Layout, Naming};

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new(dataset(of.namespace), table(of.name), Layout::Typed),
        Candidate::new(dataset(of.raw_schema()), table(&raw_table(of.namespace, of.name)), Layout::Raw),
        Candidate::new(dataset(of.namespace), table(&raw_table_v1(of.name)), Layout::RawV1),
    ]
}

/// A dataset begins with a letter or a digit.
fn dataset(name: &str) -> String {
    prefixed(alphanumeric_and_underscore(name), "n", |c| c.is_ascii_alphanumeric())
}

/// A table begins with a letter or `_`.
fn table(name: &str) -> String {
    prefixed(alphanumeric_and_underscore(name), "_", |c| c.is_ascii_alphabetic() || c == '_')
}

fn prefixed(name: String, prefix: &str, may_begin: fn(char) -> bool) -> String {
    match name.chars().next() {
        Some(first) if !may_begin(first) => format!("{prefix}{name}"),
        _ => name,
    }
}
