//! Workspaces and organizations.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Caller, TheCaller};
use super::answer::{Answer, Refusal, object};
use super::notifications;
use super::page::{self, Page, joined};
use super::request::{Body, Parameters};
use crate::app::App;
use crate::builder::Edition;
use crate::model::{Actor, Connection, Region, Workspace};
use crate::seed;

pub(super) const TYPE: &str = "STANDARD_WORKSPACE";

/// What the public lists of objects have in common.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListQuery {
    #[serde(default)]
    pub include_deleted: bool,
    pub limit: Option<i64>,
    pub offset: Option<i64>,
}

impl ListQuery {
    /// The filters that the server keeps in its links, in its order.
    pub(super) fn kept(&self, workspaces: Option<&String>) -> Vec<(&'static str, String)> {
        let mut kept = vec![("includeDeleted", self.include_deleted.to_string())];
        kept.extend(workspaces.map(|ids| ("workspaceIds", ids.clone())));
        kept
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): TheCaller,
    RawQuery(raw): RawQuery,
    Parameters(query): Parameters<ListQuery>,
) -> Answer {
    let page = Page::new(query.limit, query.offset)?;
    let asked = joined(raw.as_deref(), "workspaceIds");
    let ids = app.listed_workspaces(&caller, raw.as_deref())?;
    let all = app.store.all::<Workspace>()?;
    let found = all
        .iter()
        .filter(|workspace| ids.as_ref().is_none_or(|ids| ids.contains(&workspace.id)))
        .filter(|workspace| query.include_deleted || !workspace.deleted);
    let regions = app.store.list()?;
    let shown = |workspace: &Workspace| shown(workspace, &regions);
    Ok(page.answer(&app, "workspaces", &query.kept(asked.as_ref()), found, shown))
}

pub(super) async fn get(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    app.show(&app.workspace(app.path_id(&id)?)?)
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let organization_id = match body.id("organizationId")? {
            Some(id) if app.edition == Edition::Cloud => app.organization(id)?.id,
            // The server ignores the organization that is asked for, outside of Cloud.
            _ => app.organization_id,
        };
        let workspace = Workspace {
            id: Uuid::new_v4(),
            organization_id,
            name: body.required_text("name")?.to_owned(),
            deleted: false,
            region_id: requested_region(&app, &body, organization_id)?,
            notifications: notifications::merged(
                &Value::Null,
                body.given("notifications").unwrap_or(&Value::Null),
            )?,
        };
        app.store.put(&workspace)?;
        app.show(&workspace)
    })
}

pub(super) async fn update(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Answer {
    app.store.change(|| {
        let mut workspace = app.workspace(app.path_id(&id)?)?;
        if let Some(name) = body.text("name")? {
            name.clone_into(&mut workspace.name);
        }
        if let Some(sent) = body.given("notifications") {
            workspace.notifications = notifications::merged(&workspace.notifications, sent)?;
        }
        let region = requested_region(&app, &body, workspace.organization_id)?;
        workspace.region_id = region.or(workspace.region_id);
        app.store.put(&workspace)?;
        app.show(&workspace)
    })
}

pub(super) async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    app.store.change(|| {
        remove(&app, app.workspace(app.path_id(&id)?)?)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// Deletes a workspace with its connections; of the rest only as much as the server does.
pub(super) fn remove(app: &App, mut workspace: Workspace) -> Result<(), Refusal> {
    let connections = app.store.all::<Connection>()?;
    for connection in connections.iter().filter(|one| one.workspace_id == workspace.id) {
        super::connections::deprecate(app, connection.clone())?;
    }
    let actors = app.store.all::<Actor>()?;
    for side in [crate::model::Side::Source, crate::model::Side::Destination] {
        // The server forgets all but the first page of each.
        let first = actors.iter().filter(|one| one.workspace_id == workspace.id && one.side == side).take(20);
        for actor in first {
            app.store.put(&Actor { configuration: None, ..actor.clone() })?;
        }
    }
    workspace.deleted = true;
    app.store.put(&workspace)?;
    Ok(())
}

/// Those that the caller belongs to.
pub(super) async fn organizations(State(app): State<Arc<App>>, Extension(caller): TheCaller) -> Answer {
    let organizations: Vec<Value> = caller
        .organizations(&app)?
        .iter()
        .map(|one| json!({"organizationId": one.id, "organizationName": one.name, "email": one.email}))
        .collect();
    Ok(object(json!({"data": organizations})))
}

/// The region that a request names: the organization's own, or one that everybody has.
fn requested_region(app: &App, body: &Body, organization: Uuid) -> Result<Option<Uuid>, Refusal> {
    if body.given("regionId").is_none() {
        return Ok(None);
    }
    let region = app.region(body.required_id("regionId")?)?;
    if [organization, app.organization_id].contains(&region.organization_id) {
        Ok(Some(region.id))
    } else {
        Err(Refusal::forbidden("The region belongs to another organization."))
    }
}

fn shown(workspace: &Workspace, regions: &[Region]) -> Value {
    let region = regions.iter().find(|region| region.id == workspace.region());
    json!({
        "workspaceId": workspace.id,
        "name": workspace.name,
        "dataResidency": region.map_or_else(|| "auto".to_owned(), |region| region.name.to_lowercase()),
        "notifications": notifications::shown(&workspace.notifications),
    })
}

impl Workspace {
    /// The region that it is in.
    pub(crate) fn region(&self) -> Uuid {
        self.region_id.unwrap_or_else(seed::region_id)
    }
}

impl App {
    fn show(&self, workspace: &Workspace) -> Answer {
        Ok(object(shown(workspace, &self.store.list()?)))
    }

    /// A workspace that is not deleted.
    pub(crate) fn workspace(&self, id: Uuid) -> Result<Workspace, Refusal> {
        let workspace: Workspace = self.find(id, TYPE)?;
        if workspace.deleted { Err(Refusal::not_found(TYPE, id)) } else { Ok(workspace) }
    }

    /// The workspaces that a list is limited to, `None` for all: those of the query, or those that the caller may
    /// read.
    pub(super) fn listed_workspaces(
        &self,
        caller: &Caller,
        query: Option<&str>,
    ) -> Result<Option<Vec<Uuid>>, Refusal> {
        let ids = page::ids(query, "workspaceIds")?;
        if ids.is_empty() { Ok(caller.readable(self)?) } else { Ok(Some(ids)) }
    }
}
