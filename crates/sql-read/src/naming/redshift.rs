//! The `redshift` connector, versions 1 to 4. Every name is in lower case.

use super::sanitise::{alphanumeric_and_underscore, no_leading_digit, raw_table, raw_table_v1, shortened};
use super::{Candidate, Layout, Naming};

/// The longest identifier, in bytes.
const LIMIT: usize = 127;

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

/// Since 4.0: a leading digit gets `_`, a long name is cut and ends in its hash as hexadecimal digits.
fn version_4(name: &str) -> String {
    shortened(no_leading_digit(version_2(name)), LIMIT, |hash| format!("{hash:x}"))
}

/// 2.x and 3.x: lower case, and nothing else.
fn version_2(name: &str) -> String {
    alphanumeric_and_underscore(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_ends_in_hexadecimal_digits() {
        let cut = version_4(&"A".repeat(128));
        assert_eq!(cut.len(), LIMIT);
        let (name, hash) = cut.rsplit_once('_').unwrap();
        assert_eq!(name, "a".repeat(118));
        assert!(hash.len() == 8 && u32::from_str_radix(hash, 16).is_ok(), "{cut}");
        assert_eq!(version_2(&"A".repeat(128)).len(), 128);
    }
}
