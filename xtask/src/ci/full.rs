//! What `cargo xtask ci --full` checks beyond the quick one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::sections::{Sections, Verdict};
use super::tools::DENY;
use super::{again, features, packages, surface};
use crate::fuzz::Fuzz;
use crate::step::{cargo, not_interrupted, run, target, workspace_root};

/// Folders with small programs that are no members of the workspace, and what is done with each: those of the first have
/// tests, those of the second check their own results.
const OUTSIDE: &[(&str, &[&[&str]])] =
    &[("tests/downstream", &[&["build"], &["test", "--all-targets"]]), ("examples", &[&["run"]])];

pub fn full(sections: &mut Sections) -> Result<()> {
    sections.run("licences, bans, sources", || deny(&["bans", "licenses", "sources"], &[]))?;
    sections.run_if_possible("advisories", advisories)?;
    sections.run("public surface", || surface(false))?;
    sections.run("bindings are the same twice", again::generated_twice)?;
    sections.run("programs outside of the workspace", outside)?;
    sections.run("fuzzing", || crate::fuzz::fuzz(&Fuzz::shortly()))?;
    sections.run("scale: DataFusion", || crate::scale::scale(&[]))?;
    sections.run_if_possible("oldest Rust", features::oldest_rust)?;
    sections.run_if_possible("Windows", features::windows)?;
    sections.run("smallest versions", features::smallest_versions)?;
    sections.run("combinations of features", features::combinations)?;
    sections.run("packages, each built from itself", || packages::package(true))
}

/// Looked up where their list can be had.
fn advisories() -> Result<Verdict> {
    if run(DENY.command()?.args(["--locked", "fetch", "db"])).is_err() {
        not_interrupted()?;
        return Ok(Verdict::Skipped("the list of advisories cannot be had here".to_owned()));
    }
    deny(&["advisories"], &["--disable-fetch"])?;
    Ok(Verdict::Passed)
}

/// Asks about everything that is published.
fn deny(checks: &[&str], options: &[&str]) -> Result<()> {
    let mut deny = DENY.command()?;
    deny.args(["--locked", "--config", "deny.toml", "check"]);
    run(deny.args(options).args(checks))
}

/// Builds and runs nothing of the workspace's own: each has a lock file of its own.
pub fn outside() -> Result<()> {
    for (folder, tasks) in OUTSIDE {
        let programs = programs(&workspace_root().join(folder))?;
        ensure!(!programs.is_empty(), "there are no programs in {folder}");
        for (manifest, task) in
            programs.iter().flat_map(|manifest| tasks.iter().map(move |task| (manifest, task)))
        {
            // One folder for all, so that what they have in common is built once.
            let mut command = cargo(task);
            command.args(["--locked", "--manifest-path"]).arg(manifest);
            run(command.env("CARGO_TARGET_DIR", target().join("outside")))?;
        }
    }
    Ok(())
}

/// The manifests of the programs in a folder.
fn programs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut manifests = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        manifests.push(entry?.path().join("Cargo.toml"));
    }
    manifests.retain(|manifest| manifest.is_file());
    manifests.sort();
    Ok(manifests)
}
