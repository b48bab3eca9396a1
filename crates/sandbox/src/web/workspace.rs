//! A workspace: its connections, sources and destinations.

use std::cell::Cell;
use std::collections::HashMap;

use maud::{Markup, html};
use uuid::Uuid;

use super::listing::listing;
use super::{Here, Page, frame, jobs_table, words};
use crate::model::{Actor, Connection, Job, Side};

/// The pages of a workspace; `shown` is the name of the one that is open.
pub(super) fn tabs(here: &Here<'_>, shown: &str) -> Markup {
    let pages = [
        ("Connections", here.at("")),
        ("Sources", here.at("source")),
        ("Destinations", here.at("destination")),
        ("Builder", here.at("connector-builder")),
        ("Settings", here.at("settings/source")),
    ];
    frame::tabs(&pages, shown)
}

/// The page of the connections, which is that of the workspace.
pub(super) fn connections(here: &Here<'_>) -> rusqlite::Result<Page> {
    let is_here = |one: &&Connection| one.workspace_id == here.workspace.id;
    let (list, is_live) = connection_list(here, is_here)?;
    Ok(Page {
        title: here.workspace.name.clone(),
        trail: here.trail(),
        content: html! { (tabs(here, "Connections")) (list) },
        is_live,
    })
}

/// The connections that are `wanted` of those that have not been deleted, and whether one of them runs.
pub(super) fn connection_list(
    here: &Here<'_>,
    wanted: impl Fn(&&Connection) -> bool,
) -> rusqlite::Result<(Markup, bool)> {
    let all = here.app.store.all::<Connection>()?;
    let is_live = Cell::new(false);
    let list = listing(
        &here.query,
        "connection",
        all.iter().filter(|one| one.status != "deprecated").filter(wanted).collect(),
        |one| &one.name,
        |shown| connection_table(here, shown, &is_live),
    )?;
    Ok((list, is_live.get()))
}

fn connection_table(
    here: &Here<'_>,
    shown: &[&Connection],
    is_live: &Cell<bool>,
) -> rusqlite::Result<Markup> {
    let actors = here.app.store.all::<Actor>()?;
    let names: HashMap<Uuid, &str> = actors.iter().map(|actor| (actor.id, actor.name.as_str())).collect();
    let actor = |side: Side, id: Uuid| {
        let address = here.at(format_args!("{}/{id}", side.word()));
        html! { a href=(address) { (names.get(&id).unwrap_or(&"–")) } }
    };
    let mut rows = Vec::new();
    for one in shown {
        let job: Option<Job> = here.app.store.newest_of_connection(one.id)?;
        is_live.set(is_live.get() || job.as_ref().is_some_and(|job| !job.status.is_final()));
        let (status, written) = match &job {
            Some(job) => (words::badge(job.status.name()), words::number(jobs_table::totals(job).0)),
            None => (html! { "–" }, "–".to_owned()),
        };
        rows.push(vec![
            html! { a href=(here.at(format_args!("connections/{}", one.id))) { (one.name) } },
            actor(Side::Source, one.source_id),
            actor(Side::Destination, one.destination_id),
            words::connection_badge(one),
            html! { (words::schedule(&one.schedule)) },
            status,
            html! { (written) },
        ]);
    }
    let columns = ["Connection", "Source", "Destination", "Status", "Runs", "Last job", "Rows"];
    Ok(frame::table(&columns, &["Rows"], &rows))
}

/// The page of the sources or destinations.
pub(super) fn connectors(here: &Here<'_>, side: Side) -> rusqlite::Result<Page> {
    let all = here.app.store.all::<Actor>()?;
    let connections = here.app.store.all::<Connection>()?;
    let is_here = |actor: &&Actor| {
        actor.workspace_id == here.workspace.id && actor.side == side && actor.configuration.is_some()
    };
    let mut used: HashMap<Uuid, usize> = HashMap::new();
    for connection in connections.iter().filter(|one| one.status != "deprecated") {
        for id in [connection.source_id, connection.destination_id] {
            *used.entry(id).or_default() += 1;
        }
    }
    let table = |shown: &[&Actor]| {
        let mut rows = Vec::new();
        for actor in shown {
            let definition = here.app.definition(side, here.workspace.id, actor.definition_id)?;
            rows.push(vec![
                html! {
                    a href=(here.at(format_args!("{}/{}", side.word(), actor.id))) { (actor.name) }
                    @if actor.is_draft { " " (words::badge("draft")) }
                },
                html! { (definition.map_or_else(|| "–".to_owned(), |definition| definition.name)) },
                html! { (used.get(&actor.id).copied().unwrap_or_default()) },
                words::time(actor.created_at),
            ]);
        }
        Ok(frame::table(&["Name", "Connector", "Connections", "Made"], &["Connections"], &rows))
    };
    let list = listing(
        &here.query,
        side.word(),
        all.iter().filter(is_here).collect(),
        |actor: &&Actor| &actor.name,
        table,
    )?;
    let tab = match side {
        Side::Source => "Sources",
        Side::Destination => "Destinations",
    };
    Ok(Page {
        title: format!("{tab} of {}", here.workspace.name),
        trail: here.trail(),
        content: html! { (tabs(here, tab)) (list) },
        is_live: false,
    })
}
