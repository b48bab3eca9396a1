//! The sandbox's time: the machine's, moved ahead on request, with pauses that can be scaled.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// No timestamp that is computed from a later present could be written.
const FURTHEST_MILLIS: i64 = 1_000 * 366 * 86_400_000;

/// What every timestamp and every pause of the sandbox comes from.
#[derive(Debug)]
pub(crate) struct Clock {
    ahead_millis: AtomicI64,
    scale: f64,
}

impl Clock {
    pub(crate) fn new(scale: f64) -> Self {
        Self { ahead_millis: AtomicI64::new(0), scale }
    }

    /// The sandbox's present.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.ahead_millis.load(Ordering::Relaxed))
    }

    /// Moves the present ahead, so that tokens expire without waiting for it; at most by a thousand years in all.
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let further = |ahead: i64| Some(ahead.saturating_add(by).min(FURTHEST_MILLIS));
        let _ = self.ahead_millis.fetch_update(Ordering::Relaxed, Ordering::Relaxed, further);
    }

    /// Waits for the scaled duration.
    pub(crate) async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration.mul_f64(self.scale)).await;
    }
}
