//! The sandbox's own control path: faults, the requests that came in, the clock.

use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::plain;
use crate::app::App;
use crate::fault::{Fault, parse_duration};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/faults", plain(faults).post(add_fault).delete(clear_faults))
        .route("/requests", plain(requests).delete(forget_requests))
        .route("/clock", plain(clock).post(advance))
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
        Ok(fault) => {
            app.faults.add(fault);
            Json(json!({"faults": app.faults.list()})).into_response()
        }
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
    app.clock.advance(duration);
    Json(json!({"now": app.clock.now()})).into_response()
}
