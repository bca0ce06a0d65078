//! Reads the lines of a csv file: those without quotes itself, from the first quote on through the `csv`
//! crate, whose quoting rules are those of RFC 4180.
//!
//! Does not know what a line means (see `row`), nor how columns are found (see `columns`).

use super::advice::Advice;
use super::delimiter::Delimiter;
use super::head::is_nothing;
use super::kinds::KindWords;
use super::quick::{Cut, QuickState};
use super::quoted::{Quoted, RowEnd};
use super::row::{BASE, Cells, Fault, Row, RowReader};
use super::shape::{Before, Layout};
use crate::simd::text;
use crate::simd::text::{Lanes, Work};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::format::complaint::{BadRecords, Complaint};
use crate::trace::format::lines::{BATCH, LINE_MAX, bad_line};
use crate::trace::format::quick;
use crate::trace::format::quick::Head;
use crate::trace::format::report::ReadReport;
use crate::trace::format::{Known, RecordReader};
use crate::trace::model::access::Access;
use crate::trace::model::error::{Position, TraceError};
use crate::trace::model::sample::Chosen;
use crate::units::counted;
use memchr::{memchr, memchr2};
use std::io::{BufRead, Cursor, Read};

/// A reader of csv lines.
pub(super) struct CsvReader {
    source: Source,
    lines: LineReader,
    done: bool,
}

/// Where lines come from.
enum Source {
    Plain(Plain),
    Quoted(Box<Quoted>),
}

/// Lines without quotes.
struct Plain {
    input: Box<dyn BufRead + Send>,
    /// The beginning of a line whose end is not in the buffer.
    partial: Vec<u8>,
    /// Lines taken so far.
    count: u64,
}

/// Why a source gave no more lines.
enum Stop {
    /// The batch is full.
    Full,
    /// The file ends.
    End,
    /// The next line holds a quote.
    Quote,
}

/// What is needed to read a line.
pub(super) struct LineReader {
    /// The name of the format.
    pub name: &'static str,
    pub delimiter: Delimiter,
    /// True if fields may be quoted.
    pub quotes: bool,
    /// True while the header line is still to come.
    pub header: bool,
    pub rows: RowReader,
    /// The layout that every line has, and the words for its kinds.
    pub layout: Option<(&'static Layout, KindWords)>,
    /// The time of the line before, if the layout has times and they must not fall.
    pub before: Before,
    pub advice: Advice,
    pub bad_records: BadRecords,
    /// What the fast path keeps.
    pub quick: QuickState,
    /// The cells of the line.
    pub cells: Vec<(u32, u32)>,
    /// The rest of an access that is repeated.
    pub repeated: Option<(Access, u64)>,
    /// Lines that were left out as their kind says, and by `--where`.
    pub dropped: u64,
    pub left_out: u64,
    /// What a line is that was left out as its kind says, in the singular.
    pub dropped_as: &'static str,
    /// Lines with accesses.
    pub taken: u64,
    /// Comments before the first quote of the file.
    pub comments: u64,
    /// What is said of the file at the end.
    pub report: ReadReport,
}

impl CsvReader {
    pub fn new(input: Box<dyn BufRead + Send>, lines: LineReader) -> CsvReader {
        CsvReader {
            source: Source::Plain(Plain {
                input,
                partial: Vec::new(),
                count: 0,
            }),
            lines,
            done: false,
        }
    }

    fn fill_to(&mut self, goal: usize, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        self.lines.repeat(goal, batch);
        let stop = match &mut self.source {
            Source::Plain(plain) => plain.fill_to(&mut self.lines, goal, batch)?,
            Source::Quoted(quoted) => fill_quoted(quoted, &mut self.lines, goal, batch)?,
        };
        match stop {
            Stop::Full => Ok(()),
            Stop::End => {
                self.done = true;
                self.lines.nothing_taken()
            }
            Stop::Quote => {
                self.quote();
                self.fill_to(goal, batch)
            }
        }
    }

