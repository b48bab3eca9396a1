//! What would be published.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{OF_NEWER_RUST, PUBLISHED};
use crate::step::{cargo, run, target};

/// Makes the packages; `verified` builds each from itself alone, with the others as packages too.
pub fn package(verified: bool) -> Result<()> {
    let mut package = cargo(&["package", "--locked", "--allow-dirty", "--quiet"]);
    package.args(PUBLISHED.iter().chain(OF_NEWER_RUST).flat_map(|name| ["--package", name]));
    if !verified {
        return run(package.arg("--no-verify"));
    }
    // Cargo takes a package of the same version for the same package, and ours have changed since the last time.
    let folder = target().join("verified");
    fs::remove_dir_all(&folder).ok();
    forget_unpacked()?;
    let outcome = run(package.env("CARGO_TARGET_DIR", &folder));
    fs::remove_dir_all(&folder).ok();
    outcome
}

/// Removes what cargo has unpacked of our packages out of registries that were folders of ours.
fn forget_unpacked() -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home folder")?;
    for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
        let registry = registry?.path();
        // Those have no host before the hash of their address.
        if !registry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('-')) {
            continue;
        }
        for unpacked in fs::read_dir(&registry)? {
            let unpacked = unpacked?.path();
            let name = unpacked.file_name().unwrap_or_default().to_string_lossy();
            if PUBLISHED.iter().chain(OF_NEWER_RUST).any(|ours| name.starts_with(&format!("{ours}-"))) {
                fs::remove_dir_all(&unpacked)?;
            }
        }
    }
    Ok(())
}
