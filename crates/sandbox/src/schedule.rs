//! When a connection runs by itself: Quartz expressions and plain intervals, as the server reads them.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::model::Schedule;

/// How many moments are looked at for the least distance between two.
const LOOKED_AT: usize = 100;
/// How many days are tried for one of the day fields that the parser does not know: years of them.
const TRIED_DAYS: usize = 1_500;

/// A Quartz expression.
#[derive(Debug)]
pub(crate) struct Quartz {
    cron: Cron,
    day: Option<Day>,
}

/// The days of a month that Quartz has words for and the parser has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// `L-3`: so many days before the last.
    BeforeLast(u32),
    /// `LW`: the last one from Monday to Friday.
    LastWeekday,
}

impl Quartz {
    /// Reads six or seven fields: second, minute, hour, day of the month, month, day of the week, year.
    pub(crate) fn parse(expression: &str) -> Result<Self, String> {
        let mut fields: Vec<&str> = expression.split_whitespace().collect();
        if !matches!(fields.len(), 6 | 7) {
            return Err(format!("{} fields in place of six or seven", fields.len()));
        }
        if (fields[3] == "?") == (fields[5] == "?") {
            return Err("one of the day of the month and the day of the week has to be `?`".to_owned());
        }
        // Sunday is 1 and Saturday 7; the parser would take 0, too.
        if numbers(fields[5]).any(|day| !(1..=7).contains(&day)) {
            return Err(format!("{} is no day of the week", fields[5]));
        }
        if fields.get(6).is_some_and(|years| numbers(years).any(|year| !(1970..=2099).contains(&year))) {
            return Err(format!("{} is not within the years from 1970 to 2099", fields[6]));
        }
        let day = match fields[3] {
            "LW" => Some(Day::LastWeekday),
            other => match other.strip_prefix("L-") {
                Some(days) => match days.parse() {
                    Ok(days @ 0..=30) => Some(Day::BeforeLast(days)),
                    _ => return Err(format!("{other} is no day of a month")),
                },
                None => None,
            },
        };
        if day.is_some() {
            fields[3] = "*";
        }
        if fields[5] == "L" {
            fields[5] = "7";
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Optional)
            .alternative_weekdays(true)
            .sloppy_ranges(true)
            .build();
        let cron = parser.parse(&fields.join(" ")).map_err(|error| error.to_string())?;
        Ok(Self { cron, day })
    }

    /// The first moment after `at`, in its zone; `None` if there is none any more.
    pub(crate) fn next(&self, at: DateTime<Tz>) -> Option<DateTime<Tz>> {
        let mut at = at;
        for _ in 0..TRIED_DAYS {
            let next = self.cron.find_next_occurrence(&at, false).ok()?;
            let date = next.date_naive();
            if self.day.is_none_or(|day| day.is_of(date)) {
                return Some(next);
            }
            let last_second = date.and_hms_opt(23, 59, 59)?.and_local_timezone(next.timezone()).latest()?;
            at = last_second.max(next);
        }
        None
    }

    /// The least time between two of the next moments; `None` if there is one at most.
    pub(crate) fn least_distance(&self, now: DateTime<Tz>) -> Option<TimeDelta> {
        let moments = std::iter::successors(self.next(now), |at| self.next(*at)).take(LOOKED_AT);
        let moments: Vec<_> = moments.collect();
        moments.windows(2).map(|pair| pair[1] - pair[0]).min()
    }
}

impl Day {
    fn is_of(self, date: NaiveDate) -> bool {
        let first_of_next = match date.month() {
            12 => NaiveDate::from_ymd_opt(date.year() + 1, 1, 1),
            month => NaiveDate::from_ymd_opt(date.year(), month + 1, 1),
        };
        let Some(last) = first_of_next.and_then(|first| first.pred_opt()) else { return false };
        match self {
            Self::BeforeLast(days) => last.day() == date.day() + days,
            Self::LastWeekday => {
                let back = match last.weekday() {
                    Weekday::Sat => 1,
                    Weekday::Sun => 2,
                    _ => 0,
                };
                last.checked_sub_days(Days::new(back)) == Some(date)
            }
        }
    }
}

/// The numbers of a field before any `/` or `#`, whose right sides are steps and counts.
fn numbers(field: &str) -> impl Iterator<Item = i32> {
    field
        .split(',')
        .filter_map(|part| part.split(['/', '#']).next())
        .flat_map(|part| part.split('-'))
        .filter_map(|number| number.trim_end_matches('L').parse().ok())
}

/// A time zone by its name in the list of IANA.
pub(crate) fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// The length of a plain interval.
pub(crate) fn interval(units: i64, unit: &str) -> TimeDelta {
    let unit = match unit {
        "minutes" => 60,
        "hours" => 3_600,
        "days" => 86_400,
        "weeks" => 7 * 86_400,
        // A month has thirty days here, as on the server.
        _ => 30 * 86_400,
    };
    TimeDelta::try_seconds(units.saturating_mul(unit)).unwrap_or(TimeDelta::MAX)
}

