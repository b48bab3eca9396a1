//! The project's own tasks: `cargo xtask <task>`.

mod regen;
mod step;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks")]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make openapi/ and the snapshots of the bindings anew from the upstream documents
    Regen(regen::Regen),
}

fn main() -> anyhow::Result<()> {
    match Options::parse().task {
        Task::Regen(options) => regen::regen(&options),
    }
}
