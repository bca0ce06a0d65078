//! The question of how a file is to be read, where several readings give different pages: the first
//! lines as each reading understands them, and a command for each.
//!
//! Does not decide whether to ask (see `guess` and `settle`).

use super::options::{Base, ReadOptions, Unit};
use super::scaled::scaled;
use super::settle::Reading;
use super::tokens::is_blank;
use crate::trace::model::access::{Access, Addressing};
use crate::trace::model::error::TraceError;
use crate::units::{PageSize, shell_word};
use std::fmt::Write;
use std::io::Cursor;
use std::path::Path;

/// Number of lines shown.
const SHOWN: usize = 3;

/// Longest beginning of a line shown, in bytes.
const LINE_SHOWN: usize = 60;

/// Returns the question which of `readings` is meant. `head` is the beginning of the file.
pub(super) fn question(
    path: &Path,
    head: &[u8],
    readings: &[Reading],
    options: &ReadOptions,
) -> TraceError {
    let what = format!(
        "the file can be read in {} ways that give different pages, and nothing in it says which",
        readings.len()
    );
    let mut help = String::from("choose one; the first lines are");
    for (number, line) in first_lines(head) {
        let _ = write!(help, "\n    {number} | {line}");
    }
    for reading in readings {
        let options = reading.options(options);
        let _ = write!(
            help,
            "\n  {}: {}\n    {}",
            described(reading, &options),
            understood(path, head, reading, &options),
            command(path, reading, &options)
        );
    }
    TraceError::new(path, what).help(help)
}

/// Returns the first lines with data, and their numbers.
fn first_lines(head: &[u8]) -> Vec<(usize, String)> {
    let has_data = |line: &&[u8]| line.iter().find(|&&b| !is_blank(b)) != Some(&b'#');
    let lines = head.split(|&b| b == b'\n').zip(1..);
    let lines = lines.map(|(line, number)| (line.strip_suffix(b"\r").unwrap_or(line), number));
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty() && has_data(line));
    lines
        .take(SHOWN)
        .map(|(line, number)| {
            let cut = &line[..line.len().min(LINE_SHOWN)];
            let text = cut.escape_ascii().to_string().replace("\\t", "    ");
            (number, text)
        })
        .collect()
}

/// Returns the name of a reading: its format, and what its numbers are.
fn described(reading: &Reading, options: &ReadOptions) -> String {
    let numbers = &reading.format.numbers;
    let name = reading.format.name;
    let base = options.base.or(numbers.base).map_or("", Base::word);
    match (numbers.base, options.unit.or(numbers.unit)) {
        (None, _) | (_, None) => format!("as {name}"),
        (_, Some(Unit::Byte)) => format!("as {name}, {base} byte addresses"),
        (_, Some(Unit::Page)) => format!("as {name}, {base} page ids"),
        (_, Some(unit)) => format!("as {name}, {base} numbers of the unit {unit}"),
    }
}

/// Returns the first accesses as a reading understands them.
fn understood(path: &Path, head: &[u8], reading: &Reading, options: &ReadOptions) -> String {
    let input = Box::new(Cursor::new(head.to_vec()));
    let Ok(mut reader) = (reading.format.open)(input, path.to_path_buf(), options) else {
        return "cannot be read".into();
    };
    if let Some(unit) = options.unit {
        reader = scaled(reader, path, &reading.format.numbers, unit);
    }
    let mut accesses = Vec::new();
    let _ = reader.fill(&mut accesses, SHOWN);
    let addressing = reader.known().addressing;
    let base = options.base.or(reading.format.numbers.base);
    let shown = |access: &Access| {
        let (kind, addr) = (access.kind.letter(), access.addr);
        let page = addr >> PageSize::DEFAULT.shift();
        match (addressing, base) {
            (Addressing::Ids, Some(Base::Hex)) => format!("{kind} page {addr:#x}"),
            (Addressing::Ids, _) => format!("{kind} page {addr}"),
            (Addressing::Bytes, Some(Base::Dec)) => format!("{kind} {addr} (page {page:#x})"),
            (Addressing::Bytes, _) => format!("{kind} {addr:#x} (page {page:#x})"),
        }
    };
    let shown: Vec<String> = accesses.iter().take(SHOWN).map(shown).collect();
    shown.join(", ")
}

/// Returns the command that reads the file in this way.
fn command(path: &Path, reading: &Reading, options: &ReadOptions) -> String {
    let mut command = format!(
        "pagebench run {} --format {}",
        quoted(path),
        reading.format.name
    );
    let has_base = reading.format.numbers.base.is_some();
    if let Some(base) = options.base.filter(|_| has_base) {
        let _ = write!(command, " --base {}", base.name());
    }
    if let Some(unit) = options.unit {
        let _ = write!(command, " --unit {unit}");
    }
    command
}

/// Returns a path as a word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.strip_prefix('-') {
        // It would be an option.
        Some(rest) if !rest.is_empty() => shell_word(&format!("./{text}")),
        _ => shell_word(&text),
    }
}
