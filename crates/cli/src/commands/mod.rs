//! The commands, one file a noun.

pub(crate) mod api;
pub(crate) mod connection;
pub(crate) mod dataset;
pub(crate) mod demo;
pub(crate) mod job;
pub(crate) mod objects;
pub(crate) mod sandbox;

use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::error::{Failure, exit};

/// Runs a command and returns its exit code.
pub(crate) async fn run(command: Command, context: &Context) -> Result<u8, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Sandbox(args) => sandbox::run(args, context).await,
        Command::Workspace(command) => objects::workspace(command, context).await,
        Command::Source(command) => objects::source(command, context).await,
        Command::Destination(command) => objects::destination(command, context).await,
        Command::Connection(command) => connection::run(command, context).await,
        Command::Job(command) => job::run(command, context).await,
        Command::Dataset(command) => dataset::run(command, context).await,
        Command::Api(args) => api::run(args, context).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "airbyte", &mut script);
            context.output().text(&String::from_utf8_lossy(&script))?;
            Ok(exit::OK)
        }
    }
}
