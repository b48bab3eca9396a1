//! `getStreamProperties`: what a source offers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, present};
use super::connections::discover;
use super::request::Parameters;
use crate::app::App;
use crate::model::Side;
use crate::{catalog, connectors};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    source_id: uuid::Uuid,
    destination_id: Option<uuid::Uuid>,
}

pub(super) async fn properties(State(app): State<Arc<App>>, Parameters(query): Parameters<Query>) -> Answer {
    let source = app.actor(Side::Source, query.source_id)?;
    let destination = query.destination_id.map(|id| app.actor(Side::Destination, id)).transpose()?;
    let slug = destination.map(|actor| {
        connectors::by_definition(actor.side, actor.definition_id).map_or("", |connector| connector.slug)
    });
    let streams: Vec<Value> = discover(&app, &source)
        .await?
        .iter()
        .map(|stream| {
            present(json!({
                "streamName": stream.name,
                // The server's own spelling.
                "streamnamespace": stream.namespace,
                "syncModes": slug.map(|slug| catalog::sync_modes(stream, slug)),
                "defaultCursorField": stream.cursor,
                "sourceDefinedCursorField": !stream.cursor.is_empty(),
                "sourceDefinedPrimaryKey": stream.primary_key,
                "propertyFields": stream.fields.iter().flat_map(|field| paths(&field.name, &field.schema)).collect::<Vec<_>>(),
            }))
        })
        .collect();
    Ok(Json(streams).into_response())
}

/// Every path below a field, parents before children.
fn paths(name: &str, schema: &Value) -> Vec<Vec<String>> {
    let mut found = vec![vec![name.to_owned()]];
    for (child, schema) in schema["properties"].as_object().into_iter().flatten() {
        found.extend(paths(child, schema).into_iter().map(|path| [vec![name.to_owned()], path].concat()));
    }
    found
}
