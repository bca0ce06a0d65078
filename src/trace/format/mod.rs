//! THE table of trace formats. Each format has one file with its layout in words, a reader that turns
//! bytes into accesses and events, and a test of whether a sample fits. The help, `pagebench
//! formats`, guessing and the documentation come from [`TABLE`].
//!
//! Deliberately absent: pages, dense ids, decompression (see `codec`), policies.

mod addr_rw;
mod alibaba;
mod arc;
mod ask;
mod blkparse;
mod bpftrace;
mod cachelib;
mod champsim;
mod complaint;
mod csv;
mod dinero;
mod disks;
mod drmemtrace;
mod drmemtrace_folder;
mod drmemtrace_view;
pub(in crate::trace) mod event_text;
mod fault_text;
mod fiu;
mod fixed;
mod ftrace;
mod guess;
pub(crate) mod lackey;
#[cfg(test)]
mod layouts;
mod lcs;
mod lines;
mod lirs;
#[cfg(test)]
mod matrix;
mod msr;
mod open;
pub(crate) mod options;
mod oracle_general;
mod page_ref;
mod perf_script;
mod perf_trace;
mod pinatrace;
pub mod plain;
mod quick;
mod ramulator;
mod ramulator2;
mod raw;
mod report;
mod scaled;
mod settle;
mod spc;
mod spec_trace;
mod strange_text;
mod strangers;
mod string;
mod tencent;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;
#[cfg(test)]
mod twins;
mod twitter;
mod vscsi;
mod webcache;
mod write;

use super::model::access::{Access, Addressing, Packed, TraceKind};
use super::model::error::TraceError;
use super::model::event::EventRecord;
use super::model::sample::Chosen;
use options::Numbers;
use std::fmt;
use std::io::BufRead;
use std::path::PathBuf;

pub use csv::{Delimiter, Meaning};
pub use drmemtrace_folder::thread_files;
pub use open::{Opened, SharedReport, open_input, open_threads};
pub use options::{Base, KeyMemory, ReadOptions, Unit};
pub use report::ReadReport;
pub use write::{FileHead, Kinds, RecordWriter, Written};

/// Every format, in the order of the documentation.
pub const TABLE: &[Format] = &[
    plain::FORMAT,
    lackey::FORMAT,
    drmemtrace::FORMAT,
    drmemtrace_view::FORMAT,
    champsim::FORMAT,
    champsim::CLOUDSUITE,
    pinatrace::FORMAT,
    addr_rw::FORMAT,
    page_ref::FORMAT,
    crate::trace::format::spec_trace::FORMAT,
    dinero::FORMAT,
    ramulator::FORMAT,
    ramulator2::FORMAT,
    string::FORMAT,
    csv::FORMAT,
    lirs::FORMAT,
    arc::FORMAT,
    spc::FORMAT,
    msr::FORMAT,
    blkparse::FORMAT,
    fiu::FORMAT,
    alibaba::FORMAT,
    tencent::FORMAT,
    twitter::FORMAT,
    cachelib::FORMAT,
    webcache::FORMAT,
    vscsi::FORMAT,
    oracle_general::FORMAT,
    lcs::FORMAT,
    perf_script::FORMAT,
    perf_trace::FORMAT,
    ftrace::FORMAT,
    bpftrace::FORMAT,
    raw::U32_LE,
    raw::U64_LE,
    raw::U32_BE,
    raw::U64_BE,
    raw::I64_BE,
];

/// A source of accesses, and of the events between them, in file order.
pub trait RecordReader: Send {
    /// Appends the next accesses to `batch`, a few thousand per call, and returns true. A call that
    /// read only events also returns true. Returns false at the end of the trace. On an error,
    /// accesses before it may have been appended; later calls return false.
    ///
    /// Reads at most `max` accesses and events, `max` being at least 1, and nothing after the last
    /// of them. Only a record of several accesses may exceed that.
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError>;

    /// Like [`RecordReader::fill`], but may append the first accesses to `packed`; these precede
    /// those in `batch`. Nothing is packed unless `batch` is empty on entry.
    fn fill_packed(
        &mut self,
        _packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        max: usize,
    ) -> Result<bool, TraceError> {
        self.fill(batch, max)
    }

    /// Returns true if the format has events.
    fn has_events(&self) -> bool {
        false
    }

