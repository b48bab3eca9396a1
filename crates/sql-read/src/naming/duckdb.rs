//! The `duckdb` connector: one raw table a stream, in the schema of the configuration.

use super::motherduck::lower_case;
use super::sanitise::raw_table_v1;
use super::{Candidate, Layout, Naming};

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new(of.namespace, raw_table_v1(of.name), Layout::RawV1),
        // Left by the normalisation of old set-ups, or made by hand.
        Candidate::new(of.namespace, of.name, Layout::Typed),
        Candidate::new(of.namespace, lower_case(of.name), Layout::Typed),
    ]
}
