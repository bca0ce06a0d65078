//! THE table of trace formats. One file per format: its layout in words, a reader that turns
//! bytes into accesses, and its test of whether a sample fits. Help text, `pagebench formats`,
//! guessing and the documentation are derived from [`TABLE`].
//!
//! Deliberately absent: pages, dense ids, decompression (see `codec`), policies.

use super::error::TraceError;
use super::record::{Access, Addressing, TraceKind};
use std::io::BufRead;
use std::path::PathBuf;

/// What the user may say about how a file is to be read; each format uses what concerns it.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// `--col addr=2,rw=3`: columns of the csv format, by name in the header or number from 1.
    pub columns: Vec<(String, String)>,
    /// `--delimiter`: of the csv format; guessed from the first line if absent.
    pub delimiter: Option<u8>,
    /// `--header yes|no`: whether the first csv line names the columns; guessed if absent.
    pub header: Option<bool>,
    /// `--base hex|dec`: of numbers without `0x` in the csv format; 10 or 16.
    pub base: Option<u32>,
    /// `--skip-bad`: go on after a bad record and count it.
    pub skip_bad: bool,
}

/// A source of accesses in file order.
pub trait RecordReader: Send {
    /// Appends the next accesses to `batch` (a few thousand at a time) and returns false at the
    /// end of the trace. After an error nothing more is read.
    fn fill(&mut self, batch: &mut Vec<Access>) -> Result<bool, TraceError>;

    /// How many bad records were skipped so far; always 0 without [`ReadOptions::skip_bad`].
    fn skipped(&self) -> u64;

    /// Whether addresses are bytes or ids; may be known only after the first `fill` (csv).
    fn addressing(&self) -> Addressing;
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
    /// The layout, for `pagebench formats NAME`: some lines with an example.
    pub layout: &'static str,
    /// What kind of trace a file of this format is, unless it says otherwise itself.
    pub kind: TraceKind,
    /// How well a sample fits.
    pub sniff: fn(&Sample<'_>) -> Fit,
    /// Opens a reader on decompressed input. `path` is for messages.
    pub open: fn(
        Box<dyn BufRead + Send>,
        PathBuf,
        &ReadOptions,
    ) -> Result<Box<dyn RecordReader>, TraceError>,
}
