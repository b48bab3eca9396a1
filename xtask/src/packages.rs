//! Programs of the system's packages that the tests need: installed where they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A package manager, and what it has to install.
pub type Packages = (&'static str, &'static [&'static str]);

/// The package managers known here: how to bring their lists up to date, and how to install.
const MANAGERS: &[(&str, &[&str], &[&str])] = &[
    ("apt-get", &["update", "--quiet"], &["install", "--yes", "--quiet"]),
    ("dnf", &[], &["install", "--assumeyes"]),
    ("apk", &[], &["add"]),
    ("pacman", &[], &["-S", "--noconfirm"]),
    ("brew", &[], &["install"]),
];

/// Installs `what` by the package manager of this system.
pub fn install(what: &str, packages: &[Packages]) -> Result<()> {
    let known = packages.iter().find_map(|(name, packages)| {
        let manager = MANAGERS.iter().find(|(manager, ..)| manager == name && find(&[manager]).is_some())?;
        Some((manager, packages))
    });
    let Some(((manager, update, install), packages)) = known else {
        bail!("{what} is missing and no known package manager was found; install it, then try again");
    };
    if !update.is_empty() {
        run(manager, update).with_context(|| failed(what))?;
    }
    let arguments: Vec<&str> = install.iter().chain(*packages).copied().collect();
    run(manager, &arguments).with_context(|| failed(what))
}

fn failed(what: &str) -> String {
    format!("{what} is missing and could not be installed; install it by hand")
}

fn run(manager: &str, arguments: &[&str]) -> Result<()> {
    let as_root = nix::unistd::geteuid().is_root() || manager == "brew";
    let mut command = if as_root {
        Command::new(manager)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", manager]);
        sudo
    };
    crate::step::run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The first of these programs that is there, by its path or by its name on `PATH`.
pub fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    programs.iter().find_map(|program| {
        // Joining an absolute path gives that path.
        let candidates = folders.iter().map(|folder| folder.join(program));
        candidates.chain([Path::new(program).to_owned()]).find(|file| file.is_absolute() && file.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_by_path_in_order() {
        let shell = find(&["no-such-program", "sh"]).unwrap();
        assert!(shell.is_absolute() && shell.ends_with("sh"), "{}", shell.display());
        assert_eq!(find(&["/no/such/program", shell.to_str().unwrap()]), Some(shell));
        assert_eq!(find(&["no-such-program", "src/main.rs"]), None);
    }

    #[test]
    fn what_no_package_manager_has_is_told() {
        let error = install("Something", &[("no-such-manager", &["something"])]).unwrap_err();
        assert!(error.to_string().starts_with("Something is missing"), "{error}");
    }
}
