//! Projects of the connector builder: what is worked on, and what of it has been published.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use crate::app::App;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::model::{BuilderProject, PublishedManifest, Record, Workspace};
use crate::specification;

pub(super) async fn create(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    let details = Body(body.required("builderProject")?.clone());
    let project = BuilderProject {
        id: Uuid::new_v4(),
        workspace_id: workspace.id,
        name: details.required_text("name")?.to_owned(),
        definition_id: None,
        definition_name: None,
        manifests: Vec::new(),
        active_version: None,
        draft: details.given("draftManifest").cloned(),
        testing_values: None,
        testing_specification: None,
        is_deleted: false,
        updated_at: app.now(),
    };
    app.store.put(&project)?;
    let ids = json!({"workspaceId": workspace.id, "builderProjectId": project.id});
    Ok((StatusCode::CREATED, object(ids)).into_response())
}

/// Renames the project and replaces its draft; none given means that there is none any more.
pub(super) async fn update(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut project = found(&app, &body)?;
        let details = Body(body.required("builderProject")?.clone());
        details.required_text("name")?.clone_into(&mut project.name);
        if let Some(name) = &mut project.definition_name {
            project.name.clone_into(name);
        }
        project.draft = details.given("draftManifest").cloned();
        project.updated_at = app.now();
        app.store.put(&project)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// Deletes the project; what has been published of it stays.
pub(super) async fn delete(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut project = found(&app, &body)?;
        if project.definition_id.is_none() {
            app.store.delete::<BuilderProject>(&project.id())?;
        } else {
            project.is_deleted = true;
            app.store.put(&project)?;
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

pub(super) async fn list(State(app): State<Arc<App>>, body: Body) -> Answer {
    let workspace: Workspace = named(&app, &body, "workspaceId")?;
    let projects: Vec<BuilderProject> = app.store.list()?;
    let here = projects.iter().filter(|one| one.workspace_id == workspace.id && !one.is_deleted);
    Ok(object(json!({"projects": here.map(shown).collect::<Vec<_>>()})))
}

/// Makes a source definition of the project; its draft is done with.
pub(super) async fn publish(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut project = found(&app, &body)?;
        let name = body.required_text("name")?.to_owned();
        let manifest = published(&Body(body.required("initialDeclarativeManifest")?.clone()))?;
        if project.definition_id.is_some() {
            return Err(Refusal::Known(409, "The project has been published already.".to_owned()));
        }
        let definition = Uuid::new_v4();
        project.definition_id = Some(definition);
        project.definition_name = Some(name);
        project.active_version = Some(manifest.version);
        project.manifests.push(manifest);
        project.draft = None;
        project.updated_at = app.now();
        app.store.put(&project)?;
        Ok(object(json!({"sourceDefinitionId": definition})))
    })
}

/// The project with the manifest that is asked for by its version, else the draft, else the one in use.
pub(super) async fn get_with_manifest(State(app): State<Arc<App>>, body: Body) -> Answer {
    let project = found(&app, &body)?;
    let of_version = |version: i64| {
        let published = project.manifests.iter().find(|one| one.version == version);
        published.map(|one| {
            json!({
                "manifest": one.manifest, "isDraft": false, "version": one.version, "description": one.description,
            })
        })
    };
    let manifest = match (body.given("version").and_then(Value::as_i64), &project.draft) {
        (Some(version), _) => Some(of_version(version).ok_or(Refusal::ErrorId(404))?),
        (None, Some(draft)) => Some(json!({"manifest": draft, "isDraft": true})),
        (None, None) => project.active_version.and_then(of_version),
    };
    Ok(object(json!({
        "builderProject": shown(&project),
        "declarativeManifest": manifest,
        "testingValues": masked(&project),
    })))
}

/// The project behind a definition; an empty object if there is none.
pub(super) async fn get_for_definition(State(app): State<Arc<App>>, body: Body) -> Answer {
    let definition = body.required_id("actorDefinitionId")?;
    let _: Workspace = named(&app, &body, "workspaceId")?;
    let mut projects = app.store.list::<BuilderProject>()?.into_iter();
    let project = projects.find(|one| one.definition_id == Some(definition) && !one.is_deleted);
    Ok(object(match project {
        Some(project) => json!({"builderProjectId": project.id, "workspaceId": project.workspace_id}),
        None => json!({}),
    }))
}

/// Replaces the configuration that is tested with; masks in it stand for the stored secrets.
pub(super) async fn update_testing_values(State(app): State<Arc<App>>, body: Body) -> Answer {
    app.store.change(|| {
        let mut project = found(&app, &body)?;
        let schema = body.required("spec")?["connectionSpecification"].clone();
        let mut values = body.required("testingValues")?.clone();
        if let Some(stored) = &project.testing_values {
            specification::unmask(&schema, &mut values, stored);
        }
        project.testing_values = Some(values);
        project.testing_specification = Some(schema);
        app.store.put(&project)?;
        Ok(object(masked(&project).unwrap_or_default()))
    })
}

/// A manifest as it is published.
pub(super) fn published(given: &Body) -> Result<PublishedManifest, Refusal> {
    given.required("spec")?;
    let version = given.required("version")?;
    Ok(PublishedManifest {
        version: version
            .as_i64()
            .ok_or_else(|| Refusal::Framework(format!("`version` is not a whole number: {version}")))?,
        manifest: given.required("manifest")?.clone(),
        description: given.required_text("description")?.to_owned(),
    })
}

/// The project that the body names; one of another workspace is as good as unknown.
fn found(app: &App, body: &Body) -> Result<BuilderProject, Refusal> {
    let workspace: Workspace = named(app, body, "workspaceId")?;
    let project: Option<BuilderProject> =
        app.store.get(&body.required_id("builderProjectId")?.to_string())?;
    project
        .filter(|project| project.workspace_id == workspace.id && !project.is_deleted)
        .ok_or(Refusal::ErrorId(404))
}

fn shown(project: &BuilderProject) -> Value {
    present(json!({
        "name": project.name,
        "builderProjectId": project.id,
        "sourceDefinitionId": project.definition_id,
        "activeDeclarativeManifestVersion": project.active_version,
        "hasDraft": project.draft.is_some(),
        "updatedAt": project.updated_at,
    }))
}

/// What is tested with, without its secrets.
fn masked(project: &BuilderProject) -> Option<Value> {
    let mut values = project.testing_values.clone()?;
    specification::mask(project.testing_specification.as_ref().unwrap_or(&Value::Null), &mut values);
    Some(values)
}
