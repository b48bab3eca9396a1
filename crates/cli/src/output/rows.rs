//! Rows of data as a table: as many columns as the terminal has room for.

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use console::{measure_text_width, truncate_str};

use super::one_line;
use crate::error::Failure;

/// Columns of the terminal that a cell takes at the most.
const CELL: usize = 28;
/// Columns without room that are named.
const NAMED: usize = 4;
/// Room between columns.
const GAP: usize = 2;

/// The batch as a table of at most `width` characters, with a line that names what did not fit.
pub(crate) fn table_of_rows(batch: &RecordBatch, width: usize) -> Result<String, Failure> {
    let options = FormatOptions::default();
    let mut lines = vec![String::new(); batch.num_rows() + 1];
    let mut left_out = Vec::new();
    let mut used = 0;
    let schema = batch.schema();
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(column, &options)?;
        let text = |row| {
            let text = if column.is_null(row) { "null".to_owned() } else { formatter.value(row).to_string() };
            one_line(&text)
        };
        let cells: Vec<String> =
            std::iter::once(one_line(field.name())).chain((0..batch.num_rows()).map(text)).collect();
        columns.push((field, column, cells));
    }
    // The columns that Airbyte adds are the least interesting ones.
    columns.sort_by_key(|(field, ..)| field.name().starts_with("_airbyte_"));
    let whole: usize = columns.iter().map(|(_, _, cells)| widest(cells) + GAP).sum();
    for (field, column, mut cells) in columns {
        // Nothing is cut where all of it has room.
        if whole > width.saturating_add(GAP) {
            for cell in &mut cells {
                *cell = shortened(cell);
            }
        }
        let widest = widest(&cells);
        if !left_out.is_empty() || (used > 0 && used + widest > width) {
            left_out.push(field.name().clone());
            continue;
        }
        used += widest + GAP;
        let right = column.data_type().is_numeric();
        for (line, cell) in lines.iter_mut().zip(cells) {
            let padding = " ".repeat(widest - measure_text_width(&cell));
            if right {
                line.push_str(&padding);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&padding);
            }
            line.push_str(&" ".repeat(GAP));
        }
    }
    let mut text: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    let rest;
    if !left_out.is_empty() {
        rest = note_of(&left_out, width);
        text.push(&rest);
    }
    Ok(text.join("\n"))
}

/// How many columns have no room, with the names of the first ones where those have some.
fn note_of(left_out: &[String], width: usize) -> String {
    let columns = if left_out.len() == 1 { "column" } else { "columns" };
    let note = |named: usize| {
        let names = left_out[..named].join(", ");
        let before = if named > 0 { ": " } else { "" };
        let more = if named > 0 && named < left_out.len() { ", ..." } else { "" };
        one_line(&format!("(and {} more {columns}{before}{names}{more})", left_out.len()))
    };
    let most = left_out.len().min(NAMED);
    (0..=most).rev().map(note).find(|note| measure_text_width(note) <= width).unwrap_or_else(|| note(0))
}

/// What its widest cell takes.
fn widest(cells: &[String]) -> usize {
    cells.iter().map(|cell| measure_text_width(cell)).max().unwrap_or_default()
}

/// Not too wide.
fn shortened(text: &str) -> String {
    truncate_str(text, CELL, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn columns_that_do_not_fit_are_named_and_cells_stay_on_one_line() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 20]));
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a\nb"), None]));
        let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(50), String::new()]));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("id", ids, false),
            ("name", names, true),
            ("long", long.clone(), true),
            ("last", long, true),
        ])
        .unwrap();
        let text = table_of_rows(&batch, 40).unwrap();
        assert_eq!(
            text,
            format!("id  name  long\n 1  a b   {}…\n20  null\n(and 1 more column: last)", "x".repeat(27))
        );
    }
    #[test]
    fn the_note_of_what_has_no_room_has_room_itself() {
        let names = ["updated_at", "name", "title", "age", "email"].map(str::to_owned);
        assert_eq!(note_of(&names, 80), "(and 5 more columns: updated_at, name, title, age, ...)");
        assert_eq!(note_of(&names, 40), "(and 5 more columns: updated_at, ...)");
        assert_eq!(note_of(&names, 20), "(and 5 more columns)");
        assert_eq!(note_of(&names[4..], 40), "(and 1 more column: email)");
    }

    #[test]
    fn wide_characters_take_two_columns_and_those_that_join_none() {
        let names = ["咖啡", "abc", "👩‍🔬 Ada", "e\u{301}te\u{301}", &"长".repeat(20)];
        let texts: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        let last: ArrayRef = Arc::new(StringArray::from(vec!["|"; names.len()]));
        let batch = RecordBatch::try_from_iter([("text", texts), ("last", last)]).unwrap();
        let text = table_of_rows(&batch, 40).unwrap();
        for line in text.lines().skip(1) {
            assert_eq!(measure_text_width(line.strip_suffix('|').unwrap()), CELL - 1 + GAP, "{text}");
        }
        // Half of a wide character has no room, so the cut text is a column narrower than it may be.
        assert!(text.ends_with(&format!("{}…  |", "长".repeat(13))), "{text}");
    }
}
