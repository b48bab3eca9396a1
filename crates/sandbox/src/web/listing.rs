//! Lists of any length: a search by name, and a page at a time.

use http::Uri;
use maud::{Markup, html};
use url::form_urlencoded;

use super::words;

/// How many rows a page has.
const ROWS: usize = 100;

/// What is asked of a list.
#[derive(Debug, Default)]
pub(super) struct Query {
    search: String,
    from: usize,
    /// The job before which a history is shown.
    pub before: Option<i64>,
}

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "search" => value.trim().clone_into(&mut query.search),
                "from" => query.from = value.parse().unwrap_or_default(),
                "before" => query.before = value.parse().ok(),
                _ => {}
            }
        }
        query
    }
}

/// The part of a list that is asked for, with a search once it is long. `what` is one of its items.
pub(super) fn listing<T>(
    query: &Query,
    what: &str,
    items: Vec<T>,
    name: impl Fn(&T) -> &str,
    table: impl Fn(&[T]) -> rusqlite::Result<Markup>,
) -> rusqlite::Result<Markup> {
    let wanted = query.search.to_lowercase();
    let all = items.len();
    let found: Vec<T> =
        items.into_iter().filter(|item| name(item).to_lowercase().contains(&wanted)).collect();
    let from = query.from.min(found.len());
    let shown = &found[from..found.len().min(from + ROWS)];
    let rows = if shown.is_empty() { None } else { Some(table(shown)?) };
    let link = |from: usize| {
        let mut link = form_urlencoded::Serializer::new(String::new());
        if !query.search.is_empty() {
            link.append_pair("search", &query.search);
        }
        format!("?{}", link.append_pair("from", &from.to_string()).finish())
    };
    Ok(html! {
        @if all > ROWS / 10 {
            form.search role="search" {
                input type="search" name="search" value=(query.search) aria-label="Name" placeholder="Name";
                button { "Search" }
                span.quiet { (words::count(found.len(), what)) }
            }
        }
        @match rows {
            Some(rows) => (rows),
            None if all == 0 => p.empty { "No " (what) " yet: what is made through the API shows up here." },
            None => p.empty { "No " (what) " has a name like this." },
        }
        @if from > 0 || from + ROWS < found.len() {
            nav.pages aria-label="Further rows" {
                @if from > 0 { a rel="prev" href=(link(from.saturating_sub(ROWS))) { "← Before" } }
                span.quiet { (from + 1) " to " (from + shown.len()) }
                @if from + ROWS < found.len() { a rel="next" href=(link(from + ROWS)) { "After →" } }
            }
        }
    })
}
