//! The table itself: rows, and the document they make.

use std::collections::BTreeSet;
use std::fmt::Write;

/// What stands in one row.
struct Row {
    section: &'static str,
    original: String,
    ours: String,
    note: &'static str,
}

/// All rows, in the order in which they ran.
#[derive(Default)]
pub(crate) struct Table {
    section: &'static str,
    rows: Vec<Row>,
}

/// Runs an expression, looks at its value, and puts both sides into the table.
///
/// `row!(table, "Original.name", expression, |value| condition, "note")`; the note may be left out.
macro_rules! row {
    ($table:expr, $original:expr, $ours:expr, |$value:pat_param| $holds:expr $(,)?) => {
        row!($table, $original, $ours, |$value| $holds, "")
    };
    ($table:expr, $original:expr, $ours:expr, |$value:pat_param| $holds:expr, $note:expr $(,)?) => {{
        $table.push($original, stringify!($ours), $note);
        let result = $ours;
        let $value = &result;
        assert!($holds, "{}: {:?}", stringify!($ours), result);
        #[allow(unused)]
        result
    }};
}
pub(crate) use row;

impl Table {
    /// The rows that follow belong to this section.
    pub(crate) fn section(&mut self, title: &'static str) {
        self.section = title;
    }

    pub(crate) fn push(&mut self, original: &str, ours: &str, note: &'static str) {
        self.rows.push(Row {
            section: self.section,
            original: original.to_owned(),
            ours: one_line(ours),
            note,
        });
    }

    pub(crate) fn document(&self) -> String {
        let mut text = String::from(include_str!("head.md"));
        let mut section = "";
        for row in &self.rows {
            if row.section != section {
                section = row.section;
                write!(text, "\n## {section}\n\n| PyAirbyte | here | |\n|---|---|---|\n").unwrap();
            }
            let originals: Vec<_> = row.original.split(", ").map(|name| format!("`{name}`")).collect();
            writeln!(
                text,
                "| {} | `{}` | {} |",
                originals.join(", "),
                row.ours.replace('|', "\\|"),
                row.note
            )
            .unwrap();
        }
        text
    }
}

/// Code as it would stand on one line; the compiler breaks long expressions in its own way.
fn one_line(code: &str) -> String {
    let mut line = String::with_capacity(code.len());
    for word in code.split_whitespace() {
        let joins =
            line.is_empty() || line.ends_with(['(', '[']) || word.starts_with(['.', ')', ']', ',', ';']);
        if !joins {
            line.push(' ');
        }
        line.push_str(word);
    }
    line.replace(",)", ")").replace("? .", "?.")
}

/// The original's names in a document's tables.
pub(crate) fn names_of(document: &str) -> BTreeSet<String> {
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|row| row.split(" | ").next());
    first.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Every module, class, method, property and constant of the original's reference, in its order.
pub(crate) fn names_in_reference(reference: &str) -> Vec<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        (text[..end].to_owned(), text[end..].to_owned())
    };
    let mut names = Vec::new();
    let mut class = String::new();
    for line in reference.lines() {
        if let Some(module) = line.strip_prefix("* airbyte.cloud.") {
            names.push(format!("airbyte.cloud.{module}"));
        } else if let Some(rest) = line.strip_prefix('`') {
            let (name, rest) = word(rest);
            if rest.starts_with('(') {
                class.clone_from(&name);
                names.push(name);
            }
        } else if let Some(rest) = line.strip_prefix("    `") {
            let (name, _) = word(rest);
            if !class.is_empty() && !name.is_empty() {
                names.push(format!("{class}.{name}"));
            }
        }
    }
    names
}
