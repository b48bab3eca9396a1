//! Every feature builds by itself, and every pair of the reader's; with the versions of today, with the smallest that
//! the manifests allow, and with the oldest Rust that they state.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::PUBLISHED;
use super::sections::Verdict;
use super::tools::HACK;
use crate::packages;
use crate::step::{cargo, not_interrupted, run, target, workspace_root};

/// What builds or links all of DuckDB; it is left to who wants it.
const NOT_HERE: &str = "duckdb-bundled,duckdb-linked";

/// The one of its targets that can be checked with parts of other systems.
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// Each feature of each crate alone, none and all; of the reader also each pair, without a warning.
pub fn combinations() -> Result<()> {
    // It takes what tests alone depend on out of the manifests and the lock file, so it works on a copy.
    let copy = copied("features")?;
    for name in PUBLISHED {
        let mut hack = HACK.command()?;
        hack.args([
            "check",
            "--keep-going",
            "--no-dev-deps",
            "--exclude-features",
            NOT_HERE,
            "--package",
            name,
        ]);
        if *name == "airbyte-sql-read" {
            hack.args(["--feature-powerset", "--depth", "2"]);
        } else {
            hack.arg("--each-feature");
        }
        // What serves some engines of the reader is not called where they are left out.
        hack.env("RUSTFLAGS", "--deny warnings --allow dead_code");
        run(hack.current_dir(&copy).env("CARGO_TARGET_DIR", target().join("features-build")))?;
    }
    Ok(())
}

/// With the smallest versions of what is depended on directly, so that the manifests do not promise too much.
pub fn smallest_versions() -> Result<()> {
    let copy = copied("smallest")?;
    let mut update = cargo(&["-Z", "direct-minimal-versions", "generate-lockfile"]);
    // The switch is not stable yet, but has had this form for years.
    run(update.current_dir(&copy).env("RUSTC_BOOTSTRAP", "1"))?;
    let mut check = cargo(&["check", "--locked", "--features", "airbyte-cli/full"]);
    check.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    run(check.current_dir(&copy).env("CARGO_TARGET_DIR", target().join("smallest-build")))
}

/// With the oldest Rust that the manifests state; skipped where rustup neither has it nor can get it.
pub fn oldest_rust() -> Result<Verdict> {
    let manifest: toml::Table = std::fs::read_to_string(workspace_root().join("Cargo.toml"))?.parse()?;
    let stated = manifest["workspace"]["package"]["rust-version"].as_str().context("no rust-version")?;
    let toolchain = format!("{stated}.0");
    let has = |toolchain: &str| {
        let mut rustc = Command::new("rustup");
        rustc.args(["run", toolchain, "rustc", "--version"]).output().is_ok_and(|out| out.status.success())
    };
    if !has(&toolchain) {
        let mut install = Command::new("rustup");
        install.args(["toolchain", "install", &toolchain, "--profile", "minimal", "--no-self-update"]);
        if run(&mut install).is_err() {
            not_interrupted()?;
            return Ok(Verdict::Skipped(format!("Rust {stated} cannot be had here")));
        }
    }
    let mut check = Command::new("rustup");
    check.args(["run", &toolchain, "cargo", "check", "--locked", "--features", "airbyte-cli/full"]);
    check.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    // Which cargo and rustc run is rustup's choice, not that of the cargo which runs this.
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        check.env_remove(name);
    }
    run(check.current_dir(workspace_root()).env("CARGO_TARGET_DIR", target().join("oldest-rust")))?;
    Ok(Verdict::Passed)
}

/// For Windows, as far as the compiler can tell: its own code compiles, without a warning. Skipped where the standard
/// library for it or a C compiler cannot be had.
pub fn windows() -> Result<Verdict> {
    let target_added = run(Command::new("rustup").args(["target", "add", WINDOWS]));
    let compiler = packages::program(
        "a C compiler for Windows",
        &["x86_64-w64-mingw32-gcc"],
        &[("apt-get", &["gcc-mingw-w64-x86-64"])],
    );
    if let Err(error) = target_added.and(compiler) {
        not_interrupted()?;
        return Ok(Verdict::Skipped(error.to_string()));
    }
    let mut check = cargo(&["check", "--locked", "--target", WINDOWS, "--features", "airbyte-cli/full"]);
    check.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    run(check.env("RUSTFLAGS", "--deny warnings").env("CARGO_TARGET_DIR", target().join("windows")))?;
    Ok(Verdict::Passed)
}

/// A copy of what is in the repository, whose manifests and lock file may change.
fn copied(name: &str) -> Result<PathBuf> {
    let to = target().join(name);
    std::fs::remove_dir_all(&to).ok();
    std::fs::create_dir_all(&to)?;
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace_root()).output()?;
    if !listed.status.success() {
        bail!("`git ls-files` failed: {}", String::from_utf8_lossy(&listed.stderr));
    }
    let names = String::from_utf8(listed.stdout)?;
    for name in names.split_terminator('\0') {
        copy(&workspace_root().join(name), &to.join(name))?;
    }
    Ok(to)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to.parent().context("files are in folders")?)?;
    // The documents are reached by a link, which stays one.
    match std::fs::read_link(from) {
        Ok(link) => std::os::unix::fs::symlink(link, to)?,
        // What is deleted and not committed is still listed.
        Err(_) if !from.exists() => {}
        Err(_) => drop(std::fs::copy(from, to)?),
    }
    Ok(())
}
