//! An emulator of BigQuery: its REST interface and its rows by gRPC.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Running;
use super::emulator::{self, script};
use crate::postgres::free_port;
use crate::python;

/// Installs the emulator where it is missing, and starts it.
pub fn start() -> Result<Running> {
    let emulator = Emulator::start()?;
    Ok(Running {
        variables: vec![
            ("BIGQUERY_EMULATOR_HOST", emulator.rest().into()),
            ("BIGQUERY_STORAGE_EMULATOR_HOST", emulator.storage().into()),
        ],
        hold: Some(Box::new(emulator)),
    })
}

/// A running emulator.
pub struct Emulator(emulator::Emulator);

impl Emulator {
    /// Starts one on free ports.
    pub fn start() -> Result<Self> {
        let python = python::environment("bigquery")?;
        let folder = tempfile::Builder::new().prefix("airbyte-bigquery-").tempdir()?;
        offer_extension(&python, folder.path())?;
        let (rest, grpc) = (free_port()?, free_port()?);
        let mut script = script(&python, "bigquery_emulator.py")?;
        script
            .args(["start", "--project", "test", "--rest-port", &rest.to_string()])
            .args(["--grpc-port", &grpc.to_string()])
            .env("HOME", folder.path());
        Ok(Self(emulator::Emulator::start("bqemulator", script, folder, vec![rest, grpc])?))
    }

    /// Where catalogue and queries are.
    pub fn rest(&self) -> String {
        format!("127.0.0.1:{}", self.0.ports[0])
    }

    /// Where rows are.
    pub fn storage(&self) -> String {
        format!("127.0.0.1:{}", self.0.ports[1])
    }
}

/// Puts the extension that came from PyPI where the emulator's database looks before it asks the network.
fn offer_extension(python: &Path, home: &Path) -> Result<()> {
    let asked = Command::new(python)
        .args(["-c", "import duckdb_extension_spatial as s; print(s.__path__[0])"])
        .output()
        .context("the emulator's Python could not be started")?;
    ensure!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let extensions = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim()).join("extensions");
    for version in std::fs::read_dir(&extensions).with_context(|| extensions.display().to_string())? {
        let version = version?;
        let to = home.join(".duckdb/extensions").join(version.file_name()).join(platform());
        std::fs::create_dir_all(&to)?;
        for file in std::fs::read_dir(version.path())? {
            let file = file?;
            if file.file_type()?.is_file() {
                std::fs::copy(file.path(), to.join(file.file_name()))?;
            }
        }
    }
    Ok(())
}

/// DuckDB's name of this platform.
fn platform() -> String {
    let system = if cfg!(target_os = "macos") { "osx" } else { "linux" };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("{system}_{processor}")
}