    /// Goes on with quoted lines.
    #[cold]
    fn quote(&mut self) {
        let (Source::Plain(plain), Delimiter::Byte(delimiter)) =
            (&mut self.source, self.lines.delimiter)
        else {
            return;
        };
        let input = std::mem::replace(&mut plain.input, Box::new(std::io::empty()));
        let partial = std::mem::take(&mut plain.partial);
        let input = Box::new(Cursor::new(partial).chain(input));
        let quoted = Quoted::new(input, delimiter, plain.count);
        self.source = Source::Quoted(Box::new(quoted));
    }
}

impl Plain {
    fn fill_to(
        &mut self,
        lines: &mut LineReader,
        goal: usize,
        batch: &mut Vec<Access>,
    ) -> Result<Stop, TraceError> {
        while batch.len() < goal {
            let buffer = fill_buf(&mut self.input).map_err(|e| {
                read_error(&lines.bad_records.path, e).at(Position::Line(self.count + 1))
            })?;
            if buffer.is_empty() {
                return self.last_line(lines, goal, batch);
            }
            if self.partial.is_empty() {
                let (used, stop) = whole_lines(
                    buffer,
                    &mut self.count,
                    &mut self.partial,
                    lines,
                    goal,
                    batch,
                )?;
                self.input.consume(used);
                if let Some(stop) = stop {
                    return Ok(stop);
                }
                continue;
            }
            let end = memchr(b'\n', buffer);
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.partial.extend_from_slice(&buffer[..used]);
            self.input.consume(used);
            if self.partial.len() > LINE_MAX {
                return Err(lines.too_long(&self.partial, self.count + 1));
            }
            if end.is_some() {
                if lines.is_quoted(&self.partial) {
                    return Ok(Stop::Quote);
                }
                let mut line = std::mem::take(&mut self.partial);
                self.count += 1;
                lines.line(&line[..line.len() - 1], self.count, goal, batch)?;
                line.clear();
                self.partial = line;
            }
        }
        Ok(Stop::Full)
    }

    /// Takes the last line of the file, if it has no end.
    fn last_line(
        &mut self,
        lines: &mut LineReader,
        goal: usize,
        batch: &mut Vec<Access>,
    ) -> Result<Stop, TraceError> {
        if self.partial.is_empty() {
            return Ok(Stop::End);
        }
        if lines.is_quoted(&self.partial) {
            return Ok(Stop::Quote);
        }
        let line = std::mem::take(&mut self.partial);
        self.count += 1;
        lines.line(&line, self.count, goal, batch)?;
        // A repeated access may go on.
        Ok(match lines.repeated {
            Some(_) => Stop::Full,
            None => Stop::End,
        })
    }
}

/// Takes whole lines from the beginning of `buffer`, and puts the beginning of the line after them into
/// `partial`. Returns how many bytes were taken.
fn whole_lines(
    buffer: &[u8],
    count: &mut u64,
    partial: &mut Vec<u8>,
    lines: &mut LineReader,
    goal: usize,
    batch: &mut Vec<Access>,
) -> Result<(usize, Option<Stop>), TraceError> {
    let mut used = 0;
    while batch.len() < goal {
        if lines.quick.patience.is_due() {
            let (bytes, taken) = lines.quick_lines(&buffer[used..], goal, batch);
            lines.quick.patience.note(taken);
            used += bytes;
            *count += taken;
            if batch.len() >= goal {
                break;
            }
        }
        let rest = &buffer[used..];
        // A quote in a comment means nothing.
        let found = match lines.quotes && rest.first() != Some(&b'#') {
            true => memchr2(b'\n', b'"', rest),
            false => memchr(b'\n', rest),
        };
        match found {
            Some(at) if rest[at] == b'"' => return Ok((used, Some(Stop::Quote))),
            Some(at) => {
                used += at + 1;
                *count += 1;
                lines.line(&rest[..at], *count, goal, batch)?;
            }
            None if rest.len() > LINE_MAX => return Err(lines.too_long(rest, *count + 1)),
            None => {
                partial.extend_from_slice(rest);
                return Ok((buffer.len(), None));
            }
        }
    }
    Ok((used, Some(Stop::Full)))
}

fn fill_quoted(
    quoted: &mut Quoted,
    lines: &mut LineReader,
    goal: usize,
    batch: &mut Vec<Access>,
) -> Result<Stop, TraceError> {
    while batch.len() < goal {
        if !quoted.read_row(lines.name, &lines.bad_records.path)? {
            return Ok(Stop::End);
        }
        if quoted.is_blank() || std::mem::take(&mut lines.header) {
            continue;
        }
        let row = lines.rows.row(Cells::Record(quoted.row()));
        if let Err(fault) = lines.take(row, goal, batch) {
            if lines.bad_records.skip(lines.is_fatal(&fault)) {
                continue;
            }
            // If a quote is open, that is the cause.
            return Err(quoted.open_quote().unwrap_or_else(|| {
                let fail = |text: &[u8], line: u64| lines.error(*fault, text, line);
                quoted.bad_row_with(RowEnd::Normal, fail)
            }));
        }
    }
    Ok(Stop::Full)
}

/// Takes the lines of [`LineReader::quick_lines`].
struct TakeLines<'a> {
    reader: &'a mut LineReader,
    cut: Cut,
    bytes: &'a [u8],
    goal: usize,
    batch: &'a mut Vec<Access>,
}

