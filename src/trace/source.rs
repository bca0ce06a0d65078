//! From a named file to references: opens whatever the file is (text, binary, `.pbt`, compressed
//! or not, standard input), sees what is known of it, and has it streamed into memory ([`load`]),
//! into a `.pbt` ([`convert`]) or to any other sink. How that is done is not known here (see
//! `stream`).

use super::ahead::{Known, Wanted};
use super::codec;
use super::dense::{Dictionary, Meta, Trace};
use super::error::{Position, TraceError};
use super::format::{self, ReadOptions};
use super::record::{Addressing, TraceKind};
use super::sample::Chosen;
use super::select::{Both, Collector, Selection, Sink};
use super::store::{MAGIC, Store, Summary, Writer};
use super::stream::{self, Record};
use crate::units::{PageSize, show_bytes};
use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

/// How a trace is to be opened and what of it is wanted.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The name of its format; guessed from content if absent.
    pub format: Option<String>,
    /// How the format is to be read.
    pub read: ReadOptions,
    /// The page size; the stored one, or 4 KiB, if absent.
    pub page_size: Option<PageSize>,
    /// The part of the trace that is taken.
    pub selection: Selection,
    /// The name of the trace; that of the file if absent.
    pub name: Option<String>,
    /// The kind of recording, if it is not that of its format.
    pub kind: Option<TraceKind>,
    /// Nothing will be asked that needs single references: what is stored of bursts is enough.
    pub lists_do: bool,
    /// Memory that the trace may take, in bytes: a stored one that takes more stays in its file.
    pub mem_limit: Option<u64>,
}

/// The name of the stored format, for `--format`.
pub const PBT: &str = "pbt";

/// An opened trace, nothing of it replayed yet.
pub struct Source {
    path: PathBuf,
    options: LoadOptions,
    content: Content,
    /// The name of the format.
    pub format: &'static str,
    /// The name of the codec; `none` for plain content.
    pub codec: &'static str,
    /// True if the format was guessed from content.
    pub guessed: bool,
}

/// What is known of a trace while its accesses are listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    /// The kind of recording.
    pub kind: TraceKind,
    /// How addresses are to be read.
    pub addressing: Addressing,
    /// Bad records skipped so far.
    pub skipped: u64,
    /// How its pages were chosen from those of an original.
    pub chosen: Chosen,
}

enum Content {
    Records(Box<dyn format::RecordReader>, TraceKind),
    Stored(Box<Store>),
}

