//! The public lists: pages by offset, and links that lose filters as the server's do.

use axum::response::Response;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::{Refusal, object, present};
use crate::app::App;

/// Where in a list a page begins, and how long it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    limit: usize,
    offset: usize,
}

impl Page {
    /// Checks what the query says.
    pub(super) fn new(limit: Option<i64>, offset: Option<i64>) -> Result<Self, Refusal> {
        let (limit, offset) = (limit.unwrap_or(20), offset.unwrap_or(0));
        // The server counts in 32 bits.
        let offset = i32::try_from(offset).ok().and_then(|offset| usize::try_from(offset).ok());
        match (usize::try_from(limit), offset) {
            (Ok(limit @ 1..=100), Some(offset)) => Ok(Self { limit, offset }),
            _ => Err(Refusal::ErrorId(400)),
        }
    }

    /// The part of a list that is on the page.
    pub(super) fn of<T>(self, items: &[T]) -> &[T] {
        let begin = self.offset.min(items.len());
        &items[begin..self.end().min(items.len())]
    }

    /// The offset behind the page.
    pub(super) fn end(self) -> usize {
        self.offset.saturating_add(self.limit)
    }

    /// How many items come before the page.
    pub(super) fn offset(self) -> usize {
        self.offset
    }

    /// How many items the page has at most.
    pub(super) fn limit(self) -> usize {
        self.limit
    }

    /// Whether so many items fill the page.
    pub(super) fn is_full(self, items: usize) -> bool {
        items >= self.limit
    }

    /// The page in the newer scheme: links without a host, and absent where there is no further page. `path` ends
    /// where further parameters follow.
    pub(super) fn relative(self, path: &str, items: &[Value], has_more: bool) -> Value {
        let link = |offset: usize| format!("{path}limit={}&offset={offset}", self.limit);
        present(json!({
            "data": items,
            "next": has_more.then(|| link(self.end())),
            "previous": (self.offset > 0).then(|| link(self.offset.saturating_sub(self.limit))),
        }))
    }

    /// The page of these items. `filters` are the ones that the server keeps in its links.
    pub(super) fn answer<T>(
        self,
        app: &App,
        path: &str,
        filters: &[(&str, String)],
        items: impl IntoIterator<Item = T>,
        shown: impl Fn(T) -> Value,
    ) -> Response {
        let data: Vec<Value> = items.into_iter().skip(self.offset).take(self.limit).map(shown).collect();
        self.answer_with(app, path, filters, &data)
    }

    /// The same where only the page's items were looked for.
    pub(super) fn answer_with(
        self,
        app: &App,
        path: &str,
        filters: &[(&str, String)],
        data: &[Value],
    ) -> Response {
        let link = |offset: usize, twice: bool| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in filters {
                query.append_pair(name, value);
            }
            query.append_pair("limit", &self.limit.to_string());
            if twice {
                query.append_pair("limit", &self.limit.to_string());
            }
            query.append_pair("offset", &offset.to_string());
            format!("{}/v1/{path}?{}", app.public_host, query.finish())
        };
        let next = if data.is_empty() { String::new() } else { link(self.offset + self.limit, false) };
        let previous = match self.offset {
            0 => String::new(),
            // The server's builder is shared between both links and adds the limit once for each.
            offset => link(offset.saturating_sub(self.limit), !data.is_empty()),
        };
        object(json!({"data": data, "next": next, "previous": previous}))
    }
}

/// The ids of a parameter, which is repeated or joined by commas; none if it is not given.
pub(super) fn ids(query: Option<&str>, name: &str) -> Result<Vec<Uuid>, Refusal> {
    joined(query, name)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(|id| {
            id.parse().map_err(|_| Refusal::Framework(format!("`{name}` holds `{id}`, which is no UUID")))
        })
        .collect()
}

/// The values of a parameter, which may be repeated or joined by commas, joined by commas.
pub(super) fn joined(query: Option<&str>, name: &str) -> Option<String> {
    let values: Vec<String> = form_urlencoded::parse(query?.as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}
