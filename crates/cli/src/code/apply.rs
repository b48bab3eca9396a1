//! From a file to a workspace.

use airbyte_cloud::{SchemaUpdates, StreamSelection, SyncMode, TagInfo};
use serde_json::Value;

use super::diff::Difference;
use super::model::{self, Code, Connection, Stream};
use super::plan::Step;
use super::secrets;
use crate::commands::connection::{self, NamespaceArg, parse_schedule};
use crate::error::{Failure, Kind};
use crate::references::resolve;

/// Does the steps one after the other, and tells each that is done; the first that fails ends it.
pub(crate) async fn apply(
    workspace: &airbyte_cloud::Workspace,
    file: &Code,
    there: &mut model::Workspace,
    steps: &[Step],
    mut done: impl FnMut(&Step),
) -> Result<(), Failure> {
    for step in steps {
        let what = || format!("{} {} `{}`", step.action, step.kind, step.name);
        one(workspace, file, there, step).await.map_err(|failure| failure.of(&what()))?;
        done(step);
    }
    Ok(())
}

async fn one(
    workspace: &airbyte_cloud::Workspace,
    file: &Code,
    there: &mut model::Workspace,
    step: &Step,
) -> Result<(), Failure> {
    let client = workspace.client();
    let name = &step.name;
    match (step.kind, step.action) {
        ("tag", "create") => {
            there.tags.push(workspace.create_tag(name, file.tags[name].as_str()).await?);
        }
        ("tag", _) => {
            let tag = there.tags.iter().find(|tag| tag.name == *name).ok_or_else(|| unknown("tag", name))?;
            client.tag(tag.tag_id).recolor(file.tags[name].as_str()).await?;
        }
        ("source", "create") => {
            let connector = &file.sources[name];
            let mut create = workspace.create_source(name, typed("sourceType", connector, step));
            if let Some(definition) = &connector.definition {
                create = create.definition(definition.parse()?);
            }
            let id = create.await?.id();
            there.sources.insert(name.clone(), (id, Value::Null));
        }
        ("destination", "create") => {
            let connector = &file.destinations[name];
            let mut create = workspace.create_destination(name, typed("destinationType", connector, step));
            if let Some(definition) = &connector.definition {
                create = create.definition(definition.parse()?);
            }
            let id = create.await?.id();
            there.destinations.insert(name.clone(), (id, Value::Null));
        }
        ("source", action) => {
            let source = client.source(there.sources.get(name).ok_or_else(|| unknown("source", name))?.0);
            match action {
                "delete" => source.delete().safe_mode(false).await?,
                _ => {
                    source.replace_configuration(step.configuration.clone().unwrap_or_default()).await?;
                }
            }
        }
        ("destination", action) => {
            let id = there.destinations.get(name).ok_or_else(|| unknown("destination", name))?.0;
            let destination = client.destination(id);
            match action {
                "delete" => destination.delete().safe_mode(false).await?,
                _ => {
                    destination.replace_configuration(step.configuration.clone().unwrap_or_default()).await?;
                }
            }
        }
        (_, "create") => create_connection(workspace, file, there, name).await?,
        (_, "delete") => {
            client.connection(connection_id(there, name)?).delete().safe_mode(false).await?;
        }
        _ => update_connection(workspace, file, there, step).await?,
    }
    Ok(())
}

fn unknown(noun: &str, name: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no {noun} named `{name}`"))
}

fn connection_id(there: &model::Workspace, name: &str) -> Result<airbyte_cloud::ConnectionId, Failure> {
    there.connections.get(name).copied().ok_or_else(|| unknown("connection", name))
}

/// The configuration of a new connector, which names it.
fn typed(member: &str, connector: &model::Connector, step: &Step) -> Value {
    let mut configuration = step.configuration.clone().unwrap_or_default();
    if let (Value::Object(members), Some(kind)) = (&mut configuration, &connector.kind) {
        members.insert(member.to_owned(), Value::from(kind.as_str()));
    }
    configuration
}

async fn create_connection(
    workspace: &airbyte_cloud::Workspace,
    file: &Code,
    there: &mut model::Workspace,
    name: &str,
) -> Result<(), Failure> {
    let wanted = &file.connections[name];
    let source = there.sources.get(&wanted.source).ok_or_else(|| unknown("source", &wanted.source))?.0;
    let destination = there
        .destinations
        .get(&wanted.destination)
        .ok_or_else(|| unknown("destination", &wanted.destination))?
        .0;
    let mut create = workspace
        .create_connection(name, source, destination)
        .streams(selections(&wanted.streams, &[])?)
        .enabled(wanted.enabled)
        .schedule(parse_schedule(&wanted.schedule)?)
        .schema_updates(schema_updates(&wanted.schema_updates)?);
    if !wanted.prefix.is_empty() {
        create = create.prefix(&wanted.prefix);
    }
    create = match wanted.namespace.parse() {
        Ok(NamespaceArg::Source) => create.source_namespaces(),
        Ok(NamespaceArg::Pattern(pattern)) => create.namespace_format(pattern),
        Ok(NamespaceArg::Destination) => create,
    };
    if !wanted.tags.is_empty() {
        create = create.tags(tags(there, &wanted.tags));
    }
    let id = create.await?.id();
    there.connections.insert(name.to_owned(), id);
    Ok(())
}

