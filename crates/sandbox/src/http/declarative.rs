//! Source definitions that a manifest describes. Each has a project of the connector builder behind it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::MethodFilter as M;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal, object};
use super::request::{Body, PathIds};
use super::{actors, definitions, op};
use crate::app::App;
use crate::model::{BuilderProject, PublishedManifest, Record, Side};

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(
            "/workspaces/{workspace}/definitions/declarative_sources",
            op(app, M::GET, "listDeclarativeSourceDefinitions", list).merge(op(
                app,
                M::POST,
                "createDeclarativeSourceDefinition",
                create,
            )),
        )
        .route(
            "/workspaces/{workspace}/definitions/declarative_sources/{id}",
            op(app, M::GET, "getDeclarativeSourceDefinition", get)
                .merge(op(app, M::PUT, "updateDeclarativeSourceDefinition", update))
                .merge(op(app, M::DELETE, "deleteDeclarativeSourceDefinition", delete)),
        )
}

async fn list(State(app): State<Arc<App>>, PathIds(workspace): PathIds<Uuid>) -> Answer {
    let workspace = app.workspace(workspace)?.id;
    let projects = app.store.list::<BuilderProject>()?;
    let shown: Vec<Value> =
        projects.iter().filter(|project| project.workspace_id == workspace).filter_map(shown).collect();
    Ok(object(json!({"data": shown})))
}

async fn create(State(app): State<Arc<App>>, PathIds(workspace): PathIds<Uuid>, body: Body) -> Answer {
    app.store.change(|| {
        // The document requires the workspace in the body, too; the server reads the path's alone.
        let workspace = app.workspace(workspace)?.id;
        let name = body.required_text("name")?;
        let mut project = BuilderProject {
            id: Uuid::new_v4(),
            workspace_id: workspace,
            name: name.to_owned(),
            definition_id: Some(Uuid::new_v4()),
            definition_name: Some(name.to_owned()),
            manifests: Vec::new(),
            active_version: None,
            draft: None,
            testing_values: None,
            testing_specification: None,
            is_deleted: false,
            updated_at: app.now(),
        };
        project.add_version(manifest(&app, &body)?, String::new(), app.now());
        app.store.put(&project)?;
        Ok(object(shown(&project).unwrap_or_default()))
    })
}

async fn get(State(app): State<Arc<App>>, PathIds((workspace, id)): PathIds<(Uuid, Uuid)>) -> Answer {
    let project = app.project(app.workspace(workspace)?.id, id)?;
    Ok(object(shown(&project).unwrap_or_default()))
}

async fn update(
    State(app): State<Arc<App>>,
    PathIds((workspace, id)): PathIds<(Uuid, Uuid)>,
    body: Body,
) -> Answer {
    app.store.change(|| {
        let manifest = manifest(&app, &body)?;
        let mut project = app.project(app.workspace(workspace)?.id, id)?;
        project.add_version(manifest, String::new(), app.now());
        app.store.put(&project)?;
        let mut shown = shown(&project).unwrap_or_default();
        // Only here it is the name of the project.
        shown["name"] = json!(project.name);
        Ok(object(shown))
    })
}

async fn delete(State(app): State<Arc<App>>, PathIds((workspace, id)): PathIds<(Uuid, Uuid)>) -> Answer {
    app.store.change(|| {
        let project = app.project(app.workspace(workspace)?.id, id)?;
        actors::remove_all_of(&app, Side::Source, id)?;
        app.store.delete::<BuilderProject>(&project.id())?;
        Ok(object(shown(&project).unwrap_or_default()))
    })
}

/// The manifest of a request. The server fails on one that does not specify its connector's configuration.
fn manifest(app: &App, body: &Body) -> Result<Value, Refusal> {
    let manifest = body.required("manifest")?;
    match manifest.pointer("/spec/connection_specification") {
        Some(Value::Object(_)) => Ok(manifest.clone()),
        _ => Err(app.server_error(400)),
    }
}

/// The definition that a project is published as, `None` if it is not.
fn shown(project: &BuilderProject) -> Option<Value> {
    let active = project.active()?;
    Some(json!({
        "id": project.definition_id?,
        "name": project.definition_name.as_ref().unwrap_or(&project.name),
        "manifest": active.manifest,
        "version": active.version,
    }))
}

impl BuilderProject {
    /// The published version that syncs use.
    pub(crate) fn active(&self) -> Option<&PublishedManifest> {
        self.manifests.iter().find(|one| Some(one.version) == self.active_version)
    }

    /// Publishes one more version, which becomes the active one; the draft is done with.
    pub(crate) fn add_version(&mut self, manifest: Value, description: String, now: i64) {
        let version = self.manifests.iter().map(|one| one.version).max().unwrap_or(0) + 1;
        self.manifests.push(PublishedManifest { version, manifest, description });
        self.active_version = Some(version);
        self.draft = None;
        self.updated_at = now;
    }
}

impl App {
    fn project(&self, workspace: Uuid, definition: Uuid) -> Result<BuilderProject, Refusal> {
        let project = self.project_of(workspace, definition)?;
        project.ok_or_else(|| Refusal::not_found(definitions::type_of(Side::Source), definition))
    }
}
