//! Choosing streams.

use airbyte_cloud::{
    ConnectionInfo, DestinationId, Source, StreamId, StreamInfo, StreamProperties, StreamSelection, SyncMode,
};
use clap::Args;

use super::edit::edit;
use crate::change::DryRun;
use crate::context::Context;
use crate::error::Failure;
use crate::names;
use crate::output::Shown;
use crate::shown;

#[derive(Args, Debug)]
pub(crate) struct StreamsArgs {
    /// The connection's name or id
    name: String,
    /// List what the source offers, and how each can be synced
    #[arg(long, conflicts_with_all = ["add", "remove", "only"])]
    available: bool,
    /// Let the connector look at its system again, in place of what it found last
    #[arg(long, requires = "available")]
    ignore_cache: bool,
    /// Sync this stream, too, or sync it in another way
    #[arg(long, value_name = "STREAM[=MODE]")]
    add: Vec<String>,
    /// Leave this stream out; its table stays
    #[arg(long, value_name = "STREAM")]
    remove: Vec<String>,
    /// Sync these streams and no others; what is not said of them stays
    #[arg(long, value_name = "STREAM[=MODE]", conflicts_with_all = ["add", "remove"])]
    only: Vec<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    dry: DryRun,
}

/// What else can be said of the streams that are chosen.
#[derive(Args, Debug, Default)]
pub(crate) struct SelectionArgs {
    /// The field that tells what is new, of a stream with an incremental mode
    #[arg(long, value_name = "STREAM=FIELD")]
    cursor: Vec<String>,
    /// The fields of a stream's key
    #[arg(long, value_name = "STREAM=FIELD,...")]
    primary_key: Vec<String>,
    /// The fields of a stream that are synced; `*` for all
    #[arg(long, value_name = "STREAM=FIELD,...")]
    columns: Vec<String>,
}

/// The one of these streams that a text means: `NAMESPACE.NAME`, or a name that no other has. Both can have dots in them,
/// so what there is decides.
pub(super) fn among(text: &str, known: &[StreamId]) -> Result<Option<StreamId>, Failure> {
    let whole: Vec<&StreamId> = known.iter().filter(|stream| stream.to_string() == text).collect();
    let named: Vec<&StreamId> = known.iter().filter(|stream| stream.name == text).collect();
    match (&whole[..], &named[..]) {
        ([only], _) | ([], [only]) => Ok(Some((*only).clone())),
        ([], []) => Ok(None),
        (several @ [_, ..], _) | ([], several) => {
            let several: Vec<String> = several.iter().map(|stream| format!("`{stream}`")).collect();
            Err(Failure::usage(format!("`{text}` can be several streams: {}", several.join(", ")))
                .with_hint("write it as NAMESPACE.NAME"))
        }
    }
}

/// The same; one that is not there is refused.
pub(super) fn one_of(text: &str, known: &[StreamId]) -> Result<StreamId, Failure> {
    among(text, known)?.ok_or_else(|| {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        Failure::usage(format!("the connection does not sync a stream `{text}`"))
            .with_hint(format!("it syncs: {}", known.join(", ")))
    })
}

/// The streams that a connection syncs.
pub(super) fn synced(info: &ConnectionInfo) -> Vec<StreamId> {
    info.streams.iter().map(StreamInfo::id).collect()
}

/// The streams that a source offers, as the connector found them last.
pub(super) async fn offered(
    source: &Source,
    destination: DestinationId,
    context: &Context,
) -> Result<Vec<StreamId>, Failure> {
    let working = context.output().working("reading the source's streams");
    let offered = source.streams(Some(destination)).await;
    working.finish_and_clear();
    let id = |stream: StreamProperties| {
        StreamId::new(stream.name).in_namespace(stream.namespace.unwrap_or_default())
    };
    Ok(offered?.into_iter().map(id).collect())
}

/// Refuses streams that the source does not offer. The server does so for what is not only shown.
pub(super) async fn refuse_unknown(
    selected: &[StreamSelection],
    source: &Source,
    destination: DestinationId,
    context: &Context,
) -> Result<(), Failure> {
    let offered = offered(source, destination, context).await?;
    let is_offered = |selection: &&StreamSelection| {
        let id = selection.id();
        // Older servers tell no namespaces.
        let either_has_none = |it: &StreamId| id.namespace.is_none() || it.namespace.is_none();
        offered.iter().any(|it| it == id || (either_has_none(it) && it.name == id.name))
    };
    match selected.iter().find(|selection| !is_offered(selection)) {
        None => Ok(()),
        Some(selection) => {
            let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
            Err(Failure::usage(format!("the source does not offer a stream `{}`", selection.id()))
                .with_hint(format!("it offers: {}", offered.join(", "))))
        }
    }
}

