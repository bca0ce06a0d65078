//! Writing a trace in a format of the table: the part of it that is taken, adapted to what the format
//! can express. Losses are counted and reported, never dropped in silence.
//!
//! Knows no format: what each can express is in its [`Written`].

pub mod trim;

use super::access::{Access, Addressing, Kind, TraceKind};
use super::convert::ConvertError;
use super::error::TraceError;
use super::selection::{Flow, Selection};
use super::source::{Nature, TraceSource, check_ids, no_reference_of};
use super::stream::Record;
use crate::trace::format::{FileHead, Format, Kinds, RecordWriter, Written};
use crate::units::{PageSize, show_bytes, show_count};
use rustc_hash::FxHashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use trim::Trim;

/// Counts of a written file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Number of accesses.
    pub accesses: u64,
    /// Number of events.
    pub events: u64,
    /// Bad records skipped in the original.
    pub skipped: u64,
    /// What the file does not express, one sentence for each loss.
    pub lost: Vec<String>,
}

/// Writes the part of a trace that is taken in `format`, in order, as it is read. `name_settles` is true
/// if the ending of the file's name settles what the format leaves open.
///
/// # Errors
///
/// Errors if the trace cannot be read, nothing of it is left, it does not fit the format at all, or
/// `out` fails.
///
/// # Panics
///
/// Panics if the format cannot be written.
pub fn export(
    source: TraceSource,
    format: &'static Format,
    name_settles: bool,
    out: &mut dyn Write,
) -> Result<Exported, ConvertError> {
    let written = format.written.as_ref().expect("a format that is written");
    let path = source.path().to_path_buf();
    let (selection, page_size) = (source.selection().clone(), source.page_size()?);
    let asked = source.asked_page_size();
    let stored = source.store().map(|store| store.meta.page_size);
    let mut export: Option<Export> = None;
    let nature = source.accesses(|nature, record| {
        let export = match &mut export {
            Some(export) => export,
            None => {
                check_ids(&path, nature.addressing, asked)?;
                let selection = selection.clone();
                let nature = (nature, name_settles);
                let mut begun = Export::begin(written, nature, selection, page_size, &path, out)?;
                let nature = nature.0;
                begun.stored = stored.filter(|_| nature.addressing == Addressing::Bytes);
                export.insert(begun)
            }
        };
        Ok::<_, ConvertError>(match export.record(record, out)? {
            Flow::More => Some(export.trim.wanted()),
            Flow::Done => None,
        })
    })?;
    match export {
        Some(export) if export.done.accesses > 0 => Ok(export.end(format, nature, out)?),
        Some(export) if export.lost.fetches > 0 => {
            let lost = export.losses(format.name, nature.kind).swap_remove(0);
            Err(ConvertError::Unheld { path, lost })
        }
        _ if selection.is_all() => Err(no_reference_of(&path, nature.skipped).into()),
        _ => Err(ConvertError::Nothing(path)),
    }
}

/// Returns the addressing in which a format expresses addresses of the kind `addressing`.
fn fitting(written: &Written, addressing: Addressing) -> Addressing {
    match written.addressings.contains(&addressing) {
        true => addressing,
        false => written.addressings[0],
    }
}

/// Returns the page size of which every address of a format is a multiple, if there is one.
fn alignment(written: &Written) -> Option<PageSize> {
    PageSize::from_shift(written.alignment.trailing_zeros() as u8)
}

/// A file being written.
struct Export {
    written: &'static Written,
    writer: Box<dyn RecordWriter>,
    origin: FileHead,
    trim: Trim,
    page_size: PageSize,
    /// The page size of a stored original of byte addresses.
    stored: Option<PageSize>,
    path: PathBuf,
    done: Exported,
    lost: Lost,
    pieces: Vec<Access>,
}

/// What the format cannot express: counts of accesses, or as the field says.
#[derive(Default)]
struct Lost {
    /// Instruction fetches left out.
    fetches: u64,
    /// Writes and fetches written as reads.
    kinds: u64,
    /// Accesses written as one byte of each page, because the format has no sizes.
    sizes: u64,
    /// Accesses written as several records because they are too large.
    split: u64,
    /// Accesses written as one shorter record for each page because they are too large.
    clipped: u64,
    /// Records whose address was rounded down to the alignment of the format.
    rounded: u64,
    /// Events left out.
    events: u64,
    /// Ids of the processes that were merged into one.
    pids: FxHashSet<u32>,
}

