//! From a named file to references: opens whatever the file is (text, binary, `.pbt`, compressed
//! or not, standard input), finds out its metadata, and has it streamed into memory ([`load`])
//! or to any other sink. Does not know how that is done (see `stream`).

use super::access::{Addressing, TraceKind};
use super::dense::Trace;
use super::error::{Position, TraceError};
use super::refs::{Dictionary, Meta};
use super::sample::Chosen;
use super::selection::{Flow, Selection};
use super::sink::{Both, Sink};
use super::spill::{Kept, Spill};
use super::stream::{self, Record, StoredPages};
use super::trace_name::name_of;
use crate::trace::codec;
use crate::trace::codec::read_ahead::Wanted;
use crate::trace::codec::watch::WatchedFile;
use crate::trace::format;
use crate::trace::format::Known;
use crate::trace::format::options::no_columns;
use crate::trace::format::{ReadOptions, SharedReport};
use crate::trace::store::{MAGIC, Store};
use crate::units::{PageSize, plain_name, show_bytes};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How a trace is opened, and which part of it is taken.
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
    /// The kind of recording; that of the file or its format if absent.
    pub kind: Option<TraceKind>,
    /// Memory that the trace may take, in bytes. A `.pbt` that needs more stays in its file; any other
    /// goes into a temporary one.
    pub mem_limit: Option<u64>,
}

/// The name of the stored format, for `--format`.
pub const PBT: &str = "pbt";

/// An opened trace.
pub struct TraceSource {
    path: PathBuf,
    options: LoadOptions,
    content: Content,
    /// The file that is read as it is used; `None` for a `.pbt`, a folder, and standard input.
    file: Option<Arc<WatchedFile>>,
    /// The name of the format.
    pub format: &'static str,
    /// The name of the codec; `none` for plain content.
    pub codec: &'static str,
    /// True if the format was guessed from content.
    pub guessed: bool,
    /// How the file was read, once that is done; nothing of a stored trace.
    pub report: SharedReport,
}

/// Metadata of a trace as known while its accesses are listed: [`Known`], with the kind decided.
#[derive(Debug, Clone, Copy)]
pub(in crate::trace) struct Nature {
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
    /// A reader, and the kind of trace that its format has.
    Records(Box<dyn format::RecordReader>, TraceKind),
    Stored(Box<Store>),
}

/// Returns the files of the threads if `path` is a folder that is one trace, which a drmemtrace is;
/// `None` for a file, and for any other folder.
///
/// # Errors
///
/// Errors if the folder may be meant as one trace or as several.
pub fn threads_in(path: &Path, options: &LoadOptions) -> Result<Option<Vec<PathBuf>>, TraceError> {
    let format = options.format.as_deref();
    let may_be = format.is_none_or(|name| name.eq_ignore_ascii_case("drmemtrace"));
    if !may_be || !path.is_dir() {
        return Ok(None);
    }
    format::thread_files(path)
}

