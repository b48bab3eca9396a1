//! What programs are told while they wait: nothing, unless nothing can be seen for long.

use std::fmt::Display;
use std::time::{Duration, Instant};

use airbyte_cloud::Update;

use crate::output::say;

/// How long looks fail before that is said, and how long until it is said again.
const INTERVAL: Duration = Duration::from_mins(1);

/// Looks that fail one after the other.
#[derive(Default)]
pub(super) struct Trouble {
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Trouble {
    /// Takes an update, and writes a line if it is time for one.
    pub(super) fn update(&mut self, label: &str, update: &Update) {
        let failed = if let Update::PollFailed(error) = update { Some(error) } else { None };
        if let Some(warning) = self.due(label, failed, Instant::now()) {
            say(&serde_json::json!({ "warning": warning }).to_string());
        }
    }

    fn due(&mut self, label: &str, failed: Option<impl Display>, now: Instant) -> Option<String> {
        let Some(error) = failed else {
            *self = Self::default();
            return None;
        };
        let since = *self.since.get_or_insert(now);
        if now.duration_since(self.told.unwrap_or(since)) < INTERVAL {
            return None;
        }
        self.told = Some(now);
        let seconds = now.duration_since(since).as_secs();
        Some(format!("{label}: no look has succeeded for {seconds} s, waiting goes on: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_lasts_is_told_once_a_minute() {
        let start = Instant::now();
        let mut trouble = Trouble::default();
        let mut due = |second, failed: Option<&str>| {
            trouble.due("job 7", failed, start + Duration::from_secs(second)).is_some()
        };
        let told: Vec<u64> = (0..200).filter(|second| due(*second, Some("503"))).collect();
        assert_eq!(told, [60, 120, 180]);
        assert!(!due(250, None) && !due(260, Some("503")) && !due(319, Some("503")), "it begins anew");
        let told = trouble.due("job 7", Some("503"), start + Duration::from_secs(320)).unwrap();
        assert_eq!(told, "job 7: no look has succeeded for 60 s, waiting goes on: 503");
    }
}
