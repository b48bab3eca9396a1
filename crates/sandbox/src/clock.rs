//! The sandbox's time: the machine's, moved ahead on request, with pauses that can be scaled.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

/// No timestamp that is computed from a later present could be written.
const FURTHEST_MILLIS: u64 = 1_000 * 366 * 86_400_000;

/// What every timestamp and every pause of the sandbox comes from.
#[derive(Debug)]
pub(crate) struct Clock {
    /// By how much the present was moved.
    ahead: watch::Sender<Duration>,
    scale: f64,
}

impl Clock {
    /// A clock that is so much ahead of the machine's.
    pub(crate) fn new(scale: f64, ahead: Duration) -> Self {
        // What is no number is none, either.
        Self { ahead: watch::Sender::new(ahead), scale: scale.max(0.0) }
    }

    /// The sandbox's present.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::from_std(*self.ahead.borrow()).unwrap_or_default()
    }

    /// By how much the present is ahead once it is moved so much further; at most by a thousand years in all.
    pub(crate) fn further(&self, by: Duration) -> Duration {
        self.ahead.borrow().saturating_add(by).min(Duration::from_millis(FURTHEST_MILLIS))
    }

    /// Moves the present, so that tokens expire and pauses end without waiting for it.
    pub(crate) fn set_ahead(&self, ahead: Duration) {
        self.ahead.send_replace(ahead);
    }

    /// Waits for the scaled duration, less what the present is moved ahead meanwhile.
    pub(crate) async fn pause(&self, duration: Duration) {
        let mut ahead = self.ahead.subscribe();
        let (begun, before) = (Instant::now(), *ahead.borrow_and_update());
        loop {
            let moved = ahead.borrow_and_update().saturating_sub(before);
            let left = self.scaled(duration.saturating_sub(moved)).saturating_sub(begun.elapsed());
            // The sender is here, so there is no other end of the changes.
            if tokio::time::timeout(left, ahead.changed()).await.is_err() {
                return;
            }
        }
    }

    fn scaled(&self, duration: Duration) -> Duration {
        Duration::try_from_secs_f64(duration.as_secs_f64() * self.scale).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_as_long_as_what_is_left_of_it() {
        let clock = Clock::new(0.5, Duration::ZERO);
        let begun = Instant::now();
        clock.pause(Duration::from_mins(1)).await;
        assert_eq!(begun.elapsed().as_secs(), 30);

        clock.set_ahead(clock.further(Duration::from_hours(1)));
        let begun = Instant::now();
        let moving = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            // Twenty seconds of it are over, so twenty are left.
            clock.set_ahead(clock.further(Duration::from_secs(20)));
        };
        tokio::join!(clock.pause(Duration::from_mins(1)), moving);
        assert_eq!(begun.elapsed().as_secs(), 20);

        let begun = Instant::now();
        let moving = async { clock.set_ahead(clock.further(Duration::from_hours(1))) };
        tokio::join!(clock.pause(Duration::from_mins(20)), moving);
        assert_eq!(begun.elapsed().as_secs(), 0);
        assert!(clock.now() - Utc::now() > TimeDelta::minutes(119));

        let other = Clock::new(1.0, clock.further(Duration::from_hours(1)));
        assert!(other.now() - Utc::now() > TimeDelta::minutes(179), "a clock can begin ahead");

        let endless = Clock::new(f64::MAX, Duration::ZERO);
        let waiting = endless.pause(Duration::MAX);
        assert!(tokio::time::timeout(Duration::from_hours(1), waiting).await.is_err());
        Clock::new(f64::NAN, Duration::ZERO).pause(Duration::MAX).await;
    }
}
