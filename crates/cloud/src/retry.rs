//! When a call is tried again, and how long to wait before it.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How stubborn a call is.
///
/// Only failures that another attempt can cure are retried, and only where repeating cannot do a thing
/// twice: a request that was never sent always may be, one whose fate is unknown only if it is idempotent.
/// A call stops at whichever limit comes first. Starting a sync has rules of its own
/// (see [`SyncRequest`](crate::SyncRequest)).
///
/// ```
/// use std::time::Duration;
/// use airbyte_cloud::RetryPolicy;
///
/// let patient = RetryPolicy::default().attempts(10).time_limit(Duration::from_secs(300));
/// let once = RetryPolicy::none();
/// # let _ = (patient, once);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    time_limit: Duration,
    first_pause: Duration,
    longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// Six attempts within 60 seconds, with pauses that grow from half a second to 15 seconds.
    fn default() -> Self {
        Self {
            attempts: 6,
            time_limit: Duration::from_mins(1),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(15),
        }
    }
}

impl RetryPolicy {
    /// One attempt, no second one.
    pub fn none() -> Self {
        Self::default().attempts(1)
    }

    /// At most this many attempts; 0 means 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// No new attempt begins after this much time, and no pause goes beyond it. One that has begun keeps the
    /// time limit of its own.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// The pause before the second attempt; each further one is twice as long.
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// The longest pause that the growth reaches. A `Retry-After` of the server may exceed it.
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    pub(crate) fn max_attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn max_time(&self) -> Duration {
        self.time_limit
    }

    /// The pause after attempt number `attempt` (from 1). `jitter` is between 0 and 1.
    ///
    /// Half of the pause is random, so that clients that failed together do not return together. The
    /// server sends 429 without saying how long to stay away: then the pauses start four times longer.
    pub(crate) fn pause(
        &self,
        attempt: u32,
        failure: Failure,
        retry_after: Option<Duration>,
        jitter: f64,
    ) -> Duration {
        let first = match (failure, retry_after) {
            (Failure::Status(429), None) => self.first_pause.saturating_mul(4),
            _ => self.first_pause,
        };
        let grown = first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let pause = grown.min(self.longest_pause);
        let jittered = pause / 2 + (pause / 2).mul_f64(jitter.clamp(0.0, 1.0));
        retry_after.map_or(jittered, |asked| asked.max(jittered))
    }
}

/// What repeating an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Doing it twice is the same as doing it once.
    Repeatable,
    /// Doing it twice may do it twice.
    Once,
}

/// How an attempt failed, seen from whether the server may have acted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request never left: no connection.
    NotSent,
    /// The request may have arrived, the answer did not: time-out, broken connection, half a body.
    Interrupted,
    /// A whole answer with a failure status.
    Status(u16),
    /// A success whose body is not what it should be.
    Undecodable,
    /// Found before sending, or certain to happen again.
    Permanent,
}

impl Failure {
    /// Whether another attempt is both useful and harmless.
    pub(crate) fn may_retry(self, idempotency: Idempotency) -> bool {
        let repeatable = idempotency == Idempotency::Repeatable;
        match self {
            // The limit is checked before anything is done: a request with a 429 was not acted upon.
            Self::NotSent | Self::Status(429) => true,
            // These do not pass.
            Self::Status(501 | 505) => false,
            Self::Interrupted | Self::Status(408 | 425 | 500..) => repeatable,
            Self::Status(_) | Self::Undecodable | Self::Permanent => false,
        }
    }

    /// Whether the server may have acted on the request although the call failed.
    pub(crate) fn is_ambiguous(self) -> bool {
        match self {
            Self::Interrupted | Self::Undecodable => true,
            Self::Status(status) => status == 408 || (status >= 500 && status != 501),
            Self::NotSent | Self::Permanent => false,
        }
    }
}

/// A server that wants to be left alone for longer is out of its mind.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Reads a `Retry-After` header: seconds or an HTTP date. A date in the past means no wait.
pub(crate) fn parse_retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
        (date - now).to_std().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn the_table_of_failures_and_idempotency() {
        use Failure::{Interrupted, NotSent, Permanent, Status, Undecodable};
        for (failure, repeatable, once) in [
            (NotSent, true, true),
            (Interrupted, true, false),
            (Status(429), true, true),
            (Status(408), true, false),
            (Status(500), true, false),
            (Status(502), true, false),
            (Status(503), true, false),
            (Status(504), true, false),
            (Status(522), true, false),
            (Status(501), false, false),
            (Status(400), false, false),
            (Status(401), false, false),
            (Status(403), false, false),
            (Status(404), false, false),
            (Status(409), false, false),
            (Status(422), false, false),
            (Undecodable, false, false),
            (Permanent, false, false),
        ] {
            assert_eq!(failure.may_retry(Idempotency::Repeatable), repeatable, "{failure:?} repeatable");
            assert_eq!(failure.may_retry(Idempotency::Once), once, "{failure:?} once");
        }
    }

    #[test]
    fn what_leaves_the_outcome_open() {
        for open in [Failure::Interrupted, Failure::Undecodable, Failure::Status(500), Failure::Status(504)] {
            assert!(open.is_ambiguous(), "{open:?}");
        }
        for certain in [Failure::NotSent, Failure::Permanent, Failure::Status(429), Failure::Status(409)] {
            assert!(!certain.is_ambiguous(), "{certain:?}");
        }
    }

    #[test]
    fn pauses_grow_to_a_cap_and_respect_the_server() {
        let policy = RetryPolicy::default();
        let pause = |attempt, jitter| policy.pause(attempt, Failure::Status(503), None, jitter);
        let seconds = Duration::from_secs_f64;
        assert_eq!([pause(1, 1.0), pause(2, 1.0), pause(3, 1.0)], [seconds(0.5), seconds(1.0), seconds(2.0)]);
        assert_eq!(pause(1, 0.0), seconds(0.25));
        assert_eq!(pause(60, 1.0), seconds(15.0));
        let limited = |after| policy.pause(1, Failure::Status(429), after, 1.0);
        assert_eq!(limited(None), Duration::from_secs(2));
        assert_eq!(limited(Some(Duration::from_secs(40))), Duration::from_secs(40));
        assert_eq!(limited(Some(Duration::ZERO)), Duration::from_millis(500));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
        assert_eq!(parse_retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Fri, 02 Jan 2026 03:04:35 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(parse_retry_after("Thu, 01 Jan 2026 00:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("soon", now), None);
        for absurd in [u64::MAX.to_string().as_str(), "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(parse_retry_after(absurd, now), Some(LONGEST_RETRY_AFTER), "{absurd}");
        }
        assert_eq!(parse_retry_after("-1", now), None);
    }
}
