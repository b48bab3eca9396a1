//! Questions to people. Nothing is asked where nobody can answer.

use std::io::IsTerminal;

use dialoguer::{Confirm, Input, Password, Select};

use crate::error::{Failure, Kind};
use crate::interrupt::Phase;

/// Whether somebody is there to answer.
pub(crate) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Yes or no; no unless said otherwise.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    // Whoever types the whole word would type its rest into the shell.
    Confirm::new().with_prompt(question).default(false).wait_for_newline(true).interact().map_err(failure)
}

/// A line of text; the empty one only with a default.
pub(crate) fn text(question: &str, default: Option<&str>) -> Result<String, Failure> {
    let input = Input::<String>::new().with_prompt(question);
    let input = match default {
        Some(default) => input.default(default.to_owned()),
        None => input,
    };
    Ok(input.interact_text().map_err(failure)?.trim().to_owned())
}

/// A text that is not shown while it is typed.
pub(crate) fn secret(question: &str) -> Result<String, Failure> {
    let _reading = Phase::reading();
    Ok(Password::new().with_prompt(question).interact().map_err(failure)?.trim().to_owned())
}

/// One of several; the place in the list.
pub(crate) fn select(question: &str, choices: &[String]) -> Result<usize, Failure> {
    Select::new().with_prompt(question).items(choices).default(0).interact().map_err(failure)
}

fn failure(error: dialoguer::Error) -> Failure {
    let dialoguer::Error::IO(error) = error;
    if error.kind() == std::io::ErrorKind::Interrupted {
        return Failure::new(Kind::Interrupted, "interrupted; nothing was done");
    }
    error.into()
}

/// How the terminal was before it was told not to show what is typed.
#[cfg(unix)]
static TERMINAL: std::sync::Mutex<Option<nix::sys::termios::Termios>> = std::sync::Mutex::new(None);

/// Remembers how the terminal shows what is typed, for [`restore_terminal`].
pub(crate) fn remember_terminal() {
    #[cfg(unix)]
    if let Ok(mut terminal) = TERMINAL.lock() {
        *terminal = nix::sys::termios::tcgetattr(std::io::stdin()).ok();
    }
}

/// Lets the terminal show what is typed again, where the process ends in the middle of a secret.
pub(crate) fn restore_terminal() {
    #[cfg(unix)]
    if let Ok(terminal) = TERMINAL.lock()
        && let Some(terminal) = terminal.as_ref()
    {
        use nix::sys::termios::{SetArg, tcsetattr};
        // There is nothing left to do about a terminal that has gone.
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, terminal);
        // What comes next does not belong to the question.
        crate::output::say("");
    }
}
