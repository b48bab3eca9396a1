//! `cargo xtask ci`: everything that must hold before a change lands, cheapest first.

use std::time::Instant;

use anyhow::Result;

use crate::step::{cargo, run};
use crate::test::FEATURES;

/// The crates that are published, in the order in which they depend on each other.
const PUBLISHED: &[&str] =
    &["airbyte-api-raw", "airbyte-cloud", "airbyte-sql-read", "airbyte-sandbox", "airbyte-cli"];

/// Runs every check in turn and stops at the first that fails.
pub fn ci() -> Result<()> {
    let begun = Instant::now();
    section("format");
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    section("clippy, warnings denied");
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--features", FEATURES]);
    run(clippy.args(["--", "--deny", "warnings"]))?;
    section("the reader without its engines and without the Airbyte client");
    run(&mut cargo(&["check", "--package", "airbyte-sql-read", "--no-default-features", "--locked"]))?;
    section("documents and bindings");
    crate::regen::check_checked_in()?;
    section("invariants");
    crate::tidy::tidy()?;
    section("documentation, warnings denied");
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked", "--features", FEATURES]);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    section("packages");
    let mut package = cargo(&["package", "--no-verify", "--locked", "--allow-dirty", "--quiet"]);
    package.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    run(&mut package)?;
    section("tests");
    crate::test::test(&[])?;
    eprintln!("\nall checks passed in {} s", begun.elapsed().as_secs());
    Ok(())
}

fn section(name: &str) {
    eprintln!("\n== {name}");
}
