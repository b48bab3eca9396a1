//! Pages for people, at the addresses where Airbyte's own web application has its own: what a link that a client
//! prints leads to. They show what is there and change nothing.

mod builder;
mod chart;
mod connection;
mod connector;
mod consent;
mod frame;
mod home;
mod job;
mod jobs_table;
mod listing;
mod settings;
mod streams;
mod timeline;
mod words;
mod workspace;

use axum::response::{IntoResponse, Response};
use http::Uri;
use maud::Markup;
use uuid::Uuid;

use crate::app::App;
use crate::http::Refusal;
use crate::model::{Record, Side, Workspace};
use listing::Query;

/// What a page says, and where it is.
struct Page {
    title: String,
    /// The pages above it: name and address.
    trail: Vec<(String, String)>,
    content: Markup,
    /// Whether something on it is under way.
    is_live: bool,
}

/// A workspace whose pages are asked for.
struct Here<'a> {
    app: &'a App,
    workspace: Workspace,
    query: Query,
}

impl Here<'_> {
    /// The address of a page of the workspace, by its path below it.
    fn at(&self, path: impl std::fmt::Display) -> String {
        words::address(self.workspace.id, path)
    }

    fn trail(&self) -> Vec<(String, String)> {
        vec![(self.workspace.name.clone(), self.at(""))]
    }

    /// An object of this workspace, by the id in the address.
    fn find<T: Record>(&self, id: &str, workspace: fn(&T) -> Uuid) -> rusqlite::Result<Option<T>> {
        let found: Option<T> = by_id(self.app, id)?;
        Ok(found.filter(|object| workspace(object) == self.workspace.id))
    }
}

/// The page at an address outside of the API, and whether it is one. Unknown addresses are answered with 200, too,
/// as everything is that the web application might know.
pub(crate) fn answer(app: &App, uri: &Uri) -> (Response, bool) {
    match page(app, uri) {
        Ok(Some(page)) => (frame::response(&page), true),
        Ok(None) => (frame::response(&nothing_here()), false),
        Err(error) => (Refusal::from(error).into_response(), false),
    }
}

fn page(app: &App, uri: &Uri) -> rusqlite::Result<Option<Page>> {
    let path: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let ["workspaces", workspace, path @ ..] = path.as_slice() else {
        return Ok(match path.as_slice() {
            [] | ["workspaces"] => Some(home::page(app, &Query::of(uri))?),
            ["consent"] => consent::page(app, uri.query().unwrap_or_default())?,
            _ => None,
        });
    };
    let found: Option<Workspace> = by_id(app, workspace)?;
    let Some(workspace) = found.filter(|workspace| !workspace.deleted) else { return Ok(None) };
    let here = Here { app, workspace, query: Query::of(uri) };
    match path {
        [] | ["connections"] => workspace::connections(&here).map(Some),
        ["source"] => workspace::connectors(&here, Side::Source).map(Some),
        ["destination"] => workspace::connectors(&here, Side::Destination).map(Some),
        ["source", id] => connector::page(&here, Side::Source, id),
        ["destination", id] => connector::page(&here, Side::Destination, id),
        ["connections", id] | ["connections", id, "status" | "replication" | "settings"] => {
            connection::page(&here, id)
        }
        ["connections", id, "timeline"] => timeline::page(&here, id),
        ["connections", id, "jobs", job] => job::page(&here, id, job),
        ["connector-builder"] => builder::list(&here).map(Some),
        ["connector-builder", "edit", id] => builder::page(&here, id),
        ["settings"] | ["settings", "source"] => settings::page(&here, Side::Source).map(Some),
        ["settings", "destination"] => settings::page(&here, Side::Destination).map(Some),
        _ => Ok(None),
    }
}

/// An object by the id in the address. Ids are stored in one form, and an address may have another.
fn by_id<T: Record>(app: &App, id: &str) -> rusqlite::Result<Option<T>> {
    match Uuid::parse_str(id) {
        Ok(id) => app.store.get(&id.to_string()),
        Err(_) => Ok(None),
    }
}

fn nothing_here() -> Page {
    Page {
        title: "Nothing here".to_owned(),
        trail: Vec::new(),
        content: maud::html! {
            p { "The sandbox has no page at this address. What it would show may have been deleted." }
            p { "A program that came here probably has a wrong API address: the public API is at "
                code { "/api/public/v1" } ", the Config API at " code { "/api/v1" } "." }
            p { a href="/" { "All workspaces" } }
        },
        is_live: false,
    }
}