impl TraceSource {
    /// Opens a trace; `-` is standard input.
    pub fn open(path: &Path, options: &LoadOptions) -> Result<TraceSource, TraceError> {
        let wants_pbt = options
            .format
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case(PBT));
        let may_be_pbt = options.format.is_none() || wants_pbt;
        if let Some(files) = threads_in(path, options)? {
            let opened = format::open_threads(path, &files, &options.read)?;
            return Ok(TraceSource::of_opened(path, options, opened));
        }
        // Looked at before the codec, so that blocks can be read when they are needed.
        if may_be_pbt && path != Path::new("-") && has_magic(path) {
            check_lines_option(path, options)?;
            return Ok(TraceSource::of_store(
                path,
                options,
                Store::open(path)?,
                "none",
            ));
        }
        let mut input = codec::open(path)?;
        let fail = |e| codec::read_error(path, e);
        // A `.pbt` may also be compressed or come through a pipe, which may hand out less than the
        // magic number at a time.
        let is_magic = |first| wants_pbt || may_be_pbt && first == MAGIC[0];
        let head = codec::beginning(&mut input.reader, MAGIC.len(), is_magic).map_err(fail)?;
        if may_be_pbt && head == MAGIC {
            check_lines_option(path, options)?;
            let bytes = read_stored(path, head, &mut input)?;
            let store = Store::from_bytes(path, bytes)?;
            return Ok(TraceSource::of_store(path, options, store, input.codec));
        }
        if wants_pbt {
            return Err(no_pbt(path, &head));
        }
        input.reader = Box::new(Cursor::new(head).chain(input.reader));
        let file = input.file.clone();
        let source = TraceSource::open_records(path, options, input)?;
        Ok(TraceSource { file, ..source })
    }

    /// Returns the source of a `.pbt`. `codec` is what the file was compressed with.
    fn of_store(
        path: &Path,
        options: &LoadOptions,
        store: Store,
        codec: &'static str,
    ) -> TraceSource {
        TraceSource {
            path: path.to_path_buf(),
            options: options.clone(),
            content: Content::Stored(Box::new(store)),
            file: None,
            format: PBT,
            codec,
            // The magic number leaves no doubt.
            guessed: false,
            report: SharedReport::default(),
        }
    }

    /// Opens a trace of any other format.
    fn open_records(
        path: &Path,
        options: &LoadOptions,
        input: codec::Input,
    ) -> Result<TraceSource, TraceError> {
        let by_name =
            |name: &String| format::by_name(name).map_err(|e| TraceError::new(path, e.to_string()));
        let format = options.format.as_ref().map(by_name).transpose()?;
        let opened = format::open_input(path, input, format, &options.read)?;
        Ok(TraceSource::of_opened(path, options, opened))
    }

    fn of_opened(path: &Path, options: &LoadOptions, opened: format::Opened) -> TraceSource {
        TraceSource {
            path: path.to_path_buf(),
            options: options.clone(),
            format: opened.format.name,
            codec: opened.codec,
            guessed: opened.guessed,
            report: opened.report,
            content: Content::Records(opened.reader, opened.format.kind),
            file: None,
        }
    }

    /// Returns the page size of the references: the one asked for, the stored one, or 4 KiB. Errors if
    /// the one asked for is smaller than the stored one.
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

    /// Returns the name of the trace, made plain: the one asked for, the stored one, or that of the file.
    pub fn name(&self) -> String {
        let stored = || self.store().map(|store| store.meta.name.clone());
        let name = self.options.name.clone().or_else(stored);
        let name = name.unwrap_or_else(|| name_of(&self.path));
        plain_name(&name).into_owned()
    }

    /// Sets the name of the trace, in place of any other.
    pub fn rename(&mut self, name: String) {
        self.options.name = Some(name);
    }

    /// Asks for other page sizes than at opening. The first is that of the trace. The caller derives
    /// coarser traces from it (see `coarsen`).
    pub fn set_page_sizes(&mut self, sizes: &[PageSize]) {
        self.options.page_size = sizes.first().copied();
    }

    /// Returns the stored trace, if it is one.
    pub fn store(&self) -> Option<&Store> {
        match &self.content {
            Content::Stored(store) => Some(store),
            Content::Records(..) => None,
        }
    }

    /// Returns the page size asked for, unless it is the stored one.
    pub(in crate::trace) fn asked_page_size(&self) -> Option<PageSize> {
        let stored = self.store().map(|store| store.meta.page_size);
        self.options.page_size.filter(|&size| Some(size) != stored)
    }

    /// Passes every reference taken, and the events between them, to `sink`, in order. Returns
    /// metadata and dictionary.
    pub fn stream(self, sink: &mut impl Sink) -> Result<(Meta, Dictionary), TraceError> {
        let page_size = self.page_size()?;
        let asked = self.asked_page_size();
        let name = self.name();
        let TraceSource {
            path,
            options,
            file,
            ..
        } = self;
        let mut selection = options.selection;
        let sample = selection.sample;
        let (mut meta, assembler) = match self.content {
            Content::Records(mut reader, kind) => {
                let check = |addressing| check_ids(&path, addressing, asked);
                let kind = |known: Known| options.kind.or(known.kind).unwrap_or(kind);
                let original = |known: Known| known.chosen.or_of_kind(kind(known));
                let (reader, pages) = (&mut *reader, (page_size, options.mem_limit));
                let (assembler, known) =
                    stream::records(&path, reader, original, selection, pages, check, sink)?;
                // The end of the file may not have been reached.
                unchanged(&path, file.as_deref())?;
                let chosen = sample.map_or(known.chosen, |rate| original(known).sampled(rate));
                let meta = Meta {
                    name,
                    format: chosen.to_format(self.format),
                    kind: kind(known),
                    addressing: known.addressing,
                    page_size,
                    skipped: known.skipped,
                };
                (meta, assembler)
            }
            Content::Stored(store) => {
                check_ids(&path, store.meta.addressing, asked)?;
                let kind = options.kind.unwrap_or(store.meta.kind);
                let (base, chosen) = Chosen::of_format(&store.meta.format);
                let original = chosen.or_of_kind(kind);
                let format = match sample {
                    Some(rate) => original.sampled(rate).to_format(base),
                    None => store.meta.format.clone(),
                };
                selection.sample = sample.map(|rate| rate.of(original));
                let pages = (page_size, options.mem_limit);
                let assembler = stream::stored(&path, &store, selection, pages, sink)?;
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
    /// until it returns false. Reads nothing after them. Those before an error come first. A stored
    /// trace gives the beginnings of pages instead of addresses. Returns how many bad records were
    /// skipped before the last one; 0 for a stored trace.
    ///
    /// # Errors
    ///
    /// Errors if the trace cannot be read as far as that.
    pub fn records(
        self,
        number: u64,
        mut sink: impl FnMut(Record<'_>) -> bool,
    ) -> Result<u64, TraceError> {
        if number == 0 {
            return Ok(0);
        }
        // Those skipped when a `.pbt` was written are not among its records.
        let is_stored = self.store().is_some();
        let mut left = number;
        let nature = self.list(StoredPages::Split, number, |_, record| {
            left -= 1;
            Ok::<_, TraceError>((sink(record) && left > 0).then_some(left))
        })?;
        Ok(if is_stored { 0 } else { nature.skipped })
    }

    /// Calls `sink` with all accesses and events, see [`TraceSource::list`]. The pages of one access of a
    /// stored trace are joined.
    pub(in crate::trace) fn accesses<E: From<TraceError>>(
        self,
        sink: impl FnMut(&Nature, Record<'_>) -> Result<Option<u64>, E>,
    ) -> Result<Nature, E> {
        let first = self.options.selection.wanted().max(1);
        self.list(StoredPages::Joined, first, sink)
    }

    /// Calls `sink` with the accesses and events as the file states them, in order, and with the
    /// metadata known so far. `sink` returns how many more references are wanted at least, or `None`
    /// to end; `first` is that number at first. Returns the metadata known after the last reference
    /// wanted.
    fn list<E: From<TraceError>>(
        self,
        pages: StoredPages,
        first: u64,
        mut sink: impl FnMut(&Nature, Record<'_>) -> Result<Option<u64>, E>,
    ) -> Result<Nature, E> {
        let asked = self.options.kind;
        match self.content {
            Content::Records(mut reader, kind) => {
                let nature = |known: Known| Nature {
                    kind: asked.or(known.kind).unwrap_or(kind),
                    addressing: known.addressing,
                    skipped: known.skipped,
                    chosen: known.chosen,
                };
                let has_events = reader.has_events();
                let first = stream::wanted(first, has_events);
                let known = stream::list_records(&mut *reader, first, |known, record| {
                    let wanted = sink(&nature(known), record)?;
                    let wanted = wanted.map(|more| stream::wanted(more, has_events));
                    Ok::<_, E>(wanted.unwrap_or(Wanted::Nothing))
                })?;
                unchanged(&self.path, self.file.as_deref())?;
                Ok(nature(known))
            }
            Content::Stored(store) => {
                let nature = Nature {
                    kind: asked.unwrap_or(store.meta.kind),
                    addressing: store.meta.addressing,
                    skipped: store.meta.skipped,
                    chosen: Chosen::of_format(&store.meta.format).1,
                };
                stream::list_stored(&store, pages, |record| {
                    let wanted = sink(&nature, record)?;
                    Ok::<_, E>(wanted.map_or(Flow::Done, |_| Flow::More))
                })?;
                Ok(nature)
            }
        }
    }

    /// Returns the file as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the part of the trace that is taken.
    pub fn selection(&self) -> &Selection {
        &self.options.selection
    }
}

/// Errors if `file`, the one at `path`, changed since it was opened.
fn unchanged(path: &Path, file: Option<&WatchedFile>) -> Result<(), TraceError> {
    let unchanged = file.map_or(Ok(()), WatchedFile::unchanged);
    unchanged.map_err(|changed| codec::changed_error(path, &changed))
}

/// Unpacked bytes that a compressed `.pbt` may have whatever its size, and for each byte of its size. It
/// is compressed as it is: only the blocks of traces that repeat themselves shrink once more.
const STORED_ANYWAY: u64 = 32 << 20;
const STORED_TIMES: u64 = 32;

/// Reads a `.pbt` that begins with `head` and is compressed or comes through a pipe.
fn read_stored(
    path: &Path,
    head: Vec<u8>,
    input: &mut codec::Input,
) -> Result<Vec<u8>, TraceError> {
    let mut bytes = head;
    loop {
        let fail = |e| codec::read_error(path, e);
        let read = input.reader.by_ref().take(1 << 20).read_to_end(&mut bytes);
        if read.map_err(fail)? == 0 {
            return Ok(bytes);
        }
        let packed = input.packed_bytes.load(Ordering::Relaxed);
        let allowed = packed.saturating_mul(STORED_TIMES) + STORED_ANYWAY;
        if bytes.len() as u64 > allowed {
            let (allowed, codec) = (show_bytes(allowed), input.codec);
            let what = format!(
                "the {codec} stream holds a .pbt of more than {allowed}, out of {} read",
                show_bytes(packed)
            );
            return Err(TraceError::new(path, what).help("decompress it first"));
        }
    }
}

/// Errors if lines of a stored trace are to be chosen or explained: it has none.
fn check_lines_option(path: &Path, options: &LoadOptions) -> Result<(), TraceError> {
    match options.read.lines_option() {
        Some(option) => Err(no_columns(path, PBT, option)),
        None => Ok(()),
    }
}

/// Returns the error for a file that should be a `.pbt` and begins with `head`.
fn no_pbt(path: &Path, head: &[u8]) -> TraceError {
    let what = match head.len() {
        0 => "the file is empty",
        _ => "this is no .pbt file",
    };
    TraceError::new(path, what)
        .at(Position::Byte(0))
        .text(head)
        .help("leave --format out to have the format guessed")
}

/// Returns whether a regular file begins as a `.pbt`. Does not look at a pipe, since bytes read from
/// it are gone.
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

/// Errors if a trace of page ids is asked for with a page size: ids are pages whatever the size.
pub(in crate::trace) fn check_ids(
    path: &Path,
    addressing: Addressing,
    asked: Option<PageSize>,
) -> Result<(), TraceError> {
    match (addressing, asked) {
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
    load_source(TraceSource::open(path, options)?)
}

/// Loads an opened trace into memory, or leaves it in its file if it needs too much (see
/// [`LoadOptions::mem_limit`]).
pub fn load_source(source: TraceSource) -> Result<Trace, TraceError> {
    let page_size = source.page_size()?;
    let options = source.options.clone();
    if let Content::Stored(store) = source.content {
        let needs = store.memory();
        if let Some(limit) = options.mem_limit.filter(|&limit| needs > limit) {
            return keep_in_file(*store, page_size, &options, limit);
        }
        if store.meta.page_size == page_size && options.selection.is_all() {
            return Ok(overridden(Trace::load(*store)?, &options));
        }
        return collect(TraceSource {
            content: Content::Stored(store),
            ..source
        });
    }
    collect(source)
}

/// Sets the name and kind asked for.
fn overridden(mut trace: Trace, options: &LoadOptions) -> Trace {
    if let Some(name) = &options.name {
        trace.meta.name = plain_name(name).into_owned();
    }
    trace.meta.kind = options.kind.unwrap_or(trace.meta.kind);
    trace
}

/// Returns a trace that stays in its file, because it needs more memory than `limit`. Errors if what
/// was asked for needs it in memory.
fn keep_in_file(
    store: Store,
    page_size: PageSize,
    options: &LoadOptions,
    limit: u64,
) -> Result<Trace, TraceError> {
    let why_not = if !options.selection.is_all() {
        Some("a part of a trace can only be selected in memory")
    } else if page_size != store.meta.page_size {
        Some("other page sizes can only be derived in memory")
    } else if !store.events.is_empty() {
        Some(NO_EVENTS_IN_FILES)
    } else {
        None
    };
    match why_not {
        Some(why_not) => Err(needs_memory(store.path(), store.memory(), limit, why_not)),
        None => Ok(overridden(Trace::stored(store), options)),
    }
}

/// Returns the error for a trace that needs `needs` bytes of memory, though it may take only `limit`.
fn needs_memory(path: &Path, needs: u64, limit: u64, why_not: &str) -> TraceError {
    let (needs, limit) = (show_bytes(needs), show_bytes(limit));
    let what = format!("needs {needs} of memory (--mem-limit is {limit}), and {why_not}");
    let help = "raise --mem-limit, or write the part you need to a file of its own with \
                pagebench convert";
    TraceError::new(path, what).help(help)
}

/// Loads a stored trace as it is, or leaves it in its file if it needs too much memory.
pub fn load_kept(store: Store, options: &LoadOptions) -> Result<Trace, TraceError> {
    let needs = store.memory();
    let page_size = options.page_size.unwrap_or(store.meta.page_size);
    match options.mem_limit.filter(|&limit| needs > limit) {
        Some(limit) => keep_in_file(store, page_size, options, limit),
        None => Ok(overridden(Trace::load(store)?, options)),
    }
}

/// Loads an opened trace, and passes it to the sink `also` on the way. It goes into a temporary file if
/// it needs too much memory.
pub fn load_and(source: TraceSource, also: &mut impl Sink) -> Result<Trace, TraceError> {
    keep(source, |source, spill| {
        source.stream(&mut Both(spill, also))
    })
}

fn collect(source: TraceSource) -> Result<Trace, TraceError> {
    keep(source, |source, spill| source.stream(spill))
}

/// Returns the trace that `stream` passes to a sink of the memory that `source` may take. As a list of
/// bursts it may fit though its references one by one do not.
fn keep(
    source: TraceSource,
    stream: impl FnOnce(TraceSource, &mut Spill) -> Result<(Meta, Dictionary), TraceError>,
) -> Result<Trace, TraceError> {
    let (path, limit) = (source.path.clone(), source.options.mem_limit);
    let mut spill = Spill::new(limit);
    let (meta, dictionary) = stream(source, &mut spill)?;
    let (store, events) = match spill.finish(meta, dictionary)? {
        Kept::InMemory(trace) => return Ok(*trace),
        Kept::InFile(store, events) => (*store, events),
    };
    match limit.filter(|&limit| store.memory() > limit) {
        None => Ok(Trace::load(store)?.with_events(events)),
        Some(_) if events.is_empty() => Ok(Trace::stored(store)),
        Some(limit) => Err(needs_memory(
            &path,
            store.memory(),
            limit,
            NO_EVENTS_IN_FILES,
        )),
    }
}

/// Why a trace with events cannot stay in its file.
const NO_EVENTS_IN_FILES: &str = "events of address spaces can only be followed in memory";

/// Returns a trace of the same accesses with coarser pages, from one already in memory. `path` is for
/// messages. Errors if the trace stays in its file, or if it holds page ids.
pub fn coarsen(trace: &Trace, page_size: PageSize, path: &Path) -> Result<Trace, TraceError> {
    check_ids(path, trace.meta.addressing, Some(page_size))?;
    if trace.store().is_some() {
        let what = "exceeds --mem-limit, and other page sizes can only be derived in memory";
        let help = "raise --mem-limit, or convert it with --page-size first";
        return Err(TraceError::new(path, what).help(help));
    }
    stream::coarsened(path, trace, page_size)
}

/// Returns the error for a whole trace without any reference.
pub fn no_reference(path: &Path, meta: &Meta) -> TraceError {
    no_reference_of(path, meta.skipped)
}

/// Like [`no_reference`], given how many bad records were skipped.
pub(in crate::trace) fn no_reference_of(path: &Path, skipped: u64) -> TraceError {
    let what = match skipped {
        0 => "the trace holds no reference".to_owned(),
        bad => format!("no valid reference: {bad} records were skipped as bad"),
    };
    TraceError::new(path, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::SystemTime;

    /// Text of 3 MB: longer than what is read at opening.
    fn text() -> Vec<u8> {
        let lines = (0..200_000).map(|line| format!("R {:x} 8\n", 0x10_0000 + line * 1000));
        let text: String = std::iter::once("# pagebench trace 1\n".to_owned())
            .chain(lines)
            .collect();
        text.into_bytes()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        // Not compressed, so that the file is longer than what is read at opening.
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn a_text_that_changes_while_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let few = LoadOptions {
            selection: Selection {
                limit: Some(10),
                ..Selection::default()
            },
            ..LoadOptions::default()
        };
        for (name, bytes) in [("t.txt", text()), ("t.txt.gz", gzip(&text()))] {
            let path = folder.path().join(name);
            // At the end of a line, so that the rest is a good trace.
            let cut = bytes[..2_000_000].iter().rposition(|&b| b == b'\n');
            for (length, how) in [
                (cut.unwrap() + 1, "was cut from"),
                (bytes.len(), "written to"),
            ] {
                for options in [&LoadOptions::default(), &few] {
                    std::fs::write(&path, &bytes).unwrap();
                    let source = TraceSource::open(&path, options).unwrap();
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_len(length as u64).unwrap();
                    // Long ago, so that no coarse clock hides the change.
                    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
                    let error = load_source(source).unwrap_err();
                    assert!(!error.is_io());
                    let text = error.to_string();
                    assert!(text.contains(how) && text.contains(name), "{text}");
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(load(&path, &LoadOptions::default()).unwrap().len(), 200_000);
        }
    }
}
