//! Connector definitions: the list of all, and the images that a workspace has added.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::MethodFilter as M;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal, object};
use super::request::{Body, Parameters, PathIds};
use super::{actors, op};
use crate::app::App;
use crate::builder::Edition;
use crate::definitions::Definition;
use crate::model::{CustomDefinition, Side};

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/connector_definitions", op(app, M::GET, "listConnectorDefinitions", list_all))
        .merge(routes_of(
            app,
            Side::Source,
            [
                "listSourceDefinitions",
                "createSourceDefinition",
                "getSourceDefinition",
                "updateSourceDefinition",
                "deleteSourceDefinition",
            ],
        ))
        .merge(routes_of(
            app,
            Side::Destination,
            [
                "listDestinationDefinitions",
                "createDestinationDefinition",
                "getDestinationDefinition",
                "updateDestinationDefinition",
                "deleteDestinationDefinition",
            ],
        ))
}

fn routes_of(app: &Arc<App>, side: Side, ids: [&'static str; 5]) -> Router<Arc<App>> {
    let [list_id, create_id, get_id, update_id, delete_id] = ids;
    let all = format!("/workspaces/{{workspace}}/definitions/{}s", side.word());
    let one = format!("{all}/{{id}}");
    Router::new()
        .route(&all, op(app, M::GET, list_id, list(side)).merge(op(app, M::POST, create_id, create(side))))
        .route(
            &one,
            op(app, M::GET, get_id, get(side)).merge(op(app, M::PUT, update_id, update(side))).merge(op(
                app,
                M::DELETE,
                delete_id,
                delete(side),
            )),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    r#type: String,
    workspace_id: Option<String>,
}

/// Every connector of a workspace, declarative ones included.
async fn list_all(State(app): State<Arc<App>>, Parameters(query): Parameters<Query>) -> Answer {
    let side = [Side::Source, Side::Destination]
        .into_iter()
        .find(|side| side.word().eq_ignore_ascii_case(&query.r#type))
        .ok_or_else(|| Refusal::Framework(format!("`type` is `{}`, which is none", query.r#type)))?;
    // The document calls it optional, and the server fails without it.
    let workspace = query.workspace_id.ok_or_else(|| app.server_error(400))?;
    let workspace = app.workspace(app.path_id(&workspace)?)?.id;
    let definitions: Vec<Value> = app
        .definitions(side, workspace)?
        .iter()
        .map(|one| {
            json!({
                "id": one.id,
                "name": one.name,
                "connectorDefinitionType": side.word(),
                "version": one.docker_image_tag,
            })
        })
        .collect();
    Ok(object(json!({"data": definitions})))
}

/// The workspace and the definition of a path.
type InWorkspace = PathIds<(Uuid, Uuid)>;
type Done = BoxFuture<'static, Answer>;

fn list(side: Side) -> impl Fn(State<Arc<App>>, PathIds<Uuid>) -> Done + Clone + Send + 'static {
    move |State(app), PathIds(workspace)| {
        Box::pin(async move {
            let definitions = app.definitions(side, app.workspace(workspace)?.id)?;
            let listed: Vec<Value> =
                definitions.iter().filter(|one| !one.is_declarative()).map(shown).collect();
            Ok(object(json!({"data": listed})))
        })
    }
}

fn create(side: Side) -> impl Fn(State<Arc<App>>, PathIds<Uuid>, Body) -> Done + Clone + Send + 'static {
    move |State(app), PathIds(workspace), body| {
        Box::pin(async move {
            let text = |name| body.required_text(name).map(str::to_owned);
            let (name, repository, tag) = (text("name")?, text("dockerRepository")?, text("dockerImageTag")?);
            refuse_on_cloud(&app)?;
            let custom = CustomDefinition {
                id: Uuid::new_v4(),
                side,
                workspace_id: app.workspace(workspace)?.id,
                name,
                docker_repository: repository,
                docker_image_tag: tag,
                documentation_url: body.text("documentationUrl")?.unwrap_or_default().to_owned(),
            };
            app.store.put(&custom)?;
            Ok(object(shown(&custom.into())))
        })
    }
}

fn get(side: Side) -> impl Fn(State<Arc<App>>, InWorkspace) -> Done + Clone + Send + 'static {
    move |State(app), PathIds((workspace, id))| {
        Box::pin(async move { Ok(object(shown(&found(&app, side, workspace, id)?))) })
    }
}

fn update(side: Side) -> impl Fn(State<Arc<App>>, InWorkspace, Body) -> Done + Clone + Send + 'static {
    move |State(app), PathIds((workspace, id)), body| {
        Box::pin(async move {
            app.store.change(|| {
                let (name, tag) = (body.required_text("name")?, body.required_text("dockerImageTag")?);
                refuse_on_cloud(&app)?;
                let definition = own(&app, side, workspace, id)?;
                app.store.update::<CustomDefinition>(&definition.id.to_string(), |custom| {
                    name.clone_into(&mut custom.name);
                    tag.clone_into(&mut custom.docker_image_tag);
                })?;
                Ok(object(shown(&found(&app, side, workspace, id)?)))
            })
        })
    }
}

fn delete(side: Side) -> impl Fn(State<Arc<App>>, InWorkspace) -> Done + Clone + Send + 'static {
    move |State(app), PathIds((workspace, id))| {
        Box::pin(async move {
            app.store.change(|| {
                let definition = own(&app, side, workspace, id)?;
                actors::remove_all_of(&app, side, id)?;
                app.store.delete::<CustomDefinition>(&definition.id.to_string())?;
                Ok(object(shown(&definition)))
            })
        })
    }
}

/// The server's own name of the type.
pub(super) fn type_of(side: Side) -> &'static str {
    match side {
        Side::Source => "STANDARD_SOURCE_DEFINITION",
        Side::Destination => "STANDARD_DESTINATION_DEFINITION",
    }
}

/// Only what a manifest describes can be made on Cloud.
fn refuse_on_cloud(app: &App) -> Result<(), Refusal> {
    if app.edition == Edition::Cloud {
        return Err(Refusal::bad_request("Airbyte Cloud takes declarative definitions only, no images."));
    }
    Ok(())
}

/// A definition of the workspace, unless a manifest describes it: those have operations of their own.
fn found(app: &App, side: Side, workspace: Uuid, id: Uuid) -> Result<Definition, Refusal> {
    let definition = app.definition(side, app.workspace(workspace)?.id, id)?;
    definition.filter(|one| !one.is_declarative()).ok_or_else(|| Refusal::not_found(type_of(side), id))
}

/// A definition that the workspace has added.
fn own(app: &App, side: Side, workspace: Uuid, id: Uuid) -> Result<Definition, Refusal> {
    let definition = found(app, side, workspace, id)?;
    if definition.is_custom {
        Ok(definition)
    } else {
        Err(Refusal::bad_request("A definition that everybody has cannot be changed."))
    }
}

fn shown(definition: &Definition) -> Value {
    json!({
        "id": definition.id,
        "name": definition.name,
        "dockerRepository": definition.docker_repository,
        "dockerImageTag": definition.docker_image_tag,
        "documentationUrl": definition.documentation_url,
    })
}
