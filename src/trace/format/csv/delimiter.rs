//! What separates the columns of a line, how it is found, and the cells that it leaves.
//!
//! Does not know what a column holds, nor quotes: a quoted line goes through the `csv` crate.

use crate::trace::format::tokens::is_blank;
use ::csv::ByteRecord;
use memchr::memchr_iter;

/// What separates the columns of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// One byte; two of them in a row leave an empty cell between them.
    Byte(u8),
    /// Any number of blanks and tabs in a row. Quotes mean nothing then.
    Blanks,
}

/// The single bytes that are looked for in a file, the likeliest first.
const GUESSED: [u8; 4] = [b',', b'\t', b';', b'|'];

impl Delimiter {
    /// Reads the value of `--delimiter`: one character, TAB, or BLANKS.
    pub fn parse(text: &str) -> Option<Delimiter> {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        match text.as_bytes() {
            [b' '] => Some(Delimiter::Blanks),
            _ if is("blanks") || is("blank") || is("space") => Some(Delimiter::Blanks),
            _ if is("tab") || text == "\\t" => Some(Delimiter::Byte(b'\t')),
            // A line end or a quote cannot separate columns.
            [b'\n' | b'\r' | b'"'] => None,
            &[byte] if byte.is_ascii() => Some(Delimiter::Byte(byte)),
            _ => None,
        }
    }

    /// Returns the value of `--delimiter` that means this, quoted for a shell.
    pub fn option(self) -> String {
        match self {
            Delimiter::Blanks => "BLANKS".to_owned(),
            Delimiter::Byte(b'\t') => "TAB".to_owned(),
            Delimiter::Byte(b'\'') => "\"'\"".to_owned(),
            Delimiter::Byte(byte) if byte.is_ascii_alphanumeric() || b",:".contains(&byte) => {
                char::from(byte).to_string()
            }
            Delimiter::Byte(byte) => format!("'{}'", char::from(byte)),
        }
    }

    /// Returns the delimiter in the words of a message.
    pub(in crate::trace::format) fn about(self) -> String {
        match self {
            Delimiter::Blanks => "blanks".to_owned(),
            Delimiter::Byte(b'\t') => "tabs".to_owned(),
            Delimiter::Byte(byte) => format!("\"{}\"", char::from(byte).escape_default()),
        }
    }

    /// Puts the ranges of the first `most` cells of `line` into `cells`, blanks around them left out.
    #[inline]
    pub(super) fn split(self, line: &[u8], most: usize, cells: &mut Vec<(u32, u32)>) {
        cells.clear();
        match self {
            Delimiter::Byte(byte) => {
                let mut from = 0;
                for at in memchr_iter(byte, line) {
                    if cells.len() == most {
                        return;
                    }
                    cells.push(trimmed(line, from, at));
                    from = at + 1;
                }
                if cells.len() < most {
                    cells.push(trimmed(line, from, line.len()));
                }
            }
            Delimiter::Blanks => {
                let mut at = 0;
                while cells.len() < most {
                    at += line[at..].iter().take_while(|&&b| is_blank(b)).count();
                    let cell = line[at..].iter().take_while(|&&b| !is_blank(b)).count();
                    if cell == 0 {
                        return;
                    }
                    cells.push(trimmed(line, at, at + cell));
                    at += cell;
                }
            }
        }
    }

    /// Returns the cells of one line of the head, quotes removed.
    pub(super) fn cells(self, line: &[u8], quotes: bool) -> Vec<Vec<u8>> {
        if let Delimiter::Byte(byte) = self
            && quotes
            && line.contains(&b'"')
        {
            return quoted_cells(line, byte);
        }
        let mut ranges = Vec::new();
        self.split(line, usize::MAX, &mut ranges);
        let cell = |&(from, to): &(u32, u32)| line[from as usize..to as usize].to_vec();
        ranges.iter().map(cell).collect()
    }
}

/// The range `from..to` of `line` without blanks at its ends. A line has at most 1 MiB.
#[inline]
fn trimmed(line: &[u8], mut from: usize, mut to: usize) -> (u32, u32) {
    while from < to && line[from].is_ascii_whitespace() {
        from += 1;
    }
    while from < to && line[to - 1].is_ascii_whitespace() {
        to -= 1;
    }
    (from as u32, to as u32)
}

