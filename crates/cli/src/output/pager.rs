//! Long results, page by page.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::environment;
use crate::interrupt::Phase;

/// Shows a text in the pager, if it is longer than the terminal; tells whether it was shown.
pub(crate) fn shown(text: &str) -> bool {
    let (rows, _) = console::Term::stdout().size();
    if text.lines().count() < usize::from(rows) {
        return false;
    }
    let Some(pager) = environment::pager() else { return false };
    let _paging = Phase::paging();
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else { return false };
    let mut command = Command::new(program);
    if !environment::has_less_options() {
        // Without `R` it would show the colours' codes.
        command.env("LESS", "FRX");
    }
    let Ok(mut process) = command.args(words).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut input) = process.stdin.take() {
        // Whoever leaves the pager early has seen enough.
        let _ = writeln!(input, "{}", text.trim_end());
    }
    process.wait().is_ok_and(|status| status.success())
}
