//! What a file itself says about the numbers that its format leaves open: their base, and for a list
//! of single numbers their unit. Reads on, up to 64 MiB, where the beginning says nothing.
//!
//! Does not know which formats fit (see `guess`), and does not word the question (see `ask`).

use super::Format;
use super::complaint::FAR_LONGER;
use super::options::{Base, FormatBy, Open, PlacesOf, ReadOptions, Unit};
use super::tokens::{decimal, grouped, hex_0x, is_blank, strip_0x};
use crate::trace::model::error::{Position, TraceError};
use memchr::memchr;
use std::path::Path;

/// Number of bytes after which a file that says nothing is no longer read on.
pub(super) const READ_MAX: usize = 64 << 20;

/// A list of numbers below this one holds page ids: as byte addresses they would be one page.
pub(super) const SMALL_IDS: u64 = 4096;

/// Numbers of these lengths with zeros in front are hexadecimal: 32 and 64 bits.
const PADDED: [usize; 2] = [8, 16];

/// A way to read a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The format.
    pub format: &'static Format,
    /// How the format was chosen.
    pub format_by: FormatBy,
    /// The base, where the format leaves it open or the file has another than that of the format.
    pub base: Option<Base>,
    /// The unit, where the format leaves it open.
    pub unit: Option<Unit>,
    /// True if the ids are known to be small only as far as the file was read on.
    pub small_so_far: bool,
}

impl Reading {
    /// Reads `format` as its layout says.
    pub fn of(format: &'static Format, format_by: FormatBy) -> Reading {
        Reading {
            format,
            format_by,
            base: None,
            unit: None,
            small_so_far: false,
        }
    }

    /// Returns `options` with this reading.
    pub fn options(&self, options: &ReadOptions) -> ReadOptions {
        ReadOptions {
            format_by: self.format_by,
            base: options.base.or(self.base),
            unit: options.unit.or(self.unit),
            small_ids: self.small_so_far && options.unit.is_none(),
            ..options.clone()
        }
    }
}

/// Returns how `format` is chosen by guessing for a file with this ending.
pub(super) fn by_ending(format: &Format, ending: &str) -> FormatBy {
    match format.numbers.endings.contains(&ending) {
        true => FormatBy::Ending,
        false => FormatBy::Content,
    }
}

/// The answer to what a format leaves open.
#[derive(Debug)]
pub(super) enum Answer {
    /// One reading, and why, for errors further on: a fragment that names a line, or nothing.
    Settled(Reading, String),
    /// Several readings, and nothing tells which.
    Open(Vec<Reading>),
}

/// The beginning of a file, which can be read on.
pub(super) struct Head<'a> {
    /// What was read.
    pub bytes: &'a mut Vec<u8>,
    /// True if that is the whole file.
    pub whole: bool,
    /// Appends more bytes; returns false at the end of the file.
    pub more: &'a mut dyn FnMut(&mut Vec<u8>) -> Result<bool, TraceError>,
}

/// Returns how a file of `format` is to be read. `ending` is that of its name, without the one of a
/// codec.
///
/// # Errors
///
/// Errors if the file cannot be read on, or if a line of a list is far longer than the others.
pub(super) fn settle(
    path: &Path,
    format: &'static Format,
    options: &ReadOptions,
    ending: &str,
    head: &mut Head<'_>,
) -> Result<Answer, TraceError> {
    let settled = |reading| Ok(Answer::Settled(reading, String::new()));
    let numbers = &format.numbers;
    let owned = numbers.endings.contains(&ending);
    let as_usual = Reading::of(format, by_ending(format, ending));
    match numbers.open {
        Open::Nothing => settled(as_usual),
        Open::Base(_) if options.base.is_some() => settled(as_usual),
        Open::Base(places) => {
            let mut survey = Survey::new(places);
            survey.take(head.bytes, head.whole);
            if owned {
                let base = numbers.base.map_or("", Base::word);
                let why = survey.because_of(ending, &format!("numbers are {base}"));
                return Ok(Answer::Settled(as_usual, why));
            }
            base_of(as_usual, head, survey)
        }
        Open::Unit(places) => {
            let mut survey = Survey::new(places);
            survey.take(head.bytes, head.whole);
            survey.check_lengths(path)?;
            if options.unit.is_some() || owned {
                let reading = Reading {
                    base: survey.hex.is_some().then_some(Base::Hex).filter(|_| !owned),
                    ..as_usual
                };
                let why = match owned {
                    true => survey.because_of(ending, "numbers are decimal page ids"),
                    false => String::new(),
                };
                return Ok(Answer::Settled(reading, why));
            }
            let answer = unit_of(as_usual, options, head, &mut survey)?;
            survey.check_lengths(path)?;
            Ok(answer)
        }
    }
}

