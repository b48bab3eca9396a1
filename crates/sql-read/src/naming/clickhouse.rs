//! The `clickhouse` connector, versions 1 and 2. A namespace is a database.

use super::sanitise::{alphanumeric_and_underscore, no_leading_digit, raw_table};
use super::{Candidate, Layout, Naming};

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new(version_2(of.namespace), version_2(of.name), Layout::Typed),
        Candidate::new(
            of.raw_schema(),
            alphanumeric_and_underscore(&raw_table(of.namespace, of.name)),
            Layout::Raw,
        ),
    ]
}

fn version_2(name: &str) -> String {
    no_leading_digit(alphanumeric_and_underscore(name))
}
