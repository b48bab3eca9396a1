//! The first page: how to reach the sandbox, its workspaces, and what ran last.

use maud::html;

use super::listing::{Query, listing};
use super::{Page, frame, jobs_table, words};
use crate::app::App;
use crate::builder::Edition;
use crate::model::{Actor, Connection, Job, Organization, Side, Workspace};
use crate::store::JobQuery;

/// How many of the latest jobs are shown.
const JOBS: usize = 10;

pub(super) fn page(app: &App, query: &Query) -> rusqlite::Result<Page> {
    let workspaces = app.store.all::<Workspace>()?;
    let organizations = app.store.all::<Organization>()?;
    let actors = app.store.all::<Actor>()?;
    let connections = app.store.all::<Connection>()?;
    let latest = latest_jobs(app)?;
    let root = app.host();
    let edition = match app.edition {
        Edition::Enterprise => "Self-managed, seen by an administrator",
        Edition::Cloud => "Cloud, seen by an ordinary user",
        Edition::Community => "Open source, with simple authentication",
    };
    let facts = [
        ("Public API", html! { code { (app.public_host) "/v1" } }),
        ("Config API", html! { code { (root) "/api/v1" } }),
        ("Behaves like", html! { (edition) }),
    ];
    let here: Vec<&Workspace> = workspaces.iter().filter(|workspace| !workspace.deleted).collect();
    let table = |shown: &[&Workspace]| {
        let rows: Vec<_> = shown
            .iter()
            .map(|workspace| {
                let organization = organizations.iter().find(|one| one.id == workspace.organization_id);
                let actors = |side: Side| {
                    let of_it = |actor: &&Actor| actor.workspace_id == workspace.id && actor.side == side;
                    actors.iter().filter(of_it).filter(|actor| actor.configuration.is_some()).count()
                };
                let connections = connections
                    .iter()
                    .filter(|one| one.workspace_id == workspace.id && one.status != "deprecated");
                vec![
                    html! { a href=(words::address(workspace.id, "")) { (workspace.name) } },
                    html! { (organization.map_or("–", |one| &one.name)) },
                    html! { (connections.count()) },
                    html! { (actors(Side::Source)) },
                    html! { (actors(Side::Destination)) },
                ]
            })
            .collect();
        let numbers = ["Connections", "Sources", "Destinations"];
        Ok(frame::table(
            &["Workspace", "Organization", "Connections", "Sources", "Destinations"],
            &numbers,
            &rows,
        ))
    };
    let list = listing(query, "workspace", here, |workspace| &workspace.name, table)?;
    let connection = |job: &Job| {
        let address = words::address(job.workspace_id, format_args!("connections/{}", job.connection_id));
        let name = connections.iter().find(|one| one.id == job.connection_id).map(|one| one.name.as_str());
        html! { a href=(address) { (name.unwrap_or("–")) } }
    };
    Ok(Page {
        title: "Workspaces".to_owned(),
        trail: Vec::new(),
        content: html! {
            (frame::facts(&facts))
            (list)
            @if !latest.is_empty() {
                h2 { "Latest jobs" }
                (jobs_table::table(app, &latest.iter().collect::<Vec<_>>(), Some(&connection)))
            }
        },
        is_live: latest.iter().any(|job| !job.status.is_final()),
    })
}

fn latest_jobs(app: &App) -> rusqlite::Result<Vec<Job>> {
    app.store.jobs(&JobQuery { newest_first: true, ..JobQuery::default() }, 0, JOBS)
}
