//! The reader shared by all line-based formats. It finds and counts lines in the input's own buffer.
//! It turns a parser's `Complaint` into a `TraceError` with the line number, and collects the
//! parser's events. A line is copied only if it straddles two buffers.
//!
//! Does not know any format: the [`LineParser`] says what a line means.

use super::complaint::{BadRecords, CARRIES_ON, Complaint};
use super::quick;
use super::quick::{Head, Patience, Quick, Taken};
use super::report::ReadReport;
use super::tokens::is_blank;
use super::{Fit, Known, ReadOptions, RecordReader, Sample};
use crate::simd::text;
use crate::simd::text::{Lanes, Work};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::model::access::{Access, Addressing, Packed, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use crate::trace::model::event::{Event, EventRecord};
use crate::trace::model::sample::Chosen;
use memchr::memchr;
use std::borrow::Cow;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Number of accesses after which one call of `fill` stops, and of events that it reads at most.
pub(super) const BATCH: usize = 4096;

/// The longest line accepted, in bytes: far beyond any format, so that a file without line ends
/// is reported and not read into memory.
pub(super) const LINE_MAX: usize = 1 << 20;

/// A line-based format: the meaning of one line.
pub(super) trait LineParser: Send {
    /// The format's name, for messages.
    const NAME: &'static str;

    /// True if lines that begin with `#` are skipped before the parser sees them.
    const COMMENTS: bool = true;

    /// True if the parser has a fast path: [`LineParser::quick`], or a [`LineParser::parse_many`] of its
    /// own.
    const MANY: bool = false;

    /// True if the parser has [`LineParser::take_event`].
    const EVENTS: bool = false;

    /// True if the parser has [`LineParser::take_second`].
    const SECOND: bool = false;

    /// Makes a parser for a file read with `options`; it honours the base.
    fn new(options: &ReadOptions) -> Self
    where
        Self: Sized;

    /// Returns the access on one line, or `None` if the line is valid but holds no access (a log's
    /// text, an event, a header). `line` comes without its end (LF or CRLF) and is not blank.
    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint>;

    /// A fast path for one line in its usual form: returns what [`LineParser::parse`] makes of it, or
    /// `None`, with nothing changed, for any other line; that goes to `parse`. A blank line, and a comment
    /// if there are any, is `None`. An implementation is `#[inline(always)]`.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, _head: Head<'_, L>) -> Option<Quick> {
        None
    }

    /// Takes the lines of the usual form at the beginning of `bytes`, until `out` has got `max` accesses
    /// or does not take one. Calls [`LineParser::quick`] for each line, unless it has a faster way.
    fn parse_many<B: AccessBuffer>(&mut self, bytes: &[u8], max: usize, out: &mut B) -> Taken
    where
        Self: Sized,
    {
        let lines = TakeLines {
            parser: self,
            bytes,
            max,
            out,
        };
        text::run(quick::level(), lines)
    }

    /// Returns true if the meaning of later lines depends on `line`, so that `--skip-bad` may not
    /// leave it out. Called only for bad lines.
    fn carries_on(&self, _line: &[u8]) -> bool {
        false
    }

    /// Returns the next event on the line just parsed, and its process; called until it returns
    /// `None`. Events follow the access of the same line.
    fn take_event(&mut self) -> Option<(u32, Event)> {
        None
    }

    /// Returns the next access on the line just parsed, if there are more than one. Called until it
    /// returns `None` before another line is parsed.
    fn take_second(&mut self) -> Option<Access> {
        None
    }

    /// The meaning of the addresses.
    fn addressing(&self) -> Addressing {
        Addressing::Bytes
    }

    /// The kind of trace, if the file itself states it.
    fn kind(&self) -> Option<TraceKind> {
        None
    }

    /// How the pages were chosen, as the file itself states it.
    fn chosen(&self) -> Chosen {
        Chosen::ALL
    }

    /// What is worth saying about how the lines were read: delimiter, columns, dropped lines. The
    /// reader adds comments; base and unit come from the table.
    fn report(&self) -> ReadReport {
        ReadReport::default()
    }
}

/// Takes the lines of [`LineParser::parse_many`] one by one.
struct TakeLines<'a, P, B> {
    parser: &'a mut P,
    bytes: &'a [u8],
    max: usize,
    out: &'a mut B,
}

