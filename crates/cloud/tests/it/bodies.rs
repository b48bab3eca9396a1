//! Every failure that a server, or what stands in front of it, is known to answer with: what kind of error it
//! becomes, what the error says, what it advises, and whether trying again is of use.

use airbyte_cloud::{ApiRequest, Client, Error, ErrorKind, Problem, RetryPolicy};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::broken::{BrokenServer, Reply};
use crate::support::{Airbyte, TestClock, builder, get, status};

use ErrorKind::{
    Configuration, Conflict, Forbidden, InvalidInput, NotFound, RateLimited, Server, Timeout, Unauthorized,
    UnexpectedResponse, Unsupported,
};

const ERROR_ID: &str = "9f1c2b0e-5b5e-4c57-9d3a-000000000001";
const PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in to\nACME</title></head></html>";

/// What an answer has to become.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    kind: ErrorKind,
    retryable: bool,
    /// What the error's text holds.
    text: &'static str,
    /// What the hint holds; nothing where there is none.
    hint: &'static str,
}

pub(crate) fn expect(kind: ErrorKind, retryable: bool, text: &'static str, hint: &'static str) -> Expected {
    Expected { kind, retryable, text, hint }
}

impl Expected {
    /// What is wrong with the error, if anything.
    fn fault(&self, error: &Error) -> Option<String> {
        let hint = error.hint().unwrap_or_default();
        let fits = error.kind() == self.kind
            && error.is_retryable() == self.retryable
            && error.to_string().contains(self.text)
            && !error.to_string().contains('\n')
            && hint.contains(self.hint)
            && hint.is_empty() == self.hint.is_empty();
        (!fits).then(|| format!("{:?}, retryable {}: {error} | {hint}", error.kind(), error.is_retryable()))
    }
}

/// Serves answers side by side, so that one server is enough for a table.
pub(crate) struct Table {
    airbyte: Airbyte,
    client: Client,
    faults: Vec<String>,
}

impl Table {
    pub(crate) async fn start() -> Self {
        let airbyte = Airbyte::start().await;
        let client = airbyte.builder().retry_policy(RetryPolicy::none()).build().unwrap();
        Self { airbyte, client, faults: Vec::new() }
    }

    /// The error that the answer becomes if it is given for a job, which is asked for by its id, or else for
    /// something that has no name.
    pub(crate) async fn error(&self, by_id: bool, number: usize, answer: ResponseTemplate) -> Error {
        let path = if by_id { format!("/jobs/{number}") } else { format!("/things/{number}") };
        get(&path).respond_with(answer).mount(&self.airbyte.server).await;
        if by_id {
            self.client.job(i64::try_from(number).unwrap().into()).info().await.unwrap_err()
        } else {
            self.client.request(ApiRequest::get(path)).await.unwrap_err()
        }
    }

    pub(crate) fn check(&mut self, what: &str, error: &Error, expected: Expected) {
        self.faults.extend(expected.fault(error).map(|fault| format!("{what}: {fault}")));
    }

