//! Tests of the text formats against files in their real layout, made here: each is read whole, cut in
//! every place, with CRLF, with blank lines and comments, and with lines of other formats in between.
//! An independent parser, which splits at blanks and uses the standard library, agrees on every line,
//! also on random ones.

mod blocks;
mod courses;
mod faults;
mod requests;
mod view;

use super::by_name;
use super::testing::{Random, error, guess_of, read_slowly, skipping};
use crate::trace::model::access::{Access, Kind};
use crate::trace::model::error::Position;

/// An access as process, kind, address and size.
pub type Row = (u32, Kind, u64, u32);

/// A file in the layout of a format, and what is in it.
pub struct Layout<'a> {
    pub format: &'a str,
    /// At least 30 lines.
    pub text: &'a str,
    /// The accesses of one line, for a parser that numbers devices on its own.
    pub naive: fn(&mut Vec<String>, &str) -> Vec<Row>,
    /// Number of accesses in `text`, counted by hand.
    pub accesses: usize,
    /// A random good line.
    pub random: fn(&mut Random) -> String,
    /// Lines of other formats, which are errors here.
    pub foreign: &'a [&'a str],
}

fn rows(accesses: &[Access]) -> Vec<Row> {
    let row = |a: &Access| (a.pid, a.kind, a.addr, a.size);
    accesses.iter().map(row).collect()
}

/// The rows of a text by the naive parser.
fn naive(layout: &Layout<'_>, text: &str) -> Vec<Row> {
    let mut devices = Vec::new();
    let lines = text.lines();
    lines
        .flat_map(|line| (layout.naive)(&mut devices, line))
        .collect()
}

/// The rows of a good text, read with buffers of `step` bytes.
fn read(format: &str, text: &str, step: usize) -> Vec<Row> {
    let (accesses, result) = read_slowly(by_name(format).unwrap(), text.as_bytes(), step);
    let skipped = result.unwrap_or_else(|e| panic!("{format}: {e}"));
    assert_eq!(skipped, 0);
    rows(&accesses)
}

/// Returns the number of a device, and remembers it.
pub fn device(devices: &mut Vec<String>, name: &str) -> u32 {
    let known = devices.iter().position(|device| device == name);
    known.unwrap_or_else(|| {
        devices.push(name.to_owned());
        devices.len() - 1
    }) as u32
}

pub fn hex(digits: &str) -> u64 {
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    u64::from_str_radix(digits, 16).unwrap()
}

/// A random address below 2^47, mostly of a few pages.
pub fn address(random: &mut Random) -> u64 {
    let wide = random.below(8) == 0;
    random.next() >> if wide { 17 } else { 40 + random.below(20) }
}

pub fn check(layout: &Layout<'_>) {
    let Layout { format, text, .. } = *layout;
    assert!(text.lines().count() >= 30, "{format}");
    assert_eq!(guess_of(text.as_bytes()).unwrap(), format);
    let expected = naive(layout, text);
    assert_eq!(expected.len(), layout.accesses, "{format}");
    for step in [1, 2, 7, 61, 500, 1 << 20] {
        assert_eq!(read(format, text, step), expected, "{format}");
    }
    variants(layout, &expected);
    cuts(layout);
    foreign_lines(layout, &expected);
    random_files(layout);
}

/// Line ends, blank lines and comments do not matter.
fn variants(layout: &Layout<'_>, expected: &[Row]) {
    let Layout { format, text, .. } = *layout;
    let spread = |with: &str| {
        let lines = text.lines().flat_map(|line| [line, "\n", with, "\n"]);
        lines.collect::<String>()
    };
    for variant in [
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r\n").trim_end().to_owned(),
        spread(""),
        spread("  \t"),
        spread("# R 0x1000 7"),
        format!("\u{feff}{text}"),
    ] {
        assert_eq!(read(format, &variant, 61), expected, "{format}");
        assert_eq!(guess_of(variant.as_bytes()).unwrap(), format);
    }
}

/// Wherever a file is cut, the lines before the cut are read, and the place of an error is the last
/// line.
fn cuts(layout: &Layout<'_>) {
    let Layout { format, text, .. } = *layout;
    let table = by_name(format).unwrap();
    for end in 0..text.len() {
        if !text.is_char_boundary(end) {
            continue;
        }
        let part = &text[..end];
        let whole = &part[..part.rfind('\n').map_or(0, |at| at + 1)];
        let expected = naive(layout, whole);
        let (got, result) = read_slowly(table, part.as_bytes(), 61);
        let got = rows(&got);
        assert!(got.starts_with(&expected), "{format} at {end}: {got:?}");
        assert!(got.len() <= expected.len() + 2);
        if let Err(error) = result {
            let line = whole.lines().count() as u64 + 1;
            assert_eq!(error.position, Position::Line(line), "{format}: {error}");
            assert_eq!(got, expected);
        }
    }
}

fn foreign_lines(layout: &Layout<'_>, expected: &[Row]) {
    let Layout { format, text, .. } = *layout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(layout.foreign.len() >= 4);
    for foreign in layout.foreign {
        for at in [0, lines.len() / 2, lines.len()] {
            let mut lines = lines.clone();
            lines.insert(at, foreign);
            let mixed = lines.join("\n") + "\n";
            let error = error(format, mixed.as_bytes());
            assert_eq!(error.position, Position::Line(at as u64 + 1), "{foreign}");
            assert!(error.help.contains("--"), "{error}");
            let (got, skipped) = skipping(format, mixed.as_bytes());
            assert_eq!((rows(&got).as_slice(), skipped), (expected, 1), "{foreign}");
            let guessed = guess_of(mixed.as_bytes());
            assert!(guessed.is_err() || guessed.is_ok_and(|name| name == format));
        }
    }
}

/// Random files, with the buffers of a fast path and without.
fn random_files(layout: &Layout<'_>) {
    let format = layout.format;
    let mut random = Random(0x243f_6a88_85a3_08d3);
    for round in 0..60 {
        let count = [1, 40, 700][round % 3];
        let lines = (0..count).map(|_| (layout.random)(&mut random) + "\n");
        let text: String = lines.collect();
        let expected = naive(layout, &text);
        for step in [1 + random.below(90), 1 << 20] {
            assert_eq!(read(format, &text, step), expected, "{format}");
        }
    }
}
