//! When a connection runs by itself.
//!
//! The server wants Quartz expressions: seconds first, six or seven fields, `?` in one of the two day fields,
//! Sunday as day 1. It keeps them in UTC and shows them with ` UTC` at their end.

use std::fmt;
use std::str::FromStr;

use airbyte_api_raw::public::types;
use croner::parser::{CronParser, Seconds, Year};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};

/// When a connection shall run by itself.
///
/// ```
/// use airbyte_cloud::Schedule;
///
/// let daily: Schedule = Schedule::cron("0 0 6 * * ?")?;
/// assert_eq!(daily.to_string(), "0 0 6 * * ?");
/// // Five fields are a Unix expression; the error has the form that the server takes.
/// assert!(Schedule::cron("0 6 * * 1").unwrap_err().hint().unwrap().contains("0 0 6 ? * 2"));
/// # Ok::<_, airbyte_cloud::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schedule {
    /// Never: only when asked for.
    Manual,
    /// At the times of a Quartz expression, in UTC.
    Cron(CronExpression),
}

impl Schedule {
    /// The times of a Quartz expression, in UTC.
    pub fn cron(expression: &str) -> Result<Self> {
        expression.parse().map(Self::Cron)
    }

    /// In the form of the public API.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Manual => json!({ "scheduleType": "manual" }),
            Self::Cron(expression) => {
                json!({ "scheduleType": "cron", "cronExpression": expression.as_str() })
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("manual"),
            Self::Cron(expression) => expression.fmt(f),
        }
    }
}

/// A Quartz expression that the server will take, without a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct CronExpression(String);

impl CronExpression {
    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for CronExpression {
    type Err = Error;

    /// Reads six or seven fields; the server's own form with ` UTC` at the end, too. An expression of five
    /// fields is refused, and the hint has its equivalent.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let fields: Vec<&str> = text.split_whitespace().collect();
        let fields = match fields.as_slice() {
            [fields @ .., zone] if zone.eq_ignore_ascii_case("utc") => fields.to_vec(),
            // Fields have no letters beyond names of days and months, and no name has a slash.
            [.., zone] if fields.len() > 6 && zone.contains('/') && zone.contains(char::is_alphabetic) => {
                return Err(refused(text, "has a time zone").with_hint(
                    "the server keeps expressions in UTC; leave the zone out and convert the hours",
                ));
            }
            _ => fields,
        };
        match fields.len() {
            6 | 7 => check(text, &fields)?,
            5 => {
                let error = refused(text, "has five fields, which is Unix's form");
                return Err(match quartz_of(&fields) {
                    Some(quartz) => error.with_hint(format!("the server wants Quartz's form: `{quartz}`")),
                    None => error.with_hint(FORM),
                });
            }
            count => return Err(refused(text, &format!("has {count} fields")).with_hint(FORM)),
        }
        Ok(Self(fields.join(" ")))
    }
}

const FORM: &str = "six or seven fields: second minute hour day-of-month month day-of-week [year], with `?` in one of the days";

fn refused(text: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the schedule `{text}` {why}"))
}

/// The server's rules for six or seven fields.
fn check(text: &str, fields: &[&str]) -> Result<()> {
    let is_number = |field: &str| field.parse::<u8>().is_ok();
    if !is_number(fields[0]) {
        return Err(refused(text, "does not begin with a number")
            .with_hint("the first field is the second, and the server wants one number there, such as 0"));
    }
    if fields.len() == 7 && !is_number(fields[1]) {
        return Err(refused(text, "has no number as its minute")
            .with_hint("with a year as the seventh field, the server wants one number as the minute"));
    }
    let marks = [fields[3], fields[5]].iter().filter(|field| **field == "?").count();
    if marks != 1 {
        let hint = "put `?` into the one of day-of-month and day-of-week that shall not count";
        return Err(refused(text, "needs `?` in exactly one of the two day fields").with_hint(hint));
    }
    // Sunday is 1 and Saturday 7, so 0 has no meaning; the parser would take it.
    if numbers(fields[5]).any(|day| !(1..=7).contains(&day)) {
        return Err(
            refused(text, "has an unknown day of the week").with_hint("days are SUN to SAT, or 1 to 7")
        );
    }
    let mut readable: Vec<&str> = fields.to_vec();
    // Forms of the last day that Quartz knows and the parser does not.
    if fields[3].starts_with("L-") || fields[3] == "LW" {
        readable[3] = "L";
    }
    if fields[5] == "L" {
        readable[5] = "7";
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Optional)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    match parser.parse(&readable.join(" ")) {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(text, &format!("is not valid: {error}")).with_hint(FORM)),
    }
}