/// Whether what the source offers has to tell what a dot means in one of these, `STREAM[=MODE]` each.
pub(super) fn are_doubtful(texts: &[String], known: &[StreamId]) -> Result<bool, Failure> {
    for text in texts {
        let name = text.split_once('=').map_or(text.as_str(), |(name, _)| name);
        if name.contains('.') && among(name, known)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The stream that a text means: one that is known, else one that is offered, else a new one, whose namespace ends at the
/// first dot. A name that is offered in several namespaces means the one that is known.
fn stream_id(text: &str, known: &[StreamId], offered: &[StreamId]) -> Result<StreamId, Failure> {
    for streams in [known, offered] {
        if let Some(stream) = among(text, streams)? {
            return Ok(stream);
        }
    }
    Ok(match text.split_once('.') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            StreamId::new(name).in_namespace(namespace)
        }
        _ => StreamId::new(text),
    })
}

/// A stream that was chosen: how it was written, and what is meant.
pub(crate) type Chosen = (String, StreamSelection);

/// Reads `STREAM[=MODE]`, of a connection that syncs the known streams already, and whose source offers these.
pub(crate) fn chosen(text: &str, known: &[StreamId], offered: &[StreamId]) -> Result<Chosen, Failure> {
    let (name, mode) = text.split_once('=').map_or((text, None), |(name, mode)| (name, Some(mode)));
    let mut selection = StreamSelection::new(stream_id(name, known, offered)?);
    if let Some(mode) = mode {
        let mode = crate::commands::job::known(SyncMode::from(mode), SyncMode::KNOWN)
            .map_err(|why| Failure::usage(format!("`{mode}` is no sync mode")).with_hint(why))?;
        selection = selection.sync_mode(mode);
    }
    Ok((name.to_owned(), selection))
}

/// The streams that were chosen, with what is said besides.
pub(crate) fn selections(
    mut known: Vec<Chosen>,
    args: &SelectionArgs,
) -> Result<Vec<StreamSelection>, Failure> {
    let mut say =
        |given: &[String], what: &str, say: &dyn Fn(StreamSelection, Vec<&str>) -> StreamSelection| {
            for text in given {
                let (name, fields) = text
                    .split_once('=')
                    .ok_or_else(|| Failure::usage(format!("--{what} {text}: write it as STREAM=FIELD")))?;
                let (_, selection) = known.iter_mut().find(|(known, _)| *known == name).ok_or_else(|| {
                    Failure::usage(format!("--{what} is for streams that are chosen, and `{name}` is not"))
                        .with_hint(format!("choose it in the same command, as with --add {name}"))
                })?;
                *selection = say(selection.clone(), fields.split(',').map(str::trim).collect());
            }
            Ok::<_, Failure>(())
        };
    let path = |field: &str| -> Vec<String> { field.split('.').map(str::to_owned).collect() };
    say(&args.cursor, "cursor", &|selection, fields| selection.cursor_field(path(&fields.join(","))))?;
    say(&args.primary_key, "primary-key", &|selection, fields| {
        selection.primary_key(fields.into_iter().map(path))
    })?;
    say(&args.columns, "columns", &|selection, fields| match fields.as_slice() {
        ["*"] => selection.all_fields(),
        _ => selection.fields(fields),
    })?;
    Ok(known.into_iter().map(|(_, selection)| selection).collect())
}

pub(crate) async fn run(args: StreamsArgs, context: &Context) -> Result<(), Failure> {
    let choose = |known: &[StreamId], offered: &[StreamId]| {
        let texts = args.add.iter().chain(&args.only).map(|text| chosen(text, known, offered));
        selections(texts.collect::<Result<Vec<_>, _>>()?, &args.selection)
    };
    // What makes no sense is refused before anything is asked.
    choose(&[], &[])?;
    let client = context.client()?;
    let info = names::connection(context, &client, &args.name).await?.info().await?;
    let known = synced(&info);
    let selected = if are_doubtful(&args.add, &known)? || are_doubtful(&args.only, &known)? {
        choose(&known, &offered(&client.source(info.source_id), info.destination_id, context).await?)?
    } else {
        choose(&known, &[])?
    };
    if args.dry.dry_run && !selected.is_empty() {
        refuse_unknown(&selected, &client.source(info.source_id), info.destination_id, context).await?;
    }
    if !selected.is_empty() || !args.remove.is_empty() {
        return edit(&info.connection_id.to_string(), args.dry, context, |mut edit| {
            if !args.only.is_empty() {
                return Ok(edit.streams(selected));
            }
            for selection in selected {
                edit = edit.stream(selection);
            }
            for stream in &args.remove {
                edit = edit.without_stream(one_of(stream, &known)?);
            }
            Ok(edit)
        })
        .await;
    }
    if !args.available {
        return context.output().show_list(&info.streams);
    }
    let working = context.output().working("reading the source's streams");
    let offered = client
        .source(info.source_id)
        .streams(Some(info.destination_id))
        .ignore_cache(args.ignore_cache)
        .await;
    working.finish_and_clear();
    let offered: Vec<Offered> =
        offered?.into_iter().map(|stream| Offered::new(stream, &info.streams)).collect();
    context.output().show_list(&offered)
}

