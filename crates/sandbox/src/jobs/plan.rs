//! What an attempt needs to know of a stream before it moves it.

use super::attempt::{Asked, Fault};
use super::{position, stream_state};
use crate::app::App;
use crate::destinations::StreamTarget;
use crate::mappers::Chain;
use crate::model::{ConfiguredStream, JobKind};
use crate::naming;
use crate::sources::{Begin, Field, SourceError, Stream};

/// A stream of the job with what source and destination need to know.
pub(super) struct Planned {
    /// With all of its fields.
    pub stream: Stream,
    /// The selected ones.
    pub wanted: Vec<Field>,
    /// What becomes of their values; the target has the fields that come of it.
    pub mappers: Chain,
    pub target: StreamTarget,
    pub begin: Begin,
    /// By the source's name of it.
    pub cursor: Vec<String>,
    /// Whether the newest cursor is remembered at the end.
    pub keeps_cursor: bool,
}

/// Puts together what moving a stream takes.
pub(super) fn planned(
    app: &App,
    asked: &Asked<'_>,
    configured: &ConfiguredStream,
    discovered: &[Stream],
    round: Option<i64>,
) -> Result<Planned, Fault> {
    let connection = asked.connection;
    let is_reset = asked.job.kind == JobKind::Reset;
    let namespace = configured.namespace.as_deref();
    let stream = discovered
        .iter()
        .find(|stream| stream.name == configured.name && stream.namespace.as_deref() == namespace)
        .cloned();
    let stream = match stream {
        Some(stream) => stream,
        // A reset empties tables without looking at their columns.
        None if is_reset => Stream::unknown(&configured.name, configured.namespace.clone()),
        None => {
            return Err(Fault::source(SourceError(format!(
                "the source has no stream `{}`",
                configured.name
            ))));
        }
    };
    let cursor = configured.cursor_in(&stream).to_vec();
    let key = configured.key_in(&stream).to_vec();
    let mut fields = stream.fields.clone();
    if let Some(selected) = &configured.selected_fields {
        fields.retain(|field| selected.contains(&field.name));
    }
    // A reset empties tables without looking at their columns.
    let mappers = if is_reset { &[][..] } else { &configured.mappers };
    let wanted = fields;
    let mappers = Chain::new(mappers, wanted.clone()).map_err(|unfit| Fault::mappers(&unfit.reason))?;
    if let Some(field) = mappers.encrypts() {
        return Err(Fault::mappers(&format!("the sandbox does not encrypt, as one wants for `{field}`")));
    }
    if !is_reset && let Some((role, field)) = lost(configured, &cursor, &key, &mappers) {
        return Err(Fault::source(SourceError(format!(
            "the field `{field}`, {role} of the stream `{}`, is not among the fields that are read: bring it back to the \
             source, select it, or choose another key, cursor or sync mode for the stream",
            configured.name
        ))));
    }
    let renamed = |path: &[String]| match path {
        [field, ..] => mappers.name_of(field).map(str::to_owned).into_iter().collect(),
        [] => Vec::new(),
    };
    let state = stream_state(app, connection.id, namespace, &configured.name)?;
    let overwrites = is_reset
        || asked.job.refresh_of(configured).is_some_and(|refresh| refresh.truncates)
        || matches!(
            configured.sync_mode.as_str(),
            "full_refresh_overwrite" | "full_refresh_overwrite_deduped"
        );
    let target = StreamTarget {
        namespace: naming::namespace(
            &connection.namespace_definition,
            connection.namespace_format.as_deref(),
            namespace,
        ),
        name: naming::prefixed(connection.prefix.as_deref(), &configured.name),
        fields: mappers.fields.clone(),
        sync_mode: configured.sync_mode.clone(),
        cursor: renamed(&cursor),
        primary_key: key.iter().map(|path| renamed(path)).collect(),
        generation: state.generation,
        minimum_generation: if overwrites { state.generation } else { 0 },
        sync_id: asked.job.id,
    };
    let begin = position::begin(configured, &state, round);
    let keeps_cursor = round.is_none() && !configured.is_full_refresh();
    Ok(Planned { stream, wanted, mappers, target, begin, cursor, keeps_cursor })
}

/// A field that the rows do not have and that the stream's mode cannot do without, and what it is there. Told apart by
/// what is left of its key, rows would be taken for one another and go.
fn lost<'a>(
    configured: &ConfiguredStream,
    cursor: &'a [String],
    key: &'a [Vec<String>],
    mappers: &Chain,
) -> Option<(&'static str, &'a String)> {
    let cursor = cursor.first().filter(|_| !configured.is_full_refresh());
    let key = key.iter().filter_map(|path| path.first());
    let key = key.filter(|_| configured.sync_mode.contains("dedup"));
    let cursor = cursor.map(|field| ("the cursor", field));
    let key = key.map(|field| ("in the key", field));
    key.chain(cursor).find(|(_, field)| mappers.name_of(field).is_none())
}