    pub(crate) fn finish(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

/// What the server said, by name, without what it did not say.
fn said(problem: Option<&Problem>) -> Value {
    let Some(problem) = problem else { return json!({}) };
    let named = [
        ("type", &problem.problem_type),
        ("title", &problem.title),
        ("detail", &problem.detail),
        ("message", &problem.message),
        ("resourceType", &problem.resource_type),
        ("resourceId", &problem.resource_id),
        ("errorId", &problem.error_id),
        ("documentationUrl", &problem.documentation_url),
    ];
    let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    json!(named.chain(problem.data.clone()).collect::<std::collections::BTreeMap<_, _>>())
}

#[tokio::test]
async fn a_status_alone_says_what_to_do() {
    let mut table = Table::start().await;
    for (code, kind, retryable, hint) in [
        (400, InvalidInput, false, ""),
        (401, Unauthorized, false, "the application's user"),
        (402, Forbidden, false, "unpaid"),
        (404, NotFound, false, "check the"),
        (405, UnexpectedResponse, false, ""),
        (406, UnexpectedResponse, false, ""),
        (407, Configuration, false, "proxy"),
        (408, Timeout, true, ""),
        (409, Conflict, false, ""),
        (410, NotFound, false, "check the id"),
        (412, Conflict, false, ""),
        (413, InvalidInput, false, "10 MB"),
        (414, InvalidInput, false, "10 MB"),
        (415, UnexpectedResponse, false, ""),
        (422, InvalidInput, false, ""),
        (423, Conflict, false, "running job"),
        (425, UnexpectedResponse, true, ""),
        (429, RateLimited, true, "fewer requests"),
        (431, UnexpectedResponse, false, ""),
        (500, Server, true, "may pass"),
        (501, Unsupported, false, "edition"),
        (502, Server, true, "may pass"),
        (503, Server, true, "may pass"),
        (504, Server, true, "may pass"),
        (505, Server, false, "may pass"),
        (507, Server, true, "may pass"),
        (520, Server, true, "may pass"),
        (524, Server, true, "may pass"),
        (599, Server, true, "may pass"),
    ] {
        for by_id in [true, false] {
            let error = table.error(by_id, code.into(), status(code)).await;
            table.check(&format!("{code}, by id {by_id}"), &error, expect(kind, retryable, "", hint));
            assert_eq!((error.status(), error.problem()), (Some(code), None));
        }
    }
    table.finish();
}

/// Reading is the lowest right there is, so who may not read a thing cannot know whether it exists.
#[tokio::test]
async fn a_refused_read_by_id_is_not_found_and_another_refusal_is_none() {
    let mut table = Table::start().await;
    let error = table.error(true, 1, status(403)).await;
    table.check("by id", &error, expect(NotFound, false, "job 1 was not found", "no access"));
    let error = table.error(false, 2, status(403)).await;
    table.check("else", &error, expect(Forbidden, false, "do not allow this", "role"));
    table.finish();
}

fn json_of(code: u16, body: Value) -> ResponseTemplate {
    status(code).set_body_json(body)
}

fn text(code: u16, body: &str, label: &str) -> ResponseTemplate {
    status(code).set_body_raw(body, label)
}

fn framework(code: u16, outer: &str, inner: &str) -> ResponseTemplate {
    let links = json!({ "self": { "href": "/api/public/v1/things", "templated": false } });
    json_of(
        code,
        json!({ "message": outer, "_links": links, "_embedded": { "errors": [{ "message": inner, "_links": {} }] } }),
    )
}

#[tokio::test]
async fn every_shape_of_body_is_understood() {
    let mut table = Table::start().await;
    let cases = [
        // Problems of the server: what is unset is null, and the label is that of plain JSON.
        (
            json_of(
                403,
                json!({
                    "status": 403, "type": "https://x.example/errors#forbidden", "title": "forbidden", "detail": null,
                    "documentationUrl": "https://x.example/roles", "data": { "message": "needs EDITOR" },
                }),
            ),
            expect(Forbidden, false, "do not allow this: needs EDITOR", "role"),
            json!({
                "type": "https://x.example/errors#forbidden", "title": "forbidden", "message": "needs EDITOR",
                "documentationUrl": "https://x.example/roles",
            }),
        ),
        (
            text(422, r#"{"title":"too-much","data":null,"status":422}"#, "application/problem+json"),
            expect(InvalidInput, false, "refused the request: too-much", ""),
            json!({ "title": "too-much" }),
        ),
        // Known failures of the Config API, now and in older versions, whose stack traces are of no use.
        (
            json_of(409, json!({ "message": "it is busy", "errorId": ERROR_ID })),
            expect(Conflict, false, "does not allow this: it is busy", ""),
            json!({ "message": "it is busy", "errorId": ERROR_ID }),
        ),
        (
            json_of(422, json!({ "message": "no such mode", "errorId": ERROR_ID, "details": "two exist" })),
            expect(InvalidInput, false, "refused the request: no such mode", ""),
            json!({ "message": "no such mode", "detail": "two exist", "errorId": ERROR_ID }),
        ),
        (
            json_of(
                500,
                json!({ "message": "it broke", "exceptionClassName": "x.Y", "exceptionStack": ["at"] }),
            ),
            expect(Server, true, "the server failed: it broke", "may pass"),
            json!({ "message": "it broke" }),
        ),
        // Nothing but an id.
        (
            json_of(400, json!({ "errorId": ERROR_ID })),
            expect(InvalidInput, false, "refused the request", ""),
            json!({ "errorId": ERROR_ID }),
        ),
        (
            json_of(404, json!({ "errorId": ERROR_ID })),
            expect(NotFound, false, "was not found", "check the path"),
            json!({ "errorId": ERROR_ID }),
        ),
        (
            json_of(422, json!({ "errorId": ERROR_ID })),
            expect(InvalidInput, false, "refused the request", ""),
            json!({ "errorId": ERROR_ID }),
        ),
        (
            json_of(500, json!({ "errorId": ERROR_ID })),
            expect(Server, true, "the server failed", ERROR_ID),
            json!({ "errorId": ERROR_ID }),
        ),
        // The web framework: the inner message explains, the outer one is the status in words.
        (
            framework(400, "Bad Request", "the id is no UUID"),
            expect(InvalidInput, false, "refused the request: the id is no UUID", ""),
            json!({ "message": "the id is no UUID" }),
        ),
        (
            framework(403, "Forbidden", "no"),
            expect(Forbidden, false, "do not allow this: no", "role"),
            json!({ "message": "no" }),
        ),
        (
            framework(401, "Unauthorized", ""),
            expect(Unauthorized, false, "refused: Unauthorized", "the application's user"),
            json!({ "message": "Unauthorized" }),
        ),
        // The limit on requests, and routing.
        (
            json_of(429, json!({ "message": "You are being rate limited." })),
            expect(RateLimited, true, "slow down: You are", "fewer requests"),
            json!({ "message": "You are being rate limited." }),
        ),
        (
            text(404, "Object not found.", "application/json"),
            expect(NotFound, false, "was not found: Object not found.", "check the path"),
            json!({ "message": "Object not found." }),
        ),
        // OAuth, and plain texts in and out of quotes.
        (
            json_of(401, json!({ "error": "invalid_token", "error_description": "it has ended" })),
            expect(Unauthorized, false, "refused: it has ended", "the application's user"),
            json!({ "message": "it has ended" }),
        ),
        (
            text(503, "no upstream\n\tthere", "text/plain"),
            expect(Server, true, "the server failed: no upstream there", "may pass"),
            json!({ "message": "no upstream there" }),
        ),
        (
            text(400, "\"a quoted one\"", "application/json"),
            expect(InvalidInput, false, "refused the request: a quoted one", ""),
            json!({ "message": "a quoted one" }),
        ),
        // Pages: what Airbyte never sends with such a status is a matter of the address.
        (
            text(401, PAGE, "text/html"),
            expect(Unauthorized, false, "Sign in to ACME", "in front of"),
            json!({ "title": "a web page: Sign in to ACME" }),
        ),
        (
            text(403, PAGE, "text/html"),
            expect(Configuration, false, "with a web page", "in front of"),
            json!({ "title": "a web page: Sign in to ACME" }),
        ),
        (
            text(404, PAGE, "text/plain"),
            expect(Configuration, false, "with a web page", "in front of"),
            json!({ "title": "a web page: Sign in to ACME" }),
        ),
        (
            text(405, PAGE, "application/json"),
            expect(Configuration, false, "with a web page", "in front of"),
            json!({ "title": "a web page: Sign in to ACME" }),
        ),
        (
            text(502, "<html><body>no title</body></html>", "text/html"),
            expect(Server, true, "the server failed: a web page", "may pass"),
            json!({ "title": "a web page" }),
        ),
        (
            text(429, "\u{feff}\n <?xml version=\"1.0\"?><e/>", "text/xml"),
            expect(RateLimited, true, "slow down: a web page", "fewer requests"),
            json!({ "title": "a web page" }),
        ),
        // Cut off, very long, and not even text.
        (
            text(422, "{\"message\":\"half a", "application/json"),
            expect(InvalidInput, false, "half a", ""),
            json!({ "message": "{\"message\":\"half a" }),
        ),
        (
            json_of(422, json!({ "message": "too deep", "schema": "x".repeat(100_000) })),
            expect(InvalidInput, false, "refused the request: too deep", ""),
            json!({ "message": "too deep" }),
        ),
        (
            status(500).set_body_bytes([0xff, 0xfe, 0x00, 0x41]),
            expect(Server, true, "the server failed", "may pass"),
            json!({ "message": "\u{fffd}\u{fffd} A" }),
        ),
        // What says nothing says nothing.
        (
            text(500, "{}", "application/json"),
            expect(Server, true, "the server failed", "may pass"),
            json!({}),
        ),
        (
            text(500, "null", "application/json"),
            expect(Server, true, "the server failed", "may pass"),
            json!({}),
        ),
        (text(500, "[{\"message\":\"x\"}]", "text/plain"), expect(Server, true, "", "may pass"), json!({})),
        (
            json_of(500, json!({ "message": { "not": "text" }, "errorId": 7, "data": "text", "type": " " })),
            expect(Server, true, "the server failed", "may pass"),
            json!({}),
        ),
    ];
    for (number, (answer, expected, words)) in cases.into_iter().enumerate() {
        let error = table.error(false, number, answer).await;
        table.check(&number.to_string(), &error, expected);
        assert_eq!(said(error.problem()), words, "{number}: {error}");
    }
    table.finish();
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let server =
        BrokenServer::start(|_| Reply::Endless(502, "<html><head><title>Bad Gateway</title></head>")).await;
    let client = builder(&server.root, &TestClock::new()).retry_policy(RetryPolicy::none()).build().unwrap();
    let error = client.job(7.into()).info().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Server, Some(502)));
    assert!(error.to_string().contains("a web page: Bad Gateway"), "{error}");
}
