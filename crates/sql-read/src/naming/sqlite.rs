//! The `sqlite` connector: one raw table a stream, no schemas.

use super::sanitise::raw_table_v1;
use super::{Candidate, Layout, Naming};

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    vec![
        Candidate::new("", raw_table_v1(of.name), Layout::RawV1),
        // Left by the normalisation of old set-ups, or made by hand.
        Candidate::new("", of.name, Layout::Typed),
    ]
}
