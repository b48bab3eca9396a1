//! `cargo xtask ci`: everything that must hold before a change lands, cheapest first; with `--full` also what takes hours
//! or needs tools that are installed for it.

mod again;
mod features;
mod full;
mod packages;
mod sections;
mod surface;
mod tools;

use anyhow::{Result, ensure};
use clap::Args;

use crate::step::{cargo, run};
use crate::test::FEATURES;

use sections::Sections;

pub use surface::surface;

/// The crates that are published and build with the oldest Rust that is stated.
const PUBLISHED: &[&str] =
    &["airbyte-api-raw", "airbyte-cloud", "airbyte-sql-read", "airbyte-sandbox", "airbyte-cli"];

/// Those that are published as well, and want a newer one.
const OF_NEWER_RUST: &[&str] = &["airbyte-datafusion", "airbyte-ballista"];

/// How much is checked.
#[derive(Args)]
pub struct Ci {
    /// Also: licences and advisories, smallest versions, oldest Rust, Windows, combinations of features, public surface, packages
    /// built from themselves, bindings generated twice, programs outside of the workspace, decoders under a fuzzer
    #[arg(long)]
    full: bool,
    /// Of `--full` only the sections whose name holds this
    #[arg(long, requires = "full", value_name = "WORD")]
    only: Option<String>,
}

/// Runs every check in turn and stops at the first that fails; says at the end what took the time.
pub fn ci(options: &Ci) -> Result<()> {
    let mut sections = Sections::new(options.only.clone());
    let outcome = checks(options, &mut sections);
    eprintln!("{}", sections.table());
    outcome?;
    ensure!(!sections.is_empty(), "no section has that word in its name");
    let all = if sections.has_skipped() || crate::skipped::any() {
        "all checks but those skipped"
    } else {
        "all checks"
    };
    eprintln!("{all} passed in {} s", sections.total().as_secs());
    Ok(())
}

fn checks(options: &Ci, sections: &mut Sections) -> Result<()> {
    if options.only.is_none() {
        quick(sections)?;
    }
    if options.full {
        full::full(sections)?;
    }
    Ok(())
}

fn quick(sections: &mut Sections) -> Result<()> {
    sections.run("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    sections.run("clippy, warnings denied", || {
        let mut clippy = cargo(&["clippy", "--all-targets", "--locked", "--features", FEATURES]);
        run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    sections.run("the reader without its engines and without the Airbyte client", || {
        run(&mut cargo(&["check", "--package", "airbyte-sql-read", "--no-default-features", "--locked"]))
    })?;
    sections.run("documents and bindings", crate::regen::check_checked_in)?;
    sections.run("invariants", crate::tidy::tidy)?;
    sections.run("documentation, warnings denied", || {
        let mut doc = cargo(&["doc", "--no-deps", "--locked", "--features", FEATURES]);
        run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    sections.run("packages", || packages::package(false))?;
    sections.run("tests", || crate::test::test(&[]))
}
