//! The sandbox's own control path: faults, the requests that came in, the clock, and the people and organizations
//! that no operation of the API makes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, Role, plain};
use crate::app::App;
use crate::error::Error;
use crate::fault::{Fault, parse_duration};
use crate::jobs::scheduler;
use crate::model::Billing;
use crate::people::{Grant, NewUser};
use crate::requests::SeenRequest;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/faults", plain(faults).post(add_fault).delete(clear_faults))
        .route("/requests", plain(requests).delete(forget_requests))
        .route("/clock", plain(clock).post(advance))
        .route("/users", post(add_user))
        .route("/users/{id}", delete(remove_user))
        .route("/organizations", post(add_organization))
        .route("/billing", post(set_billing))
}

async fn faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({"faults": app.faults.list()}))
}

#[derive(Deserialize)]
struct NewFault {
    fault: String,
}

async fn add_fault(State(app): State<Arc<App>>, Json(body): Json<NewFault>) -> Response {
    match body.fault.parse::<Fault>() {
        Ok(fault) => match app.check(&fault) {
            Ok(()) => {
                app.faults.add(fault);
                Json(json!({"faults": app.faults.list()})).into_response()
            }
            Err(error) => {
                (StatusCode::BAD_REQUEST, Json(json!({"message": error.to_string()}))).into_response()
            }
        },
        Err(message) => (StatusCode::BAD_REQUEST, Json(json!({"message": message}))).into_response(),
    }
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

/// The latest requests, oldest first, and how often each operation was asked for since the requests were forgotten.
async fn requests(State(app): State<Arc<App>>) -> Json<Value> {
    // Whoever reads this shows no token.
    let latest: Vec<SeenRequest> = app.requests.latest().iter().map(SeenRequest::masked).collect();
    Json(json!({"requests": latest, "counts": app.requests.counts()}))
}

async fn forget_requests(State(app): State<Arc<App>>) -> StatusCode {
    app.requests.forget();
    StatusCode::NO_CONTENT
}

async fn clock(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({"now": app.clock.now()}))
}

#[derive(Deserialize)]
struct Advance {
    advance: String,
}

async fn advance(State(app): State<Arc<App>>, Json(body): Json<Advance>) -> Response {
    let Some(duration) = parse_duration(&body.advance) else {
        let message = format!("`{}` is not a duration such as 20m", body.advance);
        return (StatusCode::BAD_REQUEST, Json(json!({"message": message}))).into_response();
    };
    match scheduler::advance(&app, duration) {
        Ok(()) => Json(json!({"now": app.clock.now()})).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"message": error.to_string()}))).into_response()
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    name: String,
    email: String,
    /// Where the user is a member if no permissions are given; by default in the sandbox's own organization.
    organization_id: Option<String>,
    /// `registered`, `invited` or `disabled`.
    status: Option<String>,
    /// What the user may do, as `POST /permissions` takes it, and `instance_admin`.
    permissions: Option<Vec<Grant>>,
}

/// Adds a user and answers the credentials.
async fn add_user(State(app): State<Arc<App>>, Json(body): Json<Person>) -> Response {
    let organization = body.organization_id.unwrap_or_else(|| app.organization_id.to_string());
    let user = NewUser::named(body.name).email(body.email).status(body.status);
    let user = match body.permissions {
        Some(grants) => user.grants(grants),
        None => user.in_organization(organization, Role::Member),
    };
    match app.add_user(user) {
        Ok(credentials) => Json(credentials).into_response(),
        Err(error) => failed(&error),
    }
}

/// Removes a user: the tokens that this one has are good for nothing any more.
async fn remove_user(State(app): State<Arc<App>>, Path(id): Path<Uuid>) -> Response {
    match app.remove_user(id) {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Response {
    let status = match error {
        Error::Permission(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(json!({"message": error.to_string()}))).into_response()
}

#[derive(Deserialize)]
struct NamedOrganization {
    name: String,
    /// Whether the sandbox's own user administers it; nobody else does.
    #[serde(default = "yes")]
    administered: bool,
}

fn yes() -> bool {
    true
}

/// Adds an organization with a workspace.
async fn add_organization(State(app): State<Arc<App>>, Json(body): Json<NamedOrganization>) -> Response {
    let administrator = body.administered.then_some(app.user_id);
    match app.add_organization(body.name, administrator) {
        Ok(organization) => Json(organization).into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewBilling {
    /// By default the sandbox's own organization.
    organization_id: Option<Uuid>,
    payment_status: String,
    subscription_status: Option<String>,
}

/// Sets how an organization pays; only edition `cloud` shows it.
async fn set_billing(
    State(app): State<Arc<App>>,
    Json(body): Json<NewBilling>,
) -> Result<StatusCode, Refusal> {
    app.store.put(&Billing {
        organization_id: body.organization_id.unwrap_or(app.organization_id),
        payment_status: body.payment_status,
        subscription_status: body.subscription_status,
    })?;
    Ok(StatusCode::NO_CONTENT)
}