/// When a connection whose newest job was made at `last_job` is to run next, seen from `now`.
pub(crate) fn next_run(
    schedule: &Schedule,
    last_job: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    match schedule {
        Schedule::Manual => None,
        Schedule::Basic { units, unit } => Some(last_job.map_or(now, |last| {
            last.checked_add_signed(interval(*units, unit)).unwrap_or(DateTime::<Utc>::MAX_UTC)
        })),
        Schedule::Cron { expression, zone: name } => {
            let after = last_job.map_or(now, |last| now.max(last + TimeDelta::minutes(1)));
            let quartz = Quartz::parse(expression).ok()?;
            quartz.next(after.with_timezone(&zone(name)?)).map(|next| next.to_utc())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(expression: &str, zone: &str) -> Schedule {
        Schedule::Cron { expression: expression.to_owned(), zone: zone.to_owned() }
    }

    #[test]
    fn the_next_run_is_what_quartz_says() {
        for (expression, zone, next) in [
            ("0 0 12 * * ?", "UTC", "2024-02-10T12:00:00Z"),
            ("0 0 12 * * ?", "Europe/Berlin", "2024-02-10T11:00:00Z"),
            ("0 30 6 ? * MON-FRI", "UTC", "2024-02-12T06:30:00Z"),
            ("0 30 6 ? * 2", "UTC", "2024-02-12T06:30:00Z"),
            ("0 0 0 L * ?", "UTC", "2024-02-29T00:00:00Z"),
            ("0 0 0 L-2 * ?", "UTC", "2024-02-27T00:00:00Z"),
            ("0 0 0 LW 3 ?", "UTC", "2024-03-29T00:00:00Z"),
            ("0 0 0 ? * L", "UTC", "2024-02-17T00:00:00Z"),
            ("0 0 0 ? * 6L", "UTC", "2024-02-23T00:00:00Z"),
            ("0 0 0 ? * 3#3", "UTC", "2024-02-20T00:00:00Z"),
            ("0 0 0 15W 6 ?", "UTC", "2024-06-14T00:00:00Z"),
            ("0 0/20 * * * ?", "UTC", "2024-02-10T10:20:00Z"),
            ("0 0 0 1 1 ? 2030", "UTC", "2030-01-01T00:00:00Z"),
        ] {
            let found = next_run(&cron(expression, zone), None, utc("2024-02-10T10:00:00Z"));
            assert_eq!(found, Some(utc(next)), "{expression} {zone}");
        }
        assert_eq!(next_run(&cron("0 0 0 1 1 ? 2020", "UTC"), None, utc("2024-02-10T10:00:00Z")), None);
    }

    #[test]
    fn nothing_but_quartz_is_taken() {
        for refused in [
            "",
            "0 12 * * *",
            "0 0 12 * * *",
            "0 0 12 ? * ?",
            "0 0 12 * ? *",
            "60 0 12 * * ?",
            "0 60 12 * * ?",
            "0 0 24 * * ?",
            "0 0 12 32 * ?",
            "0 0 12 1 13 ?",
            "0 0 12 ? * 0",
            "0 0 12 ? * 8",
            "0 0 12 L-31 * ?",
            "0 0 12 1 1 ? 1969",
            "0 0 noon * * ?",
            "@daily",
            "0 0 12 1 1 ? 2030 0",
        ] {
            assert!(Quartz::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_run_is_not_made_up_and_not_made_twice() {
        let now = utc("2024-02-10T10:00:30Z");
        let every_minute = cron("0 * * * * ?", "UTC");
        assert_eq!(
            next_run(&every_minute, Some(utc("2024-02-10T10:00:10Z")), now),
            Some(utc("2024-02-10T10:02:00Z"))
        );
        assert_eq!(
            next_run(&every_minute, Some(utc("2024-02-01T00:00:00Z")), now),
            Some(utc("2024-02-10T10:01:00Z"))
        );
        let basic = Schedule::Basic { units: 2, unit: "hours".to_owned() };
        assert_eq!(next_run(&basic, None, now), Some(now));
        assert_eq!(
            next_run(&basic, Some(utc("2024-02-10T09:30:00Z")), now),
            Some(utc("2024-02-10T11:30:00Z"))
        );
        assert_eq!(next_run(&Schedule::Manual, None, now), None);
    }

    #[test]
    fn the_least_distance_is_found() {
        let at = utc("2024-02-10T10:00:00Z").with_timezone(&Tz::UTC);
        let distance = |expression| Quartz::parse(expression).unwrap().least_distance(at);
        assert_eq!(distance("0 0 1,3 * * ?"), Some(TimeDelta::hours(2)));
        assert_eq!(distance("0 0/20 * * * ?"), Some(TimeDelta::minutes(20)));
        assert_eq!(distance("* 0 0 * * ?"), Some(TimeDelta::seconds(1)));
        assert_eq!(distance("0 0 0 1 1 ? 2030"), None);
    }
}
