//! What sources offered when they were last asked, and how that differs from what a connection was made for.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::app::App;
use crate::model::{ConfiguredStream, Connection, SourceCatalog};
use crate::sources::{Field, Stream};

/// Remembers what a source offers. As long as that stays the same, it keeps its id.
pub(crate) fn remember(app: &App, source: Uuid, streams: &[Stream]) -> rusqlite::Result<Uuid> {
    app.store.change(|| {
        if let Some(known) = latest(app, source)?.filter(|known| known.streams == streams) {
            return Ok(known.id);
        }
        let catalog = SourceCatalog { id: Uuid::new_v4(), source_id: source, streams: streams.to_vec() };
        app.store.put(&catalog)?;
        Ok(catalog.id)
    })
}

/// What the source offered when it was last asked.
pub(crate) fn latest(app: &App, source: Uuid) -> rusqlite::Result<Option<SourceCatalog>> {
    Ok(app.store.all::<SourceCatalog>()?.iter().rfind(|catalog| catalog.source_id == source).cloned())
}

/// What the source offered when the connection was set up or last adapted to it.
pub(crate) fn of_connection(app: &App, connection: &Connection) -> rusqlite::Result<Option<SourceCatalog>> {
    match connection.catalog_id {
        Some(id) => app.store.get(&id.to_string()),
        None => Ok(None),
    }
}

/// How a source has changed, stream by stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StreamChange {
    Added(Stream),
    Removed(Stream),
    Changed(Stream, Vec<FieldChange>),
}

/// How a field has changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldChange {
    Added(Field),
    /// Breaking if the connection cannot do without the field.
    Removed {
        field: Field,
        breaks: bool,
    },
    /// A changed type never breaks a connection.
    Retyped {
        old: Field,
        new: Field,
    },
}

impl StreamChange {
    pub(crate) fn breaks(&self) -> bool {
        let Self::Changed(_, fields) = self else { return false };
        fields.iter().any(|field| matches!(field, FieldChange::Removed { breaks: true, .. }))
    }

    /// Whether the stream is still there, with other fields.
    pub(crate) fn is_of_fields(&self) -> bool {
        matches!(self, Self::Changed(..))
    }

    /// The stream as it is, or as it was before it went.
    pub(crate) fn stream(&self) -> &Stream {
        match self {
            Self::Added(stream) | Self::Removed(stream) | Self::Changed(stream, _) => stream,
        }
    }
}

/// The changes from `old` to `new`, as they matter to these configured streams.
pub(crate) fn changes(old: &[Stream], new: &[Stream], configured: &[ConfiguredStream]) -> Vec<StreamChange> {
    let in_both = |stream: &Stream, other: &[Stream]| other.iter().position(|one| one.is_same(stream));
    let mut changes = Vec::new();
    for stream in old {
        let Some(position) = in_both(stream, new) else {
            changes.push(StreamChange::Removed(stream.clone()));
            continue;
        };
        let needed = configured.iter().find(|one| one.is_of(stream)).map(needed).unwrap_or_default();
        let fields = field_changes(&stream.fields, &new[position].fields, &needed);
        if !fields.is_empty() {
            changes.push(StreamChange::Changed(new[position].clone(), fields));
        }
    }
    let added = new.iter().filter(|stream| in_both(stream, old).is_none());
    changes.extend(added.cloned().map(StreamChange::Added));
    changes
}

/// The fields that a configured stream cannot do without: its cursor and its key, where its mode uses them.
fn needed(stream: &ConfiguredStream) -> BTreeSet<&str> {
    let cursor = stream.cursor_field.first().filter(|_| !stream.is_full_refresh());
    let key = stream.primary_key.iter().filter_map(|path| path.first());
    let key = key.filter(|_| stream.sync_mode.contains("dedup"));
    cursor.into_iter().chain(key).map(String::as_str).collect()
}

fn field_changes(old: &[Field], new: &[Field], needed: &BTreeSet<&str>) -> Vec<FieldChange> {
    let named = |fields: &[Field], name: &str| fields.iter().find(|field| field.name == name).cloned();
    let mut changes = Vec::new();
    for field in old {
        match named(new, &field.name) {
            None => changes.push(FieldChange::Removed {
                field: field.clone(),
                breaks: needed.contains(field.name.as_str()),
            }),
            Some(now) if now.schema != field.schema => {
                changes.push(FieldChange::Retyped { old: field.clone(), new: now });
            }
            Some(_) => {}
        }
    }
    let added = new.iter().filter(|field| named(old, &field.name).is_none());
    changes.extend(added.cloned().map(FieldChange::Added));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::FieldType;

    fn stream(name: &str, fields: &[(&str, FieldType)]) -> Stream {
        Stream {
            name: name.to_owned(),
            namespace: None,
            fields: fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect(),
            cursor: Vec::new(),
            primary_key: Vec::new(),
            incremental: false,
        }
    }

    fn configured(sync_mode: &str) -> ConfiguredStream {
        ConfiguredStream {
            name: "a".to_owned(),
            namespace: None,
            sync_mode: sync_mode.to_owned(),
            cursor_field: vec!["at".to_owned()],
            primary_key: vec![vec!["id".to_owned()]],
            selected_fields: None,
            mappers: Vec::new(),
        }
    }

    #[test]
    fn streams_and_fields_that_come_go_and_change_are_told_apart() {
        let (text, whole) = (FieldType::Text, FieldType::Integer);
        let old = [stream("a", &[("id", whole), ("x", text)]), stream("gone", &[])];
        let new = [stream("a", &[("id", text), ("y", text)]), stream("come", &[])];
        assert!(changes(&old, &old, &[]).is_empty());
        let found = changes(&old, &new, &[]);
        let [StreamChange::Changed(a, fields), StreamChange::Removed(gone), StreamChange::Added(come)] =
            found.as_slice()
        else {
            panic!("{found:?}")
        };
        assert_eq!((a.name.as_str(), gone.name.as_str(), come.name.as_str()), ("a", "gone", "come"));
        assert!(matches!(
            fields.as_slice(),
            [FieldChange::Retyped { .. }, FieldChange::Removed { breaks: false, .. }, FieldChange::Added(_)]
        ));
    }

    #[test]
    fn a_lost_field_breaks_only_the_modes_that_need_it() {
        let whole = FieldType::Integer;
        let old = [stream("a", &[("id", whole), ("at", whole)])];
        let breaks = |lost: &str, mode: &str| {
            let kept: Vec<_> =
                [("id", whole), ("at", whole)].into_iter().filter(|one| one.0 != lost).collect();
            changes(&old, &[stream("a", &kept)], &[configured(mode)])[0].breaks()
        };
        assert!(breaks("id", "full_refresh_overwrite_deduped"));
        assert!(!breaks("at", "full_refresh_overwrite_deduped"));
        assert!(breaks("at", "incremental_append"));
        assert!(!breaks("id", "incremental_append"));
        assert!(breaks("id", "incremental_deduped_history"));
        assert!(!breaks("id", "full_refresh_overwrite"));
        assert!(!breaks("at", "full_refresh_append"));
    }
}
