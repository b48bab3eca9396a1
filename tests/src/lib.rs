//! What the end-to-end suites share: the real `airbyte` binary, and a sandbox process to point it at.

pub mod chaos;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The variable that holds the address of a throw-away PostgreSQL; `cargo xtask test` starts one and sets it.
pub const POSTGRES_URL: &str = "AIRBYTE_TEST_POSTGRES_URL";

/// The address of the throw-away PostgreSQL.
///
/// # Panics
/// When the variable is missing: a suite that skipped its subject would pass without having looked.
pub fn postgres_url() -> String {
    std::env::var(POSTGRES_URL)
        .unwrap_or_else(|_| panic!("{POSTGRES_URL} is not set: run the tests with `cargo xtask test`"))
}

/// The `airbyte` binary of this workspace, built first if it is not up to date.
pub fn airbyte() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let binary = BINARY.get_or_init(|| build().expect("the `airbyte` binary builds"));
    let mut command = Command::new(binary);
    // Nothing of the developer's own set-up may leak into a test.
    for (name, _) in std::env::vars_os() {
        // Where DuckDB's library is, is no set-up of Airbyte.
        if name.to_string_lossy().starts_with("AIRBYTE_") && name != "AIRBYTE_LIBDUCKDB" {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The features that the tests were built with, where somebody says which: then it is built already.
    let features = std::env::var("AIRBYTE_TEST_FEATURES")
        .ok()
        .or_else(|| cfg!(feature = "duckdb").then(|| "airbyte-cli/duckdb".to_owned()));
    // Asked for at run time: with one target folder for two clones, this may have been built in the other one.
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--bins"])
        .args(features.map(|features| format!("--features={features}")))
        // In the workspace's folder these are the programs of its default members.
        .current_dir(Path::new(&package).join(".."))
        .status()?;
    ensure!(status.success(), "`cargo build --bins` failed");
    // target/debug/deps/e2e-0123 -> target/debug/airbyte
    let tests = std::env::current_exe()?;
    let folder = tests.parent().and_then(Path::parent).context("the test binary lies in target/*/deps")?;
    Ok(folder.join("airbyte"))
}

/// A running `airbyte sandbox`, stopped when it is dropped.
pub struct Sandbox {
    process: Child,
    ready: Value,
    data: tempfile::TempDir,
}

impl Sandbox {
    /// Starts a sandbox with these further arguments and waits for its readiness line.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        Self::started(arguments, Stdio::inherit())
    }

    /// The same with what it logs in a file.
    pub fn logged(arguments: &[&str], log: std::fs::File) -> Result<Self> {
        Self::started(arguments, log.into())
    }

    fn started(arguments: &[&str], log: Stdio) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut process = airbyte()
            .args(["sandbox", "--json", "--data-dir"])
            .arg(data.path().join("data"))
            .arg("--files-root")
            .arg(data.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("standard output is piped")?).read_line(&mut line)?;
        let Ok(ready) = serde_json::from_str(&line) else {
            process.kill().ok();
            bail!("the sandbox's first line is not JSON: {line:?} ({})", process.wait()?);
        };
        Ok(Self { process, ready, data })
    }

    /// A folder for the test's own files, below the sandbox's `--files-root`.
    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    /// One value of the readiness line.
    pub fn ready(&self, key: &str) -> &str {
        self.ready[key]
            .as_str()
            .unwrap_or_else(|| panic!("the readiness line has no `{key}`: {}", self.ready))
    }

    /// `airbyte` with these arguments and the environment that reaches this sandbox.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = airbyte();
        command
            .args(arguments)
            .current_dir(self.folder())
            .env("AIRBYTE_API_URL", self.ready("public_api_root"))
            .env("AIRBYTE_CONFIG_API_URL", self.ready("config_api_root"))
            .env("AIRBYTE_CLIENT_ID", self.ready("client_id"))
            .env("AIRBYTE_CLIENT_SECRET", self.ready("client_secret"))
            .env("AIRBYTE_WORKSPACE_ID", self.ready("workspace_id"));
        command
    }

    /// Runs `airbyte ... --output json`, which must succeed, and returns what it printed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "`airbyte {}` failed ({}):\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
    }

    /// Runs `airbyte ... --output json`, whatever comes of it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.args(["--output", "json"]).output().expect("`airbyte` starts")
    }

    /// Creates an object through the public API and returns the answer.
    pub fn create(&self, path: &str, body: &Value) -> Value {
        let file = self.folder().join("request-body.json");
        std::fs::write(&file, body.to_string()).expect("the request body can be written");
        self.json(&["api", "POST", path, "--input", &file.to_string_lossy()])
    }

    /// The id of the connection with this name.
    pub fn connection(&self, name: &str) -> String {
        let connections = self.json(&["connection", "list"]);
        connections
            .as_array()
            .into_iter()
            .flatten()
            .find(|connection| connection["name"] == name)
            .and_then(|connection| connection["connection_id"].as_str())
            .unwrap_or_else(|| panic!("no connection named {name:?} in {connections}"))
            .to_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The README's own programs, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The guide's programs, compiled and run, each with a sandbox of its own.
#[cfg(doctest)]
pub mod guide {
    #[doc = include_str!("../../docs/guide/first-sync.md")]
    pub struct FirstSync;
    #[doc = include_str!("../../docs/guide/many-jobs.md")]
    pub struct ManyJobs;
    #[doc = include_str!("../../docs/guide/reading.md")]
    pub struct Reading;
    #[doc = include_str!("../../docs/guide/self-managed.md")]
    pub struct SelfManaged;
    #[doc = include_str!("../../docs/guide/testing.md")]
    pub struct Testing;
    #[doc = include_str!("../../docs/guide/troubleshooting.md")]
    pub struct Troubleshooting;
}
