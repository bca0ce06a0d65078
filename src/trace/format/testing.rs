//! Helpers of the tests of several formats: reading bytes in a format in small steps, the cases of
//! bad lines, and a generator of pseudo-random numbers.

use super::guess::{Guess, decide, ending_of};
use super::lines::LINE_MAX;
use super::report::ReadReport;
use super::settle::Head;
use super::{Format, ReadOptions, RecordReader, Sample, by_name};
use crate::trace::model::access::{Access, Kind};
use crate::trace::model::error::{Position, TraceError};
use crate::trace::model::event::EventRecord;
use std::io::{self, BufRead, Read};
use std::path::Path;

/// An input whose buffer never holds more than `step` bytes.
pub struct Slow {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Slow {
    pub fn new(bytes: &[u8], step: usize) -> Slow {
        Slow {
            bytes: bytes.to_vec(),
            at: 0,
            step,
        }
    }
}

impl Read for Slow {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Slow {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let end = self.bytes.len().min(self.at + self.step);
        Ok(&self.bytes[self.at..end])
    }

    fn consume(&mut self, n: usize) {
        assert!(n <= self.step);
        self.at += n;
    }
}

/// Reads to the end or an error: the accesses, and how many records were left out.
pub fn drain(reader: &mut dyn RecordReader) -> (Vec<Access>, Result<u64, TraceError>) {
    let mut all = Vec::new();
    loop {
        match reader.fill(&mut all, usize::MAX) {
            Ok(true) => {}
            Ok(false) => return (all, Ok(reader.known().skipped)),
            Err(e) => return (all, Err(e)),
        }
    }
}

pub fn read(
    format: &Format,
    input: Box<dyn BufRead + Send>,
    options: &ReadOptions,
) -> (Vec<Access>, Result<u64, TraceError>) {
    match (format.open)(input, "t".into(), options) {
        Ok(mut reader) => drain(&mut *reader),
        Err(e) => (Vec::new(), Err(e)),
    }
}

pub fn read_slowly(
    format: &Format,
    bytes: &[u8],
    step: usize,
) -> (Vec<Access>, Result<u64, TraceError>) {
    let input = Box::new(Slow::new(bytes, step));
    read(format, input, &ReadOptions::default())
}

/// The accesses of a good input.
pub fn accesses(format: &str, bytes: &[u8]) -> Vec<Access> {
    let (accesses, result) = read_slowly(by_name(format).unwrap(), bytes, 64);
    assert_eq!(result.unwrap_or_else(|e| panic!("{e}")), 0);
    accesses
}

/// The error of a bad input.
pub fn error(format: &str, bytes: &[u8]) -> TraceError {
    let (_, result) = read_slowly(by_name(format).unwrap(), bytes, LINE_MAX * 2);
    result.expect_err("an error")
}

/// The accesses and the number of records left out with `--skip-bad`.
pub fn skipping(format: &str, bytes: &[u8]) -> (Vec<Access>, u64) {
    let options = ReadOptions {
        skip_bad: true,
        ..ReadOptions::default()
    };
    let input = Box::new(Slow::new(bytes, 61));
    let (accesses, result) = read(by_name(format).unwrap(), input, &options);
    (accesses, result.unwrap_or_else(|e| panic!("{e}")))
}

/// The error that ends the reading in spite of `--skip-bad`, as text.
pub fn not_skipped(format: &str, bytes: &[u8]) -> String {
    let options = ReadOptions {
        skip_bad: true,
        ..ReadOptions::default()
    };
    let input = Box::new(Slow::new(bytes, 61));
    let (_, result) = read(by_name(format).unwrap(), input, &options);
    result.expect_err("an error").to_string()
}

pub fn tuples(accesses: &[Access]) -> Vec<(Kind, u64, u32)> {
    let tuple = |a: &Access| (a.kind, a.addr, a.size);
    accesses.iter().map(tuple).collect()
}

/// The name of the format that a whole file is taken for.
pub fn guess_of(bytes: &[u8]) -> Result<&'static str, TraceError> {
    decision("t", bytes).map(|guess| guess.reading.format.name)
}

/// How a whole file of this name is read.
pub(super) fn decision(name: &str, bytes: &[u8]) -> Result<Guess, TraceError> {
    let (path, ending) = (Path::new(name), ending_of(Path::new(name)));
    let sample = Sample {
        ending: &ending,
        ..Sample::of(bytes)
    };
    let mut head = Head {
        bytes: &mut bytes.to_vec(),
        whole: true,
        more: &mut |_| Ok(false),
    };
    decide(path, &sample, &mut head)
}

/// Each line, put far into a file of `good` lines, is reported at its place with a message that
/// contains the text paired with the line.
pub fn bad_line_cases(format: &str, good: &str, cases: &[(&str, &str)]) {
    for (i, (line, what)) in cases.iter().enumerate() {
        let before = 4_821 * i + 3;
        let text = format!("{}{line}\n{good}\n", format!("{good}\n").repeat(before));
        let error = error(format, text.as_bytes());
        assert!(error.what.contains(what), "{line:?}: {error}");
        assert_eq!(error.position, Position::Line(before as u64 + 1));
        assert!(!error.text.is_empty() && !error.is_io());
        assert!(error.help.contains("--"), "{error}");
    }
}

/// xorshift64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// All that reading a file gives.
#[derive(Debug, PartialEq)]
pub struct WholeRead {
    pub accesses: Vec<Access>,
    /// The events, and how many accesses are before each.
    pub events: Vec<(usize, EventRecord)>,
    /// How many records were left out, or the error.
    pub result: Result<u64, String>,
    pub report: ReadReport,
}

/// Reads to the end or an error, packed as far as possible if `packs`.
pub fn whole_read(
    format: &Format,
    input: Box<dyn BufRead + Send>,
    options: &ReadOptions,
    packs: bool,
) -> WholeRead {
    let mut whole = WholeRead {
        accesses: Vec::new(),
        events: Vec::new(),
        result: Ok(0),
        report: ReadReport::default(),
    };
    let mut reader = match (format.open)(input, "t".into(), options) {
        Ok(reader) => reader,
        Err(error) => {
            whole.result = Err(error.to_string());
            return whole;
        }
    };
    let (mut packed, mut batch, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let mut more = true;
    while more {
        let filled = match packs {
            true => reader.fill_packed(&mut packed, &mut batch, usize::MAX),
            false => reader.fill(&mut batch, usize::MAX),
        };
        let all = &mut whole.accesses;
        all.extend(packed.drain(..).map(Access::unpacked));
        reader.take_events(&mut events);
        for mut event in events.drain(..) {
            let before = all.len() + std::mem::take(&mut event.before);
            whole.events.push((before, event));
        }
        all.append(&mut batch);
        more = *filled.as_ref().unwrap_or(&false);
        whole.result = match filled {
            Ok(_) => Ok(reader.known().skipped),
            Err(error) => Err(error.to_string()),
        };
    }
    whole.report = reader.report();
    whole
}
