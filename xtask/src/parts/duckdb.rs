//! DuckDB's library, of the npm package that has it for this system.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::Running;
use crate::packages::{self, Packages};
use crate::step::{self, target};

/// One version for tests and benchmarks: files that a newer one writes could not be read.
const VERSION: &str = "1.5.6-r.1";

const NPM: &[Packages] = &[
    ("apt-get", &["npm"]),
    ("dnf", &["nodejs-npm"]),
    ("apk", &["npm"]),
    ("pacman", &["npm"]),
    ("brew", &["node"]),
];

/// Sees to it that the library is there, and tells the tests where.
pub fn start() -> Result<Running> {
    Ok(Running { variables: vec![("AIRBYTE_LIBDUCKDB", library()?.into())], hold: None })
}

/// The library's file, downloaded first where it is missing.
pub fn library() -> Result<PathBuf> {
    let folder = target().join("duckdb").join(VERSION);
    let file = format!("{}duckdb{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let package = folder.join("package");
    let library = package.join(file);
    if !library.is_file() {
        std::fs::create_dir_all(&folder)?;
        // Unpacked beside its place, so that half of a library is never taken for one.
        let beside = tempfile::tempdir_in(&folder)?;
        download(beside.path())?;
        std::fs::remove_dir_all(&package).ok();
        std::fs::rename(beside.path().join("package"), &package)?;
        ensure!(library.is_file(), "the package of DuckDB has no {}", library.display());
    }
    Ok(library)
}

fn download(folder: &Path) -> Result<()> {
    let npm = packages::program("npm", &["npm"], NPM)?;
    let package = format!("{}@{VERSION}", package(std::env::consts::OS, std::env::consts::ARCH));
    // npm checks what it gets against the sum that its registry tells.
    let mut pack = Command::new(npm);
    pack.args(["pack", "--silent", "--pack-destination"]).arg(folder).arg(&package);
    eprintln!("$ {}", step::describe(&pack));
    let packed = pack.output()?;
    ensure!(packed.status.success(), "`npm pack` failed: {}", String::from_utf8_lossy(&packed.stderr).trim());
    let archive = folder.join(String::from_utf8_lossy(&packed.stdout).trim());
    step::run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder))?;
    std::fs::remove_file(archive)?;
    Ok(())
}

/// npm's words for systems and processors.
fn package(system: &str, processor: &str) -> String {
    let system = match system {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match processor {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("@duckdb/node-bindings-{system}-{processor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_the_one_of_this_machine() {
        assert_eq!(package("linux", "x86_64"), "@duckdb/node-bindings-linux-x64");
        assert_eq!(package("macos", "aarch64"), "@duckdb/node-bindings-darwin-arm64");
    }
}
