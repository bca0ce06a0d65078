//! Writing a trace in a format of the table: what is taken of it, fitted to what the format holds.
//! What the format does not hold is counted and told, never dropped in silence.
//!
//! Knows no format: what each holds is in its [`Written`].

use super::error::TraceError;
use super::format::{Format, Kinds, Origin, RecordWriter, Written};
use super::record::{Access, Addressing, Kind, TraceKind};
use super::select::Flow;
use super::source::{ConvertError, Nature, Source, no_reference_of};
use super::stream::Record;
use super::trim::Trim;
use crate::units::{PageSize, show_count};
use rustc_hash::FxHashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Accesses.
    pub accesses: u64,
    /// Events.
    pub events: u64,
    /// Bad records skipped in the original.
    pub skipped: u64,
    /// What the file does not say any more, one sentence for each loss.
    pub lost: Vec<String>,
}

/// Writes what is wanted of a trace in this format, in order, as it is read.
///
/// # Errors
///
/// The trace cannot be read, nothing of it is left, it does not fit the format at all, or `out`
/// does not take it.
///
/// # Panics
///
/// If the format cannot be written.
pub fn export(
    source: Source,
    format: &'static Format,
    out: &mut dyn Write,
) -> Result<Exported, ConvertError> {
    let written = format.written.as_ref().expect("a format that is written");
    let path = source.path().to_path_buf();
    let (selection, page_size) = (source.selection().clone(), source.page_size()?);
    let check = source.check_page_size();
    let mut export: Option<Export> = None;
    let mut failed: Option<ConvertError> = None;
    let nature = source.accesses(|nature, record| {
        let result = match &mut export {
            Some(export) => export.record(record, out),
            None => check(nature.addressing)
                .map_err(ConvertError::from)
                .and_then(|()| {
                    let mut selection = selection.clone();
                    let sample = selection.sample;
                    let original = nature.chosen.or_of_kind(nature.kind);
                    selection.sample = sample.map(|rate| rate.of(original));
                    let trim = Trim::new(selection, nature.addressing, page_size);
                    let kind = match sample {
                        Some(_) => TraceKind::Sampled,
                        None => nature.kind,
                    };
                    let addressing = fitting(written, nature.addressing);
                    let origin = Origin {
                        kind,
                        addressing,
                        chosen: sample.map_or(nature.chosen, |rate| original.sampled(rate)),
                    };
                    let begun = Export::begin(written, origin, trim, page_size, &path, out)?;
                    export.insert(begun).record(record, out)
                }),
        };
        match result {
            Ok(flow) => flow == Flow::More,
            Err(error) => {
                failed = Some(error);
                false
            }
        }
    })?;
    match (failed, export) {
        (Some(error), _) => Err(error),
        (None, Some(export)) if export.done.accesses > 0 => {
            export.end(format, nature, out).map_err(ConvertError::from)
        }
        _ if selection.is_all() => Err(no_reference_of(&path, nature.skipped).into()),
        _ => Err(ConvertError::Nothing(path)),
    }
}

/// The addressing in which a format holds such addresses.
fn fitting(written: &Written, addressing: Addressing) -> Addressing {
    match written.addressings.contains(&addressing) {
        true => addressing,
        false => written.addressings[0],
    }
}

/// A file being written.
struct Export {
    written: &'static Written,
    writer: Box<dyn RecordWriter>,
    origin: Origin,
    trim: Trim,
    page_size: PageSize,
    path: PathBuf,
    done: Exported,
    lost: Lost,
    pieces: Vec<Access>,
}

/// What the format does not hold, in accesses unless it says otherwise.
#[derive(Default)]
struct Lost {
    fetches: u64,
    kinds: u64,
    sizes: u64,
    split: u64,
    rounded: u64,
    events: u64,
    pids: FxHashSet<u32>,
}

impl Export {
    fn begin(
        written: &'static Written,
        origin: Origin,
        trim: Trim,
        page_size: PageSize,
        path: &Path,
        out: &mut dyn Write,
    ) -> io::Result<Export> {
        let mut writer = (written.writer)();
        writer.begin(out, origin)?;
        Ok(Export {
            written,
            writer,
            origin,
            trim,
            page_size,
            path: path.to_path_buf(),
            done: Exported {
                accesses: 0,
                events: 0,
                skipped: 0,
                lost: Vec::new(),
            },
            lost: Lost::default(),
            pieces: Vec::new(),
        })
    }

    fn record(&mut self, record: Record<'_>, out: &mut dyn Write) -> Result<Flow, ConvertError> {
        match record {
            Record::Access(access) => {
                let mut pieces = std::mem::take(&mut self.pieces);
                let flow = self.trim.access(&access, |piece| pieces.push(piece));
                for piece in pieces.drain(..) {
                    self.piece(piece, out)?;
                }
                self.pieces = pieces;
                Ok(flow)
            }
            Record::Event { pid, event } if self.written.events => {
                self.trim.event(pid, event);
                self.writer.event(out, pid, event)?;
                self.done.events += 1;
                Ok(Flow::More)
            }
            Record::Event { pid, event } => {
                self.trim.event(pid, event);
                self.lost.events += 1;
                Ok(Flow::More)
            }
        }
    }

