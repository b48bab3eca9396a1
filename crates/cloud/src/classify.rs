//! What the outcome of one attempt means.

use std::time::Duration;

use airbyte_api_raw::{Error as RawError, ResponseValue};
use bytes::BytesMut;
use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::call::{CallPath, Operation};
use crate::error::{Error, ErrorKind};
use crate::hint;
use crate::problem::{Problem, is_html, read_problem};
use crate::redact::Redactor;
use crate::retry::{Failure, parse_retry_after};
use crate::web_links;

/// More of the body of a failed answer is not read. Whole schemas are in some.
const LONGEST_REFUSAL: usize = 4 * 1024 * 1024;

/// A failed attempt: how it failed, and the error if it was the last.
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    pub(crate) error: Error,
}

impl Failed {
    fn new(failure: Failure, error: Error) -> Self {
        Self { failure, error }
    }
}

/// Takes the value out of an attempt's outcome, or says how it failed.
pub(crate) async fn interpret<T: DeserializeOwned>(
    outcome: Result<ResponseValue<T>, RawError<()>>,
    operation: &Operation,
    path: &CallPath,
) -> Result<T, Failed> {
    match outcome {
        Ok(value) => Ok(value.into_inner()),
        Err(RawError::CommunicationError(error) | RawError::ResponseBodyError(error)) => {
            Err(broken(error, path))
        }
        Err(RawError::InvalidUpgrade(error)) => Err(broken(error, path)),
        Err(RawError::InvalidResponsePayload(body, error)) => Err(undecodable(&body, error, operation, path)),
        Err(RawError::UnexpectedResponse(response)) => Err(answered(response, operation, path).await),
        Err(RawError::ErrorResponse(response)) => {
            let status = response.status();
            Err(refused(status, None, None, operation, path))
        }
        Err(RawError::InvalidRequest(why) | RawError::Custom(why)) => {
            let why = operation.redactor(path).clean(&why);
            let error = Error::new(ErrorKind::InvalidInput, format!("the request cannot be made: {why}"));
            Err(Failed::new(Failure::Permanent, error))
        }
    }
}

/// An answer with a status that is no success.
async fn answered(mut response: reqwest::Response, operation: &Operation, path: &CallPath) -> Failed {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let wait = header(RETRY_AFTER).and_then(|value| parse_retry_after(&value, path.clock.utc_now()));
    if status.is_redirection() {
        return redirected(status, header(LOCATION).as_deref(), &operation.redactor(path));
    }
    let body = beginning(&mut response).await;
    let problem = read_problem(&body, &operation.redactor(path));
    if is_html(&body) && matches!(status.as_u16(), 403..=405) {
        // Airbyte itself has no such page, so it was not even asked.
        let error = web_page(path).with_status(status.as_u16()).with_problem(problem);
        return Failed::new(Failure::Permanent, error);
    }
    refused(status, problem, wait, operation, path)
}

/// What arrives of a body: the status says enough, so neither its length nor its end is relied on.
async fn beginning(response: &mut reqwest::Response) -> BytesMut {
    let mut body = BytesMut::new();
    while body.len() < LONGEST_REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body
}

