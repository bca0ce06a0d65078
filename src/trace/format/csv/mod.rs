//! Columns between any delimiter, named by a header line or by the user: how a file is opened, and what
//! it is recognised by.
//!
//! Deliberately absent: the quoting rules, which are the `csv` crate's (RFC 4180), and any guess
//! about files whose columns are not named: for these the program prints what it sees and asks.

use super::complaint::{BadRecords, Complaint, RUN_MAX};
use super::lines::bad_line;
use super::options::{Base, Numbers};
use super::report::ReadReport;
use super::tokens::is_blank;
use super::write::{FileHead, RecordWriter, Written, by_kind, text};
use super::{Fit, Format, ReadOptions, RecordReader, Sample};
use crate::trace::codec::read_error;
use crate::trace::model::access::{Access, Addressing, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use advice::Advice;
use columns::Columns;
use head::Cells;
use kinds::KindWords;
use names::{Place, Role, named_place, names_a_place, role};
use reader::{CsvReader, LineReader};
use row::{RowNumbers, RowReader};
use std::io::{self, BufRead, Cursor, Read, Write};
use std::path::{Path, PathBuf};

pub(super) use advice::advice;
pub use delimiter::Delimiter;
use delimiter::delimiter_of;
pub(super) use head::Head;
pub use kinds::Meaning;

mod advice;
mod columns;
mod delimiter;
mod head;
mod keys;
mod kinds;
mod names;
pub(super) mod preset;
mod quick;
mod quoted;
mod quotes;
mod reader;
mod row;
mod shape;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    about: "columns between commas, tabs, blanks or any other delimiter, named or numbered",
    layout: "\
The first line names the columns, in any order and case: addr, address, vaddr or virtual_address
(byte address), or page or page_id (page id), or block, block_id, lba, lbn, obj_id, id or key (id
of a block or object, kind block-io); and, if there are such columns, rw, r/w, op, kind, type or
operation (a read if absent), size, bytes, len or length (1 if absent; of ids only with --col
size=), pid or process, op_count (repetitions). Other columns are ignored. --col addr=NAME or --col
addr=2 (the second column) chooses columns, --col rw=none turns one off; without a header line:
--format csv --col addr=1 --col rw=2. --header yes|no and --delimiter CHAR|TAB|BLANKS (any number
of blanks and tabs) override what the first lines suggest.
Kinds in any case: r read rd l load ld get gets get_lease head; w write wr s store st set add
replace cas append prepend incr decr put; i ifetch f fetch instruction; delete is left out and
counted. --kinds 2a=write,28=read,0a=skip explains other words, --other-kinds read|write|skip all
of them. --where disk=1 takes only lines with this value, given again another value or column.
Numbers are hexadecimal with 0x, else decimal; with --base hex addresses and ids are hexadecimal
without it, too. Ids of blocks and objects that are no numbers, and every id with --col text=,
become ids in order of appearance. Fields may be quoted as in RFC 4180, not between blanks. Lines
that begin with # are skipped.
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
    open,
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

/// A file that was looked at.
struct Looked {
    /// What was read ahead, and the rest.
    input: Box<dyn BufRead + Send>,
    /// What was read ahead.
    head: Vec<u8>,
    /// True if that is the whole file.
    whole: bool,
}

/// Reads the first lines of a file; the first one alone if it is `enough`.
fn look(
    mut input: Box<dyn BufRead + Send>,
    path: &Path,
    enough: impl Fn(&[u8]) -> bool,
) -> Result<Looked, TraceError> {
    let (head, whole) = head::read_head(&mut input, enough).map_err(|e| read_error(path, e))?;
    Ok(Looked {
        input: Box::new(Cursor::new(head.clone()).chain(input)),
        head,
        whole,
    })
}

impl Looked {
    /// Returns the first lines. Errors if they are no text.
    fn lines(&self, path: &Path) -> Result<Head<'_>, TraceError> {
        let sample = Sample {
            whole: self.whole,
            ..Sample::of(&self.head)
        };
        let head = Head::of(&sample);
        match head.binary_line() {
            Some(line) => Err(TraceError::new(path, "binary data in a text trace")
                .at(Position::Line(head.number))
                .text(line)
                .help("leave --format out to have the format found")),
            None => Ok(head),
        }
    }
}

/// Returns true if `line` is a header that says all about the columns, so that a pipe need not be read
/// further: an address or page, whose values are numbers whatever follows, and no kinds, about whose words
/// advice may be needed.
fn is_enough(line: &[u8], options: &ReadOptions) -> bool {
    let is_open = !options.columns.is_empty() || options.header == Some(false);
    if is_open || line.iter().any(|&b| is_blank(b)) {
        return false;
    }
    let delimiter = options.delimiter.unwrap_or_else(|| delimiter_of(&[line]));
    let header = delimiter.cells(line, true);
    let has_kinds = header.iter().any(|name| role(name) == Some(Role::Kind));
    let place = named_place(&header);
    !has_kinds && matches!(place, Some(Place::Address | Place::Page))
}

