//! Reading the bodies of failed answers.
//!
//! Airbyte's servers and what stands in front of them explain failures in several shapes: problem
//! documents (labelled as plain JSON), a bare `errorId`, a bare `message`, the web framework's own nested
//! form, OAuth's `error`, plain text under a JSON label, and HTML. All end here as one [`Problem`].

use std::collections::BTreeMap;

use serde_json::Value;

use crate::redact::{Redactor, is_secret_name};

/// More of a body that is not JSON is never looked at.
const LONGEST_TEXT: usize = 64 * 1024;

/// More things of one kind are not listed.
const LONGEST_LIST: usize = 10;

/// What the server said about a failure, in one form whatever shape it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The problem's type: a URI or a word such as `error:connection/locked`.
    pub problem_type: Option<String>,
    /// The problem's short title.
    pub title: Option<String>,
    /// The general explanation.
    pub detail: Option<String>,
    /// The explanation of this very case.
    pub message: Option<String>,
    /// The kind of object that was not found, by the server's internal name (`STANDARD_SYNC`).
    pub resource_type: Option<String>,
    /// The id of the object that was not found.
    pub resource_id: Option<String>,
    /// The id under which the server's log has the details.
    pub error_id: Option<String>,
    /// What else the server tells about this very case, by its own names: which streams, which time zone.
    pub data: BTreeMap<String, String>,
    /// Where the server's documentation explains it.
    pub documentation_url: Option<String>,
    /// Whether it is a web page, and so not Airbyte's own word.
    pub(crate) is_page: bool,
}

impl Problem {
    /// The most telling text there is.
    pub fn summary(&self) -> Option<&str> {
        [&self.message, &self.detail, &self.title].into_iter().find_map(Option::as_deref)
    }

    /// The most telling text, with the facts of this case where it is a general one.
    pub(crate) fn explanation(&self) -> Option<String> {
        let said = self.summary()?;
        if self.message.is_some() || self.data.is_empty() {
            return Some(said.to_owned());
        }
        let facts: Vec<String> = self.data.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        Some(format!("{said} ({})", facts.join("; ")))
    }

    /// The object that was not found, in words: `source 1f6f...`.
    pub(crate) fn resource(&self) -> Option<String> {
        let (kind, id) = (self.resource_type.as_ref()?, self.resource_id.as_ref()?);
        let kind = kind.to_lowercase().replace('_', " ");
        // The server's inner names, which nobody else uses.
        let kind = match kind.as_str() {
            "source connection" => "source",
            "destination connection" => "destination",
            "standard sync" => "connection",
            other => other.trim_start_matches("standard "),
        };
        Some(format!("{kind} {id}"))
    }

    /// Whether the type is this one or one below it: `error:billing/...` is below `error:billing`.
    pub(crate) fn is_below(&self, prefix: &str) -> bool {
        let rest = self.problem_type.as_ref().and_then(|of| of.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with(':'))
    }

    /// Whether the type, or else the title, is this word, alone or as the last part of a URI.
    pub(crate) fn is(&self, word: &str) -> bool {
        let matches = |text: &String| {
            let last = text.rsplit(['#', '/']).next().unwrap_or(text);
            text == word || last == word || last.strip_prefix("409-") == Some(word)
        };
        self.problem_type.as_ref().is_some_and(matches) || self.title.as_ref().is_some_and(matches)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a body is a web page (or XML) rather than an API's answer: no JSON begins like that.
pub(crate) fn is_html(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

/// Understands the body of a failed answer; `None` when it says nothing.
pub(crate) fn read_problem(body: &[u8], redactor: &Redactor) -> Option<Problem> {
    let text = &body[..body.len().min(LONGEST_TEXT)];
    let problem = if is_html(body) {
        from_html(text, redactor)
    } else {
        match serde_json::from_slice::<Value>(body) {
            Ok(json) => from_json(&json, redactor),
            Err(_) => from_text(text, redactor),
        }
    };
    Some(problem).filter(|problem| !problem.is_empty())
}

/// Only fields that are known to explain something are taken: an error body can quote configurations.
fn from_json(json: &Value, redactor: &Redactor) -> Problem {
    if let Value::String(text) = json {
        return Problem { message: Some(redactor.clean(text)), ..Problem::default() };
    }
    let text = |pointer: &str| {
        let text = json.pointer(pointer)?.as_str()?.trim();
        (!text.is_empty()).then(|| redactor.clean(text))
    };
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| text(pointer));
    Problem {
        problem_type: text("/type"),
        title: text("/title"),
        detail: first(&["/detail", "/details"]),
        // The web framework's outer message is only the status in words; its inner one explains.
        message: first(&[
            "/data/message",
            "/data/validationErrorMessage",
            "/data/failedPreconditionDetail",
            "/data/errorMessage",
            "/data/statusReason",
            "/_embedded/errors/0/message",
            "/message",
            "/error_description",
            "/error",
        ]),
        resource_type: text("/data/resourceType"),
        resource_id: text("/data/resourceId"),
        error_id: text("/errorId"),
        data: json.get("data").map(|data| facts(data, redactor)).unwrap_or_default(),
        documentation_url: text("/documentationUrl"),
        is_page: false,
    }
}

/// The members of `data` that have no field of their own and are plain enough to be shown.
fn facts(data: &Value, redactor: &Redactor) -> BTreeMap<String, String> {
    const HAVE_A_FIELD: [&str; 3] = ["message", "resourceType", "resourceId"];
    let members = data.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !HAVE_A_FIELD.contains(&name.as_str()) && !is_secret_name(name))
        .filter_map(|(name, value)| Some((redactor.clean(name), redactor.clean(&in_short(value)?))))
        .collect()
}

/// A value on one line; `None` for objects, which can be configurations, except streams and their errors.
fn in_short(value: &Value) -> Option<String> {
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().take(LONGEST_LIST).filter_map(in_short).collect();
            (!items.is_empty()).then(|| items.join(", "))
        }
        Value::Object(_) => {
            let stream = member("streamName").or_else(|| member("stream"))?;
            let namespace = member("streamNamespace").map(|namespace| format!("{namespace}."));
            let error = member("error").map(|error| format!(" ({error})"));
            Some([namespace.as_deref(), Some(stream), error.as_deref()].into_iter().flatten().collect())
        }
        scalar => Some(scalar.to_string()),
    }
}

