//! The `mysql` connector. A namespace is a database, every name is in lower case.

use super::sanitise::{alphanumeric_and_underscore, raw_table, raw_table_v1};
use super::{Candidate, Layout, Naming};

/// How much of a name is kept at either end if it is longer than both together and the `__` between them.
const END: usize = 21;

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new(clean(of.namespace), clean(of.name), Layout::Typed),
        Candidate::new(of.raw_schema().to_lowercase(), clean(&raw_table(of.namespace, of.name)), Layout::Raw),
        Candidate::new(clean(of.namespace), clean(&raw_table_v1(of.name)), Layout::RawV1),
    ]
}

fn clean(name: &str) -> String {
    let name = alphanumeric_and_underscore(name).to_lowercase();
    if name.len() <= 2 * END + 2 {
        return name;
    }
    format!("{}__{}", &name[..END], &name[name.len() - END..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_name_is_left_out() {
        assert_eq!(clean(&"a".repeat(44)), "a".repeat(44));
        assert_eq!(
            clean("Begins with this, and goes on for longer than is allowed"),
            "begins_with_this__and__onger_than_is_allowed"
        );
    }
}
