//! An emulator of Snowflake: its SQL on DuckDB, behind its HTTP interface.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::Running;
use crate::python;
use crate::step::workspace_root;

/// How long it may take to listen: it loads a database and a parser first.
const START_LIMIT: Duration = Duration::from_mins(2);

/// Installs the emulator where it is missing, and starts it.
pub fn start() -> Result<Running> {
    let emulator = Emulator::start()?;
    Ok(Running {
        variables: vec![("AIRBYTE_TEST_SNOWFLAKE_URL", emulator.url().into())],
        hold: Some(Box::new(emulator)),
    })
}

/// A running emulator, all of whose data is in its memory. Dropping it ends the process.
pub struct Emulator {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Emulator {
    /// Starts one on a free port.
    pub fn start() -> Result<Self> {
        let python = python::environment("snowflake")?;
        let folder = tempfile::Builder::new().prefix("airbyte-snowflake-").tempdir()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = File::create(folder.path().join("log"))?;
        let process = Command::new(std::path::absolute(python)?)
            .arg(std::path::absolute(workspace_root().join("tests/python/snowflake_emulator.py"))?)
            .args(["--server", "--host", "127.0.0.1", "--port", &port.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`fakesnow` could not be started")?;
        let mut emulator = Self { process, folder, port };
        emulator.wait_until_ready()?;
        Ok(emulator)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("`fakesnow` stopped at once ({status}):\n{}", self.log());
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("`fakesnow` accepted no connection within {START_LIMIT:?}:\n{}", self.log());
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
