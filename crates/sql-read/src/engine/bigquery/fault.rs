//! What BigQuery's errors mean.

use std::error::Error as _;

use google_cloud_gax::error::Error as Fault;
use google_cloud_gax::error::rpc::Code;

use crate::error::{Error, ErrorKind};

const CREDENTIALS_HINT: &str = "check `credentials_json` of the destination; without it the application default credentials are used \
                                (GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, or the machine's own account)";
const ROLES_HINT: &str = "the account needs the roles BigQuery Data Viewer on the dataset, BigQuery Read Session User and BigQuery Job User \
                          on the project";
const PLACE_HINT: &str = "check project_id, dataset_id and dataset_location of the destination";

/// The error in this crate's terms, with the service's own words.
pub(super) fn fault(error: Fault) -> Error {
    let (kind, hint) = meaning(&error);
    let described = Error::new(kind, format!("BigQuery: {}", words(&error)));
    let described = match hint {
        Some(hint) => described.with_hint(hint),
        None => described,
    };
    described.with_source(error)
}

/// Whether the thing that was asked for is not there.
pub(super) fn is_missing(error: &Fault) -> bool {
    code(error) == Some(Code::NotFound)
}

/// Whether the account may not do that.
pub(super) fn is_forbidden(error: &Fault) -> bool {
    code(error) == Some(Code::PermissionDenied)
}

/// Whether the same request has been received before.
pub(super) fn is_repeated(error: &Fault) -> bool {
    code(error) == Some(Code::AlreadyExists)
}

/// The failure behind the message that no more attempts are made.
fn last(error: &Fault) -> &Fault {
    match error.source().and_then(|source| source.downcast_ref::<Fault>()) {
        Some(inner) if error.is_exhausted() => last(inner),
        _ => error,
    }
}

fn code(error: &Fault) -> Option<Code> {
    let error = last(error);
    error.status().map(|status| status.code).filter(|code| *code != Code::Unknown).or_else(|| {
        Some(match error.http_status_code()? {
            400 => Code::InvalidArgument,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::NotFound,
            409 => Code::AlreadyExists,
            429 => Code::ResourceExhausted,
            500.. => Code::Unavailable,
            _ => return None,
        })
    })
}

fn meaning(error: &Fault) -> (ErrorKind, Option<&'static str>) {
    let error = last(error);
    if error.is_authentication() {
        return (ErrorKind::Connect, Some(CREDENTIALS_HINT));
    }
    match code(error) {
        Some(Code::Unauthenticated) => (ErrorKind::Connect, Some(CREDENTIALS_HINT)),
        Some(Code::PermissionDenied) => (ErrorKind::Query, Some(ROLES_HINT)),
        Some(Code::NotFound) => (ErrorKind::Query, Some(PLACE_HINT)),
        Some(Code::ResourceExhausted) => {
            (ErrorKind::Query, Some("a quota of the project is used up; try again later"))
        }
        Some(
            Code::Unavailable | Code::Aborted | Code::Cancelled | Code::DeadlineExceeded | Code::Internal,
        ) => (ErrorKind::BrokenConnection, None),
        Some(_) => (ErrorKind::Query, None),
        None if error.is_connect() => (ErrorKind::Connect, Some("check that this machine may reach it")),
        None if error.is_deserialization() => (ErrorKind::Query, None),
        None => (ErrorKind::BrokenConnection, None),
    }
}

/// The service's message, or else what every layer below says, each thing once.
fn words(error: &Fault) -> String {
    let error = last(error);
    if let Some(status) = error.status().filter(|status| !status.message.is_empty()) {
        return status.message.clone();
    }
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        source = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::rpc::Status;

    use super::*;

    fn service(code: Code) -> Fault {
        Fault::service(Status::default().set_code(code).set_message("so it is"))
    }

    #[test]
    fn a_refusal_says_which_roles_and_a_lost_connection_may_be_tried_again() {
        let refused = fault(service(Code::PermissionDenied));
        assert_eq!(refused.kind(), ErrorKind::Query);
        assert_eq!(refused.to_string(), "BigQuery: so it is");
        assert!(refused.hint().unwrap().contains("Data Viewer"));
        assert!(fault(service(Code::Unavailable)).is_retryable());
        assert!(fault(Fault::io("cut")).is_retryable());
        assert_eq!(fault(Fault::connect("nobody there")).kind(), ErrorKind::Connect);
    }

    #[test]
    fn what_was_wrong_shows_through_the_end_of_attempts() {
        let wrapped = Fault::exhausted(service(Code::NotFound));
        assert!(is_missing(&wrapped));
        assert_eq!(fault(wrapped).to_string(), "BigQuery: so it is");
    }
}
