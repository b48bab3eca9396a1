//! What it costs to start the command: time, memory, and the size of the file.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::clients;
use super::run::{Contender, in_turn};
use crate::python;
use crate::sandbox::Sandbox;

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let airbyte = super::command();
    let pyairbyte = python::environment("pyairbyte")?;
    let beside = pyairbyte.parent().context("an interpreter is in a folder")?.join("pyairbyte");
    let sandbox = Sandbox::start(&airbyte, &[])?;
    let mut list = sandbox.command(&airbyte);
    list.args(["connection", "list", "--limit", "20", "--output", "json"]);
    let mut text = include_str!("command.md").to_owned();
    let size = std::fs::metadata(&airbyte)?.len();
    text += &clients::rows(&in_turn(vec![
        Contender::new("`airbyte --help`", help(&airbyte), None),
        Contender::new("`airbyte connection list --limit 20 --output json`", list, None),
        Contender::peer("`pyairbyte --help`, 0.71.3", help(&beside), None),
    ])?)?;
    let (whole, tenths) = (size / 1_000_000, size / 100_000 % 10);
    writeln!(
        text,
        "\nThe file of the command with its default features: {whole}.{tenths} MB. ARCHITECTURE.md says what its largest parts are."
    )?;
    Ok(text)
}

fn help(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--help").env("DO_NOT_TRACK", "1");
    command
}
