//! Reference strings of textbooks: page numbers between blanks or commas, all on one line or on
//! several. The same text that `--string` takes.
//!
//! Has a reader of its own: a line holds any number of accesses and may be of any length.

use super::complaint::{BadRecords, Complaint};
use super::lines::{BATCH, bad_line};
use super::options::{Base, Numbers};
use super::report::ReadReport;
use super::tokens::{is_blank, strip_0x, trim};
use super::{Fit, Format, Known, ReadOptions, RecordReader, Sample};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use memchr::memchr;
use std::io::BufRead;
use std::path::PathBuf;

pub(super) const FORMAT: Format = Format {
    name: "string",
    about: "a textbook's reference string: page numbers on one line",
    layout: "\
page numbers (decimal) between blanks, tabs or commas, with a w directly after those that are
written; the others are read. Each number is a page. The format is guessed if there are at least two
numbers, all on one line and below 4096; --format string also reads larger ones, and several lines.
Lines that begin with # are comments.
    7 0 1 2 0 3w 0 4 2 3 0 3 2
",
    kind: TraceKind::Synthetic,
    numbers: Numbers::DEC_IDS,
    sniff,
    open: |input, path, options| Ok(Box::new(StringReader::new(input, path, options))),
    written: None,
};

/// Page numbers from here on could also be byte addresses: the format is not guessed.
const IDS_END: u64 = 4096;

/// Longest word in bytes that is looked at. Of longer ones the rest is dropped: they are no numbers.
const WORD_MAX: usize = 64;

/// Returns true if a byte separates the words of a line.
fn separates(byte: u8) -> bool {
    is_blank(byte) || byte == b',' || byte == b'\r'
}

/// Returns the words of a line.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| separates(b))
        .filter(|word| !word.is_empty())
}

/// Returns the lines of text that are neither blank nor comments.
fn lines<'a>(sample: &Sample<'a>) -> impl Iterator<Item = &'a [u8]> {
    let bytes = sample.bytes.strip_prefix(MARK).unwrap_or(sample.bytes);
    bytes
        .split(|&b| b == b'\n')
        .filter(|line| !matches!(trim(line), [] | b"\r" | [b'#', ..]))
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

fn sniff(sample: &Sample<'_>) -> Fit {
    let mut lines = lines(sample);
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Fit::No;
    };
    // The last word may be cut.
    let cut = usize::from(!sample.whole && sample.bytes.last().is_some_and(|&b| !separates(b)));
    let count = words(line).count() - cut;
    let is_page = |word: &[u8]| {
        let access = access(word, Base::Dec)
            .ok()
            .filter(|_| strip_0x(word).is_none());
        access.is_some_and(|access| access.addr < IDS_END)
    };
    if count >= 2 && words(line).take(count).all(is_page) {
        let good = count.min(u32::MAX as usize) as u32;
        Fit::Share { good, of: good }
    } else {
        Fit::No
    }
}

/// Reads one word.
fn access(word: &[u8], base: Base) -> Result<Access, Complaint> {
    let is_short = word.len() < WORD_MAX - MARK.len();
    let written = word.strip_suffix(b"w").or(word.strip_suffix(b"W"));
    let kind = if written.is_some() {
        Kind::Write
    } else {
        Kind::Read
    };
    let number = base.number(written.unwrap_or(word)).ok();
    let addr = number.filter(|_| is_short).ok_or(Complaint {
        help: "write page numbers between blanks or commas, with a w after those that are \
               written: 1 2 3w 4; or choose another format with --format NAME",
        ..Complaint::from("a word is no page number")
    })?;
    Ok(Access::single(kind, addr))
}

/// Reads reference strings.
struct StringReader {
    input: Box<dyn BufRead + Send>,
    words: Words,
    done: bool,
}

/// Everything but the input: it can change while the input's buffer is borrowed.
struct Words {
    base: Base,
    /// Number of line ends read.
    ends: u64,
    place: Place,
    /// The beginning of a word whose end is not in the buffer.
    cut: Vec<u8>,
    comments: u64,
    bad_records: BadRecords,
}

