//! THE table of trace formats. One file per format: its layout in words, a reader that turns
//! bytes into accesses and events, and its test of whether a sample fits. Help text, `pagebench formats`,
//! guessing and the documentation are derived from [`TABLE`].
//!
//! Deliberately absent: pages, dense ids, decompression (see `codec`), policies.

mod addr_rw;
mod arc;
mod champsim;
mod csv;
mod dinero;
mod drmemtrace;
pub(in crate::trace) mod event_text;
mod fixed;
mod guess;
pub(super) mod lackey;
mod lcs;
mod lines;
mod lirs;
mod msr;
pub(in crate::trace) mod number;
mod oracle_general;
mod page_ref;
mod perf_script;
mod perf_trace;
mod pinatrace;
pub mod plain;
mod spc;
mod spec;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod vscsi;
mod write;

use super::codec;
use super::error::{Position, TraceError};
use super::event::Told;
use super::record::{Access, Addressing, Packed, TraceKind};
use super::sample::Chosen;
use std::fmt;
use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

pub use guess::guess;
pub use write::{Kinds, Origin, RecordWriter, Written};

/// Every format, in the order of the documentation.
pub const TABLE: &[Format] = &[
    plain::FORMAT,
    lackey::FORMAT,
    drmemtrace::FORMAT,
    champsim::FORMAT,
    champsim::CLOUDSUITE,
    pinatrace::FORMAT,
    addr_rw::FORMAT,
    page_ref::FORMAT,
    spec::FORMAT,
    dinero::FORMAT,
    csv::FORMAT,
    lirs::FORMAT,
    arc::FORMAT,
    spc::FORMAT,
    msr::FORMAT,
    vscsi::FORMAT,
    oracle_general::FORMAT,
    lcs::FORMAT,
    perf_script::FORMAT,
    perf_trace::FORMAT,
];

/// How much of a file its format is guessed from, in bytes.
const SAMPLE: usize = 64 * 1024;

/// What the user may say about how a file is to be read; each format uses what concerns it.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// `--col addr=2,rw=3`: columns of the csv format, by name in the header or number from 1.
    pub columns: Vec<(String, String)>,
    /// `--delimiter`: of the csv format; guessed from the first line if absent.
    pub delimiter: Option<u8>,
    /// `--header yes|no`: whether the first csv line names the columns; guessed if absent.
    pub header: Option<bool>,
    /// `--base hex|dec`: of addresses and ids without `0x` in the csv format; 10 or 16.
    pub base: Option<u32>,
    /// `--skip-bad`: go on after a bad record and count it.
    pub skip_bad: bool,
}

/// A source of accesses, and of the events between them, in file order.
pub trait RecordReader: Send {
    /// Appends the next accesses to `batch` (a few thousand at a time) and returns true, or
    /// returns false at the end of the trace and appends nothing. True with nothing appended: only
    /// events were read. Reads `most` accesses and events at most, at least 1, and nothing behind
    /// the last of them; one record of several accesses may exceed that. After an error, before
    /// which the good accesses and events ahead of it have been read, nothing more is read.
    fn fill(&mut self, batch: &mut Vec<Access>, most: usize) -> Result<bool, TraceError>;

    /// Like [`RecordReader::fill`] where `batch` is empty, but accesses may come packed: those in
    /// `packed` stand before those in `batch`. The plain twin is `fill`.
    fn fill_packed(
        &mut self,
        _packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        most: usize,
    ) -> Result<bool, TraceError> {
        self.fill(batch, most)
    }

    /// Whether the format has events.
    fn has_events(&self) -> bool {
        false
    }

    /// Moves the events that the last `fill` read, a few thousand at most, behind those in `into`.
    /// They are in order, and [`Told::before`] counts from the beginning of the batch as that
    /// `fill` left it. The next `fill` forgets what was not taken.
    fn take_events(&mut self, _into: &mut Vec<Told>) {}

    /// How many bad records were skipped so far; always 0 without [`ReadOptions::skip_bad`].
    fn skipped(&self) -> u64;

    /// Whether addresses are bytes or ids; may be known only after the first `fill` (csv).
    fn addressing(&self) -> Addressing;

