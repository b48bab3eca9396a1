//! What every request passes: faults, the token and the roles of its user, the record of what came in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, OriginalUri, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::DateTime;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::access::{Caller, Need, Rule};
use super::answer::{self, FrameworkError, Refusal};
use super::serve::CloseConnection;
use super::{Operation, access, request};
use crate::app::App;
use crate::auth::Bearer;
use crate::fault::FaultKind;
use crate::requests::SeenRequest;
use crate::web;

/// The server's limit on a request's body; answers are far smaller.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// How long the first half of a truncated answer has to leave.
const BEFORE_THE_CUT: Duration = Duration::from_millis(50);

pub(super) async fn pass(
    State((app, operation)): State<(Arc<App>, Operation)>,
    // A nested router has cut the root off the request's own.
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let seen = SeenRequest {
        operation: operation.id,
        method: request.method().to_string(),
        path: uri.to_string(),
        body: None,
        status: None,
    };
    let faults = app.faults.for_request(operation.id);
    let mut sent = Bytes::new();
    let response = match before(&app, &faults).await {
        Some(response) => response,
        None => match admitted(&app, &operation.rule, &uri, request).await {
            Ok((request, body)) => {
                sent = body;
                next.run(request).await
            }
            Err(refusal) => refusal.into_response(),
        },
    };
    let response = framework(response, uri.path());
    let response = after(&faults, response).await;
    let answered = response.extensions().get::<CloseConnection>().is_none();
    let status = answered.then(|| response.status().as_u16());
    app.requests.remember(SeenRequest { status, ..seen }, &sent);
    response
}

/// Keeps an answer back until what it tells of is on the disk.
pub(super) async fn safe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match app.store.safe().await {
        // Why is logged by who has found it.
        Err(_) if response.status().is_success() => Refusal::ErrorId(500).into_response(),
        _ => response,
    }
}

/// The request with its caller and its body, if this one may do what it asks for.
async fn admitted(app: &App, rule: &Rule, uri: &Uri, request: Request) -> Result<(Request, Bytes), Refusal> {
    if matches!(rule.need, Need::Nothing) {
        let (parts, body) = request.into_parts();
        let body = request::read(body).await?.freeze();
        return Ok((Request::from_parts(parts, Body::from(body.clone())), body));
    }
    let bearer = bearer(app, request.headers()).ok_or(Refusal::Token)?;
    let caller = Caller::of(app, bearer)?
        .ok_or_else(|| Refusal::Known(401, "The token's user is not there, or is disabled.".to_owned()))?;
    let (mut parts, body) = request.into_parts();
    let body = request::read(body).await?.freeze();
    let mut value = Value::Null;
    if rule.reads_body() && !caller.is_instance_admin() {
        value = serde_json::from_slice(&body).unwrap_or_default();
    }
    // What the operation will read, and not what the address looks like.
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let id = path.as_ref().ok().and_then(|path| path.iter().next()).map_or("", |(_, id)| id);
    rule.check(app, &caller, &access::Request { id, query: uri.query(), body: &value })?;
    parts.extensions.insert(Arc::new(caller));
    Ok((Request::from_parts(parts, Body::from(body.clone())), body))
}

fn bearer(app: &App, headers: &HeaderMap) -> Option<Bearer> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    app.tokens.bearer(authorization, app.clock.now())
}

/// What happens instead of handling the request.
async fn before(app: &App, faults: &[FaultKind]) -> Option<Response> {
    for fault in faults {
        match fault {
            FaultKind::Hang(duration) => tokio::time::sleep(*duration).await,
            FaultKind::ExpireToken => app.tokens.expire_all(),
            FaultKind::Drop => return Some(closed()),
            FaultKind::Html(status) => return Some(answer::html(*status)),
            FaultKind::Status(429) => return Some(rate_limited(None)),
            FaultKind::RateLimit(away) => return Some(rate_limited(Some(*away))),
            FaultKind::Status(status) => return Some(Refusal::ErrorId(*status).into_response()),
            _ => {}
        }
    }
    None
}

