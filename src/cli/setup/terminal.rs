//! Text for the terminal: printing on standard output, aligned tables, labelled fields, and the width of
//! a line.

use super::failure::Failure;
use crate::report::text::columns;
use crate::units::{Printable, guarded};
use std::fmt::Display;
use std::io::{self, Write};

/// Writes `text` to standard output, [`guarded`]. A closed pipe is no error, and hides no verdict that is still to
/// come: `pagebench check … | head -1` must find a regression too.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out
        .write_all(guarded(text).as_bytes())
        .and_then(|()| out.flush())
    {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Failure::stdout),
    }
}

/// Returns the characters of a line: `COLUMNS`, else the terminal's width, else 100; 40 at least.
pub fn width() -> usize {
    let variable = std::env::var("COLUMNS").ok();
    let variable = variable.and_then(|text| text.parse::<usize>().ok());
    let terminal = || Some(usize::from(terminal_size::terminal_size()?.0.0));
    variable.or_else(terminal).unwrap_or(100).max(40)
}

/// The side on which a column of a table is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Flush left, for words.
    Left,
    /// Flush right, for numbers.
    Right,
}

/// Appends a table to `out`: its titles, then a line for each of `rows`, which have a text for each
/// column.
pub fn table(
    out: &mut String,
    indent: &str,
    titles: &[(&str, Align)],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let alignment: String = titles
        .iter()
        .map(|(_, align)| match align {
            Align::Left => '<',
            Align::Right => '>',
        })
        .collect();
    let mut lines = vec![titles.iter().map(|(title, _)| title.to_string()).collect()];
    lines.extend(rows);
    columns(out, indent, &alignment, &lines);
}

/// Appends a line to `out`: `label`, padded to the width of all labels, then `value`. An empty label
/// continues the field before. The value stays on its line.
pub fn field(out: &mut String, label: &str, value: impl Display) {
    let value = value.to_string();
    let value = value.printed();
    out.push_str(&format!("{label:<13}{value}\n"));
}