impl Source {
    /// Opens a trace; `-` is standard input.
    pub fn open(path: &Path, options: &LoadOptions) -> Result<Source, TraceError> {
        let stored = |store: Store, codec| Source {
            path: path.to_path_buf(),
            options: options.clone(),
            content: Content::Stored(Box::new(store)),
            format: PBT,
            codec,
            // The magic number leaves no doubt.
            guessed: false,
        };
        let wants_pbt = options
            .format
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case(PBT));
        let may_be_pbt = options.format.is_none() || wants_pbt;
        if may_be_pbt && path != Path::new("-") && has_magic(path) {
            return Ok(stored(Store::open(path)?, "none"));
        }
        let mut input = codec::open(path)?;
        // A pipe may hand out less than the magic number at a time.
        let is_magic = |first| wants_pbt || may_be_pbt && first == MAGIC[0];
        let head = codec::beginning(&mut input.reader, MAGIC.len(), is_magic)
            .map_err(|e| codec::read_error(path, e))?;
        if may_be_pbt && head == MAGIC {
            let mut bytes = head;
            input
                .reader
                .read_to_end(&mut bytes)
                .map_err(|e| codec::read_error(path, e))?;
            return Ok(stored(Store::from_bytes(path, bytes)?, input.codec));
        }
        if wants_pbt {
            let what = match head.len() {
                0 => "the file is empty",
                _ => "this is no .pbt file",
            };
            return Err(TraceError::new(path, what)
                .at(Position::Byte(0))
                .text(&head)
                .help("leave --format out to have the format guessed"));
        }
        input.reader = Box::new(Cursor::new(head).chain(input.reader));
        let format = match &options.format {
            None => None,
            Some(name) => {
                Some(format::by_name(name).map_err(|e| TraceError::new(path, e.to_string()))?)
            }
        };
        let opened = format::open_input(path, input, format, &options.read)?;
        Ok(Source {
            path: path.to_path_buf(),
            options: options.clone(),
            format: opened.format.name,
            codec: opened.codec,
            guessed: opened.guessed,
            content: Content::Records(opened.reader, opened.format.kind),
        })
    }

    /// The page size at which references will come: the one asked for, the stored one, or 4 KiB.
    /// An error if that cannot be.
    pub fn page_size(&self) -> Result<PageSize, TraceError> {
        let Content::Stored(store) = &self.content else {
            return Ok(self.options.page_size.unwrap_or(PageSize::DEFAULT));
        };
        let (stored, wanted) = (
            store.meta.page_size,
            self.options.page_size.unwrap_or(store.meta.page_size),
        );
        if wanted < stored {
            let what =
                format!("stored with pages of {stored}: pages of {wanted} cannot be told apart");
            return Err(TraceError::new(&self.path, what)
                .help(format!("take its own with --page-size {stored}, or convert the original with the smaller one")));
        }
        Ok(wanted)
    }

    /// The name of the trace: the one asked for, the one stored with it, or that of the file.
    pub fn name(&self) -> String {
        let stored = || self.store().map(|store| store.meta.name.clone());
        let name = self.options.name.clone().or_else(stored);
        name.unwrap_or_else(|| name_of(&self.path))
    }

    /// Gives the trace a name, in place of any other.
    pub fn rename(&mut self, name: String) {
        self.options.name = Some(name);
    }

    /// Asks for other page sizes than at opening: the first is that of the trace, and coarser
    /// traces are made of it, which takes its single references.
    pub fn set_page_sizes(&mut self, sizes: &[PageSize]) {
        self.options.page_size = sizes.first().copied();
        self.options.lists_do &= sizes.len() <= 1;
    }

    /// The stored trace, if it is one.
    pub fn store(&self) -> Option<&Store> {
        match &self.content {
            Content::Stored(store) => Some(store),
            Content::Records(..) => None,
        }
    }

    /// Hands every reference that is wanted, and the events between them, to `sink`, in order.
    /// Returns what is known of the trace, and the dictionary of the ids.
    pub fn stream(self, sink: &mut impl Sink) -> Result<(Meta, Dictionary), TraceError> {
        let page_size = self.page_size()?;
        let name = self.name();
        let Source {
            path,
            options,
            content,
            format,
            ..
        } = self;
        let mut selection = options.selection;
        let sample = selection.sample;
        let (mut meta, assembler) = match content {
            Content::Records(mut reader, kind) => {
                let check = |addressing| check_ids(&path, addressing, options.page_size);
                let reader = &mut *reader;
                let kind = |known: Known| options.kind.or(known.kind).unwrap_or(kind);
                let original = |known: Known| known.chosen.or_of_kind(kind(known));
                let (assembler, known) =
                    stream::records(&path, reader, original, selection, page_size, check, sink)?;
                let chosen = sample.map_or(known.chosen, |rate| original(known).sampled(rate));
                let meta = Meta {
                    name,
                    format: chosen.to_format(format),
                    kind: kind(known),
                    addressing: known.addressing,
                    page_size,
                    skipped: known.skipped,
                };
                (meta, assembler)
            }
            Content::Stored(store) => {
                let other = |size: &PageSize| *size != store.meta.page_size;
                check_ids(
                    &path,
                    store.meta.addressing,
                    options.page_size.filter(other),
                )?;
                let kind = options.kind.unwrap_or(store.meta.kind);
                let (base, chosen) = Chosen::of_format(&store.meta.format);
                let original = chosen.or_of_kind(kind);
                let format = match sample {
                    Some(rate) => original.sampled(rate).to_format(base),
                    None => store.meta.format.clone(),
                };
                selection.sample = sample.map(|rate| rate.of(original));
                let assembler = stream::stored(&path, &store, selection, page_size, sink)?;
                let meta = Meta {
                    name,
                    format,
                    kind,
                    page_size,
                    ..store.meta
                };
                (meta, assembler)
            }
        };
        if sample.is_some() {
            meta.kind = TraceKind::Sampled;
        }
        Ok((meta, assembler.into_dictionary()))
    }

    /// Calls `sink` with the first `number` accesses and events as the file states them, in order,
    /// those before an error too, until it returns false. Nothing behind them is read. A stored trace gives the beginnings
    /// of pages instead of addresses. Returns how many bad records were skipped before the last one.
    ///
    /// # Errors
    ///
    /// The trace cannot be read as far as that.
    pub fn records(
        self,
        number: u64,
        mut sink: impl FnMut(Record<'_>) -> bool,
    ) -> Result<u64, TraceError> {
        let mut left = number;
        let mut sink = |record: Record<'_>| {
            left = match sink(record) {
                true => left - 1,
                false => 0,
            };
            left
        };
        if number == 0 {
            return Ok(0);
        }
        match self.content {
            Content::Records(mut reader, _) => {
                let first = stream::wanted(number, false);
                let sink = |_, record: Record<'_>| stream::wanted(sink(record), false);
                stream::list_records(&mut *reader, first, sink).map(|known| known.skipped)
            }
            Content::Stored(store) => {
                stream::list_stored(&store, false, |record| sink(record) > 0)?;
                // Those skipped when it was written are not among these records.
                Ok(0)
            }
        }
    }

    /// Calls `sink` with the accesses and events as the file states them, in order, and with what
    /// is known of the trace, until it wants nothing more: `sink` returns how many references more
    /// are wanted at least, `None` if nothing is. Of a stored trace an access to several pages is
    /// one, from the last byte of the first to the first byte of the last. Returns what is known
    /// behind the last reference wanted.
    pub(super) fn accesses(
        self,
        mut sink: impl FnMut(Nature, Record<'_>) -> Option<u64>,
    ) -> Result<Nature, TraceError> {
        let given = self.options.kind;
        match self.content {
            Content::Records(mut reader, kind) => {
                let nature = |known: Known| Nature {
                    kind: given.or(known.kind).unwrap_or(kind),
                    addressing: known.addressing,
                    skipped: known.skipped,
                    chosen: known.chosen,
                };
                let has_events = reader.has_events();
                let first = self.options.selection.wanted().max(1);
                let sink = |known, record: Record<'_>| {
                    let wanted = sink(nature(known), record);
                    wanted.map_or(Wanted::Nothing, |more| stream::wanted(more, has_events))
                };
                stream::list_records(&mut *reader, stream::wanted(first, has_events), sink)
                    .map(nature)
            }
            Content::Stored(store) => {
                let nature = Nature {
                    kind: given.unwrap_or(store.meta.kind),
                    addressing: store.meta.addressing,
                    skipped: store.meta.skipped,
                    chosen: Chosen::of_format(&store.meta.format).1,
                };
                stream::list_stored(&store, true, |record| sink(nature, record).is_some())?;
                Ok(nature)
            }
        }
    }

    /// The file, as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What of the trace is wanted.
    pub fn selection(&self) -> &Selection {
        &self.options.selection
    }

    /// An error where a trace with such addresses cannot have the page size asked for.
    pub(super) fn check_page_size(&self) -> impl Fn(Addressing) -> Result<(), TraceError> + use<> {
        let (path, wanted) = (self.path.clone(), self.options.page_size);
        let stored = self.store().map(|store| store.meta.page_size);
        let wanted = wanted.filter(|size| Some(*size) != stored);
        move |addressing| check_ids(&path, addressing, wanted)
    }
}

