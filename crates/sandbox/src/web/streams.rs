//! The streams of a connection, and what an attempt moved of each.

use maud::{Markup, html};

use super::{frame, words};
use crate::app::App;
use crate::http::stream_totals;
use crate::jobs::stream_state;
use crate::model::{Attempt, Connection, Job};

/// The streams as they are configured, with what the connection's last successful job has written of each.
pub(super) fn configured(app: &App, connection: &Connection, last: Option<&Job>) -> rusqlite::Result<Markup> {
    if connection.streams.is_empty() {
        return Ok(html! { p.empty { "No stream is selected." } });
    }
    let totals = last.map(stream_totals).unwrap_or_default();
    let mut rows = Vec::new();
    for stream in &connection.streams {
        let namespace = stream.namespace.as_deref();
        let kept = stream_state(app, connection.id, namespace, &stream.name)?;
        let written = totals.iter().find(|one| one.name == stream.name && one.namespace == stream.namespace);
        let keys: Vec<String> = stream.primary_key.iter().map(|path| path.join(".")).collect();
        rows.push(vec![
            html! { (full_name(namespace, &stream.name)) },
            html! { (words::spaced(&stream.sync_mode)) },
            html! { (or_dash(stream.cursor_field.join("."))) },
            html! { (or_dash(keys.join(", "))) },
            html! { (stream.selected_fields.as_ref().map_or_else(|| "all".to_owned(), |fields| fields.join(", "))) },
            html! { @match kept.state { Some(state) => code { (state) }, None => "–" } },
            html! { (written.map_or_else(|| "–".to_owned(), |one| words::number(one.records_committed))) },
        ]);
    }
    let columns = ["Stream", "Sync mode", "Cursor", "Key", "Fields", "State", "Rows last time"];
    Ok(frame::table(&columns, &["Rows last time"], &rows))
}

/// What an attempt has moved.
pub(super) fn moved(attempt: &Attempt) -> Markup {
    if attempt.stats.is_empty() {
        return html! { p.empty { "No rows have been read." } };
    }
    let rows: Vec<Vec<Markup>> = attempt
        .stats
        .iter()
        .map(|stats| {
            let is_same =
                |name: &str, namespace: &Option<String>| name == stats.name && *namespace == stats.namespace;
            let state = attempt
                .streams
                .iter()
                .find(|one| is_same(&one.name, &one.namespace))
                .map(|one| one.state.to_lowercase());
            vec![
                html! { (full_name(stats.namespace.as_deref(), &stats.name)) },
                state.map_or_else(|| html! { "–" }, |state| words::badge(&state)),
                html! { (words::number(stats.records_emitted)) },
                html! { (words::number(stats.records_committed)) },
                html! { (words::bytes(stats.bytes_committed)) },
            ]
        })
        .collect();
    let numbers = ["Rows read", "Rows written", "Size"];
    frame::table(&["Stream", "Status", "Rows read", "Rows written", "Size"], &numbers, &rows)
}

fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}.{name}"),
        None => name.to_owned(),
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}
