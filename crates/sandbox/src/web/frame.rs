//! What is around every page: head, style, the way back up, and the script that keeps it current.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Page;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("live.js");

/// Nothing but this style and this script: what slipped through escaping would not run.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// The page as an answer.
pub(super) fn response(page: &Page) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, document(page).into_string()).into_response()
}

fn document(page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " – Airbyte sandbox" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
                @if page.is_live {
                    noscript { meta http-equiv="refresh" content="3"; }
                }
                script { (PreEscaped(SCRIPT)) }
            }
            body {
                header {
                    nav aria-label="Where this is" {
                        a.home href="/" { "Airbyte sandbox" }
                        @for (name, address) in &page.trail {
                            span.separator aria-hidden="true" { "/" }
                            a href=(address) { (name) }
                        }
                    }
                    p #gone role="status" { "The sandbox does not answer; this is what it said last." }
                }
                main data-live[page.is_live] {
                    h1 { (page.title) }
                    (page.content)
                }
                footer { "A local stand-in for Airbyte, not made by Airbyte. Times are in UTC. Secrets are masked." }
            }
        }
    }
}

/// Links to pages that belong together; the one that is shown is marked.
pub(super) fn tabs(tabs: &[(&str, String)], shown: &str) -> Markup {
    html! {
        nav.tabs aria-label="Pages" {
            @for (name, address) in tabs {
                a href=(address) aria-current=[(*name == shown).then_some("page")] { (name) }
            }
        }
    }
}

/// Names and what they stand for, one below the other.
pub(super) fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A table that becomes a list of cards where it does not fit. Numbers stand to the right.
pub(super) fn table(columns: &[&str], numbers: &[&str], rows: &[Vec<Markup>]) -> Markup {
    let class = |column: &str| numbers.contains(&column).then_some("number");
    html! {
        table {
            thead {
                tr { @for column in columns { th scope="col" class=[class(column)] { (column) } } }
            }
            tbody {
                @for row in rows {
                    tr {
                        @for (column, cell) in columns.iter().zip(row) {
                            td data-label=(column) class=[class(column)] { (cell) }
                        }
                    }
                }
            }
        }
    }
}
