//! The reader that all line-based formats share: it finds lines in the input's own buffer, counts
//! them, and turns what a format's parser objects to into an error with its place, and the events
//! that it finds into what was told where. A line is copied only where it straddles two buffers.
//!
//! Knows no format: what a line means is the [`LineParser`]'s business.

use super::number::{NumberFault, is_blank};
use super::{Fit, ReadOptions, RecordReader, Sample};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::error::{Position, TraceError};
use crate::trace::event::{Event, Told};
use crate::trace::record::{Access, Addressing, Packed, TraceKind};
use crate::trace::sample::Chosen;
use memchr::memchr;
use std::borrow::Cow;
use std::io::BufRead;
use std::path::PathBuf;

/// About how many accesses one call of `fill` appends, and the most events that it reads.
pub(super) const BATCH: usize = 4096;

/// The longest line accepted, in bytes: far beyond any format, so that a file without line ends
/// is reported and not read into memory.
pub(super) const LINE_MAX: usize = 1 << 20;

/// The most bytes one access of a byte-addressed format touches.
pub(super) const BYTES_MAX: u64 = 1 << 20;

/// The most consecutive ids one record of an id-addressed format stands for.
pub(super) const RUN_MAX: u64 = 1 << 24;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// A lowercase fragment.
    pub what: Cow<'static, str>,
    /// What to do about it; empty for the usual advice (`--format`, `--skip-bad`).
    pub help: &'static str,
    /// True if `--skip-bad` must not go on.
    pub fatal: bool,
}

/// What to do about a bad line or record on which later ones depend.
pub(super) const CARRIES_ON: &str = "later records depend on this one, so that --skip-bad does not leave it out: \
     mend it where the trace was made";

impl From<&'static str> for Complaint {
    fn from(what: &'static str) -> Complaint {
        Complaint {
            what: Cow::Borrowed(what),
            help: "",
            fatal: false,
        }
    }
}

impl From<String> for Complaint {
    fn from(what: String) -> Complaint {
        Complaint::from(Cow::Owned(what))
    }
}

impl From<Cow<'static, str>> for Complaint {
    fn from(what: Cow<'static, str>) -> Complaint {
        Complaint {
            what,
            ..Complaint::from("")
        }
    }
}

/// What a hexadecimal address is not.
pub(super) fn bad_address(fault: NumberFault) -> Complaint {
    Complaint::from(match fault {
        NumberFault::Missing => "the address is missing",
        NumberFault::Digit => "the address is not hexadecimal",
        NumberFault::Large => "address over 64 bits",
    })
}

/// What a decimal id is not.
pub(super) fn bad_id(fault: NumberFault) -> Complaint {
    Complaint::from(match fault {
        NumberFault::Missing => "the id is missing",
        NumberFault::Digit => "the id is not a decimal number",
        NumberFault::Large => "id over 64 bits",
    })
}

/// Checks a size (bytes, or consecutive ids) against `1..=most` and the end of the address space.
pub(super) fn checked_size(
    size: Result<u64, NumberFault>,
    addr: u64,
    most: u64,
) -> Result<u32, Complaint> {
    match size {
        Err(NumberFault::Missing) => Err("the size is missing".into()),
        Err(NumberFault::Digit) => Err("the size is not a decimal number".into()),
        Ok(0) => Err("the size is 0; the least is 1".into()),
        Ok(n) if n <= most => match addr.checked_add(n - 1) {
            Some(_) => Ok(n as u32),
            None => Err("the access runs past the end of the 64-bit address space".into()),
        },
        Ok(_) | Err(NumberFault::Large) => Err(format!("the size is over {most}").into()),
    }
}

/// What is left of a line must be blank.
pub(super) fn nothing_more(rest: &[u8]) -> Result<(), Complaint> {
    if rest.iter().all(|&b| is_blank(b)) {
        Ok(())
    } else {
        Err("more on the line than belongs to one access".into())
    }
}

/// What a line-based format knows: the meaning of one line.
pub(super) trait LineParser: Send {
    /// The format's name, for messages.
    const NAME: &'static str;

    /// Whether lines that begin with `#` are skipped before the parser sees them.
    const COMMENTS: bool = true;

