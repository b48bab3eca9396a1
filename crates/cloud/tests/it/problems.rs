//! The types of problems that the server documents: what kind of error each becomes, what it says and advises.

use airbyte_cloud::ErrorKind;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::bodies::{Table, expect};
use crate::support::status;

use ErrorKind::{
    Conflict, ConnectionNotActive, Forbidden, InvalidInput, NotFound, Server, Timeout, Unauthorized,
    Unsupported,
};

/// Types without a scheme have a page of the server's documentation before them, or are only a title.
const ERRORS: &str = "https://reference.airbyte.com/reference/errors";

fn problem(code: u16, kind: &str, data: &Value) -> ResponseTemplate {
    let (of, title) = match kind.split_once('#') {
        Some(("", slug)) => (format!("{ERRORS}#{slug}"), slug.trim_start_matches("409-")),
        Some(_) => unreachable!("a type is a slug, a title or a word with a colon"),
        None if kind.contains(':') => (kind.to_owned(), "a title"),
        None => (ERRORS.to_owned(), kind),
    };
    status(code).set_body_json(json!({
        "status": code, "type": of, "title": title, "detail": "in general", "documentationUrl": null, "data": data,
    }))
}

/// `data` of a problem that only explains itself.
fn why() -> Value {
    json!({ "message": "this case" })
}

const BILLING: &str = "billing page";
const HOURLY: &str = "an hour or more";

