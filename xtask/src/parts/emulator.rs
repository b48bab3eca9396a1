//! An emulator that others made: a process that listens once it has loaded what it needs.

use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::step::workspace_root;

/// How long it may take to listen: databases with all of their functions are loaded first.
const START_LIMIT: Duration = Duration::from_mins(2);

/// A running emulator, all of whose data is in its memory. Dropping it ends the process.
pub struct Emulator {
    name: &'static str,
    process: Child,
    folder: TempDir,
    /// Where it listens, on loopback.
    pub ports: Vec<u16>,
}

impl Emulator {
    /// Starts a script of `tests/python` in this folder, which goes with it, and waits until it listens.
    pub fn start(name: &'static str, mut script: Command, folder: TempDir, ports: Vec<u16>) -> Result<Self> {
        let log = File::create(folder.path().join("log"))?;
        let process = script
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{name}` could not be started"))?;
        let mut emulator = Self { name, process, folder, ports };
        emulator.wait_until_ready()?;
        Ok(emulator)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let (begun, name) = (Instant::now(), self.name);
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("`{name}` stopped at once ({status}):\n{}", self.log());
            }
            if self.ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("`{name}` accepted no connection within {START_LIMIT:?}:\n{}", self.log());
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

/// A script of `tests/python`, for this interpreter.
pub fn script(python: &Path, name: &str) -> Result<Command> {
    let mut command = Command::new(std::path::absolute(python)?);
    command.arg(std::path::absolute(workspace_root().join("tests/python").join(name))?);
    Ok(command)
}
