//! The one place that prints: results to standard output, everything else to standard error.

mod human;
mod rows;
mod table;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use human::{ago, bytes, count, duration};
pub(crate) use rows::table_of_rows;
pub(crate) use table::Table;

use crate::args::{Global, OutputForm};
use crate::error::{Failure, exit};

/// The width of tables that do not go to a terminal.
const NO_TERMINAL: usize = 120;

/// Says a line on standard error, whoever listens.
pub(crate) fn say(line: &str) {
    // If nobody can be told, there is nobody to tell that either.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// How and where this command prints.
pub(crate) struct Output {
    form: OutputForm,
    quiet: bool,
    verbose: bool,
    colours: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let allowed = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        Self {
            form: global.output,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            colours: allowed && !global.no_color && std::io::stderr().is_terminal(),
        }
    }

    /// Whether a program reads the results.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.form != OutputForm::Table
    }

    /// For reporting that the command line makes no sense.
    pub(crate) fn of_form(form: OutputForm) -> Self {
        Self { form, quiet: false, verbose: false, colours: false }
    }

    /// Whether nothing but results and errors is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The room that a table has: the terminal's width, or 120 characters where there is none.
    pub(crate) fn width() -> usize {
        comfy_table::Table::new().width().map_or(NO_TERMINAL, usize::from)
    }

    /// Whether there is somebody to watch a moving line.
    pub(crate) fn is_live(&self) -> bool {
        !self.quiet && !self.verbose && !self.is_for_programs() && std::io::stderr().is_terminal()
    }

    /// Prints one object: as JSON, or as `table` makes it readable.
    pub(crate) fn object<T: Serialize>(
        &self,
        object: &T,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.form {
            OutputForm::Table => self.text(&table()),
            OutputForm::Json => self.text(&serde_json::to_string_pretty(object)?),
            OutputForm::Jsonl => self.text(&serde_json::to_string(object)?),
        }
    }

    /// Prints several objects: as one array, as a line each, or as `table` makes them readable.
    pub(crate) fn list<T: Serialize>(
        &self,
        objects: &[T],
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.form {
            OutputForm::Table => self.text(&table()),
            OutputForm::Json => self.text(&serde_json::to_string_pretty(objects)?),
            OutputForm::Jsonl => {
                objects.iter().try_for_each(|object| self.text(&serde_json::to_string(object)?))
            }
        }
    }

    /// Prints an answer of the API as it is.
    pub(crate) fn value(&self, value: &Value) -> Result<(), Failure> {
        match (self.form, value) {
            (_, Value::Null) => Ok(()),
            (OutputForm::Jsonl, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.text(&serde_json::to_string(item)?))
            }
            (OutputForm::Jsonl, value) => self.text(&serde_json::to_string(value)?),
            (_, Value::String(text)) if self.form == OutputForm::Table => self.text(text),
            (_, value) => self.text(&serde_json::to_string_pretty(value)?),
        }
    }

    /// Prints a text and a line end to standard output.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::AutoStream::new(std::io::stdout().lock(), self.choice());
        writeln!(out, "{}", text.trim_end())?;
        Ok(out.flush()?)
    }

    /// Says something beside the result, unless it should be quiet or a program listens.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.is_for_programs() {
            say(text);
        }
    }

    /// Says that a step is done, and which call or name belongs to it.
    pub(crate) fn step(&self, what: &str, call: &str) {
        let done = self.styled("✓", AnsiColor::Green);
        let call = if self.colours {
            format!("{}{call}{:#}", Style::new().dimmed(), Style::new().dimmed())
        } else {
            call.to_owned()
        };
        self.note(format!("{done} {what:<56}  {call}").trim_end());
    }

    /// Says that something is not as it should be.
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet && !self.is_for_programs() {
            say(&format!("{}: {text}", self.styled("warning", AnsiColor::Yellow)));
        }
    }

    /// Reports why the command failed.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if failure.is_closed_pipe() {
            return ExitCode::from(exit::OK);
        }
        self.report(failure);
        ExitCode::from(failure.exit_code())
    }

    /// Reports a failure and goes on.
    pub(crate) fn report(&self, failure: &Failure) {
        if self.is_for_programs() {
            say(&json!({"error": failure.object()}).to_string());
            return;
        }
        say(&format!("{}: {}", self.styled("error", AnsiColor::Red), failure.message));
        for detail in &failure.details {
            say(&format!("  {detail}"));
        }
        if let Some(hint) = &failure.hint {
            say(&format!("{}: {hint}", self.styled("hint", AnsiColor::Cyan)));
        }
    }

    fn choice(&self) -> anstream::ColorChoice {
        if self.colours { anstream::ColorChoice::Auto } else { anstream::ColorChoice::Never }
    }

    fn styled(&self, word: &str, colour: AnsiColor) -> String {
        if !self.colours {
            return word.to_owned();
        }
        let style = Style::new().bold().fg_color(Some(colour.into()));
        format!("{style}{word}{style:#}")
    }
}