    /// An access that is taken, with as much of its kind, process and address as the format holds.
    fn piece(&mut self, mut access: Access, out: &mut dyn Write) -> Result<(), ConvertError> {
        match (self.written.kinds, access.kind) {
            (Kinds::Data, Kind::Ifetch) => {
                self.lost.fetches += 1;
                return Ok(());
            }
            (Kinds::None, Kind::Ifetch | Kind::Write) => {
                self.lost.kinds += 1;
                access.kind = Kind::Read;
            }
            _ => {}
        }
        if !self.written.processes {
            self.lost.pids.insert(access.pid);
            access.pid = 0;
        }
        let shift = self.page_size.shift();
        match (self.trim.addressing(), self.origin.addressing) {
            (Addressing::Bytes, Addressing::Ids) => {
                let first = access.addr >> shift;
                let last = (access.addr.saturating_add(u64::from(access.size - 1))) >> shift;
                access.addr = first;
                access.size = (last - first + 1) as u32;
                self.sized(access, out)
            }
            (Addressing::Ids, Addressing::Bytes) => {
                for id in access.addr..=access.addr.saturating_add(u64::from(access.size - 1)) {
                    if id > u64::MAX >> shift {
                        let what = format!(
                            "page id {id} has no address of 64 bits with pages of {}",
                            self.page_size
                        );
                        let help = "choose a format that holds ids: pagebench formats";
                        return Err(TraceError::new(&self.path, what).help(help).into());
                    }
                    let addr = id << shift;
                    self.put(
                        Access {
                            addr,
                            size: 1,
                            ..access
                        },
                        out,
                    )?;
                }
                Ok(())
            }
            _ => self.sized(access, out),
        }
    }

    /// An access in the addressing of the format, in records of sizes that it holds.
    fn sized(&mut self, access: Access, out: &mut dyn Write) -> Result<(), ConvertError> {
        let addressing = self.origin.addressing;
        let most = (self.written.most)(addressing);
        if access.size <= most {
            return self.put(access, out);
        }
        let last = access.addr.saturating_add(u64::from(access.size - 1));
        // Without sizes, a record for each page; with them, as few records as can be.
        let (shift, page_bytes) = (self.page_size.shift(), self.page_size.bytes());
        let next = |addr: u64| match (most, addressing) {
            (1, Addressing::Bytes) => ((addr >> shift) + 1).checked_mul(page_bytes),
            _ => addr.checked_add(u64::from(most)),
        };
        match (most, addressing) {
            (1, Addressing::Bytes) => self.lost.sizes += 1,
            (1, Addressing::Ids) => {}
            _ => self.lost.split += 1,
        }
        let mut addr = access.addr;
        loop {
            let behind = next(addr).filter(|&behind| behind <= last);
            let size = match most {
                1 => 1,
                _ => (behind.map_or(last, |behind| behind - 1) - addr + 1) as u32,
            };
            self.put(
                Access {
                    addr,
                    size,
                    ..access
                },
                out,
            )?;
            match behind {
                Some(behind) => addr = behind,
                None => return Ok(()),
            }
        }
    }

    fn put(&mut self, mut access: Access, out: &mut dyn Write) -> Result<(), ConvertError> {
        let offset = access.addr & (self.written.alignment - 1);
        self.lost.rounded += u64::from(offset != 0);
        access.addr -= offset;
        self.writer.access(out, &access)?;
        self.done.accesses += 1;
        Ok(())
    }

    fn end(mut self, format: &Format, nature: Nature, out: &mut dyn Write) -> io::Result<Exported> {
        self.writer.end(out)?;
        self.done.skipped = nature.skipped;
        self.done.lost = self.losses(format.name);
        Ok(self.done)
    }

    /// Each loss as a sentence.
    fn losses(&self, name: &str) -> Vec<String> {
        let (lost, size) = (&self.lost, self.page_size);
        let (from, to) = (self.trim.addressing(), self.origin.addressing);
        let mut all = Vec::new();
        let mut tell = |count: u64, what: &str| {
            if count > 0 {
                all.push(format!("{name} {}", what.replace("{}", &show_count(count))));
            }
        };
        tell(lost.fetches, "holds no instruction fetches: {} left out");
        tell(
            lost.kinds,
            "does not tell kinds: {} writes and fetches became reads",
        );
        let sizes = format!(
            "holds no sizes: {{}} larger accesses became one byte of each page of {size} they touch"
        );
        tell(lost.sizes, &sizes);
        tell(lost.split, "holds no accesses so large: {} became several");
        let alignment = PageSize::from_shift(self.written.alignment.trailing_zeros() as u8);
        let rounded = alignment
            .map(|size| format!("holds addresses of pages of {size} only: {{}} were rounded down"));
        tell(lost.rounded, rounded.as_deref().unwrap_or_default());
        if from != to {
            all.push(match to {
                Addressing::Ids => {
                    format!("{name} holds page numbers: addresses became those of pages of {size}")
                }
                Addressing::Bytes => {
                    format!("{name} holds addresses: page ids became those of pages of {size}")
                }
            });
        }
        if lost.events > 0 {
            let count = show_count(lost.events);
            all.push(format!(
                "{name} holds no events: {count} mappings, forks and the like left out"
            ));
        }
        if lost.pids.len() > 1 {
            let count = lost.pids.len();
            all.push(format!(
                "{name} does not tell processes: {count} became one, in which equal addresses are one page; take one with --pid"
            ));
        }
        let kind = self.origin.kind;
        if !(self.written.tells_kind)(kind, to) {
            let kind = kind.name();
            all.push(format!(
                "{name} does not tell the kind of trace: read it with --kind {kind}"
            ));
        }
        all
    }
}
