//! Custom connectors: their definitions.

use airbyte_cloud::{CustomSourceInfo, CustomSourceKind, Manifest};
use clap::{Args, Subcommand, ValueEnum};

use super::connector::Deleted;
use super::open::{OpenArgs, open};
use crate::change::{Confirm, DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum DefinitionCommand {
    /// The custom connectors of the workspace: those made of a manifest, unless others are asked for
    ///
    /// Example: airbyte definition list
    List {
        /// How the connectors are made; docker lists those that come with Airbyte, too
        #[arg(long, value_enum, default_value = "yaml")]
        kind: Kind,
    },
    /// One custom connector, with its manifest
    ///
    /// Example: airbyte definition get "Bookings" --output json --fields manifest
    Get {
        /// Its name or id
        name: String,
    },
    /// Publish a new custom connector: of a manifest, or as a Docker image
    ///
    /// Example: airbyte definition publish "Bookings" --manifest bookings.yaml
    ///
    /// Example: airbyte definition publish "Bookings" --image registry.example.com/source-bookings:1.2.0
    Publish(PublishArgs),
    /// Publish a new version of a custom connector, which is in use at once
    ///
    /// Example: airbyte definition update "Bookings" --manifest bookings.yaml
    ///
    /// Example: airbyte definition update "Bookings" --image-tag 1.3.0
    Update(UpdateArgs),
    /// Delete a custom connector for good, with its sources and their connections
    ///
    /// Example: airbyte definition delete "Bookings" --yes
    Delete {
        /// Its name or id
        name: String,
        /// Refuse unless it, and all that goes with it, has `delete-me` in its name
        #[arg(long, help_heading = "Changes")]
        safe_mode: bool,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Open a custom connector in the web application
    ///
    /// Example: airbyte definition open "Bookings"
    Open {
        /// Its name or id
        name: String,
        #[command(flatten)]
        how: OpenArgs,
    },
}

/// How a custom connector is made.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Of a manifest
    Yaml,
    /// As a Docker image
    Docker,
}

#[derive(Args, Debug)]
pub(crate) struct PublishArgs {
    /// Its name
    name: String,
    /// The manifest, a YAML file
    #[arg(long, value_name = "FILE", required_unless_present = "image", conflicts_with = "image")]
    manifest: Option<String>,
    /// The Docker image with its tag; self-managed installations only
    #[arg(long, value_name = "IMAGE:TAG")]
    image: Option<String>,
    /// Publish it even if another one has the name
    #[arg(long)]
    allow_same_name: bool,
    #[command(flatten)]
    dry: DryRun,
}

#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    /// Its name or id
    name: String,
    /// The new manifest, a YAML file
    #[arg(long, value_name = "FILE", required_unless_present = "image_tag", conflicts_with = "image_tag")]
    manifest: Option<String>,
    /// The new tag of a Docker image
    #[arg(long, value_name = "TAG")]
    image_tag: Option<String>,
    #[command(flatten)]
    dry: DryRun,
}

pub(crate) async fn run(command: DefinitionCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        DefinitionCommand::List { kind } => {
            let client = context.client()?;
            let kind = match kind {
                Kind::Yaml => CustomSourceKind::Yaml,
                Kind::Docker => CustomSourceKind::Docker,
            };
            let list = context.workspace(&client).await?.custom_source_definitions(kind).await?;
            context.output().show_list(&list)?;
        }
        DefinitionCommand::Get { name } => {
            let client = context.client()?;
            context.output().show(&names::definition(context, &client, &name).await?.info().await?)?;
        }
        DefinitionCommand::Publish(args) => publish(args, context).await?,
        DefinitionCommand::Update(args) => update(args, context).await?,
        DefinitionCommand::Delete { name, safe_mode, confirm } => {
            let client = context.client()?;
            let definition = names::definition(context, &client, &name).await?;
            let info = definition.info().await?;
            let id = info.definition_id;
            let sources =
                definition.workspace().sources().filter(move |it| it.definition_id == Some(id)).await?;
            let mut plan = Plan::new("delete", "definition").id(id).name(&info.name);
            for source in &sources {
                plan = plan.effect(format!("source `{}` goes with it, and its connections", source.name));
            }
            let delete = definition.delete().safe_mode(safe_mode);
            // Nobody is asked about, or shown, what is refused afterwards.
            delete.check().await?;
            if context.confirms(confirm, &plan)? {
                delete.await?;
                let sources = sources.into_iter().map(|it| ("source", it.source_id.to_string(), it.name));
                Deleted::new("definition", id, info.name).also(sources).print(context)?;
            }
        }
        DefinitionCommand::Open { name, how } => {
            let client = context.client()?;
            open(names::definition(context, &client, &name).await?.url().await?, how, context)?;
        }
    }
    Ok(exit::OK)
}

async fn publish(args: PublishArgs, context: &Context) -> Result<(), Failure> {
    let manifest = args.manifest.as_ref().map(Manifest::from_file).transpose()?;
    let client = context.client()?;
    let workspace = context.workspace(&client).await?;
    let plan = Plan::new("publish", "definition").name(&args.name);
    let (publish, plan) = match (manifest, &args.image) {
        (Some(manifest), _) => {
            (workspace.publish_custom_source(args.name, manifest), plan.effect("of a manifest"))
        }
        (None, image) => {
            let image = image.as_deref().unwrap_or_default();
            // A port has a colon, too, but comes before the last slash.
            let (repository, tag) =
                image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).ok_or_else(|| {
                    Failure::usage(format!("the image `{image}` has no tag"))
                        .with_hint("write it as IMAGE:TAG")
                })?;
            (
                workspace.publish_docker_source(args.name, repository, tag),
                plan.effect(format!("image {image}")),
            )
        }
    };
    let publish = if args.allow_same_name { publish.allow_same_name() } else { publish };
    if args.dry.dry_run {
        publish.check().await?;
    }
    if context.goes_on(args.dry, &plan)? {
        let definition = publish.await?;
        let info = definition.info().await;
        let info: CustomSourceInfo =
            info.map_err(|error| Failure::created("connector", &definition.id().to_string(), error))?;
        context.output().show(&info)?;
    }
    Ok(())
}

async fn update(args: UpdateArgs, context: &Context) -> Result<(), Failure> {
    let manifest = args.manifest.as_ref().map(Manifest::from_file).transpose()?;
    let client = context.client()?;
    let definition = names::definition(context, &client, &args.name).await?;
    let info = definition.info().await?;
    let plan = Plan::new("update", "definition").id(info.definition_id).name(&info.name);
    let plan = match (&manifest, &args.image_tag) {
        (Some(manifest), _) if info.manifest.as_ref() == Some(manifest) => {
            plan.effect("a new version with the same manifest")
        }
        (Some(_), _) => plan.effect(format!("version {} is published", info.version.unwrap_or(0) + 1)),
        (None, tag) => plan.effect(format!("image tag {}", tag.as_deref().unwrap_or_default())),
    };
    if context.goes_on(args.dry, &plan)? {
        let info = match (manifest, args.image_tag) {
            (Some(manifest), _) => definition.update(manifest).await?,
            (None, tag) => definition.update_image(info.name, tag.unwrap_or_default()).await?,
        };
        context.output().show(&info)?;
    }
    Ok(())
}
