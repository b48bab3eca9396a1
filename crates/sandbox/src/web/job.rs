//! A job: its attempts, why they failed, and their logs.

use maud::{Markup, html};

use super::{Here, Page, connection, frame, jobs_table, streams, words};
use crate::model::{Attempt, Failure, Job, LogEvent};

/// How many of the latest lines of a log are shown.
const LINES: usize = 1_000;

pub(super) fn page(here: &Here<'_>, connection: &str, id: &str) -> rusqlite::Result<Option<Page>> {
    let Some(connection) = connection::find(here, connection)? else { return Ok(None) };
    let Ok(number) = id.parse::<i64>() else { return Ok(None) };
    let found: Option<Job> = here.app.store.get(&number.to_string())?;
    let Some(job) = found.filter(|job| job.connection_id == connection.id) else { return Ok(None) };
    let (records, bytes) = jobs_table::totals(&job);
    let facts = [
        ("Status", words::badge(job.status.name())),
        ("Kind", html! { (job.kind.name()) }),
        ("Started", words::time(job.created_at)),
        ("Duration", html! { (words::elapsed(&job, here.app.now())) }),
        ("Rows written", html! { (words::number(records)) }),
        ("Size", html! { (words::bytes(bytes)) }),
        ("Attempts", html! { (job.attempts.len()) }),
    ];
    let last = job.attempts.len().saturating_sub(1);
    Ok(Some(Page {
        title: format!("Job {}", job.id),
        trail: connection::trail(here, &connection),
        content: html! {
            (connection::tabs(here, &connection, ""))
            (frame::facts(&facts))
            @if job.attempts.is_empty() { p.empty { "No attempt has begun yet." } }
            @for (position, attempt) in job.attempts.iter().enumerate() {
                (shown(attempt, position == last))
            }
        },
        is_live: !job.status.is_final(),
    }))
}

/// `is_last` decides whether the log is open.
fn shown(attempt: &Attempt, is_last: bool) -> Markup {
    html! {
        section {
            h2 id=(format!("attempt-{}", attempt.number)) {
                "Attempt " (attempt.number + 1) " " (words::badge(&attempt.status))
            }
            @if let Some(failure) = &attempt.failure { (told(failure)) }
            (streams::moved(attempt))
            (log(attempt, is_last))
        }
    }
}

fn told(failure: &Failure) -> Markup {
    html! {
        div.failure role="note" {
            p { (failure.external_message) }
            p.quiet { (words::spaced(&failure.origin)) ", " (words::spaced(&failure.kind)) }
            @if failure.internal_message != failure.external_message {
                p.quiet { (failure.internal_message) }
            }
        }
    }
}

fn log(attempt: &Attempt, is_open: bool) -> Markup {
    let left_out = attempt.log.len().saturating_sub(LINES);
    html! {
        details id=(format!("log-{}", attempt.number)) open[is_open] {
            summary { "Log " span.quiet { (words::count(attempt.log.len(), "line")) } }
            ol.log {
                @if left_out > 0 { li.quiet { (words::count(left_out, "earlier line")) " not shown" } }
                @for event in &attempt.log[left_out..] { (line(event)) }
            }
        }
    }
}

fn line(event: &LogEvent) -> Markup {
    html! {
        li class=(event.level.to_lowercase()) {
            (words::time_of_day(event.timestamp_millis)) " "
            span.level { (event.level) } " "
            span.quiet { (event.source) } " "
            (event.message)
        }
    }
}
