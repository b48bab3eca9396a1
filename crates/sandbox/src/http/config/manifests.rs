//! The published manifests of a source definition, and which of them is in use.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::builder_projects::published;
use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object};
use crate::http::request::Body;
use crate::model::{BuilderProject, Side, Workspace};

/// Adds a version and, if asked for, puts it into use.
pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut project = project(&app, &body)?;
        let sets_active = body.required("setAsActiveManifest")? == &Value::Bool(true);
        let manifest = published(&Body(body.required("declarativeManifest")?.clone()))?;
        if project.manifests.iter().any(|one| one.version == manifest.version) {
            let message = format!("There is a version {} of this manifest already.", manifest.version);
            return Err(Refusal::Known(409, message));
        }
        if sets_active {
            project.active_version = Some(manifest.version);
        }
        project.manifests.push(manifest);
        project.draft = None;
        project.updated_at = app.now();
        app.store.put(&project)?;
        Ok(StatusCode::CREATED.into_response())
    })
}

pub(super) async fn set_active(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut project = project(&app, &body)?;
        let version = body.required("version")?.as_i64();
        if !project.manifests.iter().any(|one| Some(one.version) == version) {
            return Err(Refusal::ErrorId(404));
        }
        project.active_version = version;
        app.store.put(&project)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

pub(super) async fn list(State(app): State<Arc<App>>, body: Body) -> Answer {
    let project = project(&app, &body)?;
    let versions: Vec<Value> = project
        .manifests
        .iter()
        .map(|one| {
            json!({
                "description": one.description,
                "version": one.version,
                "isActive": Some(one.version) == project.active_version,
            })
        })
        .collect();
    Ok(object(json!({"manifestVersions": versions})))
}

/// The project of the definition that the body names, which must be one that a manifest describes.
fn project(app: &App, body: &Body) -> Result<BuilderProject, Refusal> {
    let workspace: Workspace = named(app, body, "workspaceId")?;
    let id = body.required_id("sourceDefinitionId")?;
    if let Some(project) = app.project_of(workspace.id, id)? {
        return Ok(project);
    }
    Err(match app.definition(Side::Source, workspace.id, id)? {
        Some(_) => Refusal::Known(400, format!("No manifest describes the source definition {id}.")),
        None => Refusal::Known(404, format!("The workspace has no source definition {id}.")),
    })
}
