//! Numbers and times as people read them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::{BinaryBytes, HumanCount, HumanDuration};

/// `1,234,567`, or `-` if it is not known.
pub(crate) fn count(number: Option<i64>) -> String {
    match number.map(u64::try_from) {
        Some(Ok(number)) => HumanCount(number).to_string(),
        _ => "-".to_owned(),
    }
}

/// `1.2 MiB`, or `-` if it is not known.
pub(crate) fn bytes(number: Option<i64>) -> String {
    match number.map(u64::try_from) {
        Some(Ok(number)) => BinaryBytes(number).to_string(),
        _ => "-".to_owned(),
    }
}

/// `3 minutes ago`.
pub(crate) fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match now.signed_duration_since(time).to_std() {
        Ok(passed) if passed < Duration::from_secs(2) => "just now".to_owned(),
        Ok(passed) => format!("{} ago", HumanDuration(passed)),
        Err(_) => "in the future".to_owned(),
    }
}

/// `5 seconds`, or `-` if it is not known.
pub(crate) fn duration(duration: Option<Duration>) -> String {
    match duration {
        Some(duration) if duration < Duration::from_secs(1) => "<1 second".to_owned(),
        Some(duration) => HumanDuration(duration).to_string(),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_relative_to_now() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let before = |seconds| ago(now - chrono::TimeDelta::seconds(seconds), now);
        assert_eq!(before(0), "just now");
        assert_eq!(before(180), "3 minutes ago");
        assert_eq!(before(-5), "in the future");
        assert_eq!(count(Some(1_234_567)), "1,234,567");
        assert_eq!(count(None), "-");
    }
}
