//! The sandbox's own control path: faults, the requests that came in, the clock, and the people and organizations
//! that no operation of the API makes.

use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, plain};
use crate::app::App;
use crate::fault::{Fault, parse_duration};
use crate::jobs::scheduler;
use crate::model::{Billing, Grantee, Organization, Permission, Scope, User, Workspace};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/faults", plain(faults).post(add_fault).delete(clear_faults))
        .route("/requests", plain(requests).delete(forget_requests))
        .route("/clock", plain(clock).post(advance))
        .route("/users", post(add_user))
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

/// The latest requests, oldest first.
async fn requests(State(app): State<Arc<App>>) -> Json<Value> {
    let requests = app.requests.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({"requests": requests.iter().collect::<Vec<_>>()}))
}

async fn forget_requests(State(app): State<Arc<App>>) -> StatusCode {
    app.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
struct NewUser {
    name: String,
    email: String,
    /// Where the user is a member; by default in the sandbox's own organization.
    organization_id: Option<Uuid>,
    /// `registered`, `invited` or `disabled`.
    status: Option<String>,
}

async fn add_user(State(app): State<Arc<App>>, Json(body): Json<NewUser>) -> Result<Json<Value>, Refusal> {
    let id = Uuid::new_v4();
    app.store.put(&User {
        id,
        auth_id: Uuid::new_v4().to_string(),
        name: body.name,
        email: body.email,
        status: body.status.unwrap_or_else(|| "registered".to_owned()),
        default_workspace_id: None,
    })?;
    let organization = body.organization_id.unwrap_or(app.organization_id);
    permit(&app, id, "organization_member", organization)?;
    Ok(Json(json!({"userId": id})))
}

#[derive(Deserialize)]
struct NewOrganization {
    name: String,
}

/// Adds an organization with a workspace. The caller of the API administers it.
async fn add_organization(
    State(app): State<Arc<App>>,
    Json(body): Json<NewOrganization>,
) -> Result<Json<Value>, Refusal> {
    let organization =
        Organization { id: Uuid::new_v4(), name: body.name.clone(), email: "sandbox@example.com".to_owned() };
    let workspace = Workspace {
        id: Uuid::new_v4(),
        organization_id: organization.id,
        name: body.name,
        deleted: false,
        region_id: None,
        notifications: Value::Null,
    };
    app.store.put(&organization)?;
    permit(&app, app.user_id, "organization_admin", organization.id)?;
    app.store.put(&workspace)?;
    Ok(Json(json!({"organizationId": organization.id, "workspaceId": workspace.id})))
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

fn permit(app: &App, user: Uuid, kind: &str, organization: Uuid) -> Result<(), Refusal> {
    let (grantee, scope) = (Grantee::User(user), Scope::Organization(organization));
    app.store.put(&Permission { id: Uuid::new_v4(), kind: kind.to_owned(), grantee, scope })?;
    Ok(())
}