    /// The kind of trace where the file itself states it, else `None`, and [`Format::kind`]
    /// holds; may be known only after the first `fill`.
    fn kind(&self) -> Option<TraceKind> {
        None
    }

    /// How the pages were chosen from those of an original, where the file itself states it; may be
    /// known only after the first `fill`.
    fn chosen(&self) -> Chosen {
        Chosen::ALL
    }
}

/// How well a sample fits a format.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fit {
    /// Something in the sample cannot belong to this format at all.
    No,
    /// So many of so many records of the sample are of this format.
    Share {
        /// Records (lines) of the format.
        good: u32,
        /// Records (lines) looked at; at least 1.
        of: u32,
    },
    /// A magic number or header line says so.
    Certain,
}

/// The beginning of a (decompressed) file, for guessing its format.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The first bytes, up to 64 KiB.
    pub bytes: &'a [u8],
    /// True if `bytes` is the whole file.
    pub whole: bool,
    /// The size of the decompressed file in bytes, where it is known without reading it.
    pub file_bytes: Option<u64>,
}

/// One entry of the table.
pub struct Format {
    /// The name for `--format`.
    pub name: &'static str,
    /// One line: what it is and who writes it.
    pub about: &'static str,
    /// The layout, for `pagebench formats NAME`: some lines with an example, whose lines are those
    /// that begin with four blanks (see [`Format::example`]).
    pub layout: &'static str,
    /// What kind of trace a file of this format is, unless it says otherwise itself.
    pub kind: TraceKind,
    /// How well a sample fits.
    pub sniff: fn(&Sample<'_>) -> Fit,
    /// Opens a reader.
    pub open: OpenReader,
    /// How it is written, if it can be.
    pub written: Option<Written>,
}

/// Opens a reader on decompressed input; the path is for messages.
pub type OpenReader =
    fn(Box<dyn BufRead + Send>, PathBuf, &ReadOptions) -> Result<Box<dyn RecordReader>, TraceError>;

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Format {
    /// The example in the layout, as a file would hold it; empty for a binary format.
    pub fn example(&self) -> String {
        let lines = self.layout.lines().filter_map(|l| l.strip_prefix("    "));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// A name that is no format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format \"{name}\"{}(see: pagebench formats)", match nearest {
    Some(nearest) => format!("; did you mean \"{nearest}\"? "),
    None => " ".to_owned(),
})]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
    /// The format that is spelled most like it, if one is near.
    pub nearest: Option<&'static str>,
}

/// The format of a name, in upper or lower case.
///
/// # Errors
///
/// There is none; the error names the nearest.
pub fn by_name(name: &str) -> Result<&'static Format, UnknownFormat> {
    let found = TABLE.iter().find(|f| f.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let lower = name.to_ascii_lowercase();
        UnknownFormat {
            name: name.to_owned(),
            nearest: crate::units::nearest(&lower, TABLE.iter().map(|f| f.name)),
        }
    })
}

/// The format that an ending of a file name means for writing, without dot.
pub fn by_ending(ending: &str) -> Option<&'static Format> {
    let means = |format: &&Format| {
        let written = format.written.as_ref();
        written.is_some_and(|written| written.endings.contains(&ending))
    };
    TABLE.iter().find(means)
}

/// A trace file, ready to be read.
pub struct Opened {
    /// The accesses and events.
    pub reader: Box<dyn RecordReader>,
    /// The format they are read in.
    pub format: &'static Format,
    /// The codec's name; `none` where the file is not compressed.
    pub codec: &'static str,
    /// True if nobody said what the format is.
    pub guessed: bool,
}

/// Opens a trace file (`-`: standard input), decompressing it, in the given format or, where none
/// is given, the one that its first 64 KiB fit. Of a pipe these must be there, or its end, unless its
/// first piece tells the format for certain.
///
/// # Errors
///
/// The file cannot be read, is empty, or is of no or no single known format; the options do not
/// fit it.
pub fn open(
    path: &Path,
    format: Option<&'static Format>,
    options: &ReadOptions,
) -> Result<Opened, TraceError> {
    open_input(path, codec::open(path)?, format, options)
}

