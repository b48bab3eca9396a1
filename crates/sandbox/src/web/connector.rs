//! A source or destination: its configuration without its secrets, and the connections that use it.

use maud::{Markup, html};
use serde_json::Value;

use super::{Here, Page, frame, words, workspace};
use crate::connectors::{self, Connector, MASK};
use crate::model::{Actor, Connection, Side};
use crate::specification;

pub(super) fn page(here: &Here<'_>, side: Side, id: &str) -> rusqlite::Result<Option<Page>> {
    let found: Option<Actor> = here.find(id, |actor: &Actor| actor.workspace_id)?;
    let Some(actor) = found.filter(|actor| actor.side == side) else { return Ok(None) };
    let definition = here.app.definition(side, here.workspace.id, actor.definition_id)?;
    let status = match (&actor.configuration, actor.is_draft) {
        (None, _) => "deleted",
        (Some(_), true) => "draft",
        (Some(_), false) => "active",
    };
    let image = definition.as_ref().map(|one| format!("{}:{}", one.docker_repository, one.docker_image_tag));
    let facts = [
        ("Status", words::badge(status)),
        ("Connector", html! { (definition.as_ref().map_or("–", |one| one.name.as_str())) }),
        ("Image", html! { span.mono { (image.as_deref().unwrap_or("–")) } }),
        ("Made", words::time(actor.created_at)),
        ("Id", html! { span.mono { (actor.id) } }),
    ];
    let uses = |one: &&Connection| one.source_id == actor.id || one.destination_id == actor.id;
    let (connections, is_live) = workspace::connection_list(here, uses)?;
    let mut trail = here.trail();
    trail.push((format!("{}s", side.word()), here.at(side.word())));
    Ok(Some(Page {
        title: actor.name.clone(),
        trail,
        content: html! {
            (workspace::tabs(here, ""))
            (frame::facts(&facts))
            @if let Some(masked) = masked(here, &actor)? {
                h2 { "Configuration" }
                (configuration(&masked))
            }
            h2 { "Connections" }
            (connections)
        },
        is_live,
    }))
}

/// The configuration as anybody may see it. Of a connector that nothing is known of, everything may be secret: the
/// API asks for a token, these pages do not.
fn masked(here: &Here<'_>, actor: &Actor) -> rusqlite::Result<Option<Value>> {
    let Some(mut configuration) = actor.configuration.clone() else { return Ok(None) };
    let connector = connectors::by_definition(actor.side, actor.definition_id);
    if let Some(connector) = connector {
        configuration = connector.masked(&configuration);
    }
    match here.app.specification(actor.side, actor.workspace_id, actor.definition_id)? {
        Some(schema) if schema != specification::unknown() => {
            specification::mask(&schema, &mut configuration);
        }
        _ if connector.is_some_and(Connector::is_described) => {}
        _ => mask_all(&mut configuration),
    }
    Ok(Some(configuration))
}

fn mask_all(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(mask_all),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Null => {}
        other => *other = Value::from(MASK),
    }
}

fn configuration(masked: &Value) -> Markup {
    let mut lines = Vec::new();
    flatten("", masked, &mut lines);
    html! {
        @if lines.is_empty() {
            p.empty { "There is nothing in it." }
        } @else {
            dl.facts {
                @for (path, value) in &lines {
                    div { dt { (path) } dd.mono { (value) } }
                }
            }
        }
    }
}

/// Each value with the path to it.
fn flatten(path: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), member, lines);
            }
        }
        Value::Object(_) if path.is_empty() => {}
        Value::String(text) => lines.push((path.to_owned(), text.clone())),
        other => lines.push((path.to_owned(), other.to_string())),
    }
}
