//! The first lines of a csv file: what they suggest about delimiter, header and columns.
//!
//! Does not decide what a column means (see `columns`).

use super::delimiter::{Delimiter, delimiter_of};
use crate::trace::format::Sample;
use crate::trace::format::lines::{LINE_MAX, sample_lines};
use std::io::{self, BufRead, Read};

/// The most lines that are read ahead, comments left out.
const LINES: usize = 100;

/// The most bytes that are read ahead after the first line.
const BYTES: usize = 64 * 1024;

/// The first lines of a file, blank lines and comments left out.
pub(in crate::trace::format) struct Head<'a> {
    /// The lines, without their ends.
    pub lines: Vec<&'a [u8]>,
    /// The number of the first of them in the file, counted from 1.
    pub number: u64,
}

/// The cells of the first lines of a file.
pub(in crate::trace::format) struct Cells {
    /// What separates them.
    pub delimiter: Delimiter,
    /// The rows; the first one may be a header.
    pub rows: Vec<Vec<Vec<u8>>>,
}

impl<'a> Head<'a> {
    /// Returns the first lines of a sample.
    pub fn of(sample: &Sample<'a>) -> Head<'a> {
        let mut number = 1;
        let mut lines = Vec::new();
        let content = sample_lines(sample).enumerate();
        for (at, line) in content.filter(|(_, line)| !is_nothing(line)).take(LINES) {
            if lines.is_empty() {
                number = at as u64 + 1;
            }
            lines.push(line);
        }
        Head { lines, number }
    }

    /// Returns the first line, empty if there is none.
    pub fn first(&self) -> &'a [u8] {
        self.lines.first().copied().unwrap_or_default()
    }

    /// Returns the cells, with the delimiter found unless one is given.
    pub fn cells(&self, delimiter: Option<Delimiter>, quotes: bool) -> Cells {
        let delimiter = delimiter.unwrap_or_else(|| delimiter_of(&self.lines));
        let cells = |line: &&[u8]| delimiter.cells(line, quotes);
        Cells {
            delimiter,
            rows: self.lines.iter().map(cells).collect(),
        }
    }

    /// Returns true if the first line holds bytes that no text has.
    pub fn is_binary(&self) -> bool {
        self.binary_line().is_some()
    }

    /// Returns the first line if it holds bytes that no text has.
    pub fn binary_line(&self) -> Option<&'a [u8]> {
        let is_control = |b: &u8| b.is_ascii_control() && !b"\t\r\x0b\x0c".contains(b);
        let is_binary = |line: &&[u8]| line.iter().any(is_control);
        self.lines.first().copied().filter(is_binary)
    }
}

impl Cells {
    /// Returns the rows after the header, if the first row is one.
    pub fn data(&self, header: bool) -> &[Vec<Vec<u8>>] {
        self.rows.get(usize::from(header)..).unwrap_or_default()
    }

    /// Returns the first row, empty if there is none.
    pub fn first(&self) -> &[Vec<u8>] {
        self.rows.first().map_or(&[], Vec::as_slice)
    }

    /// Returns the cells of a column in the rows after the header.
    pub fn column(&self, column: usize, header: bool) -> impl Iterator<Item = &[u8]> {
        let rows = self.data(header).iter();
        rows.filter_map(move |row| row.get(column).map(Vec::as_slice))
    }
}

/// Returns true if a line is blank or a comment.
pub(super) fn is_nothing(line: &[u8]) -> bool {
    line.starts_with(b"#") || line.trim_ascii().is_empty()
}

/// Reads the first lines of a file: up to the end of the first one that is neither blank nor a comment,
/// 1 MiB at most. If that line is not `enough`, also what follows, 64 KiB or 100 lines at most. Leaves out
/// a UTF-8 byte order mark. Also returns whether that is the whole file.
pub(super) fn read_head(
    input: &mut dyn BufRead,
    enough: impl Fn(&[u8]) -> bool,
) -> io::Result<(Vec<u8>, bool)> {
    let mut head = Vec::new();
    let (mut lines, mut most) = (0, LINE_MAX);
    while head.len() < most && lines < LINES {
        let from = head.len();
        let room = (most - from) as u64;
        let read = (&mut *input).take(room).read_until(b'\n', &mut head)?;
        if from == 0 && head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        if read == 0 {
            return Ok((head, true));
        }
        let line = &head[from.min(head.len())..];
        if !is_nothing(line) {
            lines += 1;
            if lines == 1 && line.ends_with(b"\n") && enough(line.trim_ascii_end()) {
                return Ok((head, false));
            }
            if lines == 1 {
                most = head.len().saturating_add(BYTES);
            }
        }
    }
    Ok((head, false))
}
