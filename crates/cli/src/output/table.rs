//! Tables that fit the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table as Comfy, presets};

/// A table with a header, aligned columns and no borders.
pub(crate) struct Table(Comfy);

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = Comfy::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(header.iter().map(|name| name.to_uppercase()));
        // It holds the id where there is one, and half an id cannot be copied.
        if let Some(last) = header.len().checked_sub(1).and_then(|last| table.column_mut(last)) {
            last.set_constraint(ColumnConstraint::ContentWidth);
        }
        Self(table)
    }

    /// A table without a header: names and values, which are never broken: an address would be of no use.
    pub(crate) fn of_fields(fields: &[(&str, String)]) -> Self {
        let mut table = Comfy::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        for (name, value) in fields {
            table.add_row([(*name).to_owned(), value.clone()]);
        }
        Self(table)
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells.into_iter().collect::<Vec<_>>());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The library pads every line to the full width and indents it by one.
        for line in self.0.to_string().lines() {
            writeln!(f, "{}", line.strip_prefix(' ').unwrap_or(line).trim_end())?;
        }
        Ok(())
    }
}
