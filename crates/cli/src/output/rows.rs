//! Rows of data as a table: as many columns as the terminal has room for.

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use crate::error::Failure;

/// Characters of a cell at the most.
const CELL: usize = 28;
/// Room between columns.
const GAP: usize = 2;

/// The batch as a table of at most `width` characters, with a line that names what did not fit.
pub(crate) fn table_of_rows(batch: &RecordBatch, width: usize) -> Result<String, Failure> {
    let options = FormatOptions::default();
    let mut lines = vec![String::new(); batch.num_rows() + 1];
    let mut left_out = Vec::new();
    let mut used = 0;
    let schema = batch.schema();
    let mut columns: Vec<_> = schema.fields().iter().zip(batch.columns()).collect();
    // The columns that Airbyte adds are the least interesting ones.
    columns.sort_by_key(|(field, _)| field.name().starts_with("_airbyte_"));
    for (field, column) in columns {
        let formatter = ArrayFormatter::try_new(column, &options)?;
        let mut cells = vec![shortened(field.name())];
        for row in 0..batch.num_rows() {
            let text = if column.is_null(row) { "null".to_owned() } else { formatter.value(row).to_string() };
            cells.push(shortened(&text));
        }
        let widest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
        if !left_out.is_empty() || (used > 0 && used + widest > width) {
            left_out.push(field.name().clone());
            continue;
        }
        used += widest + GAP;
        let right = column.data_type().is_numeric();
        for (line, cell) in lines.iter_mut().zip(cells) {
            let padding = " ".repeat(widest - cell.chars().count());
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
        let some = left_out.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
        let more = if left_out.len() > 4 { ", ..." } else { "" };
        let columns = if left_out.len() == 1 { "column" } else { "columns" };
        rest = format!("(and {} more {columns}: {some}{more})", left_out.len());
        text.push(&rest);
    }
    Ok(text.join("\n"))
}

/// One line, not too long. Control characters would move the cursor.
fn shortened(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= CELL {
        return text.chars().map(visible).collect();
    }
    text.chars().take(CELL - 1).map(visible).chain(['…']).collect()
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
}
