//! Asking a source anew what it offers, and what follows for its connections.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::connections::named;
use super::connectors::job_info;
use super::read;
use crate::app::App;
use crate::catalog;
use crate::http::answer::{Answer, Refusal, object, present};
use crate::http::connections::{discover, slug};
use crate::http::request::Body;
use crate::model::{Actor, ConfiguredStream, Connection, Side, SourceCatalog};
use crate::schema::{self, StreamChange};

/// What a source offers now, and how that differs from what a connection was set up for.
pub(super) struct Refreshed {
    pub catalog: SourceCatalog,
    pub changes: Vec<StreamChange>,
}

impl Refreshed {
    fn breaks(&self) -> bool {
        self.changes.iter().any(StreamChange::breaks)
    }
}

/// Asks the connection's source anew. A change that breaks the connection, or that it does not want, switches it
/// off. `None` if the source cannot be asked.
pub(super) async fn refresh(app: &App, connection: &mut Connection) -> Result<Option<Refreshed>, Refusal> {
    let source = app.actor(Side::Source, connection.source_id)?;
    if discover(app, &source).await.is_err() {
        return Ok(None);
    }
    app.store.change(|| {
        let Some(catalog) = schema::latest(app, source.id)? else { return Ok(None) };
        reread(app, connection)?;
        let changes = match schema::of_connection(app, connection)? {
            Some(known) => schema::changes(&known.streams, &catalog.streams, &connection.streams),
            None => Vec::new(),
        };
        let refreshed = Refreshed { catalog, changes };
        if refreshed.changes.is_empty() {
            connection.catalog_id = Some(refreshed.catalog.id);
        }
        let unwanted = connection.non_breaking_schema_updates == "disable_connection";
        if refreshed.breaks() {
            connection.is_broken = true;
        }
        if (refreshed.breaks() || (unwanted && !refreshed.changes.is_empty()))
            && connection.status == "active"
        {
            "inactive".clone_into(&mut connection.status);
        }
        app.store.put(connection)?;
        Ok(Some(refreshed))
    })
}

/// Others may have changed a connection while its source was asked.
fn reread(app: &App, connection: &mut Connection) -> rusqlite::Result<()> {
    if let Some(stored) = app.store.get(&connection.id.to_string())? {
        *connection = stored;
    }
    Ok(())
}

/// How the source has changed since the connection was set up, in the server's word.
pub(super) fn word(
    app: &App,
    connection: &Connection,
    refreshed: Option<&Refreshed>,
) -> Result<&'static str, Refusal> {
    let has_changed = match refreshed {
        Some(refreshed) => !refreshed.changes.is_empty(),
        None => match (schema::of_connection(app, connection)?, schema::latest(app, connection.source_id)?) {
            (Some(known), Some(latest)) => {
                !schema::changes(&known.streams, &latest.streams, &connection.streams).is_empty()
            }
            _ => false,
        },
    };
    Ok(match (connection.is_broken, has_changed) {
        (true, _) => "breaking",
        (false, true) => "non_breaking",
        (false, false) => "no_change",
    })
}

/// What a source offers. With a connection also what that means for it: its preference is followed.
pub(super) async fn discover_schema(State(app): State<Arc<App>>, body: Body) -> Answer {
    let source: Actor = named(&app, &body, "sourceId")?;
    if source.side != Side::Source {
        return Err(Refusal::ErrorId(404));
    }
    let begun = app.now();
    let failure = match discover(&app, &source).await {
        Ok(_) => None,
        Err(Refusal::Problem(problem)) => Some(problem.data["message"].clone()),
        Err(refusal) => return Err(refusal),
    };
    let info = job_info(&app, "discover_schema", &source, begun, failure);
    let Some(latest) = schema::latest(&app, source.id)?.filter(|_| info["succeeded"] == true) else {
        return Ok(object(json!({"jobInfo": info})));
    };
    let streams: Vec<Value> =
        latest.streams.iter().map(|stream| read::stream_of(stream, None, None)).collect();
    let mut shown = json!({"catalog": {"streams": streams}, "catalogId": latest.id, "jobInfo": info});
    if body.given("connectionId").is_some() {
        let mut connection: Connection = named(&app, &body, "connectionId")?;
        if let Some(refreshed) = refresh(&app, &mut connection).await? {
            follow_preference(&app, &mut connection, &refreshed)?;
            shown["catalogDiff"] = read::diff(&refreshed.changes);
            shown["breakingChange"] = json!(refreshed.breaks());
            shown["connectionStatus"] = json!(connection.status);
            shown["jobInfo"] = Value::Null;
        }
    }
    Ok(object(present(shown)))
}

/// Takes over a change that does not break the connection, as far as the connection wants it.
fn follow_preference(app: &App, connection: &mut Connection, refreshed: &Refreshed) -> Result<(), Refusal> {
    let fully = match connection.non_breaking_schema_updates.as_str() {
        "propagate_columns" => false,
        "propagate_fully" => true,
        _ => return Ok(()),
    };
    if refreshed.breaks() {
        return Ok(());
    }
    app.store.change(|| {
        reread(app, connection)?;
        if fully {
            let destination = app.actor(Side::Destination, connection.destination_id)?;
            for change in &refreshed.changes {
                match change {
                    StreamChange::Removed(gone) => connection.streams.retain(|stream| !stream.is_of(gone)),
                    StreamChange::Added(stream) => {
                        let mode = catalog::default_mode(stream, Some(slug(&destination)));
                        connection.streams.push(ConfiguredStream::of(stream, mode));
                    }
                    StreamChange::Changed(..) => {}
                }
            }
        }
        connection.catalog_id = Some(refreshed.catalog.id);
        app.store.put(connection)?;
        Ok(())
    })
}