/// Whether a regular file begins as a stored trace. A pipe must not be looked at: what is read of
/// it is gone.
fn has_magic(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let mut head = [0; MAGIC.len()];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && head == MAGIC
}

/// Ids are pages whatever their size: another page size would mean nothing.
fn check_ids(
    path: &Path,
    addressing: Addressing,
    wanted: Option<PageSize>,
) -> Result<(), TraceError> {
    match (addressing, wanted) {
        (Addressing::Ids, Some(size)) if size != PageSize::DEFAULT => {
            let what = format!(
                "the trace holds page ids, not addresses: pages of {size} cannot be made of them"
            );
            Err(TraceError::new(path, what).help("leave --page-size out for this trace"))
        }
        _ => Ok(()),
    }
}

/// Loads a trace into memory.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Trace, TraceError> {
    load_source(Source::open(path, options)?)
}

/// Loads an opened trace into memory.
pub fn load_source(source: Source) -> Result<Trace, TraceError> {
    let page_size = source.page_size()?;
    let options = source.options.clone();
    if let Content::Stored(store) = source.content {
        let takes = store.memory();
        if let Some(limit) = options.mem_limit.filter(|&limit| takes > limit) {
            return long(*store, page_size, &options, takes, limit);
        }
        if store.meta.page_size == page_size && options.selection.is_all() {
            let mut trace = match options.lists_do {
                true => store.load_lists()?,
                false => store.load()?,
            };
            trace.meta.name = options.name.unwrap_or(trace.meta.name);
            trace.meta.kind = options.kind.unwrap_or(trace.meta.kind);
            return Ok(trace);
        }
        return collect(Source {
            content: Content::Stored(store),
            ..source
        });
    }
    collect(source)
}

