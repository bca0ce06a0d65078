//! Comma-, tab- or semicolon-separated columns, named by a header line or by the user.
//!
//! Deliberately absent: the quoting rules, which are the `csv` crate's (RFC 4180), and any guess
//! about files without a header: there the user says which column is what.

use super::complaint::{BadRecords, Complaint, RUN_MAX};
use super::lines::{BATCH, LINE_MAX, bad_line, sample_lines};
use super::options::Numbers;
use super::write::{FileHead, RecordWriter, Written, by_kind, text};
use super::{Fit, Format, Known, ReadOptions, RecordReader, Sample};
use crate::trace::codec::{BUFFER, read_error};
use crate::trace::model::access::{Access, Addressing, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use crate::trace::model::sample::Chosen;
use ::csv::ByteRecord;
use columns::Columns;
use memchr::memchr_iter;
use quotes::Quotes;
use std::io::Write;
use std::io::{self, BufRead, Cursor, Read};
use std::path::PathBuf;

mod columns;
mod quotes;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    about: "comma-, tab- or semicolon-separated columns",
    layout: "\
The first line names the columns, in any order and case: addr, address or vaddr (byte address),
or page, block, id or key (page id); and, if there are such columns, rw, op, kind or type
(r read load get, w write store set, i ifetch fetch instruction; a read if absent), size, bytes or
len (1 if absent; of ids only with --col size=), pid or process. Other columns are ignored.
The kind is block-io if a column block, id or key is read. Numbers are hexadecimal with 0x,
else decimal; with --base hex addresses and ids are hexadecimal without it, too. --col addr=NAME
or --col addr=2 (the second column) chooses columns, --delimiter and --header override what the
first line suggests. Without a header line: --format csv --col addr=1 --col rw=2. Fields may be
quoted as in RFC 4180. Lines that begin with # are skipped.
    time,addr,op,size
    17,0x401ab70,ifetch,3
    18,0x1fff000748,write,8
",
    kind: TraceKind::Full,
    numbers: Numbers {
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff,
    open: |input, path, options| Ok(Box::new(CsvReader::open(input, path, options)?)),
    written: Some(Written {
        endings: &["csv"],
        addressings: &[Addressing::Bytes, Addressing::Ids],
        most: |addressing| match addressing {
            Addressing::Bytes => RUN_MAX as u32,
            Addressing::Ids => 1,
        },
        processes: true,
        tells_kind: |kind, addressing| match addressing {
            Addressing::Ids => matches!(kind, TraceKind::Full | TraceKind::BlockIo),
            Addressing::Bytes => kind == TraceKind::Full,
        },
        ..text(|| Box::new(Rows { ids: false }))
    }),
};

/// Writes rows. Rows of ids have no size: the reader would not look at it.
struct Rows {
    ids: bool,
}

impl RecordWriter for Rows {
    fn begin(&mut self, out: &mut dyn Write, origin: FileHead) -> io::Result<()> {
        self.ids = origin.addressing == Addressing::Ids;
        // The reader takes the kind from the name.
        let columns = match (self.ids, origin.kind) {
            (true, TraceKind::BlockIo) => "pid,op,block",
            (true, _) => "pid,op,page",
            (false, _) => "pid,op,addr,size",
        };
        writeln!(out, "{columns}")
    }

    fn access(&mut self, out: &mut dyn Write, a: &Access) -> io::Result<()> {
        let op = by_kind(a, "ifetch", "read", "write");
        if self.ids {
            writeln!(out, "{},{op},{}", a.pid, a.addr)
        } else {
            writeln!(out, "{},{op},0x{:x},{}", a.pid, a.addr, a.size)
        }
    }
}

/// The delimiters that are guessed; the first one is the default.
const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];

struct CsvReader {
    rows: ::csv::Reader<Meter<Box<dyn BufRead + Send>>>,
    row: ByteRecord,
    columns: Columns,
    delimiter: u8,
    /// True while the header line is still to come.
    header: bool,
    /// The error of an open quote in the row just read, if that row is the last one.
    open_quote: Option<Box<TraceError>>,
    bad_records: BadRecords,
    done: bool,
}

/// How the row just read ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowEnd {
    /// With a line end, or at the end of the file.
    Normal,
    /// At the end of the file, in an open quote.
    Missing,
}

impl CsvReader {
    fn open(
        mut input: Box<dyn BufRead + Send>,
        path: PathBuf,
        options: &ReadOptions,
    ) -> Result<CsvReader, TraceError> {
        let head = head(&mut input).map_err(|e| read_error(&path, e))?;
        let sample = Sample::of(&head);
        let (number, line) = first_line(&sample);
        let delimiter = options.delimiter.unwrap_or_else(|| delimiter_of(line));
        let fields = fields(line, delimiter);
        let (columns, header) = columns::resolve(&fields, options)
            .map_err(|complaint| bad_line(FORMAT.name, complaint, line, &path, number))?;
        let input: Box<dyn BufRead + Send> = Box::new(Cursor::new(head).chain(input));
        let rows = ::csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            // Not CRLF: with it a line is only counted when the next one is read.
            .terminator(::csv::Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Meter::new(input, delimiter));
        Ok(CsvReader {
            rows,
            row: ByteRecord::new(),
            columns,
            delimiter,
            header,
            open_quote: None,
            bad_records: BadRecords::new(path, options),
            done: false,
        })
    }

