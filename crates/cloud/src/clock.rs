//! Where the time comes from, so that waiting can be tested without waiting.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::time::Instant;

/// The time source of a client: back-off pauses, poll intervals, deadlines and token expiry all use it.
///
/// Replace it with [`ClientBuilder::clock`](crate::ClientBuilder::clock) to test code that waits for
/// jobs: a clock whose `sleep` returns at once turns hours of polling into milliseconds. Time limits of
/// single HTTP requests are not part of it; they always run in real time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// A point on a clock that never goes backwards.
    fn now(&self) -> Instant;

    /// The calendar time, needed for `Retry-After` headers that hold a date.
    fn utc_now(&self) -> DateTime<Utc>;

    /// Waits. Must be safe to drop before it ends.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The real time, by tokio's timer. Obeys `tokio::time::pause`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn utc_now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
