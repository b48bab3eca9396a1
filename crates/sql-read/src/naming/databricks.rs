//! The `databricks` connector, versions 1 to 4. Every name of a schema or table is in lower case.

use super::sanitise::{alphanumeric_and_underscore, no_leading_digit, raw_table, raw_table_v1, shortened};
use super::{Candidate, Layout, Naming};

/// The longest identifier, in characters.
const LIMIT: usize = 255;

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new(version_4(of.namespace), version_4(of.name), Layout::Typed),
        Candidate::new(version_2(of.namespace), version_2(of.name), Layout::Typed),
        Candidate::new(
            of.raw_schema().to_lowercase(),
            version_2(&raw_table(of.namespace, of.name)),
            Layout::Raw,
        ),
        Candidate::new(version_2(of.namespace), version_2(&raw_table_v1(of.name)), Layout::RawV1),
    ]
}

/// Since 4.0. The case goes last, so that the hash is of the name in its own case.
fn version_4(name: &str) -> String {
    let clean = no_leading_digit(alphanumeric_and_underscore(name));
    shortened(clean, LIMIT, |hash| hash.to_string()).to_lowercase()
}

fn version_2(name: &str) -> String {
    alphanumeric_and_underscore(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone_have_different_hashes() {
        let (upper, lower) = (version_4(&"A".repeat(256)), version_4(&"a".repeat(256)));
        assert_eq!(upper[..247], lower[..247]);
        assert_eq!(&upper[..247], format!("{}_", "a".repeat(246)));
        assert_ne!(upper, lower);
    }
}
