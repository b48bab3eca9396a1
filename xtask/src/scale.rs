//! `cargo xtask scale`: what must hold of DataFusion's tables, which are in a workspace of their own.

use anyhow::Result;

use crate::parts::POSTGRES_URL;
use crate::postgres::Cluster;
use crate::step::{cargo, run, target, workspace_root};

/// The features that are checked: not the engines, which are the reader's and are checked with it.
const FEATURES: &str = "airbyte-datafusion/cloud";

/// Checks everything; `arguments` go to `cargo test` and leave out what is not a test.
pub fn scale(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() {
        run(&mut in_workspace(&["fmt", "--all", "--check"]))?;
        let mut clippy =
            in_workspace(&["clippy", "--workspace", "--all-targets", "--locked", "--features", FEATURES]);
        run(clippy.args(["--", "--deny", "warnings"]))?;
        let mut doc = in_workspace(&["doc", "--workspace", "--no-deps", "--locked", "--features", FEATURES]);
        run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    }
    // Ctrl-C reaches the tests by itself; this process stays to stop the server and delete its data.
    ctrlc::set_handler(|| {})?;
    let cluster = Cluster::start()?;
    let mut tests = in_workspace(&["test", "--workspace", "--locked", "--features", FEATURES]);
    tests.args(arguments).env(POSTGRES_URL, cluster.url());
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        tests.env("PROPTEST_RNG_SEED", "20");
    }
    run(&mut tests)
}

/// `cargo` in the workspace that is rooted in `crates/datafusion`.
fn in_workspace(arguments: &[&str]) -> std::process::Command {
    let mut command = cargo(arguments);
    command
        .current_dir(workspace_root().join("crates/datafusion"))
        .env("CARGO_TARGET_DIR", target().join("scale"))
        // A build of debug information for hundreds of packages fills disks.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}
