//! The server's HTTP side: routes, and the gate that every request passes.

mod access;
mod actors;
mod answer;
mod applications;
mod config;
mod connections;
mod consent;
mod control;
mod dataplanes;
mod declarative;
mod definitions;
mod embedded;
mod gate;
mod group_members;
mod groups;
mod jobs;
mod notifications;
mod oauth;
mod page;
mod permissions;
mod regions;
mod request;
mod schedules;
mod serve;
mod streams;
mod tags;
mod token;
mod users;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, get, on};

pub(crate) use access::Caller;
pub use access::Role;
pub(crate) use answer::Refusal;
pub(crate) use applications::{new_application, new_secret};
pub(crate) use jobs::stream_totals;
pub(crate) use serve::serve;

use crate::app::App;

/// One operation: its id in the API document, and what it asks of its caller.
#[derive(Clone, Copy, Debug)]
struct Operation {
    id: &'static str,
    rule: access::Rule,
}

/// Everything the sandbox answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let public = public_routes(&app);
    let config = config::routes(&app);
    Router::new()
        .nest("/api/public/v1", public)
        .nest("/api/v1", config)
        .nest("/_sandbox/v1", control::routes())
        .fallback(gate::no_route)
        .method_not_allowed_fallback(gate::no_route)
        .layer(axum::middleware::from_fn_with_state(app.clone(), gate::safe))
        .with_state(app)
}

fn public_routes(app: &Arc<App>) -> Router<Arc<App>> {
    use MethodFilter as M;
    let source = crate::model::Side::Source;
    let destination = crate::model::Side::Destination;
    Router::new()
        .merge(applications::routes(app))
        .merge(dataplanes::routes(app))
        .merge(declarative::routes(app))
        .merge(definitions::routes(app))
        .merge(embedded::routes(app))
        .merge(group_members::routes(app))
        .merge(groups::routes(app))
        .merge(oauth::routes(app))
        .merge(permissions::routes(app))
        .merge(regions::routes(app))
        .merge(tags::routes(app))
        .merge(users::routes(app))
        .route("/health", op(app, M::GET, "getHealthCheck", health))
        .route("/applications/token", op(app, M::POST, "createAccessToken", token::create))
        .route("/organizations", op(app, M::GET, "listOrganizationsForUser", workspaces::organizations))
        .route(
            "/workspaces",
            op(app, M::GET, "listWorkspaces", workspaces::list).merge(op(
                app,
                M::POST,
                "createWorkspace",
                workspaces::create,
            )),
        )
        .route(
            "/workspaces/{id}",
            op(app, M::GET, "getWorkspace", workspaces::get)
                .merge(op(app, M::PATCH, "updateWorkspace", workspaces::update))
                .merge(op(app, M::DELETE, "deleteWorkspace", workspaces::delete)),
        )
        .route(
            "/sources",
            op(app, M::GET, "listSources", actors::list(source)).merge(op(
                app,
                M::POST,
                "createSource",
                actors::create(source),
            )),
        )
        .route(
            "/sources/{id}",
            op(app, M::GET, "getSource", actors::get(source))
                .merge(op(app, M::PATCH, "patchSource", actors::patch(source)))
                .merge(op(app, M::PUT, "putSource", actors::put(source)))
                .merge(op(app, M::DELETE, "deleteSource", actors::delete(source))),
        )
        .route(
            "/destinations",
            op(app, M::GET, "listDestinations", actors::list(destination)).merge(op(
                app,
                M::POST,
                "createDestination",
                actors::create(destination),
            )),
        )
        .route(
            "/destinations/{id}",
            op(app, M::GET, "getDestination", actors::get(destination))
                .merge(op(app, M::PATCH, "patchDestination", actors::patch(destination)))
                .merge(op(app, M::PUT, "putDestination", actors::put(destination)))
                .merge(op(app, M::DELETE, "deleteDestination", actors::delete(destination))),
        )
        .route(
            "/connections",
            op(app, M::GET, "listConnections", connections::list).merge(op(
                app,
                M::POST,
                "createConnection",
                connections::create,
            )),
        )
        .route(
            "/connections/{id}",
            op(app, M::GET, "getConnection", connections::get)
                .merge(op(app, M::PATCH, "patchConnection", connections::patch))
                .merge(op(app, M::DELETE, "deleteConnection", connections::delete)),
        )
        .route("/streams", op(app, M::GET, "getStreamProperties", streams::properties))
        .route(
            "/jobs",
            op(app, M::GET, "listJobs", jobs::list).merge(op(app, M::POST, "createJob", jobs::create)),
        )
        .route(
            "/jobs/{id}",
            op(app, M::GET, "getJob", jobs::get).merge(op(app, M::DELETE, "cancelJob", jobs::cancel)),
        )
}

/// Whether the database is there.
async fn health(State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    match app.store.safe().await {
        Ok(()) => Ok("Successful operation"),
        Err(_) => Err(Refusal::unavailable()),
    }
}

/// An operation by its id, behind the gate.
fn op<H, T>(app: &Arc<App>, method: MethodFilter, id: &'static str, handler: H) -> MethodRouter<Arc<App>>
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    let operation = Operation { id, rule: access::rule_of(id) };
    app.serves(operation.id);
    on(method, handler).layer(axum::middleware::from_fn_with_state((app.clone(), operation), gate::pass))
}

/// A GET route outside of the API.
fn plain<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    get(handler)
}
