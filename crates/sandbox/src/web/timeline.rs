//! The history of a connection: a chart, and its jobs.

use maud::html;

use super::{Here, Page, chart, connection, jobs_table};
use crate::model::Job;
use crate::store::JobQuery;

/// How many jobs a page of the history has.
const JOBS: usize = 50;
/// How many of them the chart has.
const BARS: usize = 30;

pub(super) fn page(here: &Here<'_>, id: &str) -> rusqlite::Result<Option<Page>> {
    let Some(connection) = connection::find(here, id)? else { return Ok(None) };
    let wanted = JobQuery {
        connection: Some(connection.id),
        before: here.query.before,
        newest_first: true,
        ..JobQuery::default()
    };
    let jobs = here.app.store.jobs(&wanted, 0, JOBS + 1)?;
    let shown: Vec<&Job> = jobs.iter().take(JOBS).collect();
    let has_more = jobs.len() > JOBS;
    let bars: Vec<(&Job, i64)> =
        shown.iter().take(BARS).rev().map(|job| (*job, jobs_table::totals(job).0)).collect();
    Ok(Some(Page {
        title: format!("Timeline of {}", connection.name),
        trail: connection::trail(here, &connection),
        content: html! {
            (connection::tabs(here, &connection, "Timeline"))
            @if shown.is_empty() {
                p.empty { "Nothing has run yet." }
            } @else {
                (chart::rows_over_time(&bars))
                (jobs_table::table(here.app, &shown, None))
            }
            nav.pages aria-label="Further jobs" {
                @if here.query.before.is_some() { a href="?" { "← Newest" } }
                @if let (true, Some(last)) = (has_more, shown.last()) {
                    a rel="next" href=(format!("?before={}", last.id)) { "Older →" }
                }
            }
        },
        is_live: shown.iter().any(|job| !job.status.is_final()),
    }))
}