/// A trace that stays in its file, since it would take more memory than it may.
fn long(
    store: Store,
    page_size: PageSize,
    options: &LoadOptions,
    takes: u64,
    limit: u64,
) -> Result<Trace, TraceError> {
    let why_not = if !options.selection.is_all() {
        Some("parts of it can only be taken in memory")
    } else if page_size != store.meta.page_size {
        Some("other page sizes can only be made in memory")
    } else if !store.events.is_empty() {
        Some("what happens to its address spaces can only be followed in memory")
    } else {
        None
    };
    if let Some(why_not) = why_not {
        let (takes, limit) = (show_bytes(takes), show_bytes(limit));
        let what =
            format!("takes {takes} in memory, more than the limit of {limit}, and {why_not}");
        let help = "raise --mem-limit, or convert it first to what is wanted of it";
        return Err(TraceError::new(store.path(), what).help(help));
    }
    let mut trace = Trace::stored(store);
    if let Some(name) = &options.name {
        trace.meta.name.clone_from(name);
    }
    trace.meta.kind = options.kind.unwrap_or(trace.meta.kind);
    Ok(trace)
}

/// Loads an opened trace into memory, and hands it to another sink on the way.
pub fn load_and(source: Source, also: &mut impl Sink) -> Result<Trace, TraceError> {
    let mut collector = Collector::default();
    let (meta, dictionary) = source.stream(&mut Both(&mut collector, also))?;
    Ok(collector.into_trace(meta, dictionary))
}

fn collect(source: Source) -> Result<Trace, TraceError> {
    let mut collector = Collector::default();
    let (meta, dictionary) = source.stream(&mut collector)?;
    Ok(collector.into_trace(meta, dictionary))
}

