//! Tables that fit the terminal.

use comfy_table::{ContentArrangement, Table as Comfy, presets};
use console::{Term, measure_text_width, truncate_str};

/// The width that a column keeps, if its content has it.
const NARROWEST: usize = 12;
/// Room between columns.
const GAP: usize = 2;

/// The columns of the terminal that results go to; `None` where they go elsewhere.
pub(crate) fn terminal_width() -> Option<usize> {
    Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}

/// A text on one line. Control characters would move the cursor or colour what follows.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A table with a header, aligned columns and no borders.
///
/// Where a terminal is too narrow, texts are cut with `…`; where that would leave nothing to read, each row becomes a
/// few lines. Elsewhere nothing is cut. The last column is never cut: it holds the id where there is one.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| name.to_uppercase()).collect(), rows: Vec::new() }
    }

    /// A table without a header: names and values, which are never cut: an address would be of no use.
    pub(crate) fn of_fields<N: AsRef<str>>(fields: &[(N, String)]) -> String {
        let rows = fields.iter().map(|(name, value)| vec![name.as_ref().to_owned(), one_line(value)]);
        Self { header: Vec::new(), rows: rows.collect() }.aligned()
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    /// The table in a room of this width.
    fn within(&self, width: Option<usize>) -> String {
        let lines = || self.rows.iter().chain(std::iter::once(&self.header));
        let natural: Vec<usize> = (0..self.header.len())
            .map(|at| {
                lines()
                    .filter_map(|line| line.get(at))
                    .map(|cell| measure_text_width(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let Some(width) = width else { return self.aligned() };
        match fitted(&natural, width) {
            Some(widths) if widths == natural => self.aligned(),
            Some(widths) => {
                let cut = |cells: &Vec<String>| -> Vec<String> {
                    let cells = cells.iter().zip(&widths);
                    cells.map(|(cell, width)| truncate_str(cell, *width, "…").into_owned()).collect()
                };
                Self { header: cut(&self.header), rows: self.rows.iter().map(cut).collect() }.aligned()
            }
            None => self.in_blocks(),
        }
    }

    fn aligned(&self) -> String {
        let mut table = Comfy::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if !self.header.is_empty() {
            table.set_header(self.header.clone());
        }
        for row in &self.rows {
            table.add_row(row.clone());
        }
        // The library pads every line to the full width and indents it by one.
        let lines = table.to_string();
        let lines: Vec<&str> =
            lines.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        lines.join("\n")
    }

    /// A block of lines for each row, a name and a value each.
    fn in_blocks(&self) -> String {
        let block = |row: &Vec<String>| {
            let lines: Vec<String> = self
                .header
                .iter()
                .zip(row)
                .map(|(name, cell)| format!("{}: {cell}", name.to_lowercase()))
                .collect();
            lines.join("\n")
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
    }
}

/// The widths that columns get in a room: the widest give way first, the last one never. `None` if they cannot.
fn fitted(natural: &[usize], room: usize) -> Option<Vec<usize>> {
    let mut widths = natural.to_vec();
    let gaps = GAP * natural.len().saturating_sub(1);
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
        if over == 0 {
            return Some(widths);
        }
        let last = widths.len().checked_sub(1)?;
        let widest = widths[..last].iter_mut().max()?;
        if *widest <= NARROWEST {
            return None;
        }
        *widest -= 1;
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.within(terminal_width()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59";

    fn table() -> Table {
        let mut table = Table::new(&["name", "status", "id"]);
        table.row(["a rather long name\nof a connection".to_owned(), "active".to_owned(), ID.to_owned()]);
        table.row(["☕ 咖啡".to_owned(), "\u{1b}[31minactive".to_owned(), ID.to_owned()]);
        table
    }

    #[test]
    fn where_there_is_no_terminal_nothing_is_cut() {
        assert_eq!(
            table().within(None),
            format!(
                "NAME                                STATUS         ID\n\
                 a rather long name of a connection  active         {ID}\n\
                 ☕ 咖啡                              [31minactive  {ID}"
            )
        );
    }

    #[test]
    fn in_a_narrow_terminal_texts_give_way_and_ids_do_not() {
        let text = table().within(Some(70));
        assert!(text.lines().all(|line| measure_text_width(line) <= 70), "{text}");
        assert!(text.contains("a rather") && text.contains('…') && text.contains(ID), "{text}");
    }

    #[test]
    fn in_a_very_narrow_one_each_row_is_a_block() {
        let text = table().within(Some(40));
        assert!(
            text.starts_with(&format!(
                "name: a rather long name of a connection\nstatus: active\nid: {ID}\n\nname: "
            )),
            "{text}"
        );
    }
}
