//! Workspaces, sources and destinations: list and get.

use airbyte_cloud::{DestinationInfo, SourceInfo, WorkspaceInfo};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Failure, exit};
use crate::output::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// All workspaces that the credentials can see
    ///
    /// Example: airbyte workspace list --output json
    List(ListArgs),
    /// One workspace
    ///
    /// Example: airbyte workspace get 9b0a7c1e-7f0e-4a53-8b19-1d5f6a3c2b10
    Get {
        /// Its id [default: the workspace that is set]
        id: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// All sources of the workspace
    ///
    /// Example: airbyte source list --name "Stripe"
    List(NamedListArgs),
    /// One source
    ///
    /// Example: airbyte source get 2f6c9d3b-0c57-4d1e-9a77-6f4b8e2d1c05
    Get {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DestinationCommand {
    /// All destinations of the workspace
    ///
    /// Example: airbyte destination list
    List(NamedListArgs),
    /// One destination
    ///
    /// Example: airbyte destination get 7d1e5a90-3b64-4c2f-8e11-0a9c6b5d4f32
    Get {
        /// Its id
        id: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// So many at the most [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct NamedListArgs {
    /// Only those with exactly this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// So many at the most [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

pub(crate) async fn workspace(command: WorkspaceCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        WorkspaceCommand::List(args) => {
            let client = context.client()?;
            let workspaces = match args.limit {
                Some(limit) => client.workspaces().limit(limit).await?,
                None => client.workspaces().await?,
            };
            context.output().list(&workspaces, || {
                let mut table = Table::new(&["name", "workspace id", "region"]);
                for one in &workspaces {
                    table.row([one.name.clone(), one.workspace_id.to_string(), one.data_residency.clone()]);
                }
                table.to_string()
            })?;
        }
        WorkspaceCommand::Get { id } => {
            let id = id.map(|id| id.parse()).transpose()?;
            let client = context.client()?;
            let workspace = match id {
                Some(id) => client.workspace(id),
                None => client.default_workspace()?,
            };
            let info: WorkspaceInfo = workspace.info().await?;
            context.output().object(&info, || {
                Table::of_fields(&[
                    ("name", info.name.clone()),
                    ("workspace id", info.workspace_id.to_string()),
                    ("region", info.data_residency.clone()),
                ])
                .to_string()
            })?;
        }
    }
    Ok(exit::OK)
}

pub(crate) async fn source(command: SourceCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        SourceCommand::List(args) => {
            let mut list = context.client()?.default_workspace()?.sources();
            if let Some(name) = args.name {
                list = list.name(name);
            }
            if let Some(limit) = args.limit {
                list = list.limit(limit);
            }
            let sources = list.await?;
            list_connectors(context, "source id", &sources, |source| {
                [source.name.clone(), source.source_type.clone(), source.source_id.to_string()]
            })?;
        }
        SourceCommand::Get { id } => {
            let id = id.parse()?;
            let info: SourceInfo = context.client()?.source(id).info().await?;
            let fields = [
                ("name", info.name.clone()),
                ("type", info.source_type.clone()),
                ("source id", info.source_id.to_string()),
                ("workspace id", info.workspace_id.to_string()),
            ];
            get_connector(context, &info, &fields, &info.configuration)?;
        }
    }
    Ok(exit::OK)
}

pub(crate) async fn destination(command: DestinationCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        DestinationCommand::List(args) => {
            let mut list = context.client()?.default_workspace()?.destinations();
            if let Some(name) = args.name {
                list = list.name(name);
            }
            if let Some(limit) = args.limit {
                list = list.limit(limit);
            }
            let destinations = list.await?;
            list_connectors(context, "destination id", &destinations, |destination| {
                [
                    destination.name.clone(),
                    destination.destination_type.clone(),
                    destination.destination_id.to_string(),
                ]
            })?;
        }
        DestinationCommand::Get { id } => {
            let id = id.parse()?;
            let info: DestinationInfo = context.client()?.destination(id).info().await?;
            let fields = [
                ("name", info.name.clone()),
                ("type", info.destination_type.clone()),
                ("destination id", info.destination_id.to_string()),
                ("workspace id", info.workspace_id.to_string()),
            ];
            get_connector(context, &info, &fields, &info.configuration)?;
        }
    }
    Ok(exit::OK)
}

fn list_connectors<T: Serialize>(
    context: &Context,
    id: &str,
    connectors: &[T],
    cells: impl Fn(&T) -> [String; 3],
) -> Result<(), Failure> {
    context.output().list(connectors, || {
        let mut table = Table::new(&["name", "type", id]);
        for one in connectors {
            table.row(cells(one));
        }
        table.to_string()
    })
}

fn get_connector<T: Serialize>(
    context: &Context,
    info: &T,
    fields: &[(&str, String)],
    configuration: &serde_json::Value,
) -> Result<(), Failure> {
    context.output().object(info, || {
        let shown = serde_json::to_string_pretty(configuration).unwrap_or_default();
        format!("{}\nconfiguration\n{shown}", Table::of_fields(fields))
    })
}
