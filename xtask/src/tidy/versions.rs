//! Versions of what we depend on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::repository::Repository;
use crate::step::{cargo, workspace_root};

/// Features that say of themselves that they need a newer Rust than the rest of their crate.
const NEWER_RUST: [&str; 1] = ["datafusion"];

/// What `cargo metadata` says, with these further arguments.
pub fn metadata(arguments: &[&str]) -> Result<Value> {
    let output = cargo(&["metadata", "--format-version", "1"])
        .args(arguments)
        .output()
        .context("`cargo metadata` could not be started")?;
    ensure!(output.status.success(), "`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("`cargo metadata` gave no JSON")
}

/// Two versions of Arrow in one program do not know each other's arrays. What counts is what is built: the lock file
/// also holds packages that no ordinary build takes up.
pub fn one_arrow(_: &Repository) -> Result<Vec<String>> {
    let output = cargo(&["tree", "--workspace", "--all-features", "--locked", "--prefix", "none"])
        .args(["--edges", "normal,build,dev", "--format", "{p}"])
        .output()
        .context("`cargo tree` could not be started")?;
    ensure!(output.status.success(), "`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(arrow_versions(&String::from_utf8_lossy(&output.stdout)))
}

fn arrow_versions(tree: &str) -> Vec<String> {
    let mut by_major: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let of_arrow = ["arrow-array", "arrow-schema", "arrow-buffer", "arrow", "parquet"].contains(&name);
        if let (true, Some((major, _))) = (of_arrow, version.trim_start_matches('v').split_once('.')) {
            by_major.entry(major).or_default().insert(name);
        }
    }
    if by_major.len() < 2 {
        return Vec::new();
    }
    let describe = |(major, names): (&&str, &BTreeSet<&str>)| {
        format!("version {major} of {}", names.iter().copied().collect::<Vec<_>>().join(", "))
    };
    by_major.iter().map(describe).collect()
}

/// The small programs outside of the workspace have lock files of their own, which a change of the crates' dependencies
/// makes out of date.
pub fn lock_files(repository: &Repository) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in repository.files.iter().filter(|file| file.path.ends_with("/Cargo.lock")) {
        let manifest = workspace_root().join(&file.path).with_file_name("Cargo.toml");
        let output = cargo(&["update", "--workspace", "--locked", "--manifest-path"])
            .arg(&manifest)
            .output()
            .context("`cargo update` could not be started")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let why = said.lines().find(|line| line.starts_with("error")).unwrap_or("error").to_owned();
            findings.push(format!("{}: {why}; `cargo update --workspace` in its folder", file.path));
        }
    }
    Ok(findings)
}

/// No dependency of a crate asks for a newer Rust than the crate states, with all of its features but those that say so.
pub fn rust_version(_: &Repository) -> Result<Vec<String>> {
    let metadata = metadata(&[])?;
    let mut findings = Vec::new();
    for package in ours(&metadata) {
        let (Some(name), Some(stated)) = (package["name"].as_str(), package["rust_version"].as_str()) else {
            findings.push(format!("{} states no rust-version", package["name"]));
            continue;
        };
        let features = features_of(package);
        let mut tree = cargo(&["tree", "--package", name, "--locked", "--prefix", "none", "--format", "{p}"]);
        let output = tree
            .args(["--edges", "normal,build,dev", "--features", &features.join(",")])
            .output()
            .context("`cargo tree` could not be started")?;
        ensure!(output.status.success(), "`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr));
        findings.extend(too_new(&metadata, &String::from_utf8_lossy(&output.stdout), stated));
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn ours(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten().filter(|package| package["source"].is_null())
}

/// The features that must build with the Rust that the manifest states.
fn features_of(package: &Value) -> Vec<&str> {
    let all = package["features"].as_object().into_iter().flat_map(|features| features.keys());
    all.map(String::as_str).filter(|name| !NEWER_RUST.contains(name)).collect()
}

fn too_new(metadata: &Value, tree: &str, stated: &str) -> Vec<String> {
    let built: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.trim_start_matches('v')))
        })
        .collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter_map(|package| {
            let text = |key: &str| package[key].as_str();
            Some((text("name")?, text("version")?, text("rust_version")?))
        })
        .filter(|(name, version, wanted)| {
            built.contains(&(*name, *version)) && numbers(wanted) > numbers(stated)
        })
        .map(|(name, version, wanted)| format!("{name} {version} asks for Rust {wanted}, not {stated}"))
        .collect()
}

/// `1.89` and `1.89.0` are the same version.
fn numbers(version: &str) -> [u64; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_versions_of_arrow_are_found() {
        let one = "arrow-array v59.1.0\narrow-array v59.1.0 (*)\nparquet v59.0.0\nserde v1.0.0\n";
        assert!(arrow_versions(one).is_empty());
        let two = format!("{one}arrow-schema v60.0.0\n");
        assert_eq!(
            arrow_versions(&two),
            ["version 59 of arrow-array, parquet", "version 60 of arrow-schema"]
        );
    }

    #[test]
    fn a_dependency_that_is_too_new_is_found() {
        let metadata = json!({ "packages": [
            { "name": "ours", "version": "0.1.0", "source": null, "rust_version": "1.89" },
            { "name": "old", "version": "1.0.0", "source": "registry", "rust_version": "1.89.0" },
            { "name": "silent", "version": "1.0.0", "source": "registry", "rust_version": null },
            { "name": "new", "version": "2.0.0", "source": "registry", "rust_version": "1.90" },
            { "name": "new", "version": "1.0.0", "source": "registry", "rust_version": "1.90" },
        ] });
        let tree = "ours v0.1.0 (/a)\nold v1.0.0\nsilent v1.0.0\nnew v2.0.0 (*)\n";
        assert_eq!(too_new(&metadata, tree, "1.89"), ["new 2.0.0 asks for Rust 1.90, not 1.89"]);
        assert!(too_new(&metadata, tree, "1.90").is_empty());
    }

    #[test]
    fn features_for_a_newer_rust_are_left_out() {
        let package = json!({ "features": { "a": [], "datafusion": ["dep:datafusion"] } });
        assert_eq!(features_of(&package), ["a"]);
    }
}
