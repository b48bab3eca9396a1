//! An emulator of Snowflake: its SQL on DuckDB, behind its HTTP interface.

use anyhow::Result;

use super::Running;
use super::emulator::{self, script};
use crate::postgres::free_port;
use crate::python;

/// Installs the emulator where it is missing, and starts it.
pub fn start() -> Result<Running> {
    let emulator = Emulator::start()?;
    Ok(Running {
        variables: vec![("AIRBYTE_TEST_SNOWFLAKE_URL", emulator.url().into())],
        hold: Some(Box::new(emulator)),
    })
}

/// A running emulator.
pub struct Emulator(emulator::Emulator);

impl Emulator {
    /// Starts one on a free port.
    pub fn start() -> Result<Self> {
        let python = python::environment("snowflake")?;
        let folder = tempfile::Builder::new().prefix("airbyte-snowflake-").tempdir()?;
        let port = free_port()?;
        let mut script = script(&python, "snowflake_emulator.py")?;
        script.args(["--server", "--host", "127.0.0.1", "--port", &port.to_string()]);
        Ok(Self(emulator::Emulator::start("fakesnow", script, folder, vec![port])?))
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.ports[0])
    }
}