impl<P: LineParser, B: AccessBuffer> Work for TakeLines<'_, P, B> {
    type Output = Taken;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Taken {
        let mut taken = Taken::default();
        let mut accesses = 0;
        while accesses < self.max
            && let Some(head) = Head::new(lanes, &self.bytes[taken.bytes..])
            && let Some(quick) = self.parser.quick(head)
        {
            taken.bytes += quick.length as usize;
            taken.lines += 1;
            if let Some(access) = quick.access {
                if !self.out.take_one(access) {
                    taken.left = [quick.access, quick.second];
                    break;
                }
                accesses += 1;
            }
            if let Some(second) = quick.second {
                if !self.out.take_one(second) {
                    taken.left = [Some(second), None];
                    break;
                }
                accesses += 1;
            }
        }
        taken
    }
}

/// Takes the accesses of a fast path, packed or not.
pub(super) trait AccessBuffer {
    /// Appends `access`. Returns false, and appends nothing, if it does not fit.
    fn take_one(&mut self, access: Access) -> bool;

    /// Appends packed accesses.
    fn take(&mut self, words: &[Packed]);
}

impl AccessBuffer for Vec<Access> {
    #[inline]
    fn take_one(&mut self, access: Access) -> bool {
        self.push(access);
        true
    }

    fn take(&mut self, words: &[Packed]) {
        self.extend(words.iter().map(|&word| Access::unpacked(word)));
    }
}

impl AccessBuffer for Vec<Packed> {
    #[inline]
    fn take_one(&mut self, access: Access) -> bool {
        access.packed().map(|word| self.push(word)).is_some()
    }

    fn take(&mut self, words: &[Packed]) {
        self.extend_from_slice(words);
    }
}

/// Opens a reader with a new parser; for the table.
pub(super) fn open<P: LineParser + 'static>(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    let parser = P::new(options);
    Ok(Box::new(LineReader::new(input, path, options, parser)))
}

/// Returns how well a sample fits a new parser; for the table.
pub(super) fn sniff<P: LineParser>(sample: &Sample<'_>) -> Fit {
    share(sample, P::new(sample.options))
}

/// Reads a line-based format.
pub(super) struct LineReader<P> {
    input: Box<dyn BufRead + Send>,
    /// Whether the input has no more bytes.
    ended: bool,
    done: bool,
    lines: LineState<P>,
}

/// Where the accesses of one `fill` go.
struct FillTarget<'a> {
    /// Accesses that can be packed, while `packs` is true and `plain` is empty.
    packed: &'a mut Vec<Packed>,
    plain: &'a mut Vec<Access>,
    packs: bool,
}

/// Everything but the input: it can change while a slice of the input's buffer is borrowed.
struct LineState<P> {
    parser: P,
    /// Lines taken so far; the number of the last one.
    count: u64,
    /// The events of this `fill`.
    events: Vec<EventRecord>,
    /// The line that the last buffer broke off in.
    partial: Partial,
    /// Lines that are comments.
    comments: u64,
    /// When the fast path is tried.
    patience: Patience,
    bad_records: BadRecords,
}

/// A line whose end is not in the buffer.
#[derive(Default)]
enum Partial {
    /// No line has begun.
    #[default]
    None,
    /// The beginning of the line.
    Begun(Vec<u8>),
    /// The line is too long and was reported; the rest of it is dropped.
    Overlong,
}

impl<P: LineParser> LineReader<P> {
    /// A reader of `input` that gives every line to `parser`.
    pub fn new(
        input: Box<dyn BufRead + Send>,
        path: PathBuf,
        options: &ReadOptions,
        parser: P,
    ) -> LineReader<P> {
        LineReader {
            input,
            ended: false,
            done: false,
            lines: LineState {
                parser,
                count: 0,
                events: Vec::new(),
                partial: Partial::None,
                comments: 0,
                patience: Patience::default(),
                bad_records: BadRecords::new(path, options),
            },
        }
    }

    /// Reads until `out` holds `goal` accesses and events, or the input ends. With `out.packs` it
    /// also stops after an access that cannot be packed.
    fn fill_to(&mut self, goal: usize, out: &mut FillTarget<'_>) -> Result<(), TraceError> {
        loop {
            self.lines.rest_of_line(goal, out);
            if self.lines.full(goal, out) {
                return Ok(());
            }
            if self.ended {
                self.done = true;
                return Ok(());
            }
            let buffer = fill_buf(&mut self.input).map_err(|e| {
                let line = Position::Line(self.lines.count + 1);
                read_error(&self.lines.bad_records.path, e).at(line)
            })?;
            if buffer.is_empty() {
                self.ended = true;
                self.lines.last_line(out)?;
                continue;
            }
            let used = self.lines.take(buffer, goal, out)?;
            self.input.consume(used);
        }
    }