/// Where in a line the reader is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// At the beginning of the file.
    File,
    /// Before the first word of a line.
    Line,
    /// After it.
    Words,
    /// In a comment.
    Comment,
}

impl StringReader {
    fn new(input: Box<dyn BufRead + Send>, path: PathBuf, options: &ReadOptions) -> StringReader {
        StringReader {
            input,
            words: Words {
                base: options.base.unwrap_or(Base::Dec),
                ends: 0,
                place: Place::File,
                cut: Vec::new(),
                comments: 0,
                bad_records: BadRecords::new(path, options),
            },
            done: false,
        }
    }

    fn fill_to(&mut self, goal: usize, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        while batch.len() < goal {
            let buffer = fill_buf(&mut self.input).map_err(|e| {
                let line = Position::Line(self.words.ends + 1);
                read_error(&self.words.bad_records.path, e).at(line)
            })?;
            if buffer.is_empty() {
                self.done = true;
                return self.words.cut_word(batch);
            }
            let used = self.words.take(buffer, goal, batch)?;
            self.input.consume(used);
        }
        Ok(())
    }
}

impl Words {
    /// Takes words from the beginning of `buffer` until `batch` holds `goal` accesses. Returns how many
    /// bytes were taken.
    fn take(
        &mut self,
        buffer: &[u8],
        goal: usize,
        batch: &mut Vec<Access>,
    ) -> Result<usize, TraceError> {
        let mut at = 0;
        while at < buffer.len() && batch.len() < goal {
            let rest = &buffer[at..];
            if self.place == Place::Comment {
                let Some(end) = memchr(b'\n', rest) else {
                    return Ok(buffer.len());
                };
                self.place = Place::Words;
                at += end;
                continue;
            }
            let length = rest.iter().take_while(|&&b| !ends_word(b)).count();
            if length == rest.len() {
                self.keep(rest);
                return Ok(buffer.len());
            }
            if length == 0 && self.cut.is_empty() {
                if rest[0] == b'\n' {
                    self.ends += 1;
                    self.place = Place::Line;
                }
                at += 1;
            } else if self.cut.is_empty() {
                self.word(&rest[..length], batch)?;
                at += length;
            } else {
                self.keep(&rest[..length]);
                self.cut_word(batch)?;
                at += length;
            }
        }
        Ok(at)
    }

    /// Keeps a part of a word, as long as the word may be a number.
    fn keep(&mut self, part: &[u8]) {
        let room = WORD_MAX.saturating_sub(self.cut.len());
        self.cut.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// Reads the word that was kept, if there is one.
    fn cut_word(&mut self, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        let word = std::mem::take(&mut self.cut);
        match word.is_empty() {
            true => Ok(()),
            false => self.word(&word, batch),
        }
    }

    /// Reads a word, or begins a comment.
    fn word(&mut self, word: &[u8], batch: &mut Vec<Access>) -> Result<(), TraceError> {
        let place = std::mem::replace(&mut self.place, Place::Words);
        let first = place == Place::File;
        let word = &word[..word.len().min(WORD_MAX)];
        let word = word.strip_prefix(MARK).filter(|_| first).unwrap_or(word);
        if place != Place::Words && word.starts_with(b"#") {
            self.place = Place::Comment;
            self.comments += 1;
            return Ok(());
        }
        if word.is_empty() {
            self.place = Place::Line;
            return Ok(());
        }
        match access(word, self.base) {
            Ok(access) => batch.push(access),
            Err(_) if self.bad_records.skip(false) => {}
            Err(complaint) => {
                let path = &self.bad_records.path;
                return Err(bad_line(FORMAT.name, complaint, word, path, self.ends + 1));
            }
        }
        Ok(())
    }
}

/// Returns true if a byte ends a word.
fn ends_word(byte: u8) -> bool {
    separates(byte) || byte == b'\n'
}

impl RecordReader for StringReader {
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
            skipped: self.words.bad_records.skipped,
            addressing: Addressing::Ids,
            ..Known::default()
        }
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: vec![("comment", self.words.comments)],
            ..ReadReport::default()
        }
    }
}
