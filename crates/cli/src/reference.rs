//! The command reference and the man pages, made of the command line itself.

use std::fmt::Write as _;
use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use crate::error::Failure;

/// The reference as Markdown.
pub(crate) fn markdown(mut root: Command) -> String {
    root.build();
    let mut text = String::from(
        "# Commands\n\nMade of the command's own help by `airbyte reference`; a test keeps it up to date.\n\n",
    );
    let _ = writeln!(text, "{}\n", root.get_after_help().map(ToString::to_string).unwrap_or_default().trim());
    let _ = writeln!(text, "## Options of every command\n");
    arguments(&mut text, root.get_arguments().filter(|it| it.is_global_set() && !it.is_hide_set()));
    for noun in root.get_subcommands().filter(|it| !it.is_hide_set()) {
        let _ = writeln!(text, "## airbyte {}\n", noun.get_name());
        if noun.has_subcommands() {
            let _ = writeln!(text, "{}.\n", about(noun));
            for verb in noun.get_subcommands() {
                let _ = writeln!(text, "### airbyte {} {}\n", noun.get_name(), verb.get_name());
                command(&mut text, verb);
            }
        } else {
            command(&mut text, noun);
        }
    }
    text.trim_end().to_owned()
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// What a command does, its examples, and its own arguments.
fn command(text: &mut String, command: &Command) {
    let long = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let (examples, words): (Vec<&str>, Vec<&str>) =
        long.lines().filter(|line| !line.trim().is_empty()).partition(|line| line.starts_with("Example: "));
    for paragraph in words {
        let _ = writeln!(text, "{paragraph}{}\n", if paragraph.ends_with('.') { "" } else { "." });
    }
    if !examples.is_empty() {
        let lines: Vec<&str> = examples.iter().filter_map(|line| line.strip_prefix("Example: ")).collect();
        let _ = writeln!(
            text,
            "```console\n{}\n```\n",
            lines.iter().map(|line| format!("$ {line}")).collect::<Vec<_>>().join("\n")
        );
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let _ = writeln!(text, "Usage: `{usage}`\n");
    arguments(
        text,
        command
            .get_arguments()
            .filter(|it| !it.is_global_set() && !it.is_hide_set() && it.get_id() != "help"),
    );
}

/// A table of arguments.
fn arguments<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let row = |argument: &Arg| {
        let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
        let takes = argument.get_action().takes_values();
        let name = match (argument.get_short(), argument.get_long()) {
            (Some(short), Some(long)) if takes => format!("-{short}, --{long} {value}"),
            (Some(short), Some(long)) => format!("-{short}, --{long}"),
            (None, Some(long)) if takes => format!("--{long} {value}"),
            (None, Some(long)) => format!("--{long}"),
            _ => value,
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let default: Vec<String> =
            argument.get_default_values().iter().map(|it| it.to_string_lossy().into_owned()).collect();
        let default = if default.is_empty() || !takes {
            String::new()
        } else {
            format!(" [default: {}]", default.join(", "))
        };
        let possible = if takes { argument.get_possible_values() } else { Vec::new() };
        let possible: Vec<&str> =
            possible.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
        let possible =
            if possible.is_empty() { String::new() } else { format!(" [values: {}]", possible.join(", ")) };
        format!(
            "| `{}` | {}{possible}{default} |",
            name.replace('|', "\\|"),
            help.replace('|', "\\|").replace('\n', " ")
        )
    };
    let rows: Vec<String> = arguments.map(row).collect();
    if !rows.is_empty() {
        let _ = writeln!(text, "| argument | what |\n|---|---|\n{}\n", rows.join("\n"));
    }
}

/// Writes a man page for each command into a folder, and tells how many there are.
pub(crate) fn man_pages(root: Command, folder: &Path) -> Result<usize, Failure> {
    std::fs::create_dir_all(folder)?;
    let pages = clap_mangen::generate_to(root, folder);
    pages?;
    Ok(std::fs::read_dir(folder)?.count())
}
