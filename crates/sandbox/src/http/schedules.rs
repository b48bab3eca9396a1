//! Schedules as requests ask for them, with the server's checks.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::request::Body;
use crate::app::App;
use crate::builder::Edition;
use crate::model::Schedule;
use crate::schedule::{Quartz, interval, zone};

/// The schedule of a request to the public API, `None` if it gives none.
pub(super) fn asked(app: &App, body: &Body) -> Result<Option<Schedule>, Refusal> {
    let Some(given) = body.given("schedule") else { return Ok(None) };
    let schedule = Body(given.clone());
    let expression = schedule.text("cronExpression")?;
    match schedule.one_of("scheduleType", &["manual", "cron"])? {
        Some("manual") => Ok(Some(Schedule::Manual)),
        Some(_) => {
            let Some(expression) = expression else {
                return Err(Refusal::bad_request("Missing cron expression in the schedule."));
            };
            let expression = expression.trim().trim_end_matches("UTC").trim().to_owned();
            if let Err(reason) = Quartz::parse(&expression) {
                return Err(Refusal::bad_request(format!(
                    "The cron expression {expression} is not valid. Error: {reason}"
                )));
            }
            let fields: Vec<_> = expression.split_whitespace().collect();
            let is_whole = |field: &str| field.parse::<u8>().is_ok();
            if !is_whole(fields[0]) || (fields.len() == 7 && !is_whole(fields[1])) {
                return Err(Refusal::bad_request(format!(
                    "The cron expression {expression} is not valid or is less than the one hour minimum. The seconds \
                     and minutes values cannot be `*`."
                )));
            }
            checked(app, Schedule::Cron { expression, zone: "UTC".to_owned() }).map(Some)
        }
        None => Err(Refusal::Framework("Required property `scheduleType` is missing".to_owned())),
    }
}

/// The schedule, if it is one that connections may have.
pub(super) fn checked(app: &App, schedule: Schedule) -> Result<Schedule, Refusal> {
    match &schedule {
        Schedule::Manual => {}
        Schedule::Basic { units, unit } => {
            if app.edition == Edition::Cloud && interval(*units, unit) < TimeDelta::hours(1) {
                let data = json!({"timeUnit": unit, "units": units});
                return Err(refused("basic-schedule-validation", "under-one-hour-not-allowed", data));
            }
        }
        Schedule::Cron { expression, zone: name } => {
            let invalid = |reason: &str| {
                let data = json!({"cronExpression": expression, "validationErrorMessage": reason});
                refused("cron-validation", "invalid-expression", data)
            };
            let quartz = Quartz::parse(expression).map_err(|reason| invalid(&reason))?;
            let known = zone(name).filter(|_| !name.to_lowercase().starts_with("etc")).ok_or_else(|| {
                refused("cron-validation", "invalid-timezone", json!({"cronTimezone": name}))
            })?;
            let distance = quartz.least_distance(app.clock.now().with_timezone(&known));
            if distance.is_some_and(|distance| distance < TimeDelta::minutes(1)) {
                return Err(invalid("It runs more often than once a minute."));
            }
            // On a self-managed server the flag for this is on.
            if app.edition == Edition::Cloud
                && distance.is_some_and(|distance| distance < TimeDelta::hours(1))
            {
                let data = json!({"cronExpression": expression});
                return Err(refused("cron-validation", "under-one-hour-not-allowed", data));
            }
        }
    }
    Ok(schedule)
}

fn refused(area: &str, fault: &str, data: Value) -> Refusal {
    let title = match fault {
        "invalid-expression" => "Invalid cron expression",
        "invalid-timezone" => "Invalid cron timezone",
        _ if area == "cron-validation" => {
            "Cron sync schedules more frequent than once per hour are not allowed"
        }
        _ => "Basic sync schedules more frequent than once per hour are not allowed",
    };
    Refusal::problem(400, format!("error:{area}/{fault}"), title, "The schedule cannot be used.", data)
}
