//! Connector definitions, as the Config API shows them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::connectors;
use crate::definitions::Definition;
use crate::http::answer::{Refusal, present};
use crate::model::Side;

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
