//! The connectors that a workspace may use: first its own ones, then those in use.

use maud::html;

use super::listing::listing;
use super::{Here, Page, builder, frame, words, workspace};
use crate::definitions::Definition;
use crate::model::{Actor, BuilderProject, Side};

pub(super) fn page(here: &Here<'_>, side: Side) -> rusqlite::Result<Page> {
    let mut definitions = here.app.definitions(side, here.workspace.id)?;
    let actors = here.app.store.all::<Actor>()?;
    let uses = |definition: &Definition| {
        let of_it =
            |actor: &&Actor| actor.workspace_id == here.workspace.id && actor.definition_id == definition.id;
        actors.iter().filter(of_it).filter(|actor| actor.configuration.is_some()).count()
    };
    definitions.sort_by_cached_key(|definition| (!definition.is_custom, uses(definition) == 0));
    let projects = here.app.store.list::<BuilderProject>()?;
    let table = |shown: &[Definition]| {
        let rows: Vec<_> = shown
            .iter()
            .map(|definition| {
                let project = projects.iter().find(|one| one.definition_id == Some(definition.id));
                vec![
                    html! {
                        @match project.filter(|project| !project.is_deleted) {
                            Some(project) => a href=(builder::at(here, project)) { (definition.name) },
                            None => (definition.name),
                        }
                        @if definition.is_custom { " " (words::badge("custom")) }
                    },
                    html! { span.mono { (definition.docker_repository) ":" (definition.docker_image_tag) } },
                    html! { span.mono { (definition.id) } },
                    html! { (uses(definition)) },
                ]
            })
            .collect();
        Ok(frame::table(&["Connector", "Image", "Definition", "In use"], &["In use"], &rows))
    };
    let list = listing(&here.query, "connector", definitions, |definition| &definition.name, table)?;
    let shown = match side {
        Side::Source => "Source connectors",
        Side::Destination => "Destination connectors",
    };
    let pages = [
        ("Source connectors", here.at("settings/source")),
        ("Destination connectors", here.at("settings/destination")),
    ];
    Ok(Page {
        title: format!("{shown} of {}", here.workspace.name),
        trail: here.trail(),
        content: html! {
            (workspace::tabs(here, "Settings"))
            (frame::tabs(&pages, shown))
            (list)
        },
        is_live: false,
    })
}