/// Changes what differs and nothing else, so that what the server shows in a form of its own is not sent back.
async fn update_connection(
    workspace: &airbyte_cloud::Workspace,
    file: &Code,
    there: &model::Workspace,
    step: &Step,
) -> Result<(), Failure> {
    let name = step.name.as_str();
    let wanted = &file.connections[name];
    let present = there.code.connections.get(name).ok_or_else(|| unknown("connection", name))?;
    let mut edit = workspace.client().connection(connection_id(there, name)?).edit();
    if wanted.enabled != present.enabled {
        edit = edit.enabled(wanted.enabled);
    }
    if wanted.schedule != present.schedule {
        edit = edit.schedule(parse_schedule(&wanted.schedule)?);
    }
    if wanted.prefix != present.prefix {
        edit = edit.prefix(&wanted.prefix);
    }
    if wanted.namespace != present.namespace {
        // Whatever is no word for one is a template.
        let Ok(namespace) = wanted.namespace.parse::<NamespaceArg>();
        edit = namespace.apply(edit);
    }
    if wanted.schema_updates != present.schema_updates {
        edit = edit.schema_updates(schema_updates(&wanted.schema_updates)?);
    }
    let sorted = |tags: &[String]| {
        let mut tags = tags.to_vec();
        tags.sort();
        tags
    };
    if sorted(&wanted.tags) != sorted(&present.tags) {
        edit = edit.tags(tags(there, &wanted.tags));
    }
    if step.changes.iter().any(Difference::is_of_stream) {
        edit = edit.streams(selections(&wanted.streams, &present.streams)?);
    }
    edit.await?;
    Ok(())
}

fn tags(there: &model::Workspace, names: &[String]) -> Vec<TagInfo> {
    there.tags.iter().filter(|tag| names.contains(&tag.name)).cloned().collect()
}

/// Refuses what could not be sent, before the first step is done: a connection is created, or differs from the present one,
/// in its streams too or not.
pub(super) fn check(
    name: &str,
    wanted: &Connection,
    present: Option<&Connection>,
    streams: bool,
) -> Result<(), Failure> {
    let checked = || {
        if present.is_none_or(|present| present.schedule != wanted.schedule) {
            parse_schedule(&wanted.schedule)?;
        }
        if present.is_none_or(|present| present.schema_updates != wanted.schema_updates) {
            schema_updates(&wanted.schema_updates)?;
        }
        if streams {
            selections(&wanted.streams, present.map_or(&[], |present| &present.streams))?;
        }
        Ok(())
    };
    checked().map_err(|failure: Failure| failure.of(&format!("connection `{name}`")))
}

fn schema_updates(word: &str) -> Result<SchemaUpdates, Failure> {
    connection::schema_updates(word).map_err(|why| {
        Failure::usage(format!("`{word}` is no way to take changes of schemas")).with_hint(why)
    })
}

fn selections(wanted: &[Stream], present: &[Stream]) -> Result<Vec<StreamSelection>, Failure> {
    wanted.iter().map(|stream| selection(stream, present.iter().find(|it| it.id() == stream.id()))).collect()
}

fn selection(stream: &Stream, present: Option<&Stream>) -> Result<StreamSelection, Failure> {
    let mode = crate::commands::job::known(SyncMode::from(stream.sync_mode.as_str()), SyncMode::KNOWN)
        .map_err(|why| Failure::usage(format!("`{}` is no sync mode", stream.sync_mode)).with_hint(why))?;
    let mut selection = StreamSelection::new(stream.id()).sync_mode(mode);
    if !stream.cursor_field.is_empty() {
        selection = selection.cursor_field(stream.cursor_field.clone());
    }
    if !stream.primary_key.is_empty() {
        selection = selection.primary_key(stream.primary_key.clone());
    }
    match present {
        _ if !stream.fields.is_empty() => selection = selection.fields(stream.fields.clone()),
        Some(present) if !present.fields.is_empty() => selection = selection.all_fields(),
        _ => {}
    }
    // Mappers are sent as a whole, and with their secrets: the server would keep a mask for the secret itself.
    let there = present.map_or(&[][..], |present| &present.mappers);
    if there != stream.mappers || there.iter().any(secrets::has_reference) {
        let mappers = stream.mappers.iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
        selection = selection.mappers(mappers);
    }
    if stream.include_files != present.and_then(|present| present.include_files) {
        selection = selection.include_files(stream.include_files.unwrap_or(false));
    }
    match &stream.destination_object_name {
        Some(name) => selection = selection.destination_object_name(name),
        None if present.is_some_and(|present| present.destination_object_name.is_some()) => {
            selection = selection.without_destination_object_name();
        }
        None => {}
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_at_the_destination_that_the_file_no_longer_has_is_taken_away() {
        let stream = |name: Option<&str>| -> Stream {
            serde_json::from_value(json!({ "name": "users", "destination_object_name": name })).unwrap()
        };
        let users = || StreamSelection::new("users").sync_mode(SyncMode::FullRefreshOverwrite);
        for (before, after, sent) in [
            (Some("people"), None, users().without_destination_object_name()),
            (None, None, users()),
            (None, Some("people"), users().destination_object_name("people")),
        ] {
            assert_eq!(
                selection(&stream(after), Some(&stream(before))).unwrap(),
                sent,
                "{before:?} {after:?}"
            );
        }
    }
}