/// Reads the file on until its numbers tell their base.
fn base_of(
    as_usual: Reading,
    head: &mut Head<'_>,
    mut survey: Survey,
) -> Result<Answer, TraceError> {
    let hexadecimal = Reading {
        base: Some(Base::Hex),
        ..as_usual
    };
    if survey.hex.is_none() && survey.is_padded() {
        let why = survey.zero.as_ref().map(|seen| {
            format!(
                "{seen} has zeros in front up to 8 or 16 digits, so that numbers are hexadecimal"
            )
        });
        return Ok(Answer::Settled(hexadecimal, why.unwrap_or_default()));
    }
    while survey.hex.is_none() && read_on(head)? {
        survey.take(head.bytes, head.whole);
    }
    if let Some(seen) = &survey.hex {
        let why = format!("{seen} is hexadecimal, so that all numbers are");
        return Ok(Answer::Settled(hexadecimal, why));
    }
    if head.whole && survey.longest.0 <= 1 {
        // One digit is the same in both bases.
        return Ok(Answer::Settled(as_usual, String::new()));
    }
    let decimal = Reading {
        base: Some(Base::Dec),
        ..hexadecimal
    };
    // A number may be too long for one of the bases.
    Ok(match survey.longest.0 {
        17.. => Answer::Settled(
            decimal,
            survey.longest_is("decimal, too long to be hexadecimal"),
        ),
        _ => Answer::Open(vec![hexadecimal, decimal]),
    })
}

/// Reads the file on until the numbers of its list tell their unit.
fn unit_of(
    as_usual: Reading,
    options: &ReadOptions,
    head: &mut Head<'_>,
    survey: &mut Survey,
) -> Result<Answer, TraceError> {
    let base = |survey: &Survey| {
        let found = survey.hex.is_some().then_some(Base::Hex);
        options.base.or(found)
    };
    let known = |survey: &Survey| {
        survey.star.is_some() || survey.large_dec.is_some() || base(survey) == Some(Base::Hex)
    };
    while !known(survey) && read_on(head)? {
        survey.take(head.bytes, head.whole);
    }
    let base = base(survey);
    let ids = Reading {
        base,
        unit: Some(Unit::Page),
        ..as_usual
    };
    if let Some(seen) = &survey.star {
        return Ok(Answer::Settled(
            ids,
            format!("{seen} settles that numbers are page ids"),
        ));
    }
    if base == Some(Base::Hex) || survey.large_dec.is_some() {
        let bytes = Reading {
            unit: Some(Unit::Byte),
            ..ids
        };
        return Ok(Answer::Open(vec![bytes, ids]));
    }
    let lines = grouped(survey.lines);
    let why =
        format!("the first {lines} lines are below {SMALL_IDS}, so that numbers are page ids");
    let small_so_far = !head.whole;
    Ok(Answer::Settled(
        Reading {
            small_so_far,
            ..ids
        },
        why,
    ))
}

/// Reads the file on. Returns false at its end, or if enough was read.
fn read_on(head: &mut Head<'_>) -> Result<bool, TraceError> {
    if head.whole || head.bytes.len() >= READ_MAX {
        return Ok(false);
    }
    // Twice as much each time, so that the lines surveyed at once grow with the file.
    let goal = (head.bytes.len() * 2).min(READ_MAX);
    while head.bytes.len() < goal {
        if !(head.more)(head.bytes)? {
            head.whole = true;
            break;
        }
    }
    Ok(true)
}

/// A line that says something.
#[derive(Debug)]
struct Seen {
    line: u64,
    text: String,
}

impl Seen {
    fn at(line: u64, text: &[u8]) -> Seen {
        let shown = &text[..text.len().min(24)];
        Seen {
            line,
            text: shown.escape_ascii().to_string(),
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} (`{}`)", self.line, self.text)
    }
}

