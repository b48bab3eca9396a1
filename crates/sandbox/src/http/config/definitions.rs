//! Connector definitions, as the Config API shows them.

use std::sync::Arc;

use axum::extract::State;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use super::connections::named;
use crate::app::App;
use crate::definitions::Definition;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::request::Body;
use crate::model::{Actor, Side, Workspace};
use crate::{catalog, connectors};

type Done = BoxFuture<'static, Answer>;

/// Every connector of a workspace, or those of which it has any.
pub(super) fn list(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let workspace: Workspace = named(&app, &body, "workspaceId")?;
            let mut definitions = app.definitions(side, workspace.id)?;
            if body.given("filterByUsed") == Some(&Value::Bool(true)) {
                let actors = app.store.all::<Actor>()?;
                definitions.retain(|definition| {
                    actors.iter().any(|actor| {
                        actor.workspace_id == workspace.id
                            && actor.definition_id == definition.id
                            && actor.configuration.is_some()
                    })
                });
            }
            let shown: Vec<Value> = definitions.iter().map(|one| shown(side, one)).collect();
            Ok(object(json!({format!("{}Definitions", side.word()): shown})))
        })
    }
}

/// The schema of a connector's configuration.
pub(super) fn specification(side: Side) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let workspace: Workspace = named(&app, &body, "workspaceId")?;
            let id = body.required_id(&format!("{}DefinitionId", side.word()))?;
            specified(&app, side, workspace.id, id)
        })
    }
}

/// The same, by a source or destination of the connector.
pub(super) fn specification_for(
    side: Side,
) -> impl Fn(State<Arc<App>>, Body) -> Done + Clone + Send + 'static {
    move |State(app), body| {
        Box::pin(async move {
            let actor: Actor = named(&app, &body, &format!("{}Id", side.word()))?;
            specified(&app, side, actor.workspace_id, actor.definition_id)
        })
    }
}

fn specified(app: &App, side: Side, workspace: Uuid, id: Uuid) -> Answer {
    let definition = app.definition(side, workspace, id)?.ok_or(Refusal::ErrorId(404))?;
    let schema = app.specification(side, workspace, id)?.ok_or(Refusal::ErrorId(404))?;
    let slug = connectors::by_definition(side, id).map_or("", |connector| connector.slug);
    let modes = (side == Side::Destination).then(|| catalog::destination_modes(slug));
    Ok(object(json!({
        format!("{}DefinitionId", side.word()): id,
        "documentationUrl": definition.documentation_url,
        "connectionSpecification": schema,
        "advancedAuthGlobalCredentialsAvailable": false,
        "supportedDestinationSyncModes": modes,
        "jobInfo": {
            "id": Uuid::new_v4(), "configType": "get_spec", "configId": id.to_string(), "createdAt": app.now(),
            "endedAt": app.now(), "succeeded": true, "connectorConfigurationUpdated": false,
            "logType": "formatted", "logs": {"logLines": []},
        },
    })))
}

/// A definition by its id. One whose project is gone is still the definition of old jobs.
pub(super) fn shown_by_id(app: &App, side: Side, workspace: Uuid, id: Uuid) -> Result<Value, Refusal> {
    let definition = app.definition(side, workspace, id)?.ok_or(Refusal::ErrorId(404))?;
    Ok(shown(side, &definition))
}

fn shown(side: Side, definition: &Definition) -> Value {
    let word = side.word();
    let connector = connectors::by_definition(side, definition.id);
    let source_type = match (side, connector.map(|connector| connector.slug)) {
        (Side::Destination, _) => None,
        (Side::Source, Some("file")) => Some("file"),
        (Side::Source, Some("postgres" | "mysql" | "mssql" | "oracle" | "mongodb-v2")) => Some("database"),
        (Side::Source, _) => Some("api"),
    };
    present(json!({
        format!("{word}DefinitionId"): definition.id,
        "name": definition.name,
        "dockerRepository": definition.docker_repository,
        "dockerImageTag": definition.docker_image_tag,
        "documentationUrl": definition.documentation_url,
        "protocolVersion": "0.2.0",
        "custom": definition.is_custom,
        "supportLevel": if definition.is_custom { "none" } else { "community" },
        "releaseStage": if definition.is_custom { "custom" } else { "generally_available" },
        "sourceType": source_type,
    }))
}
