//! Versions of what we depend on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::repository::Repository;
use crate::step::cargo;

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

/// No dependency asks for a newer Rust than the workspace states.
pub fn rust_version(_: &Repository) -> Result<Vec<String>> {
    Ok(too_new(&metadata(&[])?))
}

fn too_new(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let is_ours = |package: &&Value| package["source"].is_null();
    let stated = packages
        .iter()
        .filter(is_ours)
        .filter_map(|package| package["rust_version"].as_str())
        .map(numbers)
        .min();
    let Some(stated) = stated else { return vec!["Cargo.toml: no rust-version is stated".to_owned()] };
    packages
        .iter()
        .filter_map(|package| Some((package, package["rust_version"].as_str()?)))
        .filter(|(_, wanted)| numbers(wanted) > stated)
        .map(|(package, wanted)| {
            let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
            format!("{} {} asks for Rust {wanted}", text("name"), text("version"))
        })
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
            { "name": "new", "version": "2.0.0", "source": "registry", "rust_version": "1.90" }
        ] });
        assert_eq!(too_new(&metadata), ["new 2.0.0 asks for Rust 1.90"]);
    }
}