/// Opens a file of columns.
fn open(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    let looked = look(input, &path, |line| is_enough(line, options))?;
    let head = looked.lines(&path)?;
    let cells = head.cells(options.delimiter, true);
    let resolved = columns::resolve(&cells, options);
    let (columns, header) =
        resolved.map_err(|complaint| unresolved(&path, &head, options, complaint))?;
    let place = columns.place.0;
    let report = report(&columns, &cells, header);
    let filter = columns.filters.first().map(|(column, _)| *column);
    let advice = Advice::new(&path, options, &cells, header, columns.kind, filter);
    let size = options.unit.and_then(|unit| unit.bytes());
    let numbers = RowNumbers {
        base: options.base.unwrap_or(Base::Dec),
        in_bytes: columns::is_in_bytes(options),
        // A block without a size is one unit; an address touches one byte.
        size: match place {
            Place::Address => 1,
            _ => size.map_or(1, |size| size.min(RUN_MAX) as u32),
        },
        unit: 1,
        size_min: 0,
    };
    let words = KindWords::new(&options.kinds, options.other_kinds);
    let own_skips = options.other_kinds == Some(Meaning::Skip)
        || options
            .kinds
            .iter()
            .any(|(_, meaning)| *meaning == Meaning::Skip);
    let lines = LineReader {
        name: FORMAT.name,
        quotes: true,
        header,
        dropped_as: if own_skips {
            "line of a skipped kind"
        } else {
            "delete"
        },
        ..LineReader::new(
            cells.delimiter,
            RowReader::new(columns, words, options.key_memory.0, numbers),
            advice,
            BadRecords::new(path, options),
            report,
        )
    };
    Ok(Box::new(CsvReader::new(looked.input, lines)))
}

/// Returns the error for a file whose columns are not known.
fn unresolved(
    path: &Path,
    head: &Head<'_>,
    options: &ReadOptions,
    complaint: Complaint,
) -> TraceError {
    let usual = complaint.help;
    let error = bad_line(FORMAT.name, complaint, head.first(), path, head.number);
    match advice(path, head, options) {
        Some(advice) => error.help(format!("{usual}; {advice}")),
        None => error,
    }
}

/// Returns what is said of the columns of a file.
fn report(columns: &Columns, cells: &Cells, header: bool) -> ReadReport {
    let name = |column: usize| {
        let name = cells.first().get(column).filter(|_| header);
        name.map_or_else(
            || (column + 1).to_string(),
            |name| String::from_utf8_lossy(name).escape_debug().to_string(),
        )
    };
    let width = cells.rows.iter().map(Vec::len).max().unwrap_or(0);
    let place = match columns.place.0 {
        Place::Address => "addr",
        Place::Page => "page",
        Place::Block => "id",
        Place::Text => "text",
    };
    let used = [
        (place, Some(columns.place.1)),
        ("rw", columns.kind),
        ("size", columns.size),
        ("pid", columns.process),
        ("repeat", columns.repeat),
    ];
    let used = used
        .iter()
        .filter_map(|(role, column)| Some(format!("{role}={}", name((*column)?))));
    let filters = columns.filters.iter();
    let filters = filters.map(|(column, _)| format!("where={}", name(*column)));
    ReadReport {
        delimiter: Some(cells.delimiter.about()),
        header: Some(header),
        used: used.chain(filters).collect(),
        ignored: (0..width)
            .filter(|column| !columns.uses(*column))
            .map(name)
            .collect(),
        text_keys: columns.place.0 == Place::Text,
        ..ReadReport::default()
    }
}

/// Accepts files with a header line that names an address or id, and counts the lines that have as
/// many cells as the header. A header with repetitions is CacheLib's, which is a format of its own.
fn sniff(sample: &Sample<'_>) -> Fit {
    let head = Head::of(sample);
    if head.is_binary() {
        return Fit::No;
    }
    let cells = head.cells(sample.options.delimiter, true);
    let header = cells.first();
    let is_cachelib = header.iter().any(|name| names::same_name("op_count", name));
    if !names_a_place(header) || is_cachelib {
        return Fit::No;
    }
    let (mut good, mut of) = (0, 0);
    let lines = super::lines::sample_lines(sample);
    for line in lines.filter(|line| !head::is_nothing(line)) {
        of += 1;
        // A quoted field may hold anything.
        let quoted = line.contains(&b'"');
        let fits = quoted || cells.delimiter.cells(line, false).len() == header.len();
        good += u32::from(fits);
    }
    Fit::Share { good, of }
}

#[cfg(test)]
mod case_tests;
#[cfg(test)]
mod naive_tests;
#[cfg(test)]
mod tests;
