//! Jobs, one below the other, newest first.

use maud::{Markup, html};

use super::{chart, frame, words};
use crate::app::App;
use crate::http::stream_totals;
use crate::model::Job;

/// The rows that a job has written, and their bytes.
pub(super) fn totals(job: &Job) -> (i64, i64) {
    let streams = stream_totals(job);
    (
        streams.iter().map(|stream| stream.records_committed).sum(),
        streams.iter().map(|stream| stream.bytes_committed).sum(),
    )
}

/// The table of these jobs. `connection` names the connection of a job where the table is of several.
pub(super) fn table(app: &App, jobs: &[&Job], connection: Option<&dyn Fn(&Job) -> Markup>) -> Markup {
    let now = app.now();
    let mut columns = vec!["Job", "Kind", "Status", "Started", "Duration", "Rows", "Size"];
    if connection.is_some() {
        columns.insert(1, "Connection");
    }
    let rows: Vec<Vec<Markup>> = jobs
        .iter()
        .map(|job| {
            let (records, bytes) = totals(job);
            let address = words::address(job.workspace_id, chart::job_path(job));
            // The anchor is the one that links of other tools name.
            let mut cells = vec![
                html! { a id=(format!("{}::0", job.id)) href=(address) { (job.id) } },
                html! { (job.kind.name()) },
                words::badge(job.status.name()),
                words::time(job.created_at),
                html! { (words::elapsed(job, now)) },
                html! { (words::number(records)) },
                html! { (words::bytes(bytes)) },
            ];
            if let Some(connection) = connection {
                cells.insert(1, connection(job));
            }
            cells
        })
        .collect();
    frame::table(&columns, &["Duration", "Rows", "Size"], &rows)
}
