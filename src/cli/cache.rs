//! The cache of traces: what was read of a large file that is no `.pbt` is kept as one, so that it
//! is parsed once. A kept trace is found by the content of the file and by everything that says how
//! it was read, never by name or time; it can be missing but not out of date.
//!
//! Knows where kept traces lie and when they are used. Nothing here is ever an error: what cannot
//! be kept or used is said in a line, and the file is read.

use super::args::CacheArgs;
use super::progress::note;
use crate::report::file::WholeFile;
use crate::trace::TraceError;
use crate::trace::dense::Trace;
use crate::trace::error::Cause;
use crate::trace::source::{self, LoadOptions, Source};
use crate::trace::store::{self, Store, Writer};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Smaller files, as they lie on the disk, are read as fast as they are found in the cache.
const BYTES_MIN: u64 = 4 << 20;

/// To be raised when the same version of the program comes to read a file differently.
const READING: u32 = 1;

/// zstd's level of kept traces: they are written once per file, while somebody waits.
const LEVEL: i32 = 1;

/// A folder of kept traces.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The folder that was asked for, or that of the user; `None` where there is none.
    pub fn of(args: &CacheArgs) -> Option<Cache> {
        if args.no_cache {
            return None;
        }
        let folder = args.cache.clone().or_else(default_folder)?;
        Some(Cache { folder })
    }

    /// The kept trace, or the trace from its file, which is then kept if it is worth it.
    pub fn load(
        &self,
        source: Source,
        path: &Path,
        options: &LoadOptions,
    ) -> Result<Trace, TraceError> {
        let Some((key, state)) = self.key(&source, path, options) else {
            return source::load_source(source);
        };
        let file = self.folder.join(format!("{key:032x}.pbt"));
        match Store::open(&file).and_then(Store::load) {
            Ok(mut trace) => {
                trace.meta.name = source.name();
                let folder = self.folder.display();
                self.tell(path, &format!("taken from the cache in {folder}"));
                return Ok(trace);
            }
            Err(error) if is_not_found(&error) => {}
            Err(error) => {
                let (file, what) = (file.display(), error.what);
                let what = format!("{file} is not used, but replaced: {what}");
                self.tell(path, &what);
            }
        }
        // Written while it is read, as nobody knows yet whether it can be kept.
        let writer = self.begin(&file);
        let (trace, writer) = match writer {
            Ok(mut writer) => (source::load_and(source, &mut writer)?, Ok(writer)),
            Err(error) => (source::load_source(source)?, Err(error)),
        };
        // Lines are not stored, and messages about events name them; and what was changed while it
        // was read is not what the key says.
        let as_stored = trace.events.iter().all(|event| event.line == 0);
        if as_stored
            && !trace.is_empty()
            && state_of(path).is_some_and(|now| now == state)
            && let Err(error) = writer.and_then(|writer| end(writer, &trace))
        {
            let folder = self.folder.display();
            self.tell(path, &format!("not kept in the cache in {folder}: {error}"));
        }
        Ok(trace)
    }

    /// What the kept trace is called, and the state of the file then; `None` where none is kept:
    /// pipes, stored traces, small files, parts of traces.
    fn key(
        &self,
        source: &Source,
        path: &Path,
        options: &LoadOptions,
    ) -> Option<(u128, FileState)> {
        if source.store().is_some() || path == Path::new("-") || !options.selection.is_all() {
            return None;
        }
        let state = state_of(path).filter(|state| state.0 >= BYTES_MIN)?;
        let page_size = source.page_size().ok()?;
        let how = format!(
            "{} {:?} {} {:?} {} {READING} {}",
            source.format,
            options.read,
            page_size.shift(),
            options.kind,
            store::VERSION,
            env!("CARGO_PKG_VERSION"),
        );
        let mut hash = content_hash(path).ok()?;
        hash.update(&state.0.to_le_bytes());
        hash.update(how.as_bytes());
        Some((hash.digest128(), state))
    }

    /// Begins a kept trace. Dropped without [`end`] it leaves nothing behind.
    fn begin(&self, file: &Path) -> io::Result<Writer<BufWriter<WholeFile>>> {
        std::fs::create_dir_all(&self.folder)?;
        let out = BufWriter::with_capacity(1 << 18, WholeFile::create(file)?);
        Writer::new(out, LEVEL)
    }

    fn tell(&self, path: &Path, what: &str) {
        note(&format!("{}: {what}", path.display()));
    }
}

/// Keeps what was written, which is this trace. Its digest is then known.
fn end(writer: Writer<BufWriter<WholeFile>>, trace: &Trace) -> io::Result<()> {
    let (out, summary) = writer.finish(&trace.meta, &trace.dictionary)?;
    trace.know_digest(summary.digest);
    out.into_inner().map_err(|e| e.into_error())?.finish()
}

/// The trace, from the cache if there is one.
pub fn load(
    cache: Option<&Cache>,
    source: Source,
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

/// Size in bytes and time of change.
type FileState = (u64, Option<std::time::SystemTime>);

/// The state of a regular file.
fn state_of(path: &Path) -> Option<FileState> {
    let meta = std::fs::metadata(path).ok()?;
    meta.is_file().then(|| (meta.len(), meta.modified().ok()))
}

/// The hash of the bytes of a file, as they lie on the disk.
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

/// `$XDG_CACHE_HOME/pagebench`, or `~/.cache/pagebench`. Relative values are void.
fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let value = PathBuf::from(std::env::var_os(name)?);
        value.is_absolute().then_some(value)
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("pagebench"))
}
