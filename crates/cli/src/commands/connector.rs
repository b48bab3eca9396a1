//! Sources and destinations: the same verbs for both.

mod create;
mod side;
mod update;

use clap::{Args, Subcommand};
use serde::Serialize;

pub(crate) use create::{ConfigurationArgs, CreateArgs, configuration};
pub(crate) use side::Connector;
pub(crate) use update::UpdateArgs;

use super::listing::NamedListArgs;
use super::open::{OpenArgs, open};
use crate::change::{Confirm, DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::names;
use crate::output::Table;

// `NOUN` stands for source or destination, `NAMED` and `FILED` for the name of one; `args::command` puts them in.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// All NOUNs of the workspace
    ///
    /// Example: airbyte NOUN list --name "NAMED"
    List(NamedListArgs),
    /// One NOUN, its secrets masked
    ///
    /// Example: airbyte NOUN get "NAMED"
    ///
    /// Example: airbyte NOUN get "NAMED" --output json --fields NOUN_id,configuration.schema
    Get {
        /// Its name or id
        name: String,
    },
    /// Create a NOUN
    ///
    /// The configuration is the connector's own; the server checks it against the connector's specification. Secrets
    /// need not be in it: `${NAME}` stands for an environment variable, `${file:PATH}` for a file's content.
    ///
    /// Example: airbyte NOUN create "NAMED" --type postgres --config FILED.yaml --check
    ///
    /// Example: airbyte NOUN create "NAMED" --type postgres -f host=db.example.com -F port=5432 -f 'password=${DB_PASSWORD}'
    Create(CreateArgs),
    /// Change a NOUN's configuration: what is given is set, the rest stays
    ///
    /// Example: airbyte NOUN update "NAMED" -f host=db2.example.com -f 'password=${DB_PASSWORD}'
    ///
    /// Example: airbyte NOUN update "NAMED" --config FILED.yaml --replace
    Update(UpdateArgs),
    /// Give a NOUN another name
    ///
    /// Example: airbyte NOUN rename "NAMED" "NAMED (old)"
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
    /// Let the connector try its configuration
    ///
    /// Example: airbyte NOUN check "NAMED"
    Check {
        /// Its name or id
        name: String,
    },
    /// Delete a NOUN for good, and its connections with it
    ///
    /// What was written to a destination stays there.
    ///
    /// Example: airbyte NOUN delete "NAMED" --dry-run
    ///
    /// Example: airbyte NOUN delete "NAMED" --yes
    Delete(DeleteArgs),
    /// Open a NOUN in the web application
    ///
    /// Example: airbyte NOUN open "NAMED"
    Open {
        /// Its name or id
        name: String,
        #[command(flatten)]
        how: OpenArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// Its name or id
    name: String,
    /// Refuse unless it, and all that goes with it, has `delete-me` in its name
    #[arg(long, help_heading = "Changes")]
    safe_mode: bool,
    #[command(flatten)]
    confirm: Confirm,
}

pub(crate) async fn run<C: Connector>(command: ConnectorCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        ConnectorCommand::List(args) => {
            let client = context.client()?;
            let list = C::list(&context.workspace(&client).await?, args.name, args.limit).await?;
            context.output().show_list(&list)?;
        }
        ConnectorCommand::Get { name } => {
            let client = context.client()?;
            context.output().show(&C::find(context, &client, &name).await?.info().await?)?;
        }
        ConnectorCommand::Create(args) => return create::run::<C>(args, context).await,
        ConnectorCommand::Update(args) => return update::run::<C>(args, context).await,
        ConnectorCommand::Rename { name, new_name, allow_same_name, dry } => {
            let client = context.client()?;
            let connector = C::find(context, &client, &name).await?;
            let (old_name, workspace) = C::name_and_workspace(&connector.info().await?);
            if !allow_same_name {
                let same = C::list(&client.workspace(workspace), Some(new_name.clone()), None).await?;
                names::refuse_taken(
                    C::NOUN,
                    &new_name,
                    Some(&connector.id()),
                    same.iter().map(C::id_and_name),
                )
                .map_err(|failure| failure.with_hint(names::SAME_NAME))?;
            }
            let plan = Plan::new("rename", C::NOUN)
                .id(connector.id())
                .name(old_name)
                .effect(format!("to `{new_name}`"));
            if context.goes_on(dry, &plan)? {
                context.output().show(&connector.rename(new_name).await?)?;
            }
        }
        ConnectorCommand::Check { name } => {
            let client = context.client()?;
            return check(&C::find(context, &client, &name).await?, context).await;
        }
        ConnectorCommand::Delete(args) => delete::<C>(args, context).await?,
        ConnectorCommand::Open { name, how } => {
            let client = context.client()?;
            let url = C::find(context, &client, &name).await?.url().await?;
            open(url, how, context)?;
        }
    }
    Ok(exit::OK)
}

