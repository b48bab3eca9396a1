//! An emulator of BigQuery: its REST interface and its rows by gRPC.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::Running;
use crate::python;
use crate::step::workspace_root;

/// How long it may take to listen: it loads a database and all of its functions first.
const START_LIMIT: Duration = Duration::from_mins(2);

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

/// A running emulator, all of whose data is in its memory. Dropping it ends the process.
pub struct Emulator {
    process: Child,
    folder: TempDir,
    rest: u16,
    grpc: u16,
}

impl Emulator {
    /// Starts one on free ports.
    pub fn start() -> Result<Self> {
        let python = python::environment("bigquery")?;
        let folder = tempfile::Builder::new().prefix("airbyte-bigquery-").tempdir()?;
        offer_extension(&python, folder.path())?;
        let (rest, grpc) = (free_port()?, free_port()?);
        let log = File::create(folder.path().join("log"))?;
        let process = Command::new(std::path::absolute(&python)?)
            .arg(std::path::absolute(workspace_root().join("tests/python/bigquery_emulator.py"))?)
            .args(["start", "--project", "test", "--rest-port", &rest.to_string()])
            .args(["--grpc-port", &grpc.to_string()])
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`bqemulator` could not be started")?;
        let mut emulator = Self { process, folder, rest, grpc };
        emulator.wait_until_ready()?;
        Ok(emulator)
    }

    /// Where catalogue and queries are.
    pub fn rest(&self) -> String {
        format!("127.0.0.1:{}", self.rest)
    }

    /// Where rows are.
    pub fn storage(&self) -> String {
        format!("127.0.0.1:{}", self.grpc)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("`bqemulator` stopped at once ({status}):\n{}", self.log());
            }
            if [self.rest, self.grpc].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("`bqemulator` accepted no connection within {START_LIMIT:?}:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
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

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
