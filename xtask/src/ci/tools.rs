//! Programs from crates.io that checks need: installed below the target folder, in one version.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::{self, cargo, target};

/// A program, and the version that is installed.
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
}

pub const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };
pub const HACK: Tool = Tool { name: "cargo-hack", version: "0.6.46" };
pub const PUBLIC_API: Tool = Tool { name: "cargo-public-api", version: "0.52.0" };

impl Tool {
    /// The installed program; it is installed first where this version is missing. Without optimisation: building them
    /// takes longer than they run.
    pub fn program(&self) -> Result<PathBuf> {
        let root = target().join("tools").join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        if !program.is_file() {
            let mut install =
                cargo(&["install", self.name, "--version", self.version, "--locked", "--debug"]);
            // What it builds is of no use to anything else.
            install.arg("--root").arg(&root).env("CARGO_TARGET_DIR", target().join("tools").join("build"));
            step::run(&mut install).with_context(|| {
                format!("{} {} could not be installed from crates.io", self.name, self.version)
            })?;
        }
        Ok(program)
    }

    /// The program as `cargo` would run it, in the workspace's folder.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(self.program()?);
        command.arg(self.name.trim_start_matches("cargo-")).current_dir(step::workspace_root());
        Ok(command)
    }
}