    /// One `fill`. Returns true if anything was read.
    fn fill_out(&mut self, out: &mut FillTarget<'_>, max: usize) -> Result<bool, TraceError> {
        let before = out.len();
        self.lines.events.clear();
        if !self.done {
            let result = self.fill_to(before + max.min(BATCH), out);
            self.done |= result.is_err();
            result?;
        }
        Ok(out.len() > before || !self.lines.events.is_empty())
    }
}

impl FillTarget<'_> {
    fn len(&self) -> usize {
        self.packed.len() + self.plain.len()
    }

    /// Appends an access; `packs` if it may be packed.
    #[inline]
    fn push(&mut self, access: Access, packs: bool) {
        match access.packed() {
            // What follows an access that cannot be packed must come after it.
            Some(word) if packs && self.plain.is_empty() => self.packed.push(word),
            _ => self.plain.push(access),
        }
    }
}

impl<P: LineParser> RecordReader for LineReader<P> {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        batch.reserve(max.min(BATCH));
        let mut out = FillTarget {
            packed: &mut Vec::new(),
            plain: batch,
            packs: false,
        };
        self.fill_out(&mut out, max)
    }

    fn fill_packed(
        &mut self,
        packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        max: usize,
    ) -> Result<bool, TraceError> {
        if !P::MANY || !batch.is_empty() {
            return self.fill(batch, max);
        }
        packed.reserve(max.min(BATCH));
        let mut out = FillTarget {
            packed,
            plain: batch,
            packs: true,
        };
        self.fill_out(&mut out, max)
    }

    fn has_events(&self) -> bool {
        P::EVENTS
    }

    fn take_events(&mut self, into: &mut Vec<EventRecord>) {
        into.append(&mut self.lines.events);
    }

    fn known(&self) -> Known {
        let parser = &self.lines.parser;
        Known {
            skipped: self.lines.bad_records.skipped,
            addressing: parser.addressing(),
            kind: parser.kind(),
            chosen: parser.chosen(),
        }
    }

    fn report(&self) -> ReadReport {
        let mut report = self.lines.parser.report();
        report.dropped.insert(0, ("comment", self.lines.comments));
        // A parser may know comments of its own.
        if let Some(own) = report.dropped[1..]
            .iter()
            .position(|drop| drop.0 == "comment")
        {
            report.dropped[0].1 += report.dropped.remove(own + 1).1;
        }
        report
    }
}

impl<P: LineParser> LineState<P> {
    /// Returns true if this `fill` has read enough: `goal` accesses and events in all, or one access
    /// that cannot be packed, or an event, after which nothing is packed.
    fn full(&self, goal: usize, out: &FillTarget<'_>) -> bool {
        let unpacked = !out.plain.is_empty() || !self.events.is_empty();
        out.len() + self.events.len() >= goal || (out.packs && unpacked)
    }

    /// Returns true if accesses may be packed: ids are not.
    fn packs(&self, out: &FillTarget<'_>) -> bool {
        out.packs && self.parser.addressing() == Addressing::Bytes
    }

    /// Takes more accesses of the line just parsed, up to `goal` in all.
    fn rest_of_line(&mut self, goal: usize, out: &mut FillTarget<'_>) {
        while P::SECOND
            && !self.full(goal, out)
            && let Some(access) = self.parser.take_second()
        {
            let packs = self.packs(out);
            out.push(access, packs);
        }
    }

    /// Takes lines from the beginning of a buffer, which is not empty. Returns how many bytes they
    /// were.
    fn take(
        &mut self,
        buffer: &[u8],
        goal: usize,
        out: &mut FillTarget<'_>,
    ) -> Result<usize, TraceError> {
        match std::mem::take(&mut self.partial) {
            Partial::None => self.new_lines(buffer, goal, out),
            partial => self.continue_line(partial, buffer, out),
        }
    }

    /// Takes `buffer` up to the end of the line that is begun.
    fn continue_line(
        &mut self,
        partial: Partial,
        buffer: &[u8],
        out: &mut FillTarget<'_>,
    ) -> Result<usize, TraceError> {
        let end = memchr(b'\n', buffer);
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let partial = match partial {
            Partial::Begun(line) if line.len() + part.len() > LINE_MAX => {
                self.too_long(&line)?;
                Partial::Overlong
            }
            Partial::Begun(mut line) => {
                line.extend_from_slice(part);
                Partial::Begun(line)
            }
            other => other,
        };
        match (end, partial) {
            (None, partial) => self.partial = partial,
            (Some(_), Partial::Begun(line)) => self.line(&line, out)?,
            (Some(_), _) => {}
        }
        Ok(part.len() + usize::from(end.is_some()))
    }