#[tokio::test]
async fn each_type_has_its_kind_its_text_and_its_hint() {
    let stream = || json!({ "streamName": "users", "streamNamespace": "shop" });
    let mut table = Table::start().await;
    for (number, (code, kind_of_problem, data, expected)) in [
        // Access.
        (401, "#invalid-api-key", Value::Null, expect(Unauthorized, false, "in general", "application's user")),
        (403, "#forbidden", why(), expect(Forbidden, false, "this case", "role")),
        (403, "error:auth/sso-required", Value::Null, expect(Forbidden, false, "in general", "single sign-on")),
        (
            403,
            "error:license/entitlement",
            json!({ "entitlement": "feature-x", "resourceId": null }),
            expect(Forbidden, false, "the plan or its payment does not allow this: in general (entitlement: feature-x)", "edition or plan"),
        ),
        (501, "error:implementation/not-implemented-in-oss", Value::Null, expect(Unsupported, false, "", "edition")),
        // What is not there.
        (
            404,
            "#resource-not-found",
            json!({ "resourceType": "STANDARD_SYNC", "resourceId": "5e0c" }),
            expect(NotFound, false, "connection 5e0c was not found", "check the id"),
        ),
        (
            404,
            "#resource-not-found",
            json!({ "resourceType": "DESTINATION_CONNECTION", "resourceId": "5e0c" }),
            expect(NotFound, false, "destination 5e0c was not found", "check the id"),
        ),
        (
            404,
            "#resource-not-found",
            json!({ "resourceType": "group", "resourceId": "5e0c" }),
            expect(NotFound, false, "group 5e0c was not found", "check the id"),
        ),
        (400, "value-not-found", json!({ "value": "EU" }), expect(InvalidInput, false, "(value: EU)", "")),
        (
            404,
            "error:destination/catalog-not-found",
            json!({ "connectionId": "5e0c" }),
            expect(NotFound, false, "in general (connectionId: 5e0c)", "check the"),
        ),
        // The state of things.
        (409, "#409-state-conflict", why(), expect(Conflict, false, "this case", "")),
        (409, "#try-again-later", why(), expect(Conflict, true, "this case", "wait for it")),
        (
            409,
            "error:connection/locked",
            json!({ "connectionId": "5e0c", "statusReason": "unpaid" }),
            expect(ConnectionNotActive, false, "unpaid", "locks"),
        ),
        (409, "error:tag-already-exists", why(), expect(Conflict, false, "this case", "")),
        (409, "error:group-already-exists", why(), expect(Conflict, false, "this case", "")),
        (409, "error:group-permission-already-exists", why(), expect(Conflict, false, "this case", "")),
        (409, "error:group-member-already-exists", why(), expect(Conflict, false, "this case", "")),
        (409, "error:group-managed-by-scim", why(), expect(Conflict, false, "this case", "")),
        (409, "error:dataplane-group-name-already-exists", why(), expect(Conflict, false, "this case", "")),
        (409, "error:dataplane-name-already-exists", why(), expect(Conflict, false, "this case", "")),
        (409, "error:auth/user-already-exists", json!({ "email": "a@b.example" }), expect(Conflict, false, "(email: a@b.example)", "")),
        (409, "error:mapper-validation/runtime-secrets-manager-required", Value::Null, expect(Conflict, false, "in general", "")),
        (
            412,
            "error:failed-precondition",
            json!({ "failedPreconditionDetail": "not set up" }),
            expect(Conflict, false, "not set up", ""),
        ),
        // What was sent.
        (400, "#bad-request", why(), expect(InvalidInput, false, "this case", "")),
        (422, "#unprocessable-entity", why(), expect(InvalidInput, false, "this case", "")),
        (422, "#invalid-redirect-url", json!({ "redirectUrl": "http://x" }), expect(InvalidInput, false, "(redirectUrl: http://x)", "")),
        (400, "error:cron-validation/missing-cron-data", Value::Null, expect(InvalidInput, false, "", "Quartz")),
        (
            400,
            "error:cron-validation/missing-component",
            json!({ "connectionId": "5e0c", "cronExpression": "* *", "cronTimezone": "UTC" }),
            expect(InvalidInput, false, "cronExpression: * *; cronTimezone: UTC", "Quartz"),
        ),
        (
            400,
            "error:cron-validation/invalid-expression",
            json!({ "cronExpression": "0 *", "validationErrorMessage": "two fields" }),
            expect(InvalidInput, false, "refused the request: two fields", "Quartz"),
        ),
        (400, "error:cron-validation/invalid-timezone", json!({ "cronTimezone": "Mars" }), expect(InvalidInput, false, "(cronTimezone: Mars)", "time zone")),
        (400, "error:cron-validation/unsupported-timezone", json!({ "cronTimezone": "EST" }), expect(InvalidInput, false, "(cronTimezone: EST)", "time zone")),
        (400, "error:cron-validation/under-one-hour-not-allowed", json!({ "cronExpression": "0 * * * * ?" }), expect(InvalidInput, false, "0 * * * * ?", HOURLY)),
        (
            400,
            "error:basic-schedule-validation/under-one-hour-not-allowed",
            json!({ "timeUnit": "minutes", "units": 5, "validationErrorMessage": null }),
            expect(InvalidInput, false, "(timeUnit: minutes; units: 5)", HOURLY),
        ),
        (
            400,
            "error:mapper-validation",
            json!({ "errors": [{ "stream": "users", "error": "no such field", "mapper": { "key": "hunter2" } }] }),
            expect(InvalidInput, false, "(errors: users (no such field))", ""),
        ),
        (
            400,
            "error:mapper-validation/missing-required-param",
            json!({ "mapperId": "5e0c", "mapperType": "hashing", "message": "no method" }),
            expect(InvalidInput, false, "no method", ""),
        ),
        (400, "error:mapper-validation/invalid-config", json!({ "mapperId": "5e0c" }), expect(InvalidInput, false, "(mapperId: 5e0c)", "")),
        (400, "error:mapper-validation/secret-not-found", json!({ "mapperId": "5e0c" }), expect(InvalidInput, false, "(mapperId: 5e0c)", "")),
        (
            400,
            "error:connection-conflicting-destination-stream",
            json!({ "streams": [stream(), { "streamName": "orders", "connectionIds": ["5e0c"] }] }),
            expect(InvalidInput, false, "(streams: shop.users, orders)", "a prefix"),
        ),
        (400, "error:connection-validation/file-transfer/stream-unsupported", json!({ "streams": [stream()] }), expect(InvalidInput, false, "shop.users", "")),
        (400, "error:tag-invalid-hex-color", why(), expect(InvalidInput, false, "this case", "")),
        (400, "error:tag-name-too-long", why(), expect(InvalidInput, false, "this case", "")),
        (400, "error:tag-limit-for-workspace-reached", Value::Null, expect(InvalidInput, false, "in general", "")),
        (400, "error:notification/config/required", why(), expect(InvalidInput, false, "this case", "")),
        (400, "error:connection/destination-catalog/missing-primary-key", json!({ "streamName": "users", "matchingKeys": [["id"], ["a", "b"]] }), expect(InvalidInput, false, "matchingKeys: id, a, b; streamName: users", "")),
        // Money, whose statuses are of all kinds.
        (
            422,
            "error:billing/insufficient-payment-status",
            json!({ "invalidPaymentStatus": "locked", "invalidSubscriptionStatus": null }),
            expect(Forbidden, false, "payment does not allow this: in general (invalidPaymentStatus: locked)", BILLING),
        ),
        (422, "error:billing/insufficient-credit-balance", json!({ "currentBalance": "0.0" }), expect(Forbidden, false, "(currentBalance: 0.0)", BILLING)),
        (404, "error:billing/subscription/subscription-required", Value::Null, expect(Forbidden, false, "in general", BILLING)),
        (404, "error:billing/no-active-subscription", Value::Null, expect(Forbidden, false, "in general", BILLING)),
        (400, "error:billing/no-cancelable-subscription", Value::Null, expect(Forbidden, false, "in general", BILLING)),
        // The server's own trouble.
        (408, "error:request-timeout-exceeded", Value::Null, expect(Timeout, true, "in general", "")),
        (500, "unexpected-problem", why(), expect(Server, true, "this case", "may pass")),
        (500, "#oauth-callback-failure", why(), expect(Server, true, "this case", "may pass")),
        (500, "error:sso-setup", json!({ "companyIdentifier": "acme", "errorMessage": "no realm" }), expect(Server, true, "no realm", "may pass")),
        (503, "service-unavailable", Value::Null, expect(Server, true, "in general", "may pass")),
        (503, "error:entitlement-service/error-adding-organization", json!({ "planId": "p", "errorMessage": "away" }), expect(Server, true, "away", "may pass")),
        // One of a newer server.
        (418, "error:tea/no-coffee", why(), expect(ErrorKind::UnexpectedResponse, false, "this case", "")),
    ]
    .into_iter()
    .enumerate()
    {
        let error = table.error(false, number, problem(code, kind_of_problem, &data)).await;
        table.check(kind_of_problem, &error, expected);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    table.finish();
}

/// The same, where an object was asked for by its id: only what is said about that object is `not found`.
#[tokio::test]
async fn a_problem_with_a_type_of_its_own_is_not_about_the_id() {
    let mut table = Table::start().await;
    let resource = json!({ "resourceType": "STANDARD_SYNC", "resourceId": "5e0c" });
    for (number, (code, kind_of_problem, data, expected)) in [
        (
            404,
            "#resource-not-found",
            resource,
            expect(NotFound, false, "job 0 was not found", "check the id"),
        ),
        (403, "#forbidden", why(), expect(NotFound, false, "job 1 was not found", "no access")),
        (409, "#409-state-conflict", why(), expect(NotFound, false, "job 2 was not found", "check the id")),
        (409, "#try-again-later", why(), expect(Conflict, true, "this case", "wait for it")),
        (
            403,
            "error:license/entitlement",
            Value::Null,
            expect(Forbidden, false, "in general", "edition or plan"),
        ),
        (
            403,
            "error:auth/sso-required",
            Value::Null,
            expect(Forbidden, false, "in general", "single sign-on"),
        ),
        (
            404,
            "error:billing/no-active-subscription",
            Value::Null,
            expect(Forbidden, false, "in general", BILLING),
        ),
        (
            404,
            "error:destination/catalog-not-found",
            Value::Null,
            expect(NotFound, false, "in general", "check the id"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let error = table.error(true, number, problem(code, kind_of_problem, &data)).await;
        table.check(kind_of_problem, &error, expected);
    }
    table.finish();
}