/// What the numbers of the lines so far say.
struct Survey {
    places: PlacesOf,
    /// Bytes surveyed: whole lines.
    at: usize,
    /// Lines surveyed.
    lines: u64,
    /// The first line with a number.
    first: Option<Seen>,
    /// The first number with `0x` or a digit a to f.
    hex: Option<Seen>,
    /// The first number with a zero in front.
    zero: Option<Seen>,
    /// True while each number has as many digits as padded ones have.
    padded: bool,
    /// The first decimal number that is no small id, unless a lone star came before it.
    large_dec: Option<Seen>,
    /// A lone star before any number that is no small id: only lists of ids have it.
    star: Option<Seen>,
    /// Digits of the longest number, and where it is.
    longest: (usize, u64),
    /// Digits of the longest of the other numbers.
    second: usize,
}

impl Survey {
    fn new(places: PlacesOf) -> Survey {
        Survey {
            places,
            at: 0,
            lines: 0,
            first: None,
            hex: None,
            zero: None,
            padded: true,
            large_dec: None,
            star: None,
            longest: (0, 0),
            second: 0,
        }
    }

    /// Surveys the lines that are new in `bytes`; `whole` if the last one ends with them.
    fn take(&mut self, bytes: &[u8], whole: bool) {
        while self.at < bytes.len() {
            let rest = &bytes[self.at..];
            let (line, next) = match memchr(b'\n', rest) {
                Some(end) => (&rest[..end], end + 1),
                None if whole => (rest, rest.len()),
                None => return,
            };
            self.at += next;
            self.lines += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = match self.lines {
                1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
                _ => line,
            };
            self.line(line);
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Some(&first) = line.iter().find(|&&b| !is_blank(b)) else {
            return;
        };
        if first == b'#' {
            return;
        }
        let number = (self.places)(line);
        let seen = Seen::at;
        if number.is_empty() {
            return;
        }
        if number == b"*" {
            if self.large_dec.is_none() {
                self.star.get_or_insert_with(|| seen(self.lines, line));
            }
            return;
        }
        if self.first.is_none() {
            self.first = Some(seen(self.lines, line));
        }
        let digits = strip_0x(number).unwrap_or(number);
        let letter = digits.iter().any(|b| matches!(b | 0x20, b'a'..=b'f'));
        if self.hex.is_none() && (letter || digits.len() < number.len()) && hex_0x(number).is_ok() {
            self.hex = Some(seen(self.lines, line));
        }
        if self.zero.is_none() && number[0] == b'0' {
            self.zero = Some(seen(self.lines, line));
        }
        self.padded &= PADDED.contains(&number.len());
        if self.large_dec.is_none() && decimal(number).is_ok_and(|number| number >= SMALL_IDS) {
            self.large_dec = Some(seen(self.lines, line));
        }
        if number.len() > self.longest.0 {
            self.second = self.longest.0;
            self.longest = (number.len(), self.lines);
        } else {
            self.second = self.second.max(number.len());
        }
    }

    /// Returns true if all numbers have as many digits as padded ones, and one has a zero in front.
    fn is_padded(&self) -> bool {
        self.padded && self.zero.is_some()
    }

    fn longest_is(&self, what: &str) -> String {
        format!("line {} is {what}", self.longest.1)
    }

    fn because_of(&self, ending: &str, what: &str) -> String {
        match &self.first {
            Some(first) => format!("{first} is read as the ending .{ending} says: {what}"),
            None => String::new(),
        }
    }

    /// Errors if a line of a list has many more digits than every other one.
    fn check_lengths(&self, path: &Path) -> Result<(), TraceError> {
        let (digits, line) = self.longest;
        if !is_far_longer(digits, self.second) {
            return Ok(());
        }
        let what = far_longer(digits, self.second);
        Err(TraceError::new(path, what)
            .at(Position::Line(line))
            .help(FAR_LONGER))
    }
}

/// Returns true if a number of `digits` among others of at most `others` is no number of their list.
pub(super) fn is_far_longer(digits: usize, others: usize) -> bool {
    others > 0 && digits >= 10 && digits >= 2 * others
}

/// Returns what is wrong with a number of `digits` among others of at most `others`.
pub(super) fn far_longer(digits: usize, others: usize) -> String {
    format!(
        "the number has {digits} digits, those around it at most {others}: a line end may be missing"
    )
}

#[cfg(test)]
mod tests;
