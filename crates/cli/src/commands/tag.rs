//! Tags of connections.

use airbyte_cloud::{Tag, Workspace};
use clap::Subcommand;

use super::connector::Deleted;
use crate::change::{Confirm, DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum TagCommand {
    /// All tags of the workspace
    ///
    /// Example: airbyte tag list
    List,
    /// Create a tag
    ///
    /// Example: airbyte tag create nightly --color 2E8B57
    Create {
        /// Its name
        name: String,
        /// Its colour: six hexadecimal digits
        #[arg(long, default_value = "75DCFF", value_name = "RRGGBB")]
        color: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Give a tag another name or colour
    ///
    /// Example: airbyte tag update nightly --name weekly
    Update {
        /// Its name or id
        tag: String,
        /// The new name
        #[arg(long, required_unless_present = "color")]
        name: Option<String>,
        /// The new colour: six hexadecimal digits
        #[arg(long, value_name = "RRGGBB")]
        color: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Delete a tag, and take it off its connections
    ///
    /// Example: airbyte tag delete nightly --yes
    Delete {
        /// Its name or id
        tag: String,
        #[command(flatten)]
        confirm: Confirm,
    },
}

pub(crate) async fn run(command: TagCommand, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        TagCommand::List => context.output().show_list(&context.workspace(&client).await?.tags().await?)?,
        TagCommand::Create { name, color, dry } => {
            Tag::check(&name, &color)?;
            let workspace = context.workspace(&client).await?;
            refuse_taken(&workspace, &name).await?;
            let plan = Plan::new("create", "tag").name(&name).effect(format!("colour: {color}"));
            if context.goes_on(dry, &plan)? {
                context.output().show(&workspace.create_tag(name, color).await?)?;
            }
        }
        TagCommand::Update { tag, name, color, dry } => {
            let tag = names::tag(context, &client, &tag).await?;
            let info = tag.info().await?;
            let (name, color) = (name.unwrap_or(info.name.clone()), color.unwrap_or(info.color.clone()));
            Tag::check(&name, &color)?;
            if name != info.name {
                refuse_taken(&client.workspace(info.workspace_id), &name).await?;
            }
            let mut plan = Plan::new("update", "tag").id(tag.id()).name(&info.name);
            for (what, before, after) in [("name", &info.name, &name), ("colour", &info.color, &color)] {
                if before != after {
                    plan = plan.effect(format!("{what}: {before} -> {after}"));
                }
            }
            if context.goes_on(dry, &plan)? {
                context.output().show(&tag.update(name, color).await?)?;
            }
        }
        TagCommand::Delete { tag, confirm } => {
            let tag = names::tag(context, &client, &tag).await?;
            let info = tag.info().await?;
            let tagged = client.workspace(info.workspace_id).connections().tagged([info.tag_id]).await?;
            let mut plan = Plan::new("delete", "tag").id(info.tag_id).name(&info.name);
            for connection in &tagged {
                plan = plan.effect(format!("it is taken off connection `{}`", connection.name));
            }
            if context.confirms(confirm, &plan)? {
                tag.delete().await?;
                Deleted::new("tag", info.tag_id, info.name).print(context)?;
            }
        }
    }
    Ok(exit::OK)
}

/// Refuses a name that a tag has: the server would, in words that do not tell why. Where tags cannot be listed, it does.
async fn refuse_taken(workspace: &Workspace, name: &str) -> Result<(), Failure> {
    let Ok(tags) = workspace.tags().await else { return Ok(()) };
    names::refuse_taken("tag", name, None, tags.into_iter().map(|tag| (tag.tag_id, tag.name)))
}