    /// Appends what one line says. The line is without its end (LF or CRLF) and not blank.
    fn parse(&mut self, line: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint>;

    /// A fast path: appends up to `most` accesses from the whole lines at the beginning of
    /// `bytes`, one access for each line, and returns how many bytes and lines it took. It stops,
    /// with nothing said, before the first line that it does not know well.
    fn parse_many(&mut self, _bytes: &[u8], _most: usize, _out: &mut Vec<Access>) -> (usize, u64) {
        (0, 0)
    }

    /// The same with packed accesses; what does not fit is not known well either. A parser that
    /// has this tells no events.
    fn parse_packed(
        &mut self,
        _bytes: &[u8],
        _most: usize,
        _out: &mut Vec<Packed>,
    ) -> (usize, u64) {
        (0, 0)
    }

    /// Whether it has [`LineParser::parse_packed`].
    const PACKS: bool = false;

    /// Whether it has [`LineParser::take_event`].
    const EVENTS: bool = false;

    /// Whether the meaning of later lines depends on this one, so that `--skip-bad` may not leave it
    /// out. Asked only of bad lines.
    fn carries_on(&self, _line: &[u8]) -> bool {
        false
    }

    /// The next event, and its process, that the line just parsed said; asked until it is `None`.
    /// Events come behind the accesses of the same line.
    fn take_event(&mut self) -> Option<(u32, Event)> {
        None
    }

    /// How the addresses are to be read.
    fn addressing(&self) -> Addressing {
        Addressing::Bytes
    }

    /// The kind of trace that the file itself states.
    fn kind(&self) -> Option<TraceKind> {
        None
    }

    /// How the file itself says that its pages were chosen.
    fn chosen(&self) -> Chosen {
        Chosen::ALL
    }
}

/// Reads a line-based format.
pub(super) struct LineReader<P> {
    input: Box<dyn BufRead + Send>,
    /// The beginning of a line whose end is not in the buffer.
    carry: Vec<u8>,
    /// True while the rest of an overlong line is dropped.
    dropping: bool,
    done: bool,
    lines: Lines<P>,
}

/// Where the accesses of one `fill` go.
struct Out<'a> {
    /// Those that can be packed, while `packs` holds and nothing is in `plain`.
    packed: &'a mut Vec<Packed>,
    plain: &'a mut Vec<Access>,
    packs: bool,
}

/// The part of the reader that does not borrow the input.
struct Lines<P> {
    path: PathBuf,
    parser: P,
    /// Lines taken so far; the number of the last one.
    count: u64,
    /// The events of this `fill`.
    told: Vec<Told>,
    skip_bad: bool,
    skipped: u64,
}

impl<P: LineParser> LineReader<P> {
    /// A reader of `input` that asks `parser` about every line.
    pub fn new(
        input: Box<dyn BufRead + Send>,
        path: PathBuf,
        options: &ReadOptions,
        parser: P,
    ) -> LineReader<P> {
        LineReader {
            input,
            carry: Vec::new(),
            dropping: false,
            done: false,
            lines: Lines {
                path,
                parser,
                count: 0,
                told: Vec::new(),
                skip_bad: options.skip_bad,
                skipped: 0,
            },
        }
    }

    /// Reads until there are `goal` accesses or a little more.
    fn fill_to(&mut self, goal: usize, out: &mut Out<'_>) -> Result<(), TraceError> {
        while !self.lines.full(goal, out) {
            let buffer = match fill_buf(&mut self.input) {
                Ok(buffer) => buffer,
                Err(e) => {
                    let line = Position::Line(self.lines.count + 1);
                    return Err(read_error(&self.lines.path, e).at(line));
                }
            };
            if buffer.is_empty() {
                self.done = true;
                return match self.carry.is_empty() {
                    true => Ok(()),
                    false => self.lines.line(&self.carry, out),
                };
            }
            let used = if self.dropping || !self.carry.is_empty() {
                let end = memchr(b'\n', buffer);
                let part = &buffer[..end.unwrap_or(buffer.len())];
                if !self.dropping && self.carry.len() + part.len() > LINE_MAX {
                    self.lines.too_long(&self.carry)?;
                    self.carry.clear();
                    self.dropping = true;
                }
                if !self.dropping {
                    self.carry.extend_from_slice(part);
                }
                if end.is_some() {
                    if !self.dropping {
                        self.lines.line(&self.carry, out)?;
                    }
                    self.carry.clear();
                    self.dropping = false;
                }
                part.len() + usize::from(end.is_some())
            } else {
                let used = self.lines.whole_lines(buffer, goal, out)?;
                if !self.lines.full(goal, out) {
                    // What is left has no line end.
                    let rest = &buffer[used..];
                    if rest.len() > LINE_MAX {
                        self.lines.too_long(rest)?;
                        self.dropping = true;
                    } else {
                        self.carry.extend_from_slice(rest);
                    }
                    buffer.len()
                } else {
                    used
                }
            };
            self.input.consume(used);
        }
        Ok(())
    }
}

impl<P: LineParser> LineReader<P> {
    /// One `fill`; says whether anything was read.
    fn fill_out(&mut self, out: &mut Out<'_>, most: usize) -> Result<bool, TraceError> {
        let before = out.len();
        self.lines.told.clear();
        if !self.done {
            let result = self.fill_to(before + most.min(BATCH), out);
            self.done |= result.is_err();
            result?;
        }
        Ok(out.len() > before || !self.lines.told.is_empty())
    }
}

impl Out<'_> {
    fn len(&self) -> usize {
        self.packed.len() + self.plain.len()
    }
}

impl<P: LineParser> RecordReader for LineReader<P> {
    fn fill(&mut self, batch: &mut Vec<Access>, most: usize) -> Result<bool, TraceError> {
        batch.reserve(most.min(BATCH));
        let mut out = Out {
            packed: &mut Vec::new(),
            plain: batch,
            packs: false,
        };
        self.fill_out(&mut out, most)
    }