fn from_html(body: &[u8], redactor: &Redactor) -> Problem {
    let page = String::from_utf8_lossy(body);
    // Searched by ASCII-lowered copy, which keeps the byte positions.
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|start| {
        let open = start + lower[start..].find('>')? + 1;
        let close = open + lower[open..].find("</title")?;
        Some(redactor.clean(&page[open..close]))
    });
    let title = title.filter(|title| !title.is_empty());
    Problem {
        title: Some(title.map_or_else(|| "a web page".to_owned(), |t| format!("a web page: {t}"))),
        is_page: true,
        ..Problem::default()
    }
}

fn from_text(body: &[u8], redactor: &Redactor) -> Problem {
    let text = redactor.clean(&String::from_utf8_lossy(body));
    Problem { message: Some(text).filter(|text| !text.is_empty()), ..Problem::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<Problem> {
        read_problem(body.as_bytes(), &Redactor::default())
    }

    #[test]
    fn a_problem_document_gives_its_most_specific_text() {
        let problem = read(
            r#"{"status":409,"type":"https://reference.airbyte.com/reference/errors#try-again-later",
                "title":"try-again-later","detail":"general","documentationUrl":null,
                "data":{"message":"A sync is already running for: 1"}}"#,
        )
        .unwrap();
        assert_eq!(problem.summary(), Some("A sync is already running for: 1"));
        assert!(problem.is("try-again-later"));
        assert!(!problem.is("state-conflict"));
    }

    #[test]
    fn the_type_is_recognised_in_each_spelling() {
        for kind in
            ["https://x/errors#409-state-conflict", "state-conflict", "https://x/errors#state-conflict"]
        {
            let problem = Problem { problem_type: Some(kind.into()), ..Problem::default() };
            assert!(problem.is("state-conflict"), "{kind}");
        }
        let locked = Problem { problem_type: Some("error:connection/locked".into()), ..Problem::default() };
        assert!(locked.is("error:connection/locked"));
    }

    #[test]
    fn every_other_shape_is_understood() {
        let not_found = read(
            r#"{"type":"x#resource-not-found","data":{"resourceType":"STANDARD_SYNC","resourceId":"7"}}"#,
        );
        assert_eq!(not_found.unwrap().resource_type.as_deref(), Some("STANDARD_SYNC"));

        let bare = read(r#"{"errorId":"1b4e28ba-2fa1-11d2-883f-0016d3cca427"}"#).unwrap();
        assert_eq!((bare.summary(), bare.error_id.is_some()), (None, true));

        let known = read(r#"{"message":"State cannot be updated","errorId":"x"}"#).unwrap();
        assert_eq!(known.summary(), Some("State cannot be updated"));

        let framework = read(
            r#"{"message":"Bad Request","_links":{"self":{"href":"/x"}},"_embedded":{"errors":[{"message":"Invalid client id or token"}]}}"#,
        );
        assert_eq!(framework.unwrap().summary(), Some("Invalid client id or token"));

        let oauth = read(r#"{"error":"invalid_client","error_description":"wrong secret"}"#).unwrap();
        assert_eq!(oauth.summary(), Some("wrong secret"));

        assert_eq!(read("Object not found.").unwrap().summary(), Some("Object not found."));
        assert_eq!(read("\"quoted\"").unwrap().summary(), Some("quoted"));

        let html = read("<!DOCTYPE html>\n<html><head><TITLE>502 Bad\n Gateway</TITLE></head>").unwrap();
        assert_eq!(html.summary(), Some("a web page: 502 Bad Gateway"));

        assert_eq!(read(""), None);
        assert_eq!(read("{}"), None);
        assert_eq!(read("[1,2]"), None);
    }
}
