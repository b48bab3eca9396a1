//! What came in: for whoever wants to know what a client really asks for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

/// How many of the latest requests are remembered one by one.
const REMEMBERED: usize = 1_000;
/// The longest body that is remembered, in bytes.
const LONGEST_BODY: usize = 16 * 1024;

/// A request that came in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The operation by its id in the API document; empty for a path that no operation has.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body of a request that was handled, if it was JSON of at most 16 KiB. It is as it was sent, with its secrets;
    /// the control path shows them masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The status of the answer; `None` if the connection was closed without one.
    pub status: Option<u16>,
}

/// The requests that have come in.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Each with its body, which is not read until somebody wants to know it.
    latest: VecDeque<(SeenRequest, Bytes)>,
    /// How often each operation was asked for, the requests that are no longer remembered included.
    counts: BTreeMap<&'static str, usize>,
}

impl Requests {
    /// Remembers a request.
    pub(crate) fn remember(&self, request: SeenRequest, body: &[u8]) {
        let body = if body.len() > LONGEST_BODY { Bytes::new() } else { Bytes::copy_from_slice(body) };
        let mut seen = self.lock();
        if seen.latest.len() == REMEMBERED {
            seen.latest.pop_front();
        }
        *seen.counts.entry(request.operation).or_default() += 1;
        seen.latest.push_back((request, body));
    }

    /// The latest requests, oldest first.
    pub(crate) fn latest(&self) -> Vec<SeenRequest> {
        let read = |(request, body): &(SeenRequest, Bytes)| SeenRequest {
            body: serde_json::from_slice(body).ok(),
            ..request.clone()
        };
        self.lock().latest.iter().map(read).collect()
    }

    /// How often an operation was asked for.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.lock().counts.get(operation).copied().unwrap_or_default()
    }

    /// How often each operation was asked for.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = self.lock().counts.clone();
        counts.remove("");
        counts
    }

    /// Forgets all.
    pub(crate) fn forget(&self) {
        *self.lock() = Seen::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
