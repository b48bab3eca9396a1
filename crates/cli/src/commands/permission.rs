//! Permissions: who may do what.

use airbyte_cloud::{PermissionId, PermissionScope, PermissionType, UserId};
use clap::{Args, Subcommand};

use super::connector::Deleted;
use crate::change::{Confirm, DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionCommand {
    /// What a user may do: the one that the credentials belong to, unless another one is named
    ///
    /// Example: airbyte permission list
    ///
    /// Example: airbyte permission list --user 8c1b2f0e-5a4d-4f7b-9c3e-6d2a1b0c9f84 --organization "Acme"
    List {
        /// The user's id
        #[arg(long, value_name = "ID", requires = "organization")]
        user: Option<String>,
        /// The organization that the user belongs to, by name or id
        #[arg(long, value_name = "ORGANIZATION", requires = "user")]
        organization: Option<String>,
    },
    /// Let a user do something in a workspace or an organization
    ///
    /// Example: airbyte permission grant 8c1b2f0e-5a4d-4f7b-9c3e-6d2a1b0c9f84 workspace_editor --workspace "Marketing"
    Grant(GrantArgs),
    /// Put another permission in the place of one
    ///
    /// Example: airbyte permission change 3f5a7c9e-1b2d-4e6f-8a0c-2d4f6a8c0e1b workspace_reader
    Change {
        /// The permission's id
        permission: String,
        /// What the user may do from now on
        #[arg(value_name = "TYPE", value_parser = permission_type)]
        to: PermissionType,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Take a permission away
    ///
    /// Example: airbyte permission revoke 3f5a7c9e-1b2d-4e6f-8a0c-2d4f6a8c0e1b --yes
    Revoke {
        /// The permission's id
        permission: String,
        #[command(flatten)]
        confirm: Confirm,
    },
}

#[derive(Args, Debug)]
pub(crate) struct GrantArgs {
    /// The user's id
    user: String,
    /// What the user may do: `workspace_reader` for instance
    #[arg(value_name = "TYPE", value_parser = permission_type)]
    permission: PermissionType,
    /// The organization, by name or id; for permissions that begin with `organization_`
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Option<String>,
    #[command(flatten)]
    dry: DryRun,
}

fn permission_type(word: &str) -> Result<PermissionType, String> {
    super::job::known(PermissionType::from(word), PermissionType::KNOWN)
}

pub(crate) async fn run(command: PermissionCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        PermissionCommand::List { user, organization } => {
            let user = user.map(|id| id.parse::<UserId>()).transpose()?;
            let client = context.client()?;
            let permissions = match (user, organization) {
                (Some(user), Some(given)) => {
                    names::organization(&client, &given).await?.permissions_of(user).await?
                }
                _ => client.permissions().await?,
            };
            context.output().show_list(&permissions)?;
        }
        PermissionCommand::Grant(args) => {
            let user: UserId = args.user.parse()?;
            let client = context.client()?;
            let scope: PermissionScope = match args.organization {
                Some(given) => names::organization(&client, &given).await?.id().into(),
                None => context.workspace(&client).await?.id().into(),
            };
            let plan = Plan::new("grant", "permission")
                .name(args.permission.to_string())
                .effect(format!("to user {user}"))
                .effect(format!("in {scope}"));
            if context.goes_on(args.dry, &plan)? {
                context.output().show(&client.grant(user, scope, args.permission).await?)?;
            }
        }
        PermissionCommand::Change { permission, to, dry } => {
            let id: PermissionId = permission.parse()?;
            let client = context.client()?;
            let permission = client.permission(id);
            let present = permission.info().await?.permission_type;
            let plan = Plan::new("change", "permission").id(id).effect(format!("{present} -> {to}"));
            if context.goes_on(dry, &plan)? {
                context.output().show(&permission.change(to).await?)?;
            }
        }
        PermissionCommand::Revoke { permission, confirm } => {
            let id: PermissionId = permission.parse()?;
            let client = context.client()?;
            let permission = client.permission(id);
            let info = permission.info().await?;
            let name = info.permission_type.to_string();
            let plan = Plan::new("revoke", "permission")
                .id(id)
                .name(&name)
                .effect(format!("of user {}", info.user_id))
                .effect(format!("in {}", info.scope));
            if context.confirms(confirm, &plan)? {
                permission.revoke().await?;
                Deleted::new("permission", id, name).print(context)?;
            }
        }
    }
    Ok(exit::OK)
}
