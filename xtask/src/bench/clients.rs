//! The client beside the two that Airbyte's Python users have, each doing the same tasks on one sandbox.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::run::{Contender, Measured, in_turn};
use super::{command, program};
use crate::python;
use crate::sandbox::Sandbox;
use crate::step::{self, workspace_root};

/// Connections of the workspace.
const CONNECTIONS: usize = 5_000;
/// Syncs that are started at once, of as many connections.
const SYNCS: usize = 50;
/// How long every answer takes in the second table, as from a server far away.
const FAR: &str = "100ms";

/// A client for Python, in an environment of its own: the one needs an older version of the other.
struct Peer {
    name: &'static str,
    version: &'static str,
    environment: &'static str,
    script: &'static str,
}

const PEERS: [Peer; 2] = [
    Peer { name: "airbyte-api", version: "1.0.1", environment: "airbyte-api", script: "with_airbyte_api.py" },
    Peer { name: "PyAirbyte", version: "0.71.3", environment: "pyairbyte", script: "with_pyairbyte.py" },
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
    let pythons =
        PEERS.iter().map(|peer| python::environment(peer.environment)).collect::<Result<Vec<_>>>()?;
    let sandbox = Sandbox::start(&command(), &[])?;
    eprintln!("making {CONNECTIONS} connections");
    step::run(sandbox.command(&program("bench")).args(["prepare", &CONNECTIONS.to_string()]))?;
    let mut text = include_str!("clients.md").to_owned();
    let [first, list, find, syncs] = tasks(sandbox.value("workspace_id"));
    for task in [&first, &list, &find, &syncs] {
        text += &table(&task.title, &compare(&sandbox, task, &pythons)?)?;
    }
    // Every answer comes later from now on.
    sandbox.add_fault(&format!("hang={FAR}"))?;
    for task in [&list, &syncs] {
        let title = format!("{}, each answer {} later", task.title, FAR.replace("ms", " ms"));
        text += &table(&title, &compare(&sandbox, task, &pythons)?)?;
    }
    Ok(text)
}

/// All clients at one task, ours first.
fn compare(sandbox: &Sandbox, task: &Task, pythons: &[PathBuf]) -> Result<Vec<Measured>> {
    eprintln!("{}", task.title);
    let mut ours = sandbox.command(&program("bench"));
    ours.args(&task.arguments);
    let prints = || Some(task.prints.clone());
    let mut contenders = vec![Contender::new("airbyte-cloud", ours, prints())];
    for (peer, python) in PEERS.iter().zip(pythons) {
        let mut theirs = sandbox.command(python);
        theirs.arg(workspace_root().join("xtask/bench").join(peer.script)).args(&task.arguments);
        contenders.push(Contender::peer(format!("{} {}", peer.name, peer.version), theirs, prints()));
    }
    in_turn(contenders)
}

fn table(title: &str, measured: &[Measured]) -> Result<String> {
    Ok(format!("\n### {}{}\n\n{}", title[..1].to_uppercase(), &title[1..], rows(measured)?))
}

/// The table itself; the first row is what the others are compared with.
pub fn rows(measured: &[Measured]) -> Result<String> {
    let mut text = String::from(
        "| client | seconds, min / median / max | processor, s | peak memory, MB | time beside ours | memory beside ours |\n\
         |---|---|---|---|---|---|\n",
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