    /// Appends the events of the last `fill` to `into`, in order; a few thousand at most.
    /// [`EventRecord::before`] is an index into `batch` as that `fill` left it. The next `fill` drops
    /// events that were not taken.
    fn take_events(&mut self, _into: &mut Vec<EventRecord>) {}

    /// Returns what is known of the trace so far. A file may state it only in its first records, so
    /// it holds after the first `fill`.
    fn known(&self) -> Known;

    /// Returns how the file was read so far: columns used and ignored, records dropped. Base and unit
    /// are added when the file is opened.
    fn report(&self) -> ReadReport {
        ReadReport::default()
    }
}

/// Facts that a reader has found out about a trace so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Number of bad records skipped; always 0 without [`ReadOptions::skip_bad`].
    pub skipped: u64,
    /// Whether addresses are bytes or ids.
    pub addressing: Addressing,
    /// The kind of trace, if the file itself states it; else [`Format::kind`] holds.
    pub kind: Option<TraceKind>,
    /// How the pages were chosen from those of an original, as the file itself states it.
    pub chosen: Chosen,
}

impl Default for Known {
    fn default() -> Known {
        Known {
            skipped: 0,
            addressing: Addressing::Bytes,
            kind: None,
            chosen: Chosen::ALL,
        }
    }
}

/// How well a sample fits a format.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fit {
    /// Something in the sample cannot belong to this format at all.
    No,
    /// `good` of the `of` records looked at are valid in this format.
    Share {
        /// Number of valid records (lines).
        good: u32,
        /// Number of records (lines) looked at; at least 1.
        of: u32,
    },
    /// A magic number or header line identifies the format.
    Certain,
}

/// The beginning of a (decompressed) file, for guessing its format.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The first bytes, up to 64 KiB.
    pub bytes: &'a [u8],
    /// True if `bytes` is the whole file.
    pub whole: bool,
    /// The size of the decompressed file in bytes, if it is known without reading it.
    pub file_bytes: Option<u64>,
    /// How the file is to be read.
    pub options: &'a ReadOptions,
    /// The ending of the file's name in lower case, without dot and without that of a codec.
    pub ending: &'a str,
}

impl<'a> Sample<'a> {
    /// Returns the sample of a whole file about which nothing is said.
    pub(super) fn of(bytes: &'a [u8]) -> Sample<'a> {
        Sample {
            bytes,
            whole: true,
            file_bytes: Some(bytes.len() as u64),
            options: &options::NO_OPTIONS,
            ending: "",
        }
    }
}

/// One entry of the table.
pub struct Format {
    /// The name for `--format`.
    pub name: &'static str,
    /// One line: what it is and who writes it.
    pub about: &'static str,
    /// The layout, for `pagebench formats NAME`. Lines that begin with four blanks are an example,
    /// which only text formats have (see `example`).
    pub layout: &'static str,
    /// The kind of trace of a file that does not state it itself.
    pub kind: TraceKind,
    /// What its numbers count, and what the layout leaves open.
    pub numbers: Numbers,
    /// Returns how well a sample fits.
    pub sniff: fn(&Sample<'_>) -> Fit,
    /// Opens a reader.
    pub open: OpenReader,
    /// How the format is written; `None` if it is only read.
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
    /// Returns true for a text format, false for a binary one.
    pub fn is_text(&self) -> bool {
        self.layout.lines().any(|line| line.starts_with("    "))
    }

    /// The example in the layout, as a file would hold it; empty for a binary format.
    #[cfg(test)]
    pub(super) fn example(&self) -> String {
        let lines = self.layout.lines().filter_map(|l| l.strip_prefix("    "));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// Finds a format by its name, in upper or lower case.
///
/// # Errors
///
/// Errors if no format has this name; the error suggests the nearest one.
pub fn by_name(name: &str) -> Result<&'static Format, String> {
    let found = TABLE.iter().find(|f| f.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let names = TABLE.iter().map(|f| f.name);
        format!(
            "unknown format {name:?}{} (see: pagebench formats)",
            crate::units::did_you_mean(&name.to_ascii_lowercase(), names)
        )
    })
}

/// Finds the format that is written to a file whose name has this ending, without dot.
pub fn by_ending(ending: &str) -> Option<&'static Format> {
    let means = |format: &&Format| {
        let written = format.written.as_ref();
        written.is_some_and(|written| written.endings.contains(&ending))
    };
    TABLE.iter().find(means)
}
