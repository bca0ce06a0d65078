//! The cache of parsed traces. A large file that is no `.pbt` is kept as one, so that it is parsed once.
//! The key is the content of the file and everything that decides how it is read, never a name or a
//! time: an entry can be missing but not out of date.
//!
//! The cache never causes an error: a note tells what cannot be kept or used, and the file is read.

use super::progress::note;
use crate::cli::args::CacheArgs;
use crate::report::lock::{FileLock, LockError};
use crate::report::whole_file::WholeFile;
use crate::trace::TraceError;
use crate::trace::model::dense::Trace;
use crate::trace::model::error::Cause;
use crate::trace::model::source;
use crate::trace::model::source::{LoadOptions, TraceSource};
use crate::trace::store::{self, Store, Writer};
use crate::units::Printable;
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The smallest file that is kept, in bytes on the disk. Parsing a smaller one takes no longer than
/// finding it in the cache.
const BYTES_MIN: u64 = 4 << 20;

/// Part of the key. Raise it when the same version of the program starts to read a file differently.
const PARSER_REVISION: u32 = 2;

/// The zstd level of kept traces: fast, since the user waits while they are written.
const LEVEL: i32 = 1;

/// A folder of kept traces.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Returns the cache in the folder that `args` name, else in the user's; `None` if there is neither,
    /// or with `--no-cache`.
    pub fn of(args: &CacheArgs) -> Option<Cache> {
        if args.no_cache {
            return None;
        }
        let folder = args.cache.clone().or_else(default_folder)?;
        Some(Cache { folder })
    }

    /// Returns the kept trace, or reads the file and keeps the trace if that pays off.
    pub fn load(
        &self,
        source: TraceSource,
        path: &Path,
        options: &LoadOptions,
    ) -> Result<Trace, TraceError> {
        let Some((key, state)) = self.key(&source, path, options) else {
            return source::load_source(source);
        };
        let file = self.folder.join(format!("{key:032x}.pbt"));
        // Opening a pipe or a socket could wait without end.
        if file.exists() && !file.is_file() {
            let what = format!("{} is not used: no regular file", file.printed());
            note_of(path, &what);
            return source::load_source(source);
        }
        match Store::open(&file).and_then(|store| source::load_kept(store, options)) {
            Ok(mut trace) => {
                trace.meta.name = source.name();
                let folder = self.folder.printed();
                note_of(path, &format!("taken from the cache in {folder}"));
                return Ok(trace);
            }
            Err(error) if is_not_found(&error) => {}
            Err(error) => {
                let (file, what) = (file.printed(), error.what);
                let what = format!("{file} is not used, but replaced: {what}");
                note_of(path, &what);
            }
        }
        // Another process that keeps the same trace suffices: this one reads the file and keeps nothing.
        let Some(_lock) = self.lock(key) else {
            return source::load_source(source);
        };
        // Written while the file is read: whether the trace can be kept is known only afterwards.
        let writer = self.begin(&file);
        let (trace, writer) = match writer {
            Ok(mut writer) => (source::load_and(source, &mut writer)?, Ok(writer)),
            Err(error) => (source::load_source(source)?, Err(error)),
        };
        // Not kept: a trace whose events have line numbers, which messages name and a .pbt does not
        // hold; and a file that changed while it was read, which the key does not describe.
        let as_stored = trace.events.iter().all(|event| event.line == 0);
        if as_stored
            && !trace.is_empty()
            && state_of(path).is_some_and(|now| now == state)
            && let Err(error) = writer.and_then(|writer| end(writer, &trace))
        {
            let folder = self.folder.printed();
            note_of(path, &format!("not kept in the cache in {folder}: {error}"));
        }
        Ok(trace)
    }

    /// Returns the key of the kept trace and the state of the file now; `None` for inputs that are not
    /// kept: pipes, stored traces, small files, parts of traces.
    fn key(
        &self,
        source: &TraceSource,
        path: &Path,
        options: &LoadOptions,
    ) -> Option<(u128, FileState)> {
        if source.store().is_some() || path == Path::new("-") || !options.selection.is_all() {
            return None;
        }
        let state = state_of(path).filter(|state| state.bytes >= BYTES_MIN)?;
        let page_size = source.page_size().ok()?;
        let how = format!(
            "{} {:?} {} {:?} {} {PARSER_REVISION} {}",
            source.format,
            options.read,
            page_size.shift(),
            options.kind,
            store::VERSION,
            env!("CARGO_PKG_VERSION"),
        );
        let mut hash = content_hash(path).ok()?;
        hash.update(&state.bytes.to_le_bytes());
        hash.update(how.as_bytes());
        Some((hash.digest128(), state))
    }

    /// Locks the kept trace with this key; `None` if another process is writing it.
    fn lock(&self, key: u128) -> Option<Result<FileLock, LockError>> {
        // The folder may be missing, or no folder: `begin` then says why.
        let _ = std::fs::create_dir_all(&self.folder);
        let path = self.folder.join(format!(".pagebench-{key:032x}.tmp"));
        match FileLock::take(&path) {
            Err(LockError::Held(_)) => None,
            taken => Some(taken),
        }
    }

    /// Begins a kept trace. Without [`end`] it leaves nothing behind.
    fn begin(&self, file: &Path) -> io::Result<Writer<BufWriter<WholeFile>>> {
        std::fs::create_dir_all(&self.folder)?;
        let out = BufWriter::with_capacity(1 << 18, WholeFile::create(file)?);
        Writer::new(out, LEVEL)
    }
}

fn note_of(path: &Path, what: &str) {
    note(&format!("{}: {what}", path.printed()));
}

/// Finishes a kept trace, and gives `trace` the digest that was computed on the way.
fn end(writer: Writer<BufWriter<WholeFile>>, trace: &Trace) -> io::Result<()> {
    let (out, summary) = writer.finish(&trace.meta, &trace.dictionary)?;
    trace.set_digest(summary.digest);
    out.into_inner().map_err(|e| e.into_error())?.finish()
}

/// Reads a trace, through the cache if there is one.
pub fn load(
    cache: Option<&Cache>,
    source: TraceSource,
    path: &Path,
    options: &LoadOptions,
) -> Result<Trace, TraceError> {
    match cache {
        Some(cache) => cache.load(source, path, options),
        None => source::load_source(source),
    }
}

fn is_not_found(error: &TraceError) -> bool {
    matches!(&error.cause, Cause::Io(e) if e.kind() == io::ErrorKind::NotFound)
}

/// What changes when a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    modified: Option<std::time::SystemTime>,
}

/// Returns the state of a regular file; `None` for anything else.
fn state_of(path: &Path) -> Option<FileState> {
    let meta = std::fs::metadata(path).ok()?;
    meta.is_file().then(|| FileState {
        bytes: meta.len(),
        modified: meta.modified().ok(),
    })
}

/// Returns a hash of the bytes of a file, as they are on the disk.
fn content_hash(path: &Path) -> io::Result<Xxh3> {
    let mut file = File::open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Returns `$XDG_CACHE_HOME/pagebench`, or `~/.cache/pagebench`. Relative values are ignored.
fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let value = PathBuf::from(std::env::var_os(name)?);
        value.is_absolute().then_some(value)
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("pagebench"))
}
