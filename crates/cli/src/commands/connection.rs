//! Connections, and what runs on them.

mod as_code;
mod create;
mod edit;
mod history;
mod run;
mod state;
mod streams;

use clap::{Args, Subcommand};

pub(crate) use edit::{NamespaceArg, parse_schedule, schema_updates};

use super::connector::Deleted;
use super::listing::NamedListArgs;
use super::open::{OpenArgs, open};
use crate::change::{Confirm, DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// All connections of the workspace
    ///
    /// Example: airbyte connection list --output jsonl
    ///
    /// Example: airbyte connection list --tag nightly --fields name,status
    List(ListArgs),
    /// One connection
    ///
    /// Example: airbyte connection get "Shop to warehouse"
    Get {
        /// Its name or id
        name: String,
    },
    /// Create a connection
    ///
    /// Example: airbyte connection create "Shop to warehouse" --source Shop --destination Warehouse --all-streams
    ///
    /// Example: airbyte connection create "Shop to warehouse" --source Shop --destination Warehouse --stream users --stream orders=incremental_append --schedule "0 0 6 * * ?"
    Create(create::CreateArgs),
    /// Change a connection; what is not mentioned stays
    ///
    /// Example: airbyte connection update "Shop to warehouse" --prefix shop_ --namespace source
    Update(edit::UpdateArgs),
    /// Give a connection another name
    ///
    /// Example: airbyte connection rename "Shop to warehouse" "Shop"
    Rename {
        /// Its name or id
        name: String,
        /// The new name
        new_name: String,
        /// Rename it even if another one has the name
        #[arg(long)]
        allow_same_name: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Let a connection run
    ///
    /// Example: airbyte connection enable "Shop to warehouse"
    Enable {
        /// Its name or id
        name: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Keep a connection from running; a job that runs goes on
    ///
    /// Example: airbyte connection disable "Shop to warehouse"
    Disable {
        /// Its name or id
        name: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// When a connection runs by itself: shown, or set
    ///
    /// A schedule is a Quartz expression in UTC: second, minute, hour, day of the month, month, day of the week, with
    /// `?` in one of the two days.
    ///
    /// Example: airbyte connection schedule "Shop to warehouse"
    ///
    /// Example: airbyte connection schedule "Shop to warehouse" "0 0 6 * * ?"
    ///
    /// Example: airbyte connection schedule "Shop to warehouse" manual
    Schedule {
        /// Its name or id
        name: String,
        /// `manual`, or a Quartz expression
        schedule: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// The streams of a connection: shown with those that its source offers, or chosen
    ///
    /// A stream is written as NAME, or as NAMESPACE.NAME where several have the name.
    ///
    /// Example: airbyte connection streams "Shop to warehouse" --available
    ///
    /// Example: airbyte connection streams "Shop to warehouse" --add orders=incremental_append --cursor orders=updated_at --remove carts
    Streams(streams::StreamsArgs),
    /// Where a connection's streams were read to: shown, or set
    ///
    /// Example: airbyte connection state "Shop to warehouse" > state.json
    ///
    /// Example: airbyte connection state "Shop to warehouse" --set state.json
    State(state::StateArgs),
    /// The configured catalog of a connection: shown, or set
    ///
    /// Example: airbyte connection catalog "Shop to warehouse" > catalog.json
    ///
    /// Example: airbyte connection catalog "Shop to warehouse" --refresh-schema
    Catalog(state::CatalogArgs),
    /// Delete a connection for good; what it has written stays
    ///
    /// Example: airbyte connection delete "Shop to warehouse" --dry-run
    ///
    /// Example: airbyte connection delete "Shop to warehouse" --with-source --yes
    Delete(DeleteArgs),
    /// Start syncs, each exactly once
    ///
    /// Example: airbyte connection sync "Shop to warehouse" --wait --timeout 30m
    ///
    /// Example: airbyte connection sync "Shop" "Bookings" "Ads" --wait --if-running wait
    Sync(run::SyncArgs),
    /// Empty streams in the destination and forget how far they were read; needs the role of a runner only
    ///
    /// Example: airbyte connection reset "Shop to warehouse" --stream orders --wait
    Reset(run::ClearArgs),
    /// Empty streams in the destination and forget how far they were read
    ///
    /// Example: airbyte connection clear "Shop to warehouse" --stream orders --yes
    Clear(run::ClearArgs),
    /// Read streams from their beginning
    ///
    /// Example: airbyte connection refresh "Shop to warehouse" --stream orders --wait
    Refresh(run::RefreshArgs),
    /// Stop the job that runs on a connection
    ///
    /// Example: airbyte connection cancel "Shop to warehouse" --yes
    Cancel(run::CancelArgs),
    /// The last jobs of a connection, with a chart of rows and durations
    ///
    /// Example: airbyte connection history "Shop to warehouse" --limit 50
    History(history::HistoryArgs),
    /// Write sources, destinations and connections to a YAML file, to be kept as code
    ///
    /// Names are keys, so they have to be unique. Secrets are written as references to environment variables.
    ///
    /// Example: airbyte connection export -o workspace.yaml
    ///
    /// Example: airbyte connection export "Shop to warehouse" -o shop.yaml
    Export(as_code::ExportArgs),
    /// Make sources, destinations and connections as a YAML file says
    ///
    /// What differs is changed, what is not there is created, and nothing is deleted without --prune. Applying a file
    /// twice changes nothing. In configurations `${NAME}` stands for an environment variable and `${file:PATH}` for a
    /// file's content; secrets that are there already are left alone without --update-secrets. Members of a configuration
    /// that the file does not mention stay; what it does not say of a connection has its usual value.
    ///
    /// Example: airbyte connection apply workspace.yaml --dry-run
    ///
    /// Example: airbyte connection apply workspace.yaml --prune --yes
    Apply(as_code::ApplyArgs),
    /// Open a connection in the web application
    ///
    /// Example: airbyte connection open "Shop to warehouse"
    Open {
        /// Its name or id
        name: String,
        #[command(flatten)]
        how: OpenArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    list: NamedListArgs,
    /// Only those with this tag, by name or id; of several, those with any of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only those with this status: active, inactive, locked, deprecated
    #[arg(long, value_parser = status)]
    status: Option<airbyte_cloud::ConnectionStatus>,
}

fn status(word: &str) -> Result<airbyte_cloud::ConnectionStatus, String> {
    use airbyte_cloud::ConnectionStatus;
    super::job::known(ConnectionStatus::from(word), ConnectionStatus::KNOWN)
}

#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// Its name or id
    name: String,
    /// Delete its source, too
    #[arg(long)]
    with_source: bool,
    /// Delete its destination, too
    #[arg(long)]
    with_destination: bool,
    /// Refuse unless it, and all that goes with it, has `delete-me` in its name
    #[arg(long, help_heading = "Changes")]
    safe_mode: bool,
    #[command(flatten)]
    confirm: Confirm,
}

pub(crate) async fn run(command: ConnectionCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        ConnectionCommand::List(args) => list(args, context).await?,
        ConnectionCommand::Get { name } => {
            let client = context.client()?;
            let connection = names::connection(context, &client, &name).await?;
            context.output().show(&connection.info().await?)?;
        }
        ConnectionCommand::Create(args) => create::run(args, context).await?,
        ConnectionCommand::Update(args) => edit::update(args, context).await?,
        ConnectionCommand::Rename { name, new_name, allow_same_name, dry } => {
            if !allow_same_name {
                edit::refuse_taken(&name, &new_name, context).await?;
            }
            edit::edit(&name, dry, context, |edit| Ok(edit.name(new_name))).await?;
        }
        ConnectionCommand::Enable { name, dry } => {
            edit::edit(&name, dry, context, |edit| Ok(edit.enabled(true))).await?;
        }
        ConnectionCommand::Disable { name, dry } => {
            edit::edit(&name, dry, context, |edit| Ok(edit.enabled(false))).await?;
        }
        ConnectionCommand::Schedule { name, schedule, dry } => {
            edit::schedule(&name, schedule.as_deref(), dry, context).await?;
        }
        ConnectionCommand::Streams(args) => streams::run(args, context).await?,
        ConnectionCommand::State(args) => state::state(args, context).await?,
        ConnectionCommand::Catalog(args) => state::catalog(args, context).await?,
        ConnectionCommand::Delete(args) => delete(args, context).await?,
        ConnectionCommand::Sync(args) => return run::sync(args, context).await,
        ConnectionCommand::Reset(args) => return run::clear(args, "reset", context).await,
        ConnectionCommand::Clear(args) => return run::clear(args, "clear", context).await,
        ConnectionCommand::Refresh(args) => return run::refresh(args, context).await,
        ConnectionCommand::Cancel(args) => run::cancel(args, context).await?,
        ConnectionCommand::History(args) => history::run(args, context).await?,
        ConnectionCommand::Export(args) => as_code::export(args, context).await?,
        ConnectionCommand::Apply(args) => return as_code::apply(args, context).await,
        ConnectionCommand::Open { name, how } => {
            let client = context.client()?;
            open(names::connection(context, &client, &name).await?.url().await?, how, context)?;
        }
    }
    Ok(exit::OK)
}

async fn list(args: ListArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let mut list = context.workspace(&client).await?.connections();
    if let Some(name) = args.list.name {
        list = list.name(name);
    }
    if !args.tags.is_empty() {
        let tags = names::tags(context, &client, &args.tags).await?;
        list = list.tagged(tags.into_iter().map(|tag| tag.tag_id));
    }
    if let Some(status) = args.status {
        list = list.filter(move |one| one.status == status);
    }
    if let Some(limit) = args.list.limit {
        list = list.limit(limit);
    }
    context.output().show_list(&list.await?)
}

async fn delete(args: DeleteArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    let info = connection.info().await?;
    let mut also = Vec::new();
    if args.with_source {
        let source = client.source(info.source_id).info().await?;
        also.push(("source", info.source_id.to_string(), source.name));
    }
    if args.with_destination {
        let destination = client.destination(info.destination_id).info().await?;
        also.push(("destination", info.destination_id.to_string(), destination.name));
    }
    if !also.is_empty() {
        // The server deletes the connections of a source or destination along with it.
        for other in client.workspace(info.workspace_id).connections().await? {
            let goes = (args.with_source && other.source_id == info.source_id)
                || (args.with_destination && other.destination_id == info.destination_id);
            if goes && other.connection_id != info.connection_id {
                also.push(("connection", other.connection_id.to_string(), other.name));
            }
        }
    }
    let mut plan = Plan::new("delete", "connection").id(info.connection_id).name(&info.name);
    for (kind, id, name) in &also {
        plan = plan.effect(format!("{kind} `{name}` ({id}) goes with it"));
    }
    let mut delete = connection.delete().safe_mode(args.safe_mode);
    if args.with_source {
        delete = delete.with_source();
    }
    if args.with_destination {
        delete = delete.with_destination();
    }
    // Nobody is asked about, or shown, what is refused afterwards.
    delete.check().await?;
    if !context.confirms(args.confirm, &plan)? {
        return Ok(());
    }
    delete.await?;
    Deleted::new("connection", info.connection_id, info.name).also(also).print(context)
}
