//! The page of the provider that is asked for consent: nobody has to log in there, and both answers are one click.

use maud::html;
use url::form_urlencoded;

use super::{Page, by_id};
use crate::app::App;
use crate::connectors;
use crate::model::{Consent, Side, Workspace};

pub(super) fn page(app: &App, query: &str) -> rusqlite::Result<Option<Page>> {
    let state = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    let state = state.map(|(_, state)| state.into_owned()).unwrap_or_default();
    let Some(consent) = by_id::<Consent>(app, &state)? else { return Ok(None) };
    let workspace: Option<Workspace> = by_id(app, &consent.workspace_id.to_string())?;
    let connector = connectors::by_definition(Side::Source, consent.definition_id);
    let answer = |name: &str, value: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("state", &state)
            .append_pair(name, value)
            .finish();
        format!("{}?{query}", app.oauth_callback())
    };
    Ok(Some(Page {
        title: "Consent".to_owned(),
        trail: Vec::new(),
        content: html! {
            p { "A source of the type " strong { (connector.map_or("–", |one| one.slug)) } " in the workspace "
                strong { (workspace.map_or_else(|| "–".to_owned(), |one| one.name)) } " asks for consent." }
            @if let Some(code) = &consent.code {
                p { a href=(answer("code", code)) rel="next" { "Allow" } }
                p { a href=(answer("error", "access_denied")) { "Deny" } }
            } @else {
                p { "It has been given." }
            }
        },
        is_live: false,
    }))
}
