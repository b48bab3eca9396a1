//! `cargo xtask scale`: what must hold of reading datasets by DataFusion and Ballista, which nobody builds who does not ask
//! for it.

use anyhow::Result;

use crate::parts::POSTGRES_URL;
use crate::postgres::Cluster;
use crate::step::{cargo, run};

/// The crates, and the command with what it has of them.
const SELECTED: [&str; 6] =
    ["--package", "airbyte-datafusion", "--package", "airbyte-ballista", "--package", "airbyte-cli"];

/// The features that are checked: not the engines, which are the reader's and are checked with it.
const FEATURES: &str = "airbyte-datafusion/cloud,airbyte-cli/datafusion";

/// Checks everything; `arguments` go to `cargo test` and leave out what is not a test.
pub fn scale(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() {
        let mut clippy = selected("clippy");
        run(clippy.args(["--all-targets", "--", "--deny", "warnings"]))?;
        let mut doc = selected("doc");
        run(doc.arg("--no-deps").env("RUSTDOCFLAGS", "--deny warnings"))?;
    }
    // Ctrl-C reaches the tests by itself; this process stays to stop the server and delete its data.
    ctrlc::set_handler(|| {})?;
    let cluster = Cluster::start()?;
    let mut tests = selected("test");
    tests.args(arguments).env(POSTGRES_URL, cluster.url()).env("INSTA_UPDATE", "no");
    // What the command's other tests need is started by `cargo xtask test`, which runs them.
    if arguments.is_empty() {
        tests.args(["--", "--skip", "it::"]);
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        tests.env("PROPTEST_RNG_SEED", "20");
    }
    run(&mut tests)
}

fn selected(what: &str) -> std::process::Command {
    let mut command = cargo(&[what, "--locked", "--features", FEATURES]);
    command.args(SELECTED);
    command
}
