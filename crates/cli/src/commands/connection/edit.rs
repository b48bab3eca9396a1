//! Changing connections.

use std::convert::Infallible;
use std::str::FromStr;

use airbyte_cloud::{ConnectionEdit, Schedule, SchemaUpdates};
use clap::Args;
use serde::Serialize;

use crate::change::{DryRun, Plan};
use crate::context::Context;
use crate::error::Failure;
use crate::names;

/// Where the names of the destination's schemas come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamespaceArg {
    Destination,
    Source,
    Pattern(String),
}

impl FromStr for NamespaceArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "destination" => Self::Destination,
            "source" => Self::Source,
            pattern => Self::Pattern(pattern.to_owned()),
        })
    }
}

impl NamespaceArg {
    pub(crate) fn apply(&self, edit: ConnectionEdit) -> ConnectionEdit {
        match self {
            Self::Destination => edit.destination_namespace(),
            Self::Source => edit.source_namespaces(),
            Self::Pattern(pattern) => edit.namespace_format(pattern),
        }
    }
}

pub(crate) fn schema_updates(word: &str) -> Result<SchemaUpdates, String> {
    crate::commands::job::known(SchemaUpdates::from(word), SchemaUpdates::KNOWN)
}

/// `manual`, or a Quartz expression.
pub(crate) fn parse_schedule(text: &str) -> Result<Schedule, Failure> {
    if text == "manual" { Ok(Schedule::Manual) } else { Ok(Schedule::cron(text)?) }
}

#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    /// Its name or id
    name: String,
    /// A new name
    #[arg(long = "name", value_name = "NAME")]
    new_name: Option<String>,
    /// Give it that name even if another one has it
    #[arg(long, requires = "new_name")]
    allow_same_name: bool,
    /// What is put before the names of the destination's tables; '' for nothing
    #[arg(long)]
    prefix: Option<String>,
    /// Where the names of the destination's schemas come from: `destination`, `source`, or a pattern with
    /// `${SOURCE_NAMESPACE}` in it
    #[arg(long, value_name = "WHERE")]
    namespace: Option<NamespaceArg>,
    /// When it runs by itself: `manual`, or a Quartz expression in UTC
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// What happens when the source's schema changes: ignore, disable_connection, propagate_columns, propagate_fully
    #[arg(long, value_name = "WHAT", value_parser = schema_updates)]
    schema_updates: Option<SchemaUpdates>,
    /// A tag, by name or id; those that are given take the place of those that it has
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Take all tags away
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    #[command(flatten)]
    dry: DryRun,
}

pub(crate) async fn update(args: UpdateArgs, context: &Context) -> Result<(), Failure> {
    let schedule = args.schedule.as_deref().map(parse_schedule).transpose()?;
    let nothing = args.new_name.is_none()
        && args.prefix.is_none()
        && args.namespace.is_none()
        && schedule.is_none()
        && args.schema_updates.is_none()
        && args.tags.is_empty()
        && !args.no_tags;
    if nothing {
        return Err(Failure::usage("nothing to change was given").with_hint("see --help for what can be"));
    }
    let client = context.client()?;
    if let (Some(new_name), false) = (&args.new_name, args.allow_same_name) {
        refuse_taken(&args.name, new_name, context).await?;
    }
    let tags = names::tags(context, &client, &args.tags).await?;
    edit(&args.name, args.dry, context, |mut edit| {
        if let Some(name) = args.new_name {
            edit = edit.name(name);
        }
        if let Some(prefix) = args.prefix {
            edit = edit.prefix(prefix);
        }
        if let Some(namespace) = args.namespace {
            edit = namespace.apply(edit);
        }
        if let Some(schedule) = schedule {
            edit = edit.schedule(schedule);
        }
        if let Some(updates) = args.schema_updates {
            edit = edit.schema_updates(updates);
        }
        if args.no_tags || !tags.is_empty() {
            edit = edit.tags(tags);
        }
        Ok(edit)
    })
    .await
}

/// Refuses a name that another connection has.
pub(super) async fn refuse_taken(name: &str, new_name: &str, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let info = names::connection(context, &client, name).await?.info().await?;
    let same = client.workspace(info.workspace_id).connections().name(new_name).await?;
    let same = same.into_iter().map(|it| (it.connection_id, it.name));
    names::refuse_taken("connection", new_name, Some(&info.connection_id), same)
        .map_err(|failure| failure.with_hint(names::SAME_NAME))
}

/// Changes a connection, unless it is what it should be already, and prints it.
pub(crate) async fn edit(
    name: &str,
    dry: DryRun,
    context: &Context,
    change: impl FnOnce(ConnectionEdit) -> Result<ConnectionEdit, Failure>,
) -> Result<(), Failure> {
    let client = context.client()?;
    let connection = names::connection(context, &client, name).await?;
    let prepared = change(connection.edit())?.preview().await?;
    let plan = Plan::new("update", "connection").id(connection.id()).changes(prepared.diff().changes());
    if !context.goes_on(dry, &plan)? {
        return Ok(());
    }
    if prepared.diff().is_empty() {
        context.output().note("nothing differs, so nothing was changed");
    } else {
        context.output().note(&prepared.diff().to_string());
    }
    context.output().show(&prepared.send().await?)
}

pub(crate) async fn schedule(
    name: &str,
    given: Option<&str>,
    dry: DryRun,
    context: &Context,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct ScheduleObject {
        connection_id: String,
        schedule: airbyte_cloud::ScheduleInfo,
    }
    if let Some(given) = given {
        let schedule = parse_schedule(given)?;
        return edit(name, dry, context, |edit| Ok(edit.schedule(schedule))).await;
    }
    let client = context.client()?;
    let info = names::connection(context, &client, name).await?.info().await?;
    let object = ScheduleObject { connection_id: info.connection_id.to_string(), schedule: info.schedule };
    context.output().object(&object, || crate::shown::schedule(&object.schedule))
}
