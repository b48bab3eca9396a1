//! Regions of an organization: where its connectors run.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter as M;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal, object};
use super::op;
use super::request::{Body, Parameters, PathIds};
use crate::app::App;
use crate::model::{Dataplane, Organization, Region};
use crate::timestamp::offset_date_time;

/// What an installation needs a licence for, by the server's own name.
pub(super) const FEATURE: &str = "feature-self-managed-regions";

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(
            "/regions",
            op(app, M::GET, "listRegions", list).merge(op(app, M::POST, "createRegion", create)),
        )
        .route(
            "/regions/{id}",
            op(app, M::GET, "getRegion", get).merge(op(app, M::PATCH, "updateRegion", update)).merge(op(
                app,
                M::DELETE,
                "deleteRegion",
                delete,
            )),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    organization_id: Uuid,
}

/// Those of the organization and those that everybody has, as a bare list.
async fn list(State(app): State<Arc<App>>, Parameters(query): Parameters<Query>) -> Answer {
    app.ensure_entitled(FEATURE)?;
    let regions = app.regions_for(query.organization_id)?;
    Ok(bare_list(regions.iter().map(shown)))
}

async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let (name, organization_id) = (body.required_text("name")?, body.required_id("organizationId")?);
        let enabled = body.flag("enabled")?.unwrap_or(true);
        app.ensure_entitled(FEATURE)?;
        if app.store.get::<Organization>(&organization_id.to_string())?.is_none() {
            return Err(app.server_error(404));
        }
        app.check_region_name(organization_id, name, None)?;
        let region = Region {
            id: Uuid::new_v4(),
            organization_id,
            name: name.to_owned(),
            enabled,
            deleted: false,
            created_at: app.now(),
            updated_at: app.now(),
        };
        app.store.put(&region)?;
        Ok(object(shown(&region)))
    })
}

async fn get(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    app.ensure_entitled(FEATURE)?;
    Ok(object(shown(&app.region(id)?)))
}

async fn update(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        let enabled = body.flag("enabled")?;
        app.ensure_entitled(FEATURE)?;
        let mut region = app.region(id)?;
        if let Some(name) = body.text("name")? {
            app.check_region_name(region.organization_id, name, Some(id))?;
            name.clone_into(&mut region.name);
        }
        region.enabled = enabled.unwrap_or(region.enabled);
        region.updated_at = app.now();
        app.store.put(&region)?;
        Ok(object(shown(&region)))
    })
}

async fn delete(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    app.store.change(|| {
        app.ensure_entitled(FEATURE)?;
        let mut region = app.region(id)?;
        let mut dataplanes: Vec<Dataplane> = app.store.list()?;
        dataplanes.retain(|dataplane| dataplane.region_id == id);
        for dataplane in &mut dataplanes {
            dataplane.deleted = true;
        }
        app.store.put_all(&dataplanes)?;
        (region.deleted, region.updated_at) = (true, app.now());
        app.store.put(&region)?;
        Ok(object(shown(&region)))
    })
}

pub(super) fn bare_list(items: impl Iterator<Item = Value>) -> Response {
    Json(items.collect::<Vec<_>>()).into_response()
}

fn shown(region: &Region) -> Value {
    json!({
        "regionId": region.id,
        "name": region.name,
        "organizationId": region.organization_id,
        "enabled": region.enabled,
        "createdAt": offset_date_time(region.created_at),
        "updatedAt": offset_date_time(region.updated_at),
    })
}

impl App {
    /// A region that is not deleted. The server fails on an unknown one.
    pub(super) fn region(&self, id: Uuid) -> Result<Region, Refusal> {
        let region: Option<Region> = self.store.get(&id.to_string())?;
        region.filter(|region| !region.deleted).ok_or_else(|| self.server_error(404))
    }

    /// The regions that an organization may use: its own, and those of the default organization.
    fn regions_for(&self, organization: Uuid) -> rusqlite::Result<Vec<Region>> {
        let mut regions: Vec<Region> = self.store.list()?;
        regions.retain(|one| {
            !one.deleted && [organization, self.organization_id].contains(&one.organization_id)
        });
        Ok(regions)
    }

    /// The server leaves it to its database to find a name that is taken, and fails.
    fn check_region_name(&self, organization: Uuid, name: &str, own: Option<Uuid>) -> Result<(), Refusal> {
        let mut others = self.regions_for(organization)?.into_iter().filter(|one| Some(one.id) != own);
        if others.all(|one| one.name != name) {
            return Ok(());
        }
        let message = format!("There is a region named `{name}`.");
        if self.faithful_5xx {
            return Err(Refusal::unexpected(&message));
        }
        Err(Refusal::problem(
            409,
            "error:dataplane-group-name-already-exists",
            "Data plane group name already exists",
            "The region was refused.",
            json!({"message": message}),
        ))
    }
}
