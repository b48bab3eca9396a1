//! The `postgres` connector, versions 1 to 3.

use super::sanitise::{alphanumeric_and_underscore, no_leading_digit, raw_table, raw_table_v1, shortened};
use super::{Candidate, Layout, Naming};

/// The longest identifier, in bytes.
const LIMIT: usize = 63;

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    let raw_name = raw_table(of.namespace, of.name).to_lowercase();
    let raw_schema = of.raw_schema().to_lowercase();
    vec![
        Candidate::new(version_3(of.namespace), version_3(of.name), Layout::Typed),
        Candidate::new(version_2(of.namespace), version_2(of.name), Layout::Typed),
        // Made by the normalisation of 1.x.
        Candidate::new(version_2(of.namespace), version_2(of.name).to_lowercase(), Layout::Typed),
        Candidate::new(version_3(&raw_schema), version_3(&raw_name), Layout::Raw),
        Candidate::new(&raw_schema, version_2(&raw_name).to_lowercase(), Layout::Raw),
        Candidate::new(
            version_2(of.namespace),
            version_2(&raw_table_v1(&of.name.to_lowercase())),
            Layout::RawV1,
        ),
    ]
}

/// Since 3.0: a leading digit gets `_`, a long name is cut and ends in the last digits of its hash.
fn version_3(name: &str) -> String {
    let clean = no_leading_digit(alphanumeric_and_underscore(name));
    shortened(clean, LIMIT, |hash| hash.to_string())
}

/// 2.x: a long name is cut, nothing else.
fn version_2(name: &str) -> String {
    let mut clean = alphanumeric_and_underscore(name);
    clean.truncate(LIMIT);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::{NameSettings, candidates};
    use crate::{DestinationKind, StreamSpec};

    #[test]
    fn newer_layouts_come_first() {
        let found =
            candidates(DestinationKind::Postgres, &NameSettings::default(), &StreamSpec::new("1 Foo"));
        let place = |schema: &str, table: &str, layout| Candidate::new(schema, table, layout);
        assert_eq!(found[0], place("public", "_1_Foo", Layout::Typed));
        for older in [
            place("public", "1_Foo", Layout::Typed),
            place("public", "1_foo", Layout::Typed),
            place("airbyte_internal", "public_raw__stream_1_foo", Layout::Raw),
            place("public", "_airbyte_raw_1_foo", Layout::RawV1),
        ] {
            assert!(found.contains(&older), "{older:?}");
        }
    }
}