/// The cells of one line with quotes.
fn quoted_cells(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut row = ByteRecord::new();
    let more = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(line)
        .read_byte_record(&mut row);
    match more {
        Ok(true) => row.iter().map(|f| f.trim_ascii().to_vec()).collect(),
        _ => Vec::new(),
    }
}

/// Returns the delimiter of a file by its first lines: the byte that occurs most often in the first of
/// them, else blanks. Tabs are taken as blanks where only that gives every line as many cells.
pub(super) fn delimiter_of(lines: &[&[u8]]) -> Delimiter {
    let first = lines.first().copied().unwrap_or_default();
    let count = |byte: u8| memchr_iter(byte, first).count();
    // `max_by_key` takes the last of equals.
    let byte = GUESSED.into_iter().rev().max_by_key(|&byte| count(byte));
    let byte = byte.expect("the list is not empty");
    if count(byte) == 0 {
        let words = Delimiter::Blanks.cells(first, false).len();
        return match words > 1 {
            true => Delimiter::Blanks,
            false => Delimiter::Byte(GUESSED[0]),
        };
    }
    let delimiter = Delimiter::Byte(byte);
    if byte == b'\t' && !is_even(lines, delimiter) && is_even(lines, Delimiter::Blanks) {
        return Delimiter::Blanks;
    }
    delimiter
}

/// Returns true if every line has as many cells as the first.
fn is_even(lines: &[&[u8]], delimiter: Delimiter) -> bool {
    let width = |line: &&[u8]| delimiter.cells(line, true).len();
    let first = lines.first().map(width);
    lines.iter().all(|line| Some(width(line)) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_read_back() {
        for byte in (1..128).filter(|byte| !b"\n\r\" ".contains(byte)) {
            let delimiter = Delimiter::Byte(byte);
            let option = delimiter.option();
            let bare = match option.as_bytes() {
                [quote @ (b'\'' | b'"'), .., end] if quote == end => &option[1..option.len() - 1],
                _ => &option,
            };
            assert_eq!(Delimiter::parse(bare), Some(delimiter), "{option}");
        }
        assert_eq!(Delimiter::parse("blanks"), Some(Delimiter::Blanks));
        assert_eq!(Delimiter::parse(" "), Some(Delimiter::Blanks));
        for wrong in ["", "ab", "\n", "\"", "é"] {
            assert_eq!(Delimiter::parse(wrong), None, "{wrong:?}");
        }
    }

    /// Cells by `str::split`, which knows nothing of ranges.
    #[test]
    fn cells_are_those_of_str_split() {
        for line in ["", "a", "a,b", " a ,\tb, ,", ",,", "a b  c\t\td ", "\t a"] {
            let naive: Vec<&str> = line.split(',').map(str::trim).collect();
            assert_eq!(
                text(&Delimiter::Byte(b',').cells(line.as_bytes(), false)),
                naive
            );
            let naive: Vec<&str> = line.split_ascii_whitespace().collect();
            assert_eq!(
                text(&Delimiter::Blanks.cells(line.as_bytes(), false)),
                naive
            );
        }
        let mut cells = Vec::new();
        Delimiter::Byte(b',').split(b"1,2,3", 2, &mut cells);
        assert_eq!(cells, [(0, 1), (2, 3)]);
    }

    fn text(cells: &[Vec<u8>]) -> Vec<&str> {
        let one = |cell: &'_ Vec<u8>| std::str::from_utf8(cell).unwrap().to_owned();
        let all: Vec<String> = cells.iter().map(one).collect();
        all.into_iter().map(|s| &*s.leak()).collect()
    }

    #[test]
    fn delimiters_are_found() {
        for (lines, wanted) in [
            (&["a,b", "1,2"][..], Delimiter::Byte(b',')),
            (&["a;b,c;d"], Delimiter::Byte(b';')),
            (&["a|b|c"], Delimiter::Byte(b'|')),
            (&["a\tb", "1\t\t"], Delimiter::Byte(b'\t')),
            (&["a\tb\tc", "1\t\t3"], Delimiter::Byte(b'\t')),
            (&["a\t\tb", "1\t2"], Delimiter::Blanks),
            (&["a b", "1 2"], Delimiter::Blanks),
            (&["page"], Delimiter::Byte(b',')),
            (&[], Delimiter::Byte(b',')),
        ] {
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(delimiter_of(&lines), wanted, "{lines:?}");
        }
    }
}
