//! Which crate of the workspace may use which.

use anyhow::{Context, Result};
use serde_json::Value;

use super::repository::Repository;
use super::versions::metadata;
use crate::step::cargo;

/// What each crate may use of the others, in code that users build.
const MAY_USE: &[(&str, &[&str])] = &[
    ("airbyte-api-raw", &[]),
    ("airbyte-cloud", &["airbyte-api-raw"]),
    ("airbyte-sql-read", &["airbyte-cloud"]),
    ("airbyte-sandbox", &[]),
    (
        "airbyte-cli",
        &["airbyte-api-raw", "airbyte-cloud", "airbyte-datafusion", "airbyte-sql-read", "airbyte-sandbox"],
    ),
    ("airbyte-datafusion", &["airbyte-cloud", "airbyte-sql-read"]),
    ("airbyte-ballista", &["airbyte-datafusion", "airbyte-sql-read"]),
    (
        "airbyte-tests",
        &["airbyte-api-raw", "airbyte-cloud", "airbyte-sql-read", "airbyte-sandbox", "airbyte-cli"],
    ),
    ("xtask", &[]),
];

/// What a crate must not use even in its own tests: a mistake of the bindings would hide on both sides.
const NEVER: &[(&str, &[&str])] =
    &[("airbyte-sandbox", &["airbyte-api-raw", "airbyte-cloud", "airbyte-cli"])];

/// Each crate uses only those that the architecture lets it use, and nothing uses `xtask`.
pub fn directions(_: &Repository) -> Result<Vec<String>> {
    Ok(wrong_directions(&metadata(&["--no-deps"])?))
}

fn wrong_directions(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = MAY_USE.iter().find(|(one, _)| *one == name) else {
            findings.push(format!("{name} has no line in xtask/src/tidy/dependencies.rs"));
            continue;
        };
        let never = NEVER.iter().find(|(one, _)| *one == name).map_or(&[][..], |(_, never)| never);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            let in_tests = dependency["kind"] == "dev";
            let wrong =
                if in_tests { used == "xtask" || never.contains(&used) } else { !allowed.contains(&used) };
            if ours.contains(&used) && wrong {
                findings.push(format!("{name} uses {used}{}", if in_tests { " in its tests" } else { "" }));
            }
        }
    }
    findings
}

/// Without its feature `cloud`, the reader pulls in no HTTP client and nothing of Airbyte's API.
pub fn sql_read_alone(_: &Repository) -> Result<Vec<String>> {
    const NAME: &str = "airbyte-sql-read";
    let metadata = metadata(&["--no-deps"])?;
    let package =
        metadata["packages"].as_array().into_iter().flatten().find(|package| package["name"] == NAME);
    let features = package.context("the workspace has no sql-read")?["features"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let engines: Vec<&str> = ["adbc", "duckdb", "postgres", "sqlite"]
        .into_iter()
        .filter(|name| features.contains_key(*name))
        .collect();
    let output =
        cargo(&["tree", "--package", NAME, "--no-default-features", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p}", "--features", &engines.join(",")])
            .output()
            .context("`cargo tree` could not be started")?;
    anyhow::ensure!(
        output.status.success(),
        "`cargo tree` failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(http_clients(&String::from_utf8_lossy(&output.stdout)))
}

fn http_clients(tree: &str) -> Vec<String> {
    const CLIENTS: [&str; 5] = ["reqwest", "hyper", "ureq", "airbyte-cloud", "airbyte-api-raw"];
    let names: std::collections::BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names.iter().filter(|name| CLIENTS.contains(name)).map(|name| format!("it depends on {name}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> =
            dependencies.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
        json!({ "name": name, "dependencies": dependencies })
    }

    #[test]
    fn the_right_directions_are_no_findings() {
        let metadata = json!({ "packages": [
            package("airbyte-api-raw", &[("serde", None)]),
            package("airbyte-cloud", &[("airbyte-api-raw", None), ("airbyte-sandbox", Some("dev"))]),
            package("airbyte-sandbox", &[("axum", None)]),
        ] });
        assert!(wrong_directions(&metadata).is_empty());
    }

    #[test]
    fn wrong_directions_are_found() {
        let metadata = json!({ "packages": [
            package("airbyte-api-raw", &[("airbyte-cloud", None), ("xtask", Some("dev"))]),
            package("airbyte-cloud", &[]),
            package("airbyte-sandbox", &[("airbyte-api-raw", Some("dev"))]),
            package("xtask", &[]),
            package("newcomer", &[]),
        ] });
        assert_eq!(
            wrong_directions(&metadata),
            [
                "airbyte-api-raw uses airbyte-cloud",
                "airbyte-api-raw uses xtask in its tests",
                "airbyte-sandbox uses airbyte-api-raw in its tests",
                "newcomer has no line in xtask/src/tidy/dependencies.rs"
            ]
        );
    }

    #[test]
    fn an_http_client_in_the_tree_is_found() {
        assert_eq!(
            http_clients("airbyte-sql-read v0.1.0 (/a)\nreqwest v0.13.5\nreqwest v0.13.5 (*)\n"),
            ["it depends on reqwest"]
        );
        assert!(http_clients("arrow-array v59.0.0\nhttp v1.0.0\n").is_empty());
    }
}
