//! Rows for programs, printed one by one: an array or a line each, as `--output` says.

use std::io::{BufWriter, Write};

use serde_json::Value;

use super::{Output, Stdout, fields, json};
use crate::args::OutputForm;
use crate::error::Failure;

/// An array or lines that are being printed.
pub(crate) struct PrintedRows<'a> {
    output: &'a Output,
    out: BufWriter<Stdout>,
    rows: usize,
}

impl Output {
    /// Begins to print rows. Until the first one nothing is printed, so that what fails at once prints nothing.
    pub(crate) fn printed_rows(&self) -> PrintedRows<'_> {
        PrintedRows { output: self, out: BufWriter::with_capacity(64 * 1024, Stdout), rows: 0 }
    }
}

impl PrintedRows<'_> {
    /// Prints one row, a JSON object. Without `--fields` its numbers keep every digit.
    pub(crate) fn row(&mut self, object: &str) -> Result<(), Failure> {
        let picked;
        let object = if self.output.fields.is_empty() {
            object
        } else {
            let object: Value = serde_json::from_str(object)?;
            picked = serde_json::to_string(&fields::picked(&object, &self.output.fields))?;
            &picked
        };
        if self.is_array() {
            let begin = if self.rows == 0 { "[\n" } else { ",\n" };
            self.out.write_all(begin.as_bytes())?;
            let object = json::indented(object);
            for (number, line) in object.lines().enumerate() {
                let end = if number == 0 { "" } else { "\n" };
                write!(self.out, "{end}  {line}")?;
            }
        } else {
            writeln!(self.out, "{object}")?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Hands on what has been printed.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// Prints what belongs at the end. Of what fails midway an array has no end, and is no JSON.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        if self.is_array() {
            self.out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })?;
        }
        self.flush()
    }

    fn is_array(&self) -> bool {
        self.output.form != OutputForm::Jsonl
    }
}
