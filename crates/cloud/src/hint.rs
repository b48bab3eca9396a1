//! What to do about an answer that refuses something.

use crate::call::{CallPath, Operation};
use crate::error::ErrorKind;
use crate::problem::Problem;
use crate::web_links;

/// By the type of the problem, or what its type begins with. The first that fits counts.
const BY_PROBLEM: &[(&str, &str)] = &[
    ("error:license/entitlement", "this edition or plan of Airbyte does not include the feature"),
    (
        "error:billing",
        "the organization's subscription, payment or credits do not allow it: see its billing page in the web application",
    ),
    ("error:connection/locked", "see in the web application what locks the connection"),
    ("error:auth/sso-required", "the organization lets people in through single sign-on only"),
    ("error:cron-validation/under-one-hour-not-allowed", ONCE_AN_HOUR),
    ("error:basic-schedule-validation/under-one-hour-not-allowed", ONCE_AN_HOUR),
    ("error:cron-validation/invalid-timezone", "name the time zone as in `Europe/Berlin`, or use UTC"),
    ("error:cron-validation/unsupported-timezone", "name the time zone as in `Europe/Berlin`, or use UTC"),
    (
        "error:cron-validation",
        "the expression has to be Quartz, which begins with the seconds: `0 0 6 * * ?` is every day at six",
    ),
    (
        "error:connection-conflicting-destination-stream",
        "another connection writes to the same tables: give one of them a prefix or a namespace of its own",
    ),
    ("try-again-later", "something is still going on there: wait for it, and try again"),
];

const ONCE_AN_HOUR: &str = "choose a schedule with an hour or more between two syncs";

/// A hint for a refusal with this status, which is of this kind.
pub(crate) fn for_refusal(
    code: u16,
    kind: ErrorKind,
    problem: Option<&Problem>,
    operation: &Operation,
    path: &CallPath,
) -> Option<String> {
    let root = web_links::display(&path.public_root);
    if let Some(problem) = problem
        && let Some((_, hint)) = BY_PROBLEM.iter().find(|(of, _)| problem.is(of) || problem.is_below(of))
    {
        return Some((*hint).to_owned());
    }
    Some(match (code, kind) {
        (401, _) if problem.is_some_and(|problem| problem.is_page) => {
            format!("something in front of {root} wants credentials of its own")
        }
        (401, _) => path.auth.refused_hint(&root),
        (402, _) => {
            "see the billing page of the organization, or of whoever runs the server, for what is unpaid"
                .to_owned()
        }
        (403, ErrorKind::NotFound) => format!(
            "either it does not exist or these credentials have no access to it; check the id, and that {root} is the installation it lives on"
        ),
        (403, _) if operation.target.is_some() => {
            "it does not exist, or the role of the application's user in its workspace or organization is too low"
                .to_owned()
        }
        (403, _) => {
            "the role of the application's user in the workspace or organization is too low".to_owned()
        }
        (404, _)
            if operation.target.is_none() && problem.is_none_or(|problem| problem.resource().is_none()) =>
        {
            format!("check the path, and that {root} is the root of the public API")
        }
        (_, ErrorKind::NotFound) => {
            format!("check the id, and that {root} is the installation it lives on")
        }
        (407, _) => "check the proxy settings: its credentials belong into the proxy's address".to_owned(),
        (413 | 414, _) => "send less at once: servers take 10 MB as a rule".to_owned(),
        (423, _) => "wait until the running job has ended, or cancel it".to_owned(),
        (429, _) => "send fewer requests at once, or allow more attempts and time".to_owned(),
        (501, _) => "Airbyte Cloud or another edition may have it".to_owned(),
        (500.., ErrorKind::Server) => match problem.and_then(|problem| problem.error_id.as_deref()) {
            Some(id) => format!("the server's log has the details under error id {id}"),
            None => "it may pass; if not, look at the server's log".to_owned(),
        },
        _ => return None,
    })
}
