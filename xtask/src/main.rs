//! The project's own tasks: `cargo xtask <task>`.

#![allow(unreachable_pub, reason = "a program has no users of its modules")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a task talks to the person who started it")]

mod bench;
mod browser;
mod chaos;
mod ci;
mod others;
mod packages;
mod parts;
mod postgres;
mod python;
mod regen;
mod sandbox;
mod scale;
mod step;
mod test;
mod tidy;
mod vectors;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own tasks")]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make openapi/ and the snapshots of the bindings anew from the upstream documents
    Regen(regen::Regen),
    /// Check what the compiler does not: invariants of the architecture, sentences, versions
    Tidy,
    /// Start a throw-away PostgreSQL, installing it and a browser where they are missing, and run all tests
    Test {
        /// Passed to `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Try the sandbox with clients that were written elsewhere, the last part of `test`
    TestOthers,
    /// Check reading by DataFusion and Ballista, which the other checks leave out, with a throw-away PostgreSQL
    Scale {
        /// Passed to `cargo test`, which is all that is done then
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run random schedules of faults: of the sandbox, and of the way to it and to a database
    Chaos(chaos::Chaos),
    /// Measure the release build beside its peers and rewrite BENCHMARKS.md
    Bench {
        /// Measure only this and print it
        part: Option<bench::Part>,
        /// Go on where a run was interrupted or has failed
        #[arg(long, conflicts_with = "part")]
        resume: bool,
    },
    /// Say how many names of a file the reader finds, and which it does not
    Vectors {
        /// Vectors as in `crates/sql-read/tests/it/names`, one a line or as an array
        file: PathBuf,
    },
    /// Write the public surface of the libraries anew, which `ci --full` compares
    Surface,
    /// Everything that must hold before a change lands
    Ci(ci::Ci),
}

fn main() -> anyhow::Result<()> {
    match Options::parse().task {
        Task::Regen(options) => regen::regen(&options),
        Task::Tidy => tidy::tidy(),
        Task::Test { arguments } => test::test(&arguments),
        Task::TestOthers => others::test(),
        Task::Scale { arguments } => scale::scale(&arguments),
        Task::Chaos(options) => chaos::chaos(&options),
        Task::Bench { part, resume } => bench::bench(part, resume),
        Task::Vectors { file } => vectors::vectors(&file),
        Task::Surface => ci::surface(true),
        Task::Ci(options) => ci::ci(&options),
    }
}

/// Where the upstream API documents are on this machine: the folder that `AIRBYTE_OPENAPI_DIR` names, else
/// `shared/openapi` beside the workspace. `None` where there are none.
pub fn upstream_documents() -> Option<PathBuf> {
    let named = std::env::var_os("AIRBYTE_OPENAPI_DIR").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| step::workspace_root().join("../shared/openapi"));
    folder.join("airbyte-public.yaml").is_file().then_some(folder)
}
