//! From a named file to references: opens whatever the file is (text, binary, `.pbt`, compressed
//! or not, standard input) and streams its references through an [`Assembler`], into memory
//! ([`load`]), into a `.pbt` ([`convert`]) or to any other sink.

use super::codec;
use super::dense::{Dictionary, KindCode, Meta, Ref, Trace};
use super::error::{Position, TraceError};
use super::format::{self, ReadOptions};
use super::record::{Access, Addressing, TraceKind};
use super::select::{Assembler, Flow, Selection};
use super::store::{MAGIC, Store, Summary, Writer};
use crate::units::PageSize;
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
        let mut head = Vec::with_capacity(MAGIC.len());
        (&mut input.reader)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut head)
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
                .help("convert the original with the smaller --page-size"));
        }
        Ok(wanted)
    }

    /// The name of the trace: the one asked for, the one stored with it, or that of the file.
    pub fn name(&self) -> String {
        let stored = || self.store().map(|store| store.meta.name.clone());
        let name = self.options.name.clone().or_else(stored);
        name.unwrap_or_else(|| name_of(&self.path))
    }

    /// Asks for another page size than at opening.
    pub fn set_page_size(&mut self, page_size: Option<PageSize>) {
        self.options.page_size = page_size;
    }

    /// The stored trace, if it is one.
    pub fn store(&self) -> Option<&Store> {
        match &self.content {
            Content::Stored(store) => Some(store),
            Content::Records(..) => None,
        }
    }

    /// Calls `sink` with every reference that is wanted, in order. Returns what is known of the
    /// trace, and the dictionary of the ids.
    pub fn stream<E: From<TraceError>>(
        self,
        mut sink: impl FnMut(Ref, KindCode) -> Result<(), E>,
    ) -> Result<(Meta, Dictionary), E> {
        let page_size = self.page_size()?;
        let Source {
            path,
            options,
            content,
            format,
            ..
        } = self;
        let mut failed: Option<E> = None;
        let mut push = |reference, kind| {
            if failed.is_none() {
                failed = sink(reference, kind).err();
            }
        };
        let (meta, assembler) = match content {
            Content::Records(reader, kind) => {
                stream_records(&path, &options, reader, kind, format, page_size, &mut push)
            }
            Content::Stored(store) => stream_stored(&path, &options, &store, page_size, &mut push),
        }?;
        match failed {
            Some(error) => Err(error),
            None => Ok((meta, assembler.into_dictionary())),
        }
    }

    /// Calls `sink` with the accesses as the file states them, in order, until it returns false.
    /// A stored trace gives the beginnings of pages instead of addresses.
    pub fn accesses(self, mut sink: impl FnMut(Access) -> bool) -> Result<(), TraceError> {
        match self.content {
            Content::Records(mut reader, _) => {
                let mut batch = Vec::new();
                let mut more = true;
                while more {
                    more = reader.fill(&mut batch)?;
                    if !batch.drain(..).all(&mut sink) {
                        return Ok(());
                    }
                }
                Ok(())
            }
            Content::Stored(store) => stored_accesses(&store, sink),
        }
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

fn too_many_pages(path: &Path, error: super::dense::TooManyPages) -> TraceError {
    TraceError::new(path, error.to_string())
}

fn stream_records(
    path: &Path,
    options: &LoadOptions,
    mut reader: Box<dyn format::RecordReader>,
    kind: TraceKind,
    format: &'static str,
    page_size: PageSize,
    push: &mut impl FnMut(Ref, KindCode),
) -> Result<(Meta, Assembler), TraceError> {
    let mut batch = Vec::new();
    let mut more = reader.fill(&mut batch)?;
    // Known only once something was read.
    let addressing = reader.addressing();
    check_ids(path, addressing, options.page_size)?;
    let mut assembler = Assembler::new(options.selection.clone(), addressing, page_size);
    'file: loop {
        for access in &batch {
            let flow = assembler
                .access(access, push)
                .map_err(|e| too_many_pages(path, e))?;
            if flow == Flow::Done {
                break 'file;
            }
        }
        if !more {
            break;
        }
        batch.clear();
        more = reader.fill(&mut batch)?;
    }
    let meta = Meta {
        name: options.name.clone().unwrap_or_else(|| name_of(path)),
        format: format.to_owned(),
        kind: options.kind.or(reader.kind()).unwrap_or(kind),
        addressing,
        page_size,
        skipped: reader.skipped(),
    };
    Ok((meta, assembler))
}

