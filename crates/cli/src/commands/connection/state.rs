//! States and catalogs of connections: whole, as JSON.

use airbyte_cloud::{Catalog, Connection, ConnectionState, StreamId};
use clap::Args;
use serde_json::Value;

use super::streams;
use crate::change::{DryRun, Plan};
use crate::context::Context;
use crate::error::Failure;
use crate::{input, names};

#[derive(Args, Debug)]
pub(crate) struct StateArgs {
    /// The connection's name or id
    name: String,
    /// Only this stream's
    #[arg(long)]
    stream: Option<String>,
    /// Put this in its place: a JSON file, or - for standard input; what is not in it is forgotten
    #[arg(long, value_name = "FILE")]
    set: Option<String>,
    #[command(flatten)]
    dry: DryRun,
}

#[derive(Args, Debug)]
pub(crate) struct CatalogArgs {
    /// The connection's name or id
    name: String,
    /// Put this in its place: a JSON file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "refresh_schema")]
    set: Option<String>,
    /// Read the source's schema anew, and show what has changed
    #[arg(long)]
    refresh_schema: bool,
    #[command(flatten)]
    dry: DryRun,
}

pub(crate) async fn state(args: StateArgs, context: &Context) -> Result<(), Failure> {
    let given = match &args.set {
        Some(file) => Some(input::read(file)?),
        None => None,
    };
    let output = context.output();
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    let stream = match &args.stream {
        Some(text) => Some(known(&connection, text).await?),
        None => None,
    };
    let Some(given) = given else {
        // The text itself: numbers beyond 64 bits keep their digits.
        let text = match stream {
            None => connection.state().await?.to_json(),
            Some(stream) => match connection.stream_state(stream).await? {
                Some(state) => state.as_json().to_owned(),
                None => "null".to_owned(),
            },
        };
        return output.json_text(&text);
    };
    let plan = Plan::new("set", "state").id(connection.id());
    let plan = match &stream {
        Some(stream) => plan.effect(format!("of stream {stream}")),
        None => plan.effect("streams that are not in it are read from the start next time"),
    };
    let state = if let Some(stream) = stream {
        let blob = airbyte_cloud::StateBlob::try_from(given.as_str())?;
        if !context.goes_on(args.dry, &plan)? {
            return Ok(());
        }
        connection.set_stream_state(stream, blob).await?
    } else {
        let state: ConnectionState = given.parse()?;
        if !context.goes_on(args.dry, &plan)? {
            return Ok(());
        }
        connection.set_state(&state).await?
    };
    output.json_text(&state.to_json())
}

/// The stream that a text means, of those that are synced and those that have a state: the server would keep that of any
/// other, too, and no sync would ever look at it.
async fn known(connection: &Connection, text: &str) -> Result<StreamId, Failure> {
    let mut streams = streams::synced(&connection.info().await?);
    for state in connection.state().await?.streams() {
        if !streams.contains(&state.stream) {
            streams.push(state.stream.clone());
        }
    }
    streams::one_of(text, &streams)
}

pub(crate) async fn catalog(args: CatalogArgs, context: &Context) -> Result<(), Failure> {
    let given = args
        .set
        .as_ref()
        .map(|file| Ok::<_, Failure>(Catalog::from_json(input::read_json(file)?)?))
        .transpose()?;
    let output = context.output();
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    if args.refresh_schema {
        let plan =
            Plan::new("refresh", "catalog").id(connection.id()).effect("the source's schema is read anew");
        if !context.goes_on(args.dry, &plan)? {
            return Ok(());
        }
        let working = output.working("reading the source's schema");
        let refreshed = connection.refresh_schema().await;
        working.finish_and_clear();
        let refreshed = refreshed?;
        if refreshed.changes.is_empty() && !output.is_for_programs() {
            output.note("the schema is as it was");
            return Ok(());
        }
        return output.list(&refreshed.changes, || {
            refreshed.changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        });
    }
    let catalog = match given {
        None => connection.catalog().await?,
        Some(given) => {
            let before = connection.catalog().await?;
            let selected = |catalog: &Catalog| -> Vec<String> {
                let streams = catalog.streams().into_iter().filter(|stream| stream.selected);
                streams.map(|stream| stream.stream.to_string()).collect()
            };
            let (before, after) = (selected(&before), selected(&given));
            let mut plan = Plan::new("set", "catalog").id(connection.id());
            for stream in before.iter().filter(|stream| !after.contains(stream)) {
                plan = plan.effect(format!("- stream {stream}"));
            }
            for stream in after.iter().filter(|stream| !before.contains(stream)) {
                plan = plan.effect(format!("+ stream {stream}"));
            }
            if !context.goes_on(args.dry, &plan)? {
                return Ok(());
            }
            connection.set_catalog(&given).await?
        }
    };
    let json: &Value = catalog.as_json();
    output.value(json)
}
