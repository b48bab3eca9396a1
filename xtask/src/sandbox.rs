//! A sandbox in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A running sandbox, whose jobs take next to no time. Dropping it ends the process.
pub struct Sandbox {
    process: Child,
    ready: Value,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Asked to, it takes its folder away; killed it could not.
        let _ = kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

impl Sandbox {
    /// Starts the sandbox of this `airbyte` with further arguments and waits until it is ready.
    pub fn start(airbyte: &Path, arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(airbyte)
            .args(["sandbox", "--json", "--time-scale", "0.05"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` could not be started", airbyte.display()))?;
        let mut line = String::new();
        if let Some(stdout) = &mut process.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        // Made first, so that the process ends with it whatever the line holds.
        let mut sandbox = Self { process, ready: Value::Null };
        sandbox.ready = serde_json::from_str(&line).context("the sandbox did not start")?;
        Ok(sandbox)
    }

    /// A member of what it says when it is ready.
    pub fn value(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_default()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A program with the way to the sandbox in its environment, kept from asking anybody else.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (variable, value) in [
            ("AIRBYTE_API_URL", self.value("public_api_root")),
            ("AIRBYTE_CONFIG_API_URL", self.value("config_api_root")),
            ("AIRBYTE_CLIENT_ID", self.value("client_id")),
            ("AIRBYTE_CLIENT_SECRET", self.value("client_secret")),
            ("AIRBYTE_WORKSPACE_ID", self.value("workspace_id")),
            ("AIRBYTE_ORGANIZATION_ID", self.value("organization_id")),
            // PyAirbyte reports its use and looks for newer versions of connectors unless told not to.
            ("DO_NOT_TRACK", "1"),
            ("AIRBYTE_OFFLINE_MODE", "1"),
            ("PYTHONWARNINGS", "ignore"),
        ] {
            command.env(variable, value);
        }
        command.env_remove("AIRBYTE_PROFILE").stdin(Stdio::null());
        command
    }

    /// Switches a fault on.
    pub fn add_fault(&self, fault: &str) -> Result<()> {
        let control = self.value("public_api_root").replace("/api/public/v1", "/_sandbox/v1/faults");
        let fault = serde_json::json!({"fault": fault});
        ureq::post(&control).header("content-type", "application/json").send(fault.to_string())?;
        Ok(())
    }
}
