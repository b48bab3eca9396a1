//! The server's text forms of points in time and of durations.
//!
//! Job times are what Java's `OffsetDateTime.toString()` prints: the seconds are left out when they are
//! zero (`2023-03-25T01:30Z`), which RFC 3339 parsers refuse. Job durations are what
//! `Duration.toString()` prints: hours are not folded into days (`PT25H3M`).

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};

/// Forms with a numeric offset, beyond RFC 3339.
const WITH_OFFSET: [&str; 3] = ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"];

/// Forms without any offset.
const LOCAL: [&str; 3] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

/// Reads a point in time, with or without seconds, fraction and offset. Without an offset it is UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    // chrono reads `Z` as an offset only in its RFC 3339 parser.
    let numeric = match text.strip_suffix(['Z', 'z']) {
        Some(rest) => format!("{rest}+0000"),
        None => text.to_owned(),
    };
    if let Some(time) = WITH_OFFSET.iter().find_map(|form| DateTime::parse_from_str(&numeric, form).ok()) {
        return Some(time.to_utc());
    }
    LOCAL.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|time| time.and_utc())
}

/// Turns epoch seconds into a point in time; `None` when they are out of the calendar's range.
pub(crate) fn from_epoch_seconds(seconds: i64) -> Option<DateTime<Utc>> {
    Utc.timestamp_opt(seconds, 0).single()
}

/// Reads an ISO 8601 duration of days, hours, minutes and seconds (`PT25H3M`, `PT1M5.5S`, `P1DT2H`).
///
/// Weeks, months and years have no place in a job's duration and are refused, negative ones too.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (rest, ""),
    };
    let mut total = Duration::ZERO;
    let mut parts = 0;
    for (section, units) in [(days, &[('D', 86_400)][..]), (time, &[('H', 3_600), ('M', 60), ('S', 1)][..])] {
        let mut section = section;
        let mut units = units.iter();
        while !section.is_empty() {
            let end = section.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, unit) = (&section[..end], section[end..].chars().next()?);
            // The units may be left out but not change their order.
            let (_, seconds) = units.find(|(name, _)| *name == unit)?;
            total = total.checked_add(scale(number, *seconds, unit)?)?;
            section = &section[end + unit.len_utf8()..];
            parts += 1;
        }
    }
    (parts > 0).then_some(total)
}

/// `number` units of `seconds` each; only seconds may have a fraction.
fn scale(number: &str, seconds: u64, unit: char) -> Option<Duration> {
    if let Some((whole, fraction)) = number.split_once('.') {
        if unit != 'S' || fraction.is_empty() || fraction.len() > 9 {
            return None;
        }
        let nanos = format!("{fraction:0<9}").parse().ok()?;
        return Some(Duration::new(whole.parse().ok()?, nanos));
    }
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        parse_timestamp(text).unwrap_or_else(|| panic!("{text} does not parse")).to_rfc3339()
    }

    #[test]
    fn every_form_of_a_point_in_time_parses() {
        let whole_minute = "2023-03-25T01:30:00+00:00";
        for text in [
            "2023-03-25T01:30Z",
            "2023-03-25T01:30:00Z",
            "2023-03-25T01:30:00.000Z",
            "2023-03-25T01:30:00+00:00",
            "2023-03-25T03:30+02:00",
            "2023-03-25T01:30",
            "2023-03-25 01:30:00",
            "2023-03-25 01:30:00Z",
            " 2023-03-25T01:30Z ",
        ] {
            assert_eq!(at(text), whole_minute, "{text}");
        }
        assert_eq!(at("2023-03-25T01:30:07Z"), "2023-03-25T01:30:07+00:00");
        assert_eq!(at("2023-03-25T01:30:07.25Z"), "2023-03-25T01:30:07.250+00:00");
    }

    #[test]
    fn rubbish_is_no_point_in_time() {
        for text in ["", "yesterday", "2023-03-25", "2023-13-25T01:30Z", "1679707807"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn every_form_of_a_duration_parses() {
        for (text, seconds) in [
            ("PT0S", 0.0),
            ("PT5S", 5.0),
            ("PT1M5S", 65.0),
            ("PT2H", 7_200.0),
            ("PT25H3M", 90_180.0),
            ("PT1000H", 3_600_000.0),
            ("PT0.25S", 0.25),
            ("PT1M5.5S", 65.5),
            ("P1D", 86_400.0),
            ("P1DT1S", 86_401.0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn rubbish_is_no_duration() {
        for text in [
            "", "P", "PT", "5S", "PT5", "PT-5S", "P1M", "P1W", "PT1.5H", "PT5S3M", "PT5M5M", "PTS", "P1DT",
            "PT1..5S",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("PT99999999999999999999H"), None, "no overflow");
    }
}