/// No whole answer arrived.
fn broken(error: reqwest::Error, path: &CallPath) -> Failed {
    let root = web_links::display(&path.public_root);
    // The address can hold ids and filters; what matters of it is in the hint.
    let error = error.without_url();
    if error.is_builder() {
        let error = Error::new(ErrorKind::InvalidInput, "the request cannot be made").with_source(error);
        return Failed::new(Failure::Permanent, error);
    }
    if is_certificate_problem(&error) {
        let error = Error::new(ErrorKind::Configuration, "the server's certificate is not trusted")
            .with_hint(
                "install its certificate authority in the system's store, or name its file in AIRBYTE_ROOT_CERTIFICATES or root_certificate",
            )
            .with_source(error);
        return Failed::new(Failure::Permanent, error);
    }
    if is_client_certificate_problem(&error) {
        let what = "the server wants a client certificate, or does not take the one that it was shown";
        let error = Error::new(ErrorKind::Configuration, what)
            .with_hint(
                "name its file in AIRBYTE_CLIENT_CERTIFICATE and that of its key in AIRBYTE_CLIENT_KEY, or give them as client_certificate",
            )
            .with_source(error);
        return Failed::new(Failure::Permanent, error);
    }
    if is_refused_by_proxy(&error) {
        let error = Error::new(
            ErrorKind::Configuration,
            "the proxy wants credentials, or refuses those it was given",
        )
        .with_hint("they belong into the proxy's address: http://USER:PASSWORD@HOST:PORT")
        .with_source(error);
        return Failed::new(Failure::Permanent, error);
    }
    if error.is_connect() {
        let error = Error::new(ErrorKind::Network, "the server cannot be reached")
            .with_hint(format!(
                "check that {root} is right and can be reached from here, and the proxy settings"
            ))
            .with_source(error);
        return Failed::new(Failure::NotSent, error);
    }
    let error = if error.is_timeout() {
        Error::new(ErrorKind::Timeout, "the server did not answer in time")
            .with_hint("a longer time limit can be set on the client")
            .with_source(error)
    } else {
        Error::new(ErrorKind::Network, "the connection broke before the answer was complete")
            .with_source(error)
    };
    Failed::new(Failure::Interrupted, error)
}

