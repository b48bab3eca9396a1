//! The users of an organization.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::MethodFilter as M;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, object};
use super::op;
use super::page::{ids, joined};
use super::request::Parameters;
use crate::app::App;
use crate::model::{Grantee, Permission, Scope, User};

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new().route("/users", op(app, M::GET, "listUsersWithinAnOrganization", list))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    organization_id: Uuid,
}

async fn list(
    State(app): State<Arc<App>>,
    RawQuery(raw): RawQuery,
    Parameters(query): Parameters<Query>,
) -> Answer {
    let ids = ids(raw.as_deref(), "ids")?;
    let emails = joined(raw.as_deref(), "emails").unwrap_or_default();
    let emails: Vec<&str> = emails.split(',').map(str::trim).filter(|email| !email.is_empty()).collect();
    let everybody = ids.is_empty() && emails.is_empty();
    let users: Vec<Value> = app
        .members(query.organization_id)?
        .iter()
        .filter(|user| everybody || ids.contains(&user.id) || emails.contains(&user.email.as_str()))
        .map(|user| json!({"id": user.id, "name": user.name, "email": user.email}))
        .collect();
    Ok(object(json!({"data": users})))
}

impl App {
    /// The users who belong to an organization.
    pub(crate) fn members(&self, organization: Uuid) -> rusqlite::Result<Vec<User>> {
        let permissions: Vec<Permission> = self.store.list()?;
        let mut users: Vec<User> = self.store.list()?;
        users.retain(|user| {
            permissions.iter().any(|one| {
                one.grantee == Grantee::User(user.id) && one.scope == Scope::Organization(organization)
            })
        });
        Ok(users)
    }
}