fn stream_stored(
    path: &Path,
    options: &LoadOptions,
    store: &Store,
    page_size: PageSize,
    push: &mut impl FnMut(Ref, KindCode),
) -> Result<(Meta, Assembler), TraceError> {
    check_ids(
        path,
        store.meta.addressing,
        options
            .page_size
            .filter(|&size| size != store.meta.page_size),
    )?;
    let coarser = page_size.shift() - store.meta.page_size.shift();
    let mut assembler = Assembler::new(options.selection.clone(), store.meta.addressing, page_size);
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    'file: for block in 0..store.blocks() {
        refs.clear();
        kinds.clear();
        store.unpack(block, &mut refs, &mut kinds)?;
        for (&reference, &kind) in refs.iter().zip(&kinds) {
            let key = store.dictionary.pages[super::dense::page_of(reference) as usize];
            let flow = assembler.stored(&store.dictionary, key, coarser, kind, push);
            if flow.map_err(|e| too_many_pages(path, e))? == Flow::Done {
                break 'file;
            }
        }
    }
    let meta = Meta {
        name: options
            .name
            .clone()
            .unwrap_or_else(|| store.meta.name.clone()),
        kind: options.kind.unwrap_or(store.meta.kind),
        page_size,
        ..store.meta.clone()
    };
    Ok((meta, assembler))
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

fn stored_accesses(store: &Store, mut sink: impl FnMut(Access) -> bool) -> Result<(), TraceError> {
    use super::dense::{KIND_MASK, page_of};
    use super::record::Kind;
    let shift = if store.meta.addressing == Addressing::Ids {
        0
    } else {
        store.meta.page_size.shift()
    };
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for block in 0..store.blocks() {
        refs.clear();
        kinds.clear();
        store.unpack(block, &mut refs, &mut kinds)?;
        for (&reference, &kind) in refs.iter().zip(&kinds) {
            let key = store.dictionary.pages[page_of(reference) as usize];
            let pid = store.dictionary.pids[key.process as usize];
            let kind = Kind::ALL[usize::from(kind & KIND_MASK)];
            if !sink(Access {
                pid,
                kind,
                addr: key.number << shift,
                size: 1,
            }) {
                return Ok(());
            }
        }
    }
    Ok(())
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
        if store.meta.page_size == page_size && options.selection.is_all() {
            let mut trace = store.load()?;
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

fn collect(source: Source) -> Result<Trace, TraceError> {
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    let (meta, dictionary) = source.stream(|reference, kind| {
        refs.push(reference);
        kinds.push(kind);
        Ok::<(), TraceError>(())
    })?;
    Ok(Trace::new(meta, dictionary, refs, kinds, None))
}

/// A trace of the same accesses with coarser pages, from one already in memory.
pub fn coarsen(trace: &Trace, page_size: PageSize, path: &Path) -> Result<Trace, TraceError> {
    check_ids(path, trace.meta.addressing, Some(page_size))?;
    let coarser = page_size.shift() - trace.meta.page_size.shift();
    let mut assembler = Assembler::new(Selection::default(), trace.meta.addressing, page_size);
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for (&reference, &kind) in trace.refs.iter().zip(&trace.kinds) {
        let key = trace.dictionary.pages[super::dense::page_of(reference) as usize];
        let mut push = |reference, kind| {
            refs.push(reference);
            kinds.push(kind);
        };
        assembler
            .stored(&trace.dictionary, key, coarser, kind, &mut push)
            .map_err(|e| too_many_pages(path, e))?;
    }
    let meta = Meta {
        page_size,
        ..trace.meta.clone()
    };
    Ok(Trace::new(
        meta,
        assembler.into_dictionary(),
        refs,
        kinds,
        None,
    ))
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
    /// The sink does not take it.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// The error for a file of which no reference is left, though all of them were wanted.
pub fn no_reference(path: &Path, meta: &Meta) -> TraceError {
    match meta.skipped {
        0 => TraceError::new(path, "the trace holds no reference"),
        bad => TraceError::new(
            path,
            format!("no reference is good: {bad} bad records skipped"),
        ),
    }
}

/// Streams a trace into a `.pbt` in bounded memory. `level` is zstd's, 1 to 19. Returns what is
/// known of the trace, and of the file.
pub fn convert<W: Write>(
    source: Source,
    out: W,
    level: i32,
) -> Result<(Meta, Summary), ConvertError> {
    let path = source.path.clone();
    let all = source.options.selection.is_all();
    let mut writer = Writer::new(out, level)?;
    let (meta, dictionary) = source
        .stream(|reference, kind| writer.push(reference, kind).map_err(ConvertError::Write))?;
    if dictionary.pages.is_empty() {
        return Err(match all {
            true => no_reference(&path, &meta).into(),
            false => ConvertError::Nothing(path),
        });
    }
    let (_, summary) = writer.finish(&meta, &dictionary)?;
    Ok((meta, summary))
}

/// Endings of codecs and formats, left out of a trace's name.
const ENDINGS: [&str; 20] = [
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
        if stem.is_empty() || !ENDINGS.contains(&ending) {
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
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
    }
}
