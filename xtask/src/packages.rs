//! Programs of the system's packages that the tests need: installed where they are missing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step;

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

/// The first of these programs that is there; `what` they are is installed first where there is none.
pub fn program(what: &str, programs: &[&str], packages: &[Packages]) -> Result<PathBuf> {
    if let Some(program) = find(programs) {
        return Ok(program);
    }
    install(what, packages)?;
    find(programs).with_context(|| format!("{what} was installed, but is in none of the usual places"))
}

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

/// Programs and libraries of packages that were unpacked into a folder of ours: nothing is installed, and no service of
/// theirs is started.
pub struct Unpacked(PathBuf);

/// Fetches packages by `apt-get`, once, and unpacks them into a folder, where anybody may run what is in them.
pub fn unpacked(packages: &[&str], folder: &Path) -> Result<Unpacked> {
    let wanted = packages.join(" ");
    let fetched = step::target().join("packages").join(packages.join("-"));
    // Written last, so that what broke off is begun anew.
    let complete = fetched.join("complete");
    if !complete.exists() {
        let missing = || format!("{wanted} cannot be fetched by apt-get");
        std::fs::remove_dir_all(&fetched).ok();
        std::fs::create_dir_all(&fetched)?;
        let fetch = |name: &str| {
            let mut download = Command::new("apt-get");
            step::run(download.args(["download", "--quiet", name]).current_dir(&fetched))
        };
        // Newer systems have libraries whose times have 64 bits, by names of their own.
        let fetch_all =
            || packages.iter().try_for_each(|name| fetch(name).or_else(|_| fetch(&format!("{name}t64"))));
        // Lists that are out of date name versions that have gone.
        if fetch_all().is_err() {
            run("apt-get", &["update", "--quiet"]).with_context(missing)?;
            fetch_all().with_context(missing)?;
        }
        std::fs::write(complete, wanted)?;
    }
    let root = folder.join("programs");
    for entry in std::fs::read_dir(&fetched)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            step::run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&root))?;
        }
    }
    Ok(Unpacked(root))
}

impl Unpacked {
    /// The file of this name.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                // What links point to is in the same packages.
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                } else if path.file_name().is_some_and(|file| file == name) && path.exists() {
                    return Ok(path);
                }
            }
        }
        bail!("{name} is not in the packages that were unpacked to {}", self.0.display())
    }

    /// Where its libraries are, for the dynamic linker.
    pub fn libraries(&self) -> OsString {
        let folders = ["lib", "usr/lib"].into_iter().flat_map(|folder| {
            let folder = self.0.join(folder);
            let inner =
                std::fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
            inner.filter(|path| path.is_dir()).collect::<Vec<_>>()
        });
        std::env::join_paths(folders).unwrap_or_default()
    }
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
    step::run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
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