/// A stream that a source offers, as scripts see it.
#[derive(serde::Serialize)]
struct Offered {
    selected: bool,
    #[serde(flatten)]
    stream: StreamProperties,
}

impl Offered {
    fn new(stream: StreamProperties, selected: &[StreamInfo]) -> Self {
        let is_same = |other: &StreamInfo| other.name == stream.name && other.namespace == stream.namespace;
        Self { selected: selected.iter().any(is_same), stream }
    }
}

impl Shown for Offered {
    const COLUMNS: &'static [&'static str] =
        &["selected", "stream", "namespace", "cursor", "primary key", "fields", "sync modes"];
    const SPARE: &'static [usize] = &[5, 2, 4, 3];

    fn cells(&self) -> Vec<String> {
        let stream = &self.stream;
        let modes =
            stream.sync_modes.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        vec![
            if self.selected { "yes" } else { "no" }.to_owned(),
            stream.name.clone(),
            stream.namespace.clone().unwrap_or_else(|| "-".to_owned()),
            shown::path(&stream.default_cursor_field),
            shown::paths(&stream.source_defined_primary_key),
            stream.fields.len().to_string(),
            if modes.is_empty() { "not told".to_owned() } else { modes },
        ]
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_streams_goes_to_the_chosen_ones() {
        let streams = ["users".to_owned(), "shop.orders=incremental_append".to_owned()];
        let args = SelectionArgs {
            cursor: vec!["shop.orders=meta.updated_at".to_owned()],
            primary_key: vec!["users=id,region".to_owned()],
            columns: vec!["users=*".to_owned()],
        };
        let streams = streams.map(|text| chosen(&text, &[], &[]).unwrap());
        let chosen = selections(streams.to_vec(), &args).unwrap();
        assert_eq!(
            chosen[1],
            StreamSelection::new(StreamId::new("orders").in_namespace("shop"))
                .sync_mode(SyncMode::IncrementalAppend)
                .cursor_field(["meta", "updated_at"])
        );
        assert_eq!(chosen[0], StreamSelection::new("users").primary_key([["id"], ["region"]]).all_fields());
    }

    #[test]
    fn what_there_is_decides_what_a_dot_means() {
        let stream = |namespace: &str, name: &str| StreamId::new(name).in_namespace(namespace);
        let known = [stream("a", "users"), stream("b", "users"), stream("", "orders.v1"), stream("x.y", "z")];
        for (text, meant) in
            [("a.users", &known[0]), ("orders.v1", &known[2]), ("x.y.z", &known[3]), ("z", &known[3])]
        {
            assert_eq!(one_of(text, &known).unwrap(), *meant, "{text}");
        }
        for (text, told) in [("users", "several"), ("c.users", "does not sync"), ("orders", "does not sync")]
        {
            assert!(one_of(text, &known).unwrap_err().message.contains(told), "{text}");
        }
        assert_eq!(stream_id("c.users", &known, &[]).unwrap(), stream("c", "users"));
        for (text, doubtful) in
            [("c.users", true), ("orders.v1", false), ("orders=a.b", false), ("x.y.z=m", false)]
        {
            assert_eq!(are_doubtful(&[text.to_owned()], &known).unwrap(), doubtful, "{text}");
        }
        assert!(stream_id("users", &known, &[]).is_err());
    }

    /// One text of several makes the offer be read; the others mean what they did without it.
    #[test]
    fn a_stream_that_is_synced_is_meant_before_one_that_is_only_offered() {
        let stream = |namespace: &str, name: &str| StreamId::new(name).in_namespace(namespace);
        let (known, other) = (stream("a", "users"), stream("b", "users"));
        let offered = [known.clone(), other.clone(), stream("", "new.v1")];
        for (text, meant) in [("users", &known), ("b.users", &other), ("new.v1", &offered[2])] {
            assert_eq!(stream_id(text, std::slice::from_ref(&known), &offered).unwrap(), *meant, "{text}");
        }
        assert!(stream_id("users", &[], &offered).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (stream, cursor) in [("users=sometimes", "users=at"), ("users", "orders=at"), ("users", "at")] {
            let args = SelectionArgs { cursor: vec![cursor.to_owned()], ..SelectionArgs::default() };
            let refused =
                chosen(stream, &[], &[]).and_then(|chosen| selections(vec![chosen], &args)).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{stream} {cursor}");
        }
    }
}
