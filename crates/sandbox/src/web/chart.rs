//! A bar chart of the rows that each job has written, as inline SVG.

use maud::{Markup, html};

use super::words;
use crate::model::Job;

/// A chart with fewer bars has the same width for each, so that one bar does not fill it.
const PLACES: usize = 12;
/// The coordinates within the picture, which is stretched to the width of the page.
const PLACE_WIDTH: i64 = 10;
const BAR_WIDTH: i64 = 7;
const HEIGHT: i64 = 1_000;
/// A job without rows still shows that it was there.
const LEAST: i64 = 20;

/// The chart of these jobs, oldest first, with the rows of each.
pub(super) fn rows_over_time(jobs: &[(&Job, i64)]) -> Markup {
    let (Some((first, _)), Some((last, _))) = (jobs.first(), jobs.last()) else { return html! {} };
    let most = jobs.iter().map(|(_, rows)| *rows).max().unwrap_or_default();
    let top = round_up(most);
    let width = PLACE_WIDTH * i64::try_from(jobs.len().max(PLACES)).unwrap_or(i64::MAX);
    let summary =
        format!("Bars of the rows of {}, at most {}", words::count(jobs.len(), "job"), words::number(most));
    html! {
        figure.chart {
            figcaption { "Rows written " span.quiet { "by the last " (words::count(jobs.len(), "job")) } }
            div.plot {
                div.scale aria-hidden="true" {
                    span { (words::number(top)) } span { (words::number(top / 2)) } span { "0" }
                }
                svg viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" role="group" aria-label=(summary) {
                    @for y in [0, HEIGHT / 2, HEIGHT] {
                        line.rule x1="0" x2=(width) y1=(y) y2=(y) {}
                    }
                    @for ((job, rows), place) in jobs.iter().zip(0_i64..) {
                        (bar(job, *rows, top, place * PLACE_WIDTH))
                    }
                }
                div.span {
                    span { "Job " (first.id) ", " (words::time(first.created_at)) }
                    @if first.id != last.id { span { "to job " (last.id) ", " (words::time(last.created_at)) } }
                }
            }
        }
    }
}

fn bar(job: &Job, rows: i64, top: i64, x: i64) -> Markup {
    // `i128`: rows are only bounded by their type.
    let scaled = i64::try_from(i128::from(rows) * i128::from(HEIGHT) / i128::from(top)).unwrap_or(HEIGHT);
    let height = scaled.clamp(LEAST, HEIGHT);
    let told = format!("Job {}: {}, {} rows", job.id, job.status.name(), words::number(rows));
    html! {
        a class=(job.status.name()) href=(words::address(job.workspace_id, job_path(job))) aria-label=(told) {
            title { (told) }
            rect.reach x=(x) y="0" width=(PLACE_WIDTH) height=(HEIGHT) {}
            rect.bar x=(x + (PLACE_WIDTH - BAR_WIDTH) / 2) y=(HEIGHT - height) width=(BAR_WIDTH) height=(height) {}
        }
    }
}

/// Where a job is shown, below its workspace.
pub(super) fn job_path(job: &Job) -> String {
    format!("connections/{}/jobs/{}", job.connection_id, job.id)
}

/// The next of 2, 4, 6, 8, 10, 20, 40, …: even, so that the rule in the middle has a whole number.
fn round_up(number: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for step in [2, 4, 6, 8, 10] {
            let rounded = power.saturating_mul(step);
            if rounded >= number {
                return rounded;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        let ends: Vec<i64> = [0, 2, 3, 10, 11, 1_000, 1_001, i64::MAX].into_iter().map(round_up).collect();
        assert_eq!(ends, [2, 2, 4, 10, 20, 1_000, 2_000, i64::MAX]);
    }
}