/// The numbers of a field before any `/` or `#`, whose right sides are steps and counts.
fn numbers(field: &str) -> impl Iterator<Item = u8> {
    field
        .split(',')
        .filter_map(|part| part.split(['/', '#']).next())
        .flat_map(|part| part.split('-'))
        .filter_map(|number| number.trim_end_matches('L').parse().ok())
}

/// The Quartz form of a Unix expression; `None` if there is none or it makes no sense.
fn quartz_of(fields: &[&str]) -> Option<String> {
    let [minute, hour, day, month, weekday] = fields else { return None };
    let (day, weekday) = match (*day, *weekday) {
        (day, "*" | "?") => (day.to_owned(), "?".to_owned()),
        ("*" | "?", weekday) => ("?".to_owned(), quartz_weekday(weekday)?),
        // Unix runs when either matches, which Quartz cannot say.
        _ => return None,
    };
    let quartz = format!("0 {minute} {hour} {day} {month} {weekday}");
    let parts: Vec<&str> = quartz.split(' ').collect();
    check(&quartz, &parts).ok().map(|()| quartz)
}

/// Unix counts the days of the week from 0 or 7 for Sunday, Quartz from 1.
fn quartz_weekday(field: &str) -> Option<String> {
    let day = |text: &str| match text.parse::<u8>() {
        Ok(number @ 0..=7) => Some((number % 7 + 1).to_string()),
        Ok(_) => None,
        Err(_) => Some(text.to_owned()),
    };
    let part = |part: &str| {
        let (days, step) = part.split_once('/').map_or((part, None), |(days, step)| (days, Some(step)));
        let days = match days.split_once('-') {
            // A week that ends on Sunday would begin after its end.
            Some((_, "0" | "7")) => return None,
            Some((first, last)) => format!("{}-{}", day(first)?, day(last)?),
            None => day(days)?,
        };
        Some(step.map_or(days.clone(), |step| format!("{days}/{step}")))
    };
    let parts: Option<Vec<String>> = field.split(',').map(part).collect();
    parts.map(|parts| parts.join(","))
}

/// When a connection runs by itself, as the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScheduleInfo {
    /// Never.
    Manual,
    /// At the times of an expression.
    Cron {
        /// A Quartz expression followed by its time zone.
        expression: String,
    },
    /// In intervals. Can be read but not written: the public API has no word for it.
    Basic {
        /// The interval in the server's words: `Every 24 HOURS`.
        timing: Option<String>,
    },
    /// In a way that this version does not know.
    Unknown {
        /// The server's word for it.
        schedule_type: String,
    },
}

impl ScheduleInfo {
    /// The same as something that can be written; `None` where the public API cannot: intervals, zones other
    /// than UTC, and what this version does not know.
    pub fn to_schedule(&self) -> Option<Schedule> {
        match self {
            Self::Manual => Some(Schedule::Manual),
            Self::Cron { expression } => Schedule::cron(expression).ok(),
            Self::Basic { .. } | Self::Unknown { .. } => None,
        }
    }
}

impl fmt::Display for ScheduleInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("manual"),
            Self::Cron { expression } => f.write_str(expression),
            Self::Basic { timing } => f.write_str(timing.as_deref().unwrap_or("basic")),
            Self::Unknown { schedule_type } => f.write_str(schedule_type),
        }
    }
}

