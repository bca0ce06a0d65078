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
use crate::units::{PageSize, show_bytes, show_count};
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
    let stored = source.store().map(|store| store.meta.page_size);
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
                    let mut begun = Export::begin(written, origin, trim, page_size, &path, out)?;
                    begun.stored = stored.filter(|_| nature.addressing == Addressing::Bytes);
                    export.insert(begun).record(record, out)
                }),
        };
        match result {
            Ok(Flow::More) => export.as_ref().map(|export| export.trim.wanted()),
            Ok(Flow::Done) => None,
            Err(error) => {
                failed = Some(error);
                None
            }
        }
    })?;
    match (failed, export) {
        (Some(error), _) => Err(error),
        (None, Some(export)) if export.done.accesses > 0 => {
            export.end(format, nature, out).map_err(ConvertError::from)
        }
        (None, Some(export)) if export.lost.fetches > 0 => {
            let lost = export.losses(format.name, nature.kind).swap_remove(0);
            Err(ConvertError::Unheld { path, lost })
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

/// The page size that every address of a format is a multiple of, if there is one.
fn alignment(written: &Written) -> Option<PageSize> {
    PageSize::from_shift(written.alignment.trailing_zeros() as u8)
}

/// A file being written.
struct Export {
    written: &'static Written,
    writer: Box<dyn RecordWriter>,
    origin: Origin,
    trim: Trim,
    page_size: PageSize,
    /// The page size of a stored original of byte addresses.
    stored: Option<PageSize>,
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
    clipped: u64,
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
            // Smaller pages cannot be in it: they would be several records of one page.
            page_size: alignment(written).map_or(page_size, |least| page_size.max(least)),
            stored: None,
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
        let most = (self.written.most)(self.origin.addressing);
        if access.size <= most {
            return self.put(access, out);
        }
        let page_bytes = match self.origin.addressing {
            Addressing::Bytes => self.page_size.bytes(),
            Addressing::Ids => 1,
        };
        // Cut where pages begin, so that no page gets two records: a record for each page where a
        // page is larger than a record can be, else as few records as can be.
        let every = page_bytes.max(1 << most.ilog2());
        match (most, self.origin.addressing) {
            (_, Addressing::Ids) => {}
            (1, Addressing::Bytes) => self.lost.sizes += 1,
            _ if page_bytes > u64::from(most) => self.lost.clipped += 1,
            _ => self.lost.split += 1,
        }
        let last = access.addr.saturating_add(u64::from(access.size - 1));
        let mut next = Some(access.addr);
        while let Some(addr) = next {
            next = (addr / every + 1).checked_mul(every);
            next = next.filter(|&next| next <= last);
            let end = next.map_or(last, |next| next - 1);
            let size = (end - addr + 1).min(u64::from(most)) as u32;
            self.put(
                Access {
                    addr,
                    size,
                    ..access
                },
                out,
            )?;
        }
        Ok(())
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
        self.done.lost = self.losses(format.name, nature.kind);
        Ok(self.done)
    }

    /// Each loss as a sentence; `kind` is that of the original as it was known at the end.
    fn losses(&self, name: &str, kind: TraceKind) -> Vec<String> {
        let (lost, size) = (&self.lost, self.page_size);
        let to = self.origin.addressing;
        let most = show_bytes(u64::from((self.written.most)(to)));
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
            "holds no sizes: {{}} larger accesses became one byte of each page of {size} they touch, \
             a reference each at every page size"
        );
        tell(lost.sizes, &sizes);
        let split = format!(
            "holds no accesses over {most}: {{}} became several, a reference each in larger pages"
        );
        tell(lost.split, &split);
        let clipped = format!(
            "holds no accesses over {most}: {{}} became one of {most} or less in each page of {size} \
             they touch"
        );
        tell(lost.clipped, &clipped);
        let rounded = alignment(self.written)
            .map(|size| format!("holds addresses of pages of {size} only: {{}} were rounded down"));
        tell(lost.rounded, rounded.as_deref().unwrap_or_default());
        all.extend(self.lost_addresses(name));
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
        all.extend(self.lost_kind(name, kind));
        all
    }

    /// What became of the addresses.
    fn lost_addresses(&self, name: &str) -> Option<String> {
        let size = self.page_size;
        match (self.trim.addressing(), self.origin.addressing) {
            (Addressing::Bytes, Addressing::Ids) => Some(format!(
                "{name} holds page numbers: addresses became those of pages of {size}"
            )),
            (Addressing::Ids, Addressing::Bytes) => Some(format!(
                "{name} holds addresses: page ids became those of pages of {size}"
            )),
            _ => {
                let stored = self.stored?;
                Some(format!(
                    "the addresses are those of the stored pages of {stored}, of which smaller pages \
                     cannot be told apart: read it with --page-size {stored} or more"
                ))
            }
        }
    }

    /// What the file does not say, or says wrongly, of the kind of trace.
    fn lost_kind(&self, name: &str, kind: TraceKind) -> Option<String> {
        let told = self.origin.kind;
        let kind = match told {
            TraceKind::Sampled => told,
            _ => kind,
        };
        let (to, kind_name) = (self.origin.addressing, kind.name());
        if !(self.written.tells_kind)(kind, to) {
            return Some(format!(
                "{name} does not tell the kind of trace: read it with --kind {kind_name}"
            ));
        }
        (kind != told).then(|| {
            let told = told.name();
            format!(
                "its beginning says that the kind is {told}, but later on the trace is {kind_name}: \
                 change the kind there to {kind_name}"
            )
        })
    }
}
