//! Creating connections.

use airbyte_cloud::{SchemaUpdates, StreamSelection};
use clap::Args;

use super::edit::{NamespaceArg, parse_schedule, schema_updates};
use super::streams::{SelectionArgs, are_doubtful, chosen, offered, refuse_unknown, selections};
use crate::change::{DryRun, Plan};
use crate::context::Context;
use crate::error::Failure;
use crate::names;

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// Where the data comes from, by name or id
    #[arg(long)]
    source: String,
    /// Where the data goes, by name or id
    #[arg(long)]
    destination: String,
    /// A stream to sync, and how if that is said [default: full_refresh_overwrite]
    #[arg(long = "stream", value_name = "STREAM[=MODE]")]
    streams: Vec<String>,
    /// Sync all streams that the source offers
    #[arg(long, conflicts_with = "streams")]
    all_streams: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    /// What is put before the names of the destination's tables
    #[arg(long)]
    prefix: Option<String>,
    /// Where the names of the destination's schemas come from: `destination`, `source`, or a pattern with
    /// `${SOURCE_NAMESPACE}` in it
    #[arg(long, value_name = "WHERE")]
    namespace: Option<NamespaceArg>,
    /// When it runs by itself: `manual`, or a Quartz expression in UTC [default: manual]
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// What happens when the source's schema changes: ignore, disable_connection, propagate_columns, propagate_fully
    #[arg(long, value_name = "WHAT", value_parser = schema_updates)]
    schema_updates: Option<SchemaUpdates>,
    /// A tag, by name or id
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Do not let it run yet
    #[arg(long)]
    disabled: bool,
    /// Create it even if another one has the name
    #[arg(long)]
    allow_same_name: bool,
    #[command(flatten)]
    dry: DryRun,
}

pub(crate) async fn run(args: CreateArgs, context: &Context) -> Result<(), Failure> {
    let schedule = args.schedule.as_deref().map(parse_schedule).transpose()?;
    if args.streams.is_empty() && !args.all_streams {
        return Err(Failure::usage("no stream was chosen")
            .with_hint("give --stream NAME, as often as needed, or --all-streams"));
    }
    let named = args.streams.iter().map(|text| chosen(text, &[], &[])).collect::<Result<Vec<_>, _>>()?;
    let client = context.client()?;
    let workspace = context.workspace(&client).await?;
    let source = names::source(context, &client, &args.source).await?;
    let destination = names::destination(context, &client, &args.destination).await?;
    let tags = names::tags(context, &client, &args.tags).await?;
    let named = if args.all_streams {
        let offered = offered(&source, destination.id(), context).await?;
        offered.into_iter().map(|id| (id.to_string(), StreamSelection::new(id))).collect()
    } else if are_doubtful(&args.streams, &[])? {
        let offered = offered(&source, destination.id(), context).await?;
        args.streams.iter().map(|text| chosen(text, &[], &offered)).collect::<Result<Vec<_>, _>>()?
    } else {
        named
    };
    let chosen = selections(named, &args.selection)?;
    let mut plan = Plan::new("create", "connection")
        .name(&args.name)
        .effect(format!("from source {}", source.id()))
        .effect(format!("to destination {}", destination.id()));
    for stream in &chosen {
        plan = plan.effect(format!("stream {stream:?}").replace("StreamSelection", ""));
    }
    if args.dry.dry_run && !args.all_streams {
        refuse_unknown(&chosen, &source, destination.id(), context).await?;
    }
    let mut create = workspace
        .create_connection(args.name, source.id(), destination.id())
        .streams(chosen)
        .enabled(!args.disabled);
    if let Some(prefix) = args.prefix {
        create = create.prefix(prefix);
    }
    create = match args.namespace {
        None | Some(NamespaceArg::Destination) => create,
        Some(NamespaceArg::Source) => create.source_namespaces(),
        Some(NamespaceArg::Pattern(pattern)) => create.namespace_format(pattern),
    };
    if let Some(schedule) = schedule {
        plan = plan.effect(format!("schedule: {schedule}"));
        create = create.schedule(schedule);
    }
    if let Some(updates) = args.schema_updates {
        create = create.schema_updates(updates);
    }
    if !tags.is_empty() {
        create = create.tags(tags);
    }
    if args.allow_same_name {
        create = create.allow_same_name();
    }
    if args.dry.dry_run {
        create.check().await?;
    }
    if context.goes_on(args.dry, &plan)? {
        let working =
            context.output().working("creating the connection; the server reads the source's schema");
        let created = create.await;
        working.finish_and_clear();
        let connection = created?;
        let info = connection.info().await;
        let info =
            info.map_err(|error| Failure::created("connection", &connection.id().to_string(), error))?;
        context.output().show(&info)?;
    }
    Ok(())
}
