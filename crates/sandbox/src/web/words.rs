//! Numbers, times, states and addresses, as the pages write them.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use uuid::Uuid;

use crate::model::{Connection, Job, JobStatus, Schedule};

/// The address of a page of a workspace, by its path below it.
pub(super) fn address(workspace: Uuid, path: impl std::fmt::Display) -> String {
    let path = path.to_string();
    let slash = if path.is_empty() { "" } else { "/" };
    format!("/workspaces/{workspace}{slash}{path}")
}

/// `1234567` as `1,234,567`.
pub(super) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 stream`, `2 streams`.
pub(super) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", self::number(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// A size in decimal units, to a tenth.
pub(super) fn bytes(bytes: i64) -> String {
    let mut tenths = bytes.saturating_mul(10);
    let mut units = ["B", "kB", "MB", "GB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
        unit = larger;
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{}.{} {unit}", number(tenths / 10), tenths % 10),
    }
}

/// A duration of whole seconds.
pub(super) fn duration(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        _ => format!("{} h {minutes} min", number(hours)),
    }
}

/// A moment, in UTC.
pub(super) fn time(epoch_seconds: i64) -> Markup {
    let time = DateTime::<Utc>::from_timestamp(epoch_seconds, 0).unwrap_or_default();
    html! {
        time datetime=(time.to_rfc3339()) { (time.format("%Y-%m-%d %H:%M:%S")) " UTC" }
    }
}

/// The time of day to the millisecond, as a log has it.
pub(super) fn time_of_day(epoch_millis: i64) -> Markup {
    let time = DateTime::<Utc>::from_timestamp_millis(epoch_millis).unwrap_or_default();
    html! { time datetime=(time.to_rfc3339()) { (time.format("%H:%M:%S%.3f")) } }
}

/// A word in a colour that says whether it is good news.
pub(super) fn badge(word: &str) -> Markup {
    let class = match word {
        "succeeded" | "active" | "complete" => "good",
        "failed" | "incomplete" | "cancelled" | "locked" => "bad",
        "pending" | "queued" | "running" => "busy",
        _ => "idle",
    };
    html! { span class={ "badge " (class) } { (word) } }
}

/// Whether a connection runs.
pub(super) fn connection_badge(connection: &Connection) -> Markup {
    match connection.status.as_str() {
        "deprecated" => badge("deleted"),
        status => badge(status),
    }
}

/// How long a job has taken so far.
pub(super) fn elapsed(job: &Job, now: i64) -> String {
    match job.status {
        JobStatus::Pending | JobStatus::Queued => "–".to_owned(),
        status => {
            let end = if status.is_final() { job.updated_at } else { now };
            duration((end - job.created_at).max(0))
        }
    }
}

/// When a connection runs by itself.
pub(super) fn schedule(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Manual => "When asked for".to_owned(),
        Schedule::Cron { expression, zone } => format!("Cron: {expression} {zone}"),
        Schedule::Basic { units: 1, unit } => format!("Every {}", unit.trim_end_matches('s')),
        Schedule::Basic { units, unit } => format!("Every {units} {unit}"),
    }
}

/// `full_refresh_overwrite` as `full refresh overwrite`.
pub(super) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let written: Vec<String> = [0, 999, 1_000, 1_234_567, -1_000].into_iter().map(number).collect();
        assert_eq!(written, ["0", "999", "1,000", "1,234,567", "-1,000"]);
        let sizes: Vec<String> =
            [0, 999, 1_000, 1_550, 999_999, 12_345_678_901_234].into_iter().map(bytes).collect();
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "12,345.6 GB"]);
    }

    #[test]
    fn durations_are_readable() {
        let written: Vec<String> = [0, 59, 61, 3_600, 90_061].into_iter().map(duration).collect();
        assert_eq!(written, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "25 h 1 min"]);
    }
}