impl Work for TakeLines<'_> {
    type Output = (usize, u64);

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> (usize, u64) {
        let (reader, batch) = (self.reader, self.batch);
        let (mut used, mut lines) = (0, 0);
        while batch.len() < self.goal
            && let Some(head) = Head::new(lanes, &self.bytes[used..])
            && let Some((row, before, length)) =
                (self.cut).row(head, &mut reader.rows, &mut reader.quick, reader.before)
        {
            reader.before = before;
            used += length as usize;
            lines += 1;
            reader.took(row, self.goal, batch);
        }
        (used, lines)
    }
}

impl LineReader {
    /// Returns a reader of lines without header and quotes that may have any layout.
    pub fn new(
        delimiter: Delimiter,
        rows: RowReader,
        advice: Advice,
        bad_records: BadRecords,
        report: ReadReport,
    ) -> LineReader {
        LineReader {
            name: "",
            delimiter,
            quotes: false,
            header: false,
            rows,
            layout: None,
            before: Before::Any,
            advice,
            bad_records,
            report,
            quick: QuickState::default(),
            cells: Vec::new(),
            repeated: None,
            dropped: 0,
            dropped_as: "delete",
            left_out: 0,
            taken: 0,
            comments: 0,
        }
    }

    /// Takes lines from the beginning of `bytes` on as long as the fast path understands them, until
    /// `batch` holds `goal` accesses. Returns how many bytes and lines they were.
    fn quick_lines(&mut self, bytes: &[u8], goal: usize, batch: &mut Vec<Access>) -> (usize, u64) {
        let layout = self.layout.as_ref().map(|(layout, _)| *layout);
        let cut = Cut::new(self.delimiter, self.quotes, layout, &self.rows);
        let Some(cut) = cut.filter(|_| !self.header) else {
            return (0, 0);
        };
        let lines = TakeLines {
            reader: self,
            cut,
            bytes,
            goal,
            batch,
        };
        text::run(quick::level(), lines)
    }

    /// Returns true if a line has to go through the `csv` crate.
    fn is_quoted(&self, line: &[u8]) -> bool {
        self.quotes && line.first() != Some(&b'#') && memchr(b'"', line).is_some()
    }

    /// Appends what is left of a repeated access, up to `goal` accesses in all.
    fn repeat(&mut self, goal: usize, batch: &mut Vec<Access>) {
        if let Some((access, times)) = self.repeated.take() {
            self.accesses(access, times, goal, batch);
        }
    }

    /// Appends an access `times` times; what is beyond `goal` accesses is kept.
    #[inline]
    fn accesses(&mut self, access: Access, times: u64, goal: usize, batch: &mut Vec<Access>) {
        if times == 1 {
            batch.push(access);
            return;
        }
        let now = times.min(goal.saturating_sub(batch.len()) as u64);
        batch.resize(batch.len() + now as usize, access);
        self.repeated = (times > now).then_some((access, times - now));
    }

    /// Takes one line, without its LF.
    #[inline]
    fn line(
        &mut self,
        line: &[u8],
        number: u64,
        goal: usize,
        batch: &mut Vec<Access>,
    ) -> Result<(), TraceError> {
        if is_nothing(line) {
            self.comments += u64::from(line.first() == Some(&b'#'));
            return Ok(());
        }
        if std::mem::take(&mut self.header) {
            return Ok(());
        }
        let row = self.row(line);
        match self.take(row, goal, batch) {
            Ok(()) => Ok(()),
            Err(fault) => self.bad(fault, line, number),
        }
    }

    /// Reads a line.
    #[inline]
    fn row(&mut self, line: &[u8]) -> Result<Row, Box<Fault>> {
        let Some((layout, words)) = &mut self.layout else {
            let width = self.rows.columns.width();
            self.delimiter.split(line, width, &mut self.cells);
            return self.rows.row(Cells::Line(line, &self.cells));
        };
        self.delimiter.split(line, usize::MAX, &mut self.cells);
        layout.join(&mut self.cells);
        let cells = Cells::Line(line, &self.cells);
        let base = self.rows.numbers.base;
        match layout.check(cells, self.cells.len(), words, base, self.before) {
            Ok(Some(time)) if self.before != Before::Any => self.before = Before::At(time),
            Ok(_) => {}
            Err(what) => return Err(Complaint::from(what).into()),
        }
        self.rows.row(cells)
    }

