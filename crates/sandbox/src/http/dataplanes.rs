//! Data planes: the installations of a region that run its connectors. None runs here.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::routing::MethodFilter as M;
use axum::{Extension, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Role, TheCaller};
use super::answer::{Answer, Refusal, object};
use super::page::ids;
use super::regions::{FEATURE, bare_list};
use super::request::{Body, PathIds};
use super::{new_secret, op};
use crate::app::App;
use crate::model::{Dataplane, Region};
use crate::timestamp::offset_date_time;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(
            "/dataplanes",
            op(app, M::GET, "listDataplanes", list).merge(op(app, M::POST, "createDataplane", create)),
        )
        .route(
            "/dataplanes/{id}",
            op(app, M::GET, "getDataplane", get)
                .merge(op(app, M::PATCH, "updateDataplane", update))
                .merge(op(app, M::DELETE, "deleteDataplane", delete)),
        )
}

/// As a bare list, and without a licence: those of the regions, or of every organization that the caller
/// administers.
async fn list(State(app): State<Arc<App>>, Extension(caller): TheCaller, RawQuery(raw): RawQuery) -> Answer {
    let mut ids = ids(raw.as_deref(), "regionIds")?;
    if ids.is_empty() {
        let regions: Vec<Region> = app.store.list()?;
        let own = regions.iter().filter(|region| caller.may_in(Role::Admin, region.organization_id));
        ids = own.map(|region| region.id).collect();
    }
    let dataplanes: Vec<Dataplane> = app.store.list()?;
    let found = dataplanes.iter().filter(|one| !one.deleted && ids.contains(&one.region_id));
    Ok(bare_list(found.map(shown)))
}

async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let (name, region_id) = (body.required_text("name")?, body.required_id("regionId")?);
        let enabled = body.flag("enabled")?.unwrap_or(true);
        app.ensure_entitled(FEATURE)?;
        let region_id = app.region(region_id)?.id;
        app.check_dataplane_name(region_id, name, None)?;
        let dataplane = Dataplane {
            id: Uuid::new_v4(),
            region_id,
            name: name.to_owned(),
            enabled,
            deleted: false,
            created_at: app.now(),
            updated_at: app.now(),
        };
        app.store.put(&dataplane)?;
        // The secret is shown here and nowhere else; as no data plane comes to use it, it is not kept.
        Ok(object(json!({
            "regionId": region_id,
            "dataplaneId": dataplane.id,
            "clientId": Uuid::new_v4(),
            "clientSecret": new_secret(),
        })))
    })
}

async fn get(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    app.ensure_entitled(FEATURE)?;
    Ok(object(shown(&app.dataplane(id)?)))
}

async fn update(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        let enabled = body.flag("enabled")?;
        app.ensure_entitled(FEATURE)?;
        let mut dataplane = app.dataplane(id)?;
        if let Some(name) = body.text("name")? {
            app.check_dataplane_name(dataplane.region_id, name, Some(id))?;
            name.clone_into(&mut dataplane.name);
        }
        dataplane.enabled = enabled.unwrap_or(dataplane.enabled);
        dataplane.updated_at = app.now();
        app.store.put(&dataplane)?;
        Ok(object(shown(&dataplane)))
    })
}

async fn delete(State(app): State<Arc<App>>, PathIds(id): PathIds<Uuid>) -> Answer {
    app.store.change(|| {
        app.ensure_entitled(FEATURE)?;
        let mut dataplane = app.dataplane(id)?;
        (dataplane.deleted, dataplane.updated_at) = (true, app.now());
        app.store.put(&dataplane)?;
        Ok(object(shown(&dataplane)))
    })
}

fn shown(dataplane: &Dataplane) -> Value {
    json!({
        "dataplaneId": dataplane.id,
        "name": dataplane.name,
        "regionId": dataplane.region_id,
        "enabled": dataplane.enabled,
        "createdAt": offset_date_time(dataplane.created_at),
        "updatedAt": offset_date_time(dataplane.updated_at),
    })
}

impl App {
    /// A data plane that is not deleted. The server fails on an unknown one.
    fn dataplane(&self, id: Uuid) -> Result<Dataplane, Refusal> {
        let dataplane: Option<Dataplane> = self.store.get(&id.to_string())?;
        dataplane.filter(|dataplane| !dataplane.deleted).ok_or_else(|| self.server_error(404))
    }

    fn check_dataplane_name(&self, region: Uuid, name: &str, own: Option<Uuid>) -> Result<(), Refusal> {
        let others: Vec<Dataplane> = self.store.list()?;
        let is_taken = |one: &Dataplane| {
            !one.deleted && one.region_id == region && one.name == name && Some(one.id) != own
        };
        if !others.iter().any(is_taken) {
            return Ok(());
        }
        Err(Refusal::problem(
            409,
            "error:dataplane-name-already-exists",
            "Data plane name already exists",
            "The data plane was refused.",
            json!({"message": format!("There is a data plane named `{name}` in the region.")}),
        ))
    }
}