fn rate_limited(stay_away: Option<Duration>) -> Response {
    let body = axum::Json(json!({"message": "You are being rate limited."}));
    let mut response = (answer::code(429), body).into_response();
    if let Some(time) = stay_away {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What happens to the answer.
async fn after(faults: &[FaultKind], mut response: Response) -> Response {
    for fault in faults {
        match fault {
            FaultKind::SlowStart(duration) => tokio::time::sleep(*duration).await,
            FaultKind::LoseReply => return closed(),
            FaultKind::Truncate => response = truncated(response).await,
            FaultKind::UnknownEnum => response = rewritten(response, to_unknown_status).await,
            FaultKind::LogLines => response = rewritten(response, to_log_lines).await,
            _ => {}
        }
    }
    response
}

fn closed() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(CloseConnection);
    response
}

/// The answer as it is, but its connection breaks after half of the body.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    // The break comes late enough for the head and the first half to be on their way.
    let cut = stream::once(async {
        tokio::time::sleep(BEFORE_THE_CUT).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let broken = stream::iter([Ok::<Bytes, std::io::Error>(half)]).chain(cut);
    Response::from_parts(parts, Body::from_stream(broken))
}

/// The answer with its JSON changed; any other answer as it is.
async fn rewritten(response: Response, change: fn(&mut Value)) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    change(&mut value);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(value.to_string()))
}

/// Gives the first status a value that no document knows.
fn to_unknown_status(value: &mut Value) {
    if let Some(status) = first_status(value) {
        *status = Value::from("awaiting_the_unknown");
    }
}

/// Turns structured logs, wherever they are, into lines of text.
fn to_log_lines(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(events) = members.get("logs").and_then(|logs| logs["events"].as_array()) {
                let lines: Vec<String> = events.iter().map(log_line).collect();
                members.insert("logs".to_owned(), json!({"logLines": lines}));
                members.insert("logType".to_owned(), json!("formatted"));
            }
            members.values_mut().for_each(to_log_lines);
        }
        Value::Array(items) => items.iter_mut().for_each(to_log_lines),
        _ => {}
    }
}

fn log_line(event: &Value) -> String {
    let time = event["timestamp"].as_i64().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let level = text("level").to_uppercase();
    format!("{} {} > {level} {}", time.format("%Y-%m-%d %H:%M:%S"), text("logSource"), text("message"))
}

/// The first member of that name, in a list or in what an object holds, too.
fn first_status(value: &mut Value) -> Option<&mut Value> {
    match value {
        Value::Object(members) => members
            .iter_mut()
            .find_map(|(name, member)| if name == "status" { Some(member) } else { first_status(member) }),
        Value::Array(items) => items.iter_mut().find_map(first_status),
        _ => None,
    }
}

/// Writes the body that the framework would, now that the path is known.
fn framework(response: Response, path: &str) -> Response {
    let Some(FrameworkError(inner)) = response.extensions().get().cloned() else { return response };
    let status = response.status();
    let outer = status.canonical_reason().unwrap_or_default();
    answer::framework_body(status, outer, &inner, path)
}

/// A path or a method that no route has.
pub(super) async fn no_route(
    State(app): State<Arc<App>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let known = ["/api", "/assets", "/fonts", "/routes", "/scim"];
    let response = if !known.iter().any(|prefix| uri.path().starts_with(prefix)) {
        // The web application's, with 200 whatever the method.
        let (response, is_page) = web::answer(&app, &uri);
        if is_page && method == Method::GET {
            // An open page asks again and again, and no client of the API asks for one.
            return response;
        }
        response
    } else if uri.path() == "/api/public" {
        (StatusCode::FOUND, [(header::LOCATION, "https://reference.airbyte.com/")]).into_response()
    } else if bearer(&app, &headers).is_none() {
        Refusal::Token.into_response()
    } else if uri.path().starts_with("/api/") {
        framework(Refusal::Role.into_response(), uri.path())
    } else {
        answer::no_route()
    };
    let (method, path, status) = (method.to_string(), uri.to_string(), Some(response.status().as_u16()));
    app.requests.remember(SeenRequest { operation: "", method, path, body: None, status }, &[]);
    response
}
