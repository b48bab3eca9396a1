//! Private environments for the programs in Python that the tests and benchmarks run, with what they need from PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Packages};
use crate::step::{self, target, workspace_root};

/// An interpreter that can make environments: Debian has what that takes in a package of its own.
const PACKAGES: &[Packages] = &[
    ("apt-get", &["python3-venv"]),
    ("dnf", &["python3"]),
    ("apk", &["python3"]),
    ("pacman", &["python"]),
    ("brew", &["python3"]),
];

/// The interpreter of the environment with the packages of `tests/python/requirements/NAME.txt`, every one of which is
/// pinned there. It is made where it is missing or has other packages.
pub fn environment(name: &str) -> Result<PathBuf> {
    let requirements = workspace_root().join("tests/python/requirements").join(format!("{name}.txt"));
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| format!("{} cannot be read", requirements.display()))?;
    let folder = target().join("python").join(name);
    let python = folder.join("bin/python");
    // Written last, so that an installation that broke is begun anew.
    let complete = folder.join("complete");
    if std::fs::read_to_string(&complete).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !makes_environments() {
        packages::install("`python3 -m venv`", PACKAGES)?;
    }
    step::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    install(&python, &requirements)?;
    std::fs::write(&complete, wanted)?;
    Ok(python)
}

/// Whether there is a `python3` with what puts pip into a new environment.
fn makes_environments() -> bool {
    let asked = Command::new("python3").args(["-c", "import ensurepip"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// Installs, and gives up soon where nobody answers.
fn install(python: &Path, requirements: &Path) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--timeout", "30", "--retries", "2", "--requirement"])
        .arg(requirements);
    eprintln!("$ {}", step::describe(&pip));
    let output = pip.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| line.starts_with("ERROR")).unwrap_or("pip failed");
        bail!("{last}");
    }
    Ok(())
}
