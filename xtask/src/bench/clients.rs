//! The client beside the two that Airbyte's Python users have, each doing the same tasks on one sandbox.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::release;
use super::run::{Contender, Measured, in_turn};
use crate::step::{self, target, workspace_root};

/// Connections of the workspace.
const CONNECTIONS: usize = 5_000;
/// Syncs that are started at once, of as many connections.
const SYNCS: usize = 50;
/// How long every answer takes in the second table, as from a server far away.
const FAR: &str = "100ms";

/// A client for Python, in an environment of its own: the one needs an older version of the other.
struct Peer {
    name: &'static str,
    package: &'static str,
    version: &'static str,
    script: &'static str,
}

const PEERS: [Peer; 2] = [
    Peer { name: "airbyte-api", package: "airbyte-api", version: "1.0.1", script: "with_airbyte_api.py" },
    Peer { name: "PyAirbyte", package: "airbyte", version: "0.71.3", script: "with_pyairbyte.py" },
];

/// A task as the page calls it, as the programs call it, and what they print when it is done.
struct Task {
    title: String,
    arguments: Vec<String>,
    prints: String,
}

fn task(title: impl Into<String>, arguments: &[&str], prints: &str) -> Task {
    let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
    Task { title: title.into(), arguments, prints: prints.to_owned() }
}

fn tasks(workspace: &str) -> [Task; 4] {
    let (connections, syncs) = (CONNECTIONS.to_string(), SYNCS.to_string());
    [
        task("from the start of the process to the first answer", &["first"], workspace),
        task(format!("list {CONNECTIONS} connections"), &["list"], &connections),
        task("find one of them by its name", &["find", "connection 2500"], "1"),
        task(format!("start {SYNCS} syncs and await them"), &["syncs", &syncs], &syncs),
    ]
}

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let pythons = PEERS.iter().map(python).collect::<Result<Vec<_>>>()?;
    let sandbox = Server::start()?;
    eprintln!("making {CONNECTIONS} connections");
    step::run(sandbox.command(&release("examples/bench")).args(["prepare", &CONNECTIONS.to_string()]))?;
    let mut text = include_str!("clients.md").to_owned();
    let [first, list, find, syncs] = tasks(sandbox.value("workspace_id"));
    for task in [&first, &list, &find, &syncs] {
        text += &table(&task.title, &compare(&sandbox, task, &pythons)?)?;
    }
    sandbox.delay(FAR)?;
    for task in [&list, &syncs] {
        let title = format!("{}, each answer {} later", task.title, FAR.replace("ms", " ms"));
        text += &table(&title, &compare(&sandbox, task, &pythons)?)?;
    }
    Ok(text)
}

/// All clients at one task, ours first.
fn compare(sandbox: &Server, task: &Task, pythons: &[PathBuf]) -> Result<Vec<Measured>> {
    eprintln!("{}", task.title);
    let mut ours = sandbox.command(&release("examples/bench"));
    ours.args(&task.arguments);
    let mut contenders = vec![("airbyte-cloud".to_owned(), ours)];
    for (peer, python) in PEERS.iter().zip(pythons) {
        let mut theirs = sandbox.command(python);
        theirs.arg(workspace_root().join("xtask/bench").join(peer.script)).args(&task.arguments);
        contenders.push((format!("{} {}", peer.name, peer.version), theirs));
    }
    in_turn(
        contenders
            .into_iter()
            .map(|(name, command)| Contender { name, command, prints: Some(task.prints.clone()) })
            .collect(),
    )
}

fn table(title: &str, measured: &[Measured]) -> Result<String> {
    let mut text = format!(
        "\n### {}{}\n\n\
         | client | seconds, min / median / max | processor, s | peak memory, MB | time beside ours | memory beside ours |\n\
         |---|---|---|---|---|---|\n",
        title[..1].to_uppercase(),
        &title[1..]
    );
    let ([_, our_time, _], our_memory) = (measured[0].seconds(), measured[0].peak_megabytes());
    for one in measured {
        let [least, median, most] = one.seconds();
        writeln!(
            text,
            "| {} | {least:.3} / {median:.3} / {most:.3} | {:.3} | {:.1} | {:.1} | {:.1} |",
            one.name,
            one.cpu_seconds(),
            one.peak_megabytes(),
            median / our_time,
            one.peak_megabytes() / our_memory
        )?;
    }
    Ok(text)
}

/// The interpreter of a peer's environment, which is made where it is missing.
fn python(peer: &Peer) -> Result<PathBuf> {
    let folder = target().join("bench-python").join(format!("{}-{}", peer.package, peer.version));
    let python = folder.join("bin/python");
    // Written last, so that an installation that broke is begun anew.
    let complete = folder.join("complete");
    if !complete.is_file() {
        step::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let package = format!("{}=={}", peer.package, peer.version);
        step::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
        std::fs::write(&complete, "")?;
    }
    Ok(python)
}

/// A sandbox in a process of its own, whose jobs take next to no time.
struct Server {
    process: Child,
    ready: Value,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start() -> Result<Self> {
        let mut process = Command::new(release("airbyte"))
            .args(["sandbox", "--json", "--time-scale", "0.05"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = &mut process.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        // Made first, so that the process ends with it whatever the line holds.
        let mut server = Self { process, ready: Value::Null };
        server.ready = serde_json::from_str(&line).context("the sandbox did not start")?;
        Ok(server)
    }

    fn value(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_default()
    }

    /// A program with the way to the sandbox in its environment, kept from asking anybody else.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (variable, value) in [
            ("AIRBYTE_API_URL", self.value("public_api_root")),
            ("AIRBYTE_CONFIG_API_URL", self.value("config_api_root")),
            ("AIRBYTE_CLIENT_ID", self.value("client_id")),
            ("AIRBYTE_CLIENT_SECRET", self.value("client_secret")),
            ("AIRBYTE_WORKSPACE_ID", self.value("workspace_id")),
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

    /// Makes every answer come later from now on.
    fn delay(&self, time: &str) -> Result<()> {
        let control = self.value("public_api_root").replace("/api/public/v1", "/_sandbox/v1/faults");
        let fault = serde_json::json!({"fault": format!("hang={time}")});
        ureq::post(&control).header("content-type", "application/json").send(fault.to_string())?;
        Ok(())
    }
}