    fn fill_packed(
        &mut self,
        packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        most: usize,
    ) -> Result<bool, TraceError> {
        if !P::PACKS || !batch.is_empty() {
            return self.fill(batch, most);
        }
        packed.reserve(most.min(BATCH));
        let mut out = Out {
            packed,
            plain: batch,
            packs: true,
        };
        self.fill_out(&mut out, most)
    }

    fn has_events(&self) -> bool {
        P::EVENTS
    }

    fn take_events(&mut self, into: &mut Vec<Told>) {
        into.append(&mut self.lines.told);
    }

    fn skipped(&self) -> u64 {
        self.lines.skipped
    }

    fn addressing(&self) -> Addressing {
        self.lines.parser.addressing()
    }

    fn kind(&self) -> Option<TraceKind> {
        self.lines.parser.kind()
    }

    fn chosen(&self) -> Chosen {
        self.lines.parser.chosen()
    }
}

impl<P: LineParser> Lines<P> {
    /// Whether this `fill` has read enough: `goal` accesses and events in all, or one access that
    /// cannot be packed.
    fn full(&self, goal: usize, out: &Out<'_>) -> bool {
        out.len() + self.told.len() >= goal || (out.packs && !out.plain.is_empty())
    }

    /// Takes lines from the beginning of `buffer` until it is enough or no line end is left;
    /// returns how many bytes they were.
    fn whole_lines(
        &mut self,
        buffer: &[u8],
        goal: usize,
        out: &mut Out<'_>,
    ) -> Result<usize, TraceError> {
        let mut used = 0;
        while !self.full(goal, out) {
            // A parser that takes many at once has no events.
            let (most, rest) = (goal - out.len(), &buffer[used..]);
            let (bytes, lines) = match out.packs {
                true => self.parser.parse_packed(rest, most, out.packed),
                false => self.parser.parse_many(rest, most, out.plain),
            };
            used += bytes;
            self.count += lines;
            if out.len() >= goal {
                break;
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

    /// Takes one line, without its LF.
    fn line(&mut self, line: &[u8], out: &mut Out<'_>) -> Result<(), TraceError> {
        self.count += 1;
        let line = content(line, self.count == 1);
        if is_nothing::<P>(line) {
            return Ok(());
        }
        match self.parser.parse(line, out.plain) {
            Ok(()) if out.packs => {
                if let [access] = out.plain[..]
                    && let Some(word) = access.packed()
                {
                    out.packed.push(word);
                    out.plain.clear();
                }
                Ok(())
            }
            Ok(()) => {
                while let Some((pid, event)) = self.parser.take_event() {
                    self.told.push(Told {
                        before: out.plain.len(),
                        pid,
                        event,
                        line: self.count,
                    });
                }
                Ok(())
            }
            Err(complaint) => self.bad(complaint, line),
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
        if self.skip_bad && !complaint.fatal && !carries_on {
            self.skipped += 1;
            return Ok(());
        }
        Err(bad_line(
            P::NAME,
            complaint,
            line,
            self.path.clone(),
            self.count,
        ))
    }
}

/// The error for a line, or for a line of a csv record.
pub(super) fn bad_line(
    format: &str,
    complaint: Complaint,
    line: &[u8],
    path: PathBuf,
    number: u64,
) -> TraceError {
    let binary = line.iter().any(|&b| b.is_ascii_control() && b != b'\t');
    let what = if binary && !complaint.fatal {
        Cow::Borrowed("binary data in a text trace")
    } else {
        complaint.what
    };
    let help = if complaint.help.is_empty() {
        format!(
            "the file is read as {format}; choose another format with --format NAME, or leave \
             out bad lines with --skip-bad"
        )
    } else {
        complaint.help.to_owned()
    };
    TraceError::new(&path, what)
        .at(Position::Line(number))
        .text(line)
        .help(help)
}

/// A line without CR, and the first line without a UTF-8 byte order mark.
fn content(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first {
        line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
    } else {
        line
    }
}

/// True for a blank line, and for a comment where the format has them.
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

/// How many lines of a sample the parser accepts, of those that are not blank and no comments.
/// Lines that it accepts but that say nothing (a log's text) do not count either way.
pub(super) fn share<P: LineParser>(sample: &Sample<'_>, mut parser: P) -> Fit {
    let mut out = Vec::new();
    let (mut good, mut of) = (0, 0);
    for line in sample_lines(sample).filter(|line| !is_nothing::<P>(line)) {
        out.clear();
        match parser.parse(line, &mut out) {
            Ok(()) if out.is_empty() => {}
            Ok(()) => {
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
            bytes: b"1\n2\n3x",
            whole,
            file_bytes: None,
        };
        assert_eq!(sample_lines(&sample(false)).count(), 2);
        assert_eq!(sample_lines(&sample(true)).count(), 3);
    }
}
