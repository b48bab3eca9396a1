//! The `mssql` connector, versions 0 to 2.

use super::sanitise::{alphanumeric_and_underscore, raw_table, raw_table_v1};
use super::{Candidate, Layout, Naming};

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    let clean = alphanumeric_and_underscore;
    vec![
        // Since 2.0 every name is taken as it is.
        Candidate::new(of.namespace, of.name, Layout::Typed),
        Candidate::new(of.raw_schema(), clean(&raw_table(of.namespace, of.name)), Layout::Raw),
        Candidate::new(clean(of.namespace), clean(&raw_table_v1(of.name)), Layout::RawV1),
    ]
}
