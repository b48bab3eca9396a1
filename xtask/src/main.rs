//! The project's own tasks: `cargo xtask <task>`.

#![allow(unreachable_pub, reason = "a program has no users of its modules")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a task talks to the person who started it")]

mod bench;
mod browser;
mod chaos;
mod ci;
mod fuzz;
mod others;
mod packages;
mod parts;
mod postgres;
mod python;
mod regen;
mod sandbox;
mod scale;
mod skipped;
mod step;
mod test;
mod tidy;
mod vectors;

use std::path::{Path, PathBuf, absolute};

use anyhow::{Result, bail};
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
    /// Look for bytes from outside that break a decoder, led by the branches that they take
    Fuzz(fuzz::Fuzz),
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

fn main() -> Result<()> {
    let outcome = run(Options::parse().task);
    skipped::repeat();
    outcome
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Regen(options) => regen::regen(&options),
        Task::Tidy => tidy::tidy(),
        Task::Test { arguments } => test::test(&arguments),
        Task::TestOthers => others::test(),
        Task::Scale { arguments } => scale::scale(&arguments),
        Task::Chaos(options) => chaos::chaos(&options),
        Task::Fuzz(options) => fuzz::fuzz(&options),
        Task::Bench { part, resume } => bench::bench(part, resume),
        Task::Vectors { file } => vectors::vectors(&file),
        Task::Surface => ci::surface(true),
        Task::Ci(options) => ci::ci(&options),
    }
}

/// Where the upstream API documents are on this machine: the folder that `AIRBYTE_OPENAPI_DIR` names, else
/// `shared/openapi` beside the workspace. `None` where there are none; a folder that is named must have them.
pub fn upstream_documents() -> Result<Option<PathBuf>> {
    let named = std::env::var_os("AIRBYTE_OPENAPI_DIR").map(PathBuf::from);
    documents(named, step::workspace_root().join("../shared/openapi"))
}

fn documents(named: Option<PathBuf>, beside: PathBuf) -> Result<Option<PathBuf>> {
    const FILES: [&str; 2] = ["airbyte-public.yaml", "airbyte-config.yaml"];
    let has_them = |folder: &Path| FILES.iter().all(|file| folder.join(file).is_file());
    match named {
        Some(folder) if !has_them(&folder) => {
            bail!("AIRBYTE_OPENAPI_DIR is {}, which has no {}", folder.display(), FILES.join(" or no "))
        }
        // Tests run in other folders than this.
        Some(folder) => Ok(Some(absolute(folder)?)),
        None => Ok(Some(beside).filter(|folder| has_them(folder))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_named_has_the_documents_and_the_one_beside_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        assert!(documents(Some(path.clone()), path.clone()).is_err());
        assert_eq!(documents(None, path.clone()).unwrap(), None);
        for file in ["airbyte-public.yaml", "airbyte-config.yaml"] {
            std::fs::write(path.join(file), "").unwrap();
        }
        assert_eq!(documents(Some(path.clone()), PathBuf::new()).unwrap(), Some(path.clone()));
        assert_eq!(documents(None, path.clone()).unwrap(), Some(path));
    }
}