    /// Takes whole lines, and the beginning of the one after them if there is room for its access.
    fn new_lines(
        &mut self,
        buffer: &[u8],
        goal: usize,
        out: &mut FillTarget<'_>,
    ) -> Result<usize, TraceError> {
        let used = self.whole_lines(buffer, goal, out)?;
        if self.full(goal, out) {
            return Ok(used);
        }
        // The rest has no line end.
        let rest = &buffer[used..];
        if rest.len() > LINE_MAX {
            self.too_long(rest)?;
            self.partial = Partial::Overlong;
        } else if !rest.is_empty() {
            self.partial = Partial::Begun(rest.to_vec());
        }
        Ok(buffer.len())
    }

    /// Takes lines from the beginning of `buffer` until it is enough or no line end is left.
    /// Returns how many bytes they were.
    fn whole_lines(
        &mut self,
        buffer: &[u8],
        goal: usize,
        out: &mut FillTarget<'_>,
    ) -> Result<usize, TraceError> {
        let mut used = 0;
        loop {
            self.rest_of_line(goal, out);
            if self.full(goal, out) {
                break;
            }
            if P::MANY && self.patience.is_due() {
                used += self.quick_lines(&buffer[used..], goal, out);
                if self.full(goal, out) {
                    break;
                }
            }
            let Some(end) = memchr(b'\n', &buffer[used..]) else {
                break;
            };
            let line = &buffer[used..used + end];
            used += end + 1;
            if line.len() > LINE_MAX {
                self.too_long(line)?;
            } else {
                self.line(line, out)?;
            }
        }
        Ok(used)
    }

    /// Takes lines that the fast path understands. Returns how many bytes they were. Where it understands
    /// none, time and again, it is tried less often.
    fn quick_lines(&mut self, bytes: &[u8], goal: usize, out: &mut FillTarget<'_>) -> usize {
        let (max, packs) = (goal - out.len() - self.events.len(), self.packs(out));
        let taken = match packs {
            true => self.parser.parse_many(bytes, max, out.packed),
            false => self.parser.parse_many(bytes, max, out.plain),
        };
        for access in taken.left.into_iter().flatten() {
            out.push(access, packs);
        }
        self.count += taken.lines;
        self.patience.note(taken.lines);
        taken.bytes
    }

    /// Takes one line, without its LF.
    fn line(&mut self, line: &[u8], out: &mut FillTarget<'_>) -> Result<(), TraceError> {
        self.count += 1;
        let line = content(line, self.count == 1);
        if is_nothing::<P>(line) {
            self.comments += u64::from(line.iter().any(|&b| !is_blank(b)));
            return Ok(());
        }
        match self.parser.parse(line) {
            Ok(Some(access)) => out.push(access, self.packs(out)),
            Ok(None) => {}
            Err(complaint) => return self.bad(complaint, line),
        }
        if P::SECOND
            && let Some(access) = self.parser.take_second()
        {
            out.push(access, self.packs(out));
        }
        while P::EVENTS
            && let Some((pid, event)) = self.parser.take_event()
        {
            self.events.push(EventRecord {
                before: out.plain.len(),
                pid,
                event,
                line: self.count,
            });
        }
        Ok(())
    }

    /// Takes the last line of the file, if it has no end.
    fn last_line(&mut self, out: &mut FillTarget<'_>) -> Result<(), TraceError> {
        match std::mem::take(&mut self.partial) {
            Partial::Begun(line) => self.line(&line, out),
            Partial::None | Partial::Overlong => Ok(()),
        }
    }

    /// Counts a line of more than [`LINE_MAX`] bytes, whose beginning is `start`.
    fn too_long(&mut self, start: &[u8]) -> Result<(), TraceError> {
        self.count += 1;
        self.bad(Complaint::from("the line is longer than 1 MiB"), start)
    }

    #[cold]
    fn bad(&mut self, mut complaint: Complaint, line: &[u8]) -> Result<(), TraceError> {
        let carries_on = self.parser.carries_on(line);
        if carries_on && complaint.help.is_empty() {
            complaint.help = CARRIES_ON;
        }
        if self.bad_records.skip(complaint.fatal || carries_on) {
            return Ok(());
        }
        let path = &self.bad_records.path;
        Err(bad_line(P::NAME, complaint, line, path, self.count))
    }
}

/// Returns the error for a line, or for a line of a csv record.
pub(super) fn bad_line(
    format: &str,
    complaint: Complaint,
    line: &[u8],
    path: &Path,
    number: u64,
) -> TraceError {
    let help = complaint.help(format, "lines");
    let binary = line.iter().any(|&b| b.is_ascii_control() && b != b'\t');
    let what = if binary && !complaint.fatal {
        Cow::Borrowed("binary data in a text trace")
    } else {
        complaint.what
    };
    TraceError::new(path, what)
        .at(Position::Line(number))
        .text(line)
        .help(help)
}

