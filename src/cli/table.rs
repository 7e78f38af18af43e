//! pm2's boxes.

use super::output::{Style, paint};

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text in a style. Control characters, which would break the box or the terminal, become `?`.
    pub(super) fn new(text: impl AsRef<str>, style: Style) -> Self {
        let text = text.as_ref().chars();
        Self {
            text: text.map(|c| if c.is_control() { '?' } else { c }).collect(),
            style,
        }
    }

    /// Text without a style.
    pub(super) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(text, Style::Plain)
    }
}

/// How wide a column is, without the blanks at both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// At least this; wider if a cell is.
    Least(usize),
    /// Exactly this; longer text ends in `…`.
    Exactly(usize),
    /// The longest cell and this many blanks; without any row, the second number.
    Longest(usize, usize),
}

/// Rows under a head, or without one.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<(String, Width)>,
    head: bool,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// With a head.
    pub(super) fn with_head(columns: &[(&str, Width)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, width)| ((*name).to_owned(), *width));
        Self {
            columns: columns.collect(),
            head: true,
            rows: Vec::new(),
        }
    }

    /// Without a head: `count` columns as wide as their cells.
    pub(super) fn headless(count: usize) -> Self {
        Self {
            columns: vec![(String::new(), Width::Least(0)); count],
            head: false,
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Columns of the terminal that it takes.
    pub(super) fn width(&self) -> usize {
        self.widths().iter().map(|width| width + 3).sum::<usize>() + 1
    }

    /// The text, without a newline at the end.
    pub(super) fn render(&self, color: bool) -> String {
        let widths = self.widths();
        let bar = paint(color, Style::Grey, "│");
        let rule = |left: &str, middle: &str, right: &str| {
            let lines: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
            paint(
                color,
                Style::Grey,
                &format!("{left}{}{right}", lines.join(middle)),
            )
        };
        let line = |cells: &[Cell]| {
            let cells = cells.iter().zip(&widths);
            let cells = cells.map(|(cell, width)| format!(" {} ", fit(cell, *width, color)));
            format!("{bar}{}{bar}", cells.collect::<Vec<_>>().join(&bar))
        };
        let mut lines = vec![rule("┌", "┬", "┐")];
        if self.head {
            let names = self
                .columns
                .iter()
                .map(|(name, _)| Cell::new(name, Style::BoldCyan));
            lines.push(line(&names.collect::<Vec<_>>()));
            if !self.rows.is_empty() {
                lines.push(rule("├", "┼", "┤"));
            }
        }
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines.push(rule("└", "┴", "┘"));
        lines.join("\n")
    }

    fn widths(&self) -> Vec<usize> {
        let width = |(index, (name, width)): (usize, &(String, Width))| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let longest = cells.map(|cell| columns_of(&cell.text)).max();
            match *width {
                Width::Exactly(width) => width,
                Width::Least(least) => least.max(longest.unwrap_or(0)).max(columns_of(name)),
                Width::Longest(more, without) => longest.map_or(without, |longest| longest + more),
            }
        };
        self.columns.iter().enumerate().map(width).collect()
    }
}

/// The cell's text, cut or filled to `width`.
fn fit(cell: &Cell, width: usize, color: bool) -> String {
    let mut text = cell.text.clone();
    if columns_of(&text) > width {
        while columns_of(&text) + 1 > width && text.pop().is_some() {}
        text.push('…');
    }
    let blanks = " ".repeat(width.saturating_sub(columns_of(&text)));
    format!("{}{blanks}", paint(color, cell.style, &text))
}

/// Columns of the terminal that text takes.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// Characters of East Asian scripts and pictures, which take two columns.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_drawn_as_pm2_draws_them() {
        let mut table = Table::with_head(&[
            ("id", Width::Least(2)),
            ("name", Width::Longest(3, 9)),
            ("namespace", Width::Exactly(11)),
        ]);
        assert_eq!(
            table.render(false),
            "┌────┬───────────┬─────────────┐\n\
             │ id │ name      │ namespace   │\n\
             └────┴───────────┴─────────────┘"
        );
        table.push(vec![
            Cell::plain("0"),
            Cell::plain("web"),
            Cell::plain("averyveryverylong"),
        ]);
        table.push(vec![
            Cell::plain("1000"),
            Cell::plain("a\nb"),
            Cell::plain("default"),
        ]);
        assert_eq!(
            table.render(false),
            "┌──────┬────────┬─────────────┐\n\
             │ id   │ name   │ namespace   │\n\
             ├──────┼────────┼─────────────┤\n\
             │ 0    │ web    │ averyveryv… │\n\
             │ 1000 │ a?b    │ default     │\n\
             └──────┴────────┴─────────────┘"
        );
        assert_eq!(table.width(), 31);
    }

    #[test]
    fn a_table_without_head_is_as_wide_as_its_cells() {
        let mut table = Table::headless(2);
        table.push(vec![
            Cell::plain("status"),
            Cell::new("online", Style::BoldGreen),
        ]);
        table.push(vec![Cell::plain("日本"), Cell::plain("x")]);
        assert_eq!(
            table.render(false),
            "┌────────┬────────┐\n│ status │ online │\n│ 日本   │ x      │\n└────────┴────────┘"
        );
        assert!(table.render(true).contains("\x1b[1;32monline\x1b[0m"));
    }
}
