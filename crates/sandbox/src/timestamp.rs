//! Times as the server prints them.

use chrono::{DateTime, TimeDelta, Utc};

/// An instant as Java's `OffsetDateTime` prints whole seconds in UTC: without the seconds when they are zero.
pub(crate) fn offset_date_time(epoch_seconds: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp(epoch_seconds, 0).unwrap_or_default();
    let form = if epoch_seconds.rem_euclid(60) == 0 { "%Y-%m-%dT%H:%MZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    time.format(form).to_string()
}

/// A duration as Java's `Duration` prints it: hours without bound, never days.
pub(crate) fn iso_duration(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::from("PT");
    for (amount, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if amount > 0 {
            text.push_str(&amount.to_string());
            text.push(unit);
        }
    }
    if text.len() == 2 { "PT0S".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_left_out_when_they_are_zero() {
        assert_eq!(offset_date_time(1_679_707_807), "2023-03-25T01:30:07Z");
        assert_eq!(offset_date_time(1_679_707_800), "2023-03-25T01:30Z");
    }

    #[test]
    fn durations_know_no_days() {
        assert_eq!(iso_duration(TimeDelta::seconds(0)), "PT0S");
        assert_eq!(iso_duration(TimeDelta::seconds(65)), "PT1M5S");
        assert_eq!(iso_duration(TimeDelta::seconds(25 * 3600 + 180)), "PT25H3M");
    }
}
