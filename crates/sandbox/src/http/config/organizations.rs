//! Organizations, as the Config API shows them; on Cloud with how they pay.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use super::paging::Slice;
use crate::app::App;
use crate::builder::Edition;
use crate::http::Caller;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::model::{Billing, Organization, User, Workspace};

pub(super) async fn get(State(app): State<Arc<App>>, body: Body) -> Answer {
    Ok(object(shown(&found(&app, body.required_id("organizationId")?)?)))
}

pub(super) async fn info(State(app): State<Arc<App>>, body: Body) -> Answer {
    let organization = found(&app, body.required_id("organizationId")?)?;
    Ok(object(info_of(&app, &organization)?))
}

/// The organization of a workspace.
pub(super) async fn info_by_workspace(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    let organization: Option<Organization> = app.store.get(&workspace.organization_id.to_string())?;
    Ok(object(info_of(&app, &organization.ok_or(Refusal::ErrorId(404))?)?))
}

/// The organizations that a user is in; an administrator of the instance is in all.
pub(super) async fn list_by_user(State(app): State<Arc<App>>, body: Body) -> Answer {
    let user: User = named(&app, &body, "userId")?;
    let organizations = Caller::as_user(&app, user.id)?.organizations(&app)?;
    let slice = Slice::of(&body)?;
    let listed: Vec<Value> =
        slice.of_named(organizations, |organization| &organization.name).iter().map(shown).collect();
    Ok(object(json!({"organizations": listed})))
}

fn found(app: &App, id: Uuid) -> Result<Organization, Refusal> {
    app.store.get(&id.to_string())?.ok_or(Refusal::ErrorId(404))
}

fn shown(organization: &Organization) -> Value {
    json!({
        "organizationId": organization.id,
        "organizationName": organization.name,
        "email": organization.email,
    })
}

fn info_of(app: &App, organization: &Organization) -> Result<Value, Refusal> {
    // Only Cloud bills.
    let billing = if app.edition == Edition::Cloud {
        let billing: Option<Billing> = app.store.get(&organization.id.to_string())?;
        let (payment, subscription) = billing.map_or_else(
            || ("okay".to_owned(), Some("subscribed".to_owned())),
            |billing| (billing.payment_status, billing.subscription_status),
        );
        present(json!({"paymentStatus": payment, "subscriptionStatus": subscription}))
    } else {
        Value::Null
    };
    Ok(json!({
        "organizationId": organization.id,
        "organizationName": organization.name,
        "sso": false,
        "scim": false,
        "billing": billing,
    }))
}
