//! What the Config API's lists by name have in common: a filter, an order, a slice.

use serde_json::{Value, json};

use crate::http::answer::Refusal;
use crate::http::request::Body;

/// Which part of a list is asked for.
pub(super) struct Slice {
    /// In lower case.
    name_contains: String,
    size: usize,
    offset: usize,
}

impl Slice {
    /// Reads `nameContains` and `pagination`; without the latter the list is not cut.
    pub(super) fn of(body: &Body) -> Result<Self, Refusal> {
        let pagination = Body(body.given("pagination").cloned().unwrap_or_else(|| json!({})));
        let whole = |name: &str, default: usize| match pagination.given(name).and_then(Value::as_i64) {
            None => Ok(default),
            Some(number) => usize::try_from(number)
                .map_err(|_| Refusal::Framework(format!("`{name}` is negative: {number}"))),
        };
        Ok(Self {
            name_contains: body.text("nameContains")?.unwrap_or_default().to_lowercase(),
            size: whole("pageSize", usize::MAX)?,
            offset: whole("rowOffset", 0)?,
        })
    }

    /// That part of the items, ordered by name.
    pub(super) fn of_named<T>(&self, mut items: Vec<T>, name: fn(&T) -> &str) -> Vec<T> {
        items.retain(|item| name(item).to_lowercase().contains(&self.name_contains));
        items.sort_by(|one, other| name(one).cmp(name(other)));
        items.into_iter().skip(self.offset).take(self.size).collect()
    }
}