/// Certificates do not become valid by asking again, unlike other failures to connect.
fn is_certificate_problem(error: &reqwest::Error) -> bool {
    any_cause(error, &|cause| matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
}

/// Whether the server ended the connection because of what this side has shown, or not shown.
fn is_client_certificate_problem(error: &reqwest::Error) -> bool {
    use rustls::AlertDescription as Alert;
    any_cause(error, &|cause| {
        matches!(
            cause.downcast_ref(),
            Some(rustls::Error::AlertReceived(
                Alert::CertificateRequired
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::DecryptError
                    | Alert::AccessDenied
            ))
        )
    })
}

/// The transport has no type for it.
fn is_refused_by_proxy(error: &reqwest::Error) -> bool {
    error.is_connect()
        && any_cause(error, &|cause| cause.to_string().ends_with("proxy authorization required"))
}

fn any_cause(
    error: &(dyn std::error::Error + 'static),
    wanted: &dyn Fn(&(dyn std::error::Error + 'static)) -> bool,
) -> bool {
    // TLS errors travel inside I/O errors, whose `source` skips the error they hold.
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wanted(error)
        || held.is_some_and(|held| any_cause(held, wanted))
        || error.source().is_some_and(|source| any_cause(source, wanted))
}

/// A success that is not what the API promises.
fn undecodable(body: &[u8], error: serde_json::Error, operation: &Operation, path: &CallPath) -> Failed {
    if is_html(body) {
        return Failed::new(Failure::Permanent, web_page(path));
    }
    if error.is_eof() && !body.is_empty() {
        // Cut off in the middle although the transport did not notice: a proxy's doing.
        let error = Error::new(ErrorKind::Network, "the answer ends in the middle").with_source(error);
        return Failed::new(Failure::Interrupted, error);
    }
    let what = operation.redactor(path).clean(&error.to_string());
    let error = Error::new(ErrorKind::UnexpectedResponse, format!("the answer cannot be understood: {what}"))
        .with_hint(
            "the server may be of a version that this one does not know; `request` gives its answer as it is",
        );
    Failed::new(Failure::Undecodable, error)
}

/// The web application answers whatever it does not know with its start page and status 200.
fn web_page(path: &CallPath) -> Error {
    let root = web_links::display(&path.public_root);
    let hint = match web_links::self_managed_root(&path.public_root) {
        Some(right) => format!("the API root is probably wrong: try {right} instead of {root}"),
        None => format!(
            "something in front of {root} answers for it: a login page, a proxy, or the web application"
        ),
    };
    Error::new(ErrorKind::Configuration, "the server answered with a web page, not as an API").with_hint(hint)
}

fn redirected(status: StatusCode, location: Option<&str>, redactor: &Redactor) -> Failed {
    let target =
        location.map(|location| redactor.clean(location.split(['?', '#']).next().unwrap_or(location)));
    let hint = match target {
        Some(target) => format!("it points to {target}; if that is the API, make it the API root"),
        None => "check the API root".to_owned(),
    };
    let error = Error::new(ErrorKind::Configuration, "the server redirects instead of answering")
        .with_status(status.as_u16())
        .with_hint(hint);
    Failed::new(Failure::Permanent, error)
}

/// A failure status with whatever its body said.
fn refused(
    status: StatusCode,
    problem: Option<Problem>,
    wait: Option<Duration>,
    operation: &Operation,
    path: &CallPath,
) -> Failed {
    let code = status.as_u16();
    let kind = kind_of(code, problem.as_ref(), operation);
    let said = problem.as_ref().and_then(Problem::explanation);
    let missing = match kind {
        ErrorKind::NotFound if !is_special(problem.as_ref()) => {
            operation.target.clone().or_else(|| problem.as_ref().and_then(Problem::resource))
        }
        _ => None,
    };
    let what = in_words(kind, about_the_plan(code, problem.as_ref()));
    let message = match (missing, said) {
        (Some(missing), _) => format!("{missing} was not found"),
        (None, Some(said)) => format!("{what}: {said}"),
        (None, None) => what.to_owned(),
    };
    let mut error = Error::new(kind, message).with_status(code).with_retry_after(wait).with_retryable(
        matches!(code, 408 | 425 | 429 | 500 | 502..=504 | 506..)
            || problem.as_ref().is_some_and(|p| p.is("try-again-later")),
    );
    if let Some(hint) = hint::for_refusal(code, kind, problem.as_ref(), operation, path) {
        error = error.with_hint(hint);
    }
    Failed::new(Failure::Status(code), error.with_problem(problem))
}

/// Whether a problem has a type of its own, which says more than that something is not there.
fn is_special(problem: Option<&Problem>) -> bool {
    problem.is_some_and(|problem| problem.is_below("error:"))
}

fn kind_of(code: u16, problem: Option<&Problem>, operation: &Operation) -> ErrorKind {
    let is = |word| problem.is_some_and(|problem| problem.is(word));
    let by_id = operation.reads_target && !is_special(problem);
    match code {
        // What is not paid for has one of several statuses, 404 among them.
        400..=499 if problem.is_some_and(|problem| problem.is_below("error:billing")) => ErrorKind::Forbidden,
        401 => ErrorKind::Unauthorized,
        // Reading is the lowest right there is: whoever may not read an object cannot tell whether it
        // exists, and neither does the server.
        403 if by_id => ErrorKind::NotFound,
        402 | 403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        // How the server tells an administrator that a job does not exist.
        409 if by_id && is("state-conflict") => ErrorKind::NotFound,
        409 if is("error:connection/locked") => ErrorKind::ConnectionNotActive,
        409 | 412 | 423 => ErrorKind::Conflict,
        407 => ErrorKind::Configuration,
        408 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimited,
        501 => ErrorKind::Unsupported,
        400 | 413 | 414 | 422 => ErrorKind::InvalidInput,
        500.. => ErrorKind::Server,
        _ => ErrorKind::UnexpectedResponse,
    }
}

/// Whether it is what the organization pays for that stands in the way, and not the credentials.
fn about_the_plan(code: u16, problem: Option<&Problem>) -> bool {
    let is_below = |prefix| problem.is_some_and(|problem: &Problem| problem.is_below(prefix));
    code == 402 || is_below("error:billing") || is_below("error:license")
}

fn in_words(kind: ErrorKind, about_the_plan: bool) -> &'static str {
    match kind {
        ErrorKind::Forbidden if about_the_plan => "the plan or its payment does not allow this",
        ErrorKind::Unauthorized => "the credentials were refused",
        ErrorKind::Forbidden => "the credentials do not allow this",
        ErrorKind::NotFound => "the object was not found",
        ErrorKind::Conflict => "the state of the object does not allow this",
        ErrorKind::Configuration => "the proxy refused the request",
        ErrorKind::Timeout => "the server gave up on the request",
        ErrorKind::RateLimited => "the server asks to slow down",
        ErrorKind::Unsupported => "this installation does not offer the operation",
        ErrorKind::InvalidInput => "the server refused the request",
        ErrorKind::Server => "the server failed",
        _ => "the server gave an unexpected answer",
    }
}
