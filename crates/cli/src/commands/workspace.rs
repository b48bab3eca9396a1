//! Workspaces.

use airbyte_cloud::{Client, Workspace};
use clap::Subcommand;

use super::connector::Deleted;
use super::listing::NamedListArgs;
use super::open::{OpenArgs, open};
use crate::change::{Confirm, DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// All workspaces that the credentials can see
    ///
    /// Example: airbyte workspace list --output json
    List(NamedListArgs),
    /// One workspace
    ///
    /// Example: airbyte workspace get "Marketing"
    Get {
        /// Its name or id [default: the workspace that is set]
        name: Option<String>,
    },
    /// Create a workspace
    ///
    /// Example: airbyte workspace create "Marketing" --organization "Acme"
    Create {
        /// Its name
        name: String,
        /// The organization, by name or id; only Airbyte Cloud heeds it
        #[arg(long, value_name = "ORGANIZATION")]
        organization: Option<String>,
        /// The id of the region that its data is processed in
        #[arg(long, value_name = "ID")]
        region: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Give a workspace another name
    ///
    /// Example: airbyte workspace rename "Marketing" "Growth"
    Rename {
        /// Its name or id
        name: String,
        /// The new name
        new_name: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Delete a workspace for good, with all that is in it
    ///
    /// Example: airbyte workspace delete "Marketing" --dry-run
    ///
    /// Example: airbyte workspace delete "Marketing" --yes
    Delete {
        /// Its name or id
        name: String,
        /// Refuse unless it is empty and has `delete-me` in its name
        #[arg(long, help_heading = "Changes")]
        safe_mode: bool,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Open a workspace in the web application
    ///
    /// Example: airbyte workspace open
    Open {
        /// Its name or id [default: the workspace that is set]
        name: Option<String>,
        #[command(flatten)]
        how: OpenArgs,
    },
}

pub(crate) async fn run(command: WorkspaceCommand, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        WorkspaceCommand::List(args) => {
            let mut list = client.workspaces();
            if let Some(name) = args.name {
                list = list.filter(move |one| one.name == name);
            }
            if let Some(limit) = args.limit {
                list = list.limit(limit);
            }
            context.output().show_list(&list.await?)?;
        }
        WorkspaceCommand::Get { name } => {
            context.output().show(&find(name.as_deref(), &client, context).await?.info().await?)?;
        }
        WorkspaceCommand::Create { name, organization, region, dry } => {
            let mut plan = Plan::new("create", "workspace").name(&name);
            let mut create = client.create_workspace(name);
            if let Some(given) = organization {
                let id = names::organization(&client, &given).await?.id();
                plan = plan.effect(format!("in organization {id}"));
                create = create.organization(id);
            }
            if let Some(region) = region {
                create = create.region(region.parse::<airbyte_cloud::RegionId>()?);
            }
            if context.goes_on(dry, &plan)? {
                let workspace = create.await?;
                let info = workspace.info().await;
                let info =
                    info.map_err(|error| Failure::created("workspace", &workspace.id().to_string(), error))?;
                context.output().show(&info)?;
            }
        }
        WorkspaceCommand::Rename { name, new_name, dry } => {
            let workspace = names::workspace(&client, &name).await?;
            let plan = Plan::new("rename", "workspace")
                .id(workspace.id())
                .name(name)
                .effect(format!("to `{new_name}`"));
            if context.goes_on(dry, &plan)? {
                context.output().show(&workspace.rename(new_name).await?)?;
            }
        }
        WorkspaceCommand::Delete { name, safe_mode, confirm } => {
            let workspace = names::workspace(&client, &name).await?;
            let name = workspace.info().await?.name;
            let (connections, sources, destinations) =
                (workspace.connections().await?, workspace.sources().await?, workspace.destinations().await?);
            let counts = [
                (connections.len(), "connections"),
                (sources.len(), "sources"),
                (destinations.len(), "destinations"),
            ];
            let mut plan = Plan::new("delete", "workspace").id(workspace.id()).name(&name);
            for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
                plan = plan.effect(format!("{count} {what} in it go with it"));
            }
            let delete = workspace.delete().safe_mode(safe_mode);
            // Nobody is asked about, or shown, what is refused afterwards.
            delete.check().await?;
            if context.confirms(confirm, &plan)? {
                delete.await?;
                Deleted::new("workspace", workspace.id(), name).print(context)?;
            }
        }
        WorkspaceCommand::Open { name, how } => {
            open(find(name.as_deref(), &client, context).await?.url(), how, context)?;
        }
    }
    Ok(exit::OK)
}

async fn find(given: Option<&str>, client: &Client, context: &Context) -> Result<Workspace, Failure> {
    match given {
        Some(given) => names::workspace(client, given).await,
        None => context.workspace(client).await,
    }
}
