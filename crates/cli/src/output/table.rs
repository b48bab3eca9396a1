//! Tables that fit the terminal.

use anstyle::{AnsiColor, Style};
use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};

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
/// Where a terminal is too narrow, columns that are spare are left out first, then texts are cut with `…`; where that
/// would leave nothing to read, each row becomes a few lines. Elsewhere nothing is cut. An id never is: of no use it
/// would be otherwise. Nor is the last column.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The places of columns that a narrow terminal goes without, the first one first.
    spare: Vec<usize>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let header = header.iter().map(|name| name.to_uppercase()).collect();
        Self { header, rows: Vec::new(), spare: Vec::new() }
    }

    /// With columns, by their places, that a narrow terminal goes without, the first one first.
    pub(crate) fn with_spare(mut self, places: &[usize]) -> Self {
        self.spare = places.to_vec();
        self
    }

    /// A table without a header: names and values, which are never cut: an address would be of no use.
    pub(crate) fn of_fields<N: AsRef<str>>(fields: &[(N, String)]) -> String {
        let room = fields.iter().map(|(name, _)| measure_text_width(name.as_ref())).max().unwrap_or(0) + GAP;
        let line = |(name, value): &(N, String)| {
            let name = name.as_ref();
            let value = painted(name, &one_line(value), terminal_width().is_some());
            format!("{}{value}", padded(name, room)).trim_end().to_owned()
        };
        fields.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    /// The table in a room of this width; in colours if it goes to a terminal, which has a width.
    fn within(&self, width: Option<usize>) -> String {
        let natural: Vec<usize> = (0..self.header.len()).map(|place| self.natural_width(place)).collect();
        let all: Vec<usize> = (0..self.header.len()).collect();
        let Some(width) = width else { return self.aligned(&all, &natural, false) };
        let mut places = all;
        let mut spare = self.spare.iter();
        loop {
            let widths: Vec<usize> = places.iter().map(|place| natural[*place]).collect();
            if total(&widths) <= width {
                return self.aligned(&places, &widths, true);
            }
            match spare.next() {
                Some(place) => places.retain(|other| other != place),
                None => break,
            }
        }
        let is_id = |place: &usize| self.header[*place].ends_with("ID");
        let columns = places.iter().map(|place| (natural[*place], is_id(place))).collect();
        match fitted(columns, width) {
            Some(widths) => self.aligned(&places, &widths, true),
            None => self.in_blocks(width),
        }
    }

    /// The width of a column of which nothing is cut.
    fn natural_width(&self, place: usize) -> usize {
        let lines = self.rows.iter().chain(std::iter::once(&self.header));
        lines.filter_map(|line| line.get(place)).map(|cell| measure_text_width(cell)).max().unwrap_or(0)
    }

    fn aligned(&self, places: &[usize], widths: &[usize], in_colours: bool) -> String {
        let line = |cells: &Vec<String>, paint: &dyn Fn(usize, &str) -> String| {
            let cells = places.iter().zip(widths).filter_map(|(place, width)| {
                let cell = truncate_str(cells.get(*place)?, *width, "…");
                let padding = width - measure_text_width(&cell);
                Some(format!("{}{}", paint(*place, &cell), " ".repeat(padding)))
            });
            cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
        };
        let bold = Style::new().bold();
        let header = line(&self.header, &|_, name| name.to_owned());
        let header = if in_colours { format!("{bold}{header}{bold:#}") } else { header };
        let row = |cells| line(cells, &|place, cell| painted(&self.header[place], cell, in_colours));
        std::iter::once(header).chain(self.rows.iter().map(row)).collect::<Vec<_>>().join("\n")
    }

    /// A block of lines for each row, a name and a value each.
    fn in_blocks(&self, width: usize) -> String {
        let block = |row: &Vec<String>| {
            let mut text = String::new();
            for (header, cell) in self.header.iter().zip(row) {
                let (name, value) = (header.to_lowercase(), painted(header, cell, true));
                let room = width.saturating_sub(measure_text_width(&name) + 2);
                let line = match measure_text_width(cell) {
                    // What has no name of its own goes with what is before it.
                    _ if name.is_empty() => format!("  {value}"),
                    // In one piece it can be copied.
                    long if long > room && long <= width => format!("\n{name}:\n{value}"),
                    _ => format!("\n{name}: {value}"),
                };
                text.push_str(line.trim_end_matches(' '));
            }
            text.trim_start().to_owned()
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
    }
}

/// A cell in the colour of what it says. Its words say the same.
fn painted(column: &str, cell: &str, in_colours: bool) -> String {
    let word = cell.split(' ').next().unwrap_or_default();
    let colour = match word {
        _ if !in_colours || !column.eq_ignore_ascii_case("status") => None,
        "succeeded" | "active" => Some(AnsiColor::Green),
        "failed" | "locked" => Some(AnsiColor::Red),
        "cancelled" | "incomplete" | "inactive" | "deprecated" => Some(AnsiColor::Yellow),
        "running" | "pending" | "queued" => Some(AnsiColor::Cyan),
        _ => None,
    };
    let style = Style::new().fg_color(colour.map(Into::into));
    format!("{style}{cell}{style:#}")
}

fn padded(text: &str, width: usize) -> String {
    pad_str(text, width, Alignment::Left, None).into_owned()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// The widths that columns, each with its natural width and whether it is never cut, get in a room: the widest give way
/// first, the last one never. `None` if they cannot.
fn fitted(mut columns: Vec<(usize, bool)>, room: usize) -> Option<Vec<usize>> {
    columns.last_mut()?.1 = true;
    loop {
        let widths: Vec<usize> = columns.iter().map(|(width, _)| *width).collect();
        if total(&widths) <= room {
            return Some(widths);
        }
        let (widest, _) = columns.iter_mut().filter(|(_, whole)| !whole).max()?;
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
    use console::strip_ansi_codes;

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
        let mut two = Table::new(&["user id", "name", "id"]);
        two.row([ID.to_owned(), "a rather long name of a connection".to_owned(), ID.to_owned()]);
        assert_eq!(two.within(Some(92)).matches(ID).count(), 2);
    }

    #[test]
    fn columns_that_are_spare_go_before_anything_is_cut() {
        let table = table().with_spare(&[1, 0]);
        let columns = |width| {
            let text = table.within(Some(width));
            let header = strip_ansi_codes(text.lines().next().unwrap()).into_owned();
            assert!(!text.contains('…'), "{text}");
            header.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(columns(90), ["NAME", "STATUS", "ID"]);
        assert_eq!(columns(80), ["NAME", "ID"]);
        assert_eq!(columns(40), ["ID"]);
    }

    #[test]
    fn a_status_has_a_colour_on_a_terminal_only_and_says_the_same_without() {
        let terminal = table().within(Some(100));
        assert!(terminal.contains("\u{1b}[32mactive\u{1b}[0m"), "{terminal:?}");
        assert_eq!(strip_ansi_codes(&terminal), table().within(None));
    }

    #[test]
    fn in_a_very_narrow_one_each_row_is_a_block() {
        let text = table().within(Some(39));
        assert!(
            strip_ansi_codes(&text).starts_with(&format!(
                "name:\na rather long name of a connection\nstatus: active\nid:\n{ID}\n\nname: ☕ 咖啡\n"
            )),
            "{text}"
        );
    }
}