/// A trace of the same accesses with coarser pages, from one already in memory.
pub fn coarsen(trace: &Trace, page_size: PageSize, path: &Path) -> Result<Trace, TraceError> {
    check_ids(path, trace.meta.addressing, Some(page_size))?;
    if trace.store().is_some() {
        let what = "does not fit into memory, where alone other page sizes can be made of it";
        let help = "raise --mem-limit, or convert it with --page-size first";
        return Err(TraceError::new(path, what).help(help));
    }
    stream::coarsened(path, trace, page_size)
}

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The original cannot be read.
    #[error("{0}")]
    Trace(#[from] TraceError),
    /// The selection leaves nothing.
    #[error("{}: nothing selected: no reference is left", .0.display())]
    Nothing(PathBuf),
    /// The format holds nothing of what is selected.
    #[error("{}: nothing is left to write: {lost}", .path.display())]
    Unheld {
        /// The original.
        path: PathBuf,
        /// What the format does not hold, a sentence.
        lost: String,
    },
    /// The sink does not take it.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// The error for a file of which no reference is left, though all of them were wanted.
pub fn no_reference(path: &Path, meta: &Meta) -> TraceError {
    no_reference_of(path, meta.skipped)
}

/// The same, where so many bad records were skipped.
pub(super) fn no_reference_of(path: &Path, skipped: u64) -> TraceError {
    match skipped {
        0 => TraceError::new(path, "the trace holds no reference"),
        bad => TraceError::new(
            path,
            format!("no reference is good: {bad} bad records skipped"),
        ),
    }
}

/// Streams a trace into a `.pbt`; memory grows with the pages, not with the references. `level` is zstd's, 1 to 19. Returns what is
/// known of the trace, and of the file.
pub fn convert<W: Write>(
    source: Source,
    out: W,
    level: i32,
) -> Result<(Meta, Summary), ConvertError> {
    let path = source.path.clone();
    let all = source.options.selection.is_all();
    let mut writer = Writer::new(out, level)?;
    let (meta, dictionary) = source.stream(&mut writer)?;
    if dictionary.pages.is_empty() {
        return Err(match all {
            true => no_reference(&path, &meta).into(),
            false => ConvertError::Nothing(path),
        });
    }
    let (_, summary) = writer.finish(&meta, &dictionary)?;
    Ok((meta, summary))
}

/// Endings of codecs and of formats that are only read, left out of a trace's name as those are that
/// formats are written with.
const ENDINGS: [&str; 25] = [
    "gz",
    "zst",
    "zstd",
    "xz",
    "lz4",
    "bz2",
    "pbt",
    "lackey",
    "trace",
    "trc",
    "din",
    "lis",
    "csv",
    "tsv",
    "txt",
    "bin",
    "oracleGeneral",
    "ref",
    "log",
    "out",
    "zip",
    "spc",
    "vscsi",
    "champsim",
    "champsimtrace",
];

/// The name of a trace: its file name without the endings of codec and format. Control
/// characters, which would upset a terminal, become question marks.
pub fn name_of(path: &Path) -> String {
    let Some(file) = path.file_name() else {
        return "stdin".into();
    };
    let mut name = &*file.to_string_lossy();
    if name == "-" {
        return "stdin".into();
    }
    while let Some((stem, ending)) = name.rsplit_once('.') {
        let known = ENDINGS.contains(&ending) || format::by_ending(ending).is_some();
        if stem.is_empty() || !known {
            break;
        }
        name = stem;
    }
    name.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_endings_of_codecs_and_formats_only() {
        for (path, name) in [
            ("a/cc1.lackey.zst", "cc1"),
            ("gcc-4.8.trace.gz", "gcc-4.8"),
            ("cloudPhysicsIO.oracleGeneral.bin", "cloudPhysicsIO"),
            (".pbt", ".pbt"),
            ("-", "stdin"),
            ("x", "x"),
            ("prog.rw", "prog"),
            ("prog.plain.gz", "prog"),
            ("prog.vpn", "prog"),
            ("prog.rwx", "prog.rwx"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
        // What `convert` writes, it names alike.
        let written = format::TABLE.iter().filter_map(|f| f.written.as_ref());
        for ending in written.flat_map(|written| written.endings) {
            assert_eq!(name_of(Path::new(&format!("a.b.{ending}"))), "a.b");
        }
    }
}
