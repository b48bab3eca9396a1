//! The projects of the connector builder: what has been published, and what is worked on.

use maud::{Markup, html};
use serde_json::Value;

use super::listing::listing;
use super::{Here, Page, frame, words, workspace};
use crate::model::BuilderProject;

pub(super) fn list(here: &Here<'_>) -> rusqlite::Result<Page> {
    let projects = here.app.store.list::<BuilderProject>()?;
    let is_here = |one: &&BuilderProject| one.workspace_id == here.workspace.id && !one.is_deleted;
    let table = |shown: &[&BuilderProject]| {
        let rows: Vec<_> = shown
            .iter()
            .map(|project| {
                vec![
                    html! { a href=(at(here, project)) { (project.name) } },
                    html! { (version(project)) },
                    html! { (if project.draft.is_some() { "yes" } else { "no" }) },
                    words::time(project.updated_at),
                ]
            })
            .collect();
        Ok(frame::table(&["Project", "Published", "Draft", "Changed"], &[], &rows))
    };
    let list = listing(
        &here.query,
        "project",
        projects.iter().filter(is_here).collect(),
        |project: &&BuilderProject| &project.name,
        table,
    )?;
    Ok(Page {
        title: format!("Connector builder of {}", here.workspace.name),
        trail: here.trail(),
        content: html! { (workspace::tabs(here, "Builder")) (list) },
        is_live: false,
    })
}

pub(super) fn page(here: &Here<'_>, id: &str) -> rusqlite::Result<Option<Page>> {
    let found: Option<BuilderProject> = here.find(id, |project: &BuilderProject| project.workspace_id)?;
    let Some(project) = found.filter(|project| !project.is_deleted) else { return Ok(None) };
    let definition = project.definition_id.map_or_else(|| "–".to_owned(), |id| id.to_string());
    let facts = [
        ("Published", html! { (version(&project)) }),
        ("Definition", html! { span.mono { (definition) } }),
        ("Changed", words::time(project.updated_at)),
        ("Id", html! { span.mono { (project.id) } }),
    ];
    let mut trail = here.trail();
    trail.push(("connector builder".to_owned(), here.at("connector-builder")));
    Ok(Some(Page {
        title: project.name.clone(),
        trail,
        content: html! {
            (workspace::tabs(here, "Builder"))
            (frame::facts(&facts))
            h2 { "Manifests" }
            @if project.draft.is_none() && project.manifests.is_empty() { p.empty { "There is none yet." } }
            @if let Some(draft) = &project.draft { (manifest("draft", "Draft", draft)) }
            @for published in project.manifests.iter().rev() {
                @let heading = match published.description.as_str() {
                    "" => format!("Version {}", published.version),
                    description => format!("Version {}: {description}", published.version),
                };
                (manifest(&format!("version-{}", published.version), &heading, &published.manifest))
            }
        },
        is_live: false,
    }))
}

fn manifest(id: &str, heading: &str, manifest: &Value) -> Markup {
    html! {
        details id=(id) {
            summary { (heading) }
            pre { (format!("{manifest:#}")) }
        }
    }
}

fn version(project: &BuilderProject) -> String {
    project.active_version.map_or_else(|| "not yet".to_owned(), |version| format!("version {version}"))
}

/// Where a project is shown.
pub(super) fn at(here: &Here<'_>, project: &BuilderProject) -> String {
    here.at(format_args!("connector-builder/edit/{}", project.id))
}
