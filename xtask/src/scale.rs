//! `cargo xtask scale`: what must hold of reading datasets by DataFusion and Ballista, which nobody builds who does not ask
//! for it.

use anyhow::Result;

use crate::parts::POSTGRES_URL;
use crate::postgres::Cluster;
use crate::step::{self, cargo, run};

const LIBRARIES: [&str; 4] = ["--package", "airbyte-datafusion", "--package", "airbyte-ballista"];
const COMMAND: [&str; 2] = ["--package", "airbyte-cli"];

/// The features that are checked: not the engines, which are the reader's and are checked with it.
const OF_LIBRARIES: &str = "airbyte-datafusion/cloud";
const OF_COMMAND: &str = "airbyte-cli/datafusion";

/// Checks everything; `arguments` go to `cargo test` of the libraries and leave out all else.
pub fn scale(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() {
        for (packages, features) in [(&LIBRARIES[..], OF_LIBRARIES), (&COMMAND[..], OF_COMMAND)] {
            let mut clippy = selected("clippy", packages, features);
            run(clippy.args(["--all-targets", "--", "--deny", "warnings"]))?;
        }
        let mut doc = selected("doc", &LIBRARIES, OF_LIBRARIES);
        run(doc.arg("--no-deps").env("RUSTDOCFLAGS", "--deny warnings"))?;
    }
    step::outlive_interrupts()?;
    let cluster = Cluster::start()?;
    let mut tests = selected("test", &LIBRARIES, OF_LIBRARIES);
    tests.args(arguments).env(POSTGRES_URL, cluster.url());
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        tests.env("PROPTEST_RNG_SEED", "20");
    }
    run(&mut tests)?;
    if arguments.is_empty() {
        // Its other tests are the same without the feature, and `cargo xtask test` runs them.
        run(selected("test", &COMMAND, OF_COMMAND).args(["--test", "it", "local::"]))?;
    }
    Ok(())
}

fn selected(what: &str, packages: &[&str], features: &str) -> std::process::Command {
    let mut command = cargo(&[what, "--locked", "--features", features]);
    command.args(packages);
    command
}
