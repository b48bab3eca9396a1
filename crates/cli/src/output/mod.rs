//! The one place that prints: results to standard output, everything else to standard error.

mod fields;
mod human;
mod json;
mod pager;
mod printed_rows;
mod rows;
mod screen;
mod stdout;
mod table;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

pub(crate) use human::{ago, bytes, count, duration};
pub(crate) use rows::table_of_rows;
pub(crate) use screen::{moving_lines, say};
pub(crate) use stdout::{Stdout, is_writing};
pub(crate) use table::{Table, one_line};

use crate::args::{Global, OutputForm};
use crate::error::{Failure, exit};

/// What people see of an object; scripts see all of it.
pub(crate) trait Shown: Serialize {
    /// The columns of a list.
    const COLUMNS: &'static [&'static str];

    /// The cells of a list's row.
    fn cells(&self) -> Vec<String>;

    /// Names and values of one object that is shown alone.
    fn fields(&self) -> Vec<(&'static str, String)>;

    /// The places of columns that a narrow terminal goes without, the first one first.
    const SPARE: &'static [usize] = &[];

    /// What comes below them.
    fn below(&self) -> Option<String> {
        None
    }
}

/// How and where this command prints.
pub(crate) struct Output {
    form: OutputForm,
    fields: Vec<String>,
    quiet: bool,
    verbose: bool,
    colours: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let allowed = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        Self {
            form: global.output,
            fields: global.fields.clone(),
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
        Self { form, fields: Vec::new(), quiet: false, verbose: false, colours: false }
    }

    /// Whether nothing but results and errors is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The room that rows of data have: the terminal's width. Elsewhere nothing is cut.
    pub(crate) fn width() -> usize {
        table::terminal_width().unwrap_or(usize::MAX)
    }

    /// Whether results go to a terminal.
    pub(crate) fn has_terminal() -> bool {
        std::io::stdout().is_terminal()
    }

    /// Whether there is somebody to watch a moving line.
    pub(crate) fn is_live(&self) -> bool {
        !self.quiet
            && !self.verbose
            && !self.is_for_programs()
            && console::user_attended_stderr()
            && !crate::environment::terminal_is_dumb()
    }

