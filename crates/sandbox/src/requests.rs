//! What came in: for whoever wants to know what a client really asks for.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::connectors::mask_by_names;

/// How many of the latest requests are remembered one by one.
const REMEMBERED: usize = 1_000;
/// The longest body that is remembered, in bytes.
const LONGEST_BODY: usize = 16 * 1024;

/// A request that came in.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The operation by its id in the API document; empty for a path that no operation has.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body of a request that was handled, if it was JSON of at most 16 KiB. It is as it was sent, with its secrets;
    /// the control path and `Debug` show them masked, as far as their names tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The status of the answer; `None` if the connection was closed without one.
    pub status: Option<u16>,
}

impl SeenRequest {
    /// The same with what is secret by its name masked.
    pub(crate) fn masked(&self) -> Self {
        let mut shown = self.clone();
        if let Some(body) = &mut shown.body {
            mask_by_names(body);
        }
        shown
    }
}

impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, method, path, body, status } = self.masked();
        f.debug_struct("SeenRequest")
            .field("operation", &operation)
            .field("method", &method)
            .field("path", &path)
            .field("body", &body)
            .field("status", &status)
            .finish()
    }
}

/// The requests that have come in.
#[derive(Default)]
pub(crate) struct Requests(Mutex<Seen>);

#[derive(Default)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_in_a_test_shows_no_secret() {
        let requests = Requests::default();
        let seen = SeenRequest {
            operation: "createSource",
            method: "POST".to_owned(),
            path: "/v1/sources".to_owned(),
            body: None,
            status: Some(200),
        };
        requests.remember(seen, br#"{"name": "Shop", "configuration": {"password": "hunter2"}}"#);
        let latest = requests.latest();
        let shown = format!("{latest:?}");
        assert!(shown.contains("Shop") && !shown.contains("hunter2"), "{shown}");
        let body = latest[0].body.as_ref().unwrap();
        assert_eq!(body["configuration"]["password"], "hunter2", "a test can look at what was sent");
    }
}