/// Like [`open`], on input that is open already.
///
/// # Errors
///
/// Those of [`open`].
pub fn open_input(
    path: &Path,
    mut input: codec::Input,
    format: Option<&'static Format>,
    options: &ReadOptions,
) -> Result<Opened, TraceError> {
    let piece = codec::fill_buf(&mut input.reader).map_err(|e| codec::read_error(path, e))?;
    if piece.is_empty() {
        return Err(TraceError::new(path, "the file is empty"));
    }
    let (guessed, codec) = (format.is_none(), input.codec);
    let (format, reader) = match format {
        // What is compressed is looked at all the same: a damaged stream is told as one.
        Some(format) if codec == "none" => (format, input.reader),
        format => with_beginning(path, input, format)?,
    };
    let inner = (format.open)(reader, path.to_path_buf(), options)?;
    let mut note = String::new();
    if guessed {
        note = format!("; {} was guessed from the first 64 KiB", format.name);
    }
    if codec != "none" {
        note.push_str("; places are those in the decompressed file");
    }
    Ok(Opened {
        reader: Box::new(Noted { inner, note }),
        format,
        codec,
        guessed,
    })
}

/// How many pieces of a stream are asked whether they tell the format for certain.
const PIECES: usize = 4;

/// Reads the beginning of a stream. Returns the format, which that beginning is of if it is not given,
/// and the stream with that beginning.
fn with_beginning(
    path: &Path,
    input: codec::Input,
    format: Option<&'static Format>,
) -> Result<(&'static Format, Box<dyn BufRead + Send>), TraceError> {
    let (mut reader, file_bytes) = (input.reader, input.file_bytes);
    let pieces = if input.codec == "none" { PIECES } else { 0 };
    let mut bytes = Vec::with_capacity(SAMPLE);
    let mut format = format;
    for piece in 0.. {
        if bytes.len() == SAMPLE {
            break;
        }
        let buffer = codec::fill_buf(&mut reader).map_err(|e| codec::read_error(path, e))?;
        let some = buffer.len().min(SAMPLE - bytes.len());
        bytes.extend_from_slice(&buffer[..some]);
        reader.consume(some);
        if some == 0 {
            break;
        }
        if piece < pieces {
            let sample = Sample {
                bytes: &bytes,
                whole: false,
                file_bytes,
            };
            let is_certain = |format: &&Format| (format.sniff)(&sample) == Fit::Certain;
            format = TABLE.iter().find(is_certain);
            if format.is_some() {
                break;
            }
        }
    }
    let sample = Sample {
        bytes: &bytes,
        whole: bytes.len() < SAMPLE || file_bytes == Some(SAMPLE as u64),
        file_bytes,
    };
    let format = match format {
        Some(format) => format,
        None => guess(path, &sample)?,
    };
    Ok((format, Box::new(Cursor::new(bytes).chain(reader))))
}

/// A reader whose errors also say how its format and input were found.
struct Noted {
    inner: Box<dyn RecordReader>,
    note: String,
}

impl Noted {
    fn noted(&self, mut error: TraceError) -> TraceError {
        if error.position != Position::Whole && !error.help.is_empty() {
            error.help.push_str(&self.note);
        }
        error
    }
}

#[deny(clippy::missing_trait_methods)]
impl RecordReader for Noted {
    fn fill(&mut self, batch: &mut Vec<Access>, most: usize) -> Result<bool, TraceError> {
        let result = self.inner.fill(batch, most);
        result.map_err(|error| self.noted(error))
    }

    fn fill_packed(
        &mut self,
        packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        most: usize,
    ) -> Result<bool, TraceError> {
        let result = self.inner.fill_packed(packed, batch, most);
        result.map_err(|error| self.noted(error))
    }

    fn has_events(&self) -> bool {
        self.inner.has_events()
    }

    fn take_events(&mut self, into: &mut Vec<Told>) {
        self.inner.take_events(into);
    }

    fn skipped(&self) -> u64 {
        self.inner.skipped()
    }

    fn addressing(&self) -> Addressing {
        self.inner.addressing()
    }

    fn kind(&self) -> Option<TraceKind> {
        self.inner.kind()
    }

    fn chosen(&self) -> Chosen {
        self.inner.chosen()
    }
}
