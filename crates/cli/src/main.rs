//! The `airbyte` command: sync, watch and read Airbyte connections from a terminal.

#![allow(rustdoc::bare_urls, reason = "the doc comments of arguments are help texts for a terminal")]

mod args;
mod change;
mod code;
mod commands;
mod context;
#[cfg(test)]
#[path = "../../../tests/src/decoder.rs"]
mod decoder;
mod environment;
mod error;
mod input;
mod interrupt;
mod logging;
mod names;
mod output;
mod profile_file;
mod progress;
mod prompt;
mod reference;
mod references;
mod shown;

use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;

use crate::args::Cli;
use crate::context::Context;
use crate::error::Failure;
use crate::output::Output;

/// How long a command that is over may still tell warehouses that nobody wants their rows.
const LONGEST_GOODBYE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Otherwise whatever runs in a CI system is taken for a terminal that can show colours.
    if environment::terminal_is_dumb() {
        anstream::ColorChoice::Never.write_global();
    }
    let parsed = args::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = Context::new(&cli.global);
    logging::start(&cli.global);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return context.output().fail(&error.into()),
    };
    let command = commands::run(cli.command, &context);
    let outcome = runtime.block_on(interrupt::guarded(command, Output::new(&cli.global)));
    // What a warehouse is not told it goes on with.
    runtime.block_on(airbyte_sql_read::cancellations_sent(LONGEST_GOODBYE));
    // A sync that is still writing, or a driver that is still closing, must not hold the command up.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => context.output().fail(&error),
    }
}

/// Threads for everything that waits. Where the system gives none, tokio panics, and letting go of those that it was given
/// waits for them for ever; so such a panic is the end.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(101);
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    // From here on panics unwind: an export that has begun takes away what it has written.
    drop(std::panic::take_hook());
    runtime
}

/// Reports that the command line makes no sense (or prints the help that was asked for).
fn usage(error: &clap::Error) -> ExitCode {
    let Some(form) = args::output_form(std::env::args_os()).filter(|_| error.use_stderr()) else {
        // A reader that has gone away is no reason to fail.
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { error::exit::USAGE } else { error::exit::OK });
    };
    let text = error.render().to_string();
    let message = text.lines().next().unwrap_or_default();
    let tip = text.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
    let failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(message))
        .with_hint(tip.unwrap_or("see --help"));
    Output::of_form(form).fail(&failure)
}