/// Runs the connector's check; one that fails is a failure of the command, too.
async fn check<C: Connector>(connector: &C, context: &Context) -> Result<u8, Failure> {
    #[derive(Serialize)]
    struct CheckObject {
        id: String,
        status: airbyte_cloud::CheckStatus,
        message: Option<String>,
    }
    let working = context.output().working(&format!("checking the {}", C::NOUN));
    let result = connector.check().await;
    working.finish_and_clear();
    let result = result?;
    let object =
        CheckObject { id: connector.id(), status: result.status.clone(), message: result.message.clone() };
    let shown = if result.is_success() || context.output().is_for_programs() {
        context.output().object(&object, || "the check succeeded".to_owned())
    } else {
        Ok(())
    };
    result.into_result()?;
    shown.map(|()| exit::OK)
}

async fn delete<C: Connector>(args: DeleteArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let connector = C::find(context, &client, &args.name).await?;
    let (name, workspace) = C::name_and_workspace(&connector.info().await?);
    let connections = client.workspace(workspace).connections().await?;
    let used: Vec<_> = connections.iter().filter(|connection| connector.is_used_by(connection)).collect();
    let mut plan = Plan::new("delete", C::NOUN).id(connector.id()).name(&name);
    for connection in &used {
        plan = plan
            .effect(format!("connection `{}` ({}) goes with it", connection.name, connection.connection_id));
    }
    let deletion = connector.deletion(args.safe_mode);
    // Nobody is asked about, or shown, what is refused afterwards.
    deletion.check().await?;
    if !context.confirms(args.confirm, &plan)? {
        return Ok(());
    }
    deletion.await?;
    let deleted = Deleted::new(C::NOUN, connector.id(), name)
        .also(used.iter().map(|it| ("connection", it.connection_id.to_string(), it.name.clone())));
    deleted.print(context)
}

/// What was deleted, as scripts see it.
#[derive(Serialize)]
pub(crate) struct Deleted {
    kind: &'static str,
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Deleted>,
}

impl Deleted {
    #[allow(clippy::needless_pass_by_value, reason = "ids are small")]
    pub(crate) fn new(kind: &'static str, id: impl ToString, name: impl Into<String>) -> Self {
        Self { kind, id: id.to_string(), name: name.into(), also: Vec::new() }
    }

    pub(crate) fn also(mut self, others: impl IntoIterator<Item = (&'static str, String, String)>) -> Self {
        self.also.extend(others.into_iter().map(|(kind, id, name)| Self::new(kind, id, name)));
        self
    }

    pub(crate) fn print(&self, context: &Context) -> Result<(), Failure> {
        context.output().object(self, || {
            let line = |one: &Self| (format!("deleted {}", one.kind), one.name.clone());
            let lines: Vec<_> = std::iter::once(self).chain(&self.also).map(line).collect();
            Table::of_fields(&lines)
        })
    }
}

/// A connector that has to be named on the command line.
pub(crate) fn no_connector(noun: &str) -> Failure {
    Failure::new(Kind::Usage, format!("the {noun}'s connector is not named")).with_hint(format!(
        "add --type postgres (or whichever it is), --definition ID, or `{noun}Type` to the configuration"
    ))
}
