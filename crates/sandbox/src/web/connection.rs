//! A connection: its settings, its streams, and what ran last.

use maud::{Markup, html};
use uuid::Uuid;

use super::{Here, Page, frame, jobs_table, streams, words};
use crate::model::{Actor, Connection, Job, JobKind, JobStatus, Side, Tag};
use crate::store::JobQuery;

/// How many of the latest jobs are shown here; the others are in the timeline.
const JOBS: usize = 5;

/// The connection at this address.
pub(super) fn find(here: &Here<'_>, id: &str) -> rusqlite::Result<Option<Connection>> {
    here.find(id, |connection: &Connection| connection.workspace_id)
}

/// The way to the pages below a connection.
pub(super) fn trail(here: &Here<'_>, connection: &Connection) -> Vec<(String, String)> {
    let mut trail = here.trail();
    trail.push((connection.name.clone(), here.at(format_args!("connections/{}", connection.id))));
    trail
}

/// The pages of a connection; `shown` is the name of the one that is open.
pub(super) fn tabs(here: &Here<'_>, connection: &Connection, shown: &str) -> Markup {
    let id = connection.id;
    let pages = [
        ("Connection", here.at(format_args!("connections/{id}"))),
        ("Timeline", here.at(format_args!("connections/{id}/timeline"))),
    ];
    frame::tabs(&pages, shown)
}

pub(super) fn page(here: &Here<'_>, id: &str) -> rusqlite::Result<Option<Page>> {
    let Some(connection) = find(here, id)? else { return Ok(None) };
    let store = &here.app.store;
    let newest = JobQuery { connection: Some(connection.id), newest_first: true, ..JobQuery::default() };
    let latest = store.jobs(&newest, 0, JOBS)?;
    let latest: Vec<&Job> = latest.iter().collect();
    let moved = JobQuery::newest(connection.id, &JobKind::MOVING, &[JobStatus::Succeeded]);
    let last_success = store.first_job(&moved)?;
    let mut facts = vec![
        ("Status", words::connection_badge(&connection)),
        ("Source", actor(here, Side::Source, connection.source_id)?),
        ("Destination", actor(here, Side::Destination, connection.destination_id)?),
        ("Runs", html! { (words::schedule(&connection.schedule)) }),
        ("Namespace", html! { (namespace(&connection)) }),
        (
            "Prefix of tables",
            html! { (connection.prefix.as_deref().filter(|text| !text.is_empty()).unwrap_or("–")) },
        ),
        ("When the schema changes", html! { (words::spaced(&connection.non_breaking_schema_updates)) }),
        ("Made", words::time(connection.created_at)),
        ("Id", html! { span.mono { (connection.id) } }),
    ];
    let tags = here.app.store.list::<Tag>()?;
    let mine: Vec<&str> =
        tags.iter().filter(|tag| connection.tags.contains(&tag.id)).map(|tag| tag.name.as_str()).collect();
    if !mine.is_empty() {
        facts.push(("Tags", html! { (mine.join(", ")) }));
    }
    if connection.is_broken {
        facts.push(("Schema", html! { (words::badge("locked")) " the source has lost what a stream needs" }));
    }
    Ok(Some(Page {
        title: connection.name.clone(),
        trail: trail(here, &connection),
        content: html! {
            (tabs(here, &connection, "Connection"))
            (frame::facts(&facts))
            h2 { "Streams" }
            (streams::configured(here.app, &connection, last_success.as_ref())?)
            h2 { "Latest jobs" }
            @if latest.is_empty() {
                p.empty { "Nothing has run yet." }
            } @else {
                (jobs_table::table(here.app, &latest, None))
            }
        },
        is_live: latest.first().is_some_and(|job| !job.status.is_final()),
    }))
}

fn actor(here: &Here<'_>, side: Side, id: Uuid) -> rusqlite::Result<Markup> {
    let found: Option<Actor> = here.app.store.get(&id.to_string())?;
    let address = here.at(format_args!("{}/{id}", side.word()));
    Ok(html! { a href=(address) { (found.map_or_else(|| id.to_string(), |actor| actor.name)) } })
}

fn namespace(connection: &Connection) -> String {
    match connection.namespace_definition.as_str() {
        "source" => "As in the source".to_owned(),
        "destination" => "As the destination has it".to_owned(),
        _ => connection.namespace_format.clone().unwrap_or_default(),
    }
}
