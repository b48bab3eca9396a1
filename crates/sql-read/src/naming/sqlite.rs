//! The `sqlite` connector: one raw table a stream, no schemas.

use super::{Candidate, Layout};
use crate::stream_spec::StreamSpec;

pub(super) fn candidates(stream: &StreamSpec) -> Vec<Candidate> {
    let name = stream.handed_name();
    vec![
        Candidate::new("", format!("_airbyte_raw_{name}"), Layout::RawV1),
        // Left by the normalisation of old set-ups, or made by hand.
        Candidate::new("", name, Layout::Typed),
    ]
}