    /// A moving line that says what takes so long; nothing where nobody watches.
    pub(crate) fn working(&self, what: &str) -> ProgressBar {
        if !self.is_live() {
            return ProgressBar::hidden();
        }
        let bar = moving_lines().add(ProgressBar::new_spinner()).with_message(what.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar
    }

    /// Prints one object.
    pub(crate) fn show<T: Shown>(&self, object: &T) -> Result<(), Failure> {
        self.object(object, || {
            let fields = Table::of_fields(&object.fields());
            match object.below() {
                Some(below) => format!("{fields}\n{below}"),
                None => fields,
            }
        })
    }

    /// Prints several objects.
    pub(crate) fn show_list<T: Shown>(&self, objects: &[T]) -> Result<(), Failure> {
        self.list(objects, || {
            let mut table = Table::new(T::COLUMNS).with_spare(T::SPARE);
            for object in objects {
                table.row(object.cells());
            }
            table.to_string()
        })
    }

    /// Prints one object: as JSON, or as `table` makes it readable.
    pub(crate) fn object<T: Serialize>(
        &self,
        object: &T,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if !self.fields.is_empty() {
            let picked = self.picked(std::slice::from_ref(object))?;
            return match self.form {
                OutputForm::Table => {
                    let cells: Vec<_> = self
                        .fields
                        .iter()
                        .map(|name| (name.as_str(), fields::text(&picked[0][name])))
                        .collect();
                    self.text(&Table::of_fields(&cells))
                }
                OutputForm::Json => self.text(&serde_json::to_string_pretty(&picked[0])?),
                OutputForm::Jsonl => self.text(&serde_json::to_string(&picked[0])?),
            };
        }
        match self.form {
            OutputForm::Table => self.pages(&table()),
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
        if !self.fields.is_empty() {
            let picked = self.picked(objects)?;
            return self.listed(&picked, || fields::table(&picked, &self.fields));
        }
        self.listed(objects, table)
    }

    fn listed<T: Serialize>(&self, objects: &[T], table: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.form {
            OutputForm::Table if objects.is_empty() => {
                self.note("there are none");
                Ok(())
            }
            OutputForm::Table => self.pages(&table()),
            OutputForm::Json => self.text(&serde_json::to_string_pretty(objects)?),
            OutputForm::Jsonl => self.lines(objects),
        }
    }

    /// Prints a line of JSON for each, in one go.
    fn lines<T: Serialize>(&self, objects: &[T]) -> Result<(), Failure> {
        let lines = objects.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() { Ok(()) } else { self.text(&lines.join("\n")) }
    }

    fn picked<T: Serialize>(&self, objects: &[T]) -> Result<Vec<Value>, Failure> {
        let values = objects.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
        for name in fields::missing(&values, &self.fields) {
            let known: Vec<&str> =
                values[0].as_object().into_iter().flat_map(|it| it.keys()).map(String::as_str).collect();
            self.warn(&format!("there is no field `{name}`; there are {}", known.join(", ")));
        }
        Ok(values.iter().map(|value| fields::picked(value, &self.fields)).collect())
    }

    /// Prints an answer of the API as it is.
    pub(crate) fn value(&self, value: &Value) -> Result<(), Failure> {
        match (self.form, value) {
            (_, Value::Null) => Ok(()),
            (_, Value::Array(items)) if !self.fields.is_empty() => self.list(items, String::new),
            (_, Value::Object(_)) if !self.fields.is_empty() => self.object(value, String::new),
            (OutputForm::Jsonl, Value::Array(items)) => self.lines(items),
            (OutputForm::Jsonl, value) => self.text(&serde_json::to_string(value)?),
            (_, Value::String(text)) if self.form == OutputForm::Table => self.text(text),
            (OutputForm::Table, value) => self.pages(&serde_json::to_string_pretty(value)?),
            (_, value) => self.text(&serde_json::to_string_pretty(value)?),
        }
    }

    /// Prints a text for people, page by page if it is long and somebody watches.
    pub(crate) fn pages(&self, text: &str) -> Result<(), Failure> {
        if !self.quiet && std::io::stdout().is_terminal() {
            let plain = (!self.colours).then(|| anstream::adapter::strip_str(text).to_string());
            if pager::shown(plain.as_deref().unwrap_or(text)) {
                return Ok(());
            }
        }
        self.text(text)
    }

    /// Prints one of many objects as soon as it is there: a line each, for programs, too.
    pub(crate) fn line<T: Serialize>(
        &self,
        object: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.form {
            OutputForm::Table => self.text(&text()),
            _ => self.text(&serde_json::to_string(object)?),
        }
    }

    /// Prints a JSON text to the letter: its numbers may have more digits than a value could hold.
    pub(crate) fn json_text(&self, json: &str) -> Result<(), Failure> {
        if self.form == OutputForm::Jsonl { self.text(json) } else { self.text(&json::indented(json)) }
    }

    /// Prints a text and a line end to standard output.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        Stdout::busy(|out| {
            let mut out = anstream::AutoStream::new(out, self.choice());
            writeln!(out, "{}", text.trim_end())?;
            Ok(out.flush()?)
        })
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

    /// Says that to programs as well, where the result has no place for it.
    pub(crate) fn warn_beside(&self, text: &str) {
        if self.quiet || !self.is_for_programs() {
            self.warn(text);
        } else {
            say(&serde_json::json!({ "warning": text }).to_string());
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
            say(&serde_json::json!({"error": failure.object()}).to_string());
            return;
        }
        // The terminal has shown the key as `^C`, and the line begins anew.
        let anew = if failure.is_interruption() && std::io::stderr().is_terminal() { "\r" } else { "" };
        say(&format!("{anew}{}: {}", self.styled("error", AnsiColor::Red), failure.message));
        for detail in &failure.details {
            say(&format!("  {detail}"));
        }
        if let Some(hint) = &failure.hint {
            say(&format!("{}: {hint}", self.styled("hint", AnsiColor::Cyan)));
        }
    }

    /// A text in a colour, where colours are wanted on standard output.
    pub(crate) fn coloured(&self, text: &str, colour: AnsiColor) -> String {
        if !self.colours || !std::io::stdout().is_terminal() {
            return text.to_owned();
        }
        let style = Style::new().fg_color(Some(colour.into()));
        format!("{style}{text}{style:#}")
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