impl From<types::ConnectionScheduleResponse> for ScheduleInfo {
    fn from(schedule: types::ConnectionScheduleResponse) -> Self {
        match (schedule.schedule_type.as_str(), schedule.cron_expression) {
            ("manual", _) => Self::Manual,
            ("cron", Some(expression)) => Self::Cron { expression },
            ("basic", _) => Self::Basic { timing: schedule.basic_timing },
            (other, _) => Self::Unknown { schedule_type: other.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartz_expressions_are_taken() {
        for text in [
            "0 0 12 * * ?",
            "0 0 12 * * ? UTC",
            "0 */5 * * * ?",
            "0 0/15 6-22 ? * MON-FRI",
            "0 0 6 L * ?",
            "0 0 6 L-3 * ?",
            "0 0 6 LW * ?",
            "0 0 6 15W * ?",
            "0 0 6 ? * 6L",
            "0 0 6 ? * 2#1",
            "0 0 6 ? * L",
            "30 15 10 1,15 JAN ? 2030",
        ] {
            let cron: CronExpression = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(cron.as_str(), text.trim_end_matches(" UTC"));
        }
    }

    #[test]
    fn what_the_server_refuses_is_refused() {
        for text in [
            "",
            "hourly",
            "* * * * * ?",
            "0 * * * * ? 2030",
            "0 0 12 * * *",
            "0 0 12 ? * ?",
            "0 61 12 * * ?",
            "0 0 25 * * ?",
            "0 0 12 32 * ?",
            "0 0 12 * 13 ?",
            "0 0 12 ? * 8",
            "0 0 12 ? * 0",
            "0 0 12 ? * FUNDAY",
            "0 0 12 * * ? Europe/Vienna",
            "0 0 12 * * ? 2030 2031",
        ] {
            let error = text.parse::<CronExpression>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.hint().is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn five_fields_are_told_their_quartz_form() {
        for (unix, quartz) in [
            ("0 0 * * *", "0 0 0 * * ?"),
            ("0 */6 * * *", "0 0 */6 * * ?"),
            ("0 0 * * 0", "0 0 0 ? * 1"),
            ("30 4 * * 1-5", "0 30 4 ? * 2-6"),
            ("30 4 * * MON,7", "0 30 4 ? * MON,1"),
            ("15 10 1 * *", "0 15 10 1 * ?"),
        ] {
            let error = unix.parse::<CronExpression>().unwrap_err();
            assert!(error.hint().unwrap().contains(&format!("`{quartz}`")), "{unix}: {:?}", error.hint());
        }
        for unix in ["0 0 1 * 1", "0 0 * * 1-7", "0 99 * * *"] {
            let error = unix.parse::<CronExpression>().unwrap_err();
            assert!(error.hint().unwrap().starts_with("six or seven"), "{unix}: {:?}", error.hint());
        }
    }

    #[test]
    fn what_was_read_can_be_written_back_where_the_server_takes_it() {
        let read = |json: Value| {
            ScheduleInfo::from(serde_json::from_value::<types::ConnectionScheduleResponse>(json).unwrap())
        };
        let cron = read(json!({ "scheduleType": "cron", "cronExpression": "0 0 12 * * ? UTC" }));
        assert_eq!(
            cron.to_schedule().unwrap().to_json(),
            json!({ "scheduleType": "cron", "cronExpression": "0 0 12 * * ?" })
        );
        let zoned = read(json!({ "scheduleType": "cron", "cronExpression": "0 0 12 * * ? Europe/Vienna" }));
        assert_eq!(zoned.to_schedule(), None);
        let basic = read(json!({ "scheduleType": "basic", "basicTiming": "Every 24 HOURS" }));
        assert_eq!((basic.to_schedule(), basic.to_string()), (None, "Every 24 HOURS".to_owned()));
        let new = read(json!({ "scheduleType": "lunar" }));
        assert_eq!((new.to_schedule(), new.to_string()), (None, "lunar".to_owned()));
    }
}
