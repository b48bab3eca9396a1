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

/// Two versions of Arrow in one program do not know each other's arrays.
pub fn one_arrow(repository: &Repository) -> Result<Vec<String>> {
    let lock =
        repository.files.iter().find(|file| file.path == "Cargo.lock").context("there is no Cargo.lock")?;
    arrow_versions(&lock.text)
}

fn arrow_versions(lock: &str) -> Result<Vec<String>> {
    let lock: Value = toml::from_str(lock).context("Cargo.lock is not TOML")?;
    let mut by_major: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().into_iter().flatten() {
        let (name, version) =
            (package["name"].as_str().unwrap_or_default(), package["version"].as_str().unwrap_or_default());
        let of_arrow = ["arrow-array", "arrow-schema", "arrow-buffer", "arrow", "parquet"].contains(&name);
        if let (true, Some((major, _))) = (of_arrow, version.split_once('.')) {
            by_major.entry(major).or_default().insert(name);
        }
    }
    if by_major.len() < 2 {
        return Ok(Vec::new());
    }
    let describe = |(major, names): (&&str, &BTreeSet<&str>)| {
        format!("Cargo.lock: version {major} of {}", names.iter().copied().collect::<Vec<_>>().join(", "))
    };
    Ok(by_major.iter().map(describe).collect())
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
        let package =
            |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        let one =
            package("arrow-array", "59.1.0") + &package("parquet", "59.0.0") + &package("serde", "1.0.0");
        assert!(arrow_versions(&one).unwrap().is_empty());
        let findings = arrow_versions(&(one + &package("arrow-schema", "60.0.0"))).unwrap();
        assert_eq!(
            findings,
            ["Cargo.lock: version 59 of arrow-array, parquet", "Cargo.lock: version 60 of arrow-schema"]
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
