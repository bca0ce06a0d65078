//! Two facts about quoted fields that the `csv` crate does not report: whether one is open at the end,
//! and whether one of several lines ends in the middle of a field. Two stray quotes make such a field,
//! and the records between them would be lost.
//!
//! Deliberately absent: rows and fields, which are the `csv` crate's. Follows its rules: a quote opens
//! a field only at the field's beginning, and is a character like any other elsewhere.

use memchr::{memchr, memrchr};

/// Follows the quotes in a file. Takes its bytes in pieces of any size.
pub(super) struct Quotes {
    delimiter: u8,
    state: State,
    /// Bytes taken.
    taken: u64,
    /// The last byte taken; at first a line end.
    before: u8,
    /// True if the current record is a comment.
    comment: bool,
    /// Offset of the first text that follows the closing quote of a field of several lines.
    broken: Option<u64>,
}

/// Where the bytes taken so far end. `lines` is true if the quoted field contains line ends.
#[derive(Clone, Copy)]
enum State {
    Outside,
    Inside {
        lines: bool,
    },
    /// After a quote within a quoted field: the next byte decides whether the field is closed.
    Closing {
        lines: bool,
    },
}

impl Quotes {
    pub fn new(delimiter: u8) -> Quotes {
        Quotes {
            delimiter,
            state: State::Outside,
            taken: 0,
            before: b'\n',
            comment: false,
            broken: None,
        }
    }

    /// Returns true if a quoted field is open after the bytes taken.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Inside { .. })
    }

    /// Returns true if a quoted field of several lines ends in the middle of a field, within the first
    /// `bytes` bytes of the file.
    pub fn is_broken_before(&self, bytes: u64) -> bool {
        self.broken.is_some_and(|at| at < bytes)
    }

    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.state {
                State::Outside => self.outside(bytes, at),
                State::Inside { lines } => {
                    let quote = memchr(b'"', &bytes[at..]);
                    let end = quote.map_or(bytes.len(), |offset| at + offset);
                    let lines = lines || memchr(b'\n', &bytes[at..end]).is_some();
                    self.state = match quote {
                        Some(_) => State::Closing { lines },
                        None => State::Inside { lines },
                    };
                    end + 1
                }
                State::Closing { lines } if bytes[at] == b'"' => {
                    self.state = State::Inside { lines };
                    at + 1
                }
                State::Closing { lines } => {
                    let ends = [self.delimiter, b'\r', b'\n'].contains(&bytes[at]);
                    if lines && !ends {
                        self.broken.get_or_insert(self.taken + at as u64);
                    }
                    self.state = State::Outside;
                    at
                }
            };
        }
        self.taken += bytes.len() as u64;
        self.before = bytes.last().copied().unwrap_or(self.before);
    }

    /// Goes from offset `at` past the next quote, or to the end. Returns the offset reached.
    fn outside(&mut self, bytes: &[u8], at: usize) -> usize {
        let quote = memchr(b'"', &bytes[at..]);
        let end = quote.map_or(bytes.len(), |offset| at + offset);
        let before = |index: usize| match index {
            0 => self.before,
            _ => bytes[index - 1],
        };
        // A record begins after the last line end outside of quotes, and at `at` only if a line end
        // precedes it.
        let line_end = memrchr(b'\n', &bytes[at..end]).map(|offset| at + offset + 1);
        let begins = line_end.or((before(at) == b'\n').then_some(at));
        if let Some(&first) = begins.and_then(|index| bytes.get(index)) {
            self.comment = first == b'#';
        }
        if quote.is_some() && !self.comment && [self.delimiter, b'\n'].contains(&before(end)) {
            self.state = State::Inside { lines: false };
        }
        end + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the text breaks off, and whether a quote is open at its end; in pieces of every size.
    fn of(text: &str) -> (bool, bool) {
        let all: Vec<(bool, bool)> = (1..=text.len())
            .map(|size| {
                let mut quotes = Quotes::new(b',');
                for piece in text.as_bytes().chunks(size) {
                    quotes.take(piece);
                }
                (quotes.is_broken_before(u64::MAX), quotes.is_open())
            })
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{text:?}: {all:?}");
        all[0]
    }

    #[test]
    fn quotes_are_followed_as_the_reader_follows_them() {
        for (text, broken, open) in [
            ("a,b\n1,2\n", false, false),
            ("\"a\",\"b\"\r\n\"1\n2\",\"x\"\"y\"\n", false, false),
            ("1,\"5 inch\n2,x\n3,\"6 inch\n4,x\n", true, false),
            ("1,\"5 inch\n2,x\n3,y\n", false, true),
            // One line: nothing is lost.
            ("1,\"5\" inch\n2,x\n", false, false),
            // Not at the beginning of a field.
            ("1,5\" disk\n2, \"x\n3,6\" disk\n", false, false),
            ("# say \"so\n#,\"and so\n1,\"2\n3\"\n", false, false),
            // No comment, since it stands within a field.
            ("1,\"2\n#\",\"3\n4\"5\n", true, false),
            ("1,\"2\n\"", false, false),
        ] {
            assert_eq!(of(text), (broken, open), "{text:?}");
        }
        let mut quotes = Quotes::new(b';');
        quotes.take(b"1;\"2\n\"3;4\n");
        assert!(!quotes.is_broken_before(6) && quotes.is_broken_before(7));
    }
}
