//! What `cargo xtask ci --full` checks beyond the quick one.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::sections::Sections;
use super::tools::DENY;
use super::{again, features, packages, surface};
use crate::step::{cargo, run, target, workspace_root};

/// Folders with small programs that are no members of the workspace: they build each layer as a user would.
const OUTSIDE: &[&str] = &["tests/downstream", "examples"];

pub fn full(sections: &mut Sections) -> Result<()> {
    sections.run("licences, bans, sources", || {
        run(DENY.command()?.args(["--locked", "check", "bans", "licenses", "sources"]))
    })?;
    sections.run("advisories", advisories)?;
    sections.run("public surface", || surface(false))?;
    sections.run("bindings are the same twice", again::generated_twice)?;
    sections.run("programs outside of the workspace", outside)?;
    sections.run("scale: DataFusion", || crate::scale::scale(&[]))?;
    sections.run("oldest Rust", features::oldest_rust)?;
    sections.run("smallest versions", features::smallest_versions)?;
    sections.run("combinations of features", features::combinations)?;
    sections.run("packages, each built from itself", || packages::package(true))
}

/// Looked up where their list can be had.
fn advisories() -> Result<()> {
    if run(DENY.command()?.args(["--locked", "fetch", "db"])).is_err() {
        eprintln!("note: the list of advisories cannot be had here, so none was looked up");
        return Ok(());
    }
    run(DENY.command()?.args(["--locked", "check", "--disable-fetch", "advisories"]))
}

/// Builds and runs nothing of the workspace's own: each has a lock file of its own.
pub fn outside() -> Result<()> {
    let programs = programs()?;
    ensure!(!programs.is_empty(), "there are no programs outside of the workspace");
    for manifest in programs {
        for task in ["check", "test"] {
            let mut command = cargo(&[task, "--locked", "--all-targets", "--manifest-path"]);
            // One folder for all, so that what they have in common is built once.
            run(command.arg(&manifest).env("CARGO_TARGET_DIR", target().join("outside")))?;
        }
    }
    Ok(())
}

/// Their manifests.
fn programs() -> Result<Vec<PathBuf>> {
    let mut manifests = Vec::new();
    for folder in OUTSIDE.iter().map(|folder| workspace_root().join(folder)).filter(|folder| folder.exists())
    {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            manifests.push(entry?.path().join("Cargo.toml"));
        }
    }
    manifests.retain(|manifest| manifest.is_file());
    manifests.sort();
    Ok(manifests)
}
