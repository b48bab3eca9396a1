//! The commands, one file a noun.

pub(crate) mod api;
pub(crate) mod auth;
pub(crate) mod connection;
pub(crate) mod connector;
pub(crate) mod dataset;
pub(crate) mod definition;
pub(crate) mod demo;
pub(crate) mod job;
pub(crate) mod listing;
pub(crate) mod open;
pub(crate) mod organization;
pub(crate) mod permission;
pub(crate) mod sandbox;
pub(crate) mod tag;
pub(crate) mod workspace;

use airbyte_cloud::{Destination, Source};

use crate::args::{self, Command};
use crate::context::Context;
use crate::error::{Failure, exit};

/// Runs a command and returns its exit code.
pub(crate) async fn run(command: Command, context: &Context) -> Result<u8, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Sandbox(args) => sandbox::run(args, context).await,
        Command::Auth(command) => auth::run(command, context).await,
        Command::Organization(command) => organization::run(command, context).await,
        Command::Workspace(command) => workspace::run(command, context).await,
        Command::Source(command) => connector::run::<Source>(command, context).await,
        Command::Destination(command) => connector::run::<Destination>(command, context).await,
        Command::Definition(command) => definition::run(command, context).await,
        Command::Connection(command) => connection::run(command, context).await,
        Command::Job(command) => job::run(command, context).await,
        Command::Dataset(command) => dataset::run(command, context).await,
        Command::Tag(command) => tag::run(command, context).await,
        Command::Permission(command) => permission::run(command, context).await,
        Command::Api(args) => api::run(args, context).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::command(), "airbyte", &mut script);
            context.output().text(&String::from_utf8_lossy(&script))?;
            Ok(exit::OK)
        }
        Command::Man { folder } => {
            let pages = crate::reference::man_pages(args::command(), &folder)?;
            context.output().note(&format!("{pages} pages in {}", folder.display()));
            Ok(exit::OK)
        }
        Command::Help { words } => {
            let mut command = args::command();
            command.build();
            for word in &words {
                let found = command.find_subcommand(word).cloned();
                command = found.ok_or_else(|| {
                    Failure::usage(format!("there is no command `{}`", words.join(" ")))
                        .with_hint("see `airbyte --help`")
                })?;
            }
            command.print_long_help()?;
            Ok(exit::OK)
        }
        Command::Reference => {
            context.output().text(&crate::reference::markdown(args::command()))?;
            Ok(exit::OK)
        }
    }
}
