//! The server's error bodies, shape by shape.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a handler gives back.
pub(crate) type Answer = Result<Response, Refusal>;

/// Why a request is refused, in the shapes that the server knows.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A problem body.
    Problem(Box<Problem>),
    /// `{"errorId"}` alone.
    ErrorId(u16),
    /// `{"message", "errorId"}`, the Config API's own errors.
    Known(u16, String),
    /// The web framework's body: something could not be converted.
    Framework(String),
    /// The web framework's body: the request's own is longer than this many bytes.
    TooLong(usize),
    /// Refused by a role annotation: no problem body.
    Role,
    /// No token, or one that is not valid.
    Token,
}

/// A problem as the server describes it. Unset members are shown as null.
#[derive(Debug)]
pub(crate) struct Problem {
    pub status: u16,
    kind: String,
    title: &'static str,
    detail: &'static str,
    pub data: Value,
}

pub(super) const REFERENCE: &str = "https://reference.airbyte.com/reference/errors";

impl Refusal {
    pub(super) fn problem(
        status: u16,
        kind: impl Into<String>,
        title: &'static str,
        detail: &'static str,
        data: Value,
    ) -> Self {
        Self::Problem(Box::new(Problem { status, kind: kind.into(), title, detail, data }))
    }

    pub(crate) fn not_found(resource_type: &str, id: impl std::fmt::Display) -> Self {
        let data = json!({"resourceType": resource_type, "resourceId": id.to_string()});
        Self::missing("No such resource.", data)
    }

    /// 404 where the server has words of its own.
    pub(super) fn missing(detail: &'static str, data: Value) -> Self {
        Self::problem(404, format!("{REFERENCE}#resource-not-found"), "resource-not-found", detail, data)
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        let data = json!({"message": message});
        Self::problem(403, format!("{REFERENCE}#forbidden"), "forbidden", "Not allowed.", data)
    }

    /// The installation's licence does not cover the feature with this id.
    pub(crate) fn entitlement(feature: &str) -> Self {
        let data = json!({"entitlement": feature});
        Self::problem(
            403,
            "error:license/entitlement",
            "License Entitlement Error",
            "Not covered by the licence.",
            data,
        )
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        let data = json!({"message": message.into()});
        Self::problem(
            400,
            format!("{REFERENCE}#bad-request"),
            "bad-request",
            "The request is malformed.",
            data,
        )
    }

    pub(crate) fn unknown_value(value: &str) -> Self {
        Self::problem(400, REFERENCE.to_owned(), "value-not-found", "No such value.", json!({"value": value}))
    }

    pub(crate) fn unprocessable(data: Value) -> Self {
        let kind = format!("{REFERENCE}#unprocessable-entity");
        Self::problem(422, kind, "unprocessable-entity", "The body was not understood.", data)
    }

    /// Mappers that cannot be; each with its stream and the reason.
    pub(crate) fn mappers(errors: &[Value]) -> Self {
        let data = json!({"errors": errors});
        let (kind, title) = ("error:mapper-validation", "Mapper validation failed");
        Self::problem(400, kind, title, "The mappers were refused.", data)
    }

    /// A mask in place of a mapper's key, and no key that it could stand for.
    pub(crate) fn mapper_secret(id: &Value, kind: &Value) -> Self {
        let data = json!({"mapperId": id, "mapperType": kind});
        let (name, title) = ("error:mapper-validation/secret-not-found", "Mapper secret not found");
        Self::problem(400, name, title, "No key is stored for the mapper.", data)
    }

    pub(crate) fn try_again_later(message: &str) -> Self {
        let data = json!({"message": message});
        Self::problem(
            409,
            format!("{REFERENCE}#try-again-later"),
            "try-again-later",
            "Try again later.",
            data,
        )
    }

    pub(crate) fn state_conflict(message: &str) -> Self {
        let data = json!({"message": message});
        Self::problem(
            409,
            format!("{REFERENCE}#409-state-conflict"),
            "state-conflict",
            "State conflict.",
            data,
        )
    }

    pub(crate) fn locked(connection: Uuid) -> Self {
        let data = json!({"connectionId": connection, "statusReason": null});
        Self::problem(
            409,
            "error:connection/locked".to_owned(),
            "Connection is locked",
            "The connection is locked.",
            data,
        )
    }

    /// The database cannot be used.
    pub(super) fn unavailable() -> Self {
        let kind = format!("{REFERENCE}#service-unavailable");
        Self::problem(503, kind, "service-unavailable", "The database is not available.", Value::Null)
    }

    pub(crate) fn unexpected(message: &str) -> Self {
        Self::unexpected_problem(json!({"message": message}))
    }

    /// The same where the server keeps the reason to itself.
    pub(super) fn unexplained() -> Self {
        Self::unexpected_problem(Value::Null)
    }

    fn unexpected_problem(data: Value) -> Self {
        Self::problem(500, REFERENCE.to_owned(), "unexpected-problem", "Something unexpected happened.", data)
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the sandbox's store failed");
        Self::ErrorId(500)
    }
}

/// Marks an answer whose body the framework would write: it names the path, which only the gate knows.
#[derive(Clone, Debug)]
pub(super) struct FrameworkError(pub String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => {
                let Problem { status, kind, title, detail, data } = *problem;
                let body = json!({
                    "status": status, "type": kind, "title": title, "detail": detail,
                    "documentationUrl": null, "data": data
                });
                (code(status), Json(body)).into_response()
            }
            Self::ErrorId(status) => (code(status), Json(json!({"errorId": Uuid::new_v4()}))).into_response(),
            Self::Known(status, message) => {
                (code(status), Json(json!({"message": message, "errorId": Uuid::new_v4()}))).into_response()
            }
            Self::Framework(message) => marked(StatusCode::BAD_REQUEST, message),
            Self::TooLong(limit) => {
                marked(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is longer than {limit} bytes"))
            }
            Self::Role => marked(StatusCode::FORBIDDEN, "Forbidden".to_owned()),
            Self::Token => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
}

fn marked(status: StatusCode, message: String) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(FrameworkError(message));
    response
}

/// The framework's own error body. The token endpoint of simple authentication answers in this shape, too.
pub(super) fn framework_body(status: StatusCode, outer: &str, inner: &str, path: &str) -> Response {
    let body = json!({
        "message": outer,
        "_links": {"self": {"href": path, "templated": false}},
        "_embedded": {"errors": [{"message": inner}]}
    });
    (status, Json(body)).into_response()
}

/// A page of something in between that is in the way.
pub(super) fn html(status: u16) -> Response {
    let page =
        "<!doctype html><html><head><title>Airbyte</title></head><body><div id=\"root\"></div></body></html>";
    let mut response = (code(status), page).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// The answer to a path that no route has: not JSON, whatever its label says.
pub(super) fn no_route() -> Response {
    let mut response = (StatusCode::NOT_FOUND, Body::from("Object not found.")).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// 200 with the object, its null members left out, as the server does in successful answers.
pub(crate) fn object(value: Value) -> Response {
    Json(present(value)).into_response()
}

/// The object without its null members.
pub(crate) fn present(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}