    fn fill_to(&mut self, goal: usize, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        while batch.len() < goal {
            let from = self.rows.position().byte();
            self.rows.get_mut().allow_from(from);
            if !self.read_row()? {
                self.done = true;
                break;
            }
            if self.row.iter().all(|field| field.trim_ascii().is_empty()) && self.row.len() <= 1 {
                continue;
            }
            if std::mem::take(&mut self.header) {
                continue;
            }
            match self.columns.access(&self.row) {
                Ok(access) => batch.push(access),
                Err(complaint) => self.bad(complaint)?,
            }
        }
        Ok(())
    }

    /// Reads the next row; false at the end.
    fn read_row(&mut self) -> Result<bool, TraceError> {
        let line = self.rows.position().line();
        match self.rows.read_byte_record(&mut self.row) {
            Ok(false) => match self.open_quote.take() {
                // Without an error, every line that the open quote swallowed would be lost.
                Some(error) => Err(*error),
                None => Ok(false),
            },
            Ok(true) => {
                let (meter, end) = (self.rows.get_ref(), self.rows.position().byte());
                if meter.quotes.is_broken_before(end) {
                    return Err(self.bad_row(stray_quotes(), RowEnd::Normal));
                }
                let open = end == meter.given && meter.quotes.is_open();
                let open = open && self.row.as_slice().contains(&b'\n');
                let error = || {
                    let complaint = Complaint::from("a quoted field is not closed");
                    Box::new(self.bad_row(complaint, RowEnd::Missing))
                };
                self.open_quote = open.then(error);
                Ok(true)
            }
            Err(error) => match error.into_kind() {
                ::csv::ErrorKind::Io(e) => {
                    Err(read_error(&self.bad_records.path, e).at(Position::Line(line)))
                }
                other => {
                    let what = format!("not a csv record: {other:?}");
                    Err(TraceError::new(&self.bad_records.path, what).at(Position::Line(line)))
                }
            },
        }
    }

    /// Counts or reports the row just read.
    #[cold]
    fn bad(&mut self, complaint: Complaint) -> Result<(), TraceError> {
        if self.bad_records.skip(complaint.fatal) {
            return Ok(());
        }
        // If a quote is open, that is the cause.
        let open_quote = self.open_quote.take().map(|error| *error);
        Err(open_quote.unwrap_or_else(|| self.bad_row(complaint, RowEnd::Normal)))
    }

    /// The error for the row just read, at the line where the row begins. The csv reader's line count
    /// is that after the row, so line breaks inside it are subtracted, and the one that ends it, if
    /// there is one.
    #[cold]
    fn bad_row(&self, complaint: Complaint, end: RowEnd) -> TraceError {
        let position = self.rows.position();
        let meter = self.rows.get_ref();
        let at_end = position.byte() == meter.given;
        let unended = end == RowEnd::Missing || at_end && meter.last != b'\n';
        let inside = memchr_iter(b'\n', self.row.as_slice()).count() as u64;
        let line = position.line() - u64::from(!unended) - inside;
        let text = self.row.iter().collect::<Vec<_>>().join(&self.delimiter);
        let text = text.strip_suffix(b"\r").unwrap_or(&text);
        let shown = text.split(|&b| b == b'\n').next().unwrap_or(text);
        bad_line(FORMAT.name, complaint, shown, &self.bad_records.path, line)
    }
}

impl RecordReader for CsvReader {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        let before = batch.len();
        if !self.done {
            let result = self.fill_to(before + max.min(BATCH), batch);
            self.done |= result.is_err();
            result?;
        }
        Ok(batch.len() > before)
    }

    fn known(&self) -> Known {
        Known {
            skipped: self.bad_records.skipped,
            addressing: self.columns.addressing(),
            kind: self.columns.kind(),
            chosen: Chosen::ALL,
        }
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

/// Reads up to the end of the first line that is neither blank nor a comment, 1 MiB at most. Leaves out a
/// UTF-8 byte order mark.
fn head(input: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let from = head.len();
        let room = (LINE_MAX - from) as u64;
        let read = (&mut *input).take(room).read_until(b'\n', &mut head)?;
        if from == 0 && head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        if read == 0 || !is_nothing(&head[from..]) {
            return Ok(head);
        }
    }
}

/// Returns true if a line is blank or a comment.
fn is_nothing(line: &[u8]) -> bool {
    line.starts_with(b"#") || line.trim_ascii().is_empty()
}

/// The first line that is neither blank nor a comment, and its number.
fn first_line<'a>(sample: &Sample<'a>) -> (u64, &'a [u8]) {
    sample_lines(sample)
        .enumerate()
        .find(|(_, line)| !is_nothing(line))
        .map_or((1, b""), |(i, line)| (i as u64 + 1, line))
}

/// The delimiter that occurs most often in a line.
fn delimiter_of(line: &[u8]) -> u8 {
    let count = |&delimiter: &u8| memchr_iter(delimiter, line).count();
    // `max_by_key` takes the last of equals.
    *DELIMITERS
        .iter()
        .rev()
        .max_by_key(|d| count(d))
        .expect("there are three")
}

/// The fields of one line.
fn fields(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
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

/// Accepts files with a header line that names an address or id, and counts the lines that have as
/// many delimiters as the header.
fn sniff(sample: &Sample<'_>) -> Fit {
    let (_, header) = first_line(sample);
    let delimiter = delimiter_of(header);
    if !columns::names_a_place(&fields(header, delimiter)) {
        return Fit::No;
    }
    let expected = memchr_iter(delimiter, header).count();
    let (mut good, mut of) = (0, 0);
    for line in sample_lines(sample).filter(|l| !is_nothing(l)) {
        of += 1;
        // A quoted field may hold anything.
        let fits = memchr_iter(delimiter, line).count() == expected || line.contains(&b'"');
        good += u32::from(fits);
    }
    Fit::Share { good, of }
}

#[cfg(test)]
mod tests;
