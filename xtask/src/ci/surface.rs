//! The public surface of the libraries, a line per item, checked in: what changes for a user shows up as a small diff, and
//! is the baseline for what a version may change.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::tools::PUBLIC_API;
use crate::step::{self, cargo, run, target, workspace_root};

/// The libraries, with the features that show all there is. The bindings have their own list, in `snapshots`.
const LIBRARIES: &[(&str, &str, &str)] = &[
    ("airbyte-cloud", "crates/cloud", "blocking"),
    ("airbyte-sandbox", "crates/sandbox", "duckdb"),
    ("airbyte-sql-read", "crates/sql-read", "adbc,bigquery,cloud,duckdb,postgres,snowflake,sqlite,ssh"),
];

/// Compares what is checked in with what is there, or with `write` writes it anew.
pub fn surface(write: bool) -> Result<()> {
    let mut differ = Vec::new();
    for (package, folder, features) in LIBRARIES {
        let there = listed(package, features)?;
        let file = workspace_root().join(folder).join("public-api.txt");
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        if known == there {
            continue;
        }
        if write {
            std::fs::write(&file, &there).with_context(|| file.display().to_string())?;
            eprintln!("wrote {}", file.display());
        } else {
            let diff = similar::TextDiff::from_lines(&known, &there);
            eprintln!("{package}:\n{}", diff.unified_diff().context_radius(0));
            differ.push(*package);
        }
    }
    if !differ.is_empty() {
        bail!(
            "the public surface of {} is not the one that is checked in; if that is meant, run `cargo xtask surface` and read the diff",
            differ.join(", ")
        );
    }
    Ok(())
}

/// The items of a library, a line each.
fn listed(package: &str, features: &str) -> Result<String> {
    let mut doc = cargo(&["rustdoc", "--lib", "--locked", "--package", package, "--features", features]);
    doc.args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"]);
    // The form is not stable yet; the version of the program that reads it is pinned beside that of Rust.
    let folder = target().join("surface");
    run(doc.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", &folder))?;
    let json: PathBuf = folder.join("doc").join(format!("{}.json", package.replace('-', "_")));
    let mut list = PUBLIC_API.command()?;
    list.arg("--rustdoc-json").arg(&json).args(["-sss", "--color", "never"]);
    eprintln!("$ {}", step::describe(&list));
    let output = list.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