impl Export {
    /// Writes the beginning of a file.
    fn begin(
        written: &'static Written,
        (nature, name_settles): (Nature, bool),
        mut selection: Selection,
        page_size: PageSize,
        path: &Path,
        out: &mut dyn Write,
    ) -> io::Result<Export> {
        let sample = selection.sample;
        let original = nature.chosen.or_of_kind(nature.kind);
        selection.sample = sample.map(|rate| rate.of(original));
        let origin = FileHead {
            kind: sample.map_or(nature.kind, |_| TraceKind::Sampled),
            addressing: fitting(written, nature.addressing),
            chosen: sample.map_or(nature.chosen, |rate| original.sampled(rate)),
            name_settles,
        };
        let mut writer = (written.writer)();
        writer.begin(out, origin)?;
        Ok(Export {
            written,
            writer,
            origin,
            trim: Trim::new(selection, nature.addressing, page_size),
            // Smaller pages would be several records of one page.
            page_size: alignment(written).map_or(page_size, |least| page_size.max(least)),
            stored: None,
            path: path.to_path_buf(),
            done: Exported::default(),
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

    /// Writes an access with as much of its kind, process and address as the format can express.
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
        match (self.trim.addressing(), self.origin.addressing) {
            (Addressing::Bytes, Addressing::Ids) => {
                let shift = self.page_size.shift();
                let (first, last) = (access.addr >> shift, access.last() >> shift);
                access.addr = first;
                access.size = (last - first + 1) as u32;
                self.sized(access, out)
            }
            (Addressing::Ids, Addressing::Bytes) => self.ids_as_addresses(access, out),
            _ => self.sized(access, out),
        }
    }

    /// Writes each id as the first byte of a page.
    fn ids_as_addresses(
        &mut self,
        access: Access,
        out: &mut dyn Write,
    ) -> Result<(), ConvertError> {
        let shift = self.page_size.shift();
        for id in access.addr..=access.last() {
            if id > u64::MAX >> shift {
                let what = format!(
                    "page id {id} has no address of 64 bits with pages of {}",
                    self.page_size
                );
                let help = "choose a format that holds ids: pagebench formats";
                return Err(TraceError::new(&self.path, what).help(help).into());
            }
            let (addr, size) = (id << shift, 1);
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

    /// Writes an access, in the addressing of the format, as records of sizes that it can express.
    fn sized(&mut self, access: Access, out: &mut dyn Write) -> Result<(), ConvertError> {
        let most = (self.written.most)(self.origin.addressing);
        if access.size <= most {
            return self.put(access, out);
        }
        let page_bytes = match self.origin.addressing {
            Addressing::Bytes => self.page_size.bytes(),
            Addressing::Ids => 1,
        };
        // Cut where pages begin, so that no page gets two records: one record for each page if a page
        // is larger than a record can be, else as few records as possible.
        let every = page_bytes.max(1 << most.ilog2());
        match (most, self.origin.addressing) {
            (_, Addressing::Ids) => {}
            (1, Addressing::Bytes) => self.lost.sizes += 1,
            _ if page_bytes > u64::from(most) => self.lost.clipped += 1,
            _ => self.lost.split += 1,
        }
        let last = access.last();
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

    /// Returns a sentence for each loss. `kind` is that of the original as known at the end.
    fn losses(&self, name: &str, kind: TraceKind) -> Vec<String> {
        let counted = self.counted_losses().into_iter();
        let counted = counted.filter(|(count, _)| *count > 0);
        let mut all: Vec<String> = counted
            .map(|(count, what)| format!("{name} {}", what.replace("{}", &show_count(count))))
            .collect();
        all.extend(self.lost_addresses(name));
        if self.lost.events > 0 {
            let count = show_count(self.lost.events);
            all.push(format!(
                "{name} holds no events: {count} mappings, forks and the like left out"
            ));
        }
        if self.lost.pids.len() > 1 {
            let count = self.lost.pids.len();
            all.push(format!(
                "{name} does not tell processes: {count} became one, in which equal addresses are one page; take one with --pid"
            ));
        }
        all.extend(self.lost_kind(name, kind));
        all
    }

    /// Returns the losses of accesses: a count, and a sentence with `{}` for the count.
    fn counted_losses(&self) -> [(u64, String); 6] {
        let (lost, size) = (&self.lost, self.page_size);
        let most = show_bytes(u64::from((self.written.most)(self.origin.addressing)));
        let align = alignment(self.written).unwrap_or(size);
        let kinds = "does not tell kinds: {} writes and fetches became reads";
        let sizes = format!(
            "holds no sizes: {{}} larger accesses became one byte of each page of {size} they touch, \
             a reference each at every page size"
        );
        let split = format!(
            "holds no accesses over {most}: {{}} became several, a reference each in larger pages"
        );
        let clipped = format!(
            "holds no accesses over {most}: {{}} became one of {most} or less in each page of {size} \
             they touch"
        );
        let rounded = format!("holds addresses of pages of {align} only: {{}} were rounded down");
        [
            (
                lost.fetches,
                "holds no instruction fetches: {} left out".into(),
            ),
            (lost.kinds, kinds.into()),
            (lost.sizes, sizes),
            (lost.split, split),
            (lost.clipped, clipped),
            (lost.rounded, rounded),
        ]
    }

    /// Returns a sentence on what became of the addresses, if they changed.
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

    /// Returns a sentence if the file states no kind of trace, or a wrong one.
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