/// Strips the CR from a line, and from the first line a UTF-8 byte order mark.
fn content(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first {
        line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
    } else {
        line
    }
}

/// Returns true for a blank line, and for a comment if the format has them.
fn is_nothing<P: LineParser>(line: &[u8]) -> bool {
    match line.iter().find(|&&b| !is_blank(b)) {
        None => true,
        Some(&first) => P::COMMENTS && first == b'#',
    }
}

/// The complete lines of a sample with their content.
pub(super) fn sample_lines<'a>(sample: &Sample<'a>) -> impl Iterator<Item = &'a [u8]> {
    let bytes = sample.bytes;
    let end = match memchr::memrchr(b'\n', bytes) {
        _ if sample.whole => bytes.len(),
        Some(last) => last,
        // Part of one long line: better than nothing, for the message.
        None => bytes.len(),
    };
    bytes[..end]
        .split(|&b| b == b'\n')
        .enumerate()
        .map(|(i, line)| content(line, i == 0))
}

/// Returns the share of the sample's lines that the parser accepts. Blank lines, comments, and
/// accepted lines without an access are not counted.
pub(super) fn share<P: LineParser>(sample: &Sample<'_>, mut parser: P) -> Fit {
    let (mut good, mut of) = (0, 0);
    for line in sample_lines(sample).filter(|line| !is_nothing::<P>(line)) {
        match parser.parse(line) {
            Ok(None) => {}
            Ok(Some(_)) => {
                good += 1;
                of += 1;
            }
            Err(_) => of += 1,
        }
    }
    if good == 0 {
        Fit::No
    } else {
        Fit::Share { good, of }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Slow, accesses, error, read, read_slowly};
    use super::super::{ReadOptions, by_name};
    use super::*;

    fn lirs() -> &'static super::super::Format {
        by_name("lirs").unwrap()
    }

    #[test]
    fn lines_that_straddle_buffers_are_whole() {
        let text = "123456\r\n\r\n  \n7\n# 8\n99999999";
        let plain = accesses("lirs", text.as_bytes());
        assert_eq!(plain.len(), 3);
        for step in 1..9 {
            assert_eq!(read_slowly(lirs(), text.as_bytes(), step).0, plain);
        }
    }

    #[test]
    fn an_overlong_line_is_an_error_or_counted() {
        let mut text = b"1\n".to_vec();
        text.resize(text.len() + LINE_MAX + 1, b'7');
        text.extend_from_slice(b"\n2\n");
        for step in [1 << 16, 1 << 22] {
            let (got, result) = read_slowly(lirs(), &text, step);
            let error = result.unwrap_err();
            assert_eq!(error.position, Position::Line(2));
            assert!(error.what.contains("longer than 1 MiB"), "{error}");
            assert_eq!(got.len(), 1);

            let options = ReadOptions {
                skip_bad: true,
                ..ReadOptions::default()
            };
            let input = Box::new(Slow::new(&text, step));
            let (got, result) = read(lirs(), input, &options);
            assert_eq!((got.len(), result.unwrap()), (2, 1));
        }
    }

    #[test]
    fn bad_lines_have_their_exact_number() {
        let mut text = "5\n".repeat(48_212);
        text.push_str("0x5g\n6\n");
        let error = error("lirs", text.as_bytes());
        assert_eq!(error.position, Position::Line(48_213));
        assert_eq!(error.text, "0x5g");
        assert!(error.help.contains("--format") && error.help.contains("--skip-bad"));
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let input = Box::new(&b"1\nx\n2\n"[..]);
        let mut reader = (lirs().open)(input, "t".into(), &ReadOptions::default()).unwrap();
        let mut batch = Vec::new();
        assert!(reader.fill(&mut batch, 100).is_err());
        assert_eq!(batch.len(), 1);
        assert!(!reader.fill(&mut batch, 100).unwrap());
        assert_eq!(batch.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_no_data() {
        assert_eq!(accesses("lirs", b"\xef\xbb\xbf12\n")[0].addr, 12);
    }

    #[test]
    fn a_sample_drops_its_last_partial_line() {
        let sample = |whole| Sample {
            whole,
            ..Sample::of(b"1\n2\n3x")
        };
        assert_eq!(sample_lines(&sample(false)).count(), 2);
        assert_eq!(sample_lines(&sample(true)).count(), 3);
    }
}
