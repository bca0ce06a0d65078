//! Lines with quotes, through the `csv` crate, and what it does not report: quotes that are open, and
//! where a row of several lines begins.
//!
//! Does not know what a row means.

use super::quotes::Quotes;
use crate::trace::codec::{BUFFER, read_error};
use crate::trace::format::complaint::Complaint;
use crate::trace::format::lines::{LINE_MAX, bad_line};
use crate::trace::model::error::{Position, TraceError};
use ::csv::ByteRecord;
use memchr::memchr_iter;
use std::io::{self, BufRead, Read};
use std::path::Path;

/// The rows of the rest of a file.
pub(super) struct Quoted {
    rows: ::csv::Reader<Meter<Box<dyn BufRead + Send>>>,
    row: ByteRecord,
    delimiter: u8,
    /// Lines of the file before these rows.
    lines_before: u64,
    /// The error of an open quote in the row just read, if that row is the last one.
    open_quote: Option<Box<TraceError>>,
}

/// How the row just read ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowEnd {
    /// With a line end, or at the end of the file.
    Normal,
    /// At the end of the file, in an open quote.
    Missing,
}

impl Quoted {
    /// Returns the rows of `input`, which follow `lines_before` lines.
    pub fn new(input: Box<dyn BufRead + Send>, delimiter: u8, lines_before: u64) -> Quoted {
        let rows = ::csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            // Not CRLF: with it a line is only counted when the next one is read.
            .terminator(::csv::Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Meter::new(input, delimiter));
        Quoted {
            rows,
            row: ByteRecord::new(),
            delimiter,
            lines_before,
            open_quote: None,
        }
    }

    /// Returns the row just read.
    pub fn row(&self) -> &ByteRecord {
        &self.row
    }

    /// Returns true if the row just read is a blank line.
    pub fn is_blank(&self) -> bool {
        let blank = || self.row.iter().all(|field| field.trim_ascii().is_empty());
        (self.row.len() <= 1 || self.delimiter == b'\t') && blank()
    }

    /// Returns the error of the quote that is open at the end of the file, once.
    pub fn open_quote(&mut self) -> Option<TraceError> {
        self.open_quote.take().map(|error| *error)
    }

    /// Reads the next row; false at the end.
    pub fn read_row(&mut self, format: &str, path: &Path) -> Result<bool, TraceError> {
        let from = self.rows.position().byte();
        self.rows.get_mut().allow_from(from);
        let line = self.rows.position().line() + self.lines_before;
        let fail =
            |complaint| move |text: &[u8], line: u64| bad_line(format, complaint, text, path, line);
        match self.rows.read_byte_record(&mut self.row) {
            Ok(false) => match self.open_quote.take() {
                // Without an error, every line that the open quote swallowed would be lost.
                Some(error) => Err(*error),
                None => Ok(false),
            },
            Ok(true) => {
                let (meter, end) = (self.rows.get_ref(), self.rows.position().byte());
                if meter.quotes.is_broken_before(end) {
                    return Err(self.bad_row_with(RowEnd::Normal, fail(stray_quotes())));
                }
                let open = end == meter.given && meter.quotes.is_open();
                let open = open && self.row.as_slice().contains(&b'\n');
                let error = || {
                    let complaint = Complaint::from("a quoted field is not closed");
                    Box::new(self.bad_row_with(RowEnd::Missing, fail(complaint)))
                };
                self.open_quote = open.then(error);
                Ok(true)
            }
            Err(error) => match error.into_kind() {
                ::csv::ErrorKind::Io(e) => Err(read_error(path, e).at(Position::Line(line))),
                other => {
                    let what = format!("not a csv record: {other:?}");
                    Err(TraceError::new(path, what).at(Position::Line(line)))
                }
            },
        }
    }

    /// Calls `fail` with the first line of the row just read and its number. The csv reader's line count
    /// is that after the row, so line breaks inside it are subtracted, and the one that ends it, if there
    /// is one.
    #[cold]
    pub fn bad_row_with(
        &self,
        end: RowEnd,
        fail: impl FnOnce(&[u8], u64) -> TraceError,
    ) -> TraceError {
        let position = self.rows.position();
        let meter = self.rows.get_ref();
        let at_end = position.byte() == meter.given;
        let unended = end == RowEnd::Missing || at_end && meter.last != b'\n';
        let inside = memchr_iter(b'\n', self.row.as_slice()).count() as u64;
        let line = position.line() - u64::from(!unended) - inside + self.lines_before;
        let text = self.row.iter().collect::<Vec<_>>().join(&self.delimiter);
        let text = text.strip_suffix(b"\r").unwrap_or(&text);
        let shown = text.split(|&b| b == b'\n').next().unwrap_or(text);
        fail(shown, line)
    }
}

/// A `Read` that counts the bytes it hands out. It fails once a row is longer than about 1 MiB, usually
/// because a quote is open, so that the row cannot fill the memory.
struct Meter<R> {
    inner: R,
    /// Number of bytes handed out.
    given: u64,
    /// Number of bytes that may be handed out before the current row is too long.
    allowed: u64,
    /// The last byte handed out.
    last: u8,
    /// The quotes in the bytes handed out.
    quotes: Quotes,
}

impl<R> Meter<R> {
    fn new(inner: R, delimiter: u8) -> Meter<R> {
        Meter {
            inner,
            given: 0,
            allowed: 0,
            last: b'\n',
            quotes: Quotes::new(delimiter),
        }
    }

    /// Notes that a row begins at offset `byte`.
    fn allow_from(&mut self, byte: u64) {
        self.allowed = byte + (BUFFER + LINE_MAX) as u64;
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.allowed {
            let what = "a record is longer than 1 MiB; a quote may be open";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let n = self.inner.read(buf)?;
        self.given += n as u64;
        self.quotes.take(&buf[..n]);
        if let Some(&last) = buf[..n].last() {
            self.last = last;
        }
        Ok(n)
    }
}

/// A complaint that --skip-bad does not skip: every line between two stray quotes would be lost.
fn stray_quotes() -> Complaint {
    Complaint {
        help: "one quote opens a field and another one closes it some lines later: write quotes within \
               fields twice, and such fields in quotes",
        fatal: true,
        ..Complaint::from("text after the closing quote of a field of several lines")
    }
}