    /// Takes the accesses of a line.
    #[inline]
    fn take(
        &mut self,
        row: Result<Row, Box<Fault>>,
        goal: usize,
        batch: &mut Vec<Access>,
    ) -> Result<(), Box<Fault>> {
        self.took(row?, goal, batch);
        Ok(())
    }

    /// Takes the accesses of a good line.
    #[inline(always)]
    fn took(&mut self, row: Row, goal: usize, batch: &mut Vec<Access>) {
        match row {
            Row::Accesses(access, times) => {
                self.taken += 1;
                self.accesses(access, times, goal, batch);
            }
            Row::Dropped => self.dropped += 1,
            Row::LeftOut => self.left_out += 1,
        }
    }

    /// Counts or reports a bad line.
    #[cold]
    fn bad(&mut self, fault: Box<Fault>, line: &[u8], number: u64) -> Result<(), TraceError> {
        if self.bad_records.skip(self.is_fatal(&fault)) {
            return Ok(());
        }
        Err(self.error(*fault, line, number))
    }

    fn is_fatal(&self, fault: &Fault) -> bool {
        matches!(fault, Fault::Complaint(complaint) if complaint.fatal)
    }

    /// Returns the error for a bad line.
    #[cold]
    fn error(&self, fault: Fault, line: &[u8], number: u64) -> TraceError {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let path = &self.bad_records.path;
        if line.iter().any(|&b| b.is_ascii_control() && b != b'\t') {
            return TraceError::new(path, "binary data in a text trace")
                .at(Position::Line(number))
                .text(line)
                .help(
                    "leave --format out to have the format found, or such lines with --skip-bad",
                );
        }
        let (complaint, help) = match fault {
            Fault::Complaint(complaint) => (complaint, None),
            Fault::UnknownKind(word) => {
                let (complaint, help) = self.advice.unknown_kind(&word);
                (complaint, Some(help))
            }
            Fault::TextKey(column, complaint) => {
                let help = format!(
                    "the numbers before it are ids; if the column holds text keys, say --col text={}",
                    column + 1
                );
                (complaint, Some(help))
            }
        };
        let is_base = complaint.help == BASE;
        let error = bad_line(self.name, complaint, line, path, number);
        let help = help.unwrap_or_else(|| match is_base {
            true => format!("{}: {}", error.help, self.advice.command(" --base hex")),
            false => error.help.clone(),
        });
        match self.layout {
            None => error.help(format!("{help}\n  {}", self.advice.columns)),
            Some(_) => error.help(help),
        }
    }

    /// Errors if `--where` left out every line of the file.
    fn nothing_taken(&self) -> Result<(), TraceError> {
        if self.taken > 0 || self.dropped > 0 || self.left_out == 0 {
            return Ok(());
        }
        let path = &self.bad_records.path;
        let what = format!("--where leaves out all {} lines of the file", self.left_out);
        Err(TraceError::new(path, what).help(self.advice.values_for_where()))
    }

    /// Returns the error for a line of more than [`LINE_MAX`] bytes.
    #[cold]
    fn too_long(&self, line: &[u8], number: u64) -> TraceError {
        let complaint = Complaint::from("the line is longer than 1 MiB");
        bad_line(self.name, complaint, line, &self.bad_records.path, number)
    }
}

impl RecordReader for CsvReader {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        let before = batch.len();
        batch.reserve(max.min(BATCH));
        if !self.done {
            let result = self.fill_to(before + max.min(BATCH), batch);
            self.done |= result.is_err();
            result?;
        }
        Ok(batch.len() > before)
    }

    fn known(&self) -> Known {
        Known {
            skipped: self.lines.bad_records.skipped,
            addressing: self.lines.rows.addressing(),
            kind: self.lines.rows.kind(),
            chosen: Chosen::ALL,
        }
    }

    fn report(&self) -> ReadReport {
        let lines = &self.lines;
        let mut report = lines.report.clone();
        // The `csv` crate does not count comments.
        if let Source::Plain(_) = self.source {
            report.dropped.push(("comment", lines.comments));
        }
        report.dropped.push((lines.dropped_as, lines.dropped));
        if lines.left_out > 0 {
            let left_out = counted(lines.left_out, "line");
            report.notes.push(format!("{left_out} left out by --where"));
        }
        if let Some(keys) = lines.rows.keys.hashed_from() {
            report.notes.push(format!(
                "text keys are compared by 128-bit hashes since the first {keys} filled the memory for them"
            ));
        }
        report
    }
}
